package rules

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"vigie/rules/calendar"
)

// Decide applies one event to an incident at an instant. It takes every step
// that is due and not yet done, so that calling it too often changes nothing.
// The incident given is not changed.
//
// What fell due before now, while nobody asked, is taken first, in order: an
// act counts as in time up to and including the due instant, never after.
func (b *Book) Decide(inc Incident, ev Event, facts Facts, now time.Time) Decision {
	own := inc.clone()
	d := b.Advance(&own, ev, facts, now)
	if d.Refusal != nil {
		d.Incident = inc
	}
	return d
}

// Advance is [Book.Decide] for a caller that owns the incident: it is changed
// itself, which spares a copy of all its alerts. After a refusal it is in no
// state that may be used.
func (b *Book) Advance(inc *Incident, ev Event, facts Facts, now time.Time) Decision {
	d := b.decider(inc, facts, now)
	if d == nil {
		return Decision{Incident: *inc, Refusal: &Refusal{503, "the policy that this incident is pinned to is not loaded: " + inc.Policy}}
	}
	from, wake, poll := inc.State, inc.WakeAt, inc.PollAt
	if d.inc.State != "" && !d.inc.WakeAt.IsZero() && d.inc.WakeAt.Before(now) {
		d.settle(now.Add(-time.Nanosecond))
	}
	d.endImmediate()
	d.apply(ev)
	if d.out.Refusal != nil {
		return Decision{Incident: *inc, Refusal: d.out.Refusal, From: from, WakeAt: wake, PollAt: poll}
	}
	d.endImmediate() // the event may have told of an earlier start
	d.settle(now)
	d.finish()
	return d.out
}

// endImmediate leaves the immediate branch when its time is up, before an
// ending at that very instant is taken in: "less than" is strict here, unlike
// a deadline.
func (d *decider) endImmediate() {
	at := d.inc.Progress.ImmediateUntil
	if at.IsZero() || !d.inc.Flags[FlagImmediate] || d.now.Before(at) || d.inc.State.Ended() {
		return
	}
	d.horizon = d.now
	for _, st := range d.s.Steps {
		if !slices.ContainsFunc(st.When, func(t Trigger) bool { return t.Name == "immediate_over" }) {
			continue
		}
		platforms := []string{""}
		if st.Per == LabelPlatform {
			platforms = d.contacts().platforms()
		}
		for _, p := range platforms {
			d.rungs().consider(st, p)
		}
	}
	d.flag(FlagImmediate, false, "not put right in time")
}

// decider carries one decision. Its incident is its own to change.
type decider struct {
	book    *Book
	p       *Policy
	s       *Scenario
	inc     *Incident
	facts   Facts
	now     time.Time
	horizon time.Time // what is due up to here is taken
	out     Decision
	act     *Act
	wake    time.Time
	needs   bool   // evidence must be asked before going on
	stale   bool   // a due step waits for fresh evidence
	by      string // who caused the step that is being taken
	strict  bool   // told means accepted, not merely decided
	channel string // by which people are resolved; empty for e-mail
	cals    map[string]*calendar.Calendar
	runs    map[job]*jobRuns // nil until a run is counted, and after a new beginning
}

func (b *Book) decider(inc *Incident, facts Facts, now time.Time) *decider {
	p := b.policies[inc.Policy]
	if p == nil {
		return nil
	}
	s := p.Scenario(inc.Scenario)
	if s == nil {
		return nil
	}
	inc.makeMaps()
	return &decider{book: b, p: p, s: s, inc: inc, facts: facts, now: now, out: Decision{From: inc.State}}
}

// makeMaps makes the maps that an incident read from storage lacks.
func (i *Incident) makeMaps() {
	if i.Flags == nil {
		i.Flags = map[Flag]bool{}
	}
	if i.Raised == nil {
		i.Raised = map[string]Raise{}
	}
	if i.Silences == nil {
		i.Silences = map[string]Silence{}
	}
	if i.Alerts == nil {
		i.Alerts = map[string]*Alert{}
	}
	if i.Steps == nil {
		i.Steps = StepRecords{}
	}
	if i.Targets == nil {
		i.Targets = map[string]*Clock{}
	}
}

// clone copies everything that a decision may change.
func (i Incident) clone() Incident {
	c := i
	c.Flags, c.Progress, c.Raised, c.Silences = maps.Clone(i.Flags), i.Progress.clone(), maps.Clone(i.Raised), maps.Clone(i.Silences)
	c.Alerts = make(map[string]*Alert, len(i.Alerts))
	for k, v := range i.Alerts {
		a := *v
		c.Alerts[k] = &a
	}
	c.Steps = make(StepRecords, len(i.Steps))
	for k, v := range i.Steps {
		r := *v
		c.Steps[k] = &r
	}
	c.Targets = make(map[string]*Clock, len(i.Targets))
	for k, v := range i.Targets {
		t := *v
		c.Targets[k] = &t
	}
	// Appending must never write into the original's spare room.
	c.Acts, c.Reports, c.Told = slices.Clip(i.Acts), slices.Clip(i.Reports), slices.Clip(i.Told)
	c.Pauses, c.Severities, c.Past = slices.Clone(i.Pauses), slices.Clip(i.Severities), slices.Clip(i.Past)
	c.SelfHealed = slices.Clip(i.SelfHealed)
	return c
}

// calendar returns a calendar of the pinned policy with the live closures.
func (d *decider) calendar(name string) *calendar.Calendar {
	if c := d.cals[name]; c != nil {
		return c
	}
	c := d.p.Calendars[name]
	if live := d.book.closures(d.p, name); live != nil {
		c = live
	}
	if d.cals == nil {
		d.cals = map[string]*calendar.Calendar{}
	}
	d.cals[name] = c
	return c
}

