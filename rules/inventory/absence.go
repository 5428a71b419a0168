package inventory

import (
	"fmt"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
)

// Absence pauses what is owed to the users of a machine or a customer.
type Absence struct {
	Customer string
	Machine  string // empty: all machines of the customer
	From     time.Time
	Until    time.Time // exclusive
	Reason   string
}

type absenceEntry struct {
	At       strict.Position
	Customer string       `yaml:"customer"`
	Machine  string       `yaml:"machine"`
	From     fleet.Moment `yaml:"from"`
	Until    fleet.Moment `yaml:"until"`
	Reason   string       `yaml:"reason"`
}

func (l *loader) absences(entries []absenceEntry) {
	for i, e := range entries {
		where := fmt.Sprintf("absences[%d]", i)
		l.customer(e.At, where+".customer", e.Customer)
		l.machine(e.At, where+".machine", e.Customer, e.Machine)
		l.bounded(e.At, where, e.From, e.Until)
		from, until := l.span(e.At, where, e.From, e.Until)
		l.dir.Absences = append(l.dir.Absences, Absence{Customer: e.Customer, Machine: e.Machine, From: from, Until: until, Reason: e.Reason})
	}
}

// AbsentUntil reports whether the machine's user, or its whole customer, is
// away at an instant, and until when; overlapping absences are joined.
func (d *Directory) AbsentUntil(customer, machine string, at time.Time) (time.Time, bool) {
	var until time.Time
	for again := true; again; {
		again = false
		for _, a := range d.Absences {
			if a.Customer != customer || (a.Machine != "" && a.Machine != machine) {
				continue
			}
			if !at.Before(a.From) && at.Before(a.Until) && a.Until.After(until) {
				until, at, again = a.Until, a.Until, true
			}
		}
	}
	return until, !until.IsZero()
}
