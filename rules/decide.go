package rules

import (
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
	"vigie/rules/situation"
)

// Decide applies one event to an incident at an instant. It takes every step
// that is due and not yet done, so that calling it too often changes nothing.
// The incident given is not changed.
//
// What fell due before now, while nobody asked, is taken first, in order: an
// act counts as in time up to and including the due instant, never after.
func (b *Book) Decide(inc incident.Incident, ev incident.Event, around incident.Circumstances, now time.Time) incident.Decision {
	own := inc.Clone()
	out := b.Advance(&own, ev, around, now)
	if out.Refusal != nil {
		own = inc
	}
	return incident.Decision{Incident: own, Outcome: out}
}

// Advance is [Book.Decide] for a caller that owns the incident: it is changed
// itself, which spares a copy of all its alerts. After a refusal it is in no
// state that may be used.
func (b *Book) Advance(inc *incident.Incident, ev incident.Event, around incident.Circumstances, now time.Time) incident.Outcome {
	d := b.decider(inc, around, now)
	if d == nil {
		return incident.Outcome{Refusal: notLoaded(inc)}
	}
	from, wake, poll := inc.State, inc.WakeAt, inc.PollAt
	if d.Incident.State != "" && !d.Incident.WakeAt.IsZero() && d.Incident.WakeAt.Before(now) {
		d.settle(now.Add(-time.Nanosecond))
	}
	d.endImmediate()
	d.apply(ev)
	if d.out.Refusal != nil {
		return incident.Outcome{Refusal: d.out.Refusal, From: from, WakeAt: wake, PollAt: poll}
	}
	d.endImmediate() // the event may have told of an earlier start
	d.settle(now)
	d.finish()
	return d.out
}

func notLoaded(inc *incident.Incident) *incident.Refusal {
	return incident.Refuse(503, "the policy that this incident is pinned to is not loaded: {hash}", "hash", inc.Policy)
}

// endImmediate leaves the immediate branch when its time is up, before an
// ending at that very instant is taken in: "less than" is strict here, unlike
// a deadline.
func (d *decider) endImmediate() {
	at := d.Incident.Progress.ImmediateUntil
	if at.IsZero() || !d.Incident.Flags[model.FlagImmediate] || d.Now.Before(at) || d.Incident.State.Ended() {
		return
	}
	d.Horizon = d.Now
	for _, st := range d.Scenario.Steps {
		if !slices.ContainsFunc(st.When, func(t policy.Trigger) bool { return t.Name == "immediate_over" }) {
			continue
		}
		platforms := []string{""}
		if st.Per == model.LabelPlatform {
			platforms = d.Contacts().Platforms()
		}
		for _, p := range platforms {
			d.rungs().consider(st, p)
		}
	}
	d.flag(model.FlagImmediate, false, "not put right in time")
}

// decider carries one decision. Its incident is its own to change.
type decider struct {
	*situation.Situation
	out   incident.Outcome
	act   *incident.Act
	wake  time.Time
	needs bool // evidence must be asked before going on
	stale bool // a due step waits for fresh evidence
}

func (b *Book) decider(inc *incident.Incident, around incident.Circumstances, now time.Time) *decider {
	s := situation.Of(b.Book, inc, around, now)
	if s == nil {
		return nil
	}
	return &decider{Situation: s, out: incident.Outcome{From: inc.State}}
}

func (d *decider) apply(ev incident.Event) {
	switch e := ev.(type) {
	case incident.Fired:
		d.intake().fired(e)
	case incident.Repeated:
		for n, s := range e.Signals {
			if n == 1 {
				d.settle(d.Now) // the first finds what is due; the others change nothing that a step looks at
			}
			d.intake().fired(incident.Fired{Signal: s, Confirmed: e.Confirmed})
		}
	case incident.Cleared:
		d.intake().cleared(e)
	case incident.EndingUnconfirmed:
		d.intake().noteUnconfirmed(e)
	case incident.EndingDropped:
		d.intake().dropEndings(e.Fingerprints)
	case incident.Acted:
		d.acting().acted(e.Act)
	case incident.Answered:
		d.proof().answered(e)
	case incident.Silenced:
		d.silencing().silenced(e)
	case incident.Delivered:
		d.post().delivered(e)
	case incident.Measured:
		d.stopwatch().measured(e)
	case incident.Returned:
		d.post().returned(e)
	case incident.Refreshed:
		d.renamed()
		d.post().refreshed()
	case incident.Related:
		d.proof().related()
	case incident.Tick:
	}
}

// raise notes that a moment or flag has come.
func (d *decider) raise(name string, at time.Time) {
	r := d.Incident.Raised[name]
	r.At, r.Count = at, r.Count+1
	d.Incident.Raised[name] = r
}

// flag raises or drops a flag and reports whether it changed.
func (d *decider) flag(f model.Flag, on bool, reason string) bool {
	if d.Incident.Flags[f] == on {
		return false
	}
	if on {
		d.Incident.Flags[f] = true
		d.raise("flag:"+string(f), d.Now)
		d.newOccurrence("flag:" + string(f))
		d.note("flag", string(f), "", reason)
	} else {
		delete(d.Incident.Flags, f)
		d.note("flag", "not "+string(f), "", reason)
	}
	return true
}

