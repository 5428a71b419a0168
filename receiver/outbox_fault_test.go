package receiver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/heartbeat"
	"vigie/receiver/notify"
	"vigie/receiver/smtpsink"
	"vigie/receiver/store"
)

// stride lets time run in larger steps than pass.
func (r *rig) stride(d, step time.Duration) {
	r.t.Helper()
	for end := r.now().Add(d); r.now().Before(end); r.set(r.now().Add(step)) {
		r.turn()
	}
	r.turn()
}

// gateway is a second channel or a watcher: it counts what it is sent.
type gateway struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string
	status int
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{status: http.StatusOK}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m notify.WebhookMessage
		_ = json.NewDecoder(r.Body).Decode(&m)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.got = append(g.got, r.Method+" "+r.URL.Path+" "+m.Recipient+" "+m.Text)
		w.WriteHeader(g.status)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.got)
}

// file puts the gateway's URL into a file, as a secret is kept.
func (g *gateway) file(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(name, []byte(g.URL+"/key-0123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func withAlarm(t *testing.T, g *gateway) func(*rig) {
	channel, err := notify.NewWebhook(notify.WebhookConfig{Name: "alarm", URLFile: g.file(t)})
	if err != nil {
		t.Fatal(err)
	}
	return func(r *rig) {
		r.tune = func(p *receiver.Reloadable) { p.Alarm = &receiver.Alarm{Channel: channel, To: "+33100000000"} }
	}
}

// tally checks that each opening is told by exactly one message, and returns
// how many incidents nobody was told of and how many transmissions were doubled.
func (r *rig) tally(step string, incidents int) (lost, doubles int) {
	r.t.Helper()
	seen := map[string]string{} // incident: message
	sent := map[string]int{}
	for _, m := range r.mails(step) {
		sent[m.MessageID+m.Recipients[0]]++
		for id := range strings.FieldsSeq(m.Header("X-Incident-ID")) {
			if old, known := seen[id]; known && old != m.MessageID {
				r.t.Errorf("incident %s is told of by %s and by %s", id, old, m.MessageID)
			}
			seen[id] = m.MessageID
		}
	}
	if len(seen) != incidents {
		r.t.Errorf("%d incidents were told of, want %d", len(seen), incidents)
	}
	for _, n := range sent {
		doubles += n - 1
	}
	return incidents - len(seen), doubles
}

func TestFaultSMTPDown(t *testing.T) {
	g := newGateway(t)
	r := newRig(t, 0, withAlarm(t, g))
	if err := r.sink.SetFaults(smtpsink.Faults{Down: true}); err != nil {
		t.Fatal(err)
	}
	const hours = 6
	incidents := long(30, 180)
	for n := range incidents {
		r.fires(dog, backup("dupont", fmt.Sprintf("SRV-%02d", n), "primary"))
		r.stride(hours*time.Hour/time.Duration(incidents), time.Minute)
		if n == incidents/2 {
			r.restart() // nobody is called anew because of it
		}
	}
	if n := len(r.sink.Messages()); n != 0 {
		t.Fatalf("%d mails through a dead relay", n)
	}
	oldest := r.now().Sub(time.Unix(int64(r.metric("vigie_notification_outbox_oldest_timestamp_seconds")), 0))
	calls := g.count()
	if calls != hours {
		t.Errorf("the second channel was called %d times in %d hours, want after 15 min and then hourly", calls, hours)
	}
	if !strings.Contains(g.got[0], "+33100000000") || !strings.Contains(g.got[0], "mail via") {
		t.Errorf("the call says too little: %q", g.got[0])
	}
	if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
		t.Fatal(err)
	}
	up := r.now()
	for r.metric("vigie_notification_outbox_pending") > 0 && r.now().Sub(up) < time.Hour {
		r.stride(30*time.Second, 30*time.Second)
	}
	lost, doubles := r.tally("opened", incidents)
	if doubles != 0 {
		t.Errorf("%d doubles", doubles)
	}
	if n := g.count(); n != calls {
		t.Errorf("called %d times after the relay came back", n-calls)
	}
	t.Logf("figure: SMTP down for %d story hours: %d incidents, oldest mail %s late, second channel called %d times, empty %s after the return; %d lost, %d doubles",
		hours, incidents, oldest.Round(time.Minute), calls, r.now().Sub(up).Round(time.Second), lost, doubles)
}

// Every fault of a relay lasts ten minutes; in the end everybody has everything.
func TestFaultRelay(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults smtpsink.Faults
		lasts  time.Duration
		// doubled says that a relay may have taken what it never acknowledged.
		doubled bool
	}{
		{"greylisting", smtpsink.Faults{Greylist: smtpsink.Greylist{Tries: 1, Wait: 5 * time.Minute}}, time.Hour, false},
		{"slow", smtpsink.Faults{Slow: 5 * time.Millisecond}, 10 * time.Minute, false},
		{"421 in the greeting", smtpsink.Faults{Greeting: smtpsink.Reply{Code: 421, Text: "busy"}}, 10 * time.Minute, false},
		{"421 at the dot", smtpsink.Faults{Data: smtpsink.Reply{Code: 421, Text: "shutting down"}}, 10 * time.Minute, false},
		{"closes in DATA", smtpsink.Faults{Cut: smtpsink.BeforeDot}, 10 * time.Minute, false},
		{"closes after the dot", smtpsink.Faults{Cut: smtpsink.AfterDot, Connections: 8}, 10 * time.Minute, true},
		{"535 for a while", smtpsink.Faults{Mail: smtpsink.Reply{Code: 535, Text: "who are you"}}, 10 * time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 0)
			if err := r.sink.SetFaults(c.faults); err != nil {
				t.Fatal(err)
			}
			const incidents = 8
			for n := range incidents {
				r.fires(backup("dupont", fmt.Sprintf("SRV-%02d", n), "primary"))
				r.stride(70*time.Second, 10*time.Second)
			}
			r.stride(c.lasts, 10*time.Second)
			if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
				t.Fatal(err)
			}
			r.stride(20*time.Minute, 10*time.Second)
			lost, doubles := r.tally("opened", incidents)
			if !c.doubled && doubles > 0 {
				t.Errorf("%d doubles", doubles)
			}
			if n := r.metric("vigie_notification_outbox_pending"); n != 0 {
				t.Errorf("%v are left", n)
			}
			t.Logf("figure: relay %s: %d incidents, %d lost, %d doubles with the same Message-ID", c.name, incidents, lost, doubles)
		})
	}
}

