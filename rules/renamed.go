package rules

import (
	"maps"
	"slices"
	"vigie/rules/model"
)

// renamed follows a machine that the inventory calls otherwise by now, and whose
// name until then it keeps as an alias: the incident goes on under the new name,
// and what is told of the machine from then on finds it.
func (d *decider) renamed() {
	i := d.Incident
	customer, old := i.Identity[model.LabelCustomer], i.Identity[model.LabelMachine]
	if old == "" || d.Book.Directory.Machine(customer, old) != nil {
		return
	}
	m := d.Book.Directory.Canonical(customer, "", old)
	for _, fp := range slices.Sorted(maps.Keys(i.Alerts)) {
		if m == nil {
			m = d.Book.Directory.Canonical(customer, i.Alerts[fp].Labels[model.LabelSource], old)
		}
	}
	if m == nil || m.Name == old {
		return
	}
	i.Identity = i.Identity.Clone()
	i.Identity[model.LabelMachine] = m.Name
	i.Key = i.Identity.String()
	for _, a := range i.Alerts {
		if a.Labels[model.LabelMachine] == old {
			a.Labels = a.Labels.Clone()
			a.Labels[model.LabelMachine] = m.Name
		}
	}
	d.note("renamed", m.Name, "", "the inventory calls it "+m.Name+", no longer "+old)
	d.out.Touches = true
}
