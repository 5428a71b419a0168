package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Warnings lists what is allowed but most likely a mistake, each with its cure:
// scenarios that an earlier one shadows, steps that can never run, opening
// hours that a clock change touches, rotas in which nobody is on duty at some
// hour of the next 30 days, and entries of the inventory for which a role
// reaches nobody.
func (p *Policy) Warnings(dir *inventory.Directory, now time.Time) []string {
	var out []string
	warn := func(at strict.Position, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
	}
	for n, s := range p.Scenarios {
		for _, earlier := range p.Scenarios[:n] {
			if earlier.Match.CoverAll(s.Match) {
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
	return append(out, p.roleGaps(dir, now)...)
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
	case t.Kind == WhenFlag && name == string(model.FlagDoubleFailure) && s.OtherBackup == nil:
		return "the scenario does not ask for the other backup (other_backup:)"
	case t.Kind == WhenFlag && name == string(model.FlagAccountManagerTold) && !s.raises(model.FlagAccountManagerTold),
		t.Kind == WhenFlag && name == string(model.FlagCustomerTold) && !s.raises(model.FlagCustomerTold):
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
		if !s.raises(model.FlagCustomerTold) {
			return "it waits for customer_told, which no step of the scenario says that it does (raises:)"
		}
	case "account_manager_told":
		if !s.raises(model.FlagAccountManagerTold) {
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

func (s *Scenario) raises(f model.Flag) bool {
	return slices.ContainsFunc(s.Steps, func(st *Step) bool { return slices.Contains(st.Raises, f) })
}

// gapHorizon is how far ahead the rota is looked at.
const gapHorizon = 30 * 24 * time.Hour

// roleGaps lists roles that nobody fills at some hour, and inventory entries
// for which a role of a step reaches nobody.
func (p *Policy) roleGaps(dir *inventory.Directory, now time.Time) []string {
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
			out = append(out, r.peopleGaps(dir)...)
		case r.Kind == RoleRota:
			out = append(out, r.rotaGap(dir, p.Zone, now)...)
		case r.Kind == RoleField:
			out = append(out, r.fieldGaps(dir, now)...)
		}
	}
	return out
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

// rotaGap finds the first hours of the horizon at which nobody is on duty.
func (r *Role) rotaGap(dir *inventory.Directory, zone *time.Location, now time.Time) []string {
	if !dir.HasRota(r.Rota) && len(r.People) > 0 {
		return nil
	}
	then := "messages to the role " + r.Name + " then reach nobody; fill the gap under rota: in the inventory, or add otherwise: to the role"
	if r.Otherwise != "" {
		then = "the role " + r.Otherwise + " is told instead; fill the gap under rota: in the inventory if that is not meant"
	}
	start := now.Truncate(time.Hour)
	idle := func(at time.Time) bool { _, gap := dir.OnDuty(r.Rota, at); return gap }
	for at := start; at.Before(start.Add(gapHorizon)); at = at.Add(time.Hour) {
		if !idle(at) {
			continue
		}
		end := at
		for end.Before(start.Add(gapHorizon)) && idle(end) {
			end = end.Add(time.Hour)
		}
		until := "until " + end.In(zone).Format("2006-01-02 15:04")
		if !end.Before(start.Add(gapHorizon)) {
			until = "on, for the rest of the next 30 days"
		}
		return []string{fmt.Sprintf("rota %s: nobody is on duty from %s %s: %s", r.Rota, at.In(zone).Format("2006-01-02 15:04"), until, then)}
	}
	return nil
}

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