// One of five addresses is refused for good: the four others have their mail at
// once, and the refusal is told.
func TestFaultOneBadRecipientOfFive(t *testing.T) {
	r := newRig(t, 0, func(r *rig) { r.edits = []string{"lead: {people: [vijay]}", "lead: {people: [vijay, adm1, adm2]}"} })
	if err := r.sink.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"vijay@msp.example": {Code: 550, Text: "no such user"}}}); err != nil {
		t.Fatal(err)
	}
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.act(http.StatusOK, adm1Token, "1", "escalate", map[string]string{"reason": "help"})
	r.pass(61 * time.Second)
	var got []string
	for _, m := range r.mails("account_manager") {
		got = append(got, m.Recipients...)
		if n := len(smtpsink.Bare(m.To)) + len(smtpsink.Bare(m.Cc)); n != 5 {
			t.Errorf("the headers name %d addresses, want all five", n)
		}
	}
	slices.Sort(got)
	if want := []string{"adm1@msp.example", "adm2@msp.example", "am.dupont@msp.example", "expert@msp.example"}; !slices.Equal(got, want) {
		t.Errorf("reached %v, want %v", got, want)
	}
	var lines []store.Line
	r.get("/api/v1/incidents/1/journal", &lines)
	if !slices.ContainsFunc(lines, func(l store.Line) bool {
		return l.What == "refused account_manager" && l.Personal == "vijay@msp.example"
	}) {
		t.Error("the refused address is not in the journal")
	}
	if got := r.metric(`vigie_notifications_sent_total{result="refused",template="B1"}`); got != 1 {
		t.Errorf("refusals counted: %v", got)
	}
	t.Logf("figure: one bad RCPT of five: %d reached in the first minute, the fifth in the journal and the metrics", len(got))
}

// slowTo delays what goes to one address, or to all of them when empty, as a relay does that asks the other
// side first.
type slowTo struct {
	notify.Channel
	address string
	by      chan struct{}
}

func (s slowTo) Deliver(ctx context.Context, m notify.Message, to string) error {
	if s.address == "" || to == s.address {
		<-s.by
	}
	return s.Channel.Deliver(ctx, m, to)
}

