package story

import (
	"slices"
	"strings"

	"vigie/internal/strict"
	"vigie/rules/inventory"
	"vigie/rules/policy"
)

// inventory applies an event that changes the directory, which is live: open
// incidents look again at once.
func (p *player) inventory(e *event) error {
	dir := p.book.Directory.Clone()
	var err error
	switch {
	case e.Maintenance != nil:
		err = p.maintenance(dir, e)
	case e.Absence != nil:
		err = p.absence(dir, e)
	case e.Rota != nil:
		err = p.rota(dir, e)
	case e.Contact != nil:
		err = contact(dir, e.Where, e.Contact)
	}
	if err != nil {
		return err
	}
	dir.Reindex()
	return p.refresh(dir, e.Where)
}

func (p *player) maintenance(dir *inventory.Directory, e *event) error {
	d := e.Maintenance
	if _, known := dir.Platforms[d.Platform]; d.Platform != "" && !known {
		return fault(e.Where, "maintenance.platform: unknown platform %q", d.Platform)
	}
	m := inventory.Maintenance{
		Platform: d.Platform, Customer: d.Customer, Machine: d.Machine,
		From: d.From.in(p.zone), Until: d.To.endIn(p.zone), DeclaredAt: p.now,
	}
	if !d.DeclaredAt.isZero() {
		m.DeclaredAt = d.DeclaredAt.in(p.zone)
	}
	if d.Platform == "" {
		customer, err := p.customerOf(e.Where, "maintenance", d.Customer, d.Machine)
		if err != nil {
			return err
		}
		m.Customer = customer
	}
	if !m.From.Before(m.Until) {
		return fault(e.Where, "maintenance.to lies not after from: mend the dates")
	}
	dir.Maintenance = append(dir.Maintenance, m)
	return nil
}

func (p *player) personAway(dir *inventory.Directory, e *event) error {
	d := e.Absence
	person := dir.Person(d.Person)
	if person == nil || d.Customer+d.Machine != "" {
		return fault(e.Where, "absence.person names nobody of the inventory, or stands beside customer or machine: mend it")
	}
	a := inventory.Absence{Person: person.ID, From: d.From.in(p.zone), Until: d.To.endIn(p.zone)}
	if !a.From.Before(a.Until) {
		return fault(e.Where, "absence.to lies not after from: mend the dates")
	}
	dir.Absences = append(dir.Absences, a)
	return nil
}

func (p *player) absence(dir *inventory.Directory, e *event) error {
	d := e.Absence
	if d.Person != "" {
		return p.personAway(dir, e)
	}
	customer, err := p.customerOf(e.Where, "absence", d.Customer, d.Machine)
	if err != nil {
		return err
	}
	a := inventory.Absence{Customer: customer, Machine: d.Machine, From: d.From.in(p.zone), Until: d.To.endIn(p.zone)}
	if !a.From.Before(a.Until) {
		return fault(e.Where, "absence.to lies not after from: mend the dates")
	}
	dir.Absences = append(dir.Absences, a)
	return nil
}

// customerOf is the customer named, or the only one who has such a machine.
func (p *player) customerOf(at strict.Position, key, customer, machine string) (string, error) {
	var owners []string
	some := false
	for id := range p.truth.known {
		some = some || id.customer == customer
		if id.name == machine && (customer == "" || customer == id.customer) {
			owners = append(owners, id.customer)
		}
	}
	_, known := p.book.Directory.Customers[customer]
	switch {
	case customer != "" && !known && !some:
		return "", fault(at, "%s.customer: unknown customer %q", key, customer)
	case machine == "":
		return customer, nil
	case len(owners) == 0:
		return "", fault(at, "%s.machine: unknown machine %q", key, machine)
	case len(owners) > 1:
		return "", fault(at, "%s.machine: several customers have a machine %q: write the customer too", key, machine)
	}
	return owners[0], nil
}

