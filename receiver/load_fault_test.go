package receiver_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/rules/model"
)

// long chooses between the short form of a fault, for every run of the tests,
// and the long one of make faults.
func long(short, long int) int {
	if os.Getenv("VIGIE_FAULTS") == "long" {
		return long
	}
	return short
}

// servers returns n servers' failed backups.
func servers(n int) []alert {
	var out []alert
	for i := range n {
		out = append(out, backup("dupont", fmt.Sprintf("SRV-%05d", i), "primary"))
	}
	return out
}

// Three Alertmanagers of a cluster that has come apart tell the same.
func TestFaultThreeAlertmanagersAtOnce(t *testing.T) {
	r := newRig(t, 0)
	const alerts = 100
	body := delivery("firing", r.now(), time.Time{}, servers(alerts)...)
	var wg sync.WaitGroup
	codes := make([]int, 3)
	for i := range codes {
		wg.Go(func() { codes[i], _ = r.request(http.MethodPost, "/api/v1/alertmanager", hookToken, body) })
	}
	wg.Wait()
	if !slices.Equal(codes, []int{200, 200, 200}) {
		t.Fatalf("answers %v", codes)
	}
	r.pass(3 * time.Minute)
	list := r.incidents("limit=1000")
	machines := map[string]bool{}
	for _, i := range list {
		machines[i.Identity["machine"]] = true
	}
	mails := r.mails("opened")
	if len(list) != alerts || len(machines) != alerts || len(mails) != 1 {
		t.Errorf("%d incidents of %d machines, %d mails; want %d of %d and 1", len(list), len(machines), len(mails), alerts, alerts)
	}
	t.Logf("figure: 3 Alertmanagers post the same %d alerts at once: %d incidents, %d mail", alerts, len(list), len(mails))
}

func TestFaultResolvedBeforeFiring(t *testing.T) {
	r := newRig(t, 1)
	a := backup("dupont", "SRV-AD", "primary")
	r.prom.job(a, 1, monday.Add(-time.Minute), monday.Add(-time.Minute), monday)
	starts := monday.Add(-10 * time.Minute)
	r.post(http.StatusOK, delivery("resolved", starts, monday.Add(-2*time.Minute), a))
	r.post(http.StatusOK, delivery("firing", starts, time.Time{}, a))
	r.pass(6 * time.Minute)
	for _, i := range r.incidents("") {
		if i.State == model.Open {
			t.Errorf("incident %s stays open for an alert that no Alertmanager knows", i.ID)
		}
	}
	t.Logf("figure: resolved before firing: %d incidents left open", len(r.incidents("state=open")))
}

