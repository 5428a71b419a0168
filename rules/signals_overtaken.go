package rules

import (
	"slices"

	"vigie/rules/incident"
	"vigie/rules/policy"
	"vigie/rules/situation"
)

// overtaken takes back what says that it is over: it would be the last word on
// what fails again.
func (d intake) overtaken() {
	d.withdraw("withdrawn: it failed again before it left", func(st *policy.Step, _ *incident.StepRecord) bool {
		return !slices.ContainsFunc(st.When, func(t policy.Trigger) bool { return !situation.EndsOn(t) || t.Kind == policy.WhenAct })
	})
}

// withdraw takes back what was decided in this episode and no server has accepted
// any part of, where the world has overtaken it.
func (d intake) withdraw(why string, overtaken func(*policy.Step, *incident.StepRecord) bool) {
	undelivered := func(r *incident.StepRecord) bool {
		return r.Status == incident.StepDecided && r.Episode == d.Incident.Episode
	}
	for _, key := range d.Incident.Steps.Which(undelivered) {
		r := d.Incident.Steps[key]
		st := d.Step(r.Step)
		if st == nil || d.partlyTold(r) || !overtaken(st, r) {
			continue
		}
		r.Status, r.At, r.Reason, r.Pending, r.Refused = incident.StepSkipped, d.Now, why, nil, nil
		d.out.Withdraw = append(append(d.out.Withdraw, r.NotificationID), r.Resent...)
		d.note("step", r.Step, "", r.Reason)
	}
}

// withdrawUnread takes back what asks people to act on a failure that is over.
// What a person's act called for leaves all the same, and a platform's reporter is
// always answered.
func (d intake) withdrawUnread() {
	if d.Scenario.Proof != policy.ProofSuccess {
		return
	}
	d.withdraw("withdrawn: it was over before it left", func(_ *policy.Step, r *incident.StepRecord) bool { return !r.Stands && len(r.Resent) == 0 })
}

// overtakenReminders takes back reminders that should have left by now, while
// mail is away, where a later one says the same or what they ask for was done; and
// what only the clock called for, as soon as somebody does it.
func (d intake) overtakenReminders() {
	late := func(r *incident.StepRecord) bool {
		return r.Status == incident.StepDecided && !r.Stands && len(r.Refused) == 0 && r.DecidedAt.Add(d.Policy.Hold).Before(d.Now)
	}
	if d.Incident.State.Ended() {
		return
	}
	d.withdraw("withdrawn: overtaken before it left", func(st *policy.Step, r *incident.StepRecord) bool {
		if !late(r) && (d.act == nil || r.Stands || !st.ByClock()) || st.Trace || slices.ContainsFunc(st.When, situation.EndsOn) {
			return false
		}
		return d.FirstHolding(st.Unless) != "" || d.FirstHolding(st.Rests) != "" || st.Reminds() && d.remindedAgain(r)
	})
}

// remindedAgain reports whether the same reminder was decided again since.
func (d intake) remindedAgain(r *incident.StepRecord) bool {
	var platform string
	for key, o := range d.Incident.Steps {
		if o == r {
			platform = key.Platform
		}
	}
	for key, o := range d.Incident.Steps {
		if o.Step == r.Step && key.Platform == platform && o.Episode == r.Episode && o.Status == incident.StepDecided && o.DecidedAt.After(r.DecidedAt) {
			return true
		}
	}
	return false
}

// partlyTold reports whether some server accepted a part of a message.
func (d intake) partlyTold(r *incident.StepRecord) bool {
	return r.MessageID != "" && slices.ContainsFunc(d.Incident.Told, func(p incident.Party) bool { return p.Step == r.Step })
}
