package policy

import (
	"time"

	"vigie/internal/strict"
)

// Immediate is the ten-minute branch.
type Immediate struct {
	Alerts   []string
	Within   time.Duration
	Calendar string
}

type immediateDoc struct {
	strict.Position
	Alerts   []string      `yaml:"alerts"`
	Within   time.Duration `yaml:"within"`
	Calendar string        `yaml:"calendar"`
}

func (d *immediateDoc) load(l *loader, path string) *Immediate {
	l.calendar(d.Position, path+".calendar", d.Calendar, false)
	if d.Within <= 0 {
		l.fault(d.Position, path+".within", "no time is given: write e.g. within: 10m")
	}
	return &Immediate{Alerts: d.Alerts, Within: d.Within, Calendar: d.Calendar}
}
