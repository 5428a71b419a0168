package rules

import (
	"slices"
	"strings"
	"time"

	"vigie/rules/act"
)

// contacts finds who fills a role and whom a step tells.
type contacts struct{ *decider }

func (d *decider) contacts() contacts { return contacts{d} }

// roleFields are the fields of inventory and incident that a role may name.
var roleFields = []string{
	"customer.account_manager", "customer.it_contact", "machine.user", "machine.contact",
	"platform.managers", "platform.operator", "platform.next_operator", "platform.operators", "platform.level3", "platform.service_lead",
	"incident.assignee", "incident.previous_assignee", "incident.reporter", "incident.last_reporter", "incident.silence_authors", "incident.told_to", "incident.told_cc",
	"incident.told_customer",
}

// resolve returns who fills a role now. Platform narrows platform roles to one
// platform. Nobody is an empty answer, never an error: the step says what then.
func (d contacts) resolve(role, platform string, at time.Time) []Party {
	return d.resolveDepth(role, platform, at, 0)
}

func (d contacts) resolveDepth(role, platform string, at time.Time, depth int) []Party {
	r := d.p.Roles[role]
	if r == nil || depth > 8 {
		return nil
	}
	var out []Party
	switch r.Kind {
	case RolePeople:
		out = d.people(role, r.People)
	case RoleRota:
		person, gap := d.book.Directory.OnDuty(r.Rota, at)
		switch {
		case person != "":
			out = d.people(role, []string{person})
		case gap && !d.book.Directory.HasRota(r.Rota):
			out = d.people(role, r.People)
		}
	case RoleField:
		out = d.field(role, r.Field, platform)
	}
	for i := range out {
		out[i].Outside = r.Outside
	}
	if len(out) == 0 && r.Otherwise != "" {
		out = d.resolveDepth(r.Otherwise, platform, at, depth+1)
	}
	return out
}

func (d contacts) people(role string, ids []string) []Party {
	var out []Party
	for _, id := range ids {
		if p := d.party(role, id); p.Address != "" {
			out = append(out, p)
		}
	}
	return out
}

// party makes a recipient of a person's id or bare address.
func (d contacts) party(role, id string) Party {
	if p := d.book.Directory.Person(id); p != nil {
		return Party{Role: role, Person: p.ID, Name: p.Name, Address: p.Reach(d.channel), Phone: p.Phone, Language: d.language(p.Language)}
	}
	if strings.Contains(id, "@") {
		return Party{Role: role, Person: id, Name: id, Address: id, Language: d.language("")}
	}
	return Party{}
}

// language is the person's own, else the customer's, else French.
func (d contacts) language(own string) string {
	if own != "" {
		return own
	}
	if c := d.customer(); c != nil && c.Language != "" {
		return c.Language
	}
	return "fr"
}

func (d contacts) customer() *Customer {
	return d.book.Directory.Customers[d.inc.Identity[LabelCustomer]]
}

func (d contacts) field(role, field, platform string) []Party {
	switch field {
	case "customer.account_manager":
		if c := d.customer(); c != nil {
			return d.people(role, []string{c.AccountManager})
		}
	case "customer.it_contact":
		if c := d.customer(); c != nil {
			return d.people(role, []string{c.ITContact})
		}
	case "machine.user":
		if m := d.machine(); m != nil {
			return d.people(role, []string{m.User})
		}
	case "machine.contact":
		return d.contact(role)
	case "incident.assignee":
		return d.people(role, []string{d.inc.Assignee})
	case "incident.previous_assignee":
		return d.people(role, []string{d.inc.Progress.PreviousAssignee})
	case "incident.reporter":
		return d.people(role, d.reporters(platform))
	case "incident.last_reporter":
		if all := d.reportsOf(platform); len(all) > 0 {
			return d.people(role, []string{all[len(all)-1].By})
		}
	case "incident.silence_authors":
		return d.people(role, d.inc.Progress.SilenceAuthors)
	case "incident.told_to":
		return d.about(platform, d.told(role, false, false))
	case "incident.told_cc":
		return d.about(platform, d.told(role, true, false))
	case "incident.told_customer":
		return d.about(platform, d.told(role, false, true))
	default:
		return d.platformField(role, field, platform)
	}
	return nil
}

// contact is whom to write about a workstation: its user, or the company's IT
// contact, as the customer prefers (S1.18).
func (d contacts) contact(role string) []Party {
	c, m := d.customer(), d.machine()
	var user, it string
	if m != nil {
		user = m.User
	}
	prefers := "user"
	if c != nil {
		it = c.ITContact
		if c.Prefers != "" {
			prefers = c.Prefers
		}
	}
	var order [][]string
	switch prefers {
	case "both":
		order = [][]string{{user, it}}
	case "it":
		order = [][]string{{it}, {user}}
	default:
		order = [][]string{{user}, {it}}
	}
	for _, ids := range order {
		if out := d.people(role, ids); len(out) > 0 {
			return out
		}
	}
	return nil
}

