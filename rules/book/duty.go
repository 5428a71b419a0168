package book

import (
	"maps"
	"slices"
	"time"

	"vigie/rules/inventory"
	"vigie/rules/policy"
)

// DutyAhead is how far ahead people are shown who will be on duty.
const DutyAhead = 30 * 24 * time.Hour

// DutyShift is a time during which the same person is on duty, or nobody can be
// counted on.
type DutyShift struct {
	Person string        `json:"person,omitempty"`
	Gap    inventory.Gap `json:"gap,omitempty"` // nobody, away or unreached
	From   time.Time     `json:"from"`
	// Until is when it passes on; absent where it does not within [DutyAhead].
	Until time.Time `json:"until,omitzero"`
}

// DutyRole is who fills a role by a rota: now, next, and the gaps to come.
type DutyRole struct {
	Role      string      `json:"role"`
	Otherwise string      `json:"otherwise,omitempty"` // the role that is told in a gap
	Now       DutyShift   `json:"now"`
	Next      *DutyShift  `json:"next,omitempty"`
	Gaps      []DutyShift `json:"gaps"`
}

// Duties says of each role that a rota fills in the policy in force who is on duty
// and who will be.
func (b *Book) Duties(now time.Time) []DutyRole {
	p := b.InForce(now)
	end := now.Add(DutyAhead)
	out := []DutyRole{}
	for _, name := range slices.Sorted(maps.Keys(p.Roles)) {
		r := p.Roles[name]
		if r.Kind != policy.RoleRota || !b.Directory.HasRota(r.Rota) {
			continue
		}
		shifts := b.Directory.Shifts(r.Rota, now, end)
		d := DutyRole{Role: name, Otherwise: r.Otherwise, Now: dutyShift(shifts[0], end), Gaps: []DutyShift{}}
		if len(shifts) > 1 {
			next := dutyShift(shifts[1], end)
			d.Next = &next
		}
		for _, s := range r.Gaps(b.Directory, now, end) {
			d.Gaps = append(d.Gaps, dutyShift(s, end))
		}
		out = append(out, d)
	}
	return out
}

func dutyShift(s inventory.Shift, end time.Time) DutyShift {
	out := DutyShift{Person: s.Person, Gap: s.Gap, From: s.From, Until: s.Until}
	if !out.Until.Before(end) {
		out.Until = time.Time{}
	}
	return out
}
