package book

import (
	"vigie/rules/availability"
	"vigie/rules/policy"
)

// Terms are what a policy grants a platform of unavailability, with the work that
// was announced there. It reports false when the policy measures none.
func (b *Book) Terms(p *policy.Policy, platform string) (t availability.Terms, announced []availability.Span, measured bool) {
	u := p.Unavailability
	if u == nil {
		return t, nil, false
	}
	t = availability.Terms{Calendar: b.Closures(p, u.Calendar), Tolerance: u.Tolerance, Per: u.Per}
	for _, m := range b.Directory.Announced(platform, p.MaintenanceNotice) {
		announced = append(announced, availability.Span{From: m.From, Until: m.Until})
	}
	return t, announced, t.Calendar != nil
}
