package alertmanager

import (
	"maps"
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// Together is what all Alertmanagers that answered say together.
type Together struct {
	Firing map[string]model.Signal
	// Muted are alerts that every Alertmanager that knows them keeps back.
	Muted      map[string]bool
	SilencedBy map[string][]string
	Silences   map[string]incident.Silence
	Updated    map[string]time.Time
	// All tells that every configured Alertmanager answered.
	All bool
	// Complete tells that every configured Alertmanager answered and that its
	// silence about an alert says something.
	Complete bool
	// Mutes tells that one of them mutes groups at some hours.
	Mutes bool
	// Quiet tells that one of them knows no alert of ours at all: whether it hears
	// Prometheus must be proven otherwise.
	Quiet bool
}

// Join puts together what several say, each nil that did not answer. Without any
// answer there is no truth, and nothing is returned.
func Join(snaps []*Snapshot, now time.Time, settled time.Duration) *Together {
	t := &Together{Firing: map[string]model.Signal{}, Muted: map[string]bool{}, SilencedBy: map[string][]string{}, Silences: map[string]incident.Silence{},
		Updated: map[string]time.Time{}, Complete: true, All: true}
	answered := false
	for _, s := range snaps {
		if s == nil {
			t.Complete, t.All = false, false
			continue
		}
		answered = true
		t.add(s)
		t.Complete = t.Complete && s.Complete(now, settled)
	}
	if !answered {
		return nil
	}
	return t
}

func (t *Together) add(s *Snapshot) {
	t.Quiet, t.Mutes = t.Quiet || len(s.Signals) == 0, t.Mutes || s.Mutes
	for _, sig := range s.Signals {
		fp := sig.Fingerprint
		old, known := t.Firing[fp]
		t.Muted[fp] = s.Muted[fp] && (t.Muted[fp] || !known)
		if !known || sig.StartsAt.Before(old.StartsAt) {
			t.Firing[fp] = sig
		}
		if at := s.Updated[fp]; at.After(t.Updated[fp]) {
			t.Updated[fp] = at
		}
	}
	for fp, ids := range s.SilencedBy {
		t.SilencedBy[fp] = append(t.SilencedBy[fp], ids...)
	}
	maps.Copy(t.Silences, s.Silences)
}

// NextEnd is when the first of the silences runs out that still run, the zero time
// without one: Alertmanager says nothing at that moment.
func (t *Together) NextEnd(now time.Time) time.Time {
	var next time.Time
	for _, s := range t.Silences {
		if s.EndsAt.After(now) && (next.IsZero() || s.EndsAt.Before(next)) {
			next = s.EndsAt
		}
	}
	return next
}

// KeepRunning adds the silences that an incident is known to have and that have
// not run out: the Alertmanager that knows them may be the one that is silent.
func KeepRunning(active []incident.Silence, had map[string]incident.Silence, now time.Time) []incident.Silence {
	for _, s := range had {
		if s.EndsAt.After(now) && !slices.ContainsFunc(active, func(a incident.Silence) bool { return a.ID == s.ID }) {
			active = append(active, s)
		}
	}
	return active
}
