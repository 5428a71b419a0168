package policy

import "vigie/rules/calendar"

// Digest is the overview of every working day, sent also when all is well.
type Digest struct {
	// At is the hour, on the days on which Calendar is open.
	At       calendar.Clock
	Calendar string
	To, Cc   []string // roles
}

func (b *builder) digest(d *digestDoc) {
	if d == nil {
		return
	}
	if b.p.Digest != nil {
		b.fault(d.Position, "digest", "it is defined twice: keep one")
		return
	}
	b.calendarRef(d.Position, "digest.calendar", d.Calendar, false)
	b.roleRefs(d.Position, "digest.to", d.To)
	b.roleRefs(d.Position, "digest.cc", d.Cc)
	if len(d.To) == 0 {
		b.fault(d.Position, "digest.to", "missing: name the roles that read it, such as [supervisor]")
	}
	if d.At == nil {
		b.fault(d.Position, "digest.at", `the hour is missing: add at: "09:00"`)
		return
	}
	b.p.Digest = &Digest{At: *d.At, Calendar: d.Calendar, To: d.To, Cc: d.Cc}
}
