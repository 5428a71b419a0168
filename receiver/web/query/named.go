package query

import (
	"maps"
	"net/url"
	"slices"

	"vigie/internal/fleet"
	"vigie/rules"
	"vigie/rules/act"
	"vigie/rules/incident"
)

// Named refuses names that nothing knows, of a list that has nothing of them: that
// nothing is found for a misspelt one must not look like good news. To a customer's own
// people nothing is known but what is theirs: the name of another customer is refused
// as one that there is not. Machines may be named freely, since those that no inventory
// lists are watched, too, and so may keys: who asks for one asks whether it is there.
func Named(q url.Values, b *rules.Book, who string) error {
	for _, name := range []string{"customer", "platform", "scenario", "backup_role"} {
		value := q.Get(name)
		if value == "" {
			continue
		}
		if known, judged := names(name, b, who); judged && !slices.Contains(known, value) {
			return incident.RefuseUnknown(name, value, known).About(name)
		}
	}
	return nil
}

// names are those that a parameter can have for somebody. Which scenarios there are is
// not for a customer's own people, who are refused none.
func names(param string, b *rules.Book, who string) (known []string, judged bool) {
	dir, outside := b.Directory, b.Role(who) == act.Customer
	switch param {
	case "customer":
		known = slices.Sorted(maps.Keys(dir.Customers))
		if outside {
			known = slices.DeleteFunc(known, func(id string) bool { return !dir.Belongs(who, id) })
		}
	case "platform":
		known = slices.Sorted(maps.Keys(dir.Platforms))
		if outside {
			known = slices.DeleteFunc(known, func(id string) bool { return !dir.Answers(who, "", "", id) })
		}
	case "scenario":
		for _, p := range b.Policies() {
			for _, s := range p.Scenarios {
				known = append(known, s.Name)
			}
		}
		return slices.Compact(slices.Sorted(slices.Values(known))), !outside
	case "backup_role":
		known = append(fleet.Roles(), fleet.Kinds()...)
	}
	return known, true
}
