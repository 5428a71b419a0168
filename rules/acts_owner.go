package rules

import (
	"time"

	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

func (d acting) actTake(a incident.Act) {
	if d.Incident.Assignee != "" && d.Incident.Assignee != a.By && !forced(a) {
		d.refuseField("force", 409, "{who} has it already: say that you take it over", "who", d.Incident.Assignee)
		return
	}
	if d.Incident.Assignee == a.By && !d.Incident.TakenAt.IsZero() {
		d.refuse(409, "{who} has it already", "who", a.By)
		return
	}
	d.own(a.By)
}

// forced reports whether somebody says that he goes over another's head.
func forced(a incident.Act) bool { return a.Force || yes(a.Fields["force"]) }

// actRelease undoes a take: whoever has it gives it back, and nobody else does for him.
func (d acting) actRelease(a incident.Act) {
	switch d.Incident.Assignee {
	case a.By:
		d.Incident.Progress.OwnerBySilence = ""
		d.keeping().giveBack("gives it back")
	case "":
		d.refuse(409, "nobody has it: there is nothing to give back")
	default:
		d.refuse(409, "{who} has it, not you: assign it to somebody instead", "who", d.Incident.Assignee)
	}
}

// own makes a person the assignee who works on it.
func (d acting) own(person string) {
	d.hands(person)
	d.Incident.TakenAt = d.Now
	if d.Incident.State == model.Open || d.Incident.State == model.Taken {
		d.state(model.Taken, "taken by "+person)
	}
}

// hands moves the incident to another person and remembers who had it.
func (d acting) hands(to string) {
	d.Incident.Progress.PreviousAssignee = ""
	if from := d.Incident.Assignee; from != "" && from != to {
		d.Incident.Progress.PreviousAssignee = from
		d.note("note", "reassigned", d.actor(), "from "+from+" to "+to)
	}
	d.Incident.Assignee = to
}

// works counts any act of work as taking: somebody is on it.
func (d acting) works(a incident.Act) {
	if d.Incident.TakenAt.IsZero() {
		d.Incident.TakenAt = d.Now
	}
	if d.Incident.Assignee == "" {
		d.Incident.Assignee = a.By
	}
	if d.Incident.State == model.Open {
		d.state(model.Taken, a.By+" works on it")
	}
}

func (d acting) actAssign(a incident.Act) {
	to := a.Fields["to"]
	p := d.Book.Directory.Person(to)
	if p == nil {
		d.refuseField("to", 422, "to names nobody in the inventory: {quoted}", "quoted", to)
		return
	}
	if role := d.Book.Role(p.ID); role != act.Operator && role != act.Manager {
		d.refuseField("to", 422, "to names {who}, who may not take it: role {access}", "who", p.ID, "access", string(role))
		return
	}
	d.hands(p.ID)
	d.Incident.TakenAt = time.Time{}
	if p.ID == a.By {
		d.Incident.TakenAt = d.Now
	}
	if d.Incident.State == model.Open {
		d.state(model.Taken, "assigned to "+p.ID+" by "+a.By)
	}
	d.raise("assigned", d.Now)
}

func (d acting) actNote(a incident.Act) {
	if a.Fields["note"] == "" && a.Fields["text"] == "" {
		d.refuseField("note", 422, "note is missing: say what you found")
	}
}

func (d acting) actAttempt(a incident.Act) { d.works(a) }

func (d acting) actForecast(a incident.Act) {
	if who := d.Incident.Assignee; who != "" && who != a.By && a.By == d.Incident.Progress.PreviousAssignee {
		// Asked by a mail of before the hand-over; who gave it away himself may speak for the other.
		if gave := d.LastAct("assign"); a.Link != "" || gave == nil || gave.By != a.By || gave.Fields["to"] != who {
			d.refuse(409, "{who} has it already", "who", who)
			return
		}
	}
	a.Fields["today"] = map[bool]string{true: "yes", false: "no"}[yes(a.Fields["today"])]
	if text := a.Fields["expected_date"]; text != "" {
		cal := d.Calendar(d.Scenario.Calendar)
		if at, ok := d.day("expected_date", text); !ok || cal.Date(at).Before(cal.Date(d.Now)) {
			d.refuseField("expected_date", 422, "{field} {date} lies in the past: name an instant to come", "field", "expected_date", "date", text)
			return
		}
	}
	d.Incident.Progress.Reason, d.Incident.Progress.ExpectedDate = a.Fields["reason"], a.Fields["expected_date"]
}

// actEscalate is refused where nobody would hear of it: the journal would say that
// somebody was told.
func (d acting) actEscalate(a incident.Act) {
	if !d.Scenario.Tells("escalate") {
		d.refuse(409, "in the scenario {quoted} nobody is told by an escalation: add a note, or assign it", "quoted", d.Scenario.Name)
		return
	}
	d.Incident.Progress.Reason = a.Fields["reason"]
}
