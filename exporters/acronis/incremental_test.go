package acronis

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
)

// calls counts the requests of one refresh.
func (b *bench) calls() map[string]int {
	b.T.Helper()
	b.sim.ResetRequests()
	b.Refresh()
	return b.sim.Calls()
}

func total(calls map[string]int) int {
	sum := 0
	for _, n := range calls {
		sum += n
	}
	return sum
}

// The requests of an incremental refresh follow what changed, not the fleet.
func TestCallsFollowTheChanges(t *testing.T) {
	quiet := map[int]int{}
	for _, fleet := range []int{0, 200} {
		b := newBench(t, acronissim.Options{PageSize: 10})
		b.pageSize = 10
		b.restart()
		for i := range fleet {
			b.sim.SucceedBackup(b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: fmt.Sprint("m", i), Class: acronissim.Server, Plans: []string{b.daily}}))
		}
		first := b.calls()
		if fleet > 0 && first["resource_statuses"] < fleet/10 {
			t.Fatalf("the first refresh asks %v", first)
		}
		b.Clock.Advance(20 * time.Minute) // beyond the overlap
		_ = b.calls()
		b.Clock.Advance(5 * time.Minute)
		calls := b.calls()
		quiet[fleet] = total(calls)
		if calls["policies"]+calls["applications"]+calls["agents"]+calls["usages"]+calls["pricing"] != 0 {
			t.Errorf("%d machines: a quiet refresh asks %v", fleet, calls)
		}
		b.Clock.Advance(8 * time.Minute)
		for i := range 25 {
			if fleet > 0 {
				b.sim.FailBackup(b.sim.Machines()[20+i], "disk full")
			}
		}
		if busy := b.calls(); fleet > 0 && (busy["resource_statuses"] != 3 || busy["tasks"] != 4) {
			t.Errorf("25 of %d machines changed: %v", fleet, busy) // two requests of each three pages of ten; started tasks are the fourth
		}
	}
	if quiet[0] != quiet[200] || quiet[0] > 5 {
		t.Errorf("a quiet refresh needs %v requests, by fleet", quiet)
	}
}

func TestIncrementalRefreshSeesWhatChanged(t *testing.T) {
	for name, o := range map[string]acronissim.Options{"by its stamp": {}, "by its tasks alone": {StillStamps: true}, "all, since filters are refused": {RefuseFilters: true}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, o)
			b.Refresh()
			b.Clock.Advance(12 * time.Minute)
			b.Refresh() // from here on the overlap holds nothing
			b.Clock.Advance(12 * time.Minute)
			b.sim.StartBackup(b.ad)
			b.Refresh()
			if j := b.job("SRV-AD"); !j.Running {
				t.Error("the start is not seen")
			}
			b.Clock.Advance(12 * time.Minute)
			b.sim.FailBackup(b.ad, "disk full")
			b.Refresh()
			if j := b.job("SRV-AD"); j.Running || j.LastResult != exporters.Failed || j.Failures != 1 || !strings.Contains(j.Error, "disk full") || !j.LastRun.Equal(b.Clock.Now()) {
				t.Errorf("running %v, %s, %d, %q", j.Running, j.LastResult, j.Failures, j.Error)
			}
			b.Clock.Advance(12 * time.Minute)
			b.sim.SucceedBackup(b.ad)
			fresh := b.sim.AddMachine(acronissim.Machine{Tenant: b.garage, Name: "NEW-01", Class: acronissim.Server, Plans: []string{b.daily}})
			b.Refresh()
			if j := b.job("SRV-AD"); j.LastResult != exporters.Success || !j.LastSuccess.Equal(b.Clock.Now()) {
				t.Errorf("%s, %v", j.LastResult, j.LastSuccess)
			}
			if got := b.status("SRV-AD").success(); !got.Equal(b.Clock.Now()) {
				t.Errorf("the status was not read anew: last success %v", got)
			}
			if !b.Has("NEW-01") {
				t.Error("a machine that was added is not seen")
			}
			if j := b.job("NEW-01"); !j.LastRun.IsZero() || j.LastResult != exporters.Unknown {
				t.Errorf("a machine that never ran: %v %s", j.LastRun, j.LastResult)
			}
			b.Clock.Advance(time.Minute)
			b.sim.SucceedBackup(fresh)
			b.Refresh()
			if j := b.job("NEW-01"); j.LastResult != exporters.Success {
				t.Errorf("%s", j.LastResult)
			}
			if calls := b.calls(); o.RefuseFilters && (calls["resource_statuses"] != 3 || calls["tenants"] != 2) {
				t.Errorf("questions that were refused are asked again: %v", calls)
			}
		})
	}
}

