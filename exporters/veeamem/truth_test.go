package veeamem

import (
	"strings"
	"testing"
	"time"

	"vigie/exporters"
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