func (p *player) rota(dir *inventory.Directory, e *event) error {
	d := e.Rota
	if err := p.rotaRole(e.Where, d.Role); err != nil {
		return err
	}
	entry := inventory.RotaEntry{Role: d.Role, From: d.From.in(p.zone), Until: d.To.endIn(p.zone)}
	if d.Person != "nobody" {
		person, err := p.person(e.Where, "rota.person", d.Person)
		if err != nil {
			return err
		}
		entry.Person = person
	}
	if !entry.Until.IsZero() && !entry.From.Before(entry.Until) {
		return fault(e.Where, "rota.to lies not after from: mend the dates")
	}
	dir.Rotas = append(dir.Rotas, entry)
	return nil
}

// rotaRole refuses a role that no policy fills by rota.
func (p *player) rotaRole(at strict.Position, role string) error {
	var known []string
	for _, pol := range p.book.Policies() {
		for _, r := range pol.Roles {
			if r.Kind == policy.RoleRota {
				known = append(known, r.Rota)
			}
		}
	}
	if slices.Contains(known, role) {
		return nil
	}
	slices.Sort(known)
	return fault(at, "rota.role: no role is filled by a rota %q%s", role, didYouMean(role, slices.Compact(known)))
}

// contact changes a person, or whom a customer, a machine or a platform names.
func contact(dir *inventory.Directory, at strict.Position, d *contactDoc) error {
	for _, id := range slices.Concat(ids(d.AccountManager, d.ITContact, d.User), lists(d.Managers, d.Operators, d.Level3, d.ServiceLead)) {
		if id != "" && dir.People[id] == nil {
			return fault(at, "contact: unknown person %q: name somebody by the id in the inventory", id)
		}
	}
	if what := inventory.WrongAddress(value(d.Email)); what != "" {
		return fault(at, "contact.email: %s", what)
	}
	if prefers := []string{"", "user", "it", "both"}; !slices.Contains(prefers, value(d.Prefers)) {
		return fault(at, "contact.prefers: %q is not known: write one of %s", *d.Prefers, strings.Join(prefers[1:], ", "))
	}
	some := false
	if d.Person != nil {
		p := dir.Person(*d.Person)
		if p == nil {
			return fault(at, "contact.person: unknown person %q", *d.Person)
		}
		some = set(&p.Name, d.Name) || some
		some = set(&p.Email, d.Email) || some
		some = set(&p.Phone, d.Phone) || some
		some = set(&p.Language, d.Language) || some
	}
	if d.Customer != nil {
		c := dir.Customers[*d.Customer]
		if c == nil {
			return fault(at, "contact.customer: unknown customer %q", *d.Customer)
		}
		some = set(&c.AccountManager, d.AccountManager) || some
		some = set(&c.ITContact, d.ITContact) || some
		some = set(&c.Prefers, d.Prefers) || some
		if d.Person == nil && d.Machine == nil {
			some = set(&c.Language, d.Language) || some
		}
	}
	if d.Machine != nil {
		m := machineOf(dir, value(d.Customer), *d.Machine)
		if m == nil {
			return fault(at, "contact.machine: no single machine %q: write its customer too, and both as in the inventory", *d.Machine)
		}
		some = set(&m.User, d.User) || some
	}
	if d.Platform != nil {
		pl := dir.Platforms[*d.Platform]
		if pl == nil {
			return fault(at, "contact.platform: unknown platform %q", *d.Platform)
		}
		some = set(&pl.Managers, d.Managers) || some
		some = set(&pl.Operators, d.Operators) || some
		some = set(&pl.Level3, d.Level3) || some
		some = set(&pl.ServiceLead, d.ServiceLead) || some
	}
	if !some {
		return fault(at, "contact changes nothing: name a person, customer, machine or platform, and beside it what changes, such as {person: lea, email: lea.new@dupont.example}")
	}
	return nil
}

func machineOf(dir *inventory.Directory, customer, name string) *inventory.Machine {
	var found *inventory.Machine
	for _, m := range dir.Machines {
		if m.Name == name && (customer == "" || customer == m.Customer) {
			if found != nil {
				return nil
			}
			found = m
		}
	}
	return found
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func set[T any](field, value *T) bool {
	if value == nil {
		return false
	}
	*field = *value
	return true
}

func ids(given ...*string) []string {
	var out []string
	for _, g := range given {
		if g != nil {
			out = append(out, *g)
		}
	}
	return out
}

func lists(given ...*[]string) []string {
	var out []string
	for _, g := range given {
		if g != nil {
			out = append(out, *g...)
		}
	}
	return out
}
