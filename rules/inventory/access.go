package inventory

import (
	"slices"

	"vigie/internal/strict"
	"vigie/rules/act"
)

// accessEntry says who may do what, as lists of people's ids. Whoever stands in
// none of the first four has the rights that his place in the inventory gives.
type accessEntry struct {
	At        strict.Position
	Viewers   []string `yaml:"viewers"`
	Operators []string `yaml:"operators"`
	Managers  []string `yaml:"managers"`
	Contacts  []string `yaml:"contacts"`
	// Confidential are those who read the journal of confidential cases.
	Confidential []string `yaml:"confidential"`
}

// access takes in who may do what; a person has one role.
func (l *loader) access(e *accessEntry) {
	if e == nil {
		return
	}
	for _, list := range []struct {
		key    string
		role   act.Role
		people []string
	}{
		{"viewers", act.Viewer, e.Viewers}, {"operators", act.Operator, e.Operators},
		{"managers", act.Manager, e.Managers}, {"contacts", act.Customer, e.Contacts},
	} {
		for _, id := range list.people {
			where := "access." + list.key
			l.person(e.At, where, id)
			if l.once(e.At, where+": "+id, "access of "+id) {
				l.dir.Access[id] = list.role
			}
		}
	}
	for _, id := range e.Confidential {
		l.person(e.At, "access.confidential", id)
		if !slices.Contains(l.dir.Confidential, id) {
			l.dir.Confidential = append(l.dir.Confidential, id)
		}
	}
}

// Contact reports whether somebody is one of a customer's own people: of its
// machines, of its company or of its platforms.
func (d *Directory) Contact(id string) bool {
	if id == "" {
		return false
	}
	for _, m := range d.Machines {
		if m.User == id {
			return true
		}
	}
	for _, c := range d.Customers {
		if c.ITContact == id {
			return true
		}
	}
	for _, p := range d.Platforms {
		if slices.Contains(p.Managers, id) {
			return true
		}
	}
	return false
}

// Answers reports whether somebody of a customer's own people stands for a
// customer, a machine of it and a platform, each as far as it is named: its IT
// contact for all of it, a user for his machine, a manager for his platform.
func (d *Directory) Answers(id, customer, machine, platform string) bool {
	if platform != "" {
		p := d.Platforms[platform]
		return p != nil && (d.Manages(p, id) || d.itContact(p.Customer, id))
	}
	if d.itContact(customer, id) {
		return true
	}
	m := d.Machine(customer, machine)
	return machine != "" && m != nil && m.User == id
}

// Belongs reports whether somebody is one of a customer's own people: its IT contact, the
// user of a machine of it or the manager of a platform of it.
func (d *Directory) Belongs(id, customer string) bool {
	if d.itContact(customer, id) || slices.ContainsFunc(d.Machines, func(m *Machine) bool { return m.Customer == customer && m.User == id }) {
		return true
	}
	for _, p := range d.Platforms {
		if p.Customer == customer && d.Manages(p, id) {
			return true
		}
	}
	return false
}

func (d *Directory) itContact(customer, id string) bool {
	c := d.Customers[customer]
	return c != nil && id != "" && c.ITContact == id
}
