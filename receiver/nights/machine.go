package nights

import (
	"strings"
	"time"

	"vigie/internal/fleet"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// MachineOf is a machine of the inventory as its nights are asked for.
func MachineOf(dir *inventory.Directory, m *inventory.Machine) Machine {
	x := Machine{Customer: m.Customer, Name: m.Name, Names: []string{m.Name}}
	for _, a := range m.Aliases {
		if fleet.IsPattern(a) {
			continue // a pattern stands for names that Prometheus knows by themselves
		}
		if _, bare, with := strings.Cut(a, ":"); with {
			a = bare
		}
		x.Names = append(x.Names, a)
	}
	for _, p := range m.Plans {
		x.Roles = append(x.Roles, p.Role)
	}
	labels := model.Labels{model.LabelCustomer: m.Customer, model.LabelMachine: m.Name}
	x.Excused = func(at time.Time) bool {
		at = at.Add(-time.Second) // the day that ends at midnight
		_, absent := dir.AbsentUntil(m.Customer, m.Name, at)
		_, maintained := dir.InMaintenance(labels, at, 0)
		return absent || maintained || !dir.Owes(m, at)
	}
	return x
}
