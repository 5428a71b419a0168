package rules

import (
	"slices"
	"vigie/rules/incident"
	"vigie/rules/policy"
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
