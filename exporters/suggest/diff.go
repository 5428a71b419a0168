package suggest

import (
	"fmt"
	"slices"
	"strings"

	"vigie/internal/fleet"
)

// Difference is one thing in which an inventory and what is suggested differ.
type Difference struct {
	// Sign is + for what the inventory lacks, - for what nobody lists, and ~ for
	// what both tell otherwise.
	Sign              string
	Customer, Machine string
	What              string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s %s/%s: %s", d.Sign, d.Customer, d.Machine, d.What)
}

// Diff compares an inventory with what is suggested now. Engines that were not
// read whole are left out of what nobody lists.
func Diff(inventory []fleet.Machine, suggested []Machine, unread []string) (out []Difference) {
	have := map[[2]string]*fleet.Machine{}
	for i := range inventory {
		have[nameOf(&inventory[i])] = &inventory[i]
	}
	there := map[[2]string]bool{}
	for i := range suggested {
		s := &suggested[i]
		differs := func(sign, format string, args ...any) {
			out = append(out, Difference{sign, s.Customer, s.Name, fmt.Sprintf(format, args...)})
		}
		key := nameOf(&s.Machine)
		there[key] = true
		m := have[key]
		if m == nil {
			differs("+", "%s, not in the inventory%s", s.Class, plansOf(s.Plans))
			continue
		}
		for _, p := range s.Plans {
			if !slices.ContainsFunc(m.Plans, func(o fleet.Plan) bool { return fits(o, p) }) {
				differs("+", "%s is not in the inventory", fleet.PlanItem(p))
			}
		}
		for _, p := range m.Plans {
			if !slices.Contains(unread, p.Engine) && !slices.ContainsFunc(s.Plans, func(o fleet.Plan) bool { return fits(p, o) }) {
				differs("-", "%s is listed by no source", fleet.PlanItem(p))
			}
		}
		if m.Class != s.Class && s.Class != "other" {
			differs("~", "class %s, the sources say %s", m.Class, s.Class)
		}
	}
	for i := range inventory {
		m := &inventory[i]
		blind := slices.ContainsFunc(m.Plans, func(p fleet.Plan) bool { return slices.Contains(unread, p.Engine) })
		if !there[nameOf(m)] && m.Decommissioned.IsZero() && !blind {
			out = append(out, Difference{"-", m.Customer, m.Name, "listed by no source" + plansOf(m.Plans)})
		}
	}
	return out
}

func nameOf(m *fleet.Machine) [2]string { return [2]string{m.Customer, strings.ToLower(m.Name)} }

// fits reports whether a plan of the inventory stands for one that is listed;
// words that it leaves out match any.
func fits(inventory, listed fleet.Plan) bool {
	same := func(want, has string) bool { return want == "" || strings.EqualFold(want, has) }
	return same(inventory.Told(), listed.Told()) && same(inventory.Engine, listed.Engine) && same(inventory.Plan, listed.Plan)
}

func plansOf(plans []fleet.Plan) string {
	if len(plans) == 0 {
		return ""
	}
	var names []string
	for _, p := range plans {
		names = append(names, fleet.PlanItem(p))
	}
	return " (" + strings.Join(names, ", ") + ")"
}
