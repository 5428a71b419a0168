package receiver_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/rules/model"
)

// K6: what Alertmanager's contract leaves out. The sequences against the real
// program are S1 to S7; here hours pass.

// ending counts the incidents in each state.
func (r *rig) ending() map[model.State]int {
	out := map[model.State]int{}
	for _, i := range r.incidents("ended=true&limit=1000") {
		out[i.State]++
	}
	return out
}

// A6.4: the receiver is down for longer than Alertmanager remembers that it has
// told of an alert, which ends meanwhile. No webhook ever says so.
func TestFaultDownLongerThanAlertmanagerRemembers(t *testing.T) {
	r := newRig(t, 1)
	p := r.peers[0]
	all := servers(24)
	p.change(func() { p.alerts = append(p.alerts, all...) })
	for _, a := range all {
		r.prom.job(a, 3, monday.Add(-time.Hour), monday.Add(-30*time.Hour), monday)
	}
	r.fires(append([]alert{dog}, all...)...)
	r.stride(3*time.Minute, 10*time.Second)
	r.stop()
	r.set(r.now().Add(9 * time.Hour))
	// Eight were repaired, eight ended without a proof, eight still fail; and three that
	// nobody told of began.
	fresh := []alert{backup("martin", "NEW-1", "primary"), backup("martin", "NEW-2", "primary"), backup("martin", "NEW-3", "primary")}
	p.change(func() { p.alerts = append(append([]alert{{"alertname": "Watchdog"}}, all[16:]...), fresh...) })
	for n, a := range all {
		switch {
		case n < 8:
			r.prom.job(a, 1, r.now().Add(-time.Hour), r.now().Add(-time.Hour), r.now())
		default:
			r.prom.job(a, 3, r.now().Add(-time.Hour), monday.Add(-30*time.Hour), r.now())
		}
	}
	r.start()
	back := r.now()
	r.fires(dog)
	for len(r.incidents("state=unverified")) < 8 && r.now().Sub(back) < time.Hour {
		r.stride(30*time.Second, 10*time.Second)
		r.fires(dog)
	}
	took := r.now().Sub(back)
	got := r.ending()
	if got[model.Resolved] != 8 || got[model.Unverified] != 8 || got[model.Open] != 11 {
		t.Errorf("%v, want 8 resolved by proof, 8 unverified, 11 open", got)
	}
	lost, doubles := r.tally("opened", 27)
	t.Logf("figure: down for 9 h, no webhook of what ended or began: 8 resolved by proof, 8 unverified, 8 still open and 3 new ones found within %s; %d not told, %d told twice", took.Round(time.Second), lost, doubles)
}

// An Alertmanager that has just started knows nothing yet, and one whose answers
// are empty proves nothing.
func TestFaultEmptyAlertmanager(t *testing.T) {
	const incidents = 25
	for what, change := range map[string]func(r *rig){
		"restarted":         func(r *rig) { r.peers[0].started = r.now() },
		"without watchdog":  func(*rig) {},
		"does not answer":   func(r *rig) { r.peers[0].broken = true },
		"one of two is off": func(r *rig) { r.peers[1].broken = true },
	} {
		r := newRig(t, map[bool]int{true: 2, false: 1}[strings.HasPrefix(what, "one of two")])
		r.fails = true // an Alertmanager that does not answer is told
		all := servers(incidents)
		for _, p := range r.peers {
			p.change(func() { p.alerts = append(p.alerts, all...) })
		}
		r.fires(append([]alert{dog}, all...)...)
		r.stride(3*time.Minute, 10*time.Second)
		for _, p := range r.peers {
			p.change(func() { p.alerts = nil })
		}
		r.peers[0].change(func() { change(r) })
		for range 4 { // the settling time is 5 minutes
			r.stride(time.Minute, 10*time.Second)
		}
		// Beside them there may be one that says so.
		if got := r.ending(); got[model.Open] < incidents || len(got) != 1 {
			t.Errorf("%s: %v, want %d open", what, got, incidents)
		}
	}
	t.Logf("figure: empty answers of an Alertmanager that restarted, that misses the watchdog, that fails, or whose peer fails: 0 of %d incidents ended", incidents)
}

// A4: an alert that ends and fires again between two flushes arrives only as a
// newer start of the same alert.
func TestFaultFlapBetweenFlushes(t *testing.T) {
	r := newRig(t, 0)
	a := backup("dupont", "SRV-AD", "primary")
	for n := range 6 {
		r.fires(dog)
		r.post(http.StatusOK, delivery("firing", monday.Add(time.Duration(n)*5*time.Minute), time.Time{}, a))
		r.stride(5*time.Minute, 30*time.Second)
	}
	i := r.the("ended=true")
	lost, doubles := r.tally("opened", 1)
	if i.State != model.Open || doubles > 0 {
		t.Errorf("%s, %d doubles", i.State, doubles)
	}
	// An old start that comes late changes nothing either.
	r.post(http.StatusOK, delivery("firing", monday, time.Time{}, a))
	r.stride(2*time.Minute, 30*time.Second)
	r.the("ended=true")
	t.Logf("figure: an alert that flaps 5 times between flushes: 1 incident, open, %d not told, %d told twice", lost, doubles)
}

// A1: with max_alerts a delivery leaves alerts out. They are counted, and
// Alertmanager is asked at once.
func TestFaultTruncatedDelivery(t *testing.T) {
	r := newRig(t, 1, func(r *rig) {
		r.real = true
		r.tune = func(p *receiver.Reloadable) {
			p.Timings = receiver.Timings{Tick: 50 * time.Millisecond, Reconcile: time.Hour}
		}
	})
	all := servers(4)
	p := r.peers[0]
	p.change(func() { p.started = time.Now().Add(-time.Hour) })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.engine.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	time.Sleep(200 * time.Millisecond) // the first reconciliation finds nothing
	p.change(func() { p.alerts = append(p.alerts, all...) })
	body := delivery("firing", time.Now(), time.Time{}, all[:2]...)
	r.post(http.StatusOK, []byte(strings.Replace(string(body), `"truncatedAlerts":0`, `"truncatedAlerts":2`, 1)))
	begun := time.Now()
	for len(r.incidents("")) < len(all) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("%d incidents of %d alerts", len(r.incidents("")), len(all))
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := r.metric("vigie_webhook_truncated_alerts_total"); got != 2 {
		t.Errorf("%v left out are counted", got)
	}
	t.Logf("figure: 2 of 4 alerts left out of a delivery: counted, and all 4 known %.1f s after it; the next poll was due in an hour", time.Since(begun).Seconds())
}

// Bodies as they were recorded from several versions.
func TestFaultRecordedDeliveries(t *testing.T) {
	files, err := filepath.Glob("webhook/testdata/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	r := newRig(t, 0)
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // Alertmanager repeats
			r.post(http.StatusOK, body)
		}
	}
	r.stride(2*time.Minute, 10*time.Second)
	list := r.incidents("ended=true")
	if len(list) == 0 {
		t.Error("no incident of a recorded delivery")
	}
	_, doubles := r.tally("opened", len(list))
	t.Logf("figure: %s", fmt.Sprintf("%d recorded deliveries, each twice: %d incidents, %d told twice", len(files), len(list), doubles))
}