func TestFaultSlowAddress(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, 0, func(r *rig) {
		r.tune = func(p *receiver.Reloadable) { p.Channel = slowTo{p.Channel, "sup@msp.example", release} }
	})
	const incidents = 20
	decide := func() {
		for _, step := range []func(context.Context) error{r.engine.Tick, r.engine.AskDue, r.engine.Tick} {
			if err := step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range incidents {
		a := backup(fmt.Sprintf("customer-%02d", n), "SRV-AD", "primary") // a message of its own
		a["engine"] = fmt.Sprintf("engine-%02d", n)
		r.fires(a)
		decide()
	}
	r.act(http.StatusOK, adm1Token, "1", "escalate", map[string]string{"reason": "help"})
	decide()
	r.set(r.now().Add(61 * time.Second))
	done := make(chan error, 1)
	begun := time.Now()
	go func() { done <- r.engine.Deliver(context.WithoutCancel(t.Context())) }()
	for len(r.mails("account_manager")) < 2 { // those in copy; the third is the slow address
		if time.Since(begun) > 20*time.Second {
			t.Fatal("the others wait behind a slow address")
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(begun)
	if n := len(r.mails("opened")); n != 0 {
		t.Errorf("%d mails to the slow address already", n)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.stride(time.Minute, 10*time.Second)
	lost, _ := r.tally("opened", incidents)
	t.Logf("figure: one address hangs with %d mails waiting: the others have theirs after %s; in the end %d lost", incidents, took.Round(10*time.Millisecond), lost)
}

func TestAlarmThatFails(t *testing.T) {
	g := newGateway(t)
	g.status = http.StatusServiceUnavailable
	r := newRig(t, 0, withAlarm(t, g))
	r.fails = true
	if err := r.sink.SetFaults(smtpsink.Faults{Down: true}); err != nil {
		t.Fatal(err)
	}
	r.fires(dog, backup("dupont", "SRV-AD", "primary"))
	r.stride(18*time.Minute, 10*time.Second)
	if n := g.count(); n < 2 || n > 3 {
		t.Errorf("%d calls to a gateway that fails, want one a minute", n)
	}
	g.mu.Lock()
	g.status = http.StatusOK
	g.mu.Unlock()
	r.stride(5*time.Minute, 10*time.Second)
	if got := r.metric(`vigie_alarm_calls_total{result="accepted"}`); got != 1 {
		t.Errorf("%v calls accepted", got)
	}
}

func TestHeartbeat(t *testing.T) {
	g := newGateway(t)
	h, err := heartbeat.New(heartbeat.Options{URLFile: g.file(t), Every: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, 0, func(r *rig) { r.tune = func(p *receiver.Reloadable) { p.Heartbeat = h } })
	r.pass(150 * time.Second)
	if n := g.count(); n != 3 {
		t.Errorf("%d heartbeats in 150 s, want 3", n)
	}
	if g.got[0] != "GET /key-0123  " {
		t.Errorf("heartbeat %q", g.got[0])
	}
	// A store that takes nothing is no reason to say that all is well.
	if err := r.db.Close(); err != nil {
		t.Fatal(err)
	}
	r.set(r.now().Add(time.Minute))
	if err := r.engine.Beat(t.Context()); err == nil {
		t.Error("a heartbeat from a receiver that cannot write")
	}
	if n := g.count(); n != 3 {
		t.Error("it was sent all the same")
	}
	r.db = nil
	r.start()
	g.mu.Lock()
	g.status = http.StatusFound
	g.mu.Unlock()
	r.set(r.now().Add(time.Minute))
	if err := r.engine.Beat(t.Context()); err == nil || strings.Contains(err.Error(), "key-0123") {
		t.Errorf("a redirection: %v", err)
	}
}

// The health check fails when a loop hangs, and is well again when it turns.
func TestHealthyWhenALoopStalls(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, 0, func(r *rig) {
		r.stalled = time.Second
		r.real = true
		r.edits = []string{"hold: 60s", "hold: 1s"}
		r.tune = func(p *receiver.Reloadable) {
			p.Timings = receiver.Timings{Tick: 50 * time.Millisecond}
			p.Channel = slowTo{p.Channel, "sup@msp.example", release}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.engine.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	health := func(want int) {
		t.Helper()
		var code int
		var text string
		for range 200 {
			if code, text = r.request(http.MethodGet, "/-/healthy", "", nil); code == want {
				if want != http.StatusOK && !strings.Contains(text, "outbox") {
					t.Errorf("it does not name the loop: %s", text)
				}
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("/-/healthy: %d %s, want %d", code, text, want)
	}
	health(http.StatusOK)
	r.fires(backup("dupont", "SRV-AD", "primary"))
	begun := time.Now()
	health(http.StatusServiceUnavailable)
	took := time.Since(begun)
	close(release)
	health(http.StatusOK)
	t.Logf("figure: injected stall of the outbox: /-/healthy fails %.1f s after (limit set to 1 s after a hold of 1 s), well again when released", took.Seconds())
}

// What is missing or contradictory is named with its file, line and key.
func TestAlarmAndHeartbeatConfiguration(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "vigie.yml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ more, want string }{
		"both":                   {"alarm: {url_file: alarm.url, to: sms, after: 20m, every: 2h}\nheartbeat: {url_file: beat.url, every: 2m}\n", ""},
		"alarm without file":     {"alarm: {to: sms}\n", "vigie.yml:11: alarm: alarm: url file"},
		"negative":               {"alarm: {url_file: alarm.url, after: -1m}\n", "is negative"},
		"heartbeat without file": {"heartbeat: {every: 1m}\n", "heartbeat: url_file: missing"},
		"misspelt":               {"heartbeat: {url: x}\n", `unknown key "url"`},
	} {
		if err := os.WriteFile(path, append(slices.Clone(text), c.more...), 0o600); err != nil {
			t.Fatal(err)
		}
		setup, err := receiver.Load(path)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		reloadable, err := setup.Reloadable()
		if err != nil || reloadable.Alarm == nil || reloadable.Alarm.After != 20*time.Minute || reloadable.Heartbeat == nil {
			t.Errorf("%s: %+v, %v", name, reloadable.Alarm, err)
		}
	}
}
