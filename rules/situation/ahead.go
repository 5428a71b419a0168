package situation

import (
	"slices"
	"time"

	"vigie/rules/model"
)

// Ahead is an instant, no step's and no target's, at which time alone changes
// something, with the name of the moment that it brings.
type Ahead struct {
	Moment string
	At     time.Time
}

// AllAhead are the moments that are known to come if nobody does anything: an agreed
// wait that ends, a silence that does, and what somebody has that is given back. The
// nearest stands first.
func (d *Situation) AllAhead() []Ahead {
	var out []Ahead
	add := func(moment string, at time.Time) {
		if at.After(d.Now) {
			out = append(out, Ahead{moment, at})
		}
	}
	i := d.Incident
	if i.State.Ended() {
		return nil
	}
	if i.State == model.Waiting {
		add("waiting_over", i.Until)
	}
	for _, s := range i.Silences {
		add("silence_ended", s.EndsAt)
	}
	if until, in := d.MaintenanceAt(d.Now); in {
		add("maintenance_over", until)
	}
	if i.Assignee != "" && d.Scenario.Owner != nil && i.State != model.Waiting && !i.Flags[model.FlagSilenced] {
		cal := d.Calendar(d.Scenario.Calendar)
		if at, err := cal.EffectiveStart(d.Schedule().After(d.LastWord(), d.Scenario.Owner.LapsesAfter)); err == nil {
			add("lapsed", at)
		}
	}
	slices.SortFunc(out, func(a, b Ahead) int { return a.At.Compare(b.At) })
	return out
}

// LastWord is when the owner last did something about the incident, or got it.
func (d *Situation) LastWord() time.Time {
	last := d.Incident.TakenAt
	for _, moment := range []string{"waiting_over", "silence_ended"} { // until then nothing was expected of him
		if at, ok := d.Moment(moment); ok && at.After(last) && !last.IsZero() {
			last = at
		}
	}
	for _, a := range d.Incident.Acts {
		if a.Episode == d.Incident.Episode && (a.By == d.Incident.Assignee || a.Verb == "assign") && a.At.After(last) {
			last = a.At
		}
	}
	if last.IsZero() {
		return d.Incident.OpenedAt
	}
	return last
}
