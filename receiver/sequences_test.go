package receiver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/rules/model"
)

// The sequences that a receiver of webhooks alone gets wrong, against the real
// Alertmanager, with its intervals shortened. They run by the machine's clock.

// amBinary finds Alertmanager, or skips.
func amBinary(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("ALERTMANAGER"), "../.cache/bin/alertmanager"} {
		if _, err := os.Stat(name); name != "" && err == nil {
			path, err := filepath.Abs(name)
			if err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	t.Skip("no Alertmanager: build it with make tools, or name one in ALERTMANAGER")
	return ""
}

// live is a rig beside a real Alertmanager, which it feeds as Prometheus would.
type live struct {
	*rig
	am     *exec.Cmd
	base   string // Alertmanager's address
	config string
	data   string
	// cluster are the flags of its cluster; none when it runs alone.
	cluster []string
	deaf    atomic.Bool // the webhook answers 503

	mu     sync.Mutex
	alerts map[string]fed // what Prometheus says fires
	dead   bool           // Prometheus says nothing any more
}

type fed struct {
	labels alert
	starts time.Time
}

// lapse is how long an alert is good for without being repeated.
const lapse = 4 * time.Second

func newLive(t *testing.T) *live { return newLiveWith(t, true) }

// newLiveWith starts Alertmanager and a receiver that asks it or does not, and is
// otherwise as more says.
func newLiveWith(t *testing.T, asks bool, more ...func(*rig)) *live {
	t.Helper()
	binary := amBinary(t)
	t.Parallel()
	port := freePort(t)
	l := &live{alerts: map[string]fed{}, base: "http://127.0.0.1:" + port}
	l.rig = newRig(t, 0, func(r *rig) {
		r.real = true
		if asks {
			r.ams = []string{l.base}
		}
		r.edits = []string{"hold: 60s", "hold: 1s"}
		r.tune = func(p *receiver.Reloadable) {
			p.Timings = receiver.Timings{Tick: 100 * time.Millisecond, Reconcile: 500 * time.Millisecond, AbsentFor: 3 * time.Second,
				Settled: time.Millisecond, Unreachable: 2 * time.Second, Watchdog: 5 * time.Second, Ask: 5 * time.Second}
		}
		for _, change := range more {
			change(r)
		}
	})
	to, err := url.Parse(l.site.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(to)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.deaf.Load() {
			http.Error(w, "the store cannot be written", http.StatusServiceUnavailable)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(hook.Close)
	l.config, l.data = filepath.Join(l.dir, "alertmanager.yml"), filepath.Join(l.dir, "am")
	l.configure(hook.URL, "")
	l.startAM(binary)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.engine.Run(ctx) })
	wg.Go(func() { l.feed(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	l.fire(dog)
	l.until("the watchdog is heard", func() bool { return l.metric("vigie_watchdog_last_received_timestamp_seconds") > 0 })
	return l
}

// tried counts the ports that were looked at, so that no two tests get one.
var tried atomic.Int64

// freePort looks below the range from which the system itself gives ports:
// those may be somebody else's again before Alertmanager listens.
func freePort(t *testing.T) string {
	t.Helper()
	for range 200 {
		port := strconv.FormatInt(20_000+(int64(os.Getpid())*97+tried.Add(1))%10_000, 10)
		s, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = s.Close()
			return port
		}
	}
	t.Fatal("no free port between 20000 and 29999")
	return ""
}

func (l *live) configure(hook, child string) {
	l.t.Helper()
	text := fmt.Sprintf(`route:
  receiver: vigie
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - matchers: [alertname="Watchdog"]
      receiver: vigie
      group_interval: 1s
      repeat_interval: 1s
%s
receivers:
  - name: vigie
    webhook_configs:
      - url: %s/api/v1/alertmanager
        send_resolved: true
        http_config: {authorization: {credentials: %s}}
`, child, hook, hookToken)
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *live) startAM(binary string) {
	l.t.Helper()
	u, _ := url.Parse(l.base)
	l.am = exec.Command(binary, "--config.file="+l.config, "--storage.path="+l.data, "--web.listen-address="+u.Host)
	if l.am.Args = append(l.am.Args, l.cluster...); l.cluster == nil {
		l.am.Args = append(l.am.Args, "--cluster.listen-address=")
	}
	if err := l.am.Start(); err != nil {
		l.t.Fatal(err)
	}
	am := l.am
	l.t.Cleanup(func() { _ = am.Process.Kill(); _ = am.Wait() })
	l.until("Alertmanager is ready", func() bool {
		resp, err := http.Get(l.base + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (l *live) endAM(sig os.Signal) {
	l.t.Helper()
	if err := l.am.Process.Signal(sig); err != nil {
		l.t.Fatal(err)
	}
	_ = l.am.Wait() // it reports the signal
}

// feed repeats what fires until ctx ends, as Prometheus does.
func (l *live) feed(ctx context.Context) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.mu.Lock()
			all := slices.Collect(maps.Values(l.alerts))
			if l.dead {
				all = nil
			}
			l.mu.Unlock()
			_ = l.send(time.Now().Add(lapse), all...) // while it is down it is sent again
		}
	}
}

func (l *live) send(ends time.Time, all ...fed) error {
	var list []map[string]any
	for _, a := range all {
		list = append(list, map[string]any{"labels": a.labels, "startsAt": a.starts, "endsAt": ends})
	}
	if len(list) == 0 {
		return nil
	}
	return l.call(http.MethodPost, "/api/v2/alerts", list, nil)
}

func (l *live) call(method, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, l.base+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s %s", method, path, resp.Status, text)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	return err
}

func key(a alert) string { return fmt.Sprint(a) }

func (l *live) fire(alerts ...alert) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range alerts {
		l.alerts[key(a)] = fed{a, time.Now()}
	}
}

// resolve tells Alertmanager, as Prometheus does, that alerts fire no more.
func (l *live) resolve(alerts ...alert) {
	l.t.Helper()
	var over []fed
	l.mu.Lock()
	for _, a := range alerts {
		over = append(over, l.alerts[key(a)])
		delete(l.alerts, key(a))
	}
	l.mu.Unlock()
	time.Sleep(10 * time.Millisecond) // a repetition may be on its way
	_ = l.send(time.Now(), over...)
}

// fails and succeeds are what the exporters say.
func (l *live) failed(alerts ...alert) {
	for _, a := range alerts {
		l.prom.job(a, 3, time.Now().Add(-time.Minute), time.Now().Add(-30*time.Hour), time.Now())
	}
}

func (l *live) succeeded(alerts ...alert) {
	for _, a := range alerts {
		l.prom.job(a, 1, time.Now().Add(2*time.Second), time.Now().Add(2*time.Second), time.Now())
	}
}

func (l *live) silence(machine string, lasts time.Duration) string {
	l.t.Helper()
	var out struct{ SilenceID string }
	err := l.call(http.MethodPost, "/api/v2/silences", map[string]any{"createdBy": "adm1", "comment": "at work", "startsAt": time.Now(), "endsAt": time.Now().Add(lasts),
		"matchers": []any{map[string]any{"name": "machine", "value": machine, "isRegex": false, "isEqual": true}}}, &out)
	if err != nil {
		l.t.Fatal(err)
	}
	return out.SilenceID
}

func (l *live) until(what string, ok func() bool) {
	l.t.Helper()
	for limit := time.Now().Add(90 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			_, text := l.request(http.MethodGet, "/api/v1/incidents/1/journal", adm1Token, nil)
			l.t.Fatalf("not within 90 s: %s; incident 1 so far:\n%s", what, text)
		}
	}
}

func (l *live) is(a alert, want model.State) func() bool {
	return func() bool {
		list := l.incidents("ended=true&machine=" + a["machine"])
		// The failure has been seen in Prometheus before it is repaired there.
		return len(list) == 1 && list[0].State == want && (want != model.Open || !list[0].ProofAsked.IsZero())
	}
}

// told counts what the webhook was told to have ended, the watchdog aside.
func (l *live) told() float64 {
	return max(l.metric(`vigie_webhook_alerts_total{status="resolved"}`), 0)
}

func TestS1ResolvedWhileSilenced(t *testing.T) {
	l := newLive(t)
	a := backup("dupont", "SRV-AD", "primary")
	l.failed(a)
	l.fire(a)
	l.until("open", l.is(a, model.Open))
	id := l.silence("SRV-AD", time.Hour)
	l.until("in hand by the silence's author", func() bool { i := l.the("machine=SRV-AD"); return i.Assignee == "adm1" && i.State == model.Taken })
	l.succeeded(a)
	l.resolve(a)
	begun := time.Now()
	l.until("resolved", l.is(a, model.Resolved))
	if err := l.call(http.MethodDelete, "/api/v2/silence/"+id, nil, nil); err != nil {
		t.Fatal(err)
	}
	if n := l.told(); n != 0 {
		t.Errorf("the webhook was told of %v endings: the sequence is not the one meant", n)
	}
	t.Logf("figure: S1 resolved while silenced: 0 endings told by webhook, resolved %.1f s after the success", time.Since(begun).Seconds())
}

func TestS2GroupSaysResolved(t *testing.T) {
	l := newLive(t)
	a, b, c := backup("dupont", "SRV-A", "primary"), backup("dupont", "SRV-B", "primary"), backup("dupont", "SRV-C", "primary")
	l.failed(a, b, c)
	l.fire(a, b)
	l.until("open", func() bool { return l.is(a, model.Open)() && l.is(b, model.Open)() })
	l.silence("SRV-A", time.Hour)
	l.fire(c)
	l.until("open", l.is(c, model.Open))
	l.resolve(a) // under the silence, and nothing proves a repair
	l.succeeded(b, c)
	time.Sleep(1500 * time.Millisecond) // a flush of the group passes
	l.resolve(b, c)
	l.until("resolved", func() bool { return l.is(b, model.Resolved)() && l.is(c, model.Resolved)() })
	l.until("not proven", l.is(a, model.Unverified))
	t.Log("figure: S2 of three alerts of a group that says resolved: 2 resolved by proof, the silenced one unverified")
}

func TestS3SilenceEndsUnrepaired(t *testing.T) {
	l := newLive(t)
	a := backup("dupont", "SRV-AD", "primary")
	l.failed(a)
	l.fire(a)
	l.until("open", l.is(a, model.Open))
	l.silence("SRV-AD", 3*time.Second)
	ends := time.Now().Add(3 * time.Second)
	l.until("in hand", l.is(a, model.Taken))
	l.until("told of the silence's end", func() bool { return len(l.mails("silence_over")) > 0 })
	if i := l.the("machine=SRV-AD"); i.State != model.Open || i.Flags[model.FlagSilenced] {
		t.Errorf("state %s after the silence", i.State)
	}
	t.Logf("figure: S3 silence ended unrepaired: the supervisor's mail is accepted %.1f s after its end", time.Since(ends).Seconds())
}

func TestS4AnsweredWith503(t *testing.T) {
	l := newLiveWith(t, false)
	a := backup("dupont", "SRV-AD", "primary")
	l.failed(a)
	l.deaf.Store(true)
	l.fire(a)
	time.Sleep(1500 * time.Millisecond)
	l.deaf.Store(false)
	begun := time.Now()
	l.until("open", l.is(a, model.Open))
	t.Logf("figure: S4 after 503: known %.1f s after the store takes again", time.Since(begun).Seconds())
}

// S5: Prometheus dies. Everything lapses and is reported as resolved; nothing
// was repaired.
func TestS5PrometheusDies(t *testing.T) {
	l := newLive(t)
	a, probe := backup("dupont", "SRV-AD", "primary"), alert{"alertname": "PageDown", "platform": "lms-A"}
	l.failed(a)
	l.fire(a, probe)
	l.until("open", func() bool { return l.is(a, model.Open)() && len(l.incidents("platform=lms-A")) == 1 })
	l.mu.Lock()
	l.dead = true
	l.mu.Unlock()
	l.until("Alertmanager says resolved", func() bool { return l.told() >= 2 })
	l.until("blind", func() bool { return len(l.incidents("scenario=blind")) > 0 })
	time.Sleep(2 * time.Second) // whatever would end now has had its time: polls each 500 ms
	if i := l.the("machine=SRV-AD"); i.State.Ended() {
		t.Errorf("the backup's incident is %s", i.State)
	}
	if i := l.the("platform=lms-A"); i.State != model.Open {
		t.Errorf("the probe's incident is %s", i.State)
	}
	t.Logf("figure: S5 Prometheus dead: %v endings told by webhook, %d incidents of 2 still open", l.told(),
		len(l.incidents("machine=SRV-AD"))+len(l.incidents("platform=lms-A")))
}

func TestS6RestartOfAlertmanager(t *testing.T) {
	for _, c := range []struct {
		name string
		sig  os.Signal
	}{{"SIGTERM", syscall.SIGTERM}, {"SIGKILL", syscall.SIGKILL}} {
		t.Run(c.name, func(t *testing.T) {
			l := newLive(t)
			a := backup("dupont", "SRV-AD", "primary")
			l.failed(a)
			l.fire(a)
			l.until("open", l.is(a, model.Open))
			l.endAM(c.sig)
			l.succeeded(a)
			l.resolve(a)
			l.until("told that it is silent", func() bool { return len(l.incidents("scenario=blind")) > 0 })
			l.state("i1", model.Open)
			l.startAM(l.am.Path)
			begun := time.Now()
			l.until("resolved", l.is(a, model.Resolved))
			l.until("seeing again", func() bool { return len(l.incidents("scenario=blind")) == 0 })
			t.Logf("figure: S6 %s of Alertmanager, ended while it was down: resolved %.1f s after its return, %v endings told by webhook",
				c.name, time.Since(begun).Seconds(), l.told())
		})
	}
}

func TestS7AnotherGroupKey(t *testing.T) {
	l := newLive(t)
	a := backup("dupont", "SRV-AD", "primary")
	l.failed(a)
	l.fire(a)
	l.until("open", l.is(a, model.Open))
	text, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("  routes:\n"), []byte("  routes:\n    - {matchers: ['customer=\"dupont\"'], receiver: vigie, group_by: [machine]}\n"), 1)
	if err := os.WriteFile(l.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	before := l.metric(`vigie_webhook_alerts_total{status="firing"}`)
	if err := l.am.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	l.until("told again", func() bool { return l.metric(`vigie_webhook_alerts_total{status="firing"}`) > before+2 })
	if n := len(l.incidents("machine=SRV-AD")); n != 1 {
		t.Errorf("%d incidents", n)
	}
	l.succeeded(a)
	l.resolve(a)
	l.until("resolved", l.is(a, model.Resolved))
	t.Log("figure: S7 the same alert under two group keys: 1 incident, resolved")
}
