package situation

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Schedule says when a step is due, and how often.
type Schedule struct{ *Situation }

// Schedule says when the incident's steps are due.
func (d *Situation) Schedule() Schedule { return Schedule{d} }

// Firing is one reason for a step to be due: since when, and which occurrence
// of the step it is.
type Firing struct {
	At         time.Time
	Trigger    int
	Occurrence string
	repeat     int
	Why        string
}

// EndsOn tells the steps that follow an ending from those that an ending stops.
func EndsOn(t policy.Trigger) bool {
	return t.Kind == policy.WhenMoment && (t.Name == "resolved" || t.Name == "closed") ||
		t.Kind == policy.WhenAct && (t.Name == "resolve" || t.Name == "close" || t.Name == "decommission")
}

// Firings lists the occurrences of a step that its triggers call for.
func (d Schedule) Firings(st *policy.Step, platform string) []Firing {
	var out []Firing
	for i, t := range st.When {
		at, n, why, ok := d.trigger(t)
		if !ok {
			continue
		}
		f := Firing{At: at, Trigger: i, Why: why}
		if st.Each {
			f.Occurrence = fmt.Sprintf("%s:%d", t.Name, n)
		}
		if t.Recurs() {
			f.Occurrence = occurrenceOf(t, at)
		}
		out = append(out, f)
		if st.Repeat != nil {
			out = append(out, d.repeats(st, platform, f)...)
		}
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].At.Before(out[b].At) })
	return out
}

// maxRepeats bounds how often one step can come again in an episode.
const maxRepeats = 200

// repeats adds the occurrence of a repeated step that follows the last one.
func (d Schedule) repeats(st *policy.Step, platform string, first Firing) []Firing {
	last, at := 0, first.At
	for k := 1; k <= maxRepeats; k++ {
		r := d.Incident.Steps[d.Key(st, platform, Firing{Occurrence: first.Occurrence, repeat: k})]
		if r == nil {
			break
		}
		if r.Status == incident.StepStopped {
			return nil
		}
		last, at = k, r.DueAt
	}
	if last == 0 || last == maxRepeats {
		return nil
	}
	t := st.When[first.Trigger]
	next := d.again(at, *st.Repeat, t)
	// After a stop of any length one reminder is enough for the time missed.
	for range maxRepeats {
		later := d.again(next, *st.Repeat, t)
		if !later.After(next) || later.After(d.Horizon) {
			break
		}
		next = later
	}
	return []Firing{{At: next, Trigger: first.Trigger, Occurrence: first.Occurrence, repeat: last + 1, Why: first.Why + ", again"}}
}

// again is the next time of what comes again and again. Whole days keep to the hour
// of the clock: what comes each week at nine comes at nine after a clock change, too, and
// after a day that opened later.
func (d Schedule) again(at time.Time, every policy.Delay, t policy.Trigger) time.Time {
	const day = 24 * time.Hour
	if every.Business != nil || every.Elapsed%day != 0 {
		return d.After(at, every)
	}
	cal := d.Calendar(d.Scenario.Calendar)
	date := cal.Date(at).AddDays(int(every.Elapsed / day))
	if t.Kind == policy.WhenDays {
		next, _ := appointment(cal, date, t.Clock, "")
		return next
	}
	wall := at.In(cal.Location())
	return cal.At(date, calendar.TimeOfDay(wall.Hour()*3600+wall.Minute()*60+wall.Second()))
}

// Key identifies an occurrence of a step in this episode.
func (d Schedule) Key(st *policy.Step, platform string, f Firing) incident.StepKey {
	k := incident.StepKey{Episode: d.Incident.Episode, Step: st.Name, Platform: platform, Occurrence: f.Occurrence, Repeat: f.repeat}
	if k.Repeat == 1 {
		k.Repeat = 0 // the first is no repetition
	}
	return k
}

// Taken reports whether this occurrence is done, or dropped for this trigger.
func (d Schedule) Taken(st *policy.Step, platform string, f Firing) bool {
	key := d.Key(st, platform, f)
	if r := d.Incident.Steps[key]; r != nil && r.Status != incident.StepBlocked {
		return true
	}
	return d.Incident.Steps[key.DroppedBy(f.Trigger)] != nil
}

