package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules/inventory"
)

// RoleKind says where a role's fillers come from.
type RoleKind string

// The kinds of role.
const (
	RolePeople RoleKind = "people" // fixed persons
	RoleRota   RoleKind = "rota"   // who is on duty
	RoleField  RoleKind = "field"  // a field of the customer, machine, platform or incident
)

// Role is a function that persons fill.
type Role struct {
	Name      string
	Kind      RoleKind
	People    []string // fixed, or the rota's default
	Rota      string
	Field     string // customer.account_manager, machine.contact, incident.assignee ...
	Otherwise string // role to fall back on when nobody fills this one
	// Steps narrows those whom the incident has told to those whom these steps
	// have told; empty for all.
	Steps []string
	// Outside marks the customer's own people: they are written to in plain
	// words, and never at night.
	Outside bool
	// TicketIntake marks mailboxes that a ticket tool reads, see
	// [inventory.Person].
	TicketIntake bool
}

type roleDoc struct {
	strict.Position
	People    []string `yaml:"people"`
	Rota      string   `yaml:"rota"`
	Field     string   `yaml:"field"`
	Otherwise string   `yaml:"otherwise"`
	Outside   bool     `yaml:"outside"`
	Steps     []string `yaml:"by_steps"`

	TicketIntake bool `yaml:"ticket_intake"`
}

func (doc roleDoc) load(l *loader, name string) {
	if _, twice := l.policy.Roles[name]; twice {
		l.fault(doc.Position, "roles."+name, "role %q is defined twice: keep one", name)
	}
	r := &Role{Name: name, People: doc.People, Rota: doc.Rota, Field: doc.Field, Otherwise: doc.Otherwise, Outside: doc.Outside,
		Steps: doc.Steps, TicketIntake: doc.TicketIntake}
	if doc.TicketIntake && doc.Field != "" {
		l.fault(doc.Position, "roles."+name+".ticket_intake", "a field names other people for each incident: write ticket_intake: true at the person in the inventory instead")
	}
	if len(doc.Steps) > 0 && !strings.HasPrefix(doc.Field, "incident.told_") {
		l.fault(doc.Position, "roles."+name+".by_steps", "only those whom an incident has told were told by steps: write field: incident.told_to, incident.told_cc or incident.told_customer beside it")
	}
	switch {
	case doc.Field != "" && (doc.Rota != "" || len(doc.People) > 0):
		l.fault(doc.Position, "roles."+name, "field stands beside rota or people: keep one, and name who fills in with otherwise:")
	case doc.Rota != "":
		r.Kind = RoleRota
	case doc.Field != "":
		r.Kind = RoleField
		if !slices.Contains(l.known.Fields, doc.Field) {
			l.fault(doc.Position, "roles."+name+".field", "%s", strict.Unknown("field", doc.Field, l.known.Fields))
		}
	default:
		r.Kind = RolePeople
		if len(doc.People) == 0 {
			l.fault(doc.Position, "roles."+name, "the role has neither people, nor rota, nor field: give one of them")
		}
	}
	l.policy.Roles[name] = r
}

// checkSteps refuses roles of those told by a step that no scenario has.
func (p *Policy) checkSteps(l *loader, at strict.Position) {
	var steps []string
	for _, s := range p.Scenarios {
		for _, st := range s.Steps {
			steps = append(steps, st.Name)
		}
	}
	slices.Sort(steps)
	steps = slices.Compact(steps)
	for _, name := range slices.Sorted(maps.Keys(p.Roles)) {
		for _, step := range p.Roles[name].Steps {
			if !slices.Contains(steps, step) {
				l.fault(at, "roles."+name+".by_steps", "%s", strict.Unknown("step", step, steps))
			}
		}
	}
}

// checkOtherwise refuses roles that fall back on a role that there is not, or
// on each other for ever.
func (p *Policy) checkOtherwise(l *loader, at strict.Position) {
	names := slices.Sorted(maps.Keys(p.Roles))
	for _, name := range names {
		if o := p.Roles[name].Otherwise; o != "" && p.Roles[o] == nil {
			l.fault(at, "roles."+name+".otherwise", "%s", strict.Unknown("role", o, names))
		}
	}
	l.roles(at, "traces_include", p.Required)
	for _, name := range names {
		seen := map[string]bool{}
		for r := p.Roles[name]; r != nil; r = p.Roles[r.Otherwise] {
			if seen[r.Name] {
				l.fault(at, "roles."+name+".otherwise", "the roles fall back on each other in a circle: let the last one name people")
				break
			}
			seen[r.Name] = true
		}
	}
}

// check refuses persons whom the inventory does not have.
func (r *Role) check(at strict.Position, dir *inventory.Directory) strict.Faults {
	var faults strict.Faults
	for _, person := range r.People {
		if dir.People[person] == nil {
			faults = append(faults, strict.Fault{Position: at, Path: "roles." + r.Name + ".people",
				What: strict.Unknown("person", person, slices.Sorted(maps.Keys(dir.People)))})
		}
	}
	return faults
}

// OfIncident is true for a role that the course of an incident fills, such as
// its assignee: at times that is nobody.
func (r *Role) OfIncident() bool {
	return r.Kind == RoleField && strings.HasPrefix(r.Field, "incident.")
}

// OfThoseTold is true for a role of those whom the incident has told.
func (r *Role) OfThoseTold() bool {
	return r.Kind == RoleField && strings.HasPrefix(r.Field, "incident.told_")
}

