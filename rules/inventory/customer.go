package inventory

import (
	"maps"
	"slices"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
)

// Customer is a client of the service provider.
type Customer struct {
	ID             string
	Name           string
	AccountManager string // person id
	ITContact      string // person id
	Prefers        string // user, it or both: whom to write about a workstation
	Language       string
	Calendar       string // of the policy, in the place of a scenario's; "" for that one
	// Commissioned is from when anything is owed to them, Decommissioned from when
	// nothing is any more; zero for always.
	Commissioned, Decommissioned time.Time
	At                           strict.Position
}

// Serves reports whether anything is owed to them at some time from an instant to
// another.
func (c *Customer) Serves(from, to time.Time) bool {
	return serves(c.Commissioned, c.Decommissioned, from, to)
}

func serves(commissioned, decommissioned, from, to time.Time) bool {
	return commissioned.Before(to) && (decommissioned.IsZero() || from.Before(decommissioned))
}

// calendarFaults are customers with a calendar that is not among the given ones.
func (d *Directory) calendarFaults(calendars []string) strict.Faults {
	var faults strict.Faults
	for _, id := range slices.Sorted(maps.Keys(d.Customers)) {
		if c := d.Customers[id]; c.Calendar != "" && !slices.Contains(calendars, c.Calendar) {
			faults = append(faults, strict.Fault{Position: c.At, Path: "customers." + id + ".calendar", What: strict.Unknown("calendar", c.Calendar, calendars)})
		}
	}
	return faults
}

func (l *loader) customers(entries map[string]fleet.Customer) {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e := entries[id]
		where := "customers." + id
		if !l.once(e.At, where, "customer "+id) {
			continue
		}
		if e.Name == "" {
			e.Name = id
		}
		l.oneOf(e.At, where+".prefers", e.Prefers, "", "user", "it", "both")
		l.dir.speaks(e.At, where+".language", e.Language)
		from, until := l.service(e.At, where, e.Commissioned, e.Decommissioned)
		l.dir.Customers[id] = &Customer{
			ID: id, Name: e.Name, AccountManager: e.AccountManager, ITContact: e.ITContact,
			Prefers: e.Prefers, Language: e.Language, Calendar: e.Calendar, At: e.At, Commissioned: from, Decommissioned: until,
		}
	}
}

func (l *loader) customerReferences(entries map[string]fleet.Customer) {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e := entries[id]
		l.optionalPerson(e.At, "customers."+id+".account_manager", e.AccountManager)
		l.optionalPerson(e.At, "customers."+id+".it_contact", e.ITContact)
	}
}

// customer refuses a customer whom nobody knows, or none at all.
func (l *loader) customer(at strict.Position, where, id string) {
	if id == "" {
		l.fault(at, where, "missing: write the id of a customer")
		return
	}
	known(l, at, where, "customer", id, l.dir.Customers)
}