// trigger says since when, and for which time, a trigger holds.
func (d Schedule) trigger(t policy.Trigger) (at time.Time, n int, why string, ok bool) {
	switch t.Kind {
	case policy.WhenMoment:
		return d.momentTrigger(t)
	case policy.WhenAct:
		return d.actTrigger(t)
	case policy.WhenFlag:
		at, ok = d.Moment("flag:" + t.Name)
		return at, d.Incident.Raised["flag:"+t.Name].Count, t.Name, ok
	case policy.WhenBreach:
		at, ok = d.Moment("breach:" + t.Name)
		return at, d.breaches(t.Name), t.Name + " was missed", ok
	case policy.WhenDays:
		return d.daysTrigger(t)
	case policy.WhenOpening:
		return d.openingTrigger(t)
	case policy.WhenShift:
		return d.shiftTrigger(t)
	}
	return d.clockTrigger(t)
}

// breaches is how many breaches of a target there were: a clock is missed once, and
// what is measured may be exceeded again.
func (d Schedule) breaches(target string) int {
	if t := d.target(target); t != nil && t.Measured {
		return d.Incident.Raised["breach:"+target].Count
	}
	return 1
}

// EndsOn reports whether a trigger is taken after the incident has ended: what is
// measured is known later than it happens.
func (d Schedule) EndsOn(t policy.Trigger) bool {
	if EndsOn(t) {
		return true
	}
	target := d.target(t.Name)
	return t.Kind == policy.WhenBreach && target != nil && target.Measured
}

func (d Schedule) momentTrigger(t policy.Trigger) (time.Time, int, string, bool) {
	if t.Name == "immediate_over" {
		return d.immediateOver()
	}
	at, ok := d.Moment(t.Name)
	if !ok {
		return time.Time{}, 0, "", false
	}
	if t.Name == "opening" && d.Incident.Progress.Released.After(at) {
		at = d.Incident.Progress.Released // till then the common failure was told in its place
	}
	why := t.Name
	if !t.Delay.IsZero() {
		at, why = d.After(at, t.Delay), why+" plus "+t.Delay.String()
	}
	return at, max(d.Incident.Raised[t.Name].Count, 1), why, true
}

// immediateOver is when the branch for what can be put right at once ends.
func (d Schedule) immediateOver() (time.Time, int, string, bool) {
	at := d.Incident.Progress.ImmediateUntil
	if at.IsZero() || !d.Incident.Flags[model.FlagImmediate] {
		return time.Time{}, 0, "", false
	}
	return at, 1, "not put right within the time of the immediate branch", true
}

func (d Schedule) actTrigger(t policy.Trigger) (time.Time, int, string, bool) {
	n, at, by := 0, time.Time{}, ""
	for _, a := range d.Incident.Acts {
		if a.Verb != t.Name || a.Episode != d.Incident.Episode || !model.Labels(a.Fields).Contains(t.If) {
			continue
		}
		n, at, by = n+1, a.At, a.By
	}
	return at, n, t.Name + " by " + by, n > 0
}

// clockTrigger is measured against a target's clock.
func (d Schedule) clockTrigger(t policy.Trigger) (time.Time, int, string, bool) {
	c := d.Incident.Targets[t.Name]
	if c == nil || c.Paused || c.Due.IsZero() {
		return time.Time{}, 0, "", false
	}
	if t.Kind == policy.WhenShare && !(c.MetAt.IsZero() && c.Breached.IsZero()) {
		return time.Time{}, 0, "", false
	}
	switch t.Kind {
	case policy.WhenBefore:
		at := d.before(c.Due, t.Delay)
		if opened, ok := d.Moment("opening"); ok && !t.AfterOpening.IsZero() {
			if least := d.After(opened, t.AfterOpening); least.After(at) {
				at = least
			}
		}
		return at, 1, t.Delay.String() + " before " + t.Name + " is due", true
	case policy.WhenDayOf:
		cal := d.Calendar(t.Calendar)
		why := t.Clock.String() + " of the day " + t.Name + " is due"
		at, told := appointment(cal, cal.Date(c.Due), t.Clock, why)
		return at, 1, told, true
	case policy.WhenShare:
		return d.share(t, c)
	}
	return time.Time{}, 0, "", false
}