// unfilled says for whom nobody fills a role, nor any that it falls back on, with
// the cure; "" when somebody does.
func (p *Policy) unfilled(name string, dir *inventory.Directory, now time.Time) string {
	r := p.Roles[name]
	if r == nil || r.OfIncident() {
		return ""
	}
	what := ""
	if r.Kind != RoleField {
		if !r.reaches(dir) {
			what = "nobody: give its people an e-mail address in the inventory"
		}
	} else if who, cure := dir.Unreached(r.Field, now); len(who) > 0 {
		what = "nobody for " + strings.Join(who[:min(len(who), 10)], ", ") + ": in the inventory, " + cure
	}
	if what != "" && r.Otherwise != "" && p.unfilled(r.Otherwise, dir, now) == "" {
		return ""
	}
	return what
}

// CheckTraces refuses roles that a written trace needs and that nobody of the
// inventory fills: the trace could never be done.
func (p *Policy) CheckTraces(dir *inventory.Directory, now time.Time) error {
	var faults strict.Faults
	for _, s := range p.Scenarios {
		for _, st := range s.Steps {
			faults = append(faults, st.checkRoles(p, "scenarios."+s.Name+".steps."+st.Name, dir, now)...)
		}
	}
	return faults.Err()
}

// reaches reports whether a mail to the role can arrive. Whom a field names
// depends on the incident, so that one is taken to.
func (r *Role) reaches(dir *inventory.Directory) bool {
	if r.Kind == RoleField {
		return true
	}
	people := slices.Clone(r.People)
	if r.Kind == RoleRota {
		people = append(people, dir.RotaPeople(r.Rota)...)
	}
	return slices.ContainsFunc(people, dir.Reaches)
}

// gaps warns of times and entries of the inventory for which the role reaches
// nobody.
func (r *Role) gaps(dir *inventory.Directory, zone *time.Location, now time.Time) []string {
	switch r.Kind {
	case RolePeople:
		return r.peopleGaps(dir)
	case RoleRota:
		return r.rotaGaps(dir, zone, now)
	}
	return r.fieldGaps(dir, now)
}

// peopleGaps lists those whom a role names and whom no mail reaches.
func (r *Role) peopleGaps(dir *inventory.Directory) []string {
	var who []string
	for _, id := range r.People {
		if !dir.Reaches(id) {
			who = append(who, id)
		}
	}
	if len(who) == 0 {
		return nil
	}
	whom := "reaches nobody"
	if len(who) < len(r.People) {
		whom = "does not reach everybody"
	}
	return []string{fmt.Sprintf("role %s %s: no person of the inventory with an email: has the id %s; add one under people: or mend the role",
		r.Name, whom, strings.Join(who, ", "))}
}

// rotaGaps warns of the times of the horizon for which nobody can be counted on.
func (r *Role) rotaGaps(dir *inventory.Directory, zone *time.Location, now time.Time) []string {
	then := "messages to the role " + r.Name + " then reach nobody; fill the gap under rota: in the inventory, or add otherwise: to the role"
	if r.Otherwise != "" {
		then = "the role " + r.Otherwise + " is told instead; fill the gap under rota: in the inventory if that is not meant"
	}
	start := now.Truncate(time.Hour)
	end := start.Add(gapHorizon)
	var out []string
	for _, s := range r.Gaps(dir, start, end) {
		if len(out) == maxGaps {
			return append(out, fmt.Sprintf("rota %s: there are further gaps in the next 30 days", r.Rota))
		}
		what := map[inventory.Gap]string{
			inventory.GapNobody:    "nobody is on duty",
			inventory.GapAway:      s.Person + " is on duty and away",
			inventory.GapUnreached: s.Person + " is on duty and has no address",
		}[s.Gap]
		until := "until " + s.Until.In(zone).Format("2006-01-02 15:04")
		if !s.Until.Before(end) {
			until = "on, for the rest of the next 30 days"
		}
		told := then
		if s.Gap == inventory.GapAway && r.Otherwise == "" {
			told = "messages to the role " + r.Name + " go there all the same; name somebody else under rota: in the inventory, or add otherwise: to the role"
		}
		out = append(out, fmt.Sprintf("rota %s: %s from %s %s: %s", r.Rota, what, s.From.In(zone).Format("2006-01-02 15:04"), until, told))
	}
	return out
}

// Gaps are the shifts of a rota role for which nobody can be counted on. A rota
// without any entry is none: the role's own people fill it.
func (r *Role) Gaps(dir *inventory.Directory, from, until time.Time) []inventory.Shift {
	if r.Kind != RoleRota || !dir.HasRota(r.Rota) && len(r.People) > 0 {
		return nil
	}
	return slices.DeleteFunc(dir.Shifts(r.Rota, from, until), func(s inventory.Shift) bool { return s.Gap == "" })
}

const (
	// gapHorizon is how far ahead the rota is looked at.
	gapHorizon = 30 * 24 * time.Hour
	// maxGaps is how many gaps of one rota are told.
	maxGaps = 5
)

// fieldGaps lists the entries of the inventory for which the field of a role
// names nobody who has an address.
func (r *Role) fieldGaps(dir *inventory.Directory, now time.Time) []string {
	who, cure := dir.Unreached(r.Field, now)
	if len(who) == 0 {
		return nil
	}
	const most = 10
	more := ""
	if len(who) > most {
		more, who = fmt.Sprintf(" and %d more", len(who)-most), who[:most]
	}
	then := ""
	if r.Otherwise != "" {
		then = ", so that the role " + r.Otherwise + " is told instead"
	}
	return []string{fmt.Sprintf("role %s (%s) reaches nobody for %s%s%s: in the inventory, %s", r.Name, r.Field, strings.Join(who, ", "), more, then, cure)}
}
