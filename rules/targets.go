package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/rules/calendar"
)

// stopwatch measures the targets.
type stopwatch struct{ *decider }

func (d *decider) stopwatch() stopwatch { return stopwatch{d} }

// clocks measures every target afresh from the incident's history, notes what
// is met and what is missed.
func (d stopwatch) clocks() {
	if d.inc.State.Ended() && d.out.From.Ended() {
		return
	}
	for _, t := range d.s.Targets {
		d.clock(t)
	}
	if d.s.Handled != nil && d.inc.HandledAt.IsZero() && d.handled() {
		d.inc.HandledAt = d.now
	}
}

func (d stopwatch) clock(t *Target) {
	c := d.inc.Targets[t.Name]
	if c != nil && !c.MetAt.IsZero() {
		return
	}
	start, ok := d.moment(t.From)
	if !ok || d.firstLacking(t.OnlyIf) != "" {
		if c != nil && c.Breached.IsZero() {
			delete(d.inc.Targets, t.Name)
		}
		return
	}
	due, paused, first := d.due(t, start)
	if due.IsZero() && !paused {
		if c != nil && c.Breached.IsZero() {
			delete(d.inc.Targets, t.Name) // the present severity does not grant it
		}
		return
	}
	if c == nil && len(t.OnlyIf) > 0 && !paused && due.Before(d.now) {
		return // its condition began to hold when its time was over: it was never owed
	}
	if c == nil {
		c = &Clock{Target: t.Name, Episode: d.inc.Episode}
		d.inc.Targets[t.Name] = c
		d.lateStart(t, start, due)
	}
	c.Start, c.Due, c.Paused = first, due, paused
	if !paused && due.Before(d.horizon) && c.Breached.IsZero() {
		c.Breached = due
		d.out.Breaches = append(d.out.Breaches, Breach{Target: t.Name, Due: due})
		d.note("breach", t.Name, "", "was due at "+due.Format(time.RFC3339))
		d.raise("breach:"+t.Name, due.Add(time.Second))
	}
	d.strict = true
	met := d.firstHolding(t.MetBy)
	d.strict = false
	if met != "" {
		c.MetAt, c.MetBy = d.now, met
		d.note("target", t.Name, "", "met: "+met)
	}
}

// due computes a target's due instant; first is the start of its clock.
func (d stopwatch) due(t *Target, start time.Time) (due time.Time, paused bool, first time.Time) {
	if t.BySeverity != nil {
		return d.dueBySeverity(t, start)
	}
	if t.Default.Business == nil {
		return start.Add(t.Default.Elapsed), false, start
	}
	pauses := d.pauses(t)
	if t.Default.Business.Unit.Pausable() {
		start = d.stopwatchStart(t, start)
	}
	due, paused, err := d.calendar(t.Default.Calendar).Due(start, *t.Default.Business, pauses)
	if err != nil {
		d.note("note", t.Name, "", "cannot be computed: "+err.Error())
	}
	return due, paused, start
}

func (d stopwatch) dueBySeverity(t *Target, start time.Time) (due time.Time, paused bool, first time.Time) {
	history := d.inc.Severities
	if len(history) == 0 {
		return time.Time{}, false, start
	}
	if t.From != "start" {
		history = []calendar.Severity{{At: start, Rank: history[len(history)-1].Rank}}
	}
	targets := map[int]calendar.Target{}
	for sev, delay := range t.BySeverity {
		if delay.Business != nil {
			targets[d.rank(sev)] = calendar.Target{Calendar: d.calendar(delay.Calendar), Duration: *delay.Business}
		}
	}
	a, ok, err := calendar.DueWithAnchors(history, targets, d.pauses(t))
	if err != nil {
		d.note("note", t.Name, "", "cannot be computed: "+err.Error())
	}
	if !ok {
		return time.Time{}, false, start
	}
	return a.Due, a.Paused, a.Anchor
}

// pauses are the times during which a target's stopwatch stands still: while
// the incident was over, and while it waits for the customer.
func (d stopwatch) pauses(t *Target) []calendar.Pause {
	var out []calendar.Pause
	for _, p := range d.inc.Past {
		out = append(out, calendar.Pause{From: p.ResolvedAt, To: p.ReopenedAt})
	}
	if t.Pausable {
		out = append(out, d.inc.Pauses...)
	}
	return out
}

// stopwatchStart lets a stopwatch of a reopened incident go on from its first
// start; the gap counts as a pause.
func (d stopwatch) stopwatchStart(t *Target, start time.Time) time.Time {
	if t.From == "start" && len(d.inc.Past) > 0 {
		return d.inc.Past[0].StartedAt
	}
	return start
}

// lateStart marks an incident whose clock began with little of the day left.
func (d stopwatch) lateStart(t *Target, start, due time.Time) {
	if t.LateBelow == nil || t.LateBelow.Business == nil {
		return
	}
	c := d.calendar(t.LateBelow.Calendar)
	left := c.OpenTime(start, due, nil)
	least, _, err := c.Due(start, *t.LateBelow.Business, nil)
	if err == nil && left < c.OpenTime(start, least, nil) {
		d.flag(FlagLateStart, true, fmt.Sprintf("only %s of the day was left", left))
	}
}

// moment is when something happened in this episode.
func (d *decider) moment(name string) (time.Time, bool) {
	switch name {
	case "start", "first_failure":
		return d.inc.StartedAt, true
	}
	if step, ok := strings.CutPrefix(name, "due:"); ok {
		return d.stopwatch().stepDue(step)
	}
	r, ok := d.inc.Raised[name]
	return r.At, ok && r.Count > 0
}

// stepDue is when a step is first due in this episode.
func (d stopwatch) stepDue(name string) (time.Time, bool) {
	st := d.step(name)
	if st == nil {
		return time.Time{}, false
	}
	fs := d.schedule().firings(st, "")
	if len(fs) == 0 {
		return time.Time{}, false
	}
	return d.schedule().shift(st, fs[0].at), true
}

// clockWakes wakes at each breach to come.
func (d stopwatch) clockWakes() {
	if d.inc.State.Ended() {
		return
	}
	for _, t := range d.s.Targets {
		c := d.inc.Targets[t.Name]
		if c != nil && c.MetAt.IsZero() && c.Breached.IsZero() && !c.Paused && !c.Due.IsZero() {
			d.wakeBy(c.Due.Add(time.Second))
		}
	}
}

// reopenClocks starts appointments afresh; stopwatches go on, and what did not
// concern the repair stays met.
func (d stopwatch) reopenClocks() {
	for _, t := range d.s.Targets {
		c := d.inc.Targets[t.Name]
		if c == nil {
			continue
		}
		if t.Stopwatch() && !c.MetAt.IsZero() && !slices.Contains([]string{"repaired", "ended"}, c.MetBy) {
			continue
		}
		if t.Stopwatch() && !c.Breached.IsZero() {
			c.MetAt, c.MetBy = time.Time{}, "" // missed once is missed; it is not counted again
			continue
		}
		delete(d.inc.Targets, t.Name)
	}
}

// primaryClock is the target that people call the deadline: the first one that
// runs, or the first of all.
func (d stopwatch) primaryClock() *Clock {
	for _, t := range d.s.Targets {
		if c := d.inc.Targets[t.Name]; c != nil {
			return c
		}
	}
	return nil
}