// K5: deliveries doubled and in any order end in the same state as in order.
func TestFaultDuplicatesAndReorder(t *testing.T) {
	const machines = 6
	trials := long(3, 30)
	var bodies [][]byte
	all := servers(machines)
	for n, a := range all {
		starts := monday.Add(time.Duration(n-20) * time.Minute)
		bodies = append(bodies, delivery("firing", starts, time.Time{}, a))
		if n%2 == 0 {
			bodies = append(bodies, delivery("resolved", starts, starts.Add(10*time.Minute), a))
		}
		bodies = append(bodies, delivery("firing", starts, time.Time{}, all[:n+1]...))
	}
	play := func(seed uint64) string {
		r := newRig(t, 1)
		p := r.peers[0]
		for n, a := range all {
			result := 3.0
			if n%2 == 0 {
				result = 1
			} else {
				p.change(func() { p.alerts = append(p.alerts, a) })
			}
			r.prom.job(a, result, monday.Add(-time.Minute), monday.Add(time.Duration(-1800*int(result))*time.Second), monday)
		}
		mine := slices.Clone(bodies)
		if seed > 0 {
			g := rand.New(rand.NewPCG(seed, 4))
			for range len(bodies) * 2 {
				mine = append(mine, bodies[g.IntN(len(bodies))])
			}
			g.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
		}
		for _, b := range mine {
			r.post(http.StatusOK, b)
		}
		r.stride(10*time.Minute, 10*time.Second)
		var out []string
		for _, i := range r.incidents("ended=true") {
			ended := i.State.Ended() || i.State == model.Unverified
			out = append(out, fmt.Sprintf("%s over=%v firing=%v", i.Identity["machine"], ended, !ended))
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	want := play(0)
	for seed := range trials {
		if got := play(uint64(seed + 1)); got != want {
			t.Errorf("seed %d ends differently:\n%s\nin order:\n%s", seed+1, got, want)
		}
	}
	t.Logf("figure: duplicates and reorder: %d orders of %d deliveries, each tripled: 1 final state", trials, len(bodies))
}

func TestFaultTenThousandAlerts(t *testing.T) {
	r := newRig(t, 0)
	const each = 100
	all := servers(long(2_000, 10_000))
	var mu sync.Mutex
	var slowest time.Duration
	work := make(chan []alert)
	var wg sync.WaitGroup
	begun := time.Now()
	for range 8 {
		wg.Go(func() {
			for part := range work {
				at := time.Now()
				code, text := r.request(http.MethodPost, "/api/v1/alertmanager", hookToken, delivery("firing", monday, time.Time{}, part...))
				if code != http.StatusOK {
					t.Errorf("%d %s", code, text)
				}
				mu.Lock()
				slowest = max(slowest, time.Since(at))
				mu.Unlock()
			}
		})
	}
	for part := range slices.Chunk(all, each) {
		work <- part
	}
	close(work)
	wg.Wait()
	took := time.Since(begun)
	if took > time.Minute {
		t.Errorf("%s for %d alerts", took, len(all))
	}
	if got := r.metric(`vigie_incidents_opened_total{scenario="server"}`); got != float64(len(all)) {
		t.Errorf("%v incidents", got)
	}
	t.Logf("figure: %d distinct alerts: accepted in %.1f s (%.0f alerts/s), slowest answer %d ms, as many incidents",
		len(all), took.Seconds(), float64(len(all))/took.Seconds(), slowest.Milliseconds())
}

// K7: the clock jumps by an hour, both ways. No step is taken twice, none is
// left out, and the watchdog is still missed in time.
func TestFaultClockJumps(t *testing.T) {
	r := newRig(t, 0)
	r.fires(dog, backup("dupont", "SRV-1", "primary"))
	r.pass(30 * time.Second)
	r.set(r.now().Add(time.Hour))
	r.stride(2*time.Minute, 10*time.Second)
	r.fires(dog)
	r.stride(2*time.Minute, 10*time.Second)
	if n := len(r.incidents("scenario=blind")); n != 0 {
		t.Error("blind although the watchdog is heard")
	}
	r.fires(backup("dupont", "SRV-2", "primary"))
	r.pass(30 * time.Second)
	r.set(r.now().Add(-time.Hour))
	r.fires(backup("dupont", "SRV-3", "primary"))
	r.stride(2*time.Minute, 10*time.Second)
	back := r.now()
	for len(r.incidents("scenario=blind")) == 0 && r.now().Sub(back) < 2*time.Hour {
		r.stride(30*time.Second, 30*time.Second)
	}
	blind := r.now().Sub(back)
	if blind > 16*time.Minute {
		t.Errorf("a missing watchdog is noticed %s after the clock was set back", blind)
	}
	r.stride(2*time.Hour, time.Minute)
	lost, doubles := r.tally("opened", 3)
	if doubles != 0 {
		t.Errorf("%d doubles", doubles)
	}
	t.Logf("figure: clock 1 h forward, then 1 h back: 3 incidents, %d not told, %d told twice; a missing watchdog noticed %s after the jump back", lost, doubles, blind.Round(time.Second))
}

// K10: what no Alertmanager sends.
func TestFaultHostileInput(t *testing.T) {
	r := newRig(t, 0)
	one := func(labels string) string { return `{"alerts":[{"status":"firing","labels":` + labels + `}]}` }
	many := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"alertname":"Many"`)
		for i := range n {
			fmt.Fprintf(&b, `,"l%d":"v"`, i)
		}
		return b.String() + "}"
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.Copy(z, io.LimitReader(zeros{}, 100<<20))
	_ = z.Close()
	injected, _ := json.Marshal(map[string]string{"alertname": "X\r\nBcc: everybody@else.example", "customer": "dupont\r\n\r\nbody", "machine": "SRV\r\nTo: x@else.example",
		"backup_role": "primary", "plan": "\u202e\x00\r\nSubject: y"})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	bodies := []struct {
		name, body string
		codes      []int
	}{
		{"nothing", "", []int{400}},
		{"cut off", one(`{"alertname":"A"`)[:40], []int{400}},
		{"depth 100,000", strings.Repeat("[", 100_000), []int{400}},
		{"labels 100,000 deep", one(strings.Repeat(`{"a":`, 100_000)), []int{400}},
		{"invalid UTF-8", one("{\"alertname\":\"\xff\xfe\"}"), []int{200, 400}},
		{"duplicate keys", `{"alerts":[],"alerts":[{"status":"firing","labels":{"alertname":"Twice","alertname":"Thrice"}}]}`, []int{200}},
		{"100,000 labels", one(many(100_000)), []int{200, 400}},
		{"a label of 8 MB", one(`{"alertname":"` + strings.Repeat("x", 8<<20) + `"}`), []int{200, 400}},
		{"65 MB", `{"alerts":[],"x":"` + strings.Repeat("x", 65<<20) + `"}`, []int{413}},
		{"gzip bomb", zipped.String(), []int{400}},
		{"another version", `{"version":"99","alerts":[{"status":"firing","labels":{"alertname":"New"}}]}`, []int{200}},
		{"a payload of one's own", `{"text":"hello"}`, []int{400}},
		{"year 0", `{"alerts":[{"status":"firing","labels":{"alertname":"Old"},"startsAt":"0000-01-01T00:00:00Z"}]}`, []int{200, 400}},
		{"year 9999", `{"alerts":[{"status":"firing","labels":{"alertname":"Late"},"startsAt":"9999-12-31T23:59:59Z"}]}`, []int{200, 400}},
		{"headers in labels", one(string(injected)), []int{200}},
	}
	for _, c := range bodies {
		code, text := r.request(http.MethodPost, "/api/v1/alertmanager", hookToken, []byte(c.body))
		if !slices.Contains(c.codes, code) {
			t.Errorf("%s: %d %.200q, want %v", c.name, code, text, c.codes)
		}
		if len(text) > 2000 {
			t.Errorf("%s: the answer has %d bytes", c.name, len(text))
		}
	}
	r.stride(5*time.Minute, 10*time.Second)
	runtime.GC()
	runtime.ReadMemStats(&after)
	for _, m := range r.sink.Messages() {
		for _, a := range slices.Concat(m.Recipients) {
			if strings.Contains(a, "else.example") {
				t.Errorf("a label made a recipient: %s", a)
			}
		}
		if m.Header("Bcc") != "" || strings.Contains(m.Header("To"), "else.example") || strings.ContainsAny(m.Header("Subject"), "\r\n") {
			t.Errorf("a label made a header: %q %q", m.Header("To"), m.Header("Subject"))
		}
		if len(m.Text) > 1<<20 {
			t.Errorf("a mail of %d bytes", len(m.Text))
		}
	}
	if got := r.metric("vigie_notification_outbox_pending"); got != 0 {
		t.Errorf("%v mails cannot be written", got)
	}
	// Honest deliveries go on.
	r.fires(backup("dupont", "SRV-AD", "primary"))
	t.Logf("figure: hostile input: %d bodies, no panic, no forged header, heap %+d MB afterwards", len(bodies), (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>20)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// FuzzDelivery posts anything: the answer is 200 or 400, never a panic.
func FuzzDelivery(f *testing.F) {
	f.Add(delivery("firing", monday, time.Time{}, backup("dupont", "SRV-AD", "primary")))
	f.Add([]byte(`{"alerts":[{"status":"resolved","labels":{"alertname":"Watchdog"},"endsAt":"2026-03-09T07:10:00Z"}]}`))
	r := newRig(f, 0)
	f.Fuzz(func(t *testing.T, body []byte) {
		mine := *r
		mine.t = t
		if code, text := mine.request(http.MethodPost, "/api/v1/alertmanager", hookToken, body); code != 200 && code != 400 {
			t.Errorf("%d %s", code, text)
		}
	})
}
