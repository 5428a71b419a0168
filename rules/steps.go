package rules

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"vigie/rules/calendar"
)

// rungs takes the steps that are due.
type rungs struct{ *decider }

func (d *decider) rungs() rungs { return rungs{d} }

// schedule says when a step is due, and how often.
type schedule struct{ *decider }

func (d *decider) schedule() schedule { return schedule{d} }

// firing is one reason for a step to be due: since when, and which occurrence
// of the step it is.
type firing struct {
	at         time.Time
	trigger    int
	occurrence string
	repeat     int
	why        string
}

// steps looks at every step in the order of the policy and takes what is due.
func (d rungs) steps() {
	d.stale = false
	for _, st := range d.s.Steps {
		if st.Per == LabelPlatform {
			for _, p := range d.contacts().platforms() {
				d.consider(st, p)
			}
			continue
		}
		d.consider(st, "")
		if d.stale {
			return // later steps may depend on what this one finds
		}
	}
}

// consider takes a step if it is due, or notes when it will be.
func (d rungs) consider(st *Step, platform string) {
	if st.Once() {
		if r := d.inc.Steps[d.schedule().key(st, platform, firing{})]; r != nil && r.Status != StepBlocked {
			return
		}
	}
	for _, f := range d.schedule().firings(st, platform) {
		if d.schedule().taken(st, platform, f) {
			continue
		}
		if d.inc.State.Ended() && !endsOn(st.When[f.trigger]) {
			continue
		}
		f.at = d.schedule().shift(st, f.at)
		if f.at.After(d.horizon) {
			d.wakeBy(f.at)
			continue
		}
		// What was held back or comes late keeps to its part of the day as well.
		if ready := d.schedule().shift(st, d.horizon); ready.After(d.horizon) {
			d.wakeBy(ready)
			continue
		}
		d.take(st, platform, f)
	}
}

// endsOn tells the steps that follow an ending from those that an ending stops.
func endsOn(t Trigger) bool {
	return t.Kind == WhenMoment && (t.Name == "resolved" || t.Name == "closed") ||
		t.Kind == WhenAct && (t.Name == "resolve" || t.Name == "close" || t.Name == "decommission")
}

// firings lists the occurrences of a step that its triggers call for.
func (d schedule) firings(st *Step, platform string) []firing {
	var out []firing
	for i, t := range st.When {
		at, n, why, ok := d.trigger(t)
		if !ok {
			continue
		}
		f := firing{at: at, trigger: i, why: why}
		if st.Each {
			f.occurrence = fmt.Sprintf("%s:%d", t.Name, n)
		}
		if t.Kind == WhenOpening {
			f.occurrence = at.Format(time.DateOnly)
		}
		out = append(out, f)
		if st.Repeat != nil {
			out = append(out, d.repeats(st, platform, f)...)
		}
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].at.Before(out[b].at) })
	return out
}

// maxRepeats bounds how often one step can come again in an episode.
const maxRepeats = 200

// repeats adds the occurrence of a repeated step that follows the last one.
func (d schedule) repeats(st *Step, platform string, first firing) []firing {
	last, at := 0, first.at
	for k := 1; k <= maxRepeats; k++ {
		r := d.inc.Steps[d.key(st, platform, firing{occurrence: first.occurrence, repeat: k})]
		if r == nil {
			break
		}
		if r.Status == StepStopped {
			return nil
		}
		last, at = k, r.DueAt
	}
	if last == 0 || last == maxRepeats {
		return nil
	}
	next := d.after(at, *st.Repeat)
	// After a stop of any length one reminder is enough for the time missed.
	for range maxRepeats {
		later := d.after(next, *st.Repeat)
		if !later.After(next) || later.After(d.horizon) {
			break
		}
		next = later
	}
	return []firing{{at: next, trigger: first.trigger, occurrence: first.occurrence, repeat: last + 1, why: first.why + ", again"}}
}

// key identifies an occurrence of a step in this episode.
func (d schedule) key(st *Step, platform string, f firing) StepKey {
	k := StepKey{Episode: d.inc.Episode, Step: st.Name, Platform: platform, Occurrence: f.occurrence, Repeat: f.repeat}
	if k.Repeat == 1 {
		k.Repeat = 0 // the first is no repetition
	}
	return k
}