func (d *decider) apply(ev Event) {
	switch e := ev.(type) {
	case Fired:
		d.intake().fired(e)
	case Repeated:
		for n, s := range e.Signals {
			if n == 1 {
				d.settle(d.now) // the first finds what is due; the others change nothing that a step looks at
			}
			d.intake().fired(Fired{Signal: s, Confirmed: e.Confirmed})
		}
	case Cleared:
		d.intake().cleared(e)
	case EndingHeld:
		d.intake().holdEnding(e)
	case EndingDropped:
		d.intake().dropEndings(e.Fingerprints)
	case Acted:
		d.acting().acted(e.Act)
	case Answered:
		d.proof().answered(e)
	case Silenced:
		d.silencing().silenced(e.Active)
	case Delivered:
		d.post().delivered(e)
	case Refreshed:
		d.post().refreshed()
	case Tick, Related:
	}
}

// raise notes that a moment or flag has come.
func (d *decider) raise(name string, at time.Time) {
	r := d.inc.Raised[name]
	r.At, r.Count = at, r.Count+1
	d.inc.Raised[name] = r
}

// flag raises or drops a flag and reports whether it changed.
func (d *decider) flag(f Flag, on bool, reason string) bool {
	if d.inc.Flags[f] == on {
		return false
	}
	if on {
		d.inc.Flags[f] = true
		d.raise("flag:"+string(f), d.now)
		d.newOccurrence("flag:" + string(f))
		d.note("flag", string(f), "", reason)
	} else {
		delete(d.inc.Flags, f)
		d.note("flag", "not "+string(f), "", reason)
	}
	return true
}

// newOccurrence starts the targets afresh that run from a flag raised again.
func (d *decider) newOccurrence(moment string) {
	for _, t := range d.s.Targets {
		if c := d.inc.Targets[t.Name]; t.From == moment && c != nil && !(c.MetAt.IsZero() && c.Breached.IsZero()) {
			delete(d.inc.Targets, t.Name)
		}
	}
}

// state moves the incident, with its reason.
func (d *decider) state(to State, reason string) {
	if d.inc.State == to {
		return
	}
	d.note("state", string(to), d.actor(), reason)
	d.inc.State = to
	d.out.Touches = true
}

func (d *decider) actor() string {
	if d.act != nil {
		return d.act.By
	}
	return ""
}

func (d *decider) note(kind, what, actor, reason string) {
	d.out.Journal = append(d.out.Journal, Entry{At: d.now, Kind: kind, What: what, Actor: actor, Reason: reason})
}

func (d *decider) refuse(status int, format string, args ...any) {
	if d.out.Refusal == nil {
		d.out.Refusal = &Refusal{status, fmt.Sprintf(format, args...)}
	}
}

// settle takes whatever is due up to the horizon, until nothing moves any more.
func (d *decider) settle(horizon time.Time) {
	d.horizon = horizon
	for range 12 {
		before := len(d.out.Journal) + len(d.out.Notifications)
		d.deriveFlags()
		d.waitingOver()
		d.stopwatch().clocks()
		d.wake = time.Time{}
		d.stopwatch().clockWakes()
		d.keeping().lapse()
		d.keeping().promise()
		d.rungs().steps()
		if before == len(d.out.Journal)+len(d.out.Notifications) {
			return
		}
	}
}

// deriveFlags follows the facts: the machine's other backup, what watches it,
// a common failure.
func (d *decider) deriveFlags() {
	if d.inc.State.Ended() {
		return
	}
	d.flag(FlagSourceDown, d.facts.SourceDown, "what reads this machine's backups is itself not readable")
	d.outage().follow()
	if d.s.OtherBackup == nil || d.inc.OtherAsked.IsZero() {
		return
	}
	state, why := d.proof().other()
	double := state == EvidenceKO || state == EvidenceNone && d.s.OtherBackup.NoneIsKO
	if d.inc.Flags[FlagDoubleFailure] && state == EvidenceUnknown {
		double = true // what is not known lowers no flag
	}
	if d.flag(FlagDoubleFailure, double, why) {
		d.out.Touches = true
	}
	d.flag(FlagOtherBackupKnown, state != EvidenceUnknown, why)
}

// waitingOver ends a wait whose date has come.
func (d *decider) waitingOver() {
	if d.inc.State != Waiting || d.inc.Until.IsZero() || d.inc.Until.After(d.horizon) {
		return
	}
	at := d.inc.Until
	d.inc.Until = time.Time{}
	d.endPause(at)
	d.raise("waiting_over", at)
	d.state(Open, "the agreed date has come")
}

// finish fills in what the shell needs to go on.
func (d *decider) finish() {
	if d.inc.State == Waiting && !d.inc.Until.IsZero() {
		d.wakeBy(d.inc.Until)
	}
	if d.inc.Flags[FlagOutage] && !d.inc.State.Ended() {
		d.wakeBy(d.outage().until())
	}
	d.proof().proofNeeds()
	if !d.wake.IsZero() && !d.wake.After(d.now) {
		d.wake = d.now.Add(time.Second) // never spin, whatever a policy says
	}
	d.out.WakeAt = d.wake
	if d.out.Needs != nil {
		d.out.WakeAt = d.now
	}
	d.inc.WakeAt, d.inc.PollAt = d.out.WakeAt, d.out.PollAt
	d.out.Incident = *d.inc
	if d.inc.State != d.out.From {
		d.out.Touches = true
	}
}

// wakeBy keeps the earliest instant at which time alone may change something.
func (d *decider) wakeBy(at time.Time) {
	if at.IsZero() {
		return
	}
	if d.wake.IsZero() || at.Before(d.wake) {
		d.wake = at
	}
}
