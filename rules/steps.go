package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
	"vigie/rules/situation"
)

// rungs takes the steps that are due.
type rungs struct{ *decider }

func (d *decider) rungs() rungs { return rungs{d} }

// steps looks at every step in the order of the policy and takes what is due.
func (d rungs) steps() {
	d.stale = false
	for _, st := range d.Scenario.Steps {
		if st.Per == model.LabelPlatform {
			for _, p := range d.Contacts().Told() {
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
func (d rungs) consider(st *policy.Step, platform string) {
	if st.Once() {
		if r := d.Incident.Steps[d.Schedule().Key(st, platform, situation.Firing{})]; r != nil && r.Status != incident.StepBlocked {
			return
		}
	}
	for _, f := range d.Schedule().Firings(st, platform) {
		if d.Schedule().Taken(st, platform, f) {
			continue
		}
		if d.Incident.State.Ended() && !d.Schedule().EndsOn(st.When[f.Trigger]) {
			continue
		}
		f.At = d.Schedule().Shift(st, f.At)
		if f.At.After(d.Horizon) {
			d.wakeBy(f.At)
			continue
		}
		// What was held back or comes late keeps to its part of the day as well.
		if ready := d.Schedule().Shift(st, d.Horizon); ready.After(d.Horizon) {
			d.wakeBy(ready)
			continue
		}
		d.fire(st, platform, f)
	}
}

// fire carries out one occurrence of a step, or drops it with its reason.
func (d rungs) fire(st *policy.Step, platform string, f situation.Firing) {
	key := d.Schedule().Key(st, platform, f)
	if c := d.FirstHolding(st.When[f.Trigger].Unless); c != "" {
		d.drop(st, key.DroppedBy(f.Trigger), f, "dropped: "+c)
		return
	}
	if c := d.FirstHolding(st.Unless); c != "" {
		if st.Repeat == nil {
			key = key.DroppedBy(f.Trigger)
		}
		d.drop(st, key, f, "dropped: "+c)
		if st.Repeat != nil {
			d.Incident.Steps[key].Status = incident.StepStopped
		}
		return
	}
	if c := d.FirstHolding(st.Rests); c != "" {
		d.drop(st, key, f, "rests: "+c)
		return
	}
	if platform != "" && !d.Incident.State.Ended() && !d.Messages().WellAgain(platform).IsZero() &&
		slices.ContainsFunc(d.Contacts().Platforms(), func(p string) bool { return d.Messages().WellAgain(p).IsZero() }) {
		d.drop(st, key, f, "rests: this platform is well again, others of the host are not")
		return
	}
	if d.FirstLacking(st.OnlyIf) != "" {
		d.lookAgain()
		return
	}
	if d.postponed(st.When[f.Trigger], f) {
		return
	}
	if !d.Incident.State.Ended() && (!d.proof().fresh(st.Trace) || !d.proof().proofAsked()) {
		d.needs, d.stale = true, true
		return
	}
	d.By = d.actorOf(st.When[f.Trigger])
	if platform == "" && st.OnJoining() {
		platform = d.LastReport().Labels[model.LabelPlatform]
	}
	to, cc, dropped := d.Contacts().Recipients(st, st.To, st.Cc, platform)
	unfilled := d.unfilled(st, platform, len(to) > 0)
	if len(to) == 0 && st.Trace && st.Missing == nil {
		to, cc = situation.Addressed(cc), nil // it leaves to those who exist
	}
	if len(to) == 0 && dropped != "" && !st.Trace && st.Missing == nil {
		d.drop(st, key, f, dropped)
		return
	}
	if len(to) == 0 {
		if d.nobody(st, key, platform, f) {
			d.tellOfUnfilled(st, key, unfilled)
		}
		return
	}
	if dropped != "" {
		d.note("step", st.Name, "", dropped)
	}
	d.tell(st, st.Template, to, cc, platform, key, f)
	d.tellOfUnfilled(st, key, unfilled)
}

// unfilled lists the roles that nobody fills now and without which a step is not done:
// each one of a written trace, and those whom any other message is for if it reaches
// none of them. Whom the incident's own course names is not asked for, nor whose place
// if_nobody takes.
func (d rungs) unfilled(st *policy.Step, platform string, reaches bool) []string {
	if reaches && !st.Trace {
		return nil
	}
	must := st.To
	if st.Trace {
		must = slices.Concat(st.To, st.Cc, d.Policy.Required)
	}
	defer d.ReachBy(st.Channel)()
	var out []string
	for n, name := range must {
		r := d.Policy.Roles[name]
		if r == nil || r.OfIncident() || n < len(st.To) && st.Missing != nil || slices.Contains(out, name) {
			continue
		}
		if len(d.Contacts().Resolve(name, platform, d.Now)) == 0 {
			out = append(out, name)
		}
	}
	return out
}

// tellOfUnfilled keeps a step from being done while roles of it are empty, and
// lets those who mend it know which.
func (d rungs) tellOfUnfilled(st *policy.Step, key incident.StepKey, roles []string) {
	r := d.Incident.Steps[key]
	if r == nil || len(roles) == 0 || slices.Equal(r.Unfilled, roles) {
		return
	}
	r.Unfilled = roles
	what := incident.UnreachedRole
	if st.Trace {
		what = incident.UnfilledRole
		d.note("step", r.Step, "", "not done: nobody fills "+strings.Join(roles, ", "))
	}
	for _, role := range roles {
		d.post().tellOfRefusal(r, incident.Party{Role: role, Address: role}, what)
	}
}

// unreadEvery is how often an ended alert looks whether its source is read again.
const unreadEvery = 15 * time.Minute

// lookAgain wakes at the next opening, so that a step that waits for something
// is never forgotten, whoever forgets to tell.
func (d rungs) lookAgain() {
	if d.Incident.Flags[model.FlagSourceDown] && !d.AnyFiring() {
		d.wakeBy(d.Horizon.Add(unreadEvery)) // what wakes a source's alerts passes over those that ended
	}
	cal := d.Calendar(d.Scenario.Calendar)
	date, err := cal.AddBusinessDays(cal.Date(d.Now), 1)
	if err != nil {
		return
	}
	if at, ok := cal.Opening(date); ok {
		d.wakeBy(at)
	}
}

// postponed waits while something common is being sorted out.
func (d rungs) postponed(t policy.Trigger, f situation.Firing) bool {
	latest, postponed := d.Schedule().PostponedUntil(t, f)
	if !postponed || !d.Horizon.Before(latest) {
		return false
	}
	d.wakeBy(latest)
	return true
}

func (d rungs) drop(st *policy.Step, key incident.StepKey, f situation.Firing, why string) {
	d.Incident.Steps[key] = &incident.StepRecord{Step: st.Name, Episode: d.Incident.Episode, Occurrence: key.OccurrenceText(), Status: incident.StepSkipped,
		At: d.Now, DecidedAt: d.Now, DueAt: f.At, Reason: why}
	d.note("step", st.Name, "", why+" ("+f.Why+")")
}

// nobody handles a step that reaches no one, and reports whether it stays due: whoever
// can mend that is told once (S1.18).
func (d rungs) nobody(st *policy.Step, key incident.StepKey, platform string, f situation.Firing) (due bool) {
	if r := d.Incident.Steps[key]; r != nil {
		return true
	}
	if d.Incident.State.Ended() || d.toThoseTold(st) {
		d.drop(st, key, f, "nobody was told of it before, so nobody is told that it is over")
		return false
	}
	d.Incident.Steps[key] = &incident.StepRecord{Step: st.Name, Episode: d.Incident.Episode, Occurrence: key.OccurrenceText(), Status: incident.StepBlocked,
		At: d.Now, DecidedAt: d.Now, DueAt: f.At, Reason: "nobody fills " + strings.Join(st.To, ", ")}
	d.note("step", st.Name, "", "blocked: nobody fills "+strings.Join(st.To, ", "))
	if st.Missing == nil {
		return true
	}
	to, cc, _ := d.Contacts().Recipients(st, st.Missing.To, st.Missing.Cc, platform)
	if len(to) > 0 {
		n := d.Messages().Notification(st, st.Missing.Template, to, cc, platform, "nobody fills "+strings.Join(st.To, ", "))
		n.ID = d.Incident.ID + "/" + key.String() + "/nobody"
		n.Step = st.Name + ".nobody"
		n.Trace = false
		d.out.Notifications = append(d.out.Notifications, n)
	}
	return true
}

// toThoseTold is true for a step for those whom the incident has told.
func (d rungs) toThoseTold(st *policy.Step) bool {
	return !slices.ContainsFunc(st.To, func(name string) bool {
		r := d.Policy.Roles[name]
		return r == nil || !r.OfThoseTold()
	})
}

// tell writes the notification and the record of the step.
func (d rungs) tell(st *policy.Step, template string, to, cc []incident.Party, platform string, key incident.StepKey, f situation.Firing) {
	first := d.Incident.ID + "/" + key.String() + d.outage().suffix(st)
	var more []string
	for i, e := range d.Contacts().Envelopes(to, cc, platform) {
		n := d.Messages().Notification(st, template, e.To, e.Cc, e.Platform, f.Why)
		d.Messages().SpeaksOf(&n.Data, st.When[f.Trigger]) // of several clocks, the one that this is about
		n.ID = first
		if i > 0 {
			n.ID += "/" + e.Platform
			if slices.Contains(more, n.ID) { // each stranger has a mail of his own
				n.ID += "/" + strconv.Itoa(i)
			}
			more = append(more, n.ID)
		}
		n.Data.Automatic = st.When[f.Trigger].Kind != policy.WhenAct
		d.out.Notifications = append(d.out.Notifications, n)
	}
	d.Incident.Steps[key] = &incident.StepRecord{Step: st.Name, Resent: more, Episode: d.Incident.Episode, Occurrence: key.OccurrenceText(), Status: incident.StepDecided,
		At: d.Now, DecidedAt: d.Now, DueAt: f.At, Reason: f.Why, Pending: append(slices.Clone(to), cc...), NotificationID: first,
		Stands: st.When[f.Trigger].Kind == policy.WhenAct || st.When[f.Trigger].Kind == policy.WhenBreach}
	d.note("step", st.Name, d.By, f.Why)
	d.marks(st, to, f)
	if f.At.Before(d.Now.Add(-time.Minute)) {
		d.note("note", "late", "", "was due at "+f.At.Format(time.RFC3339)+" and is done late")
	}
}

// actorOf is who caused a step: the person whose act called for it, even when
// evidence had to be asked in between.
func (d rungs) actorOf(t policy.Trigger) string {
	if t.Kind != policy.WhenAct {
		return ""
	}
	if a := d.LastAct(t.Name); a != nil {
		return a.By
	}
	return ""
}

// marks notes what a taken step means for later ones.
func (d rungs) marks(st *policy.Step, to []incident.Party, f situation.Firing) {
	for _, r := range st.To {
		if role := d.Policy.Roles[r]; role != nil && role.Kind == policy.RoleRota && len(to) > 0 {
			on := d.Contacts().Resolve(r, "", d.Now)
			var ids []string
			for _, p := range to { // who reads it for another reason is not on duty by that
				if slices.ContainsFunc(on, func(q incident.Party) bool { return q.Person == p.Person }) {
					ids = append(ids, p.Person)
				}
			}
			if len(ids) > 0 {
				d.Incident.Progress.OnDuty, d.Incident.Progress.OnDutyRole = ids, r
			}
		}
	}
	if t := st.When[f.Trigger]; t.Kind == policy.WhenFlag && t.Name == string(model.FlagDoubleFailure) {
		d.Incident.Progress.DoubleTold = st.Name
		d.out.Touches = true
	}
	if st.Task != "" {
		d.raise("task", d.Now)
		d.out.Tasks = append(d.out.Tasks, incident.Task{Kind: st.Task, Due: d.taskDue(f)})
		if st.State != "" {
			d.state(st.State, "step "+st.Name)
		}
	}
}

// taskDue is the appointment, or now for one that could not be kept.
func (d rungs) taskDue(f situation.Firing) time.Time {
	if d.Now.Sub(f.At) > time.Hour {
		return d.Now
	}
	return f.At
}
