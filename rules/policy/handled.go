package policy

import (
	"vigie/internal/strict"
	"vigie/rules/model"
)

// Handled is what satisfies the day's duty beside a repair.
type Handled struct {
	Told model.Flag // who must have been told, by its flag
	Acts []string   // one of these acts of a person
}

type handledDoc struct {
	strict.Position
	Told string   `yaml:"told"`
	Acts []string `yaml:"and_one_act_of"`
}

func (d *handledDoc) load(l *loader, path string) *Handled {
	h := &Handled{Told: model.Flag(d.Told), Acts: d.Acts}
	l.flags(d.Position, path+".told", h.Told)
	l.acts(d.Position, path+".and_one_act_of", h.Acts...)
	return h
}
