package inventory

import (
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
	"vigie/rules/model"
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
	Probes      []string // what must be probed: host, any page, indicators
	// Commissioned is from when anything is owed for it, Decommissioned from when nothing
	// is any more; zero for always.
	Commissioned, Decommissioned time.Time
}

// Serves reports whether anything is owed for it at some time from an instant to another.
func (p *Platform) Serves(from, to time.Time) bool {
	return serves(p.Commissioned, p.Decommissioned, from, to)
}

// Indicators is the one value of Probes that is no probe: figures that an exporter
// gives of a platform.
const Indicators = "indicators"

// Probed are the values of the label probe that must be probed.
func (p *Platform) Probed() []string {
	return slices.DeleteFunc(slices.Clone(p.Probes), func(probe string) bool { return probe == Indicators })
}

// Served is the part of a span of time in which anything is owed for a platform; it ends
// before it begins where that is none.
func (d *Directory) Served(platform string, from, until time.Time) (time.Time, time.Time) {
	first, last := d.served(model.Labels{model.LabelPlatform: platform})
	if first.After(from) {
		from = first
	}
	if !last.IsZero() && last.Before(until) {
		until = last
	}
	return from, until
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
	Probes      []string `yaml:"probes"`

	Commissioned   fleet.Moment `yaml:"commissioned"` // as of a customer
	Decommissioned fleet.Moment `yaml:"decommissioned"`
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
		from, until := l.service(e.At, "platforms."+id, e.Commissioned, e.Decommissioned)
		l.dir.Platforms[id] = &Platform{
			ID: id, Name: e.Name, Customer: e.Customer, Host: e.Host, Managers: e.Managers,
			Operators: e.Operators, Level3: e.Level3, ServiceLead: e.ServiceLead, Runbook: e.Runbook, Probes: e.Probes,
			Commissioned: from, Decommissioned: until,
		}
	}
}

func (l *loader) platformReferences(entries map[string]platformEntry) {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e, where := entries[id], "platforms."+id
		if e.Customer != "" {
			l.customer(e.At, where+".customer", e.Customer)
		}
		for i, probe := range e.Probes {
			if probe == "" || slices.Contains(e.Probes[:i], probe) {
				l.fault(e.At, where+".probes", "%q is no probe, or stands twice: write each value of the label `probe` once, such as host, login", probe)
			}
		}
		for _, told := range []struct {
			key    string
			people []string
		}{{"managers", e.Managers}, {"operators", e.Operators}, {"level3", e.Level3}, {"service_lead", e.ServiceLead}} {
			for _, p := range told.people {
				l.person(e.At, where+"."+told.key, p)
			}
		}
	}
}

// site says where a platform is: on its host, or by itself.
func (d *Directory) site(l model.Labels) {
	if p := d.Platforms[l[model.LabelPlatform]]; p != nil && l["site"] == "" && p.Host != "" {
		l["site"] = p.Host
	}
	if h := l[model.LabelHost]; h != "" {
		l["site"] = h
	}
	if l["site"] == "" && l[model.LabelPlatform] != "" {
		l["site"] = l[model.LabelPlatform]
	}
}

// Hit are the platforms that the given names stand for: what names no platform but
// a host stands for all that run there.
func (d *Directory) Hit(names []string) []string {
	var out []string
	for _, name := range names {
		there := []string{name}
		if d.Platforms[name] == nil {
			for id, p := range d.Platforms {
				if p.Host == name {
					there = append(there, id)
				}
			}
			if len(there) > 1 {
				there = there[1:]
			}
		}
		out = append(out, there...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Manages reports whether somebody, named by id or address, is an exploitation
// manager of the platform.
func (d *Directory) Manages(p *Platform, by string) bool {
	for _, id := range p.Managers {
		person := d.Person(id)
		if id == by || person != nil && (person.ID == by || strings.EqualFold(person.Email, by)) {
			return true
		}
	}
	return false
}
