//go:build linux

// Package realmail runs mail servers of Debian's packages for tests, as a user
// without rights.
package realmail

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/internal/checkout"
)

// Unpacked gives a program of Debian's packages that runs as if it were installed,
// or skips: the long form of the tests (make real-mail) alone fetches them.
func Unpacked(t testing.TB, tool string) func(program string, arguments ...string) *exec.Cmd {
	t.Helper()
	if os.Getenv("VIGIE_REAL_MAIL") == "" {
		t.Skip("SKIPPED: real mail servers run in make real-mail only")
	}
	cache := cache(t)
	tools := filepath.Join(filepath.Dir(filepath.Dir(cache)), "tools")
	if out, err := exec.CommandContext(t.Context(), filepath.Join(tools, "debian"), cache, tool).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: %s was not run: %v\n%s", tool, err, out)
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(tools, "unpacked"), cache, "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: %s was not run: this machine lets us have no mount namespace: %v\n%s", tool, err, out)
	}
	return func(program string, arguments ...string) *exec.Cmd {
		return exec.Command(filepath.Join(tools, "unpacked"), append([]string{cache, program}, arguments...)...)
	}
}

// cache is where Debian's packages are unpacked.
func cache(t testing.TB) string {
	t.Helper()
	root, err := checkout.Root()
	check(t, err)
	return filepath.Join(root, ".cache", "debian")
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// FreePort gives a port of loopback that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Serve runs a server until the test ends, and waits until it answers.
func Serve(t testing.TB, cmd *exec.Cmd, address, log string) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	check(t, cmd.Start())
	t.Cleanup(func() { stop(cmd) })
	for range 100 {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	said, _ := os.ReadFile(log)
	t.Fatalf("nothing answers at %s\n%s", address, said)
}

const dovecotConf = `base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain %[4]s
mail_location = maildir:%[1]s/home/%%u
%[5]spassdb {
  driver = static
  args = password=%[3]s
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[1]s/home/%%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[2]d
  }
  inet_listener imaps {
    port = 0
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = %[6]d
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`

// oauth2Conf has it ask a server about tokens.
const oauth2Conf = `passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = %s/oauth2.conf
}
`

// Maildir is a mailbox of a Dovecot, into which mails are put as a delivery does.
type Maildir struct {
	Address string // of the IMAP server
	Auth    string // where other servers ask whether a password is right
	Dir     string
	t       testing.TB
	n       int
}

// Dovecot runs one that knows anybody by one password, and by the tokens that a
// server at the address introspect vouches for, unless that is empty.
func Dovecot(t testing.TB, user, password, introspect string) *Maildir {
	t.Helper()
	run := Unpacked(t, "dovecot")
	dir, err := os.MkdirTemp("/tmp", "dovecot") // short: it holds sockets
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o755))
	check(t, os.Mkdir(filepath.Join(dir, "home"), 0o777))
	check(t, os.Chmod(filepath.Join(dir, "home"), 0o777))
	port, auth := FreePort(t), FreePort(t)
	d := &Maildir{t: t, Dir: filepath.Join(dir, "home", user), Address: fmt.Sprintf("127.0.0.1:%d", port), Auth: fmt.Sprintf("127.0.0.1:%d", auth)}
	mechanisms, tokens := "", ""
	if introspect != "" {
		mechanisms, tokens = "xoauth2 oauthbearer", fmt.Sprintf(oauth2Conf, dir)
		check(t, os.WriteFile(filepath.Join(dir, "oauth2.conf"),
			[]byte("introspection_mode = post\nintrospection_url = "+introspect+"/introspect\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n"), 0o644))
	}
	check(t, os.WriteFile(filepath.Join(dir, "dovecot.conf"), fmt.Appendf(nil, dovecotConf, dir, port, password, mechanisms, tokens, auth), 0o644))
	Serve(t, run("/usr/sbin/dovecot", "-F", "-c", filepath.Join(dir, "dovecot.conf")), d.Address, filepath.Join(dir, "log"))
	return d
}

// Deliver puts a mail into the mailbox.
func (d *Maildir) Deliver(raw string) {
	d.t.Helper()
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		check(d.t, os.MkdirAll(filepath.Join(d.Dir, sub), 0o777))
		check(d.t, os.Chmod(filepath.Join(d.Dir, sub), 0o777))
	}
	d.n++
	name := filepath.Join(d.Dir, "new", fmt.Sprintf("%d.M%dP1.real", 1773126000+d.n, d.n))
	check(d.t, os.WriteFile(name, []byte(strings.ReplaceAll(raw, "\r\n", "\n")), 0o666))
	check(d.t, os.Chmod(name, 0o666))
}

// Count is how many mails a folder below it holds; "" stands for itself.
func (d *Maildir) Count(folder string) int {
	n := 0
	for _, sub := range []string{"new", "cur"} {
		files, _ := filepath.Glob(filepath.Join(d.Dir, folder, sub, "*"))
		n += len(files)
	}
	return n
}
