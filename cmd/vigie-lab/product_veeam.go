package main

import (
	"time"

	"vigie/exporters/veeam/veeamsim"
	"vigie/exporters/veeamem/veeamemsim"
)

// veeamServer is the backup server of one customer, read by its REST interface.
type veeamServer struct {
	sim     *veeamsim.Sim
	entered []*Backup
}

func newVeeam(p *products, name string, m *Machine, role string) product {
	c := p.options.Credentials
	v := &veeamServer{sim: veeamsim.New(veeamsim.Options{Now: p.now, Username: c.VeeamUser, Password: c.VeeamPassword, Zone: time.UTC})}
	v.sim.AddRepository("Backup repository of "+m.CustomerName, 8000, 3100)
	p.source(SourceState{Name: name, Kind: "veeam", Title: "Veeam server of " + m.CustomerName, Handler: v.sim,
		Customer: m.Customer, CustomerName: m.CustomerName, Role: role})
	return v
}

func (v *veeamServer) enter(b *Backup) { v.entered = append(v.entered, b) }

// addJobs makes the jobs: machines share them.
func (v *veeamServer) addJobs() {
	type key struct{ plan, workload string }
	jobs := map[key][]string{}
	var order []key
	for _, b := range v.entered {
		k := key{b.Plan, "server"}
		if b.machine.Class == "nas" {
			k.workload = "file"
		}
		if jobs[k] == nil {
			order = append(order, k)
		}
		jobs[k] = append(jobs[k], b.name)
	}
	for _, k := range order {
		v.sim.AddJob(veeamsim.Job{Name: k.plan, Workload: k.workload, Objects: jobs[k], Hour: nightHour})
	}
}

func (v *veeamServer) able(_ *Backup, c Condition) bool { return c == Good || c == Failing }

func (v *veeamServer) usual() string { return fullRepository }

func (v *veeamServer) late() bool { return false }

const fullRepository = "Not enough space in the repository: 41 GB needed, 12 GB free."

func (v *veeamServer) happen(b *Backup) error {
	if b.Condition == Good {
		v.sim.SucceedBackup(b.name)
	} else {
		v.sim.FailBackup(b.name, b.Error)
	}
	return nil
}

// enterpriseManager is the manager above the backup servers of one customer.
type enterpriseManager struct {
	sim  *veeamemsim.Sim
	jobs map[string]string // id by plan
}

func newEnterpriseManager(p *products, name string, m *Machine, role string) product {
	c := p.options.Credentials
	e := &enterpriseManager{jobs: map[string]string{},
		sim: veeamemsim.New(veeamemsim.Options{Now: p.now, Username: c.VeeamUser, Password: c.VeeamPassword, PageSize: 100})}
	e.sim.AddRepository("Backup repository of "+m.CustomerName, "SRV-VBR", 8<<40, 3<<40)
	p.source(SourceState{Name: name, Kind: "veeam_enterprise_manager", Title: "Veeam Enterprise Manager of " + m.CustomerName,
		Handler: e.sim, Customer: m.Customer, CustomerName: m.CustomerName, Role: role})
	return e
}

func (e *enterpriseManager) enter(b *Backup) {
	if e.jobs[b.Plan] == "" {
		e.jobs[b.Plan] = e.sim.NewID()
	}
	b.id = e.jobs[b.Plan]
}

func (e *enterpriseManager) able(_ *Backup, c Condition) bool { return c == Good || c == Failing }

func (e *enterpriseManager) usual() string { return fullRepository }

func (e *enterpriseManager) late() bool { return false }

func (e *enterpriseManager) happen(b *Backup) error {
	s := e.sim.Start(b.id, b.Plan, false)
	if b.Condition == Good {
		e.sim.Finish(s, "Success", "", map[string]string{b.name: "Success"})
	} else {
		e.sim.Finish(s, "Failed", b.Error, map[string]string{b.name: "Failed:" + b.Error})
	}
	return nil
}
