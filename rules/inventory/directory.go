package inventory

import (
	"maps"
	"slices"

	"vigie/internal/fleet"
	"vigie/internal/strict"
	"vigie/rules/act"
	"vigie/rules/calendar"
)

// Directory is the live inventory: who owns what, whom to tell, who is away.
// An incident never pins it: a changed address or rota counts at once.
type Directory struct {
	People      map[string]*Person
	Customers   map[string]*Customer
	Machines    []*Machine
	Platforms   map[string]*Platform
	Rotas       []RotaEntry
	Rotations   []Rotation
	Absences    []Absence
	Maintenance []Maintenance
	// Closures are dated exceptions by calendar name ("*" for all): live, they
	// also apply to incidents with a pinned policy.
	Closures map[string]map[calendar.Date][]calendar.Window
	closedAt map[string][]strict.Position // where closures stand, by calendar
	spoken   []mention                    // the languages that are named
	reached  []mention                    // the channels that are named
	filled   []mention                    // the rotas that entries and rotations fill
	// Exporters are the sources that each exporter reads, by the exporter's
	// address as Prometheus names it; an exporter that is not here may read any.
	Exporters map[string][]string
	// Sources are the sources that some exporter must read, each with the label
	// instance of its exporter, "" for any.
	Sources map[string]string
	// Slips are entries that are allowed but probably not meant, each a line for
	// people.
	Slips []string
	// Imported are the iCalendar files that were read.
	Imported      []ImportedCalendar
	ImportedRotas []ImportedRota
	// Access are the rights that are given by name, by person's id; Confidential
	// are those who read the journal of confidential cases.
	Access       map[string]act.Role
	Confidential []string

	index machineIndex
}

// Reindex must be called after Machines changed.
func (d *Directory) Reindex() {
	ix := machineIndex{byName: map[machineKey]*Machine{}, alias: map[machineKey]*Machine{}}
	for _, m := range d.Machines {
		ix.byName[machineKey{m.Customer, m.Name}] = m
		ix.alias[machineKey{m.Customer, fleet.Fold(m.Name)}] = m
	}
	for _, m := range d.Machines {
		for _, a := range m.Aliases {
			ix.patterns.Add(m.Customer, a, m)
			k := machineKey{m.Customer, fleet.Fold(a)}
			if _, taken := ix.alias[k]; !taken {
				ix.alias[k] = m
			}
		}
	}
	d.index = ix
}

// Clone returns a copy whose lists and entries may be changed without changing
// the original; call [Directory.Reindex] after changing its machines.
func (d *Directory) Clone() *Directory {
	c := &Directory{
		People:      make(map[string]*Person, len(d.People)),
		Customers:   make(map[string]*Customer, len(d.Customers)),
		Machines:    make([]*Machine, len(d.Machines)),
		Platforms:   make(map[string]*Platform, len(d.Platforms)),
		Rotas:       slices.Clone(d.Rotas),
		Rotations:   slices.Clone(d.Rotations),
		Absences:    slices.Clone(d.Absences),
		Maintenance: slices.Clone(d.Maintenance),
		Closures:    make(map[string]map[calendar.Date][]calendar.Window, len(d.Closures)),
	}
	for id, p := range d.People {
		person := *p
		c.People[id] = &person
	}
	for id, cu := range d.Customers {
		customer := *cu
		c.Customers[id] = &customer
	}
	for i, m := range d.Machines {
		machine := *m
		c.Machines[i] = &machine
	}
	for id, p := range d.Platforms {
		platform := *p
		c.Platforms[id] = &platform
	}
	for name, dates := range d.Closures {
		c.Closures[name] = maps.Clone(dates)
	}
	c.Exporters = maps.Clone(d.Exporters)
	c.Sources = maps.Clone(d.Sources)
	c.Access, c.Confidential = maps.Clone(d.Access), slices.Clone(d.Confidential)
	c.closedAt = maps.Clone(d.closedAt)
	c.spoken, c.reached, c.filled = slices.Clone(d.spoken), slices.Clone(d.reached), slices.Clone(d.filled)
	c.Reindex()
	return c
}
