//go:build linux

package realmail

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const eximConf = `primary_hostname = mx.msp.example
spool_directory = %[1]s/spool
log_file_path = %[1]s/spool/log-%%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = %[2]s
%[4]shost_lookup =
tls_advertise_hosts =
rfc1413_query_timeout = 0s
smtp_accept_max = 0
keep_environment =
begin acl
%[5]sbegin routers
door:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = door
begin transports
door:
  driver = smtp
  port = %[3]s
  allow_localhost
begin retry
* * F,1h,1s
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth3}{correct}}
`

// Exim runs one that passes all that it is given on to the next server, and gives
// its address. It needs root, for it changes to a user of its own.
func Exim(t testing.TB, next string) string { return EximDoors(t, next, nil)[""] }

// EximDoors runs one as Exim does, with further addresses at which it has something
// against its guests: by door the bodies of ACLs by phase (connect, helo, mail, rcpt,
// predata, data), and main options, whose values it expands.
func EximDoors(t testing.TB, next string, doors map[string]map[string]string) map[string]string {
	t.Helper()
	run := Unpacked(t, "exim")
	dir := relayDir(t, "exim", "Debian-exim:x:50101:50101::/:/bin/false", "Debian-exim:x:50101:")
	phases := strings.Fields("connect helo auth mail rcpt predata data")
	var options, acls strings.Builder
	for _, phase := range phases {
		fmt.Fprintf(&options, "acl_smtp_%[1]s = %[1]s_$received_port\n", phase)
	}
	ports, out := []string{}, map[string]string{}
	for door, asks := range withFirst(doors) {
		port := strconv.Itoa(FreePort(t))
		ports, out[door] = append(ports, port), "127.0.0.1:"+port
		for _, phase := range phases {
			fmt.Fprintf(&acls, "%s_%s:\n  %s\n", phase, port, cmp.Or(asks[phase], "accept"))
		}
	}
	_, nextPort, err := net.SplitHostPort(next)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "etc", "exim4.conf"), fmt.Appendf(nil, eximConf, dir, strings.Join(ports, " : "), nextPort, options.String(), acls.String()), 0o644))
	check(t, os.Chown(filepath.Join(dir, "spool"), 50101, 50101))
	cmd := run("exim4", "-bdf", "-q2s")
	cmd.Env = append(os.Environ(), relayBinds(dir, "/etc/exim4"))
	Serve(t, cmd, out[""], filepath.Join(dir, "spool", "log-mainlog"))
	return out
}

// withFirst adds the door at which nothing is asked.
func withFirst[T any](doors map[string]T) map[string]T {
	all := maps.Clone(doors)
	if all == nil {
		all = map[string]T{}
	}
	var none T
	all[""] = none
	return all
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
myhostname = mx.msp.example
myorigin = msp.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:%[2]s
maillog_file_prefixes = /tmp
maillog_file = %[1]s/log
smtpd_peername_lookup = no
disable_dns_lookups = yes
import_environment = MAIL_CONFIG
minimal_backoff_time = 300s
queue_run_delay = 300s
`

const postfixMaster = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// Postfix runs one that passes all that it is given on to the next server, and
// gives its address. It needs root, as Exim does.
func Postfix(t testing.TB, next string) string { return PostfixDoors(t, next, nil)[""] }

// PostfixDoors runs one as Postfix does, with further addresses at which it has
// something against its guests: by door the settings of its smtpd, and one of its
// cleanup as it stands in main.cf.
func PostfixDoors(t testing.TB, next string, doors map[string]map[string]string) map[string]string {
	t.Helper()
	run := Unpacked(t, "postfix")
	dir := relayDir(t, "postfix", "postfix:x:50102:50102::/:/bin/false", "postfix:x:50102:\npostdrop:x:50103:")
	for sub := range strings.FieldsSeq("active bounce corrupt defer deferred flush hold incoming private saved trace public maildrop") {
		check(t, os.Mkdir(filepath.Join(dir, "spool", sub), 0o777))
		check(t, os.Chown(filepath.Join(dir, "spool", sub), 50102, 50103))
	}
	check(t, os.Mkdir(filepath.Join(dir, "spool", "pid"), 0o755))
	check(t, os.Mkdir(filepath.Join(dir, "data"), 0o755))
	check(t, os.Chown(filepath.Join(dir, "data"), 50102, 50102))
	var listeners strings.Builder
	out := map[string]string{}
	for door, settings := range withFirst(doors) {
		port := FreePort(t)
		out[door] = fmt.Sprintf("127.0.0.1:%d", port)
		fmt.Fprintf(&listeners, "%s inet n - n - - smtpd\n", out[door])
		own := settings["cleanup"] // for a service of its own
		if own != "" {
			own = fmt.Sprintf("cleanup%d unix n - n - 0 cleanup\n  -o { %s }\n", port, own)
			fmt.Fprintf(&listeners, "  -o cleanup_service_name=cleanup%d\n", port)
		}
		for name, value := range settings {
			if name != "cleanup" {
				fmt.Fprintf(&listeners, "  -o { %s = %s }\n", name, value)
			}
		}
		listeners.WriteString(own)
	}
	_, nextPort, err := net.SplitHostPort(next)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "etc", "main.cf"), fmt.Appendf(nil, postfixMain, dir, nextPort), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "etc", "master.cf"), []byte(listeners.String()+postfixMaster), 0o644))
	cmd := run("/usr/lib/postfix/sbin/master", "-d", "-c", "/etc/postfix")
	cmd.Env = append(os.Environ(), relayBinds(dir, "/etc/postfix"), "MAIL_CONFIG=/etc/postfix")
	Serve(t, cmd, out[""], filepath.Join(dir, "log"))
	return out
}

// relayDir makes the folder of a server, with an account of its own.
func relayDir(t testing.TB, name, user, groups string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("SKIPPED: %s was not run: it needs root", name)
	}
	dir, err := os.MkdirTemp("/tmp", name) // short: it holds sockets
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o755))
	for _, sub := range []string{"etc", "spool"} {
		check(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	for file, more := range map[string]string{"passwd": user, "group": groups} {
		have, err := os.ReadFile("/etc/" + file)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, file), append(have, more+"\n"...), 0o644))
	}
	return dir
}

func relayBinds(dir, etc string) string {
	return fmt.Sprintf("UNPACKED_BIND=%[1]s/etc:%[2]s %[1]s/passwd:/etc/passwd %[1]s/group:/etc/group", dir, etc)
}