// taken reports whether this occurrence is done, or dropped for this trigger.
func (d schedule) taken(st *Step, platform string, f firing) bool {
	key := d.key(st, platform, f)
	if r := d.inc.Steps[key]; r != nil && r.Status != StepBlocked {
		return true
	}
	return d.inc.Steps[key.droppedBy(f.trigger)] != nil
}

// trigger says since when, and for which time, a trigger holds.
func (d schedule) trigger(t Trigger) (at time.Time, n int, why string, ok bool) {
	switch t.Kind {
	case WhenMoment:
		return d.momentTrigger(t)
	case WhenAct:
		return d.actTrigger(t)
	case WhenFlag:
		at, ok = d.moment("flag:" + t.Name)
		return at, d.inc.Raised["flag:"+t.Name].Count, t.Name, ok
	case WhenBreach:
		at, ok = d.moment("breach:" + t.Name)
		return at, 1, t.Name + " was missed", ok
	case WhenDays:
		return d.daysTrigger(t)
	case WhenOpening:
		return d.openingTrigger(t)
	}
	return d.clockTrigger(t)
}

func (d schedule) momentTrigger(t Trigger) (time.Time, int, string, bool) {
	if t.Name == "immediate_over" {
		return d.immediateOver()
	}
	at, ok := d.moment(t.Name)
	if !ok {
		return time.Time{}, 0, "", false
	}
	if t.Name == "opening" && d.inc.Progress.Released.After(at) {
		at = d.inc.Progress.Released // till then the common failure was told in its place
	}
	why := t.Name
	if !t.Delay.IsZero() {
		at, why = d.after(at, t.Delay), why+" plus "+t.Delay.String()
	}
	return at, max(d.inc.Raised[t.Name].Count, 1), why, true
}

// immediateOver is when the branch for what can be put right at once ends.
func (d schedule) immediateOver() (time.Time, int, string, bool) {
	at := d.inc.Progress.ImmediateUntil
	if at.IsZero() || !d.inc.Flags[FlagImmediate] {
		return time.Time{}, 0, "", false
	}
	return at, 1, "not put right within the time of the immediate branch", true
}

func (d schedule) actTrigger(t Trigger) (time.Time, int, string, bool) {
	n, at, by := 0, time.Time{}, ""
	for _, a := range d.inc.Acts {
		if a.Verb != t.Name || a.Episode != d.inc.Episode || !Labels(a.Fields).Contains(t.If) {
			continue
		}
		n, at, by = n+1, a.At, a.By
	}
	return at, n, t.Name + " by " + by, n > 0
}

// clockTrigger is measured against a target's clock.
func (d schedule) clockTrigger(t Trigger) (time.Time, int, string, bool) {
	c := d.inc.Targets[t.Name]
	if c == nil || c.Paused || c.Due.IsZero() {
		return time.Time{}, 0, "", false
	}
	if t.Kind == WhenShare && !(c.MetAt.IsZero() && c.Breached.IsZero()) {
		return time.Time{}, 0, "", false
	}
	switch t.Kind {
	case WhenBefore:
		return d.before(c.Due, t.Delay), 1, t.Delay.String() + " before " + t.Name + " is due", true
	case WhenDayOf:
		cal := d.calendar(t.Calendar)
		return cal.At(cal.Date(c.Due), t.Clock), 1, t.Clock.String() + " of the day " + t.Name + " is due", true
	case WhenShare:
		return d.share(t, c)
	}
	return time.Time{}, 0, "", false
}

