//go:build linux

package inbox

import (
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/internal/realmail"
)

// realBench reads the mailbox of a real server.
func realBench(t *testing.T, address string, change ...func(*bench)) *bench {
	t.Helper()
	b := prepare(t)
	b.config.IMAP = &IMAPConfig{Address: address, Security: "none", Username: "expert", PasswordFile: "password", Lookback: exporters.Duration(100000 * time.Hour)}
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
	d := realmail.Dovecot(t, "expert", simPassword, url)
	d.Deliver(report("SRV-AD", "good", time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC), ""))
	for _, mechanism := range []string{"OAUTHBEARER", "XOAUTH2"} {
		b := realBench(t, d.Address, func(b *bench) { b.oauth2(t, url, false) })
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
	d := realmail.Dovecot(t, "expert", simPassword, url)
	for _, machine := range []string{"SRV-AD", "SRV-SQL"} {
		d.Deliver(report(machine, "good", time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC), ""))
	}
	wrong := realBench(t, d.Address, func(b *bench) { b.write("password", "wrong") })
	wrong.fails(exporters.ReasonAuth, "the server refuses the name or the password")
	lost := realBench(t, d.Address, func(b *bench) { b.config.IMAP.After = "move:Read" })
	lost.refresh()
	if n := d.Count(""); n != 2 || lost.jobs() != 2 {
		t.Errorf("%d mails, %d jobs: without the folder nothing is moved", n, lost.jobs())
	}
	check(t, os.MkdirAll(filepath.Join(d.Dir, ".Read", "cur"), 0o777))
	for _, dir := range []string{".Read", ".Read/cur"} {
		check(t, os.Chmod(filepath.Join(d.Dir, dir), 0o777))
	}
	lost.refresh()
	if left, moved := d.Count(""), d.Count(".Read"); left != 0 || moved != 2 {
		t.Errorf("%d left, %d moved", left, moved)
	}
}

// A real Courier has no MOVE, keeps its folders below INBOX, and refuses to copy
// into one that is not there. Nothing is ever lost.
func TestRealCourier(t *testing.T) {
	d := realmail.Courier(t, "expert", simPassword)
	for _, machine := range []string{"SRV-AD", "SRV-SQL", "SRV-WEB"} {
		d.Deliver(report(machine, "good", time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC), ""))
	}
	wrong := realBench(t, d.Address, func(b *bench) { b.write("password", "wrong") })
	wrong.fails(exporters.ReasonAuth, "the server refuses the name or the password")
	for _, folder := range []string{"Read", "INBOX.Read"} {
		lost := realBench(t, d.Address, func(b *bench) { b.config.IMAP.After = "move:" + folder })
		lost.refresh()
		if n := d.Count(""); n != 3 || lost.jobs() != 3 {
			t.Fatalf("%s: %d mails, %d jobs: without the folder nothing is moved", folder, n, lost.jobs())
		}
		told := ""
		for _, e := range lost.poller.View().Endpoints {
			if e.Err != nil {
				told += e.Err.Error()
			}
		}
		if !strings.Contains(told, "INBOX.Read") {
			t.Errorf("%s: what is wrong is told as %q", folder, told)
		}
	}
	d.Folder("Read")
	b := realBench(t, d.Address, func(b *bench) { b.config.IMAP.After = "move:Read" }) // found below INBOX
	b.refresh()
	if left, moved := d.Count(""), d.Count(".Read"); left != 0 || moved != 3 || b.jobs() != 3 {
		t.Errorf("%d left, %d moved, %d jobs", left, moved, b.jobs())
	}
}

// Reports that come through a real mail server: plain ones, one for two
// recipients, and one with a line that begins with a dot.
func TestRealRelays(t *testing.T) {
	for name, relay := range map[string]func(testing.TB, string) string{"exim": realmail.Exim, "postfix": realmail.Postfix} {
		t.Run(name, func(t *testing.T) {
			b := serverBench(t)
			address := relay(t, b.address())
			send := func(raw string, to ...string) {
				t.Helper()
				check(t, smtp.SendMail(address, nil, "srv@dupont.example", append(to, "expert@msp.example"), []byte(raw)))
			}
			send(report("SRV-AD", "good", b.clock.Now(), ""))
			send(report("SRV-SQL", "bad", b.clock.Now(), "Error disk full"), "anything@backup.msp.example")
			send(strings.Replace(report("SRV-WEB", "good", b.clock.Now(), ""), "\r\n\r\n", "\r\n\r\n.a line with a dot\r\n", 1))
			jobs := 3
			if name == "postfix" { // breaks a line within its words; Exim takes none of more than 998 bytes
				jobs++
				page := report("SRV-PAGE", "bad", b.clock.Now(), "<p>"+strings.Repeat("x", 980)+"</p><p>Error the-disk-is-full</p>")
				send(strings.Replace(page, "Subject:", "Content-Type: text/html\r\nSubject:", 1))
			}
			for range 100 {
				if b.refresh(); b.jobs() == jobs {
					break
				}
				time.Sleep(100 * time.Millisecond) // the server's own pace
			}
			for machine, want := range map[string]exporters.Result{"SRV-AD": exporters.Success, "SRV-SQL": exporters.Failed, "SRV-WEB": exporters.Success} {
				if j := b.job(machine); j.LastResult != want || j.Failures > 1 {
					t.Errorf("%s: %s, %d failures", machine, j.LastResult, j.Failures)
				}
			}
			if name == "postfix" {
				if j := b.job("SRV-PAGE"); j.Error != "the-disk-is-full" {
					t.Errorf("a broken line: %q", j.Error)
				}
			}
		})
	}
}

// A real Cyrus has MOVE, and keeps its folders below INBOX, too.
func TestRealCyrus(t *testing.T) {
	c := realmail.Cyrus(t, "expert", simPassword)
	for _, machine := range []string{"SRV-AD", "SRV-SQL"} {
		c.Deliver(report(machine, "good", time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC), ""))
	}
	wrong := realBench(t, c.Address, func(b *bench) { b.write("password", "wrong") })
	wrong.fails(exporters.ReasonAuth, "the server refuses the name or the password")
	move := func(b *bench) { b.config.IMAP.After = "move:Read" }
	lost := realBench(t, c.Address, move)
	lost.refresh()
	if n := c.Count("INBOX"); n != 2 || lost.jobs() != 2 {
		t.Errorf("%d mails, %d jobs: without the folder nothing is moved", n, lost.jobs())
	}
	c.Folder("INBOX.Read")
	b := realBench(t, c.Address, move)
	b.refresh()
	if left, moved := c.Count("INBOX"), c.Count("INBOX.Read"); left != 0 || moved != 2 || b.jobs() != 2 {
		t.Errorf("%d left, %d moved, %d jobs", left, moved, b.jobs())
	}
}
