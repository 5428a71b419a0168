package rules

import (
	"fmt"
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// keeping looks at what people said that they would do.
type keeping struct{ *decider }

func (d *decider) keeping() keeping { return keeping{d} }

// lapse gives back, while the calendar is open, what somebody has who is away, or
// who did nothing about it for the policy's time.
func (d keeping) lapse() {
	i := d.Incident
	if i.Assignee == "" || i.State.Ended() {
		return
	}
	if d.Book.Directory.Left(i.Assignee) {
		d.giveBack("is in no inventory any more")
		return
	}
	if d.Scenario.Owner == nil || i.State == model.Waiting {
		return
	}
	cal := d.Calendar(d.Scenario.Calendar)
	at, err := cal.EffectiveStart(d.Horizon)
	if err != nil {
		return
	}
	if leaves, away := d.Schedule().OwnerAway(d.Horizon); away && leaves.After(d.Horizon) {
		d.wakeBy(leaves)
	}
	d.wakeAtShift()
	why := d.away()
	lapses := d.Schedule().After(d.LastWord(), d.Scenario.Owner.LapsesAfter)
	if promised, ok := d.Promised(i.Progress.ExpectedDate); ok {
		lapses = incident.Later(lapses, promised) // nothing was expected of him before
	}
	if why == "" {
		if i.Flags[model.FlagSilenced] {
			return
		}
		if lapses.After(d.Horizon) {
			d.wakeBy(lapses)
			return
		}
		why = "has done nothing about it for " + d.Scenario.Owner.LapsesAfter.String()
	}
	if at.After(d.Horizon) {
		d.wakeBy(at)
		return
	}
	d.giveBack(why)
}

func (d keeping) giveBack(why string) {
	from := d.Incident.Assignee
	d.Incident.Progress.PreviousAssignee = from
	d.Incident.Assignee, d.Incident.TakenAt = "", time.Time{}
	d.note("note", "lapsed", "", from+" "+why)
	if d.Incident.State == model.Taken {
		d.state(model.Open, "given back: "+from+" "+why)
	}
	d.raise("lapsed", d.Now)
	if d.DutyChanged() && !d.Book.Directory.Left(from) {
		d.raise("off_duty", d.Now) // whoever comes on duty hears of it with the rest
	}
}

// wakeAtShift looks again when the rota by which the owner had it changes hands.
func (d keeping) wakeAtShift() {
	if r := d.Policy.Roles[d.Incident.Progress.OnDutyRole]; r != nil && r.Kind == policy.RoleRota {
		if next, changes := d.Schedule().NextShift(r); changes {
			d.wakeBy(next)
		}
	}
}

// away says that the owner is absent: by the inventory, or because somebody else
// is on duty now in the rota by which he had it.
func (d keeping) away() string {
	if until, absent := d.Book.Directory.Away(d.Incident.Assignee, d.Horizon); absent {
		return "is away until " + until.In(d.Policy.Zone).Format(time.DateOnly)
	}
	if !slices.Contains(d.Incident.Progress.OnDuty, d.Incident.Assignee) || !d.DutyChanged() {
		return ""
	}
	for _, p := range d.Contacts().Resolve(d.Incident.Progress.OnDutyRole, "", d.Now) {
		if p.Person == d.Incident.Assignee {
			return ""
		}
	}
	return "is not on duty any more"
}

// promise notes that the date by which somebody promised a repair is over.
func (d keeping) promise() {
	p := &d.Incident.Progress
	if p.ExpectedDate == "" || p.ExpectedDate == p.PromisePassed || d.Incident.State.Ended() {
		return
	}
	at, ok := d.Promised(p.ExpectedDate)
	if !ok {
		return // an earlier version took words, too
	}
	if !at.Before(d.Horizon) {
		d.wakeBy(at.Add(time.Second))
		return
	}
	p.PromisePassed = p.ExpectedDate
	d.note("note", "promise", "", fmt.Sprintf("was promised for %s and is not repaired", p.ExpectedDate))
	d.raise("promise_passed", at.Add(time.Second))
}
