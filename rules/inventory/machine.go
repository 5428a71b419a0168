package inventory

import (
	"slices"
	"strings"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
	"vigie/rules/model"
)

// Machine is a protected object.
type Machine struct {
	Customer string
	Name     string
	Class    string // server, nas, workstation, other
	User     string // person id
	// Aliases are the machine's names or ids in the products, each optionally
	// prefixed by the source: "veeam-dupont:srv-ad.dupont.local".
	Aliases []string
	Plans   []ExpectedPlan
	// Sold are the plans as they are written, Copies what copies of its data they make.
	Sold   []fleet.Plan
	Copies []fleet.Copy
	// Commissioned and Decommissioned are as of a [Customer].
	Commissioned, Decommissioned time.Time
	// RestoreDue is when the next test of a restore is due, 1970 if none was ever
	// made; zero where none is asked for.
	RestoreDue time.Time
	// RestoreEvery is within what time it must be tried again, 0 where the inventory
	// does not say; RestoreTested is the end of the day of the last one that it names.
	RestoreEvery  time.Duration
	RestoreTested time.Time
}

// ExpectedPlan is a backup that must exist.
type ExpectedPlan struct {
	Plan   string
	Role   string // primary or local, or the kind of what is no backup
	Engine string
}

func (l *loader) machines(entries []fleet.Machine) {
	for _, e := range entries {
		where := "machines." + e.Name
		switch {
		case e.Name == "":
			l.fault(e.At, "machines", "a machine without name: write the name that its mails shall show")
			continue
		case e.Customer == "":
			l.fault(e.At, where+".customer", "missing: write the id of the customer who owns it")
			continue
		}
		if !l.once(e.At, where, l.machineName(e.Customer, e.Name)) {
			continue
		}
		l.oneOf(e.At, where+".class", e.Class, fleet.Classes()...)
		from, until := l.service(e.At, where, e.Commissioned, e.Decommissioned)
		m := &Machine{
			Customer: e.Customer, Name: e.Name, Class: e.Class, User: e.User, Aliases: e.Aliases,
			Plans: l.plans(e, where), Sold: e.Plans, Copies: fleet.Copies(e.Plans), Commissioned: from, Decommissioned: until,
			RestoreDue: e.RestoreDue(l.location), RestoreEvery: e.RestoreEvery,
		}
		if !e.RestoreTested.IsZero() {
			m.RestoreTested = e.RestoreTested.End(l.location)
		}
		if e.RestoreEvery < 0 || e.RestoreEvery != 0 && e.RestoreEvery < 24*time.Hour {
			l.fault(e.At, where+".restore_test_every", "shorter than a day: write how often a restore is tried, such as 2160h, 90 days")
		}
		l.dir.Machines = append(l.dir.Machines, m)
	}
}

func (l *loader) machineName(customer, name string) string {
	return "machine " + customer + "/" + fleet.Fold(name)
}

func (l *loader) plans(e fleet.Machine, where string) []ExpectedPlan {
	var plans []ExpectedPlan
	for _, p := range e.Plans {
		at := p.At
		if at.Line == 0 {
			at = e.At
		}
		inside := where + ".plans"
		if p.Plan == "" {
			l.fault(at, inside, "a plan without name: write `plan:` as the backup product calls it")
			continue
		}
		role := inside + ".role"
		if p.Column != "" {
			role = where + "." + p.Column
		}
		if p.Kind == "" || p.Role != "" {
			l.oneOf(at, role, p.Role, fleet.Roles()...)
		}
		if what, cure := p.Check(); what != "" {
			l.fault(at, inside, "%s: %s", what, cure)
		}
		plan := ExpectedPlan{Plan: p.Plan, Role: p.Told(), Engine: p.Engine}
		if slices.Contains(plans, plan) {
			l.fault(at, inside, "%s plan %q stands twice: keep one", p.Told(), p.Plan)
			continue
		}
		plans = append(plans, plan)
	}
	if at, what, cure := fleet.PlaceFault(e.Plans); what != "" {
		if at.Line == 0 {
			at = e.At
		}
		l.fault(at, where+".plans", "%s: %s", what, cure)
	}
	return plans
}

func (l *loader) machineReferences(entries []fleet.Machine) {
	for _, e := range entries {
		if e.Name == "" || e.Customer == "" {
			continue
		}
		l.customer(e.At, "machines."+e.Name+".customer", e.Customer)
		l.optionalPerson(e.At, "machines."+e.Name+".user", e.User)
		for _, a := range e.Aliases {
			l.alias(e, a)
		}
	}
}

// alias makes sure that a product's name leads to one machine only.
func (l *loader) alias(e fleet.Machine, alias string) {
	where := "machines." + e.Name + ".aliases"
	if alias == "" {
		l.fault(e.At, where, "an empty alias: leave it out")
		return
	}
	if fleet.IsPattern(alias) {
		if what, cure := fleet.CheckPattern(alias); what != "" {
			l.fault(e.At, where, "%s: %s", what, cure)
		}
	}
	key := l.machineName(e.Customer, alias)
	if fleet.Fold(alias) == fleet.Fold(e.Name) {
		return
	}
	l.once(e.At, where+": "+alias, key)
}

func (l *loader) machine(at strict.Position, where, customer, name string) {
	if name == "" {
		return
	}
	var names []string
	for _, m := range l.dir.Machines {
		if m.Customer == customer {
			if m.Name == name {
				return
			}
			names = append(names, m.Name)
		}
	}
	l.fault(at, where, "unknown machine %q of customer %q%s", name, customer, nearest(name, names))
}

