// Package about says what an incident is about where that is no machine's backup, and
// by which names people know those whom it is told.
package about

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Trouble is what alerts of one name say is wrong, of which parts of the thing, and when
// what they warn of ends.
type Trouble struct {
	Alert string    `json:"alert"`
	Of    []string  `json:"of,omitempty"`
	Ends  time.Time `json:"ends,omitzero"`
}

// Troubles are what fires, or all that did when nothing does any more.
func Troubles(i *incident.Incident) []Trouble {
	var out []Trouble
	for _, fp := range slices.Sorted(maps.Keys(i.Alerts)) {
		a := Of(i.Alerts[fp])
		if a.Alert == "" || !i.Alerts[fp].Firing && i.AnyFiring() {
			continue
		}
		n := slices.IndexFunc(out, func(t Trouble) bool { return t.Alert == a.Alert })
		if n < 0 {
			out = append(out, a)
			continue
		}
		t := &out[n]
		for _, part := range a.Of {
			if !slices.Contains(t.Of, part) {
				t.Of = append(t.Of, part)
			}
		}
		if t.Ends.IsZero() || !a.Ends.IsZero() && a.Ends.Before(t.Ends) {
			t.Ends = a.Ends
		}
	}
	return out
}

// Alerts are the names of what Troubles tells of; none of a machine's backup, which is called by its
// role.
func Alerts(i *incident.Incident) (names []string) {
	for _, a := range i.Alerts {
		if a.Labels[model.LabelBackupRole] != "" {
			return nil
		}
	}
	for _, t := range Troubles(i) {
		names = append(names, t.Alert)
	}
	return names
}

// Of is what one alert says.
func Of(a *incident.Alert) Trouble {
	t := Trouble{Alert: a.Labels[model.LabelAlertname], Ends: a.Ends()}
	if part := a.Part(); part != "" {
		t.Of = []string{part}
	}
	return t
}

// What names it by its identity, without what its troubles say: a source, a site.
func What(identity model.Labels) string {
	said := []string{model.LabelAlertname, model.LabelKind, model.LabelCustomer, "warn_days", "item"}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(identity)) {
		if v := identity[k]; v != "" && !slices.Contains(said, k) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return strings.Join(out, " ")
}

// Names tell people by their addresses; they are made once for each inventory.
type Names struct {
	Book *rules.Book
	by   map[string]string // address in lower case: name
}

// NamesOf makes those of an inventory.
func NamesOf(book *rules.Book) *Names {
	n := &Names{book, make(map[string]string, len(book.Directory.People))}
	for id, p := range book.Directory.People {
		n.by[strings.ToLower(p.Email)] = cmp.Or(p.Name, id)
	}
	return n
}

// All are the names for addresses; one that nobody has stays as it is.
func (n *Names) All(addresses []string) []string {
	out := make([]string, 0, len(addresses))
	for _, a := range addresses {
		_, bare := inventory.SplitAddress(a)
		out = append(out, cmp.Or(n.by[strings.ToLower(bare)], a))
	}
	return out
}
