package receiver_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

// steps counts the distinct messages of each step, however many recipients each
// has.
func (r *rig) steps() map[string]int {
	seen := map[string]bool{}
	out := map[string]int{}
	for _, m := range r.sink.Messages() {
		if !seen[m.MessageID] {
			seen[m.MessageID] = true
			out[m.Header("X-Vigie-Step")]++
		}
	}
	return out
}

// K7: the clock jumps by a year, forward and back, with an incident opened and a
// mail put off in between. What was set by the wrong clock does not wait for it
// to come round again.
func TestFaultClockJumpsAYear(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, 365 * 24 * time.Hour} {
		r := newRig(t, 0)
		r.fires(dog, backup("dupont", "SRV-1", "primary"))
		r.stride(30*time.Second, 10*time.Second)
		r.set(r.now().Add(jump))
		if err := r.sink.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"*": {Code: 451, Text: "later"}}}); err != nil {
			t.Fatal(err)
		}
		r.fires(dog)
		r.stride(2*time.Minute, 10*time.Second)
		r.fires(backup("martin", "SRV-2", "primary"))
		r.stride(30*time.Second, 10*time.Second)
		r.set(r.now().Add(-jump))
		back := r.now()
		if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
			t.Fatal(err)
		}
		r.fires(dog, backup("dupont", "SRV-3", "primary"))
		for len(r.mails("opened")) < 3 && r.now().Sub(back) < time.Hour {
			r.fires(dog)
			r.stride(time.Minute, 10*time.Second)
		}
		late := r.now().Sub(back)
		if late > 20*time.Minute {
			t.Errorf("%s: told %s after the clock was set right", jump, late)
		}
		// Deadlines count from the right time again.
		r.act(http.StatusOK, adm1Token, "i2", "escalate", map[string]string{"reason": "help"})
		r.stride(2*time.Minute, 10*time.Second)
		lost, doubles := r.tally("opened", 3)
		if n := r.steps()["account_manager"]; n != 1 || doubles > 0 {
			t.Errorf("%s: %d mails to the account manager, %d doubles", jump, n, doubles)
		}
		t.Logf("figure: clock %s forward, then back: 3 incidents, %d not told, %d told twice, all told %s after it was set right", jump, lost, doubles, late)
	}
}

// The same when the clock is set back while the receiver is down.
func TestFaultClockSetBackWhileDown(t *testing.T) {
	const jump = 365 * 24 * time.Hour
	r := newRig(t, 0)
	r.set(monday.Add(jump))
	if err := r.sink.SetFaults(smtpsink.Faults{Down: true}); err != nil {
		t.Fatal(err)
	}
	r.fires(backup("dupont", "SRV-1", "primary"))
	r.stride(2*time.Minute, 10*time.Second)
	r.fires(backup("martin", "SRV-2", "primary"))
	r.stride(20*time.Second, 10*time.Second)
	r.stop()
	r.set(monday)
	r.start()
	if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
		t.Fatal(err)
	}
	r.stride(20*time.Minute, 10*time.Second)
	if lost, doubles := r.tally("opened", 2); lost+doubles > 0 {
		t.Errorf("%d not told, %d told twice", lost, doubles)
	}
}

// K7: the machine sleeps for three days with an incident open and a mail held.
// What fell due is done once, in its order, without a storm.
func TestFaultSuspended(t *testing.T) {
	r := newRig(t, 0)
	r.fires(dog)
	const incidents = 20
	r.fires(servers(incidents)...)
	r.act(http.StatusOK, adm1Token, "i1", "escalate", map[string]string{"reason": "help"})
	r.stride(10*time.Second, 10*time.Second)
	r.set(r.now().Add(72 * time.Hour))
	woke := r.now()
	r.turn()
	r.fires(dog)
	r.stride(10*time.Minute, 10*time.Second)
	lost, doubles := r.tally("opened", incidents)
	if doubles > 0 {
		t.Errorf("%d doubles", doubles)
	}
	got := r.steps()
	if got["opened"] > 2 || got["account_manager"] != 1 {
		t.Errorf("after the sleep: %v", got)
	}
	n := len(r.sink.Messages())
	r.stride(time.Hour, time.Minute)
	for r.now().Sub(woke) < 2*time.Hour {
		r.fires(dog)
		r.stride(5*time.Minute, time.Minute)
	}
	blind := len(r.mails("blind"))
	t.Logf("figure: asleep for 72 h: %d incidents, %d not told, %d told twice, %d mails in the first 10 minutes, %d of a missing watchdog", incidents, lost, doubles, n, blind)
}

// K7: the night in which the clock of the wall is changed, both ways. The
// working-time deadlines are the calendar's own affair; here nothing may be told
// twice or not at all.
func TestFaultSummerTime(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	var figures []string
	for _, night := range []time.Time{time.Date(2026, 3, 29, 1, 30, 0, 0, paris), time.Date(2026, 10, 25, 1, 30, 0, 0, paris)} {
		r := newRig(t, 0)
		r.set(night)
		all := servers(4)
		for n, a := range all { // one each half hour, across the change
			r.fires(dog, a)
			for range 6 {
				r.fires(dog)
				r.stride(5*time.Minute, 30*time.Second)
			}
			if n == 1 {
				r.restart()
			}
		}
		lost, doubles := r.tally("opened", len(all))
		var at []time.Time
		for _, m := range r.mails("opened") {
			at = append(at, m.Received)
		}
		if !slices.IsSortedFunc(at, time.Time.Compare) || len(r.incidents("scenario=blind")) > 0 || doubles > 0 {
			t.Errorf("%s: %v, %d doubles", night, at, doubles)
		}
		for n := 1; n < len(at); n++ {
			if d := at[n].Sub(at[n-1]); d < 29*time.Minute || d > 31*time.Minute {
				t.Errorf("%s: two mails %s apart", night, d)
			}
		}
		figures = append(figures, fmt.Sprintf("%s: %d told, %d lost, %d twice", night.Format("2 January"), len(at), lost, doubles))
	}
	t.Logf("figure: nights of a clock change: %s", strings.Join(figures, "; "))
}
