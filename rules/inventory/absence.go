package inventory

import (
	"fmt"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
)

// Absence pauses what is owed to the users of a machine or a customer, or says
// that one of the provider's own people is away.
type Absence struct {
	Person   string // away himself; then customer and machine are empty
	Customer string
	Machine  string // empty: all machines of the customer
	From     time.Time
	Until    time.Time // exclusive
	Reason   string
}

type absenceEntry struct {
	At       strict.Position
	Person   string       `yaml:"person"`
	Customer string       `yaml:"customer"`
	Machine  string       `yaml:"machine"`
	From     fleet.Moment `yaml:"from"`
	Until    fleet.Moment `yaml:"until"`
	Reason   string       `yaml:"reason"`
}

func (l *loader) absences(entries []absenceEntry) {
	for i, e := range entries {
		where := fmt.Sprintf("absences[%d]", i)
		switch {
		case e.Person != "" && e.Customer+e.Machine != "":
			l.fault(e.At, where+".person", "it stands beside customer or machine: write two entries")
		case e.Person != "":
			l.person(e.At, where+".person", e.Person)
		default:
			l.customer(e.At, where+".customer", e.Customer)
			l.machine(e.At, where+".machine", e.Customer, e.Machine)
		}
		l.bounded(e.At, where, e.From, e.Until)
		from, until := l.span(e.At, where, e.From, e.Until)
		l.dir.Absences = append(l.dir.Absences, Absence{Person: e.Person, Customer: e.Customer, Machine: e.Machine, From: from, Until: until, Reason: e.Reason})
	}
}

// Away reports whether a person is away at an instant, and until when.
func (d *Directory) Away(person string, at time.Time) (until time.Time, away bool) {
	for again := true; again; {
		again = false
		for _, a := range d.Absences {
			if a.Person != "" && a.Person == person && !at.Before(a.From) && at.Before(a.Until) {
				until, at, again = a.Until, a.Until, true
			}
		}
	}
	return until, !until.IsZero()
}

// NextAway is the first instant, from one on, at which a person is away.
func (d *Directory) NextAway(person string, at time.Time) (from time.Time, some bool) {
	for _, a := range d.Absences {
		if a.Person == "" || a.Person != person || !a.Until.After(at) {
			continue
		}
		begins := a.From
		if begins.Before(at) {
			begins = at
		}
		if !some || begins.Before(from) {
			from, some = begins, true
		}
	}
	return from, some
}

// AbsentUntil reports whether the machine's user, or its whole customer, is
// away at an instant, and until when; overlapping absences are joined.
func (d *Directory) AbsentUntil(customer, machine string, at time.Time) (time.Time, bool) {
	var until time.Time
	user := ""
	if m := d.Machine(customer, machine); m != nil {
		user = m.User
	}
	for again := true; again; {
		again = false
		for _, a := range d.Absences {
			theirs := a.Person == "" && a.Customer == customer && (a.Machine == "" || a.Machine == machine)
			if !theirs && (a.Person == "" || a.Person != user) {
				continue
			}
			if !at.Before(a.From) && at.Before(a.Until) && a.Until.After(until) {
				until, at, again = a.Until, a.Until, true
			}
		}
	}
	return until, !until.IsZero()
}
