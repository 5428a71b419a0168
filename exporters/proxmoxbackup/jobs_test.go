package proxmoxbackup

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/misbehave"
	"vigie/exporters/proxmoxbackup/proxmoxbackupsim"
)

func upid(kind, worker string, at time.Time) string {
	return fmt.Sprintf("UPID:pbs:00000001:00000001:00000001:%08X:%s:%s:root@pam:", at.Unix(), kind, worker)
}

// The server's own jobs, in the fields and words of its published source.
func TestServerJobs(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	start := b.Clock.Now().Add(-4 * time.Hour)
	end, next := start.Add(20*time.Minute), start.Add(24*time.Hour)
	ran := func(id, store, kind, state string) map[string]any {
		return map[string]any{"id": id, "store": store, "schedule": "daily", "next-run": next.Unix(), "last-run-endtime": end.Unix(), "last-run-state": state,
			"last-run-upid": upid(kind, id, start)}
	}
	byHand := ran("v-hand", "main", "verificationjob", "OK")
	delete(byHand, "schedule")
	delete(byHand, "next-run")
	running := map[string]any{"id": "s-run", "store": "shared", "ns": "dupont/prod", "remote": "paris", "remote-store": "r", "schedule": "hourly", "next-run": next.Unix(),
		"last-run-upid": upid("syncjob", "s-run", start)}
	off := ran("p-off", "main", "prunejob", "OK")
	off["disable"] = true
	b.sim.SetJobs("verify", ran("v-1", "main", "verificationjob", "verification failed - please check the log for details"), byHand)
	b.sim.SetJobs("sync", ran("s-1", "shared", "syncjob", "WARNINGS: 3"), running, ran("s-2", "main", "syncjob", "task aborted"))
	b.sim.SetJobs("prune", ran("p-1", "main", "prunejob", "OK"), off, map[string]any{"id": "p-new", "store": "main", "schedule": "daily", "next-run": next.Unix()})
	b.sim.SetJobs("gc", map[string]any{"store": "main", "schedule": "sat 03:00", "next-run": next.Unix(), "last-run-endtime": end.Unix(), "last-run-state": "unable to lock chunk store",
		"duration": 1200, "upid": upid("garbage_collection", "main", start), "still-bad": 0}, map[string]any{"store": "shared", "upid": nil})
	b.Refresh()
	for id, want := range map[string]exporters.Result{"verify/v-1": exporters.Failed, "verify/v-hand": exporters.Success, "sync/s-1": exporters.Warning, "sync/s-2": exporters.Cancelled,
		"prune/p-1": exporters.Success, "prune/p-off": exporters.Success, "prune/p-new": exporters.Unknown, "gc/main": exporters.Failed} {
		j := b.job(id)
		every, took := 24*time.Hour, 20*time.Minute
		switch id {
		case "verify/v-hand":
			every = exporters.OnDemand
		case "gc/main": // of one that failed only the end is told
			every, took = every-took, 0
		}
		if j.LastResult != want || j.Machine != b.config.Machine || j.Customer != "msp" || j.ExpectedInterval != every || j.Enabled != (id != "prune/p-off") {
			t.Errorf("%s: %s, every %v, %+v", id, j.LastResult, j.ExpectedInterval, j)
		}
		if want != exporters.Unknown && (!j.LastRun.Equal(end) || j.LastDuration != took) {
			t.Errorf("%s: ran until %v for %v", id, j.LastRun, j.LastDuration)
		}
		if want.Failing() && !strings.Contains(j.Error, map[string]string{"verify/v-1": "verification failed", "gc/main": "unable to lock"}[id]) {
			t.Errorf("%s: %q", id, j.Error)
		}
	}
	if j := b.job("sync/s-run"); !j.Running || !j.RunningSince.Equal(start) || j.Customer != "dupont" || !strings.Contains(j.Plan, "shared/dupont/prod") {
		t.Errorf("%+v", j)
	}
	if b.find("gc/shared") != nil {
		t.Error("a collection that nobody scheduled and that never ran is told")
	}
	// A list that is refused leaves what is known, also after a start.
	b.sim.Orders.Add(misbehave.Order{Endpoint: "jobs", Fault: misbehave.Forbidden, Times: -1})
	for range 4 {
		b.Refresh()
	}
	b.restart()
	for range 4 {
		b.Refresh()
	}
	if j := b.job("verify/v-1"); j.LastResult != exporters.Failed || len(b.Poller.View().Vanished) > 0 {
		t.Errorf("%+v, vanished %v", j, b.Poller.View().Vanished)
	}
}

// Servers before 2.2 have no jobs of the later kinds.
func TestServerJobsOfOldServers(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{Old: true})
	b.sim.SetJobs("verify", map[string]any{"id": "v-1", "store": "main", "last-run-state": "OK", "last-run-endtime": b.Clock.Now().Unix()})
	b.Refresh()
	if j := b.job("verify/v-1"); j.LastResult != exporters.Success || !strings.Contains(b.Metrics(), `backup_source_endpoint_up{source="pbs-lab",endpoint="jobs"} 1`) {
		t.Errorf("%+v", j)
	}
}
