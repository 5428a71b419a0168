package rules

import (
	"slices"
	"strings"
	"time"

	"vigie/rules/act"
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

func (d acting) actAnswer(a incident.Act) {
	until, ok := d.date(a, "until")
	if !ok || !d.saysSomething(a) {
		return
	}
	switch a.Fields["result"] {
	case "not_mine":
		d.disown(a)
		return
	case "call_me":
		d.raise("call_wanted", d.Now)
	}
	if until.IsZero() && a.Fields["result"] != "away" && d.Scenario.Calls == nil {
		return // where no phone call waits for the words they stop nothing
	}
	d.waitUntil(d.agreed(a, until))
	d.state(model.Waiting, "the customer answered")
}

// agreed is the date of an answer. One that names none leaves the date that was agreed
// on, unless it says that the machine is to be looked at before.
func (d acting) agreed(a incident.Act, until time.Time) time.Time {
	before := d.Incident.Until
	if !until.IsZero() || d.Incident.State != model.Waiting || before.IsZero() {
		return until
	}
	usual := d.Now.AddDate(0, 0, d.Scenario.DaysToWait())
	if a.Fields["result"] == "done" && usual.Before(before) {
		return until
	}
	return before
}

// disown takes in that a machine is not theirs who were written to: nobody waits
// for them and nobody phones them. Somebody else is written to once the inventory
// names one.
func (d acting) disown(a incident.Act) {
	p := &d.Incident.Progress
	who := []string{a.By}
	if !d.Book.Directory.Contact(a.By) {
		who = nil // entered by one of us, for whoever is the contact
		for _, c := range d.Contacts().MachineContact() {
			who = append(who, c.Person)
		}
	}
	for _, id := range who {
		if !slices.Contains(p.NotTheirs, id) {
			p.NotTheirs = append(slices.Clip(p.NotTheirs), id)
		}
	}
	d.Incident.Until, p.FollowUp = time.Time{}, time.Time{}
	if d.Incident.State == model.Waiting || d.Incident.State == model.CallDue {
		d.back("it is not the machine of whoever was asked")
	}
	d.raise("disowned", d.Now)
}

// saysSomething refuses an answer that is none, with the field that is missing.
func (d acting) saysSomething(a incident.Act) bool {
	result := a.Fields["result"]
	row, _ := act.Of(a.Verb)
	field, _ := row.Field("result")
	switch {
	case result == "" && a.Fields["note"] == "" && a.Fields["reason"] == "" && a.Fields["until"] == "":
		d.refuseField("result", 422, "result is missing: {known}; or say it in note", "known", strings.Join(field.Choices, ", "))
	case result != "" && !slices.Contains(field.Choices, result):
		d.refused(incident.RefuseUnknown("result", result, field.Choices).About("result"))
	case result == "away" && a.Fields["until"] == "":
		d.refuseField("until", 422, "until is missing: the day on which you are back")
	}
	return d.out.Refusal == nil
}

// longestWait bounds what is said of days to come: beyond it a wrong year is likelier.
const longestWait = 183 * 24 * time.Hour

func (d acting) date(a incident.Act, field string) (time.Time, bool) {
	text := a.Fields[field]
	if text == "" {
		return time.Time{}, true
	}
	at, ok := d.day(field, text)
	if ok && !at.After(d.Now) {
		d.refuseField(field, 422, "{field} {date} lies in the past: name an instant to come", "field", field, "date", at.Format(time.RFC3339))
		return time.Time{}, false
	}
	return at, ok
}

// day reads a date, at the hour of a follow-up, or an instant; it refuses what
// is neither.
func (d acting) day(field, text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		var date calendar.Date
		if date, err = calendar.ParseDate(text); err == nil {
			at = d.Calendar(d.Scenario.Calendar).At(date, d.followUpClock())
		}
	}
	switch {
	case err != nil:
		d.refuseField(field, 422, "{field} {quoted} is not a date: write 2026-03-20 or 2026-03-20T10:00:00+01:00", "field", field, "quoted", text)
	case at.After(d.Now.Add(longestWait)):
		d.refuseField(field, 422, "{field} {date} is more than six months away: check the year, or name an earlier day to look again", "field", field, "date", at.Format(time.DateOnly))
	}
	return at, d.out.Refusal == nil
}

