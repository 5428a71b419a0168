package rules

import (
	"fmt"
	"slices"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// stopwatch measures the targets.
type stopwatch struct{ *decider }

func (d *decider) stopwatch() stopwatch { return stopwatch{d} }

// clocks measures every target afresh from the incident's history, notes what
// is met and what is missed.
func (d stopwatch) clocks() {
	if d.Incident.State.Ended() && d.out.From.Ended() {
		return
	}
	for _, t := range d.Scenario.Targets {
		d.clock(t)
	}
	if d.Scenario.Handled != nil && d.Incident.HandledAt.IsZero() && d.Handled() {
		d.Incident.HandledAt = d.Now
	}
}

func (d stopwatch) clock(t *policy.Target) {
	c := d.Incident.Targets[t.Name]
	if t.Measured {
		if c != nil && c.Excused != "" {
			d.over(t, c, c.Start) // its cause may be another by now
		}
		return
	}
	if c != nil && !c.MetAt.IsZero() {
		return
	}
	start, ok := d.Moment(t.From)
	if !ok || d.FirstLacking(t.OnlyIf) != "" {
		if c != nil && c.Breached.IsZero() {
			delete(d.Incident.Targets, t.Name)
		}
		return
	}
	due, paused, first := d.due(t, start)
	paused = paused || d.standsStill(t, due)
	if due.IsZero() && !paused {
		if c != nil && c.Breached.IsZero() {
			delete(d.Incident.Targets, t.Name) // the present severity does not grant it
		}
		return
	}
	if c == nil && len(t.OnlyIf) > 0 && !paused && due.Before(d.Now) {
		return // its condition began to hold when its time was over: it was never owed
	}
	if c == nil {
		c = &incident.Clock{Target: t.Name, Episode: d.Incident.Episode}
		d.Incident.Targets[t.Name] = c
		d.lateStart(t, start, due)
	}
	c.Start, c.Due, c.Paused = first, due, paused
	if !paused && due.Before(d.Horizon) && c.Breached.IsZero() {
		d.over(t, c, c.Due)
	}
	d.Strict = true
	met := d.FirstHolding(t.MetBy)
	d.Strict = false
	if met != "" {
		c.MetAt, c.MetBy, c.Paused = d.Now, met, false
		if well := d.Incident.Progress.WellSince; met == "ended" && !well.IsZero() {
			c.MetAt = well // the word that it is solved came later than the service
		}
		d.note("target", t.Name, "", "met: "+met+d.verdict(t, c).String())
	}
}

// over takes in that a clock's time is over: a breach, unless the cause is the
// customer's own (S2.11). That is shown, and looked at again when the cause changes.
func (d stopwatch) over(t *policy.Target, c *incident.Clock, due time.Time) {
	standing := &incident.Clock{Start: c.Start, Due: due, MetAt: c.MetAt}
	cause := d.Messages().LikelyCause()
	if d.Policy.Causes[cause].Customer {
		if c.Excused == "" {
			d.note("target", t.Name, "", "was due at "+due.Format(time.RFC3339)+", and is no breach: the cause "+cause+" is the customer's own"+d.verdict(t, standing).String())
		}
		c.Excused = cause
		return
	}
	c.Breached, c.Excused = due, ""
	d.out.Breaches = append(d.out.Breaches, incident.Breach{Target: t.Name, Due: due})
	d.note("breach", t.Name, "", "was due at "+due.Format(time.RFC3339)+d.verdict(t, standing).String())
	at := due.Add(time.Second)
	if said := d.Incident.Raised["act:qualify"].At; said.After(at) {
		at = said // until then it was the customer's own
	}
	d.raise("breach:"+t.Name, at)
}

// verdict is how a clock stands, for the journal.
func (d stopwatch) verdict(t *policy.Target, c *incident.Clock) incident.Verdict {
	v := incident.Verdict{From: c.Start, Due: c.Due, Severity: d.Incident.Severity}
	level := d.Policy.LevelInForce(func(name string) bool { return d.Calendar(name).IsOpen(c.Start) })
	if level >= 0 {
		v.Level = d.Policy.Guarantees[level].Level
	}
	if c.MetAt.IsZero() {
		return v
	}
	if !c.MetAt.Equal(d.Now) {
		v.At = c.MetAt
	}
	v.HasUsed = true
	switch delay := d.granted(t); {
	case c.MetAt.Before(c.Start):
	case delay == nil || delay.Business == nil:
		v.Used = c.MetAt.Sub(c.Start)
	default:
		v.Used = d.Calendar(delay.Calendar).OpenTime(c.Start, c.MetAt, d.Pauses(t))
	}
	return v
}

// granted is the delay of a target at the present severity: its own, or the next
// of a lesser one; nil for none.
func (d stopwatch) granted(t *policy.Target) *policy.Delay {
	if t.BySeverity == nil {
		return t.Default
	}
	for rank := d.Rank(d.Incident.Severity); rank > 0; rank-- {
		if delay := t.BySeverity[d.Scenario.Severity.Order[rank-1]]; delay != nil {
			return delay
		}
	}
	return nil
}

// due computes a target's due instant; first is the start of its clock.
func (d stopwatch) due(t *policy.Target, start time.Time) (due time.Time, paused bool, first time.Time) {
	if t.BySeverity != nil {
		return d.dueBySeverity(t, start)
	}
	if t.Default.Business == nil {
		return start.Add(t.Default.Elapsed), false, start
	}
	pauses := d.Pauses(t)
	if t.Default.Business.Unit.Pausable() {
		start = d.stopwatchStart(t, start)
	}
	due, paused, err := d.Calendar(t.Default.Calendar).Due(start, *t.Default.Business, pauses)
	if opened, known := d.Moment("opening"); known && err == nil && !t.Default.Business.Unit.Pausable() && due.Before(opened) {
		// An appointment that was over before anybody knew of the failure was owed by nobody.
		start = opened
		due, paused, err = d.Calendar(t.Default.Calendar).Due(start, *t.Default.Business, pauses)
	}
	if err != nil {
		d.note("note", t.Name, "", "cannot be computed: "+err.Error())
	}
	return due, paused, start
}

// standsStill reports whether a clock that ends with the incident waits for the word
// that it is solved: all probes were well in time, and only a person's report is left.
func (d stopwatch) standsStill(t *policy.Target, due time.Time) bool {
	well := d.Incident.Progress.WellSince
	return !well.IsZero() && !due.Before(well) && slices.Contains(t.MetBy, "ended")
}

func (d stopwatch) dueBySeverity(t *policy.Target, start time.Time) (due time.Time, paused bool, first time.Time) {
	history := d.Incident.Severities
	if len(history) == 0 {
		return time.Time{}, false, start
	}
	if t.From != "start" {
		history = []calendar.Severity{{At: start, Rank: history[len(history)-1].Rank}}
	}
	targets := map[int]calendar.Target{}
	for sev, delay := range t.BySeverity {
		if delay.Business != nil {
			targets[d.Rank(sev)] = calendar.Target{Calendar: d.Calendar(delay.Calendar), Duration: *delay.Business}
		}
	}
	a, ok, err := calendar.DueWithAnchors(history, targets, d.Pauses(t))
	if err != nil {
		d.note("note", t.Name, "", "cannot be computed: "+err.Error())
	}
	if !ok {
		return time.Time{}, false, start
	}
	return a.Due, a.Paused, a.Anchor
}

// stopwatchStart lets a stopwatch of a reopened incident go on from its first
// start; a gap in which it was over counts as a pause.
func (d stopwatch) stopwatchStart(t *policy.Target, start time.Time) time.Time {
	if t.From == "start" && len(d.Incident.Past) > 0 {
		return d.Incident.Past[0].StartedAt
	}
	return start
}

// lateStart marks an incident whose clock began with little of the day left.
func (d stopwatch) lateStart(t *policy.Target, start, due time.Time) {
	if t.LateBelow == nil || t.LateBelow.Business == nil {
		return
	}
	c := d.Calendar(t.LateBelow.Calendar)
	left := c.OpenTime(start, due, nil)
	least, _, err := c.Due(start, *t.LateBelow.Business, nil)
	if err == nil && left < c.OpenTime(start, least, nil) {
		d.flag(model.FlagLateStart, true, fmt.Sprintf("only %s of the day was left", left))
	}
}

// clockWakes wakes at each breach to come.
func (d stopwatch) clockWakes() {
	if d.Incident.State.Ended() {
		return
	}
	for _, t := range d.Scenario.Targets {
		c := d.Incident.Targets[t.Name]
		if c != nil && c.MetAt.IsZero() && c.Breached.IsZero() && c.Excused == "" && !c.Paused && !c.Due.IsZero() {
			d.wakeBy(c.Due.Add(time.Second))
		}
	}
}

// reopenClocks starts appointments afresh; stopwatches go on, and what did not
// concern the repair stays met.
func (d stopwatch) reopenClocks() {
	for _, t := range d.Scenario.Targets {
		c := d.Incident.Targets[t.Name]
		if c == nil || t.Measured {
			continue
		}
		if t.Stopwatch() && !c.MetAt.IsZero() && !slices.Contains([]string{"repaired", "ended"}, c.MetBy) {
			continue
		}
		if t.Stopwatch() && !c.Breached.IsZero() {
			c.MetAt, c.MetBy = time.Time{}, "" // missed once is missed; it is not counted again
			continue
		}
		delete(d.Incident.Targets, t.Name)
	}
}
