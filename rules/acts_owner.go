package rules

import (
	"time"
)

func (d acting) actTake(a Act) {
	if d.inc.Assignee != "" && d.inc.Assignee != a.By && !a.Force && !yes(a.Fields["force"]) {
		d.refuse(409, "%s has it already: take it over explicitly with force", d.inc.Assignee)
		return
	}
	if d.inc.Assignee == a.By && !d.inc.TakenAt.IsZero() {
		d.refuse(409, "%s has it already", a.By)
		return
	}
	d.own(a.By)
}

func (d acting) own(person string) {
	d.hands(person)
	d.inc.TakenAt = d.now
	if d.inc.State == Open || d.inc.State == Taken {
		d.state(Taken, "taken by "+person)
	}
}

func (d acting) hands(to string) {
	d.inc.Progress.PreviousAssignee = ""
	if from := d.inc.Assignee; from != "" && from != to {
		d.inc.Progress.PreviousAssignee = from
		d.note("note", "reassigned", d.actor(), "from "+from+" to "+to)
	}
	d.inc.Assignee = to
}

func (d acting) works(a Act) {
	if d.inc.TakenAt.IsZero() {
		d.inc.TakenAt = d.now
	}
	if d.inc.Assignee == "" {
		d.inc.Assignee = a.By
	}
	if d.inc.State == Open {
		d.state(Taken, a.By+" works on it")
	}
}

func (d acting) actAssign(a Act) {
	to := a.Fields["to"]
	p := d.book.Directory.Person(to)
	if p == nil {
		d.refuse(422, "to names nobody in the inventory: %q", to)
		return
	}
	d.hands(p.ID)
	d.inc.TakenAt = time.Time{}
	if p.ID == a.By {
		d.inc.TakenAt = d.now
	}
	if d.inc.State == Open {
		d.state(Taken, "assigned to "+p.ID+" by "+a.By)
	}
	d.raise("assigned", d.now)
}

func (d acting) actNote(a Act) {
	if a.Fields["note"] == "" && a.Fields["text"] == "" {
		d.refuse(422, "note is missing: say what you found")
	}
}

func (d acting) actAttempt(a Act) { d.works(a) }

func (d acting) actForecast(a Act) {
	switch {
	case yes(a.Fields["today"]):
		a.Fields["today"] = "yes"
	case no(a.Fields["today"]):
		a.Fields["today"] = "no"
	default:
		d.refuse(422, "today %q is neither yes nor no", a.Fields["today"])
		return
	}
	d.inc.Progress.Reason, d.inc.Progress.ExpectedDate = a.Fields["reason"], a.Fields["expected_date"]
}

func (d acting) actEscalate(a Act) {
	d.inc.Progress.Reason = a.Fields["reason"]
}
