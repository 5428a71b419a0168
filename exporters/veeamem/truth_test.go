package veeamem

import (
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/veeamem/veeamemsim"
)

// Two machines may have one name in one job, in two folders of the hypervisor.
// The success of the one must not hide the failure of the other.
func TestTwoMachinesOfOneNameInOneJob(t *testing.T) {
	b := newBench(t, false)
	for _, twins := range [][]string{{"Failed", "Success"}, {"Success", "Failed"}} {
		se := b.sim.Start(b.vms, "All VMs", false)
		b.Clock.Advance(10 * time.Minute)
		b.sim.Finish(se, "Failed", "", map[string]string{"SRV-WEB": "Success"})
		for _, result := range twins {
			b.sim.AddTask(se, veeamemsim.Task{Machine: "SRV-SQL", Start: se.Start, End: b.Clock.Now(), State: "Completed", Result: result})
		}
		b.Refresh()
		if j := b.Job("SRV-SQL"); j.LastResult != exporters.Failed {
			t.Errorf("%v: %s", twins, j.LastResult)
		}
		if j := b.Job("SRV-WEB"); j.LastResult != exporters.Success {
			t.Errorf("the neighbour: %s", j.LastResult)
		}
		if u := b.Poller.View().Unmatched; len(u) != 1 || u[0].Open != exporters.OpenObject || u[0].Jobs[0] != b.Job("SRV-SQL").ID {
			t.Errorf("listed: %+v", u)
		}
		// The next night is well for both, and one of them is gone.
		b.Clock.Advance(24 * time.Hour)
		b.run(b.vms, "All VMs", false, "Success", "", map[string]string{"SRV-SQL": "Success", "SRV-WEB": "Success"})
		b.Refresh()
		if j := b.Job("SRV-SQL"); j.LastResult != exporters.Success {
			t.Errorf("the next night: %s", j.LastResult)
		}
		if u := b.Poller.View().Unmatched; len(u) != 0 {
			t.Errorf("the next night is listed: %+v", u)
		}
	}
	if m := b.Metrics(); !strings.Contains(m, `field="object_name_twice"}`) {
		t.Error("the name that stands twice is not counted")
	}
}

// A job of agents is a session for the whole and one for each machine, as a job of its
// own that is called after both: Veeam's documentation of /backupSessions/{ID}/agentManagementSessions.
func TestAgentsAreMachinesOfTheirJob(t *testing.T) {
	for _, camel := range []bool{false, true} {
		b := newBench(t, camel)
		agents := b.sim.NewID()
		children := map[string]string{"sql12.dupont.example": b.sim.NewID(), "PC-LEA": b.sim.NewID()}
		night := func(retry bool, whole string, outcomes map[string]string) {
			parent := b.sim.Start(agents, "Agent Backup Job SQL", retry)
			started := map[string]*veeamemsim.Session{}
			for machine := range outcomes {
				started[machine] = b.sim.StartAgent(parent, children[machine], machine)
			}
			b.Clock.Advance(5 * time.Minute)
			for machine, se := range started {
				word, text, _ := strings.Cut(outcomes[machine], ":")
				b.sim.Finish(se, word, text, nil)
				b.sim.AddTask(se, veeamemsim.Task{Machine: machine, Start: se.Start, End: b.Clock.Now(), State: "Completed", Result: word, Size: 7 << 30})
			}
			b.sim.Finish(parent, whole, "", nil)
			b.Refresh()
		}
		night(false, "Success", map[string]string{"sql12.dupont.example": "Success", "PC-LEA": "Success"})
		first := b.Clock.Now()
		b.Clock.Advance(24 * time.Hour)
		night(false, "Failed", map[string]string{"sql12.dupont.example": "Success", "PC-LEA": "Failed:the machine is switched off"})
		sql, pc := b.Job("sql12.dupont.example"), b.Job("PC-LEA")
		if sql.Plan != "Agent Backup Job SQL" || sql.ID != agents+"/sql12.dupont.example" || sql.LastResult != exporters.Success || !sql.LastSuccess.Equal(b.Clock.Now()) {
			t.Errorf("camel %v: %+v", camel, sql)
		}
		if size, told := sql.LastSize.Get(); !told || size != 7<<30 {
			t.Errorf("camel %v: size %d, %v", camel, size, told)
		}
		if pc.LastResult != exporters.Failed || pc.Failures != 1 || pc.Error != "the machine is switched off" || !pc.LastSuccess.Equal(first) {
			t.Errorf("camel %v: %+v", camel, pc)
		}
		// The second try takes the one that failed, and is the same run.
		night(true, "Success", map[string]string{"PC-LEA": "Success"})
		if pc, sql := b.Job("PC-LEA"), b.Job("sql12.dupont.example"); pc.LastResult != exporters.Success || pc.Failures != 0 || sql.LastResult != exporters.Success {
			t.Errorf("camel %v, second try: %+v, %+v", camel, pc, sql)
		}
		// A night that comes to no machine failed for both.
		b.Clock.Advance(24 * time.Hour)
		night(false, "Failed", nil)
		if pc, sql := b.Job("PC-LEA"), b.Job("sql12.dupont.example"); pc.LastResult != exporters.Failed || sql.LastResult != exporters.Failed {
			t.Errorf("camel %v, no machine: %s, %s", camel, pc.LastResult, sql.LastResult)
		}
		for _, j := range b.Poller.View().Jobs {
			if strings.Contains(j.Machine, "Agent Backup Job") {
				t.Errorf("camel %v: the job is taken for a machine: %+v", camel, j)
			}
		}
		// After a start the sessions of machines are what they were.
		sourcetest.Check(t, b.Poller.Save())
		b.restart()
		b.Refresh()
		if pc := b.Job("PC-LEA"); pc.Plan != "Agent Backup Job SQL" || pc.LastResult != exporters.Failed {
			t.Errorf("camel %v, after a start: %+v", camel, pc)
		}
	}
}

// Where only the session of the machine is shown, as to a user who may see no more, its
// name still tells which it is.
func TestAgentWithoutItsJob(t *testing.T) {
	b := newBench(t, true)
	parent := b.sim.Start(b.sim.NewID(), "Laptops - Paris", false)
	se := b.sim.StartAgent(parent, b.sim.NewID(), "PC-LEA")
	se.Parent = b.sim.NewID()
	b.Clock.Advance(5 * time.Minute)
	b.sim.Finish(se, "Success", "", nil)
	b.Refresh()
	if j := b.Job("PC-LEA"); j.Plan != "Laptops - Paris" || j.LastResult != exporters.Success {
		t.Errorf("%+v", j)
	}
}
