//go:build linux

package inbox

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
)

// unpacked gives a program of Debian's packages that runs as if it were
// installed, or skips: the long form of the tests (make real-mail) alone fetches
// them.
func unpacked(t *testing.T, tool string) func(program string, arguments ...string) *exec.Cmd {
	t.Helper()
	if os.Getenv("VIGIE_REAL_MAIL") == "" {
		t.Skip("SKIPPED: real mail servers run in make real-mail only")
	}
	cache, err := filepath.Abs("../../.cache/debian")
	check(t, err)
	if out, err := exec.CommandContext(t.Context(), "../../tools/debian", cache, tool).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: %s was not run: %v\n%s", tool, err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "../../tools/unpacked", cache, "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: %s was not run: this machine lets us have no mount namespace: %v\n%s", tool, err, out)
	}
	return func(program string, arguments ...string) *exec.Cmd {
		return exec.Command("../../tools/unpacked", append([]string{cache, program}, arguments...)...)
	}
}

// freePort gives a port of loopback that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// serve runs a server until the test ends, and waits until it answers.
func serve(t *testing.T, cmd *exec.Cmd, address, log string) {
	t.Helper()
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
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
auth_mechanisms = plain xoauth2 oauthbearer
mail_location = maildir:%[1]s/home/%%u
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = %[1]s/oauth2.conf
}
passdb {
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
service anvil {
  chroot =
}
service stats {
  chroot =
}
`

// dovecot runs one that asks the token server about tokens.
func dovecot(t *testing.T, introspect string) *maildir {
	t.Helper()
	run := unpacked(t, "dovecot")
	dir, err := os.MkdirTemp("/tmp", "dovecot") // short: it holds sockets
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o755))
	check(t, os.Mkdir(filepath.Join(dir, "home"), 0o777))
	check(t, os.Chmod(filepath.Join(dir, "home"), 0o777))
	d := &maildir{t: t, dir: filepath.Join(dir, "home", "expert"), address: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	_, port, _ := net.SplitHostPort(d.address)
	var n int
	_, err = fmt.Sscan(port, &n)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "dovecot.conf"), fmt.Appendf(nil, dovecotConf, dir, n, simPassword), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "oauth2.conf"),
		[]byte("introspection_mode = post\nintrospection_url = "+introspect+"/introspect\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n"), 0o644))
	serve(t, run("/usr/sbin/dovecot", "-F", "-c", filepath.Join(dir, "dovecot.conf")), d.address, filepath.Join(dir, "log"))
	return d
}

// maildir is a mailbox on disk, into which mails are put as a delivery does.
type maildir struct {
	t            *testing.T
	dir, address string
	n            int
}

func (d *maildir) deliver(raw string) {
	d.t.Helper()
	for _, sub := range []string{"tmp", "new", "cur"} {
		check(d.t, os.MkdirAll(filepath.Join(d.dir, sub), 0o777))
		check(d.t, os.Chmod(filepath.Join(d.dir, sub), 0o777))
	}
	check(d.t, os.Chmod(d.dir, 0o777))
	d.n++
	name := filepath.Join(d.dir, "new", fmt.Sprintf("%d.M%dP1.real", 1773126000+d.n, d.n))
	check(d.t, os.WriteFile(name, []byte(strings.ReplaceAll(raw, "\r\n", "\n")), 0o666))
	check(d.t, os.Chmod(name, 0o666))
}

func (d *maildir) count(folder string) int {
	n := 0
	for _, sub := range []string{"new", "cur"} {
		files, _ := filepath.Glob(filepath.Join(d.dir, folder, sub, "*"))
		n += len(files)
	}
	return n
}

// realBench reads the mailbox of a real server.
func realBench(t *testing.T, d *maildir, change ...func(*bench)) *bench {
	t.Helper()
	b := prepare(t)
	b.config.IMAP = &IMAPConfig{Address: d.address, Security: "none", Username: "expert", PasswordFile: "password", Lookback: exporters.Duration(100000 * time.Hour)}
	for _, f := range change {
		f(b)
	}
	b.restart()
	return b
}

// A real Dovecot takes the tokens that our client brings, by both mechanisms,
// renews what it does not take any more, and refuses what it must.
func TestRealDovecotOAuth2(t *testing.T) {
	tokens, url := newTokenServer(t)
	d := dovecot(t, url)
	d.deliver(report("SRV-AD", "good", time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC), ""))
	for _, mechanism := range []string{"OAUTHBEARER", "XOAUTH2"} {
		b := realBench(t, d, func(b *bench) { b.oauth2(t, url, false) })
		b.source.door.(*mailbox).mechanisms = []string{mechanism}
		b.refresh()
		if j := b.job("SRV-AD"); j.LastResult != exporters.Success {
			t.Errorf("%s: %s", mechanism, j.LastResult)
		}
		tokens.withdraw()
		b.refresh()
		b.write("client-secret", "another")
		b.clock.Add(2 * time.Hour)
		b.fails(exporters.ReasonAuth, "invalid_client")
	}
}

// Passwords, marks and moves on a real Dovecot.
func TestRealDovecot(t *testing.T) {
	_, url := newTokenServer(t)
	d := dovecot(t, url)
	for _, machine := range []string{"SRV-AD", "SRV-SQL"} {
		d.deliver(report(machine, "good", time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC), ""))
	}
	wrong := realBench(t, d, func(b *bench) { b.write("password", "wrong") })
	wrong.fails(exporters.ReasonAuth, "the server refuses the name or the password")
	lost := realBench(t, d, func(b *bench) { b.config.IMAP.After = "move:Read" })
	lost.refresh()
	if n := d.count(""); n != 2 || lost.jobs() != 2 {
		t.Errorf("%d mails, %d jobs: without the folder nothing is moved", n, lost.jobs())
	}
	check(t, os.MkdirAll(filepath.Join(d.dir, ".Read", "cur"), 0o777))
	for _, dir := range []string{".Read", ".Read/cur"} {
		check(t, os.Chmod(filepath.Join(d.dir, dir), 0o777))
	}
	lost.refresh()
	if left, moved := d.count(""), d.count(".Read"); left != 0 || moved != 2 {
		t.Errorf("%d left, %d moved", left, moved)
	}
}
