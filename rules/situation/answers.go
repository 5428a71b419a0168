package situation

import (
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// isAnswer reports whether an act is the word of somebody who was asked: the
// customer's own, or the account manager's, unless he works on it himself.
func (d *Situation) isAnswer(a *incident.ActRecord) bool {
	switch {
	case a == nil:
		return false
	case a.Verb == "answer":
		return true
	case a.Verb != "note" || a.By == d.Incident.Assignee:
		return false
	}
	return d.answers(a.By)
}

// answers reports whether somebody is the customer's, or answers for it.
func (d *Situation) answers(id string) bool {
	people := d.Book.Directory
	if c := people.Customers[d.Incident.Identity[model.LabelCustomer]]; c != nil && c.AccountManager == id {
		return true
	}
	return people.Contact(id) || people.Person(id) == nil && strings.Contains(id, "@") // a reporter whom nobody knows
}

// Answers are the words of those who were asked that came after an instant.
func (d *Situation) Answers(since time.Time) []incident.ActRecord {
	var out []incident.ActRecord
	for _, a := range d.Incident.Acts {
		if a.At.After(since) && d.isAnswer(&a) {
			out = append(out, a)
		}
	}
	return out
}

// answer is the newest word of somebody who was asked; nil for none.
func (d *Situation) answer() *incident.ActRecord {
	for i := len(d.Incident.Acts) - 1; i >= 0; i-- {
		if a := &d.Incident.Acts[i]; a.Episode == d.Incident.Episode && d.isAnswer(a) {
			return a
		}
	}
	return nil
}

// IntegrityOwed reports whether somebody must say if data was lost before the
// incident can be resolved (S2.30).
func (d *Situation) IntegrityOwed(cause string) bool {
	return d.Scenario.Resolve.Cause && (d.Policy.Causes[cause].Integrity || d.Happened("act:restore"))
}
