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

// Ends of Veeam Agent as public scripts quote them: some versions write 191 beside 190
// for whatever is no success, 190 may promise a try, and Endpoint Backup said "job".
func TestEndsOfTheAgentAsPublished(t *testing.T) {
	type line struct {
		when  string
		id    int
		level int
		text  string
	}
	for _, c := range []struct {
		name, plan string
		lines      []line
		result     exporters.Result
		failures   int
		run        string
	}{
		{"told twice", "PSMA2HVH", []line{
			{"2026-03-07T10:00:00Z", 110, 4, "Veeam Agent 'PSMA2HVH' has been started by user TECH\\user1."},
			{"2026-03-07T10:31:55Z", 190, 4, "Veeam Agent 'PSMA2HVH' finished with Warning.\nJob details: Warning"},
			{"2026-03-07T10:31:56Z", 191, 3, "Veeam Agent 'PSMA2HVH' finished with Warning.\nJob details: Warning"}},
			exporters.Warning, 0, "2026-03-07T10:31:55Z"},
		{"told twice, in another language", "Veeam Agent", []line{
			{"2026-03-07T10:00:00Z", 110, 4, "a démarré"},
			{"2026-03-07T10:31:55Z", 190, 3, "terminé avec un avertissement"},
			{"2026-03-07T10:31:56Z", 191, 3, "terminé avec un avertissement"}},
			exporters.Warning, 0, "2026-03-07T10:31:55Z"},
		{"191 alone, without a promise", "Daily", []line{
			{"2026-03-07T10:00:00Z", 110, 4, "Veeam Agent 'Daily' has been started."},
			{"2026-03-07T10:31:55Z", 191, 3, "Veeam Agent 'Daily' finished with Warning."}},
			exporters.Warning, 0, "2026-03-07T10:31:55Z"},
		{"a promise in 190", "Daily", []line{
			{"2026-03-07T10:00:00Z", 110, 4, "Veeam Agent 'Daily' has been started."},
			{"2026-03-07T10:05:00Z", 190, 2, "Veeam Agent 'Daily' finished with Error and will be retried.\nJob details: Error: no network"},
			{"2026-03-07T10:15:00Z", 110, 4, "Veeam Agent 'Daily' has been started."},
			{"2026-03-07T10:40:00Z", 190, 4, "Veeam Agent 'Daily' finished with Success.\nJob details: Computer has been backed up successfully."}},
			exporters.Success, 0, "2026-03-07T10:40:00Z"},
		{"Endpoint Backup", "Backup Job SRV-FIC", []line{
			{"2026-03-07T10:40:00Z", 190, 2, "EndpointBackup job 'Backup Job SRV-FIC' finished with Failed.\nJob details: Error"}},
			exporters.Failed, 1, "2026-03-07T10:40:00Z"},
	} {
		b := newBench(t)
		b.log = nil
		for i, l := range c.lines {
			b.log = append(b.log, winevent.Event{Provider: "Veeam Agent", Channel: agentChannel, ID: l.id, Level: l.level, Time: at(l.when), RecordID: uint64(i + 1), Message: l.text})
		}
		b.log = append(b.log, winevent.Event{Provider: "Veeam Agent", Channel: agentChannel, ID: 190, Level: 4, Time: at("2026-03-06T08:00:00Z"), RecordID: 99,
			Message: "Veeam Agent '" + c.plan + "' finished with Success."})
		for range 2 {
			b.refresh("2026-03-10T08:00:00Z")
			if j := b.job("PC-ATELIER", c.plan); j.LastResult != c.result || j.Failures != c.failures || !j.LastRun.Equal(at(c.run)) || j.Running {
				t.Errorf("%s: %s, %d failures, ran until %v, running %v", c.name, j.LastResult, j.Failures, j.LastRun, j.Running)
			}
		}
	}
}