type machineKey struct{ customer, name string }

type machineIndex struct {
	byName map[machineKey]*Machine
	alias  map[machineKey]*Machine // customer + folded alias, with or without source
	// patterns are the aliases that stand for many names.
	patterns fleet.Patterns[*Machine]
}

// Machine finds a machine by its canonical name; nil when unknown.
func (d *Directory) Machine(customer, name string) *Machine {
	return d.index.byName[machineKey{customer, name}]
}

// Canonical maps a product's name of a machine to the inventory's machine, or
// nil when nothing matches. A job id may be given as a further name.
func (d *Directory) Canonical(customer, source string, names ...string) *Machine {
	for _, n := range names {
		if n == "" {
			continue
		}
		if m := d.index.byName[machineKey{customer, n}]; m != nil {
			return m
		}
		low := fleet.Fold(n)
		if m := d.index.alias[machineKey{customer, strings.ToLower(source) + ":" + low}]; m != nil {
			return m
		}
		if m := d.index.alias[machineKey{customer, low}]; m != nil {
			return m
		}
	}
	for _, n := range names {
		if m, ok := d.index.patterns.Find(customer, source+":"+n, n); ok && n != "" {
			return m
		}
	}
	return nil
}

// Called returns the name of the machine that a person calls so, in the inventory of one
// customer or of all (customer ""). A name that nobody has, or several machines by another,
// stays as it is.
func (d *Directory) Called(customer, name string) string {
	called := name
	for id := range d.Customers {
		m := d.Canonical(id, "", name)
		switch {
		case m == nil || customer != "" && customer != id:
		case m.Name == name || called != name && called != m.Name:
			return name
		default:
			called = m.Name
		}
	}
	return called
}

// ExpectsOther reports whether the inventory expects a backup of the machine
// in another role than the given one. A copy is none.
func (d *Directory) ExpectsOther(customer, machine, role string) bool {
	m := d.Machine(customer, machine)
	if m == nil {
		return false
	}
	for _, p := range m.Plans {
		if p.Role != role && fleet.IsBackup(p.Role) {
			return true
		}
	}
	return false
}

// Canonicalize gives the labels of a signal the names of the inventory, and adds
// what only the inventory knows: class and site, and of a backup without a role the
// first. It returns what is missing, to be counted: unmatched_machine,
// machine_class_missing ... What is no backup owes the inventory nothing but its customer.
func (d *Directory) Canonicalize(l model.Labels) (issues []string) {
	d.site(l)
	if l[model.LabelMachine] == "" {
		return nil
	}
	m := d.Canonical(l[model.LabelCustomer], l[model.LabelSource], l[model.LabelJobID], l[model.LabelMachine])
	if m != nil {
		l[model.LabelMachine] = m.Name
		if l[model.LabelMachineClass] == "" {
			l[model.LabelMachineClass] = m.Class
		}
	}
	if d.Customers[l[model.LabelCustomer]] == nil {
		issues = append(issues, "unknown_customer")
	}
	if !l.OfBackup() {
		return issues
	}
	if m == nil {
		issues = append(issues, "unmatched_machine")
	}
	if l[model.LabelMachineClass] == "" {
		issues = append(issues, "machine_class_missing")
	}
	if l[model.LabelBackupRole] == "" {
		l[model.LabelBackupRole] = fleet.Roles()[0]
		if l.NamesJob() { // of a machine as a whole none is missing
			issues = append(issues, "backup_role_missing")
		}
	}
	return issues
}

// Decommissioned reports whether the machine or platform that the labels name, or its
// customer, was out of service at an instant.
func (d *Directory) Decommissioned(l model.Labels, at time.Time) bool {
	from, ends := d.OutOfService(l)
	return ends && !at.Before(from)
}

// OutOfService returns from when on nothing is owed any more to the machine or platform that
// the labels name, or to its customer.
func (d *Directory) OutOfService(l model.Labels) (from time.Time, ends bool) {
	_, from = d.served(l)
	return from, !from.IsZero()
}

// OwedFrom returns from when anything is owed to the machine or platform that the labels
// name, or to its customer, if that lies ahead of an instant.
func (d *Directory) OwedFrom(l model.Labels, at time.Time) (time.Time, bool) {
	from, _ := d.served(l)
	return from, at.Before(from)
}

// served is from when, and until when, anything is owed to the machine or platform that the
// labels name, its customer and a platform's included; zero for always.
func (d *Directory) served(l model.Labels) (from, until time.Time) {
	within := func(commissioned, decommissioned time.Time) {
		if commissioned.After(from) {
			from = commissioned
		}
		if !decommissioned.IsZero() && (until.IsZero() || decommissioned.Before(until)) {
			until = decommissioned
		}
	}
	customers := []string{l[model.LabelCustomer]}
	if m := d.Machine(l[model.LabelCustomer], l[model.LabelMachine]); m != nil {
		within(m.Commissioned, m.Decommissioned)
	}
	if p := d.Platforms[l[model.LabelPlatform]]; p != nil {
		within(p.Commissioned, p.Decommissioned)
		customers = append(customers, p.Customer) // an alert of a platform seldom names it
	}
	for _, id := range customers {
		if c := d.Customers[id]; c != nil {
			within(c.Commissioned, c.Decommissioned)
		}
	}
	return from, until
}

// Owes reports whether anything is owed at an instant to a machine.
func (d *Directory) Owes(m *Machine, at time.Time) bool {
	c := d.Customers[m.Customer]
	return serves(m.Commissioned, m.Decommissioned, at, at.Add(1)) && (c == nil || c.Serves(at, at.Add(1)))
}