func (d acting) followUpClock() calendar.TimeOfDay {
	if d.Scenario.Calls != nil {
		return d.Scenario.Calls.Clock
	}
	return 9 * 3600
}

func (d acting) waitUntil(at time.Time) {
	cal := d.Calendar(d.Scenario.Calendar)
	if at.IsZero() {
		at = cal.At(cal.Date(d.Now).AddDays(d.Scenario.DaysToWait()), d.followUpClock())
	}
	if date, err := cal.BusinessDayOnOrAfter(cal.Date(at)); err == nil && date != cal.Date(at) {
		at = cal.At(date, d.followUpClock())
	}
	at = cal.FromOpening(at)
	if moved, absent := d.Schedule().AfterAbsence(cal, at, d.followUpClock()); absent {
		at = moved
	}
	d.Incident.Until = at
	d.Incident.Progress.FollowUp = at.Truncate(time.Second)
}

func (d acting) actCall(a incident.Act) {
	c := d.Scenario.Calls
	if c == nil {
		d.refuse(409, "scenario {scenario} has no phone calls", "scenario", d.Scenario.Name)
		return
	}
	outcome := strings.ReplaceAll(strings.TrimSpace(a.Fields["outcome"]), " ", "_")
	if outcome == "" {
		d.refuseField("outcome", 422, "outcome is missing: {known}", "known", strings.Join(c.Outcomes, ", "))
		return
	}
	if !slices.Contains(c.Outcomes, outcome) {
		d.refused(incident.RefuseUnknown("outcome", a.Fields["outcome"], c.Outcomes).About("outcome"))
		return
	}
	a.Fields["outcome"] = outcome
	next, ok := d.date(a, "next_date")
	if !ok {
		return
	}
	if slices.Contains(c.Reached, outcome) {
		d.waitUntil(next)
		d.Incident.Progress.CallsMissed = 0
	} else {
		d.retry(c, next)
	}
	d.Incident.Until = time.Time{}
}

func (d acting) retry(c *policy.Calls, next time.Time) {
	d.Incident.Progress.CallsMissed++
	exhausted := d.Incident.Progress.CallsMissed%c.Tries == 0
	if exhausted {
		d.raise("calls_exhausted", d.Now)
	}
	if next.IsZero() && !exhausted {
		cal := d.Calendar(d.Scenario.Calendar)
		if date, err := cal.AddBusinessDays(cal.Date(d.Now), c.RetryAfter); err == nil {
			next = cal.At(date, c.Clock)
		}
	}
	d.waitUntil(next)
}

func (d acting) actPause(a incident.Act) {
	if d.isPaused() {
		d.refuse(409, "the clocks are paused already")
		return
	}
	until, ok := d.date(a, "until")
	if !ok {
		return
	}
	d.Incident.Pauses = append(d.Incident.Pauses, calendar.Pause{From: d.Now})
	if until.IsZero() && d.Scenario.Calls != nil {
		d.waitUntil(d.agreed(a, until)) // whoever would be phoned is phoned when nothing was agreed
	} else {
		d.Incident.Until = until
	}
	d.state(model.Waiting, "waits for the customer")
}

func (d *decider) isPaused() bool {
	n := len(d.Incident.Pauses)
	return n > 0 && d.Incident.Pauses[n-1].To.IsZero()
}

func (d *decider) endPause(at time.Time) {
	if d.isPaused() {
		last := &d.Incident.Pauses[len(d.Incident.Pauses)-1]
		if last.To = at; at.Before(last.From) {
			last.To = last.From
		}
	}
}

func (d acting) actResume(incident.Act) {
	if !d.isPaused() {
		d.refuse(409, "the clocks are not paused")
		return
	}
	d.endPause(d.Now)
	d.Incident.Until = time.Time{}
	d.back("the wait is over")
}
