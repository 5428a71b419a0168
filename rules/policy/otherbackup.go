package policy

import (
	"time"

	"vigie/internal/strict"
)

// OtherBackup is how the machine's other backup is watched.
type OtherBackup struct {
	Every    time.Duration
	NoneIsKO bool
}

type otherDoc struct {
	strict.Position
	Every    time.Duration `yaml:"ask_every"`
	NoneIsKO bool          `yaml:"none_is_ko"`
}

func (d *otherDoc) load(l *loader, path string) *OtherBackup {
	if d.Every <= 0 {
		l.fault(d.Position, path+".ask_every", "the time must be more than zero: write e.g. ask_every: 15m")
	}
	return &OtherBackup{Every: d.Every, NoneIsKO: d.NoneIsKO}
}
