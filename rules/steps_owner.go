package rules

import (
	"fmt"
	"slices"
	"time"

	"vigie/rules/calendar"
)

// keeping looks at what people said that they would do.
type keeping struct{ *decider }

func (d *decider) keeping() keeping { return keeping{d} }

// lapse gives back, while the calendar is open, what somebody has who is away, or
// who did nothing about it for the policy's time.
func (d keeping) lapse() {
	i := d.inc
	if d.s.Owner == nil || i.Assignee == "" || i.State == Waiting || i.State.Ended() {
		return
	}
	cal := d.calendar(d.s.Calendar)
	at, err := cal.EffectiveStart(d.horizon)
	if err != nil {
		return
	}
	if next, err := cal.AddBusinessDays(cal.Date(d.horizon), 1); err == nil {
		if opens, ok := cal.Opening(next); ok {
			d.wakeBy(opens) // he may be away by then
		}
	}
	why := d.away()
	if lapses := d.schedule().after(d.lastWord(), d.s.Owner.LapsesAfter); why == "" {
		if i.Flags[FlagSilenced] {
			return
		}
		if lapses.After(d.horizon) {
			d.wakeBy(lapses)
			return
		}
		why = "has done nothing about it for " + d.s.Owner.LapsesAfter.String()
	}
	if at.After(d.horizon) {
		d.wakeBy(at)
		return
	}
	d.giveBack(why)
}

func (d keeping) giveBack(why string) {
	from := d.inc.Assignee
	d.inc.Progress.PreviousAssignee = from
	d.inc.Assignee, d.inc.TakenAt = "", time.Time{}
	d.note("note", "lapsed", "", from+" "+why)
	if d.inc.State == Taken {
		d.state(Open, "given back: "+from+" "+why)
	}
	d.raise("lapsed", d.now)
}

// away says that the owner is absent: by the inventory, or because somebody else
// is on duty now in the rota by which he had it.
func (d keeping) away() string {
	if until, absent := d.book.Directory.Away(d.inc.Assignee, d.horizon); absent {
		return "is away until " + until.In(d.p.Zone).Format(time.DateOnly)
	}
	if !slices.Contains(d.inc.Progress.OnDuty, d.inc.Assignee) || !d.dutyChanged() {
		return ""
	}
	for _, p := range d.contacts().resolve(d.inc.Progress.OnDutyRole, "", d.now) {
		if p.Person == d.inc.Assignee {
			return ""
		}
	}
	return "is not on duty any more"
}

// lastWord is when the owner last did something about the incident, or got it.
func (d keeping) lastWord() time.Time {
	last := d.inc.TakenAt
	for _, a := range d.inc.Acts {
		if a.Episode == d.inc.Episode && (a.By == d.inc.Assignee || a.Verb == "assign") && a.At.After(last) {
			last = a.At
		}
	}
	if last.IsZero() {
		return d.inc.OpenedAt
	}
	return last
}

// promise notes that the date by which somebody promised a repair is over.
func (d keeping) promise() {
	p := &d.inc.Progress
	if p.ExpectedDate == "" || p.ExpectedDate == p.PromisePassed || d.inc.State.Ended() {
		return
	}
	at, ok := d.promised(p.ExpectedDate)
	if !ok {
		return // words, not a date
	}
	if !at.Before(d.horizon) {
		d.wakeBy(at.Add(time.Second))
		return
	}
	p.PromisePassed = p.ExpectedDate
	d.note("note", "promise", "", fmt.Sprintf("was promised for %s and is not repaired", p.ExpectedDate))
	d.raise("promise_passed", at.Add(time.Second))
}

// promised is the end of a promised day, or the promised instant.
func (d keeping) promised(text string) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	date, err := calendar.ParseDate(text)
	if err != nil {
		return time.Time{}, false
	}
	cal := d.calendar(d.s.Calendar)
	if date, err = cal.BusinessDayOnOrAfter(date); err != nil {
		return time.Time{}, false
	}
	return cal.Closing(date)
}

// firstDay is true until the day is over on which the incident's first deadline
// lay: from then on it is asked about each day.
func (d *decider) firstDay() bool {
	cal := d.calendar(d.s.Calendar)
	first, err := cal.BusinessDayOnOrAfter(cal.Date(d.inc.OpenedAt))
	if r := d.inc.Raised["opening"]; !r.At.IsZero() {
		first, err = cal.BusinessDayOnOrAfter(cal.Date(r.At))
	}
	if err != nil {
		return false
	}
	last := cal.At(first, 24*3600-1)
	if c := d.stopwatch().primaryClock(); c != nil {
		if due := cal.At(cal.Date(c.Due), 24*3600-1); due.After(last) {
			last = due
		}
	}
	return !d.now.After(last)
}

// lapsedToday is true on the day on which it was given back.
func (d *decider) lapsedToday() bool {
	at := d.inc.Raised["lapsed"].At
	return !at.IsZero() && d.sameDate(at, d.now)
}
