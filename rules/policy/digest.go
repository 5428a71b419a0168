package policy

import (
	"vigie/internal/strict"
	"vigie/rules/calendar"
)

// Digest is the overview of every working day, sent also when all is well.
type Digest struct {
	// At is the hour, on the days on which Calendar is open.
	At       calendar.TimeOfDay
	Calendar string
	To, Cc   []string // roles
}

type digestDoc struct {
	strict.Position
	At       *calendar.TimeOfDay `yaml:"at"`
	Calendar string              `yaml:"calendar"`
	To       []string            `yaml:"to"`
	Cc       []string            `yaml:"cc"`
}

func (d *digestDoc) load(l *loader) {
	if l.policy.Digest != nil {
		l.fault(d.Position, "digest", "it is defined twice: keep one")
		return
	}
	l.calendar(d.Position, "digest.calendar", d.Calendar, false)
	l.roles(d.Position, "digest.to", d.To)
	l.roles(d.Position, "digest.cc", d.Cc)
	if len(d.To) == 0 {
		l.fault(d.Position, "digest.to", "missing: name the roles that read it, such as [supervisor]")
	}
	if d.At == nil {
		l.fault(d.Position, "digest.at", `the hour is missing: add at: "09:00"`)
		return
	}
	l.policy.Digest = &Digest{At: *d.At, Calendar: d.Calendar, To: d.To, Cc: d.Cc}
}
