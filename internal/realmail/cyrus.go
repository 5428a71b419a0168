//go:build linux

package realmail

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const cyrusConf = `configdirectory: %[1]s/lib
proc_path: %[1]s/run/proc
mboxname_lockpath: %[1]s/run/lock
defaultpartition: default
partition-default: %[1]s/spool
altnamespace: no
unixhierarchysep: no
autocreate_quota: 0
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: %[1]s/lib/sasldb2
sasl_mech_list: PLAIN LOGIN
syslog_prefix: cyrus
idlesocket: %[1]s/run/idle
notifysocket: %[1]s/run/notify
`

const cyrusServices = `START {
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C %[1]s/etc/imapd.conf -r"
}
SERVICES {
  imap cmd="/usr/lib/cyrus/bin/imapd -C %[1]s/etc/imapd.conf" listen="127.0.0.1:%[2]d" prefork=0
}
`

const cyrusRun = `set -e
export LD_LIBRARY_PATH="$0/lib/x86_64-linux-gnu"
printf %s "$2" | saslpasswd2 -p -c -f "$1/lib/sasldb2" -u "$(uname -n)" "$3"
chown -R 50104:8 "$1/lib" "$1/run" "$1/spool"
cd /
exec /usr/lib/cyrus/bin/master -C "$1/etc/imapd.conf" -M "$1/etc/cyrus.conf" -p "$1/run/master.pid" -D >"$1/log" 2>&1
`

// CyrusBox is a mailbox of a Cyrus.
type CyrusBox struct {
	Address        string
	user, password string
	t              testing.TB
}

// Cyrus runs one that knows a user by a password. It has MOVE, and its folders lie
// below INBOX. It needs root, for it changes to a user of its own.
func Cyrus(t testing.TB, user, password string) *CyrusBox {
	t.Helper()
	run := Unpacked(t, "cyrus")
	dir := relayDir(t, "cyrus", "cyrus:x:50104:8::/:/bin/false", "")
	for sub := range strings.FieldsSeq("run run/proc run/lock lib/db lib/msg lib/proc lib/socket lib/user lib/quota lib/log") {
		check(t, os.MkdirAll(filepath.Join(dir, sub), 0o755))
	}
	port := FreePort(t)
	check(t, os.WriteFile(filepath.Join(dir, "etc", "imapd.conf"), fmt.Appendf(nil, cyrusConf, dir), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "etc", "cyrus.conf"), fmt.Appendf(nil, cyrusServices, dir, port), 0o644))
	c := &CyrusBox{Address: fmt.Sprintf("127.0.0.1:%d", port), user: user, password: password, t: t}
	cmd := run("bash", "-c", cyrusRun, filepath.Join(cache(t), "root"), dir, password, user)
	cmd.Env = append(os.Environ(), fmt.Sprintf("UNPACKED_BIND=%[1]s/passwd:/etc/passwd", dir))
	Serve(t, cmd, c.Address, filepath.Join(dir, "log"))
	return c
}

// talk logs in, sends commands and gives what the server said to all of them; a
// command with a mail has it behind a line's end.
func (c *CyrusBox) talk(commands ...string) string {
	c.t.Helper()
	conn, err := net.DialTimeout("tcp", c.Address, 10*time.Second)
	check(c.t, err)
	defer conn.Close()
	check(c.t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	r, said := bufio.NewReader(conn), ""
	until := func(prefixes ...string) {
		for {
			line, err := r.ReadString('\n')
			check(c.t, err)
			said += line
			for _, p := range prefixes {
				if strings.HasPrefix(line, p) {
					return
				}
			}
		}
	}
	until("* OK")
	for i, command := range append([]string{"LOGIN " + c.user + " " + c.password}, commands...) {
		tag := fmt.Sprintf("a%d ", i)
		head, mail, has := strings.Cut(command, "\n")
		_, err := fmt.Fprintf(conn, "%s%s\r\n", tag, head)
		check(c.t, err)
		if has {
			until("+ ")
			_, err := fmt.Fprintf(conn, "%s\r\n", mail)
			check(c.t, err)
		}
		until(tag)
	}
	return said
}

// Deliver puts a mail into the mailbox.
func (c *CyrusBox) Deliver(raw string) {
	c.t.Helper()
	c.talk(fmt.Sprintf("APPEND INBOX {%d}\n%s", len(raw), raw))
}

// Folder makes a folder of this full name.
func (c *CyrusBox) Folder(name string) { c.talk("CREATE " + name) }

var messages = regexp.MustCompile(`MESSAGES (\d+)`)

// Count is how many mails a folder of this full name holds.
func (c *CyrusBox) Count(folder string) int {
	c.t.Helper()
	m := messages.FindStringSubmatch(c.talk("STATUS " + folder + " (MESSAGES)"))
	if m == nil {
		return -1
	}
	n, _ := strconv.Atoi(m[1])
	return n
}
