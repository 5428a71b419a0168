package rules

import "time"

// Decide applies one event to an incident at an instant. It takes every step
// that is due and not yet done, so that calling it too often changes nothing.
// The incident given is not changed.
func (b *Book) Decide(inc Incident, ev Event, facts Facts, now time.Time) Decision {
	return Decision{Incident: inc}
}
