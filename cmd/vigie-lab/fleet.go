package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/veeam/veeamsim"
	"vigie/rules"
)

// The simulated backup products run their plans once a day, at this hour.
const nightHour = 21 // UTC

// Credentials are those that the exporter presents to the simulated products.
type Credentials struct {
	AcronisID, AcronisSecret string
	VeeamUser, VeeamPassword string
}

// Condition is how a backup is.
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

	name string // in the product
	id   string // in the Acronis data centre
}

// Machine is one machine of the inventory with what the products know of it.
type Machine struct {
	Customer, CustomerName, Name, Class string
	// Cloud and Local are nil where no simulated product has such a backup;
	// Elsewhere names the engine of a local one that the lab does not simulate.
	Cloud, Local *Backup
	Elsewhere    string
}

// Key tells machines apart: names repeat among customers.
func (m *Machine) Key() string { return m.Customer + "/" + m.Name }

// SourceState is one simulated product.
type SourceState struct {
	Name, Engine, Title string
	Down                bool
	Handler             http.Handler
	// Tenants maps the product's tenants to customers; Customer is whose
	// server it is. One of both is empty.
	Tenants  map[string]string
	Customer string

	setDown func(bool)
}

// Fleet is the simulated world: machines, and the products that back them up.
// What happened to it is kept in a file, so that it survives a restart.
type Fleet struct {
	file    string
	now     func() time.Time
	acronis *acronissim.Sim
	veeam   map[string]*veeamsim.Sim // by customer
	tenants map[string]string        // by customer
	plans   map[string]string        // by customer + "/" + plan
	clock   *simClock

	mu       sync.Mutex
	machines []*Machine
	sources  []*SourceState
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

// NewFleet builds the products that the inventory speaks of and replays what is
// written in file; a machine without a past had its last good night last night.
func NewFleet(file string, dir *rules.Directory, creds Credentials, now func() time.Time) (*Fleet, error) {
	past, err := readPast(file)
	if err != nil {
		return nil, err
	}
	f := &Fleet{file: file, now: now, veeam: map[string]*veeamsim.Sim{}, tenants: map[string]string{}, plans: map[string]string{},
		clock: &simClock{now: now}}
	begun := now()
	f.clock.set(lastNight(begun).AddDate(0, 0, -30)) // when everything was set up
	defer f.clock.set(time.Time{})
	f.acronis = acronissim.New(acronissim.Options{Now: f.clock.Now, ClientID: creds.AcronisID, ClientSecret: creds.AcronisSecret})
	f.sources = []*SourceState{{Name: "acronis", Engine: "acronis", Title: "Acronis data centre", Handler: f.acronis,
		Tenants: map[string]string{}, setDown: f.acronis.SetDown}}
	for _, m := range dir.Machines {
		f.add(m, dir, creds)
	}
	f.addVeeamJobs()
	f.night = lastNight(begun)
	for _, m := range f.machines {
		old := past[m.Key()]
		f.replay(m, m.Cloud, old.Cloud)
		f.replay(m, m.Local, old.Local)
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
func (f *Fleet) add(m *rules.Machine, dir *rules.Directory, creds Credentials) {
	mc := &Machine{Customer: m.Customer, CustomerName: m.Customer, Name: m.Name, Class: m.Class}
	if c := dir.Customers[m.Customer]; c != nil && c.Name != "" {
		mc.CustomerName = c.Name
	}
	for _, p := range m.Plans {
		switch {
		case p.Role == "primary" && p.Engine == "acronis":
			mc.Cloud = &Backup{Plan: p.Plan, Engine: p.Engine, Source: "acronis", name: m.Name}
			mc.Cloud.id = f.register(mc)
		case p.Role == "local" && p.Engine == "veeam":
			mc.Local = &Backup{Plan: p.Plan, Engine: p.Engine, Source: "veeam-" + m.Customer, name: productName(m)}
			f.veeamOf(mc, creds)
		case p.Role == "local":
			mc.Elsewhere = p.Engine
		}
	}
	f.machines = append(f.machines, mc)
}

// productName is what another product calls the machine: names differ.
func productName(m *rules.Machine) string {
	for _, a := range m.Aliases {
		if !strings.Contains(a, ":") {
			return a
		}
	}
	return m.Name
}

// register enters a machine into the Acronis data centre and gives its id there.
func (f *Fleet) register(m *Machine) string {
	tenant := f.tenants[m.Customer]
	if tenant == "" {
		tenant = f.acronis.AddCustomer(m.CustomerName)
		f.tenants[m.Customer] = tenant
		f.sources[0].Tenants[tenant] = m.Customer
	}
	key := m.Customer + "/" + m.Cloud.Plan
	if f.plans[key] == "" {
		f.plans[key] = f.acronis.AddPlan(acronissim.Plan{Tenant: tenant, Name: m.Cloud.Plan, Hour: nightHour})
	}
	class := acronissim.Server
	switch m.Class {
	case "nas":
		class = acronissim.NAS
	case "workstation":
		class = acronissim.Workstation
	}
	return f.acronis.AddMachine(acronissim.Machine{Tenant: tenant, Name: m.Name, Class: class, Plans: []string{f.plans[key]}})
}

// veeamOf sees to it that the machine's customer has a Veeam server.
func (f *Fleet) veeamOf(m *Machine, creds Credentials) {
	if f.veeam[m.Customer] != nil {
		return
	}
	sim := veeamsim.New(veeamsim.Options{Now: f.clock.Now, Username: creds.VeeamUser, Password: creds.VeeamPassword, Zone: time.UTC})
	sim.AddRepository("Backup repository of "+m.CustomerName, 8000, 3100)
	f.veeam[m.Customer] = sim
	f.sources = append(f.sources, &SourceState{Name: "veeam-" + m.Customer, Engine: "veeam", Title: "Veeam server of " + m.CustomerName,
		Handler: sim, Customer: m.Customer, setDown: sim.SetDown})
}

// addVeeamJobs makes the jobs of all Veeam servers: machines share them.
func (f *Fleet) addVeeamJobs() {
	type key struct{ customer, plan, workload string }
	jobs := map[key][]string{}
	var order []key
	for _, m := range f.machines {
		if m.Local == nil {
			continue
		}
		k := key{m.Customer, m.Local.Plan, "server"}
		if m.Class == "nas" {
			k.workload = "file"
		}
		if jobs[k] == nil {
			order = append(order, k)
		}
		jobs[k] = append(jobs[k], m.Local.name)
	}
	for _, k := range order {
		f.veeam[k.customer].AddJob(veeamsim.Job{Name: k.plan, Workload: k.workload, Objects: jobs[k], Hour: nightHour})
	}
}

// replay brings a backup into the condition in which it was left.
func (f *Fleet) replay(m *Machine, b, old *Backup) {
	if b == nil {
		return
	}
	b.Condition, b.LastGood = Good, f.night
	if old != nil {
		b.Condition, b.Error, b.LastGood, b.LastBad = old.Condition, old.Error, old.LastGood, old.LastBad
	}
	if b.Condition == Good && b.LastGood.Before(f.night) {
		b.LastGood = f.night // the nights in which the lab slept were good ones
	}
	f.clock.set(b.LastGood)
	f.succeed(m, b)
	if b.Condition != Good {
		f.clock.set(b.LastBad)
		f.worsen(m, b)
	}
}

func (f *Fleet) succeed(m *Machine, b *Backup) {
	if b == m.Local {
		f.veeam[m.Customer].SucceedBackup(b.name)
		return
	}
	f.acronis.SetOnline(b.id, true)
	f.acronis.SucceedBackup(b.id)
}

// worsen does to the product what the backup's condition says.
func (f *Fleet) worsen(m *Machine, b *Backup) {
	switch b.Condition {
	case Failing:
		if b == m.Local {
			f.veeam[m.Customer].FailBackup(b.name, b.Error)
		} else {
			f.acronis.SetOnline(b.id, true)
			f.acronis.FailBackup(b.id, b.Error)
		}
	case Off:
		f.acronis.MissBackup(b.id)
	case Gone:
		f.acronis.DeleteMachine(b.id)
	}
}

// Event is what can be done to a machine or a source.
type Event string

// The events.
const (
	FailCloud Event = "fail-cloud"
	FailLocal Event = "fail-local"
	SwitchOff Event = "switch-off"
	Repair    Event = "repair"
	Delete    Event = "delete"
	StopRead  Event = "stop"
	StartRead Event = "start"
)

// Machine lets something happen to a machine. The text is the product's error
// message of a failure; a usual one when empty.
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
	b := m.Cloud
	if e == FailLocal {
		b = m.Local
	}
	switch {
	case e == Repair:
		f.repair(m)
		return nil
	case b == nil:
		return refuse("has no such backup in a simulated product")
	case b.Condition == Gone:
		return refuse("was deleted there: repair it first")
	}
	switch e {
	case FailCloud:
		b.Condition, b.Error = Failing, cmpText(text, "The volume shadow copy service did not answer within 10 minutes (0x80042306).")
	case FailLocal:
		b.Condition, b.Error = Failing, cmpText(text, "Not enough space in the repository: 41 GB needed, 12 GB free.")
	case SwitchOff:
		if m.Class != "workstation" {
			return refuse("is not a workstation")
		}
		b.Condition = Off
	case Delete:
		b.Condition = Gone
	default:
		return refuse("is not something that happens to machines")
	}
	b.LastBad = f.now()
	f.worsen(m, b)
	return nil
}

func cmpText(text, usual string) string {
	if text != "" {
		return text
	}
	return usual
}

// repair lets every backup of a machine succeed now.
func (f *Fleet) repair(m *Machine) {
	for _, b := range []*Backup{m.Cloud, m.Local} {
		if b == nil {
			continue
		}
		if b.Condition == Gone {
			b.id = f.register(m)
		}
		b.Condition, b.Error, b.LastGood = Good, "", f.now()
		f.succeed(m, b)
	}
}

// Source stops a simulated product or lets it answer again. A restart of the
// lab starts them all.
func (f *Fleet) Source(name string, e Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.sources, func(s *SourceState) bool { return s.Name == name })
	if i < 0 || e != StopRead && e != StartRead {
		return fmt.Errorf("%s: no source %q can do that", e, name)
	}
	f.sources[i].Down = e == StopRead
	f.sources[i].setDown(f.sources[i].Down)
	return nil
}

// Night lets the plans run when their hour has come since the last time: what
// is broken fails again.
func (f *Fleet) Night() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	night := lastNight(f.now())
	if !night.After(f.night) {
		return nil
	}
	f.night = night
	for _, m := range f.machines {
		for _, b := range []*Backup{m.Cloud, m.Local} {
			switch {
			case b == nil || b.Condition == Gone:
			case b.Condition == Good:
				b.LastGood = f.now()
				f.succeed(m, b)
			default:
				b.LastBad = f.now()
				f.worsen(m, b)
			}
		}
	}
	return f.save()
}

// Machines and Sources are copies of what is there now.
func (f *Fleet) Machines() []Machine {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Machine, len(f.machines))
	for i, m := range f.machines {
		out[i] = *m
		out[i].Cloud, out[i].Local = copied(m.Cloud), copied(m.Local)
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
	out := make([]SourceState, len(f.sources))
	for i, s := range f.sources {
		out[i] = *s
	}
	return out
}

// past is what is kept of a machine.
type past struct {
	Cloud *Backup `json:"cloud,omitempty"`
	Local *Backup `json:"local,omitempty"`
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
		out[m.Key()] = past{m.Cloud, m.Local}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(f.file, b)
}