// A run that ends while its status was read as running must not stay running
// until the next complete listing.
func TestRunningEndsWithoutATask(t *testing.T) {
	b := newBench(t, acronissim.Options{StillStamps: true})
	b.Refresh()
	b.Clock.Advance(15 * time.Minute)
	b.sim.StartBackup(b.ad)
	b.sim.RenameMachine(b.ad, "SRV-AD") // moves its stamp once
	b.Refresh()
	b.Clock.Advance(15 * time.Minute)
	b.Refresh()
	b.sim.Orders.Add(misbehave.Order{Endpoint: "tasks", Fault: misbehave.Forbidden, Times: -1})
	b.Clock.Advance(15 * time.Minute)
	b.sim.SucceedBackup(b.ad)
	b.Refresh()
	if j := b.job("SRV-AD"); j.Running || !j.LastSuccess.Equal(b.Clock.Now()) {
		t.Errorf("running %v, success %v", j.Running, j.LastSuccess)
	}
}

// An incremental reading that fails changes nothing, and is caught up.
func TestFailedIncrementalReading(t *testing.T) {
	for _, fault := range []misbehave.Fault{misbehave.HTML, misbehave.TruncatedJSON, misbehave.HalfPage, misbehave.RepeatCursor, misbehave.ServerError} {
		t.Run(fault.String(), func(t *testing.T) {
			b := newBench(t, acronissim.Options{})
			b.Refresh()
			b.Clock.Advance(20 * time.Minute)
			for _, m := range b.sim.Machines() {
				b.sim.FailBackup(m, "night of horrors")
			}
			b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: fault, Times: -1})
			if err := b.Poller.Refresh(t.Context()); err == nil {
				t.Fatal("the refresh did not fail")
			}
			if v := b.Poller.View(); v.Up || len(v.Jobs) != 5 || v.Jobs[0].LastResult != exporters.Success {
				t.Errorf("up %v, %d jobs, %s", v.Up, len(v.Jobs), v.Jobs[0].LastResult)
			}
			b.sim.Orders.Clear()
			b.Refresh()
			for _, j := range b.Poller.View().Jobs {
				if j.LastResult != exporters.Failed || j.Failures != 1 {
					t.Errorf("%s: %s, %d failures", j.Machine, j.LastResult, j.Failures)
				}
			}
		})
	}
}

// Alerts that are raised or dismissed between two complete listings are seen.
func TestAlertsAreReadIncrementally(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	b.Clock.Advance(20 * time.Minute)
	b.sim.MissBackup(b.pc)
	b.Refresh()
	if j := b.job("PC-LEA"); j.LastResult != exporters.Missed {
		t.Errorf("a raised alert is not seen: %s", j.LastResult)
	}
	b.Clock.Advance(5 * time.Minute)
	b.sim.DismissAlerts()
	b.Refresh()
	if n := len(b.source.alerts.items); n != 0 {
		t.Errorf("%d alerts after all were dismissed", n)
	}
	if j := b.job("PC-LEA"); j.LastResult != exporters.Missed || j.Failures != 1 {
		t.Errorf("dismissing an alert repaired the backup: %s, %d", j.LastResult, j.Failures)
	}
}

// A list that loses an item while it is read is read again: the item behind
// the lost one is on no page.
func TestListThatMoves(t *testing.T) {
	for _, endpoint := range []string{"resource_statuses", "applications", "agents", "policies", "tenants"} {
		t.Run(endpoint, func(t *testing.T) {
			b := newBench(t, acronissim.Options{})
			b.sim.Orders.Add(misbehave.Order{Endpoint: endpoint, Fault: misbehave.MoveList, Times: 2})
			b.Refresh()
			if got := len(b.Poller.View().Jobs); got != 5 {
				t.Errorf("%d jobs, want 5", got)
			}
			for _, e := range b.Poller.View().Endpoints {
				if e.Err != nil {
					t.Errorf("%s: %v", e.Name, e.Err)
				}
			}
		})
	}
}