// share is the instant at which a part of the target's time has run.
func (d Schedule) share(t policy.Trigger, c *incident.Clock) (time.Time, int, string, bool) {
	cal := d.Calendar(t.Calendar)
	if tg := d.target(t.Name); tg != nil && tg.Default != nil {
		if tg.Default.Business == nil {
			whole := c.Due.Sub(c.Start)
			return c.Start.Add(whole * time.Duration(t.Percent) / 100), 1, d.shareWhy(t), true
		}
		cal = d.Calendar(tg.Default.Calendar)
	}
	pauses := d.Pauses(d.target(t.Name))
	whole := cal.OpenTime(c.Start, c.Due, pauses)
	part := whole * time.Duration(t.Percent) / 100
	if part <= 0 {
		return time.Time{}, 0, "", false
	}
	amount, err := calendar.ParseAmount(strconv.FormatFloat(part.Hours(), 'f', 6, 64))
	if err != nil {
		return time.Time{}, 0, "", false
	}
	at, paused, err := cal.Due(c.Start, calendar.Duration{Amount: amount, Unit: calendar.BusinessHours}, pauses)
	if err != nil || paused || !at.Before(c.Due) {
		return time.Time{}, 0, "", false
	}
	return at.Round(time.Second), 1, d.shareWhy(t), true
}

func (d Schedule) shareWhy(t policy.Trigger) string {
	return strconv.Itoa(t.Percent) + " % of the time for " + t.Name + " has run"
}

// daysTrigger is an appointment so many days after a moment, at an hour. What
// falls into an absence moves to the same hour of the first service day after.
func (d Schedule) daysTrigger(t policy.Trigger) (time.Time, int, string, bool) {
	base, ok := d.Moment(t.Name)
	if !ok {
		if base, ok = d.Moment("step:" + t.Name); !ok {
			return time.Time{}, 0, "", false
		}
	}
	n := max(d.Incident.Raised[t.Name].Count, d.Incident.Raised["step:"+t.Name].Count, 1)
	cal := d.Calendar(t.Calendar)
	var date calendar.Date
	var err error
	if t.Business {
		if t.Days == 0 {
			date, err = cal.BusinessDayOnOrAfter(cal.Date(base))
		} else {
			date, err = cal.AddBusinessDays(cal.Date(base), t.Days)
		}
	} else {
		date, err = cal.BusinessDayOnOrAfter(cal.Date(base).AddDays(t.Days))
	}
	if err != nil {
		return time.Time{}, 0, "", false
	}
	why := fmt.Sprintf("%d days after %s, at %s", t.Days, t.Name, t.Clock)
	at, told := appointment(cal, date, t.Clock, why)
	if moved, absent := d.AfterAbsence(cal, at, t.Clock); absent {
		return moved, n, why + ", moved after an absence", true
	}
	return at, n, told, true
}

// appointment is an hour of a date, or the opening of one that opens later than usual;
// why then says so.
func appointment(cal *calendar.Calendar, date calendar.Date, clock calendar.TimeOfDay, why string) (time.Time, string) {
	at := cal.At(date, clock)
	if opens := cal.FromOpening(at); opens.After(at) {
		return opens, why + ", moved to the opening"
	}
	return at, why
}

// AfterAbsence moves an appointment out of an absence.
func (d Schedule) AfterAbsence(cal *calendar.Calendar, at time.Time, clock calendar.TimeOfDay) (time.Time, bool) {
	if !d.Scenario.Absence {
		return at, false
	}
	moved := false
	for range 50 {
		until, absent := d.Book.Directory.AbsentUntil(d.Incident.Identity[model.LabelCustomer], d.Incident.Identity[model.LabelMachine], at)
		if !absent {
			break
		}
		date, err := cal.BusinessDayOnOrAfter(cal.Date(until))
		if err != nil {
			break
		}
		next := cal.FromOpening(cal.At(date, clock))
		if next.Before(until) {
			if date, err = cal.AddBusinessDays(date, 1); err != nil {
				break
			}
			next = cal.FromOpening(cal.At(date, clock))
		}
		at, moved = next, true
	}
	return at, moved
}

