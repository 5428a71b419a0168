package policy

import (
	"slices"
	"vigie/internal/strict"
	"vigie/rules/model"
)

// Guarantee is a level of service that holds while its calendar is open; the
// first open one counts, the last has no calendar.
type Guarantee struct {
	Level    string
	Calendar string
	Text     model.Text
	// Intervention is false while nobody has to act.
	Intervention bool
}

type guaranteeDoc struct {
	strict.Position
	Level    string     `yaml:"level"`
	Calendar string     `yaml:"calendar"`
	Text     model.Text `yaml:"text"`

	Intervention *bool `yaml:"intervention"`
}

func (doc guaranteeDoc) load(l *loader) {
	if doc.Level == "" {
		l.fault(doc.Position, "guarantees.level", "missing: write how the level is called, such as G1")
	}
	l.calendar(doc.Position, "guarantees."+doc.Level+".calendar", doc.Calendar, true)
	g := Guarantee{Level: doc.Level, Calendar: doc.Calendar, Text: doc.Text, Intervention: true}
	if own, known := l.defaults.Guarantees[doc.Level]; known {
		g.Intervention = own.Intervention
	}
	if doc.Intervention != nil {
		g.Intervention = *doc.Intervention
	}
	l.policy.Guarantees = append(l.policy.Guarantees, g)
}

// LevelInForce is the place among the guarantees of the level of service in force:
// the first without a calendar, or whose calendar is open; -1 for none.
func (p *Policy) LevelInForce(open func(calendar string) bool) int {
	return slices.IndexFunc(p.Guarantees, func(g Guarantee) bool { return g.Calendar == "" || open(g.Calendar) })
}