func TestWrongCase(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Clock.Advance(24 * time.Hour)
	b.sim.FailBackup(b.ad, "no space")
	b.sim.MissBackup(b.pc)
	b.sim.StartBackup(b.nas)
	b.sim.SetTrial(b.garage, b.Clock.Now().Add(time.Hour))
	b.sim.Orders.Add(misbehave.Order{Fault: misbehave.WrongCase, Times: -1})
	b.Refresh()
	v := b.Poller.View()
	if b.job("SRV-AD").LastResult != exporters.Failed || b.job("PC-LEA").LastResult != exporters.Missed || !b.job("NAS-01").Running || b.job("NAS-01").Class != exporters.NAS ||
		b.job("SRV-AD").ExpectedInterval != 24*time.Hour || b.job("PC-LEA").Customer != "dupont" || len(v.Licenses) != 1 || len(v.UnknownValues) != 0 {
		t.Errorf("%s %s %v %v, %d licences, unknown %v", b.job("SRV-AD").LastResult, b.job("PC-LEA").LastResult, b.job("NAS-01").Running, b.job("PC-LEA").Customer, len(v.Licenses), v.UnknownValues)
	}
}

func TestClockSkewIsShownAndBridged(t *testing.T) {
	for _, skew := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		b := newBench(t, acronissim.Options{})
		b.sim.Orders.Add(misbehave.Order{Fault: misbehave.SkewClock, Delay: skew, Times: -1})
		b.Refresh()
		if v := b.Poller.View(); v.ClockSkew == nil || *v.ClockSkew != skew {
			t.Errorf("skew %v, want %v", v.ClockSkew, skew)
		}
		// What stands in between may lie about the time: nothing is missed.
		for range 2 {
			b.Clock.Advance(20 * time.Minute)
			b.sim.FailBackup(b.ad, "disk full")
			b.Refresh()
			if j := b.job("SRV-AD"); j.LastResult != exporters.Failed || !j.LastRun.Equal(b.Clock.Now()) {
				t.Errorf("with a skew of %v a run was missed: %s at %v", skew, j.LastResult, j.LastRun)
			}
		}
	}
}

func TestNamesInEveryScript(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	names := misbehave.Names()
	for _, name := range names {
		tenant := b.sim.AddCustomer(name)
		plan := b.sim.AddPlan(acronissim.Plan{Tenant: tenant, Name: name, Hour: 21})
		b.sim.FailBackup(b.sim.AddMachine(acronissim.Machine{Tenant: tenant, Name: name, Class: acronissim.Server, Plans: []string{plan}}), name)
	}
	b.Refresh()
	if got, want := len(b.Poller.View().Jobs), 5+len(names); got != want {
		t.Errorf("%d jobs, want %d", got, want)
	}
	parsed(t, b.Metrics(), 5+len(names))
	var answer exporters.ResultsAnswer
	sourcetest.Check(t, json.Unmarshal([]byte(b.Results()), &answer))
	if len(answer.Results) != 5+len(names) {
		t.Errorf("%d results", len(answer.Results))
	}
}

// Backups of cloud applications may be known by their tasks only.
func TestBackupsKnownByTasksOnly(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	drive := b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: "Drive of Léa", Class: acronissim.Drive, Plans: []string{b.daily}})
	b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: "Drive of nobody", Class: acronissim.Drive})
	b.sim.SucceedBackup(drive)
	b.Refresh()
	good := b.Clock.Now()
	j := b.job("Drive of Léa")
	if j.LastResult != exporters.Success || j.ID != drive+"/policy.backup.office365.onedrive" || j.Plan != "daily" || j.Class != exporters.Server || j.Customer != "dupont" {
		t.Errorf("%+v", j)
	}
	if b.Has("Drive of nobody") {
		t.Error("a drive that nobody protects has a job")
	}
	b.Clock.Advance(24 * time.Hour)
	b.sim.FailBackup(drive, "consent withdrawn")
	b.Refresh()
	if j := b.job("Drive of Léa"); j.LastResult != exporters.Failed || !j.LastSuccess.Equal(good) || !strings.Contains(j.Error, "consent withdrawn") {
		t.Errorf("%s %v %q", j.LastResult, j.LastSuccess, j.Error)
	}
	// The product's tasks are forgotten before the exporter's next start.
	sourcetest.Check(t, b.Poller.Save())
	b.Clock.Advance(30 * 24 * time.Hour)
	b.restart()
	for range exporters.DefaultGrace + 2 {
		b.Refresh()
		b.Clock.Advance(2 * time.Hour)
	}
	if j := b.job("Drive of Léa"); !j.LastSuccess.Equal(good) || j.Plan != "daily" {
		t.Errorf("%v %q", j.LastSuccess, j.Plan)
	}
}

// status finds what is known of a machine's backup.
func (b *bench) status(machine string) *protection {
	b.T.Helper()
	for i := range b.source.statuses.items {
		if r := &b.source.statuses.items[i]; r.Context.Name == machine && len(r.Policies) == 1 {
			return &protection{status: r.Policies[0]}
		}
	}
	b.T.Fatalf("no status of %s", machine)
	return nil
}
