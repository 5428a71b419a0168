package veeamevents

import (
	"slices"
	"strings"
	"testing"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/winevent"
)

// A failure waits for the try that was promised. Where none comes, as when the
// machine was switched off meanwhile, it is the last word after a day.
func TestPromisedTryThatNeverComes(t *testing.T) {
	b := newBench(t)
	b.log = slices.DeleteFunc(b.log, func(e winevent.Event) bool {
		return e.Channel == backupChannel && e.Time.After(at("2026-03-09T20:32:00Z")) && e.ID != agentFinished ||
			e.Channel != backupChannel && e.Time.After(at("2026-03-09T10:06:00Z"))
	})
	for i := range b.log { // a job without results by machine, likewise
		if e := &b.log[i]; e.ID == jobFinished && slices.Contains(e.Data, "Offsite") {
			e.Data[2], e.Data[5] = "2", "True"
		}
	}
	b.refresh("2026-03-09T20:40:00Z")
	for machine, plan := range map[string]string{"SRV-SQL": "All VMs", "PC-ATELIER": "Portable de l'atelier"} {
		if j := b.job(machine, plan); j.LastResult != exporters.Success || j.Failures != 0 {
			t.Errorf("%s: a try is promised, and yet %s, %d failures", plan, j.LastResult, j.Failures)
		}
	}
	for range 2 {
		b.refresh("2026-03-10T21:00:00Z")
		for machine, plan := range map[string]string{"SRV-SQL": "All VMs", "PC-ATELIER": "Portable de l'atelier", "Offsite": "Offsite"} {
			if j := b.job(machine, plan); j.LastResult != exporters.Failed || j.Failures != 1 || j.Running {
				t.Errorf("%s: nobody tried again for a day, and yet %s, %d failures, running %v", plan, j.LastResult, j.Failures, j.Running)
			}
		}
	}
}

// Two machines may have one name in one job, in two folders of the hypervisor.
// The success of the one must not hide the failure of the other.
func TestTwoMachinesOfOneNameInOneJob(t *testing.T) {
	b := newBench(t)
	for _, e := range slices.Clone(b.log) {
		// SRV-SQL fails in the last session; a namesake ends well behind it.
		if e.Channel == backupChannel && e.ID == taskFinished && e.Time.Equal(at("2026-03-09T20:50:00Z")) {
			twin := e
			twin.RecordID, twin.Time, twin.Data = 900, at("2026-03-09T20:50:30Z"), slices.Clone(e.Data)
			twin.Data[3], twin.Data[7] = "00000999-1111-4222-8333-000000000999", "0"
			b.log = append(b.log, twin)
		}
	}
	for range 2 {
		b.refresh("2026-03-10T08:00:00Z")
		if j := b.job("SRV-SQL", "All VMs"); j.LastResult != exporters.Failed {
			t.Errorf("%s", j.LastResult)
		}
	}
	if u := b.poller.View().Unmatched; len(u) != 1 || u[0].Open != exporters.OpenObject {
		t.Errorf("listed: %+v", u)
	}
	if !strings.Contains(sourcetest.Metrics(b.poller), `field="object_name_twice"} 1`) {
		t.Error("the name that stands twice is not counted")
	}
}
