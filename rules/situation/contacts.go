package situation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Contacts finds who fills a role and whom a step tells.
type Contacts struct{ *Situation }

// Contacts finds whom the incident concerns.
func (d *Situation) Contacts() Contacts { return Contacts{d} }

// roleFields are the fields of inventory and incident that a role may name.
var roleFields = []string{
	"customer.account_manager", "customer.it_contact", "machine.user", "machine.contact",
	"platform.managers", "platform.operator", "platform.next_operator", "platform.operators", "platform.level3", "platform.service_lead",
	"incident.assignee", "incident.previous_assignee", "incident.reporter", "incident.last_reporter", "incident.silence_authors", "incident.told_to", "incident.told_cc",
	"incident.told_customer",
}

// Resolve returns who fills a role now. Platform narrows platform roles to one
// platform. Nobody is an empty answer, never an error: the step says what then.
func (d Contacts) Resolve(role, platform string, at time.Time) []incident.Party {
	return d.resolveDepth(role, platform, at, 0)
}

func (d Contacts) resolveDepth(role, platform string, at time.Time, depth int) []incident.Party {
	r := d.Policy.Roles[role]
	if r == nil || depth > 8 {
		return nil
	}
	var out []incident.Party
	switch r.Kind {
	case policy.RolePeople:
		out = d.People(role, r.People)
	case policy.RoleRota:
		out = d.duty(r, platform, at, depth)
	case policy.RoleField:
		out = d.field(role, r.Field, platform)
	}
	for i := range out {
		out[i].Outside, out[i].Stranger = r.Outside, d.stranger(out[i])
	}
	// Where a field names people who are all away, they read it later.
	away := r.Kind == policy.RoleField && !slices.ContainsFunc(out, func(p incident.Party) bool { return d.present(p, at) })
	if r.Otherwise != "" && (len(out) == 0 || away) {
		out = append(out, d.instead(r, platform, at, depth)...)
	}
	return out
}

// instead are those who are told in a role's place: of them who is there, or else all.
func (d Contacts) instead(r *policy.Role, platform string, at time.Time, depth int) []incident.Party {
	all := d.resolveDepth(r.Otherwise, platform, at, depth+1)
	if there := slices.DeleteFunc(slices.Clone(all), func(p incident.Party) bool { return !d.present(p, at) }); len(there) > 0 {
		return there
	}
	return all
}

// duty is who is on duty. One who is away is told only where nobody else is named
// to be told instead.
func (d Contacts) duty(r *policy.Role, platform string, at time.Time, depth int) []incident.Party {
	duty := d.Book.Directory.Duty(r.Rota, at)
	switch {
	case duty.Gap == inventory.GapNobody && !d.Book.Directory.HasRota(r.Rota):
		return d.People(r.Name, r.People)
	case duty.Gap == inventory.GapAway && r.Otherwise != "":
		if out := d.instead(r, platform, at, depth); len(out) > 0 {
			return out
		}
	}
	return d.People(r.Name, []string{duty.Person})
}

func (d Contacts) present(p incident.Party, at time.Time) bool {
	_, away := d.Book.Directory.Away(p.Person, at)
	return !away
}

func (d Contacts) People(role string, ids []string) []incident.Party {
	var out []incident.Party
	for _, id := range ids {
		if p := d.party(role, id); p.Address != "" {
			out = append(out, p)
		}
	}
	return out
}

// party makes a recipient of a person's id or bare address.
func (d Contacts) party(role, id string) incident.Party {
	if p := d.Book.Directory.Person(id); p != nil {
		return incident.Party{Role: role, Person: p.ID, Name: p.Name, Address: p.Reach(d.channel), Phone: p.Phone, Language: d.language(p.Language)}
	}
	if strings.Contains(id, "@") {
		return incident.Party{Role: role, Person: id, Name: id, Address: id, Language: d.language(d.languageOf(id))}
	}
	return incident.Party{}
}

// language is the person's own, else the customer's, else the policy's.
func (d Contacts) language(own string) string {
	if own != "" {
		return own
	}
	if c := d.customer(); c != nil && c.Language != "" {
		return c.Language
	}
	return d.Policy.Language
}