// share is the instant at which a part of the target's time has run.
func (d schedule) share(t Trigger, c *Clock) (time.Time, int, string, bool) {
	cal := d.calendar(t.Calendar)
	if tg := d.target(t.Name); tg != nil && tg.Default != nil {
		if tg.Default.Business == nil {
			whole := c.Due.Sub(c.Start)
			return c.Start.Add(whole * time.Duration(t.Percent) / 100), 1, d.shareWhy(t), true
		}
		cal = d.calendar(tg.Default.Calendar)
	}
	pauses := d.stopwatch().pauses(d.target(t.Name))
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

func (d schedule) shareWhy(t Trigger) string {
	return strconv.Itoa(t.Percent) + " % of the time for " + t.Name + " has run"
}

func (d *decider) target(name string) *Target {
	for _, t := range d.s.Targets {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// daysTrigger is an appointment so many days after a moment, at an hour. What
// falls into an absence moves to the same hour of the first service day after.
func (d schedule) daysTrigger(t Trigger) (time.Time, int, string, bool) {
	base, ok := d.moment(t.Name)
	if !ok {
		if base, ok = d.moment("step:" + t.Name); !ok {
			return time.Time{}, 0, "", false
		}
	}
	n := max(d.inc.Raised[t.Name].Count, d.inc.Raised["step:"+t.Name].Count, 1)
	cal := d.calendar(t.Calendar)
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
	at := cal.At(date, t.Clock)
	why := fmt.Sprintf("%d days after %s, at %s", t.Days, t.Name, t.Clock)
	if moved, absent := d.afterAbsence(cal, at, t.Clock); absent {
		return moved, n, why + ", moved after an absence", true
	}
	return at, n, why, true
}

// afterAbsence moves an appointment out of an absence.
func (d schedule) afterAbsence(cal *calendar.Calendar, at time.Time, clock calendar.Clock) (time.Time, bool) {
	if !d.s.Absence {
		return at, false
	}
	moved := false
	for range 50 {
		until, absent := d.book.Directory.AbsentUntil(d.inc.Identity[LabelCustomer], d.inc.Identity[LabelMachine], at)
		if !absent {
			break
		}
		date, err := cal.BusinessDayOnOrAfter(cal.Date(until))
		if err != nil {
			break
		}
		next := cal.At(date, clock)
		if next.Before(until) {
			if date, err = cal.AddBusinessDays(date, 1); err != nil {
				break
			}
			next = cal.At(date, clock)
		}
		at, moved = next, true
	}
	return at, moved
}

// openingTrigger comes at each opening of a calendar after the incident's.
func (d schedule) openingTrigger(t Trigger) (time.Time, int, string, bool) {
	opened, ok := d.moment("opening")
	if !ok {
		return time.Time{}, 0, "", false
	}
	cal := d.calendar(t.Calendar)
	today := cal.Date(d.horizon)
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

// doneOn reports whether the step of this trigger was looked at on that date.
func (d schedule) doneOn(t Trigger, at time.Time) bool {
	for _, st := range d.s.Steps {
		for i, x := range st.When {
			if x.Kind == WhenOpening && x.Name == t.Name && x.At == t.At {
				return d.taken(st, "", firing{occurrence: at.Format(time.DateOnly), trigger: i})
			}
		}
	}
	return false
}

// after adds a delay to an instant.
func (d schedule) after(at time.Time, delay Delay) time.Time {
	if delay.Business == nil {
		return at.Add(delay.Elapsed)
	}
	due, _, err := d.calendar(delay.Calendar).Due(at, *delay.Business, nil)
	if err != nil {
		return at
	}
	return due
}

// before goes back a delay from a due instant, through open time only.
func (d schedule) before(due time.Time, delay Delay) time.Time {
	if delay.Business == nil {
		return due.Add(-delay.Elapsed)
	}
	hours, _ := delay.Business.Amount.Rat().Float64()
	left := time.Duration(hours * float64(time.Hour))
	cal := d.calendar(delay.Calendar)
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

// shift moves what would leave at night to the next morning.
func (d schedule) shift(st *Step, at time.Time) time.Time {
	b := st.Between
	if b == nil {
		return at
	}
	cal := d.calendar(b.Calendar)
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
	return cal.At(next, b.From)
}

func (d schedule) until(cal *calendar.Calendar, b *Between, date calendar.Date) time.Time {
	if !b.AtClosing {
		return cal.At(date, b.Until)
	}
	closing, _ := cal.Closing(date)
	return closing
}

// take carries out one occurrence of a step, or drops it with its reason.
func (d rungs) take(st *Step, platform string, f firing) {
	key := d.schedule().key(st, platform, f)
	if c := d.firstHolding(st.When[f.trigger].Unless); c != "" {
		d.drop(st, key.droppedBy(f.trigger), f, "dropped: "+c)
		return
	}
	if c := d.firstHolding(st.Unless); c != "" {
		if st.Repeat == nil {
			key = key.droppedBy(f.trigger)
		}
		d.drop(st, key, f, "dropped: "+c)
		if st.Repeat != nil {
			d.inc.Steps[key].Status = StepStopped
		}
		return
	}
	if c := d.firstHolding(st.Rests); c != "" {
		d.drop(st, key, f, "rests: "+c)
		return
	}
	if d.firstLacking(st.OnlyIf) != "" {
		d.lookAgain()
		return
	}
	if d.postponed(st.When[f.trigger], f) {
		return
	}
	if !d.inc.State.Ended() && (!d.proof().fresh(st.Trace) || !d.proof().proofAsked()) {
		d.needs, d.stale = true, true
		return
	}
	d.by = d.actorOf(st.When[f.trigger])
	to, cc, dropped := d.contacts().recipients(st, st.To, st.Cc, platform)
	unfilled := d.unfilled(st, platform)
	if len(to) == 0 && st.Trace && st.Missing == nil {
		to, cc = direct(cc), nil // it leaves to those who exist
	}
	if len(to) == 0 {
		d.nobody(st, key, platform, f)
		d.tellOfUnfilled(key, unfilled)
		return
	}
	if dropped != "" {
		d.note("step", st.Name, "", dropped+" acted and needs no mail of it")
	}
	d.tell(st, st.Template, to, cc, platform, key, f)
	d.tellOfUnfilled(key, unfilled)
}

// unfilled lists the roles without which a written trace is not done and that
// nobody fills now. Whom the incident's own course names is not asked for, nor
// whose place if_nobody takes.
func (d rungs) unfilled(st *Step, platform string) []string {
	if !st.Trace {
		return nil
	}
	defer d.reachBy(st.Channel)()
	var out []string
	for n, name := range slices.Concat(st.To, st.Cc, d.p.Required) {
		r := d.p.Roles[name]
		if r == nil || r.OfIncident() || n < len(st.To) && st.Missing != nil || slices.Contains(out, name) {
			continue
		}
		if len(d.contacts().resolve(name, platform, d.now)) == 0 {
			out = append(out, name)
		}
	}
	return out
}

// tellOfUnfilled keeps a trace from being done while roles of it are empty, and
// lets those who mend it know which.
func (d rungs) tellOfUnfilled(key StepKey, roles []string) {
	r := d.inc.Steps[key]
	if r == nil || len(roles) == 0 || slices.Equal(r.Unfilled, roles) {
		return
	}
	r.Unfilled = roles
	d.note("step", r.Step, "", "not done: nobody fills "+strings.Join(roles, ", "))
	for _, role := range roles {
		d.post().tellOfRefusal(r, Party{Role: role, Address: role}, UnfilledRole)
	}
}

// direct makes those in copy the recipients.
func direct(cc []Party) []Party {
	out := slices.Clone(cc)
	for i := range out {
		out[i].Cc = false
	}
	return out
}

// unreadEvery is how often an ended alert looks whether its source is read again.
const unreadEvery = 15 * time.Minute

// lookAgain wakes at the next opening, so that a step that waits for something
// is never forgotten, whoever forgets to tell.
func (d rungs) lookAgain() {
	if d.inc.Flags[FlagSourceDown] && !d.anyFiring() {
		d.wakeBy(d.horizon.Add(unreadEvery)) // what wakes a source's alerts passes over those that ended
	}
	cal := d.calendar(d.s.Calendar)
	date, err := cal.AddBusinessDays(cal.Date(d.now), 1)
	if err != nil {
		return
	}
	if at, ok := cal.Opening(date); ok {
		d.wakeBy(at)
	}
}

// postponed waits while something common is being sorted out, at the latest
// until an hour of the same day.
func (d rungs) postponed(t Trigger, f firing) bool {
	// The hold has an end of its own: it lasts with the common failure, also
	// once the incident is told by itself.
	common := d.facts.Outage != "" && slices.Contains(t.HoldWhile, string(FlagOutage))
	if len(t.HoldWhile) == 0 || !common && d.firstHolding(t.HoldWhile) == "" {
		return false
	}
	cal := d.calendar(t.Calendar)
	latest := cal.At(cal.Date(f.at), t.HoldUntil)
	if !d.horizon.Before(latest) {
		return false
	}
	d.wakeBy(latest)
	return true
}

func (d rungs) drop(st *Step, key StepKey, f firing, why string) {
	d.inc.Steps[key] = &StepRecord{Step: st.Name, Episode: d.inc.Episode, Occurrence: key.occurrence(), Status: StepSkipped,
		At: d.now, DecidedAt: d.now, DueAt: f.at, Reason: why}
	d.note("step", st.Name, "", why+" ("+f.why+")")
}

// nobody handles a step that reaches no one: it stays due, and whoever can
// mend that is told once (S1.18).
func (d rungs) nobody(st *Step, key StepKey, platform string, f firing) {
	if r := d.inc.Steps[key]; r != nil {
		return
	}
	if d.inc.State.Ended() {
		d.drop(st, key, f, "nobody was told of it before, so nobody is told that it is over")
		return
	}
	d.inc.Steps[key] = &StepRecord{Step: st.Name, Episode: d.inc.Episode, Occurrence: key.occurrence(), Status: StepBlocked,
		At: d.now, DecidedAt: d.now, DueAt: f.at, Reason: "nobody fills " + strings.Join(st.To, ", ")}
	d.note("step", st.Name, "", "blocked: nobody fills "+strings.Join(st.To, ", "))
	if st.Missing == nil {
		return
	}
	to, cc, _ := d.contacts().recipients(st, st.Missing.To, st.Missing.Cc, platform)
	if len(to) > 0 {
		n := d.telling().notification(st, st.Missing.Template, to, cc, platform, "nobody fills "+strings.Join(st.To, ", "))
		n.ID = d.inc.ID + "/" + key.String() + "/nobody"
		n.Step = st.Name + ".nobody"
		n.Trace = false
		d.out.Notifications = append(d.out.Notifications, n)
	}
}

// tell writes the notification and the record of the step.
func (d rungs) tell(st *Step, template string, to, cc []Party, platform string, key StepKey, f firing) {
	first := d.inc.ID + "/" + key.String() + d.outage().suffix(st)
	var more []string
	for i, e := range d.envelopes(to, cc, platform) {
		n := d.telling().notification(st, template, e.to, e.cc, e.platform, f.why)
		d.telling().speaksOf(&n.Facts, st.When[f.trigger]) // of several clocks, the one that this is about
		n.ID = first
		if i > 0 {
			n.ID += "/" + e.platform
			more = append(more, n.ID)
		}
		n.Facts.Automatic = st.When[f.trigger].Kind != WhenAct
		d.out.Notifications = append(d.out.Notifications, n)
	}
	d.inc.Steps[key] = &StepRecord{Step: st.Name, Resent: more, Episode: d.inc.Episode, Occurrence: key.occurrence(), Status: StepDecided,
		At: d.now, DecidedAt: d.now, DueAt: f.at, Reason: f.why, Pending: append(slices.Clone(to), cc...), NotificationID: first,
		Stands: st.When[f.trigger].Kind == WhenAct || st.When[f.trigger].Kind == WhenBreach}
	d.note("step", st.Name, d.by, f.why)
	d.marks(st, to, f)
	if f.at.Before(d.now.Add(-time.Minute)) {
		d.note("note", "late", "", "was due at "+f.at.Format(time.RFC3339)+" and is done late")
	}
}

// actorOf is who caused a step: the person whose act called for it, even when
// evidence had to be asked in between.
func (d rungs) actorOf(t Trigger) string {
	if t.Kind != WhenAct {
		return ""
	}
	if a := d.lastAct(t.Name); a != nil {
		return a.By
	}
	return ""
}

// marks notes what a taken step means for later ones.
func (d rungs) marks(st *Step, to []Party, f firing) {
	for _, r := range st.To {
		if role := d.p.Roles[r]; role != nil && role.Kind == RoleRota && len(to) > 0 {
			ids := make([]string, len(to))
			for i, p := range to {
				ids[i] = p.Person
			}
			d.inc.Progress.OnDuty, d.inc.Progress.OnDutyRole = ids, r
		}
	}
	if t := st.When[f.trigger]; t.Kind == WhenFlag && t.Name == string(FlagDoubleFailure) {
		d.inc.Progress.DoubleTold = st.Name
		d.out.Touches = true
	}
	if st.Task != "" {
		d.raise("task", d.now)
		d.out.Tasks = append(d.out.Tasks, Task{Kind: st.Task, Due: d.taskDue(f)})
		if st.State != "" {
			d.state(st.State, "step "+st.Name)
		}
	}
}

// taskDue is the appointment, or now for one that could not be kept.
func (d rungs) taskDue(f firing) time.Time {
	if d.now.Sub(f.at) > time.Hour {
		return d.now
	}
	return f.at
}
