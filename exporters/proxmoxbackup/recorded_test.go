package proxmoxbackup

import (
	"math"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/proxmoxbackup/proxmoxbackupsim"
)

// What a server of version 4.2 was recorded to answer, of which descriptions and source
// say nothing: Five-Nines-io/fivenines_agent, tests/fixtures/pbs_contract_payload.json.

// A server leaves out the syncs that push unless they are asked for, and one before 3.3
// refuses to be asked.
func TestSyncsThatPush(t *testing.T) {
	for _, old := range []bool{false, true} {
		b := newBench(t, proxmoxbackupsim.Options{Old: old})
		end := b.Clock.Now().Add(-time.Hour)
		b.sim.SetJobs("sync",
			map[string]any{"id": "pushjob", "store": "main", "remote": "selfremote", "remote-store": "store2", "schedule": "daily", "sync-direction": "push", "next-run": b.Clock.Now().Unix(),
				"last-run-endtime": end.Unix(), "last-run-state": "client error (Connect)", "last-run-upid": upid("syncjob", `selfremote\x3astore1\x3astore2\x3a\x3apushjob`, end)},
			map[string]any{"id": "sjob1", "store": "main", "remote": "selfremote", "remote-store": "store1", "schedule": "hourly", "last-run-endtime": end.Unix(), "last-run-state": "OK",
				"last-run-upid": upid("syncjob", `selfremote\x3astore1\x3astore2\x3a\x3asjob1`, end)})
		b.Refresh()
		if j := b.job("sync/sjob1"); j.LastResult != exporters.Success {
			t.Errorf("old %v: a sync that pulls: %+v", old, j)
		}
		if j := b.find("sync/pushjob"); !old && (j == nil || j.LastResult != exporters.Failed || j.Error != "client error (Connect)") {
			t.Errorf("a sync that pushes and fails: %+v", j)
		}
		if m := b.Metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="pbs-lab",endpoint="jobs"} 1`) {
			t.Errorf("old %v: the jobs are not read:\n%s", old, m)
		}
	}
}

// The server keeps what it knows of a garbage collection from the last one that went
// well; only the end and the outcome are those of the last.
func TestCollectionsThatFail(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	good := b.Clock.Now()
	collected := func(end time.Time, state string) {
		b.sim.SetJobs("gc", map[string]any{"store": "main", "schedule": "daily", "next-run": end.Add(24*time.Hour - 2*time.Minute).Unix(), "last-run-endtime": end.Unix(), "last-run-state": state,
			"duration": int(end.Sub(good) / time.Second), "upid": upid("garbage_collection", "main", good), "cache-stats": map[string]any{"hits": 7, "misses": 29}})
		b.Clock.Advance(end.Add(time.Minute).Sub(b.Clock.Now()))
		b.Refresh()
	}
	collected(good.Add(2*time.Minute), "WARNINGS: 1")
	first := b.job("gc/main")
	if first.LastResult != exporters.Warning || first.LastDuration != 2*time.Minute {
		t.Fatalf("%+v", first)
	}
	for night := 1; night <= 3; night++ {
		end := good.Add(time.Duration(night)*24*time.Hour + 2*time.Minute)
		collected(end, "unable to lock chunk store")
		if j := b.job("gc/main"); j.LastResult != exporters.Failed || j.Failures != night || !j.LastRun.Equal(end) || !j.LastSuccess.Equal(first.LastSuccess) || j.LastDuration != 0 ||
			math.Abs(j.ExpectedInterval.Hours()-24) > 0.1 {
			t.Errorf("night %d: %s, %d failures, run %v for %v, success %v, every %v", night, j.LastResult, j.Failures, j.LastRun, j.LastDuration, j.LastSuccess, j.ExpectedInterval)
		}
	}
}

// The space that a server tells of a datastore in an object storage is that of the disk
// before it.
func TestSpaceOfACacheIsNone(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.sim.SetBackend("main", "filesystem")
	b.sim.SetBackend("shared", "s3")
	b.Refresh()
	m := b.Metrics()
	if !strings.Contains(m, `backup_repository_free_bytes{source="pbs-lab",customer="msp",repository="main"}`) || strings.Contains(m, `_bytes{source="pbs-lab",customer="msp",repository="shared"}`) ||
		!strings.Contains(m, `backup_repository_online{source="pbs-lab",customer="msp",repository="shared"} 1`) {
		t.Error(m)
	}
}

// A snapshot without a manifest may be fetched by a sync, dated days ago, or lie there
// since a crash: only a task tells that a backup runs.
func TestUnfinishedWithoutATask(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.Refresh()
	b.sim.AddUnfinished("main", "", "vm/100", b.Clock.Now().Add(-time.Hour))
	b.sim.AddUnfinished("main", "", "vm/200", b.Clock.Now().Add(-72*time.Hour))
	b.sim.Start("main", "", "vm/300", "srv-new")
	b.Clock.Advance(2 * time.Hour)
	b.Refresh()
	for id, running := range map[string]bool{"main/vm/100": false, "main/vm/200": false, "main/vm/300": true} {
		if j := b.job(id); j.Running != running {
			t.Errorf("%s: running %v since %v", id, j.Running, j.RunningSince)
		}
	}
}

// One group whose folder cannot be read has the server refuse its whole namespace: the
// others are read, and what lies in it stays as it was.
func TestOneNamespaceThatCannotBeRead(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.Refresh()
	b.sim.Break("shared", "dupont/prod", "unable to read the snapshots of group \"ct/101\"")
	before := b.job("shared/dupont/prod/ct/101")
	for range 40 {
		b.Clock.Advance(24 * time.Hour)
		b.run("shared", "martin", "vm/100", "garage", "OK")
		b.Refresh()
	}
	if j := b.job("shared/martin/vm/100"); b.Clock.Now().Sub(j.LastSuccess) > time.Hour {
		t.Errorf("the neighbour's last success is of %v", j.LastSuccess)
	}
	if j := b.job("shared/dupont/prod/ct/101"); !j.LastSuccess.Equal(before.LastSuccess) || j.LastResult != exporters.Success {
		t.Errorf("%+v", j)
	}
	if m := b.Metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="pbs-lab",endpoint="snapshots"} 0`) {
		t.Error("that something could not be read is not told")
	}
	b.sim.Break("shared", "dupont/prod", "")
	b.Refresh()
	if m := b.Metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="pbs-lab",endpoint="snapshots"} 1`) {
		t.Error("it is told although it is mended")
	}
	// Where nothing can be read the refresh fails.
	for _, at := range [][2]string{{"main", ""}, {"shared", ""}, {"shared", "dupont"}, {"shared", "dupont/prod"}, {"shared", "martin"}} {
		b.sim.Break(at[0], at[1], "no such disk")
	}
	if err := b.Poller.Refresh(t.Context()); err == nil {
		t.Error("a server of which nothing could be read was taken for one without backups")
	}
}
