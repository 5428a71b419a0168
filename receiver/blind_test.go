package receiver_test

import (
	"strings"
	"testing"
	"time"

	"vigie/rules/model"
)

// covers: S1.4; monitoring that is blind stays blind across a restart until the
// watchdog is really heard, and then the incident ends by itself.
func TestBlindAcrossARestart(t *testing.T) {
	r := newRig(t, 0)
	dog := alert{"alertname": "Watchdog"}
	r.fires(dog)
	r.pass(16 * time.Minute)
	blind := r.the("scenario=blind")
	told := r.mails("blind")
	if len(told) == 0 || !strings.Contains(told[0].Subject, "no sign of life from Prometheus") || !strings.Contains(told[0].Text, "Since: Mon 9 March 07:10") {
		t.Fatalf("what is not heard, and since when: %+v", told)
	}
	r.restart()
	r.pass(2 * time.Minute)
	r.state(blind.ID, model.Open) // the restart forgot nothing, and heard nothing
	r.fires(dog)
	r.pass(2 * time.Second)
	r.state(blind.ID, model.Resolved)
}

// covers: S1.4; an Alertmanager that was silent and is not configured any more
// leaves nothing open.
func TestUnreachableAndTakenOut(t *testing.T) {
	for _, left := range []int{1, 0} {
		r := newRig(t, 2)
		r.peers[1].change(func() { r.peers[1].broken = true })
		if left == 0 {
			r.peers[0].change(func() { r.peers[0].broken = true })
		}
		r.fails = true
		r.pass(5 * time.Minute)
		open := r.incidents("scenario=blind")
		if len(open) != 2-left {
			t.Fatalf("%d incidents of %d silent Alertmanagers", len(open), 2-left)
		}
		r.restart() // it is still silent: for the first minutes nothing is claimed
		r.pass(90 * time.Second)
		for _, i := range open {
			r.state(i.ID, model.Open)
		}
		r.peers, r.fails = r.peers[:left], false
		r.restart()
		r.pass(61 * time.Second)
		for _, i := range open {
			r.state(i.ID, model.Resolved)
		}
	}
}
