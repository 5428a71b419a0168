package inbox

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vigie/exporters"
	"vigie/exporters/inbox/inboxsim"
	"vigie/internal/imapbox"
)

var update = flag.Bool("update", false, "write the golden files anew")

// All shipped rules on the mails of their examples, through a real mailbox.
func TestGoldenExposition(t *testing.T) {
	b := mailboxBench(t, func(b *bench) {
		b.config.Rules = nil
		for _, f := range shippedRules(t) {
			abs, err := filepath.Abs(f)
			check(t, err)
			b.config.Rules = append(b.config.Rules, abs)
		}
	})
	b.clock.Set(time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC))
	mails, err := filepath.Glob(filepath.Join(shipped, "mails", "*.eml"))
	check(t, err)
	for _, m := range mails {
		raw, err := os.ReadFile(m)
		check(t, err)
		b.deliver(string(raw))
	}
	b.deliver("From: someone@nowhere.example\r\nSubject: hello\r\n\r\nno report\r\n")
	b.refresh()
	got := b.metrics()
	if *update {
		check(t, os.WriteFile("testdata/exposition.prom", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/exposition.prom")
	check(t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("run with -update and look at the change (-want +got):\n%s", d)
	}
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	check(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if tool := os.Getenv("PROMTOOL"); tool != "" {
		cmd := exec.Command(tool, "check", "metrics")
		cmd.Stdin = strings.NewReader(got)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool: %v\n%s", err, out)
		}
	}
}

func TestMailsAreReadOnceAndInAnyOrder(t *testing.T) {
	b := mailboxBench(t)
	now := b.clock.Now()
	newest := report("SRV-AD", "good", now.Add(-time.Hour), "")
	b.deliver(newest)
	b.deliver(report("SRV-AD", "bad", now.Add(-2*time.Hour), "Error disk full"))
	b.deliver(newest) // a copy
	b.refresh()
	j := b.job("SRV-AD")
	if j.LastResult != exporters.Success || !j.LastRun.Equal(now.Add(-time.Hour)) || j.Failures != 0 || j.CustomerName != "Dupont SA" || j.Customer != "dupont" {
		t.Errorf("%+v", j)
	}
	if !j.Received.Equal(now) {
		t.Errorf("received %s", j.Received)
	}
	if got := b.sim.Asked(); got != 3 {
		t.Errorf("%d mails fetched", got)
	}
	b.refresh()
	if got := b.sim.Asked(); got != 3 {
		t.Errorf("%d mails fetched, nothing was new", got)
	}
	b.clock.Add(time.Hour)
	b.deliver(report("SRV-AD", "bad", b.clock.Now(), "Error disk full"))
	b.refresh()
	j = b.job("SRV-AD")
	if j.LastResult != exporters.Failed || j.Error != "disk full" || j.Failures != 1 || !j.LastSuccess.Equal(now.Add(-time.Hour)) {
		t.Errorf("%+v", j)
	}
	if all, unseen, err := b.sim.Count("INBOX"); err != nil || all != 4 || unseen != 4 {
		t.Errorf("%d mails, %d unseen, %v: reading changes nothing", all, unseen, err)
	}
}

// Silence is a failure: nothing is invented, and the arrival grows old.
func TestSilence(t *testing.T) {
	b := mailboxBench(t)
	sent := b.clock.Now()
	b.deliver(report("SRV-AD", "good", sent, ""))
	b.refresh()
	for range 10 {
		b.clock.Add(24 * time.Hour)
		b.refresh()
	}
	for _, want := range []string{
		fmt.Sprintf("backup_job_received_timestamp_seconds{source=\"mails\",customer=\"dupont\",job_id=\"robocopy/srv-ad/files\"} %s\n", number(sent)),
		fmt.Sprintf("backup_inbox_last_message_timestamp_seconds{source=\"mails\"} %s\n", number(sent)),
	} {
		if m := b.metrics(); !strings.Contains(m, want) {
			t.Errorf("no %s in\n%s", want, m)
		}
	}
}

func number(t time.Time) string { return strconv.FormatFloat(float64(t.Unix()), 'g', -1, 64) }

// A word that the rule does not know is never good, and counted.
func TestUnknownWord(t *testing.T) {
	b := mailboxBench(t)
	b.deliver(report("SRV-AD", "splendid", b.clock.Now(), ""))
	b.refresh()
	j := b.job("SRV-AD")
	if j.LastResult != exporters.Unknown || !j.LastSuccess.IsZero() || !strings.Contains(j.Error, `says "splendid"`) {
		t.Errorf("%+v", j)
	}
	if n := b.poller.View().UnknownValues["result"]; n != 1 {
		t.Errorf("%d unknown words", n)
	}
	b.refresh()
	if n := b.poller.View().UnknownValues["result"]; n != 1 {
		t.Errorf("%d unknown words, after nothing came", n)
	}
}

// Another UIDVALIDITY means that every number is another mail's.
func TestRenumberedMailbox(t *testing.T) {
	b := mailboxBench(t)
	b.deliver(report("SRV-AD", "bad", b.clock.Now(), ""))
	b.deliver("From: x@dupont.example\r\nMessage-ID: <hello@x>\r\nSubject: hello\r\n\r\nfirst line\r\n")
	b.refresh()
	check(t, b.source.Dismiss(b.unsorted(1)[0].ID))
	b.clock.Add(time.Hour)
	check(t, b.sim.Renumber("INBOX"))
	b.deliver(report("SRV-SQL", "good", b.clock.Now(), ""))
	b.refresh()
	if j := b.job("SRV-AD"); j.Failures != 1 {
		t.Errorf("a mail counted twice: %+v", j)
	}
	if j := b.job("SRV-SQL"); j.LastResult != exporters.Success {
		t.Errorf("%+v", j)
	}
	b.unsorted(0)
	if b.sim.Asked() != 5 {
		t.Errorf("%d mails fetched", b.sim.Asked())
	}
}

// The place in the mailbox is written after the mails: what is lost of it
// makes mails come twice, which does nothing.
func TestCrashBeforeThePlaceIsWritten(t *testing.T) {
	b := mailboxBench(t)
	b.deliver(report("SRV-AD", "bad", b.clock.Now(), ""))
	b.deliver("From: x@dupont.example\r\nSubject: hello\r\n\r\nfirst line\r\n")
	b.refresh()
	for _, lose := range []string{"imap.json", "seen"} {
		check(t, os.Remove(filepath.Join(b.dir, "inbox", lose)))
		b.restart()
		b.refresh()
		if j := b.job("SRV-AD"); j.Failures != 1 || j.LastResult != exporters.Failed {
			t.Errorf("without %s: %+v", lose, j)
		}
		b.unsorted(1)
	}
}

func TestConnectionBreaksInTheMiddleOfAMail(t *testing.T) {
	b := mailboxBench(t)
	for i := range 5 {
		b.deliver(report(fmt.Sprintf("SRV-%d", i+1), "good", b.clock.Now(), ""))
	}
	b.sim.SetFaults(inboxsim.Faults{Cut: 3, Times: 1})
	b.fails(exporters.ReasonUnreachable, "imap")
	if b.poller.View().Up {
		t.Error("up after half a mailbox")
	}
	b.refresh()
	if b.jobs() != 5 || b.sim.Asked() != 3+3 {
		t.Errorf("%d jobs, %d mails fetched", b.jobs(), b.sim.Asked())
	}
}

// A mail that the server cannot give does not bar the way of the others.
func TestPoisonedMail(t *testing.T) {
	b := mailboxBench(t)
	for i := range 3 {
		b.deliver(report(fmt.Sprintf("SRV-%d", i+1), "good", b.clock.Now(), ""))
	}
	b.sim.SetFaults(inboxsim.Faults{Cut: 2})
	for range imapbox.Patience {
		b.fails(exporters.ReasonUnreachable, "imap")
	}
	if err := b.poller.Refresh(t.Context()); err != nil && b.poller.Refresh(t.Context()) != nil {
		t.Fatal("still barred")
	}
	b.refresh()
	if b.jobs() != 2 {
		t.Errorf("%d jobs", b.jobs())
	}
	b.unsorted(1)
	if m := b.metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="mails",endpoint="unsorted"} 0`) {
		t.Error("nothing says that a mail was left")
	}
	b.sim.SetFaults(inboxsim.Faults{})
	b.restart()
	b.refresh()
	if b.jobs() != 3 {
		t.Errorf("%d jobs after the server was mended", b.jobs())
	}
	b.unsorted(0)
}

// nobody returns an address that is taken and where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	check(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	check(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	at, err := syscall.Getsockname(fd)
	check(t, err)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(at.(*syscall.SockaddrInet4).Port)).String()
}

func TestMisbehavingServers(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults inboxsim.Faults
		reason exporters.Reason
		text   string
	}{
		{"login refused", inboxsim.Faults{RefuseLogin: true}, exporters.ReasonAuth, "refuses the name or the password"},
		{"too many connections", inboxsim.Faults{LoginCode: "LIMIT"}, exporters.ReasonThrottled, "for another reason than the password: [LIMIT]; it is tried again later"},
		{"not ready", inboxsim.Faults{LoginCode: "UNAVAILABLE"}, exporters.ReasonThrottled, "[UNAVAILABLE]; it is tried again later"},
		{"in use", inboxsim.Faults{LoginCode: "INUSE"}, exporters.ReasonThrottled, "[INUSE]"},
		{"wrong password", inboxsim.Faults{LoginCode: "AUTHENTICATIONFAILED"}, exporters.ReasonAuth, "refuses the name or the password"},
		{"without a code", inboxsim.Faults{LoginCode: "-"}, exporters.ReasonAuth, "refuses the name or the password"},
		{"expired", inboxsim.Faults{LoginCode: "EXPIRED"}, exporters.ReasonAuth, "has expired: [EXPIRED]; set a new one"},
		{"no right", inboxsim.Faults{LoginCode: "AUTHORIZATIONFAILED"}, exporters.ReasonForbidden, "may not read mail by IMAP"},
		{"in clear", inboxsim.Faults{LoginCode: "PRIVACYREQUIRED"}, exporters.ReasonAuth, "write security: tls or starttls"},
		{"a person has to", inboxsim.Faults{LoginCode: "CONTACTADMIN"}, exporters.ReasonForbidden, "[CONTACTADMIN]; ask its administrator"},
		{"its own fault", inboxsim.Faults{LoginCode: "SERVERBUG"}, exporters.ReasonServer, "[SERVERBUG]"},
		{"a code of its own", inboxsim.Faults{LoginCode: "X-ODD"}, exporters.ReasonServer, "another reason than the password: [X-ODD]"},
		{"busy in words", inboxsim.Faults{LoginText: "Too many simultaneous connections. (Failure)"}, exporters.ReasonThrottled, "another reason than the password"},
		{"busy in words beside an alert", inboxsim.Faults{LoginCode: "ALERT", LoginText: "Maximum number of connections from user+IP exceeded"}, exporters.ReasonThrottled, "[ALERT]"},
		{"no IMAP for this account", inboxsim.Faults{LoginCode: "ALERT", LoginText: "Your account is not enabled for IMAP use. Please visit your account settings page"}, exporters.ReasonForbidden, "may not read mail by IMAP"},
		{"a locked account", inboxsim.Faults{LoginText: "This account is locked"}, exporters.ReasonForbidden, "ask its administrator"},
		{"goodbye", inboxsim.Faults{Bye: &imap.Error{Type: imap.StatusResponseTypeBye, Code: imap.ResponseCodeUnavailable, Text: "Too many connections from your address"}}, exporters.ReasonThrottled, "takes no connection now; it is tried again later: [UNAVAILABLE] Too many connections from your address"},
		{"goodbye for its own fault", inboxsim.Faults{Bye: &imap.Error{Type: imap.StatusResponseTypeBye, Text: "internal error"}}, exporters.ReasonServer, "internal error"},
		{"hangs up at the login", inboxsim.Faults{LoginCut: true}, exporters.ReasonThrottled, "hangs up at the login"},
		{"endless mail", inboxsim.Faults{Flood: true}, exporters.ReasonMalformed, "says more than it was asked for"},
		{"no numbers", inboxsim.Faults{NoUIDValidity: true}, exporters.ReasonMalformed, "UIDVALIDITY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := mailboxBench(t)
			b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
			b.sim.SetFaults(c.faults)
			b.fails(c.reason, c.text)
			b.sim.SetFaults(inboxsim.Faults{})
			b.refresh()
			if b.job("SRV-AD").LastResult != exporters.Success {
				t.Error("not read afterwards")
			}
			if strings.Contains(b.log.String()+b.metrics(), simPassword) {
				t.Error("the password comes out")
			}
		})
	}
	t.Run("silent", func(t *testing.T) {
		b := mailboxBench(t)
		b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
		b.sim.SetFaults(inboxsim.Faults{Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := b.source.Fetch(ctx)
		if exporters.ReasonOf(err) != exporters.ReasonTimeout {
			t.Errorf("%v", err)
		}
		b.sim.SetFaults(inboxsim.Faults{})
		b.refresh()
	})
	t.Run("a mail that went away", func(t *testing.T) {
		b := mailboxBench(t)
		b.deliver(report("SRV-1", "good", b.clock.Now(), ""))
		b.deliver(report("SRV-2", "good", b.clock.Now(), ""))
		b.sim.SetFaults(inboxsim.Faults{Lose: 1})
		b.refresh()
		if b.jobs() != 1 {
			t.Errorf("%d jobs", b.jobs())
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		b := mailboxBench(t, func(b *bench) { b.config.IMAP.Address = nobody(t) })
		b.fails(exporters.ReasonUnreachable, "imap")
	})
	t.Run("unknown certificate", func(t *testing.T) {
		b := mailboxBench(t, func(b *bench) { b.config.IMAP.TLS.CAFile = "" })
		b.fails(exporters.ReasonUnreachable, "certificate")
		if b.sim.Logins() != 0 {
			t.Error("logged in nevertheless")
		}
	})
	t.Run("no such folder", func(t *testing.T) {
		b := mailboxBench(t, func(b *bench) { b.config.IMAP.Mailbox = "Reports" })
		b.fails(exporters.ReasonNotFound, "Reports")
	})
}

func TestSecurityOfTheConnection(t *testing.T) {
	for security, name := range map[inboxsim.Security]string{inboxsim.StartTLS: "starttls", inboxsim.Plain: "none"} {
		b := mailboxBenchOn(t, inboxsim.Options{Password: simPassword, Security: security}, func(b *bench) { b.config.IMAP.Security = name })
		b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
		b.refresh()
		if b.jobs() != 1 {
			t.Errorf("%s: %d jobs", name, b.jobs())
		}
	}
	b := mailboxBenchOn(t, inboxsim.Options{Password: simPassword, Security: inboxsim.Plain}, func(b *bench) { b.config.IMAP.Security = "starttls" })
	b.fails(exporters.ReasonServer, "imap")
	if b.sim.Logins() != 0 {
		t.Error("logged in without encryption")
	}
}

// A mail that is too long is not read, but does not get lost either.
func TestHugeMail(t *testing.T) {
	b := mailboxBench(t, func(b *bench) { b.config.Limits.MessageBytes = 64 << 10 })
	b.deliver(report("SRV-AD", "good", b.clock.Now(), strings.Repeat("much text\r\n", 20000)))
	b.deliver(report("SRV-SQL", "good", b.clock.Now(), ""))
	b.refresh()
	if b.jobs() != 1 {
		t.Errorf("%d jobs", b.jobs())
	}
	m := b.unsorted(1)[0]
	if m.Subject != "Backup of SRV-AD: good" || !strings.Contains(m.Problem, "not read beyond 65536") || m.SizeBytes < 200000 || !strings.HasPrefix(m.FirstLines, "much text\n") {
		t.Errorf("%+v", m)
	}
	raw, err := b.source.Message(m.ID)
	if err != nil || len(raw) > beginning {
		t.Errorf("%d bytes kept, %v", len(raw), err)
	}
}

func TestWhatBecomesOfMailsThatWereRead(t *testing.T) {
	deliver := func(b *bench) {
		b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
		b.deliver("From: x@dupont.example\r\nSubject: hello\r\n\r\nfirst line\r\n")
		b.refresh()
	}
	counts := func(t *testing.T, b *bench, folder string, all, unseen int) {
		t.Helper()
		a, u, err := b.sim.Count(folder)
		if err != nil || a != all || u != unseen {
			t.Errorf("%s: %d mails, %d unseen, %v; want %d and %d", folder, a, u, err, all, unseen)
		}
	}
	t.Run("seen", func(t *testing.T) {
		b := mailboxBench(t, func(b *bench) { b.config.IMAP.After = "seen" })
		deliver(b)
		counts(t, b, "INBOX", 2, 1)
		check(t, b.source.Dismiss(b.unsorted(1)[0].ID))
		b.refresh()
		counts(t, b, "INBOX", 2, 0)
	})
	t.Run("move", func(t *testing.T) {
		b := mailboxBench(t, func(b *bench) { b.config.IMAP.After = "move:Read" })
		deliver(b)
		counts(t, b, "INBOX", 2, 2)
		if m := b.metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="mails",endpoint="imap_after"} 0`) {
			t.Error("nothing says that the folder is missing")
		}
		check(t, b.sim.Create("Read"))
		b.restart() // it is remembered
		b.refresh()
		counts(t, b, "INBOX", 1, 1)
		counts(t, b, "Read", 1, 1)
		b.unsorted(1)
	})
	t.Run("a server with UIDPLUS alone", func(t *testing.T) {
		b := mailboxBenchOn(t, inboxsim.Options{Password: simPassword, NoMove: true, UIDPlus: true}, func(b *bench) { b.config.IMAP.After = "move:Read" })
		deliver(b)
		counts(t, b, "INBOX", 2, 2) // the folder is missing: the copy is refused
		if m := b.metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="mails",endpoint="imap_after"} 0`) {
			t.Error("nothing says that the folder is missing")
		}
		check(t, b.sim.Create("Read"))
		b.refresh()
		counts(t, b, "INBOX", 1, 1)
		counts(t, b, "Read", 1, 1)
	})
	t.Run("a server that copies one of two and says that it is done", func(t *testing.T) {
		b := mailboxBenchOn(t, inboxsim.Options{Password: simPassword, NoMove: true, UIDPlus: true}, func(b *bench) { b.config.IMAP.After = "move:Read" })
		check(t, b.sim.Create("Read"))
		b.sim.SetFaults(inboxsim.Faults{CopyOne: true})
		b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
		b.deliver(report("SRV-BD", "good", b.clock.Now(), ""))
		b.refresh()
		counts(t, b, "INBOX", 1, 1)
		counts(t, b, "Read", 1, 1)
		b.refresh()
		counts(t, b, "INBOX", 0, 0)
		counts(t, b, "Read", 2, 2)
	})
	t.Run("a check", func(t *testing.T) {
		for _, after := range []string{"seen", "move:Read"} {
			b := mailboxBench(t, func(b *bench) { b.config.IMAP.After = after })
			b.source.OnlyRead()
			b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
			if after != "seen" {
				b.fails(exporters.ReasonNotFound, `there is no folder "Read" to move mails to (there are "INBOX")`)
				check(t, b.sim.Create("Read"))
			}
			b.refresh()
			counts(t, b, "INBOX", 1, 1)
			b.restart()
			b.refresh()
			if after == "seen" {
				counts(t, b, "INBOX", 1, 0)
			} else {
				counts(t, b, "Read", 1, 1)
			}
		}
	})
	t.Run("the folder is missing before there is anything to move", func(t *testing.T) {
		b := mailboxBench(t, func(b *bench) { b.config.IMAP.After = "move:Read" })
		b.refresh()
		if m := b.metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="mails",endpoint="imap_after"} 0`) {
			t.Error("nothing says that the folder is missing")
		}
	})
	t.Run("names without the server's prefix", func(t *testing.T) {
		b := mailboxBenchOn(t, inboxsim.Options{Password: simPassword, Prefix: "INBOX/"}, func(b *bench) {
			b.config.IMAP.Mailbox, b.config.IMAP.After = "Reports", "move:Read"
		})
		check(t, b.sim.Create("INBOX/Reports"))
		check(t, b.sim.Create("INBOX/Read"))
		check(t, b.sim.Deliver("INBOX/Reports", []byte(report("SRV-AD", "good", b.clock.Now(), "")), b.clock.Now()))
		b.refresh()
		counts(t, b, "INBOX/Reports", 0, 0)
		counts(t, b, "INBOX/Read", 1, 1)
	})
	t.Run("a server that cannot move", func(t *testing.T) {
		b := mailboxBenchOn(t, inboxsim.Options{Password: simPassword, NoMove: true}, func(b *bench) { b.config.IMAP.After = "move:Read" })
		check(t, b.sim.Create("Read"))
		deliver(b)
		counts(t, b, "INBOX", 2, 2)
		if b.jobs() != 1 {
			t.Error("not read")
		}
	})
}

// Mails from before the look-back are passed over, for good.
func TestLookback(t *testing.T) {
	b := mailboxBench(t)
	now := b.clock.Now()
	b.clock.Set(now.AddDate(0, 0, -40))
	b.deliver(report("SRV-OLD", "good", b.clock.Now(), ""))
	b.clock.Set(now)
	b.refresh()
	b.deliver(report("SRV-NEW", "good", now, ""))
	b.refresh()
	if b.jobs() != 1 || b.job("SRV-NEW") == nil {
		t.Errorf("%d jobs", b.jobs())
	}
}

func TestSecondProcessIsKeptOut(t *testing.T) {
	b := mailboxBench(t)
	b.refresh()
	c := b.config
	imap := *c.IMAP
	c.IMAP = &imap
	check(t, c.Validate(b.dir))
	other, err := New(&c, exporters.SourceOptions{Now: b.clock.Now})
	check(t, err)
	if _, err := other.Fetch(t.Context()); !errors.Is(err, errLocked) {
		t.Errorf("got %v", err)
	}
	check(t, b.source.Close())
	if _, err := other.Fetch(t.Context()); err != nil {
		t.Error(err)
	}
	check(t, other.Close())
}
