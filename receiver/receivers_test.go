package receiver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/receiver/store"
)

// Two receivers on one database that get the same deliveries at the same time, while many
// machines fail, come to what one by itself comes to: the same incidents in the same state,
// each told once; and the journal verifies.
func TestTwoReceiversComeToTheSame(t *testing.T) {
	s := postgresServer(t)
	address, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	one := newRig(t, 0)
	want := crowdOf(one, one)
	a, b := newRig(t, 0, on(address)), newRig(t, 0, on(address))
	defer leads(t, a.engine)()
	got := crowdOf(a, b)
	if d := difference(want, got); d != "" {
		t.Errorf("one receiver and two differ (- one, + two):\n%s", d)
	}
	var v *store.Verification
	if err := a.db.View(t.Context(), func(tx *store.Tx) (err error) { v, err = tx.Verify(); return err }); err != nil || len(v.Faults) > 0 {
		t.Errorf("the journal: %+v (%v)", v, err)
	}
}

// crowdOf has many machines fail, everything posted to both receivers at once, lets the
// first turn its loops, and returns what they came to.
func crowdOf(a, b *rig) (lines []string) {
	a.t.Helper()
	const machines, atOnce = 40, 8
	var wg sync.WaitGroup
	slots := make(chan bool, atOnce)
	for m := range machines {
		slots <- true
		wg.Go(func() {
			defer func() { <-slots }()
			name := fmt.Sprintf("SRV-%02d", m)
			primary, local, next := backup("dupont", name, "primary"), backup("dupont", name, "local"), backup("dupont", fmt.Sprintf("SRV-%02d", (m+1)%machines), "primary")
			for _, body := range [][]byte{
				delivery("firing", monday, time.Time{}, primary), delivery("firing", monday, time.Time{}, primary, local),
				delivery("firing", monday, time.Time{}, local, next), delivery("resolved", monday.Add(-time.Hour), monday, local),
			} {
				var both sync.WaitGroup
				for _, r := range []*rig{a, b} {
					both.Go(func() {
						if code, text := r.request(http.MethodPost, "/api/v1/alertmanager", hookToken, body); code != http.StatusOK {
							a.t.Errorf("answered %d: %s", code, text)
						}
					})
				}
				both.Wait()
			}
		})
	}
	wg.Wait()
	a.pass(2 * time.Minute)
	err := a.db.View(a.t.Context(), func(tx *store.Tx) error {
		return tx.EachSince(time.Time{}, func(r *store.Record) error {
			inc := r.Incident
			inc.ID, inc.Number, inc.Told = "", 0, nil
			state := fmt.Sprint(inc.Key, " ", inc.State, " ", inc.Episode, " ", inc.Failures, " firing:")
			for _, fp := range slices.Sorted(maps.Keys(inc.Alerts)) {
				state += fmt.Sprint(" ", inc.Alerts[fp].Firing)
			}
			flags, err := json.Marshal(inc.Flags)
			if err != nil {
				return err
			}
			lines = append(lines, state+" "+string(flags))
			return nil
		})
	})
	if err != nil {
		a.t.Fatal(err)
	}
	sent := map[string]int{}
	for _, m := range append(a.sink.Messages(), b.sink.Messages()...) {
		if sent[m.MessageID+m.Recipients[0]]++; a == b && sent[m.MessageID+m.Recipients[0]] > 1 {
			continue // one sink, looked at twice
		}
		lines = append(lines, fmt.Sprint("told ", m.Header("X-Vigie-Step"), " of ", m.Header("X-Vigie-Bundle"), " to ", strings.Join(m.Recipients, " ")))
	}
	slices.Sort(lines)
	return lines
}

// Two receivers whose clocks are 30 s apart take turns at the loops, both get everything:
// each incident is kept once and told once, and nothing is taken for a clock that was set back.
func TestClocksOfReceiversApart(t *testing.T) {
	s := postgresServer(t)
	address, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	const apart = 30 * time.Second
	a, b := newRig(t, 0, on(address)), newRig(t, 0, on(address))
	for n := range 6 {
		name := fmt.Sprintf("SRV-%d", n)
		at := monday.Add(time.Duration(n) * 4 * time.Minute)
		first, second := a, b
		if n%2 == 1 {
			first, second = b, a
		}
		a.set(at)
		b.set(at.Add(apart)) // ahead
		body := delivery("firing", at, time.Time{}, backup("dupont", name, "primary"))
		first.post(http.StatusOK, body)
		second.post(http.StatusOK, body)
		turns := []*rig{a, b}[n/3] // one half of the time each
		stop := leads(t, turns.engine)
		turns.pass(3 * time.Minute)
		stop()
	}
	told := map[string]int{}
	for _, m := range append(a.sink.Messages(), b.sink.Messages()...) {
		if m.Header("X-Vigie-Step") == "opened" {
			told[m.Header("Subject")+m.Recipients[0]]++
		}
	}
	for what, n := range told {
		if n != 1 {
			t.Errorf("%d times: %s", n, what)
		}
	}
	var open []*store.Record // but for the missing watchdog, which is none of a machine
	if err := a.db.View(context.Background(), func(tx *store.Tx) (err error) {
		open, err = tx.Incidents(store.Filter{Customer: "dupont"})
		return err
	}); err != nil || len(open) != 6 || len(told) < 6 {
		t.Errorf("%d incidents, %d told (%v)", len(open), len(told), err)
	}
}