// openingTrigger comes at each opening of a calendar after the incident's.
func (d Schedule) openingTrigger(t policy.Trigger) (time.Time, int, string, bool) {
	opened, ok := d.Moment("opening")
	if !ok {
		return time.Time{}, 0, "", false
	}
	cal := d.Calendar(t.Calendar)
	today := cal.Date(d.Horizon)
	if at, open := cal.Opening(today); open && at.After(opened) && !d.doneOn(t, at) {
		return at, 1, "opening of the day", true
	}
	date, err := cal.AddBusinessDays(today, 1)
	if err != nil {
		return time.Time{}, 0, "", false
	}
	at, open := cal.Opening(date)
	return at, 1, "opening of the day", open && at.After(opened)
}

// shiftsAhead is how far ahead a change of duty is looked for.
const shiftsAhead = 400 * 24 * time.Hour

// shiftTrigger comes whenever a rota role passes to somebody else.
func (d Schedule) shiftTrigger(t policy.Trigger) (time.Time, int, string, bool) {
	opened, ok := d.Moment("opening")
	r := d.Policy.Roles[t.Name]
	if !ok || r == nil {
		return time.Time{}, 0, "", false
	}
	if at, changed := d.Book.Directory.LastChange(r.Rota, opened, d.Horizon, d.filled(r)); changed && !d.doneOn(t, at) {
		return at, 1, "change of duty", true
	}
	at, changes := d.NextShift(r)
	return at, 1, "change of duty", changes
}

// NextShift is when a rota role passes to somebody else next.
func (d Schedule) NextShift(r *policy.Role) (time.Time, bool) {
	return d.Book.Directory.NextChange(r.Rota, d.Horizon, d.Horizon.Add(shiftsAhead), d.filled(r))
}

// filled names who fills a role at an instant, those who stand in for somebody included: it
// passes to others when one of them leaves, too.
func (d Schedule) filled(r *policy.Role) func(time.Time) string {
	return func(at time.Time) string {
		var ids []string
		for _, p := range d.Contacts().Resolve(r.Name, "", at) {
			ids = append(ids, p.Person)
		}
		return strings.Join(ids, " ")
	}
}

// occurrenceOf names one time of what comes again and again.
func occurrenceOf(t policy.Trigger, at time.Time) string {
	if t.Kind == policy.WhenShift {
		return at.UTC().Format("20060102T150405Z")
	}
	return at.Format(time.DateOnly)
}

// doneOn reports whether the step of this trigger was looked at on that date.
func (d Schedule) doneOn(t policy.Trigger, at time.Time) bool {
	for _, st := range d.Scenario.Steps {
		for i, x := range st.When {
			if x.Kind == t.Kind && x.Name == t.Name && x.At == t.At {
				return d.Taken(st, "", Firing{Occurrence: occurrenceOf(t, at), Trigger: i})
			}
		}
	}
	return false
}

// After adds a delay to an instant.
func (d Schedule) After(at time.Time, delay policy.Delay) time.Time {
	if delay.Business == nil {
		return at.Add(delay.Elapsed)
	}
	due, _, err := d.Calendar(delay.Calendar).Due(at, *delay.Business, nil)
	if err != nil {
		return at
	}
	return due
}

// before goes back a delay from a due instant, through open time only.
func (d Schedule) before(due time.Time, delay policy.Delay) time.Time {
	if delay.Business == nil {
		return due.Add(-delay.Elapsed)
	}
	hours, _ := delay.Business.Amount.Rat().Float64()
	left := time.Duration(hours * float64(time.Hour))
	cal := d.Calendar(delay.Calendar)
	date := cal.Date(due)
	for range 400 {
		windows := cal.Windows(date)
		for i := len(windows) - 1; i >= 0; i-- {
			opens, closes := cal.At(date, windows[i].Opens), cal.At(date, windows[i].Closes)
			if closes.After(due) {
				closes = due
			}
			span := closes.Sub(opens)
			if span <= 0 {
				continue
			}
			if span >= left {
				return closes.Add(-left)
			}
			left -= span
		}
		date = date.AddDays(-1)
	}
	return due
}

