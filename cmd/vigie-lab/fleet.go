package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/rules/inventory"
)

// Condition is the simulated state of a backup.
type Condition string

// The conditions of a backup.
const (
	Good    Condition = "good"
	Failing Condition = "failing"
	Off     Condition = "off"  // the machine is switched off and was missed
	Gone    Condition = "gone" // the product does not know the machine any more
)

// Backup is one backup of one machine in a simulated product.
type Backup struct {
	Plan      string    `json:"-"`
	Engine    string    `json:"-"`
	Source    string    `json:"-"`
	Condition Condition `json:"condition"`
	Error     string    `json:"error,omitempty"`
	LastGood  time.Time `json:"last_good"`
	LastBad   time.Time `json:"last_bad,omitzero"`

	name    string // in the product
	id      string // in the product
	machine *Machine
	product product
}

// Can tells whether the product can bring the backup into a condition.
func (b *Backup) Can(c Condition) bool { return b.product.able(b, c) }

// Machine is one machine of the inventory with what the products know of it.
type Machine struct {
	Customer, CustomerName, Name, Class string
	// Primary and Local are nil where no simulated product has such a backup;
	// Elsewhere says by role which engine the lab does not simulate.
	Primary, Local *Backup
	Elsewhere      map[string]string
}

// Key tells machines apart: names repeat among customers.
func (m *Machine) Key() string { return m.Customer + "/" + m.Name }

// backups are those that a simulated product has.
func (m *Machine) backups() []*Backup {
	return slices.DeleteFunc([]*Backup{m.Primary, m.Local}, func(b *Backup) bool { return b == nil })
}

// Fleet is what is simulated: machines, and the products that back them up. Its state
// is kept in a file, so that it survives a restart.
type Fleet struct {
	file     string
	now      func() time.Time
	products *products
	clock    *simClock

	mu       sync.Mutex
	machines []*Machine
	night    time.Time // the last one that ran
}

// simClock is the products' clock; it stands still while the past is replayed.
type simClock struct {
	mu  sync.Mutex
	at  time.Time
	now func() time.Time
}

func (c *simClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() {
		return c.at
	}
	return c.now()
}

func (c *simClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// FleetOptions are what a fleet is made of.
type FleetOptions struct {
	File        string // what happened
	Directory   *inventory.Directory
	Credentials Credentials
	Now         func() time.Time
	Exports     string // folder for the logs of Windows machines
	// Restic is nil where restic cannot be run.
	Restic *Restic
}

// NewFleet builds the products that the inventory names and restores each backup's
// state from the file; one that the file does not know succeeded last night.
func NewFleet(o FleetOptions) (*Fleet, error) {
	past, err := readPast(o.File)
	if err != nil {
		return nil, err
	}
	f := &Fleet{file: o.File, now: o.Now, clock: &simClock{now: o.Now}}
	begun := o.Now()
	f.clock.set(lastNight(begun).AddDate(0, 0, -30)) // when everything was set up
	defer f.clock.set(time.Time{})
	f.products = newProducts(f.clock.Now, o)
	for _, m := range o.Directory.Machines {
		f.add(m, o.Directory)
	}
	f.products.settle()
	if f.products.err != nil {
		f.Close()
		return nil, f.products.err
	}
	f.night = lastNight(begun)
	for _, m := range f.machines {
		old := past[m.Key()]
		for _, r := range []struct{ b, old *Backup }{{m.Primary, old.Primary}, {m.Local, old.Local}} {
			if r.b == nil {
				continue
			}
			if err := f.replay(r.b, r.old); err != nil {
				return nil, err
			}
		}
	}
	return f, f.save()
}

// lastNight is when the plans ran last.
func lastNight(now time.Time) time.Time {
	n := now.UTC()
	night := time.Date(n.Year(), n.Month(), n.Day(), nightHour, 0, 0, 0, time.UTC)
	if night.After(n) {
		night = night.AddDate(0, 0, -1)
	}
	return night
}

// add enters one machine of the inventory into the products.
func (f *Fleet) add(m *inventory.Machine, dir *inventory.Directory) {
	mc := &Machine{Customer: m.Customer, CustomerName: dir.CustomerName(m.Customer), Name: m.Name, Class: m.Class, Elsewhere: map[string]string{}}
	for _, p := range m.Plans {
		b := &Backup{Plan: p.Plan, Engine: p.Engine, machine: mc, name: m.Name}
		if p.Role == "local" {
			b.name = productName(m)
		}
		if b.product, b.Source = f.products.of(mc, p.Engine, p.Role); b.product == nil {
			mc.Elsewhere[p.Role] = p.Engine
			continue
		}
		b.product.enter(b)
		if p.Role == "primary" {
			mc.Primary = b
		} else {
			mc.Local = b
		}
	}
	f.machines = append(f.machines, mc)
}

// productName is the machine's name in a second product, where names may differ.
func productName(m *inventory.Machine) string {
	for _, a := range m.Aliases {
		if !strings.Contains(a, ":") {
			return a
		}
	}
	return m.Name
}

// replay brings a backup into the condition in which it was left.
func (f *Fleet) replay(b, old *Backup) error {
	b.Condition, b.LastGood = Good, f.night
	if old != nil {
		b.Condition, b.Error, b.LastGood, b.LastBad = old.Condition, old.Error, old.LastGood, old.LastBad
	}
	if b.Condition == Good && b.LastGood.Before(f.night) {
		b.LastGood = f.night // the nights in which the lab did not run count as good
	}
	if b.product.late() {
		return nil
	}
	now := *b
	f.clock.set(b.LastGood)
	b.Condition, b.Error = Good, ""
	if err := b.product.happen(b); err != nil {
		return err
	}
	b.Condition, b.Error = now.Condition, now.Error
	if b.Condition == Good {
		return nil
	}
	f.clock.set(b.LastBad)
	return b.product.happen(b)
}

// Close ends the servers of the products.
func (f *Fleet) Close() {
	for _, c := range f.products.closers {
		_ = c.Close()
	}
}

// Begin runs the backups whose product needs the real programs.
func (f *Fleet) Begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.machines {
		for _, b := range m.backups() {
			if !b.product.late() {
				continue
			}
			if err := f.runs(b); err != nil {
				return err
			}
		}
	}
	return f.save()
}

