package main

import (
	"vigie/exporters/arcserve"
	"vigie/exporters/arcserve/arcservesim"
)

// arcserveConsole is the Arcserve console of one customer, read by its web
// service.
type arcserveConsole struct{ sim *arcservesim.Sim }

func newArcserve(p *products, name string, m *Machine, role string) product {
	c := p.options.Credentials
	a := &arcserveConsole{arcservesim.New(arcservesim.Options{Now: p.now, Username: c.VeeamUser, Password: c.VeeamPassword})}
	p.source(SourceState{Name: name, Kind: arcserve.Engine, Title: "Arcserve console of " + m.CustomerName, Handler: a.sim,
		Customer: m.Customer, CustomerName: m.CustomerName, Role: role, Namespace: arcservesim.Namespace})
	return a
}

func (a *arcserveConsole) enter(*Backup) {}

func (a *arcserveConsole) able(_ *Backup, c Condition) bool { return c == Good || c == Failing }

// usual says little, as the console's history does.
func (a *arcserveConsole) usual() string { return "The job failed; its log is in the console." }

func (a *arcserveConsole) late() bool { return false }

func (a *arcserveConsole) happen(b *Backup) error {
	const agentBackup = 0
	j := a.sim.Start(1, b.name, agentBackup)
	if b.Condition == Good {
		a.sim.Finish(j, "Finished")
	} else {
		a.sim.Finish(j, "Failed")
	}
	return nil
}