// PostponedUntil is until when, at the latest, a step waits while something common is being
// sorted out: an hour of the day on which it was due.
func (d Schedule) PostponedUntil(t policy.Trigger, f Firing) (time.Time, bool) {
	// The hold has an end of its own: it lasts with the common failure, also
	// once the incident is told by itself.
	common := d.Circumstances.Outage != "" && slices.Contains(t.HoldWhile, string(model.FlagOutage))
	if len(t.HoldWhile) == 0 || !common && d.FirstHolding(t.HoldWhile) == "" {
		return time.Time{}, false
	}
	cal := d.Calendar(t.Calendar)
	return cal.At(cal.Date(f.At), t.AtTheLatest), true
}

// Shift moves what would leave at night to the next morning.
func (d Schedule) Shift(st *policy.Step, at time.Time) time.Time {
	b := st.Between
	if b == nil {
		return at
	}
	cal := d.Calendar(b.Calendar)
	if d.toOutside(st) {
		at, _ = d.AfterAbsence(cal, at, b.From) // who is away hears of it when he is back
	}
	date := cal.Date(at)
	if cal.IsBusinessDay(date) {
		from, until := cal.At(date, b.From), d.until(cal, b, date)
		switch {
		case at.Before(from):
			return from
		case at.Before(until):
			return at
		}
	}
	next, err := cal.AddBusinessDays(date, 1)
	if err != nil {
		return at
	}
	moved := cal.At(next, b.From)
	if ends := d.Expires(); b.BeforeExpiry && !ends.IsZero() && !moved.Before(ends) {
		return at // by then it would be over
	}
	return moved
}

// toOutside tells whether a step writes to the customer's people.
func (d Schedule) toOutside(st *policy.Step) bool {
	return slices.ContainsFunc(st.To, func(role string) bool {
		r := d.Policy.Roles[role]
		return r != nil && r.Outside
	})
}

func (d Schedule) until(cal *calendar.Calendar, b *policy.Between, date calendar.Date) time.Time {
	if !b.AtClosing {
		return cal.At(date, b.Until)
	}
	closing, _ := cal.Closing(date)
	return closing
}

// AgainAt is when an ended incident is looked at again if it still fires.
func (d Schedule) AgainAt() time.Time {
	wait := d.Scenario.StillFires.Resolved
	if d.Incident.State == model.Closed {
		wait = d.Scenario.StillFires.Closed
	}
	return d.After(d.Incident.ResolvedAt, wait)
}

// InstantOf reads an instant as people write it, in the zone of the policy.
func (d Schedule) InstantOf(text string) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	cal := d.Calendar(d.Scenario.Calendar)
	zone := d.Policy.Zone
	if cal != nil {
		zone = cal.Location()
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, true
		}
	}
	if at, err := time.Parse("15:04", text); err == nil && cal != nil {
		return cal.At(cal.Date(d.Now), calendar.TimeOfDay(at.Hour()*3600+at.Minute()*60)), true
	}
	return time.Time{}, false
}

// longestSilence bounds a silence made outside of the service hours, whose next
// closing may be days away.
const longestSilence = 24 * time.Hour

// SilenceEnd is when a silence that begins now ends at the latest: with the service day.
func (d Schedule) SilenceEnd() time.Time {
	last := d.Now.Add(longestSilence)
	cal := d.Calendar(d.Scenario.Calendar)
	if cal == nil {
		return last
	}
	if start, err := cal.EffectiveStart(d.Now); err == nil {
		if closing, open := cal.Closing(cal.Date(start)); open && closing.After(d.Now) && closing.Before(last) {
			return closing
		}
	}
	return last
}
