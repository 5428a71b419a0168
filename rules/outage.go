package rules

import (
	"fmt"
	"slices"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// outage follows the failure that the incident has in common with others.
type outage struct{ *decider }

func (d *decider) outage() outage { return outage{d} }

// follow marks the incident as part of a common failure, for a bounded time:
// afterwards, or when the common one is over, it is told by itself.
func (d outage) follow() {
	part := d.Circumstances.Outage != ""
	if part && d.Incident.Progress.Outage == d.Circumstances.OutageID {
		part = d.Horizon.Before(d.OutageUntil())
	}
	why := "part of a failure common to several customers: " + d.Circumstances.OutageID
	if !part && d.Circumstances.Outage != "" {
		why = "it fails for so long that it is told by itself, though the common failure " + d.Circumstances.OutageID + " goes on"
	} else if !part {
		why = "the failure common to several customers is over"
	}
	if !d.flag(model.FlagOutage, part, why) {
		return
	}
	if !part {
		d.release()
		return
	}
	d.Incident.Progress.Outage = d.Circumstances.OutageID
	d.withdrawHeld()
}

// release lets the steps come that the common failure had stood for, as if the
// incident had opened now.
func (d outage) release() {
	d.Incident.Progress.Released = d.Now
	for key, r := range d.Incident.Steps {
		if key.Episode == d.Incident.Episode && r.Status != incident.StepBlocked && slices.Contains([]string{droppedForOutage, restedForOutage, withdrawnForOutage}, r.Reason) {
			delete(d.Incident.Steps, key)
		}
	}
}

// suffix tells a message that comes after a common failure from the one that was
// withdrawn for its sake; "" for every other.
func (d outage) suffix(st *policy.Step) string {
	if d.Incident.Progress.Released.IsZero() || !slices.Contains(st.Unless, string(model.FlagOutage)) && !slices.Contains(st.Rests, string(model.FlagOutage)) {
		return ""
	}
	return fmt.Sprintf("/after-outage-%d", d.Incident.Raised["flag:"+string(model.FlagOutage)].Count)
}

// Why the steps of a member did not come, as their records say it.
const (
	droppedForOutage   = "dropped: " + string(model.FlagOutage)
	restedForOutage    = "rests: " + string(model.FlagOutage)
	withdrawnForOutage = "withdrawn: part of a common failure that is told once"
)

// withdrawHeld takes back the opening mail that is still held: one mail about
// the common failure replaces it.
func (d outage) withdrawHeld() {
	for _, st := range d.Scenario.Steps {
		if !slices.Contains(st.Unless, string(model.FlagOutage)) {
			continue
		}
		for _, r := range d.Incident.Steps {
			if r.Step == st.Name && r.Episode == d.Incident.Episode && r.Status == incident.StepDecided && d.Now.Before(r.DecidedAt.Add(d.Policy.Hold)) {
				r.Status, r.At, r.Reason = incident.StepSkipped, d.Now, withdrawnForOutage
				r.Pending = nil
				d.out.Withdraw = append(d.out.Withdraw, r.NotificationID)
				d.note("step", st.Name, "", r.Reason)
			}
		}
	}
}
