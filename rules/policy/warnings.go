package policy

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"vigie/internal/strict"
	"vigie/rules/inventory"
)

// Warnings lists what is allowed but most likely a mistake, each with its cure:
// keys with nothing behind them, scenarios that an earlier one shadows, steps that can never run, opening
// hours that a clock change touches, rotas in which nobody is on duty at some
// hour of the next 30 days, and entries of the inventory for which a role
// reaches nobody.
func (p *Policy) Warnings(dir *inventory.Directory, now time.Time) []string {
	var out []string
	warn := func(at strict.Position, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
	}
	for _, f := range p.Source {
		out = append(out, strict.Blank(f, reflect.TypeFor[policyDoc]())...)
	}
	for n, s := range p.Scenarios {
		for _, earlier := range p.Scenarios[:n] {
			if earlier.Match.CoverAll(s.Match) {
				warn(s.At, "scenario %s is never used: the first scenario that matches a failure counts, and %s, which stands above it, matches everything that %s matches; move %s above %s, or let %s match less",
					s.Name, earlier.Name, s.Name, s.Name, earlier.Name, earlier.Name)
				break
			}
		}
		if len(s.Steps) == 0 && s.Ignores == "" {
			warn(s.At, "scenario %s tells nobody: add steps:, or ignores: with a reason if its alerts are only to be listed", s.Name)
		}
		if len(s.Steps) > 0 && s.endsUnverified() && !slices.ContainsFunc(s.Steps, p.asksForProof) {
			warn(s.At, "scenario %s: an incident whose alert ends without proof becomes unverified, and nobody of yours is asked whether it is over; add a step with when: {at: unverified}, as the examples have (unproven, measured_well)", s.Name)
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

// endsUnverified reports whether the end of an alert, which else ends an incident, may
// leave it open for a person to say whether it is over: after a restore or a report.
func (s *Scenario) endsUnverified() bool {
	return s.Proof == ProofCleared && (s.Resolve.Cause || len(s.Severity.Order) > 0)
}

// asksForProof reports whether a step tells somebody of ours of an unverified incident.
func (p *Policy) asksForProof(st *Step) bool {
	if slices.Contains(st.Unless, "not reported_by_person") || slices.Contains(slices.Concat(st.Unless, st.Rests), "unverified") {
		return false
	}
	ours := func(role string) bool { r := p.Roles[role]; return r != nil && !r.Outside }
	return slices.ContainsFunc(slices.Concat(st.To, st.Cc), ours) && slices.ContainsFunc(st.When, func(t Trigger) bool {
		return t.Name == "unverified" || t.Kind == WhenOpening && len(st.Unless)+len(t.Unless) == 0
	})
}

// roleGaps warns for each role of a step whose messages reach nobody at some
// hour, or for some entry of the inventory.
func (p *Policy) roleGaps(dir *inventory.Directory, now time.Time) []string {
	used := map[string]bool{}
	for _, s := range p.Scenarios {
		for _, st := range s.Steps {
			for _, r := range slices.Concat(st.To, st.Cc) {
				used[r] = true
			}
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if r := p.Roles[name]; r != nil {
			out = append(out, r.gaps(dir, p.Zone, now)...)
		}
	}
	return out
}