// newOccurrence starts the targets afresh that run from a flag raised again.
func (d *decider) newOccurrence(moment string) {
	for _, t := range d.Scenario.Targets {
		if c := d.Incident.Targets[t.Name]; t.From == moment && c != nil && !(c.MetAt.IsZero() && c.Breached.IsZero()) {
			delete(d.Incident.Targets, t.Name)
		}
	}
}

// state moves the incident, with its reason.
func (d *decider) state(to model.State, reason string) {
	if d.Incident.State == to {
		return
	}
	d.note("state", string(to), d.actor(), reason)
	d.Incident.State = to
	d.out.Touches = true
}

func (d *decider) actor() string {
	if d.act != nil {
		return d.act.By
	}
	return ""
}

func (d *decider) note(kind, what, actor, reason string) {
	d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: kind, What: what, Actor: actor, Reason: reason})
}

func (d *decider) refuse(status int, form string, parts ...string) {
	d.refused(incident.Refuse(status, form, parts...))
}

// refuseField refuses what one field of an act says, or leaves out.
func (d *decider) refuseField(field string, status int, form string, parts ...string) {
	d.refused(incident.Refuse(status, form, parts...).About(field))
}

// refused keeps the first reason why an act is not possible.
func (d *decider) refused(why *incident.Refusal) {
	if d.out.Refusal == nil {
		d.out.Refusal = why
	}
}

// settle takes whatever is due up to the horizon, until nothing moves any more.
func (d *decider) settle(horizon time.Time) {
	d.Horizon = horizon
	for range 12 {
		before := len(d.out.Journal) + len(d.out.Notifications)
		d.deriveFlags()
		d.waitingOver()
		d.stopwatch().clocks()
		d.wake = time.Time{}
		d.announced().follow()
		d.stopwatch().clockWakes()
		d.retire()
		d.keeping().lapse()
		d.keeping().promise()
		d.rungs().steps()
		d.intake().overtakenReminders()
		if before == len(d.out.Journal)+len(d.out.Notifications) {
			return
		}
	}
}

// deriveFlags follows what is around the incident: the machine's other backup, what watches it,
// a common failure.
func (d *decider) deriveFlags() {
	if d.Incident.State.Ended() {
		return
	}
	d.flag(model.FlagSourceDown, d.Circumstances.SourceDown, "what reads this machine's backups is itself not readable")
	d.outage().follow()
	if d.Scenario.OtherBackup == nil || d.Incident.OtherAsked.IsZero() {
		return
	}
	state, why := d.OtherBackup()
	double := state == model.EvidenceKO || state == model.EvidenceNone && d.Scenario.OtherBackup.NoneIsKO
	if d.Incident.Flags[model.FlagDoubleFailure] && state == model.EvidenceUnknown {
		double = true // what is not known lowers no flag
	}
	if d.flag(model.FlagDoubleFailure, double, why) {
		d.out.Touches = true
		if !double {
			d.doubleFailureOver()
		}
	}
	d.flag(model.FlagOtherBackupKnown, state != model.EvidenceUnknown, why)
}

// doubleFailureOver takes back what says that no backup works and has not left
// yet; whoever was told of it hears that one does.
func (d *decider) doubleFailureOver() {
	ofIt := func(t policy.Trigger) bool {
		return t.Kind == policy.WhenFlag && t.Name == string(model.FlagDoubleFailure)
	}
	d.intake().withdraw("withdrawn: another backup works again", func(st *policy.Step, r *incident.StepRecord) bool {
		return slices.ContainsFunc(st.When, ofIt)
	})
	d.Incident.Progress.DoubleTold = ""
	d.raise("double_failure_over", d.Now)
}

// waitingOver ends a wait whose date has come.
func (d *decider) waitingOver() {
	if d.Incident.State != model.Waiting || d.Incident.Until.IsZero() || d.Incident.Until.After(d.Horizon) {
		return
	}
	at := d.Incident.Until
	d.Incident.Until = time.Time{}
	d.endPause(at)
	d.raise("waiting_over", at)
	d.back("the agreed date has come")
}

// finish fills in what the shell needs to go on.
func (d *decider) finish() {
	if d.Incident.State == model.Waiting && !d.Incident.Until.IsZero() {
		d.wakeBy(d.Incident.Until)
	}
	if d.Incident.Flags[model.FlagOutage] && !d.Incident.State.Ended() {
		d.wakeBy(d.OutageUntil())
	}
	d.proof().proofNeeds()
	d.intake().lookBeforeTelling()
	if !d.wake.IsZero() && !d.wake.After(d.Now) {
		d.wake = d.Now.Add(time.Second) // never spin, whatever a policy says
	}
	d.out.WakeAt = d.wake
	if d.out.Needs != nil {
		d.out.WakeAt = d.Now
	}
	d.Incident.WakeAt, d.Incident.PollAt = d.out.WakeAt, d.out.PollAt
	if d.Incident.State != d.out.From {
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
