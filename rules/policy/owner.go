package policy

import "vigie/internal/strict"

// Owner says when whoever has an incident does not have it any more.
type Owner struct {
	// LapsesAfter is how long after his last act it is given back.
	LapsesAfter Delay
}

type ownerDoc struct {
	strict.Position
	LapsesAfter *delayDoc `yaml:"lapses_after"`
}

func (d *ownerDoc) load(l *loader, s *Scenario, path string) *Owner {
	if d.LapsesAfter == nil {
		l.fault(d.Position, path+".lapses_after", "missing: write how long after the owner's last act it is given back, e.g. 3 business_days")
		return &Owner{}
	}
	d.LapsesAfter.positive(l, path+".lapses_after", "3 business_days")
	o := &Owner{LapsesAfter: d.LapsesAfter.Delay}
	if o.LapsesAfter.Calendar == "" {
		o.LapsesAfter.Calendar = s.Calendar
	}
	return o
}
