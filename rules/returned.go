package rules

import (
	"slices"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// returned takes in what came back for a message that a mail server had accepted.
func (d post) returned(e incident.Returned) {
	r := d.recordOf(e.NotificationID)
	if r == nil {
		return
	}
	line := func(what, reason string) {
		if e.Detail != "" {
			reason += ": " + e.Detail
		}
		d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "message", What: what + " " + r.Step, Reason: reason, Personal: e.Address})
	}
	switch e.What {
	case incident.ReturnedBounced:
		d.bounced(r, e, line)
	case incident.ReturnedDelayed:
		line("delayed", "a mail server on the way still tries: on its way since "+d.Now.In(d.Policy.Zone).Format("2006-01-02 15:04"))
	case incident.ReturnedAbsence:
		line("absence", "a machine answered for the reader, which is no answer")
	}
}

// bounced takes back an acceptance. What the written trace had brought about is
// undone, and those who mend addresses are told, as of one refused at once.
func (d post) bounced(r *incident.StepRecord, e incident.Returned, line func(what, reason string)) {
	i := slices.IndexFunc(r.Accepted, func(a string) bool { return strings.EqualFold(a, e.Address) })
	if i < 0 {
		// It came before the acceptance was known, or a second time.
		d.refusedAddress(r, e.Address, incident.Delivered{What: e.Refused, Detail: "given back: " + e.Detail})
		return
	}
	p := d.toldAs(r, r.Accepted[i])
	r.Accepted = slices.Delete(slices.Clone(r.Accepted), i, i+1)
	r.Refused = append(slices.Clone(r.Refused), p)
	d.Incident.Told = slices.DeleteFunc(slices.Clone(d.Incident.Told), func(q incident.Party) bool { return q.Step == r.Step && strings.EqualFold(q.Address, p.Address) })
	line("bounced", "the message to role "+p.Role+" was given back, so that the written trace is not made")
	if r.Status == incident.StepAccepted {
		r.Status, r.At = incident.StepDecided, d.Now
		d.undo(r)
	}
	d.tellOfRefusal(r, p, e.Refused)
	d.out.Touches = true
}

// toldAs is who an accepted message of a step went to.
func (d post) toldAs(r *incident.StepRecord, address string) incident.Party {
	for _, q := range d.Incident.Told {
		if q.Step == r.Step && strings.EqualFold(q.Address, address) {
			q.Step = ""
			return q
		}
	}
	p := incident.Party{Address: address, Person: address}
	if known := d.Book.Directory.PersonByAddress(address); known != nil {
		p.Person, p.Name = known.ID, known.Name
	}
	return p
}

// undo takes back what a step's complete trace had raised, met and moved, as far
// as no other complete trace of this episode holds it up.
func (d post) undo(r *incident.StepRecord) {
	st := d.Step(r.Step)
	if st == nil || r.Episode != d.Incident.Episode {
		return
	}
	if !d.traced(func(other *policy.Step) bool { return other.Name == st.Name }) {
		delete(d.Incident.Raised, "step:"+st.Name)
	}
	for _, f := range st.Raises {
		if !d.traced(func(other *policy.Step) bool { return slices.Contains(other.Raises, f) }) && d.flag(f, false, "the written trace of step "+st.Name+" came back") {
			d.unmeet(f)
		}
	}
	if !d.Incident.State.Ended() && st.State != "" && st.Task == "" && d.Incident.State == st.State {
		d.back("the written trace of step " + st.Name + " came back")
	}
}

// traced reports whether a complete trace of this episode is of such a step.
func (d post) traced(such func(*policy.Step) bool) bool {
	for _, r := range d.Incident.Steps {
		if st := d.Step(r.Step); st != nil && r.Episode == d.Incident.Episode && r.Status == incident.StepAccepted && such(st) {
			return true
		}
	}
	return false
}

// unmeet lets the clocks run on that a flag had stopped.
func (d post) unmeet(f model.Flag) {
	handled := d.Scenario.Handled != nil && d.Scenario.Handled.Told == f
	if handled {
		d.Incident.HandledAt = time.Time{}
	}
	for _, t := range d.Scenario.Targets {
		c := d.Incident.Targets[t.Name]
		if c == nil || c.MetAt.IsZero() || c.MetBy != string(f) && !(handled && c.MetBy == "handled") {
			continue
		}
		c.MetAt, c.MetBy = time.Time{}, ""
		d.note("target", t.Name, "", "not met after all: "+string(f)+" is taken back")
	}
}
