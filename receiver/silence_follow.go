package receiver

import (
	"slices"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/rules/incident"
)

// keepRunning adds the silences that an incident is known to have and that have
// not run out: the Alertmanager that knows them may be the one that is silent.
func keepRunning(active []incident.Silence, had map[string]incident.Silence, now time.Time) []incident.Silence {
	for _, s := range had {
		if s.EndsAt.After(now) && !slices.ContainsFunc(active, func(a incident.Silence) bool { return a.ID == s.ID }) {
			active = append(active, s)
		}
	}
	return active
}

// noteSilenceEnd remembers when the next silence runs out: Alertmanager says
// nothing at that moment, so it must be asked right then.
func (r *reconciler) noteSilenceEnd(t *alertmanager.Together, now time.Time) {
	var next int64
	for _, s := range t.Silences {
		if at := s.EndsAt.UnixNano(); s.EndsAt.After(now) && (next == 0 || at < next) {
			next = at
		}
	}
	r.silenceEnds.Store(next)
}

// hurryAtSilenceEnd makes reconciliation run as soon as a silence has run out.
func (r *reconciler) hurryAtSilenceEnd(now time.Time) {
	if at := r.silenceEnds.Load(); at != 0 && now.UnixNano() > at && r.silenceEnds.CompareAndSwap(at, 0) {
		r.hurry()
	}
}
