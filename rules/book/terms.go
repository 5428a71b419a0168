package book

import (
	"time"

	"vigie/rules/availability"
	"vigie/rules/policy"
)

// Terms are what a policy grants a platform of unavailability. It reports false when
// the policy measures none.
func (b *Book) Terms(p *policy.Policy, platform string) (t availability.Terms, measured bool) {
	u := p.Unavailability
	if u == nil {
		return t, false
	}
	t = availability.Terms{Calendar: b.Closures(p, u.Calendar), Tolerance: u.Tolerance, Per: u.Per}
	return t, t.Calendar != nil
}

// Announced is the work on a platform that was announced in time and touches a span
// of time.
func (b *Book) Announced(p *policy.Policy, platform string, from, until time.Time) (out []availability.Span) {
	for _, m := range b.Directory.Announced(platform, p.MaintenanceNotice, from, until) {
		out = append(out, availability.Span{From: m.From, Until: m.Until})
	}
	return out
}
