package rules

import (
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"vigie/rules/strict"
)

// Warnings lists what is allowed but most likely a mistake, each with its cure:
// scenarios that an earlier one shadows, steps that can never run, opening
// hours that a clock change touches, rotas in which nobody is on duty at some
// hour of the next 30 days, and entries of the inventory for which a role
// reaches nobody.
func (b *Book) Warnings(now time.Time) []string {
	p := b.InForce(now)
	var out []string
	warn := func(at strict.Position, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
	}
	for n, s := range p.Scenarios {
		for _, earlier := range p.Scenarios[:n] {
			if earlier.Match.coverAll(s.Match) {
				warn(s.At, "scenario %s is never used: the first scenario that matches a failure counts, and %s, which stands above it, matches everything that %s matches; move %s above %s, or let %s match less",
					s.Name, earlier.Name, s.Name, s.Name, earlier.Name, earlier.Name)
				break
			}
		}
		for _, st := range s.Steps {
			if why := s.neverRuns(st); why != "" {
				warn(st.At, "step %s of scenario %s can never run: %s; mend its when:, only_if: or unless:, or take the step away", st.Name, s.Name, why)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Calendars)) {
		for _, w := range p.Calendars[name].Warnings() {
			out = append(out, fmt.Sprintf("calendar %s: %s", name, w))
		}
	}
	return append(out, b.roleGaps(p, now)...)
}

// coverAll reports whether every signal that narrow matches is matched too. It
// may miss such a case, but never claims a false one.
func (ms Matchers) coverAll(narrow Matchers) bool {
	for _, m := range ms {
		if !slices.ContainsFunc(narrow, func(n *labels.Matcher) bool { return n.Name == m.Name && implies(n, m) }) {
			return false
		}
	}
	return true
}

// implies reports whether what n accepts is accepted by m.
func implies(n, m *labels.Matcher) bool {
	if n.String() == m.String() {
		return true
	}
	switch n.Type {
	case labels.MatchEqual:
		return m.Matches(n.Value)
	case labels.MatchRegexp:
		words, ok := alternatives(n.Value)
		return ok && !slices.ContainsFunc(words, func(w string) bool { return !m.Matches(w) })
	}
	return false
}

// alternatives lists the words of a pattern such as server|nas.
func alternatives(pattern string) ([]string, bool) {
	words := strings.Split(pattern, "|")
	for _, w := range words {
		re, err := syntax.Parse(w, syntax.Perl)
		if err != nil || re.Op != syntax.OpLiteral && re.Op != syntax.OpEmptyMatch {
			return nil, false
		}
	}
	return words, true
}

// neverRuns says why a step cannot happen, or "".
func (s *Scenario) neverRuns(st *Step) string {
	for _, c := range st.OnlyIf {
		if slices.Contains(st.Unless, c) {
			return "only_if and unless both name " + c + ", so it must hold and must not"
		}
		if sev, ok := strings.CutPrefix(c, "severity "); ok && !slices.Contains(s.Severity.Order, sev) {
			return "severity " + sev + " is not among the severities of this scenario (severity: order:)"
		}
		if why := s.neverHolds(c); why != "" {
			return why
		}
	}
	why := ""
	for _, t := range st.When {
		if why = s.neverTriggers(t); why == "" {
			return ""
		}
	}
	return why
}

func (s *Scenario) neverTriggers(t Trigger) string {
	name := t.Name
	switch {
	case t.Kind == WhenFlag && name == string(FlagDoubleFailure) && s.OtherBackup == nil:
		return "the scenario does not ask for the other backup (other_backup:)"
	case t.Kind == WhenFlag && name == string(FlagAccountManagerTold) && !s.raises(FlagAccountManagerTold),
		t.Kind == WhenFlag && name == string(FlagCustomerTold) && !s.raises(FlagCustomerTold):
		return "it waits for " + name + ", which no step of the scenario says that it does (raises:)"
	case t.Kind == WhenMoment && (name == "immediate_over" || name == "not_immediate") && s.Immediate == nil:
		return "the scenario has no immediate branch (immediate:)"
	case t.Kind == WhenMoment && (name == "calls_exhausted" || name == "waiting_over") && s.Calls == nil,
		t.Kind == WhenAct && name == "call" && s.Calls == nil:
		return "the scenario has no phone calls (calls:)"
	case t.Kind == WhenMoment && name == "unverified" && s.Proof == ProofCleared && s.Immediate == nil:
		return "nothing is left unverified when the probe alone ends the incident"
	case t.Kind == WhenAct && slices.Contains([]string{"qualify", "workaround", "cascade", "immediate"}, name) && s.Immediate == nil:
		return "act " + name + " belongs to scenarios with an immediate branch (immediate:)"
	}
	return ""
}

func (s *Scenario) neverHolds(condition string) string {
	switch condition {
	case "customer_told":
		if !s.raises(FlagCustomerTold) {
			return "it waits for customer_told, which no step of the scenario says that it does (raises:)"
		}
	case "account_manager_told":
		if !s.raises(FlagAccountManagerTold) {
			return "it waits for account_manager_told, which no step of the scenario says that it does (raises:)"
		}
	case "double_failure", "other_backup_works":
		if s.OtherBackup == nil {
			return "the scenario does not ask for the other backup (other_backup:)"
		}
	case "handled":
		if s.Handled == nil {
			return "the scenario does not say what handles it (handled:)"
		}
	case "immediate", "staffed":
		if s.Immediate == nil {
			return "the scenario has no immediate branch (immediate:)"
		}
	}
	return ""
}

func (s *Scenario) raises(f Flag) bool {
	return slices.ContainsFunc(s.Steps, func(st *Step) bool { return slices.Contains(st.Raises, f) })
}

// gapHorizon is how far ahead the rota is looked at.
const gapHorizon = 30 * 24 * time.Hour

// roleGaps lists roles that nobody fills at some hour, and inventory entries
// for which a role of a step reaches nobody.
func (b *Book) roleGaps(p *Policy, now time.Time) []string {
	var out []string
	used := map[string]bool{}
	for _, s := range p.Scenarios {
		for _, st := range s.Steps {
			for _, r := range append(slices.Clone(st.To), st.Cc...) {
				used[r] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		r := p.Roles[name]
		switch {
		case r == nil:
		case r.Kind == RolePeople:
			out = append(out, b.peopleGaps(r)...)
		case r.Kind == RoleRota:
			out = append(out, b.rotaGap(p, r, now)...)
		case r.Kind == RoleField:
			out = append(out, b.fieldGaps(r, now)...)
		}
	}
	return out
}

// peopleGaps lists those whom a role names and whom no mail reaches.
func (b *Book) peopleGaps(r *Role) []string {
	var who []string
	for _, id := range r.People {
		if !b.Directory.reaches(id) {
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

// reaches reports whether a person, or a bare address, can be written to.
func (dir *Directory) reaches(id string) bool {
	if p := dir.Person(id); p != nil {
		return p.Reachable()
	}
	return strings.Contains(id, "@")
}

// rotaGap finds the first hours of the horizon at which nobody is on duty.
func (b *Book) rotaGap(p *Policy, r *Role, now time.Time) []string {
	if !b.Directory.hasRota(r.Rota) && len(r.People) > 0 {
		return nil
	}
	then := "messages to the role " + r.Name + " then reach nobody; fill the gap under rota: in the inventory, or add otherwise: to the role"
	if r.Otherwise != "" {
		then = "the role " + r.Otherwise + " is told instead; fill the gap under rota: in the inventory if that is not meant"
	}
	start := now.Truncate(time.Hour)
	idle := func(at time.Time) bool { _, gap := b.Directory.OnDuty(r.Rota, at); return gap }
	for at := start; at.Before(start.Add(gapHorizon)); at = at.Add(time.Hour) {
		if !idle(at) {
			continue
		}
		end := at
		for end.Before(start.Add(gapHorizon)) && idle(end) {
			end = end.Add(time.Hour)
		}
		until := "until " + end.In(p.Zone).Format("2006-01-02 15:04")
		if !end.Before(start.Add(gapHorizon)) {
			until = "on, for the rest of the next 30 days"
		}
		return []string{fmt.Sprintf("rota %s: nobody is on duty from %s %s: %s", r.Rota, at.In(p.Zone).Format("2006-01-02 15:04"), until, then)}
	}
	return nil
}

// fieldGaps lists the entries of the inventory for which the field of a role
// names nobody who has an address.
func (b *Book) fieldGaps(r *Role, now time.Time) []string {
	who, cure := b.Directory.unreached(r.Field, now)
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

// unreached lists whose field names nobody with an address, and the cure.
func (dir *Directory) unreached(field string, now time.Time) (who []string, cure string) {
	has := dir.reaches
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
		return who, "give the customer an " + key + ": who has an email:"
	case "machine":
		for _, m := range dir.Machines {
			c := dir.Customers[m.Customer]
			reached := has(m.User) || key == "contact" && c != nil && has(c.ITContact)
			if m.Class == "workstation" && live(m.Decommissioned) && !reached {
				who = append(who, "machine "+m.Customer+"/"+m.Name)
			}
		}
		if key == "contact" {
			return who, "give the machine a user:, or its customer an it_contact:, who has an email:"
		}
		return who, "give the machine a user: who has an email:"
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
		return who, "name under " + key + ": of the platform somebody who has an email:"
	}
	return nil, ""
}
