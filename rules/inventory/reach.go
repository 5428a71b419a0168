package inventory

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Reaches reports whether a person, by whatever channel, or a bare address can be
// written to.
func (dir *Directory) Reaches(id string) bool {
	if p := dir.Person(id); p != nil {
		return p.Reachable()
	}
	return strings.Contains(id, "@")
}

// Unreached lists whose field names nobody with an address, and the cure.
func (dir *Directory) Unreached(field string, now time.Time) (who []string, cure string) {
	has := dir.Reaches
	live := func(until time.Time) bool { return until.IsZero() || until.After(now) }
	entry, key, _ := strings.Cut(field, ".")
	switch entry {
	case "customer":
		for _, id := range slices.Sorted(maps.Keys(dir.Customers)) {
			c := dir.Customers[id]
			person, known := map[string]string{"account_manager": c.AccountManager, "it_contact": c.ITContact}[key]
			if known && live(c.Decommissioned) && !has(person) {
				who = append(who, "customer "+id)
			}
		}
		return who, "give the customer an " + key + ": who has an email: or channels:"
	case "machine":
		for _, m := range dir.Machines {
			c := dir.Customers[m.Customer]
			reached := has(m.User) || key == "contact" && c != nil && has(c.ITContact)
			if m.Class == "workstation" && live(m.Decommissioned) && !reached {
				who = append(who, "machine "+m.Customer+"/"+m.Name)
			}
		}
		if key == "contact" {
			return who, "give the machine a user:, or its customer an it_contact:, who has an email: or channels:"
		}
		return who, "give the machine a user: who has an email: or channels:"
	case "platform":
		for _, id := range slices.Sorted(maps.Keys(dir.Platforms)) {
			pl := dir.Platforms[id]
			people, known := map[string][]string{
				"managers": pl.Managers, "operators": pl.Operators, "operator": pl.Operators[:min(1, len(pl.Operators))],
				"level3": pl.Level3, "service_lead": pl.ServiceLead,
			}[key]
			if known && !slices.ContainsFunc(people, has) {
				who = append(who, "platform "+id)
			}
		}
		if key == "operator" {
			key = "operators"
		}
		return who, "name under " + key + ": of the platform somebody who has an email: or channels:"
	}
	return nil, ""
}
