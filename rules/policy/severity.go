package policy

import (
	"maps"
	"slices"
	"strings"

	"vigie/internal/strict"
)

// SeverityRule gives an incident its severity.
type SeverityRule struct {
	Label   string            // label of the signal that carries it
	Alerts  map[string]string // by alert name
	Default string
	Order   []string // from least to most severe
}

type severityDoc struct {
	strict.Position
	Label   string            `yaml:"label"`
	Alerts  map[string]string `yaml:"alerts"`
	Default string            `yaml:"default"`
	Order   []string          `yaml:"order"`
}

// severities are those of all scenarios.
func (p *Policy) severities() []string {
	var known []string
	for _, s := range p.Scenarios {
		for _, name := range s.Severity.Order {
			if !slices.Contains(known, name) {
				known = append(known, name)
			}
		}
	}
	return known
}

func (d *severityDoc) load(l *loader, path string) SeverityRule {
	for i, name := range d.Order {
		if name == "" || slices.Contains(d.Order[:i], name) {
			l.fault(d.Position, path+".order", "%q is empty or stands twice: write each severity once, from the least to the most severe", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Alerts)) {
		if v := d.Alerts[name]; !slices.Contains(d.Order, v) {
			l.fault(d.Position, path+".alerts."+name, "%s", strict.Unknown("severity", v, d.Order))
		}
	}
	if !slices.Contains(d.Order, d.Default) {
		l.fault(d.Position, path+".default", "%s", strict.Unknown("severity", d.Default, d.Order))
	}
	return SeverityRule{Label: d.Label, Alerts: d.Alerts, Default: d.Default, Order: d.Order}
}

// checkSeverities checks the names in conditions such as `severity blocking`.
func (s *Scenario) checkSeverities(l *loader, at strict.Position, path string, lists ...[]string) {
	for _, n := range slices.Concat(lists...) {
		if name, ok := strings.CutPrefix(strings.TrimPrefix(n, "not "), "severity "); ok && name != "" && !slices.Contains(s.Severity.Order, name) {
			l.fault(at, path, "%s", strict.Unknown("severity", name, s.Severity.Order))
		}
	}
}
