package rules

import (
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
	"vigie/rules/situation"
)

// anotherPlatform writes anew what is still held when the failure turns out to
// hit one more platform: whoever is called must not read of the first alone. Once
// that has left it has become worse than was told.
func (d intake) anotherPlatform() {
	inTime := false
	for _, key := range d.Incident.Steps.Sorted() {
		r := d.Incident.Steps[key]
		st := d.Step(r.Step)
		if st == nil || r.Status != incident.StepDecided || r.Episode != d.Incident.Episode || len(r.Resent) > 0 || st.AtOnce || st.OnJoining() ||
			!d.Now.Before(r.DecidedAt.Add(d.Policy.Hold)) || slices.ContainsFunc(st.When, func(t policy.Trigger) bool { return t.Kind != policy.WhenMoment }) {
			continue
		}
		d.rewrite(st, key, r)
		inTime = inTime || key.Platform == ""
	}
	if opening := d.Incident.Raised["opening"]; !inTime && !d.Now.Before(opening.At.Add(d.Policy.Hold)) {
		d.raise("worsened", d.Now)
	}
}

// lastLook is how long before an ending leaves it is looked whether the machine's
// other backup, which failed when it was written, still does.
const lastLook = 10 * time.Second

// lookBeforeTelling keeps a held ending from saying that the other backup fails which
// was repaired with it: it is looked at once more before it leaves.
func (d intake) lookBeforeTelling() {
	i := d.Incident
	if !i.State.Ended() || d.Scenario.OtherBackup == nil {
		return
	}
	other, _ := d.OtherBackup()
	fails := other == model.EvidenceKO
	for _, key := range i.Steps.Which(d.heldEnding) {
		r := i.Steps[key]
		look := r.DecidedAt.Add(d.Policy.Hold - lastLook)
		switch {
		case look.After(d.Now):
			if fails {
				d.wakeBy(look)
			}
		case !fails:
			d.rewrite(d.Step(r.Step), key, r)
		case d.FailingSibling() == nil && i.OtherAsked.Before(look):
			d.out.Needs = d.proof().need()
		}
	}
}

// heldEnding picks what says that it is over and is still held.
func (d intake) heldEnding(r *incident.StepRecord) bool {
	st := d.Step(r.Step)
	return st != nil && r.Status == incident.StepDecided && r.Episode == d.Incident.Episode && d.Now.Before(r.DecidedAt.Add(d.Policy.Hold)) &&
		slices.ContainsFunc(st.When, situation.EndsOn)
}

// rewrite replaces a held notification by one that says what is known now, to the
// same people and at the same time.
func (d intake) rewrite(st *policy.Step, key incident.StepKey, r *incident.StepRecord) {
	isCopy := func(p incident.Party) bool { return p.Cc }
	to := slices.DeleteFunc(slices.Clone(r.Pending), isCopy)
	cc := slices.DeleteFunc(slices.Clone(r.Pending), func(p incident.Party) bool { return !isCopy(p) })
	if len(to) == 0 || len(d.Contacts().Envelopes(to, cc, key.Platform)) > 1 {
		return
	}
	delete(d.Incident.Steps, key) // its own history does not tell of it
	n := d.Messages().Notification(st, st.Template, to, cc, key.Platform, r.Reason)
	d.Incident.Steps[key] = r
	n.ID = r.NotificationID
	n.DecidedAt, n.HoldUntil = r.DecidedAt, r.DecidedAt.Add(d.Policy.Hold)
	n.Data.Automatic = true
	d.out.Rewrites = append(d.out.Rewrites, n)
}
