package main

import (
	"vigie/exporters/acronis/acronissim"
)

// acronisCloud is the data centre with all customers in it.
type acronisCloud struct {
	sim     *acronissim.Sim
	source  *SourceState
	tenants map[string]string // by customer
	plans   map[string]string // by customer + "/" + plan
}

func newAcronis(p *products, name string) product {
	c := p.options.Credentials
	a := &acronisCloud{tenants: map[string]string{}, plans: map[string]string{},
		sim: acronissim.New(acronissim.Options{Now: p.now, ClientID: c.AcronisID, ClientSecret: c.AcronisSecret})}
	a.source = p.source(SourceState{Name: name, Kind: "acronis", Title: "Acronis data centre", Handler: a.sim,
		Tenants: map[string]string{}})
	return a
}

func (a *acronisCloud) enter(b *Backup) {
	m := b.machine
	tenant := a.tenants[m.Customer]
	if tenant == "" {
		tenant = a.sim.AddCustomer(m.CustomerName)
		a.tenants[m.Customer] = tenant
		a.source.Tenants[tenant] = m.Customer
	}
	key := m.Customer + "/" + b.Plan
	if a.plans[key] == "" {
		a.plans[key] = a.sim.AddPlan(acronissim.Plan{Tenant: tenant, Name: b.Plan, Hour: nightHour})
	}
	class := acronissim.Server
	switch m.Class {
	case "nas":
		class = acronissim.NAS
	case "workstation":
		class = acronissim.Workstation
	}
	b.id = a.sim.AddMachine(acronissim.Machine{Tenant: tenant, Name: m.Name, Class: class, Plans: []string{a.plans[key]}})
}

func (a *acronisCloud) able(b *Backup, c Condition) bool {
	return c != Off || b.machine.Class == "workstation"
}

func (a *acronisCloud) usual() string {
	return "The volume shadow copy service did not answer within 10 minutes (0x80042306)."
}

func (a *acronisCloud) late() bool { return false }

func (a *acronisCloud) happen(b *Backup) error {
	switch b.Condition {
	case Good:
		a.sim.SetOnline(b.id, true)
		a.sim.SucceedBackup(b.id)
	case Failing:
		a.sim.SetOnline(b.id, true)
		a.sim.FailBackup(b.id, b.Error)
	case Off:
		a.sim.MissBackup(b.id)
	case Gone:
		a.sim.DeleteMachine(b.id)
	}
	return nil
}