// languageOf is the language of a customer whose platform somebody unknown reported.
func (d Contacts) languageOf(id string) string {
	for _, r := range d.Incident.Reports {
		if p := d.Book.Directory.Platforms[r.Labels[model.LabelPlatform]]; r.By == id && p != nil {
			if c := d.Book.Directory.Customers[p.Customer]; c != nil {
				return c.Language
			}
		}
	}
	return ""
}

func (d Contacts) customer() *inventory.Customer {
	return d.Book.Directory.Customers[d.Incident.Identity[model.LabelCustomer]]
}

func (d Contacts) field(role, field, platform string) []incident.Party {
	switch field {
	case "customer.account_manager":
		if c := d.customer(); c != nil {
			return d.People(role, []string{c.AccountManager})
		}
	case "customer.it_contact":
		if c := d.customer(); c != nil {
			return d.People(role, []string{c.ITContact})
		}
	case "machine.user":
		if m := d.machine(); m != nil {
			return d.owned(d.People(role, []string{m.User}))
		}
	case "machine.contact":
		return d.contact(role)
	case "incident.assignee":
		return d.People(role, []string{d.Incident.Assignee})
	case "incident.previous_assignee":
		return d.People(role, []string{d.Incident.Progress.PreviousAssignee})
	case "incident.reporter":
		return d.People(role, d.reporters(platform))
	case "incident.last_reporter":
		if all := d.reportsOf(platform); len(all) > 0 {
			return d.People(role, []string{all[len(all)-1].By})
		}
	case "incident.silence_authors":
		return slices.DeleteFunc(d.People(role, d.Incident.Progress.SilenceAuthors), func(p incident.Party) bool {
			return d.Book.Directory.Person(p.Person) == nil // what Alertmanager takes for an author is nobody's address
		})
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

// MachineContact is whom to write to about the machine; nobody where it is not known.
func (d Contacts) MachineContact() []incident.Party { return d.contact("") }

// contact is whom to write about a workstation: its user, or the company's IT
// contact, as the customer prefers (S1.18).
func (d Contacts) contact(role string) []incident.Party {
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
		if out := d.People(role, ids); len(out) > 0 {
			// Where it is not theirs nobody knows whose it is: no other is bothered in their place.
			return slices.DeleteFunc(d.owned(out), func(p incident.Party) bool { return slices.Contains(d.Incident.Progress.NotTheirs, p.Person) })
		}
	}
	return nil
}

// owned marks whose machine it is.
func (d Contacts) owned(ps []incident.Party) []incident.Party {
	m := d.machine()
	for i := range ps {
		ps[i].User = m != nil && ps[i].Person == m.User
	}
	return ps
}

func (d Contacts) platformField(role, field, platform string) []incident.Party {
	names := d.Platforms()
	if platform != "" {
		names = []string{platform}
	}
	var ids []string
	for _, n := range names {
		p := d.Book.Directory.Platforms[n]
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
	return Unique(d.People(role, ids))
}

// about leaves out a customer's people who do not answer for the platform: an
// incident of several platforms tells each of them of its own alone.
func (d Contacts) about(platform string, ps []incident.Party) []incident.Party {
	if platform == "" {
		return ps
	}
	return slices.DeleteFunc(ps, func(p incident.Party) bool {
		return d.Book.Role(p.Person) == act.Customer && !d.Book.Directory.Answers(p.Person, "", "", platform)
	})
}

func (d Contacts) reporters(platform string) []string {
	var ids []string
	for _, r := range d.reportsOf(platform) {
		if r.By != "" && !slices.Contains(ids, r.By) {
			ids = append(ids, r.By)
		}
	}
	return ids
}

// told are those whom this episode has told, under their live addresses.
func (d Contacts) told(role string, cc, customerOnly bool) []incident.Party {
	inTo := map[string]bool{}
	by := func(p incident.Party) bool {
		steps := d.Policy.Roles[role].Steps
		return len(steps) == 0 || slices.Contains(steps, p.Step)
	}
	for _, p := range d.Incident.Told {
		if !p.Cc && by(p) {
			inTo[p.Person] = true
		}
	}
	var out []incident.Party
	for _, p := range d.Incident.Told {
		outside := d.Policy.Roles[p.Role] != nil && d.Policy.Roles[p.Role].Outside
		if !by(p) || p.Cc != cc || cc && inTo[p.Person] || customerOnly && !outside {
			continue
		}
		live := d.party(role, p.Person)
		if live.Address == "" {
			live = p
			live.Role = role
		}
		out = append(out, live)
	}
	return Unique(out)
}

func (d Contacts) machine() *inventory.Machine {
	return d.Book.Directory.Machine(d.Incident.Identity[model.LabelCustomer], d.Incident.Identity[model.LabelMachine])
}

// Platforms are all platforms that the incident's signals name, sorted.
func (d Contacts) Platforms() []string { return d.platforms() }

// Told are the platforms of which each is told for itself: one that has left is told of
// no more, while others of the same incident stay, than how it ends.
func (d Contacts) Told() []string {
	all := d.platforms()
	if d.Incident.State.Ended() {
		return all
	}
	return slices.DeleteFunc(all, func(id string) bool {
		return d.Book.Directory.Decommissioned(model.Labels{model.LabelPlatform: id}, d.Now)
	})
}

// reachable leaves out the addresses that were refused themselves, and falls
// back on the other role when none is left.
func (d Contacts) reachable(roles []string, ps []incident.Party, platform string) []incident.Party {
	dead := map[string]bool{}
	for _, r := range d.Incident.Steps {
		for _, p := range r.Refused {
			dead[strings.ToLower(p.Address)] = true
		}
	}
	var out []incident.Party
	for _, p := range ps {
		if !dead[strings.ToLower(p.Address)] {
			out = append(out, p)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, name := range roles {
		if r := d.Policy.Roles[name]; r != nil && r.Otherwise != "" {
			out = append(out, d.Resolve(r.Otherwise, platform, d.Now)...)
		}
	}
	return Unique(out)
}

// Unique keeps the first of equal addresses.
func Unique(ps []incident.Party) []incident.Party {
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

// ReachBy has people resolved by a channel until the returned function is called.
func (d *Situation) ReachBy(channel string) func() {
	before := d.channel
	d.channel = channel
	return func() { d.channel = before }
}

// Recipients resolves To and Cc of a step. Who acted, or by the clock whoever has it,
// is not told what he did himself; when nobody is left, those in copy take his place, so that the
// trace is written all the same (S1.29). Of the dropped it says why.
func (d Contacts) Recipients(st *policy.Step, to, cc []string, platform string) (tos, ccs []incident.Party, dropped string) {
	defer d.ReachBy(st.Channel)()
	for _, r := range to {
		tos = append(tos, d.Resolve(r, platform, d.Now)...)
	}
	for _, r := range cc {
		ccs = append(ccs, d.Resolve(r, platform, d.Now)...)
	}
	tos = Unique(tos)
	hears := forStrangers(st)
	passed := func(p incident.Party) bool {
		return p.Stranger && (!hears || !slices.ContainsFunc(d.Incident.Reports, func(r model.Signal) bool { return r.By == p.Person && !d.Incident.OfEarlierRun(r) }))
	}
	if n := slices.IndexFunc(tos, passed); n >= 0 {
		dropped = tos[n].Name + " is known by a report alone, and hears that it came and how it ends"
	}
	tos, ccs = slices.DeleteFunc(tos, passed), slices.DeleteFunc(ccs, passed)
	if st.TellsOfRefusal() {
		tos = d.reachable(to, tos, platform)
	}
	if st.DropActor {
		kept, actor := tos[:0:0], cmp.Or(d.By, d.Incident.Assignee)
		for _, p := range tos {
			if p.Person == actor {
				dropped = p.Name + " acted and needs no mail of it"
				continue
			}
			kept = append(kept, p)
		}
		if len(kept) == 0 && len(tos) > 0 {
			kept, ccs = Unique(ccs), nil
		}
		tos = kept
	}
	inTo := map[string]bool{}
	for _, p := range tos {
		inTo[strings.ToLower(p.Address)] = true
	}
	rest := ccs[:0:0]
	for _, p := range Unique(ccs) {
		if !inTo[strings.ToLower(p.Address)] {
			p.Cc = true
			rest = append(rest, p)
		}
	}
	return tos, rest, dropped
}

// forStrangers reports whether a step tells whoever is known by his report alone: that it
// came, whether it works again, and that it is over. What is done in between is not his.
func forStrangers(st *policy.Step) bool {
	return slices.ContainsFunc(st.When, func(t policy.Trigger) bool {
		return EndsOn(t) || t.Kind == policy.WhenMoment && slices.Contains([]string{"opening", "not_immediate", "immediate_over", "joined", "unverified"}, t.Name)
	})
}

// envelope is one mail of a step: who gets it, and about which platform.
type envelope struct {
	To, Cc   []incident.Party
	Platform string
}

// Addressed are people whom a mail of their own is sent to, not in copy.
func Addressed(people []incident.Party) []incident.Party {
	people = slices.Clone(people)
	for i := range people {
		people[i].Cc = false
	}
	return people
}

// Envelopes divides the recipients of a step where one mail would tell somebody
// what is not his: of several platforms a customer's people read of their own
// alone, what an unknown caller wrote stays with us, and no such caller learns from a
// header who the customer's people are.
func (d Contacts) Envelopes(to, cc []incident.Party, platform string) []envelope {
	known := func(ps []incident.Party) []incident.Party { return slices.DeleteFunc(slices.Clone(ps), d.stranger) }
	to, strangers := known(to), slices.DeleteFunc(slices.Concat(to, cc), func(p incident.Party) bool { return !d.stranger(p) })
	var out []envelope
	if cc = known(cc); len(to) == 0 {
		to, cc = Addressed(cc), nil
	}
	if len(to) > 0 {
		out = d.divided(to, cc, platform)
	}
	for _, p := range strangers {
		e := envelope{To: Addressed([]incident.Party{p}), Platform: platform}
		if mine := d.platformsOf(p.Person, d.platforms()); platform == "" && len(mine) > 0 {
			e.Platform = mine[0]
		}
		out = append(out, e)
	}
	return out
}

// stranger is true for somebody whom nobody knows but by his own report.
func (d Contacts) stranger(p incident.Party) bool {
	return d.Book.Directory.People[p.Person] == nil && slices.ContainsFunc(d.Incident.Reports, func(r model.Signal) bool { return unverified(r) && r.By == p.Person })
}

func (d Contacts) divided(to, cc []incident.Party, platform string) []envelope {
	whole := []envelope{{to, cc, platform}}
	names := d.platforms()
	several := len(names) > 1
	abroad := slices.DeleteFunc(slices.Concat(to, cc), func(p incident.Party) bool { return !p.Outside })
	if platform != "" || len(names) == 0 || len(abroad) == 0 || !several && !slices.ContainsFunc(d.Incident.Reports, unverified) {
		return whole
	}
	ours := envelope{To: slices.DeleteFunc(slices.Clone(to), outside), Cc: slices.DeleteFunc(slices.Clone(cc), outside)}
	if len(ours.To) == 0 {
		ours.To, ours.Cc = Addressed(ours.Cc), nil
	}
	if len(ours.To) == 0 && !several {
		return whole
	}
	var out []envelope
	if len(ours.To) > 0 {
		out = append(out, ours)
	}
	for i, name := range names {
		var own []incident.Party
		for _, p := range abroad {
			if mine := d.platformsOf(p.Person, names); slices.Contains(mine, name) || i == 0 && len(mine) == 0 {
				own = append(own, p)
			}
		}
		if len(own) > 0 {
			out = append(out, envelope{To: Addressed(own), Platform: name})
		}
	}
	return out
}

// platformsOf are those of the platforms that somebody answers for or reported.
func (d Contacts) platformsOf(id string, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		reported := slices.ContainsFunc(d.reportsOf(name), func(r model.Signal) bool { return r.By == id })
		return !reported && !d.Book.Directory.Answers(id, "", "", name)
	})
}