func (d contacts) platformField(role, field, platform string) []Party {
	names := d.platforms()
	if platform != "" {
		names = []string{platform}
	}
	var ids []string
	for _, n := range names {
		p := d.book.Directory.Platforms[n]
		if p == nil {
			continue
		}
		switch field {
		case "platform.managers":
			ids = append(ids, p.Managers...)
		case "platform.operators":
			ids = append(ids, p.Operators...)
		case "platform.operator":
			ids = append(ids, p.Operators[:min(1, len(p.Operators))]...)
		case "platform.next_operator":
			if len(p.Operators) > 1 {
				ids = append(ids, p.Operators[1])
			}
		case "platform.level3":
			ids = append(ids, p.Level3...)
		case "platform.service_lead":
			ids = append(ids, p.ServiceLead...)
		}
	}
	return unique(d.people(role, ids))
}

// reportsOf are the reports that name a platform, all without one.
func (d *decider) reportsOf(platform string) []Signal {
	if platform == "" {
		return d.inc.Reports
	}
	var out []Signal
	for _, r := range d.inc.Reports {
		if r.Labels[LabelPlatform] == platform {
			out = append(out, r)
		}
	}
	return out
}

// about leaves out a customer's people who do not answer for the platform: an
// incident of several platforms tells each of them of its own alone.
func (d contacts) about(platform string, ps []Party) []Party {
	if platform == "" {
		return ps
	}
	return slices.DeleteFunc(ps, func(p Party) bool {
		return d.book.Role(p.Person) == act.Customer && !d.book.Directory.Answers(p.Person, "", "", platform)
	})
}

func (d contacts) reporters(platform string) []string {
	var ids []string
	for _, r := range d.reportsOf(platform) {
		if r.By != "" && !slices.Contains(ids, r.By) {
			ids = append(ids, r.By)
		}
	}
	return ids
}

// told are those whom this episode has told, under their live addresses.
func (d contacts) told(role string, cc, customerOnly bool) []Party {
	inTo := map[string]bool{}
	for _, p := range d.inc.Told {
		if !p.Cc {
			inTo[p.Person] = true
		}
	}
	var out []Party
	for _, p := range d.inc.Told {
		outside := d.p.Roles[p.Role] != nil && d.p.Roles[p.Role].Outside
		if p.Cc != cc || cc && inTo[p.Person] || customerOnly && !outside {
			continue
		}
		live := d.party(role, p.Person)
		if live.Address == "" {
			live = p
			live.Role = role
		}
		out = append(out, live)
	}
	return unique(out)
}

func (d contacts) machine() *Machine {
	return d.book.Directory.Machine(d.inc.Identity[LabelCustomer], d.inc.Identity[LabelMachine])
}

// platforms are all platforms that the incident's signals name, sorted.
func (d contacts) platforms() []string { return d.inc.Platforms() }

// reachable leaves out the addresses that were refused themselves, and falls
// back on the other role when none is left.
func (d contacts) reachable(roles []string, ps []Party, platform string) []Party {
	dead := map[string]bool{}
	for _, r := range d.inc.Steps {
		for _, p := range r.Refused {
			dead[strings.ToLower(p.Address)] = true
		}
	}
	var out []Party
	for _, p := range ps {
		if !dead[strings.ToLower(p.Address)] {
			out = append(out, p)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, name := range roles {
		if r := d.p.Roles[name]; r != nil && r.Otherwise != "" {
			out = append(out, d.resolve(r.Otherwise, platform, d.now)...)
		}
	}
	return unique(out)
}

// unique keeps the first of equal addresses.
func unique(ps []Party) []Party {
	seen := map[string]bool{}
	out := ps[:0:0]
	for _, p := range ps {
		k := strings.ToLower(p.Address)
		if !seen[k] {
			seen[k] = true
			out = append(out, p)
		}
	}
	return out
}

// reachBy has people resolved by a channel until the returned function is called.
func (d *decider) reachBy(channel string) func() {
	before := d.channel
	d.channel = channel
	return func() { d.channel = before }
}

// recipients resolves To and Cc of a step. Who acted is not told what he did
// himself; when nobody is left, those in copy take his place, so that the
// trace is written all the same (S1.29).
func (d contacts) recipients(st *Step, to, cc []string, platform string) (tos, ccs []Party, dropped string) {
	defer d.reachBy(st.Channel)()
	for _, r := range to {
		tos = append(tos, d.resolve(r, platform, d.now)...)
	}
	for _, r := range cc {
		ccs = append(ccs, d.resolve(r, platform, d.now)...)
	}
	tos = unique(tos)
	if st.TellsOfRefusal() {
		tos = d.reachable(to, tos, platform)
	}
	if st.DropActor {
		kept := tos[:0:0]
		for _, p := range tos {
			if p.Person == d.inc.Assignee || p.Person == d.by {
				dropped = p.Name
				continue
			}
			kept = append(kept, p)
		}
		if len(kept) == 0 && len(tos) > 0 {
			kept, ccs = unique(ccs), nil
		}
		tos = kept
	}
	inTo := map[string]bool{}
	for _, p := range tos {
		inTo[strings.ToLower(p.Address)] = true
	}
	rest := ccs[:0:0]
	for _, p := range unique(ccs) {
		if !inTo[strings.ToLower(p.Address)] {
			p.Cc = true
			rest = append(rest, p)
		}
	}
	return tos, rest, dropped
}
