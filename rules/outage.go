package rules

import (
	"fmt"
	"slices"
	"time"
)

// outage follows the failure that the incident has in common with others.
type outage struct{ *decider }

func (d *decider) outage() outage { return outage{d} }

// follow marks the incident as part of a common failure, for a bounded time:
// afterwards, or when the common one is over, it is told by itself.
func (d outage) follow() {
	part := d.facts.Outage != ""
	if part && d.inc.Progress.Outage == d.facts.OutageID {
		part = d.horizon.Before(d.until())
	}
	why := "part of a failure common to several customers: " + d.facts.OutageID
	if !part && d.facts.Outage != "" {
		why = "it fails for so long that it is told by itself, though the common failure " + d.facts.OutageID + " goes on"
	} else if !part {
		why = "the failure common to several customers is over"
	}
	if !d.flag(FlagOutage, part, why) {
		return
	}
	if !part {
		d.release()
		return
	}
	d.inc.Progress.Outage = d.facts.OutageID
	d.withdrawHeld()
}

// until is when the incident is told by itself at the latest.
func (d outage) until() time.Time {
	since := d.inc.Raised["flag:"+string(FlagOutage)].At
	for _, c := range d.p.Correlations {
		if !c.Marks || !slices.ContainsFunc(sortedAlerts(d.inc.Alerts), func(f string) bool { return c.Match.Match(d.inc.Alerts[f].Labels) }) {
			continue
		}
		held := c.Held
		if held.Calendar == "" {
			held.Calendar = d.s.Calendar
		}
		return d.schedule().after(since, held)
	}
	return since // the policy knows no common failure that it could be part of
}

// release lets the steps come that the common failure had stood for, as if the
// incident had opened now.
func (d outage) release() {
	d.inc.Progress.Released = d.now
	for key, r := range d.inc.Steps {
		if key.Episode == d.inc.Episode && r.Status != StepBlocked && slices.Contains([]string{droppedForOutage, restedForOutage, withdrawnForOutage}, r.Reason) {
			delete(d.inc.Steps, key)
		}
	}
}

// suffix tells a message that comes after a common failure from the one that was
// withdrawn for its sake; "" for every other.
func (d outage) suffix(st *Step) string {
	if d.inc.Progress.Released.IsZero() || !slices.Contains(st.Unless, string(FlagOutage)) && !slices.Contains(st.Rests, string(FlagOutage)) {
		return ""
	}
	return fmt.Sprintf("/after-outage-%d", d.inc.Raised["flag:"+string(FlagOutage)].Count)
}

// Why the steps of a member did not come, as their records say it.
const (
	droppedForOutage   = "dropped: " + string(FlagOutage)
	restedForOutage    = "rests: " + string(FlagOutage)
	withdrawnForOutage = "withdrawn: part of a common failure that is told once"
)

// withdrawHeld takes back the opening mail that is still held: one mail about
// the common failure replaces it.
func (d outage) withdrawHeld() {
	for _, st := range d.s.Steps {
		if !slices.Contains(st.Unless, string(FlagOutage)) {
			continue
		}
		for _, r := range d.inc.Steps {
			if r.Step == st.Name && r.Episode == d.inc.Episode && r.Status == StepDecided && d.now.Before(r.DecidedAt.Add(d.p.Hold)) {
				r.Status, r.At, r.Reason = StepSkipped, d.now, withdrawnForOutage
				r.Pending = nil
				d.out.Withdraw = append(d.out.Withdraw, r.NotificationID)
				d.note("step", st.Name, "", r.Reason)
			}
		}
	}
}
