package inventory

import (
	"maps"
	"slices"

	"vigie/internal/strict"
)

// Platform is a hosted service.
type Platform struct {
	ID          string
	Name        string
	Customer    string
	Host        string
	Managers    []string // exploitation managers, person ids: told, and may report
	Operators   []string // who intervenes, in order
	Level3      []string
	ServiceLead []string
	Runbook     string
}

type platformEntry struct {
	At          strict.Position
	Name        string   `yaml:"name"`
	Customer    string   `yaml:"customer"`
	Host        string   `yaml:"host"`
	Managers    []string `yaml:"managers"`
	Operators   []string `yaml:"operators"`
	Level3      []string `yaml:"level3"`
	ServiceLead []string `yaml:"service_lead"`
	Runbook     string   `yaml:"runbook"`
}

func (l *loader) platforms(entries map[string]platformEntry) {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e := entries[id]
		if !l.once(e.At, "platforms."+id, "platform "+id) {
			continue
		}
		if e.Name == "" {
			e.Name = id
		}
		l.dir.Platforms[id] = &Platform{
			ID: id, Name: e.Name, Customer: e.Customer, Host: e.Host, Managers: e.Managers,
			Operators: e.Operators, Level3: e.Level3, ServiceLead: e.ServiceLead, Runbook: e.Runbook,
		}
	}
}
