// Package suggest makes an inventory of machines from what the sources list and
// from the export of another program, and says where an inventory and the sources
// differ. It reads nothing itself. What it cannot be sure of it marks, for a
// person to decide.
package suggest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vigie/exporters"
	"vigie/internal/fleet"
)

// Machine is one machine that is suggested, with what is unclear about it.
type Machine struct {
	fleet.Machine
	// Called is the name of its customer, as the export or a product writes it.
	Called string
	// Notes are for a person to decide upon; none when all is clear.
	Notes []string
}

func (m *Machine) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(m.Notes, text) {
		m.Notes = append(m.Notes, text)
	}
}

// FromViews makes the machines of what the sources list. Known is the inventory
// that there is already: its names count; it may be nil. What belongs to no
// machine is counted by source.
func FromViews(views []*exporters.View, known *exporters.Inventory) (machines []Machine, nameless map[string]int) {
	c := collector{known: known, byName: map[[2]string]*seen{}, nameless: map[string]int{}}
	for _, v := range views {
		for _, j := range v.Jobs {
			c.add(v, j)
		}
	}
	for _, s := range c.order {
		machines = append(machines, s.machine())
	}
	slices.SortStableFunc(machines, func(a, b Machine) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	return machines, c.nameless
}

type collector struct {
	known    *exporters.Inventory
	byName   map[[2]string]*seen
	order    []*seen
	nameless map[string]int
}

// seen is what sources told of one machine.
type seen struct {
	Machine
	canonical *exporters.InventoryMachine // nil where the inventory does not have it
	names     []string                    // as products spell them, each once
	classes   []string
	off       []string // plans that are switched off
}

func (c *collector) add(v *exporters.View, j *exporters.Job) {
	if j.Machine == "" || j.Customer == "" {
		c.nameless[v.Source]++
		return
	}
	object, _, _ := strings.Cut(j.ID, "/")
	canonical := c.known.Canonical(j.Customer, v.Source, v.Engine, j.ID, object, j.Machine)
	key := [2]string{j.Customer, short(j.Machine)}
	if canonical != nil {
		key[1] = strings.ToLower(canonical.Name)
	}
	s := c.byName[key]
	if s == nil {
		s = &seen{canonical: canonical}
		s.Customer, s.Name = j.Customer, j.Machine
		if canonical != nil {
			s.Name = canonical.Name
		}
		c.byName[key] = s
		c.order = append(c.order, s)
	}
	s.add(j)
}

// short is a machine's name without its domain, in small letters: that of one
// machine in two products.
func short(name string) string {
	name, _, _ = strings.Cut(name, ".")
	return strings.ToLower(strings.TrimSpace(name))
}

func (s *seen) add(j *exporters.Job) {
	add := func(list *[]string, word string) {
		if word != "" && !slices.Contains(*list, word) {
			*list = append(*list, word)
		}
	}
	add(&s.names, j.Machine)
	add(&s.classes, string(j.Class))
	s.Called = cmp.Or(s.Called, j.CustomerName)
	p := fleet.Plan{Plan: j.Plan, Engine: j.Engine, Role: string(j.Role)}
	if !fleet.IsBackup(p.Role) {
		p.Kind, p.Role = fleet.Kind(p.Role), ""
	}
	name := fleet.PlanItem(p)
	switch {
	case !j.Enabled:
		add(&s.off, name)
	case p.Kind != "" || strings.Contains(j.Plan, "|") || j.Plan == "":
		s.note("write by hand: %s", name)
	case !slices.ContainsFunc(s.Plans, func(o fleet.Plan) bool { return fleet.PlanItem(o) == name }):
		s.Plans = append(s.Plans, p)
	}
}

// machine decides what is clear, and notes what is not.
func (s *seen) machine() Machine {
	m := s.Machine
	if s.canonical == nil {
		m.Name = shortest(s.names)
	}
	for _, n := range s.names {
		if !strings.EqualFold(n, m.Name) {
			m.Aliases = append(m.Aliases, n)
		}
	}
	domains := map[string]bool{}
	for _, n := range s.names {
		if _, domain, ok := strings.Cut(strings.ToLower(n), "."); ok {
			domains[domain] = true
		}
	}
	if len(domains) > 1 {
		m.note("one machine or several? %s", strings.Join(s.names, ", "))
	}
	told := slices.DeleteFunc(slices.Clone(s.classes), func(c string) bool { return c == "other" })
	switch {
	case len(told) == 1:
		m.Class = told[0]
	case s.canonical != nil:
		m.Class = string(s.canonical.Class)
	case len(told) == 0:
		m.Class = "other"
		m.note("class is not told: server, nas, workstation or other?")
	default:
		m.Class = told[0]
		m.note("class: %s?", strings.Join(told, " or "))
	}
	if len(s.off) > 0 {
		m.note("switched off: %s", strings.Join(s.off, ", "))
	}
	if len(m.Plans) > 0 && !slices.ContainsFunc(m.Plans, func(p fleet.Plan) bool { return p.Role == fleet.Roles()[0] }) {
		m.note("no primary backup is listed")
	}
	if s.canonical == nil && m.Called != "" && exporters.Slug(m.Called) != m.Customer {
		m.note("customer is called %s", m.Called)
	}
	slices.SortFunc(m.Plans, func(a, b fleet.Plan) int { return strings.Compare(fleet.PlanItem(b), fleet.PlanItem(a)) }) // primary before local
	return m
}

func shortest(names []string) string {
	best := names[0]
	for _, n := range names[1:] {
		if len(n) < len(best) {
			best = n
		}
	}
	return best
}
