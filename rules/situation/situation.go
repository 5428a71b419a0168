// Package situation answers what is asked of one incident at an instant: which
// conditions hold, who fills its roles, when its steps fall due, and what a message
// about it says. It changes nothing.
package situation

import (
	"slices"
	"strings"
	"time"

	"vigie/rules/book"
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Situation is one incident under its policy at an instant: what is asked of it
// is answered, and nothing is changed.
type Situation struct {
	Book          *book.Book
	Policy        *policy.Policy
	Scenario      *policy.Scenario
	Incident      *incident.Incident
	Circumstances incident.Circumstances
	Now           time.Time
	Horizon       time.Time // what is due up to here is taken
	By            string    // who caused the step that is being taken
	Strict        bool      // told means accepted, not merely decided

	channel   string // by which people are resolved; empty for e-mail
	calendars map[string]*calendar.Calendar
}

// Of is the situation of an incident; nil when the policy that it is pinned to is
// not loaded. The incident is given the maps that one read from storage lacks.
func Of(b *book.Book, inc *incident.Incident, around incident.Circumstances, now time.Time) *Situation {
	p := b.Policy(inc.Policy)
	if p == nil {
		return nil
	}
	s := p.Scenario(inc.Scenario)
	if s == nil {
		return nil
	}
	inc.MakeMaps()
	return &Situation{Book: b, Policy: p, Scenario: s, Incident: inc, Circumstances: around, Now: now}
}

// Rebase moves the incident to another policy's scenario of the same name.
func (d *Situation) Rebase(p *policy.Policy, s *policy.Scenario) {
	d.Incident.Policy, d.Policy, d.Scenario, d.calendars = p.Hash, p, s, nil
}

// Calendar returns a calendar of the pinned policy with the live closures.
func (d *Situation) Calendar(name string) *calendar.Calendar {
	if c := d.calendars[name]; c != nil {
		return c
	}
	of := name
	if name == d.Scenario.Calendar {
		of = d.Book.CalendarOf(d.Policy, name, d.Incident.Identity[model.LabelCustomer], d.platforms)
	}
	c := d.Policy.Calendars[of]
	if live := d.Book.Closures(d.Policy, of); live != nil {
		c = live
	}
	if d.calendars == nil {
		d.calendars = map[string]*calendar.Calendar{}
	}
	d.calendars[name] = c
	return c
}

func (d *Situation) Step(name string) *policy.Step {
	for _, st := range d.Scenario.Steps {
		if st.Name == name {
			return st
		}
	}
	return nil
}

func (d *Situation) target(name string) *policy.Target {
	for _, t := range d.Scenario.Targets {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Moment is when something happened in this episode.
func (d *Situation) Moment(name string) (time.Time, bool) {
	switch name {
	case "start", "first_failure":
		return d.Incident.StartedAt, true
	}
	if step, ok := strings.CutPrefix(name, "due:"); ok {
		return d.stepDue(step)
	}
	r, ok := d.Incident.Raised[name]
	return r.At, ok && r.Count > 0
}

// stepDue is when a step is first due in this episode.
func (d *Situation) stepDue(name string) (time.Time, bool) {
	st := d.Step(name)
	if st == nil {
		return time.Time{}, false
	}
	fs := d.Schedule().Firings(st, "")
	if len(fs) == 0 {
		return time.Time{}, false
	}
	return d.Schedule().Shift(st, fs[0].At), true
}

// PrimaryClock is the target that people call the deadline: the first one that
// runs, or the first of all.
func (d *Situation) PrimaryClock() *incident.Clock {
	for _, t := range d.Scenario.Targets {
		if c := d.Incident.Targets[t.Name]; c != nil && !t.Measured {
			return c
		}
	}
	return nil
}

// Pauses are the times during which a target's stopwatch stands still: while
// the incident was over, and while it waits for the customer.
func (d *Situation) Pauses(t *policy.Target) []calendar.Pause {
	var out []calendar.Pause
	for _, p := range d.Incident.Past {
		if p.ResolvedAt.IsZero() {
			continue // nothing was proven: it went on
		}
		out = append(out, calendar.Pause{From: p.ResolvedAt, To: p.ReopenedAt})
	}
	if t.Pausable {
		out = append(out, d.Incident.Pauses...)
	}
	return out
}

// Rank orders severities; the least severe is 1.
func (d *Situation) Rank(severity string) int {
	for i, s := range d.Scenario.Severity.Order {
		if s == severity {
			return i + 1
		}
	}
	return 0
}

func (d *Situation) AnyFiring() bool { return d.Incident.AnyFiring() }

func (d *Situation) LastEpisodeAct() *incident.ActRecord {
	for i := range d.Incident.Acts {
		if d.Incident.Acts[i].Episode == d.Incident.Episode {
			return &d.Incident.Acts[i]
		}
	}
	return nil
}

// LastAct returns the newest act of that verb in this episode, or nil.
func (d *Situation) LastAct(verb string) *incident.ActRecord {
	for i := len(d.Incident.Acts) - 1; i >= 0; i-- {
		if a := &d.Incident.Acts[i]; a.Verb == verb && a.Episode == d.Incident.Episode {
			return a
		}
	}
	return nil
}

func (d *Situation) Happened(moment string) bool { return d.Incident.Raised[moment].Count > 0 }

// LastReport is the newest report of a person; an empty one when there is none.
func (d *Situation) LastReport() model.Signal {
	if n := len(d.Incident.Reports); n > 0 {
		return d.Incident.Reports[n-1]
	}
	return model.Signal{}
}

// joinedWorse tells that the newest report says that it is worse than thought.
func (d *Situation) joinedWorse() bool {
	joined, ok := d.Incident.Raised["joined"]
	return ok && joined.At.Equal(d.Incident.Raised["worsened"].At)
}

// platforms are all platforms that the incident's signals name, by themselves or by
// their host, sorted.
func (d *Situation) platforms() []string { return d.Book.Directory.Hit(d.Incident.Platforms()) }

// hits reports whether an alert is about a platform: it names it, or its host.
func (d *Situation) hits(a *incident.Alert, platform string) bool {
	named := a.Labels[model.LabelPlatform]
	return named == platform || named != "" && slices.Contains(d.Book.Directory.Hit([]string{named}), platform)
}

// reportsOf are the reports that name a platform, all without one.
func (d *Situation) reportsOf(platform string) []model.Signal {
	if platform == "" {
		return d.Incident.Reports
	}
	var out []model.Signal
	for _, r := range d.Incident.Reports {
		if r.Labels[model.LabelPlatform] == platform {
			out = append(out, r)
		}
	}
	return out
}

// Expires is when the first of what its alerts warn of ends; zero for none.
func (d *Situation) Expires() time.Time {
	var first time.Time
	for _, a := range d.Incident.Alerts {
		at := a.Ends()
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}
