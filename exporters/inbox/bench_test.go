package inbox

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/exposition"
	"vigie/exporters/inbox/inboxsim"
	"vigie/internal/remote"
)

const (
	simPassword  = "s1m-p4ssw0rd-of-expert"
	dismissToken = "t0k3n-to-dismiss-0123456789"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is a hand-driven clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time      { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) Set(t time.Time)     { c.mu.Lock(); defer c.mu.Unlock(); c.t = t }
func (c *clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

// testRules read the plain mails that report makes.
const testRules = `schema: 1
timezone: Europe/Paris
rules:
  - name: test
    subject: '^Backup of (?P<machine>\S+): (?P<result>.+)$'
    body:
      - {pattern: '^Ended (?P<ended>.+)$', optional: true}
      - {pattern: '^Error (?P<error>.+)$', optional: true}
    results: {good: success, so so: warning, bad: failed, skipped: missed}
    set: {engine: robocopy, machine_class: server, plan: files}
    times: {layouts: ['2006-01-02 15:04:05']}
    examples:
      - {mail: example.eml, results: [{machine: M, result: success}]}
`

const exampleMail = "From: a@dupont.example\nDate: Mon, 09 Mar 2026 22:00:00 +0100\nSubject: Backup of M: good\n\nfine\n"

var mailNumber struct {
	sync.Mutex
	n int
}

// report is a mail of the machine with the words, sent at the instant.
func report(machine, word string, sent time.Time, more string) string {
	mailNumber.Lock()
	mailNumber.n++
	n := mailNumber.n
	mailNumber.Unlock()
	return fmt.Sprintf("From: Backup <%s@dupont.example>\r\nTo: expert@msp.example\r\nMessage-ID: <m%d@dupont.example>\r\nDate: %s\r\nSubject: Backup of %s: %s\r\n\r\n%s\r\n",
		strings.ToLower(machine), n, sent.Format(time.RFC1123Z), machine, word, more)
}

// bench is a source with a poller on it, and a mailbox unless it serves.
type bench struct {
	t      *testing.T
	dir    string
	clock  *clock
	sim    *inboxsim.Sim
	config Config // before Validate
	source *Source
	poller *exporters.Poller
	log    bytes.Buffer
}

func (b *bench) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	check(b.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func prepare(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), clock: &clock{t: time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC)}}
	b.write("rules.yml", testRules)
	b.write("example.eml", exampleMail)
	b.write("password", simPassword+"\n")
	b.write("dismiss", dismissToken+"\n")
	b.config = Config{Folder: "inbox", Rules: []string{"rules.yml"}, DismissTokenFile: "dismiss",
		Customers: map[string]*Customer{"dupont": {Name: "Dupont SA", From: []string{"@dupont.example"}}, "martin": {From: []string{"@martin.example"}}}}
	return b
}

// mailboxBench reads a simulated mailbox.
func mailboxBench(t *testing.T, change ...func(*bench)) *bench {
	t.Helper()
	return mailboxBenchOn(t, inboxsim.Options{Password: simPassword}, change...)
}

func mailboxBenchOn(t *testing.T, o inboxsim.Options, change ...func(*bench)) *bench {
	t.Helper()
	b := prepare(t)
	sim, err := inboxsim.New(o, time.Now())
	check(t, err)
	b.sim = sim
	t.Cleanup(func() { _ = sim.Close() })
	b.write("ca.pem", string(sim.CA()))
	b.config.IMAP = &IMAPConfig{Address: sim.Address(), Username: "expert", PasswordFile: "password", TLS: remote.TLS{CAFile: "ca.pem"}}
	for _, f := range change {
		f(b)
	}
	b.restart()
	return b
}

// serverBench receives mails itself.
func serverBench(t *testing.T, change ...func(*bench)) *bench {
	t.Helper()
	b := prepare(t)
	b.config.SMTP = &SMTPConfig{Listen: "127.0.0.1:0", Recipients: []string{"expert@msp.example", "@backup.msp.example"}}
	for _, f := range change {
		f(b)
	}
	b.restart()
	b.refresh()
	return b
}

// restart begins anew with what is on disk and in the configuration.
func (b *bench) restart() {
	b.t.Helper()
	if b.source != nil {
		check(b.t, b.source.Close())
		check(b.t, b.poller.Save())
	}
	c := b.config
	if c.IMAP != nil {
		copied := *c.IMAP
		c.IMAP = &copied
	}
	if c.SMTP != nil {
		copied := *c.SMTP
		c.SMTP = &copied
	}
	check(b.t, c.Validate(b.dir))
	s, err := New(&c, exporters.SourceOptions{Now: b.clock.Now})
	check(b.t, err)
	p, err := exporters.NewPoller(exporters.PollerOptions{Name: "mails", Engine: Engine, Source: s, Interval: time.Minute, Timeout: time.Minute,
		WarningIsSuccess: true, StateFile: filepath.Join(b.dir, "state.json"), Now: b.clock.Now, Logger: slog.New(slog.NewTextHandler(&b.log, nil))})
	check(b.t, err)
	b.t.Cleanup(func() { _ = s.Close() })
	b.source, b.poller = s, p
}

func (b *bench) deliver(raw string) {
	b.t.Helper()
	check(b.t, b.sim.Deliver("INBOX", []byte(raw), b.clock.Now()))
}

func (b *bench) refresh() {
	b.t.Helper()
	check(b.t, b.poller.Refresh(b.t.Context()))
}

// fails expects a refresh that fails with a text.
func (b *bench) fails(reason exporters.Reason, text string) {
	b.t.Helper()
	err := b.poller.Refresh(b.t.Context())
	if err == nil || exporters.ReasonOf(err) != reason || !strings.Contains(err.Error(), text) {
		b.t.Fatalf("got %v, want %s and %q", err, reason, text)
	}
}

func (b *bench) metrics() string {
	w := httptest.NewRecorder()
	exposition.New(exposition.Options{Sources: func() []*exporters.View { return []*exporters.View{b.poller.View()} }}).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func (b *bench) job(machine string) *exporters.Job {
	b.t.Helper()
	v := b.poller.View()
	for i := range v.Jobs {
		if v.Jobs[i].Machine == machine {
			return v.Jobs[i]
		}
	}
	b.t.Fatalf("no job of %s among %d", machine, len(v.Jobs))
	return nil
}

func (b *bench) jobs() int { return len(b.poller.View().Jobs) }

func (b *bench) unsorted(want int) []Unsorted {
	b.t.Helper()
	if got := b.poller.View().Inbox.Unsorted; got != want {
		b.t.Fatalf("%d unsorted mails, want %d", got, want)
	}
	list, err := b.source.Unsorted()
	check(b.t, err)
	return list
}