// runs makes a backup run now, and succeed or fail as its condition says.
func (f *Fleet) runs(b *Backup) error {
	if b.Condition == Good {
		b.LastGood = f.now()
	} else {
		b.LastBad = f.now()
	}
	return b.product.happen(b)
}

// Event is what can be done to a machine or a source.
type Event string

// The events.
const (
	FailPrimary Event = "fail-primary"
	FailLocal   Event = "fail-local"
	SwitchOff   Event = "switch-off"
	Repair      Event = "repair"
	Delete      Event = "delete"
	StopRead    Event = "stop"
	StartRead   Event = "start"
)

// Machine makes an event happen to a machine. The text is the product's error message
// of a failure; empty stands for the product's usual one.
func (f *Fleet) Machine(key string, e Event, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.machines, func(m *Machine) bool { return m.Key() == key })
	if i < 0 {
		return fmt.Errorf("no machine %q is in the inventory", key)
	}
	m := f.machines[i]
	if err := f.happen(m, e, text); err != nil {
		return err
	}
	return f.save()
}

func (f *Fleet) happen(m *Machine, e Event, text string) error {
	refuse := func(why string) error { return fmt.Errorf("%s: %s %s", e, m.Key(), why) }
	b := m.Primary
	if e == FailLocal {
		b = m.Local
	}
	switch {
	case e == Repair:
		return f.repair(m)
	case b == nil:
		return refuse("has no such backup in a simulated product")
	case b.Condition == Gone:
		return refuse("was deleted there: repair it first")
	}
	become, known := map[Event]Condition{FailPrimary: Failing, FailLocal: Failing, SwitchOff: Off, Delete: Gone}[e]
	if !known {
		return refuse("is not something that happens to machines")
	}
	if !b.Can(become) {
		return refuse("cannot do that: its product does not, or it is not a workstation")
	}
	b.Condition, b.Error = become, ""
	if become == Failing {
		b.Error = cmp.Or(text, b.product.usual())
	}
	return f.runs(b)
}

// repair lets every backup of a machine succeed now.
func (f *Fleet) repair(m *Machine) error {
	for _, b := range m.backups() {
		if b.Condition == Gone {
			b.product.enter(b)
		}
		b.Condition, b.Error = Good, ""
		if err := f.runs(b); err != nil {
			return err
		}
	}
	return nil
}

// Source stops a simulated product or lets it answer again. A restart of the
// lab starts them all.
func (f *Fleet) Source(name string, e Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.products.sources, func(s *SourceState) bool { return s.Name == name })
	if i < 0 || e != StopRead && e != StartRead || f.products.sources[i].setDown == nil {
		return fmt.Errorf("%s: no source %q can do that", e, name)
	}
	s := f.products.sources[i]
	s.Down = e == StopRead
	s.setDown(s.Down)
	return nil
}

// Night runs the nightly plans when their hour has passed since the last time: what is
// broken fails again.
func (f *Fleet) Night() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	night := lastNight(f.now())
	if !night.After(f.night) {
		return nil
	}
	f.night = night
	var problems []error
	for _, m := range f.machines {
		for _, b := range m.backups() {
			if b.Condition != Gone {
				problems = append(problems, f.runs(b))
			}
		}
	}
	return errors.Join(append(problems, f.save())...)
}

// Machines and Sources are copies of what is there now.
func (f *Fleet) Machines() []Machine {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Machine, len(f.machines))
	for i, m := range f.machines {
		out[i] = *m
		out[i].Primary, out[i].Local = copied(m.Primary), copied(m.Local)
	}
	return out
}

func copied(b *Backup) *Backup {
	if b == nil {
		return nil
	}
	c := *b
	return &c
}

// Sources are the simulated products; what they hold is fixed but for Down.
func (f *Fleet) Sources() []SourceState {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]SourceState, len(f.products.sources))
	for i, s := range f.products.sources {
		out[i] = *s
	}
	return out
}

// past is a machine's state as the file keeps it.
type past struct {
	Primary *Backup `json:"primary,omitempty"`
	Local   *Backup `json:"local,omitempty"`
}

func readPast(file string) (map[string]past, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out map[string]past
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("%s: %w; delete it to begin with machines that are all well", file, err)
	}
	return out, nil
}

func (f *Fleet) save() error {
	out := map[string]past{}
	for _, m := range f.machines {
		out[m.Key()] = past{m.Primary, m.Local}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(f.file, b)
}
