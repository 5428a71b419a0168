package acronis

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/httpclient"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
)

const secret = "s3cr3t-of-the-client"

// bench is a simulated data centre with a poller on it.
type bench struct {
	*sourcetest.Bench
	sim    *acronissim.Sim
	source *Source

	mu    sync.Mutex
	slept []time.Duration

	dupont, garage         string // tenants
	ad, nas, pc, mail, gar string // machines
	daily                  string // plan
	pageSize               int
	timeout                time.Duration
}

func newBench(t *testing.T, o acronissim.Options) *bench {
	t.Helper()
	b := &bench{Bench: sourcetest.New(t, time.Date(2026, 3, 9, 22, 0, 0, 0, time.UTC)), timeout: 10 * time.Second}
	o.Now, o.ClientSecret = b.Clock.Now, secret
	b.sim = acronissim.New(o)
	b.Serve(b.sim)
	b.dupont = b.sim.AddCustomer("Dupont SA")
	b.garage = b.sim.AddCustomer(`Garage "Léa" & Fils`)
	unit := b.sim.AddUnit(b.dupont, "Agence Lyon")
	b.daily = b.sim.AddPlan(acronissim.Plan{Tenant: b.dupont, Name: "daily", Weekdays: []string{"mon", "tue", "wed", "thu", "fri"}, Hour: 21})
	plans := []string{b.daily}
	b.ad = b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: "SRV-AD", Class: acronissim.Server, Plans: plans})
	b.nas = b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: "NAS-01", Class: acronissim.NAS, Plans: plans})
	b.pc = b.sim.AddMachine(acronissim.Machine{Tenant: unit, Name: "PC-LEA", Class: acronissim.Workstation, Plans: plans})
	b.mail = b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: "léa@dupont.example", Class: acronissim.Mailbox, Plans: plans})
	b.gar = b.sim.AddMachine(acronissim.Machine{Tenant: b.garage, Name: "SRV\\\"1\"\n", Class: acronissim.VM, Plans: plans})
	for _, m := range b.sim.Machines() {
		b.sim.SucceedBackup(m)
	}
	b.restart()
	return b
}

// restart builds source and poller anew, as a new process would.
func (b *bench) restart() {
	b.T.Helper()
	c := &Config{ClientID: "sim-client", ClientSecretFile: sourcetest.SecretFile(b.T, secret), Customers: map[string]string{strings.ToUpper(b.dupont): "dupont"}, PageSize: max(b.pageSize, 2)}
	c.Address = b.Address()
	sourcetest.Check(b.T, c.Validate(""))
	o := b.SourceOptions()
	o.Sleep = func(_ context.Context, d time.Duration) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.slept = append(b.slept, d)
		return nil
	}
	var err error
	b.source, err = New(c, o)
	sourcetest.Check(b.T, err)
	b.Poll(sourcetest.Options{Name: "acronis-eu2", Engine: Engine, Source: b.source, Timeout: b.timeout})
}

// job finds the only job of a machine.
func (b *bench) job(machine string) exporters.Job {
	b.T.Helper()
	var found []exporters.Job
	for _, j := range b.Poller.View().Jobs {
		if j.Machine == machine {
			found = append(found, *j)
		}
	}
	if len(found) != 1 {
		b.T.Fatalf("%d jobs of %s, want 1", len(found), machine)
	}
	return found[0]
}

func TestGoldenExposition(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Clock.Advance(24 * time.Hour)
	b.sim.SucceedBackup(b.nas)
	b.sim.FailBackup(b.ad, "Not enough space on the cloud storage")
	b.sim.MissBackup(b.pc)
	b.sim.StartBackup(b.mail)
	b.Clock.Advance(5 * time.Minute)
	terabyte, ten := 1099511627776.0, 10.0
	b.sim.SetUsages(b.dupont,
		acronissim.Usage{Name: "storage", Infra: "paris", Unit: "bytes", Value: 5e11, Quota: &terabyte},
		acronissim.Usage{Name: "storage", Infra: "lyon", Unit: "bytes", Value: 4e11, Quota: &terabyte},
		acronissim.Usage{Name: "servers", Unit: "quantity", Value: 7})
	b.sim.SetUsages(b.garage, acronissim.Usage{Name: "servers", Unit: "quantity", Value: 1, Quota: &ten})
	b.sim.SetTrial(b.garage, b.Clock.Now().Add(30*24*time.Hour))
	b.Refresh()
	b.Golden("exposition.prom")
	sourcetest.Golden(t, "results.json", b.Results())
}

func TestFailureWithItsText(t *testing.T) {
	for _, forbidden := range []string{"", "tasks", "alerts"} {
		t.Run("without "+forbidden, func(t *testing.T) {
			b := newBench(t, acronissim.Options{LongSpelling: forbidden == "tasks"})
			if forbidden != "" {
				b.sim.Orders.Add(misbehave.Order{Endpoint: forbidden, Fault: misbehave.Forbidden, Times: -1})
			}
			b.Refresh()
			success := b.job("SRV-AD").LastSuccess
			b.Clock.Advance(24 * time.Hour)
			b.sim.FailBackup(b.ad, "Disk D: cannot be read")
			b.Refresh()
			b.Refresh()
			j := b.job("SRV-AD")
			if j.LastResult != exporters.Failed || j.Failures != 1 || !j.LastSuccess.Equal(success) || !strings.Contains(j.Error, "Disk D: cannot be read") {
				t.Errorf("got %s, %d failures, success %v, error %q", j.LastResult, j.Failures, j.LastSuccess, j.Error)
			}
			if j.Customer != "dupont" || j.Class != exporters.Server || j.Plan != "daily" || !j.LastRun.Equal(b.Clock.Now()) {
				t.Errorf("got customer %q class %q plan %q run %v", j.Customer, j.Class, j.Plan, j.LastRun)
			}
			b.Clock.Advance(time.Hour)
			b.sim.SucceedBackup(b.ad)
			b.Refresh()
			if j := b.job("SRV-AD"); j.LastResult != exporters.Success || j.Failures != 0 || j.Error != "" || !j.LastSuccess.Equal(b.Clock.Now()) {
				t.Errorf("after the repair: %s, %d failures, error %q, success %v", j.LastResult, j.Failures, j.Error, j.LastSuccess)
			}
		})
	}
}

func TestNamesAndClasses(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	for machine, want := range map[string]exporters.Class{"SRV-AD": exporters.Server, "NAS-01": exporters.NAS, "PC-LEA": exporters.Workstation,
		"léa": exporters.Server, `SRV\"1"`: exporters.Server} {
		if got := b.job(machine).Class; got != want {
			t.Errorf("%s is %s, want %s", machine, got, want)
		}
	}
	if j := b.job("PC-LEA"); j.Customer != "dupont" || j.CustomerName != "Dupont SA" {
		t.Errorf("a machine of a unit belongs to %q (%q)", j.Customer, j.CustomerName)
	}
	if j := b.job(`SRV\"1"`); j.Customer != "garage-lea-fils" {
		t.Errorf("unmapped customer is %q", j.Customer)
	}
	b.sim.RenameTenant(b.garage, "Garage Martin")
	b.Refresh()
	if j := b.job(`SRV\"1"`); j.Customer != "garage-lea-fils" || j.CustomerName != "Garage Martin" {
		t.Errorf("a renamed customer is %q (%q): only the name may change", j.Customer, j.CustomerName)
	}
	if m := b.Metrics(); !strings.Contains(m, `machine="SRV\\\"1\""`) {
		t.Error("quotes and backslashes are not escaped")
	}
}

func TestExpectedIntervalFollowsTheSchedule(t *testing.T) {
	b := newBench(t, acronissim.Options{}) // Monday 22:00, plan Mon-Fri 21:00
	b.Refresh()
	if got := b.job("SRV-AD").ExpectedInterval; got != 24*time.Hour {
		t.Errorf("after Monday's run: %v, want 24h", got)
	}
	b.Clock.Advance(4 * 24 * time.Hour)
	b.sim.SucceedBackup(b.ad)
	b.Refresh()
	if got := b.job("SRV-AD").ExpectedInterval; got != 72*time.Hour {
		t.Errorf("after Friday's run: %v, want 72h", got)
	}
}

func TestMissedAndOffline(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	before := b.job("PC-LEA")
	b.Clock.Advance(24 * time.Hour)
	b.sim.MissBackup(b.pc)
	b.Refresh()
	j := b.job("PC-LEA")
	if j.LastResult != exporters.Missed || !j.LastRun.Equal(before.LastRun) || !strings.Contains(j.Error, "offline") {
		t.Errorf("got %s, last run %v, error %q", j.LastResult, j.LastRun, j.Error)
	}
	if m := b.Metrics(); !strings.Contains(m, `backup_agent_online{source="acronis-eu2",customer="dupont",machine="PC-LEA"} 0`) {
		t.Error("the agent is not shown offline")
	}
	b.sim.DismissAlerts()
	b.Clock.Advance(time.Minute)
	b.Refresh()
	if got := b.job("PC-LEA").LastResult; got != exporters.Missed {
		t.Errorf("a dismissed alert turned the missed run into %s", got)
	}
}

func TestRunningKeepsThePreviousResult(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Clock.Advance(time.Hour)
	b.sim.FailBackup(b.ad, "no space")
	b.Refresh()
	b.Clock.Advance(time.Hour)
	b.sim.StartBackup(b.ad)
	since := b.Clock.Now()
	b.Clock.Advance(time.Minute)
	b.Refresh()
	j := b.job("SRV-AD")
	if !j.Running || !j.RunningSince.Equal(since) || j.LastResult != exporters.Failed || j.Failures != 1 || j.Error == "" {
		t.Errorf("running %v since %v, result %s, %d failures, error %q", j.Running, j.RunningSince, j.LastResult, j.Failures, j.Error)
	}
}

func TestTokenExpiresInTheMiddleOfAListing(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.ExpireTokens, Skip: 1, Times: 1})
	b.Refresh()
	if got := len(b.Poller.View().Jobs); got != 5 {
		t.Errorf("%d jobs, want 5", got)
	}
	if got := b.sim.Requests("token"); got != 2 {
		t.Errorf("%d tokens asked for, want 2: the first and one renewal", got)
	}
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.ExpireTokens, Times: -1})
	if err := b.Poller.Refresh(t.Context()); err == nil {
		t.Error("a second 401 is not an error")
	}
}

func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	b.Clock.Advance(104 * time.Minute)
	b.Refresh()
	if got := b.sim.Requests("token"); got != 1 {
		t.Fatalf("%d tokens before the last quarter of an hour, want 1", got)
	}
	b.Clock.Advance(2 * time.Minute)
	b.Refresh()
	if got := b.sim.Requests("token"); got != 2 {
		t.Errorf("%d tokens in the last quarter of an hour, want 2", got)
	}
}

// Whatever goes wrong with the listing of machines, what was known stays.
func TestThrottlingIsWaitedOut(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.TooManyRequests, Times: 2, RetryAfter: 3 * time.Second})
	b.Refresh()
	if want := []time.Duration{3 * time.Second, 3 * time.Second}; !cmp.Equal(b.slept, want) {
		t.Errorf("slept %v, want %v", b.slept, want)
	}
}

func TestSlowBodyIsATimeout(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.SlowBody, Times: -1, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := b.source.Fetch(ctx)
	if reason := exporters.ReasonOf(err); reason != exporters.ReasonTimeout {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestSourceDown(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	before := b.job("SRV-AD")
	b.sim.SetDown(true)
	b.Clock.Advance(48 * time.Hour)
	if err := b.Poller.Refresh(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if v := b.Poller.View(); v.Up || !b.job("SRV-AD").LastSuccess.Equal(before.LastSuccess) {
		t.Error("the last success moved or the source is up")
	}
	// The same after a restart while the source is still down.
	sourcetest.Check(t, b.Poller.Save())
	b.restart()
	if err := b.Poller.Refresh(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if j := b.job("SRV-AD"); !j.LastSuccess.Equal(before.LastSuccess) || j.Plan != "daily" {
		t.Errorf("after the restart: success %v, plan %q", j.LastSuccess, j.Plan)
	}
}

func TestDeletedMachineLeavesAfterTheGrace(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	b.sim.DeleteMachine(b.gar)
	for i := range exporters.DefaultGrace {
		for range 4 { // nothing disappears by not having changed
			b.Refresh()
			b.Clock.Advance(5 * time.Minute)
		}
		b.Clock.Advance(time.Hour)
		b.Refresh()
		if !b.Has(`SRV\"1"`) {
			t.Fatalf("gone after %d complete listings", i+1)
		}
	}
	b.Clock.Advance(time.Hour)
	b.sim.SetDown(true)
	_ = b.Poller.Refresh(t.Context())
	if !b.Has(`SRV\"1"`) {
		t.Fatal("a failed refresh made a machine disappear")
	}
	b.sim.SetDown(false)
	b.Refresh()
	if b.Has(`SRV\"1"`) {
		t.Error("still there after the grace")
	}
}

func TestUnknownWords(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	b.Clock.Advance(time.Hour)
	b.sim.SucceedBackup(b.ad)
	b.sim.SetPolicyStatus(b.ad, "splendid")
	b.sim.FinishBackupWith(b.nas, "marvellous")
	b.Refresh()
	for _, m := range []string{"SRV-AD", "NAS-01"} {
		if j := b.job(m); j.LastResult == exporters.Success || j.LastResult == exporters.Warning {
			t.Errorf("%s is %s", m, j.LastResult)
		}
	}
	if j := b.job("SRV-AD"); j.LastResult != exporters.Unknown {
		t.Errorf("SRV-AD is %s, want unknown", j.LastResult)
	}
	m := b.Metrics()
	for _, field := range []string{"policy_status", "task_result"} {
		if !strings.Contains(m, `backup_source_unknown_values_total{source="acronis-eu2",field="`+field+`"} 1`) {
			t.Errorf("%s is not counted", field)
		}
	}
}

func TestTwoPlansThatCannotBeToldApart(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	weekly := b.sim.AddPlan(acronissim.Plan{Tenant: b.dupont, Name: "weekly", Weekdays: []string{"sun"}, Hour: 3})
	b.sim.ApplyPlan(b.ad, weekly)
	b.sim.SucceedBackup(b.ad, b.daily)
	b.sim.FailBackup(b.ad, "broken chain", weekly)
	b.Refresh()
	var failed, good int
	for _, j := range b.Poller.View().Jobs {
		if j.Machine == "SRV-AD" && j.LastResult.Failing() {
			failed++
		} else if j.Machine == "SRV-AD" && j.LastResult == exporters.Success {
			good++
		}
	}
	// The statuses do not say which plan they are about: one job, the worse word.
	if failed != 1 || good != 0 {
		t.Errorf("%d failed and %d good jobs", failed, good)
	}
	b.Clock.Advance(time.Hour)
	b.sim.SucceedBackup(b.ad, b.daily)
	b.Refresh()
	if j := b.job("SRV-AD"); j.LastResult != exporters.Failed || !j.LastSuccess.IsZero() {
		t.Errorf("the daily plan's success stands for the weekly one: %s, %v", j.LastResult, j.LastSuccess)
	}
}

func TestDisabledPlan(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.SetPlanEnabled(b.daily, false)
	b.Refresh()
	if b.job("SRV-AD").Enabled {
		t.Error("the job of a switched-off plan is enabled")
	}
}

// A plan may be switched off on one machine alone, as one that conflicts with
// another is: the field enabled of an application, which public clients of real
// data centres read.
func TestPlanDisabledOnOneMachine(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.SetPlanEnabled(b.daily, false, b.ad)
	b.Refresh()
	for _, j := range b.Poller.View().Jobs {
		if strings.HasPrefix(j.ID, b.ad) == j.Enabled {
			t.Errorf("%s of %s: enabled is %t", j.Plan, j.Machine, j.Enabled)
		}
	}
	// Of two plans that cannot be told apart one is still on.
	b.sim.ApplyPlan(b.ad, b.sim.AddPlan(acronissim.Plan{Tenant: b.dupont, Name: "weekly", Weekdays: []string{"sun"}, Hour: 3}))
	b.restart()
	b.Refresh()
	if !b.job("SRV-AD").Enabled {
		t.Error("the weekly plan is on")
	}
}

// A plan that nothing starts by itself is not overdue.
func TestDisabledSchedule(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.SetScheduleEnabled(b.daily, false)
	b.Refresh()
	if j := b.job("SRV-AD"); !j.Enabled || j.ExpectedInterval != exporters.OnDemand || !j.NextRun.IsZero() {
		t.Errorf("%+v", j)
	}
	b.sim.SetScheduleEnabled(b.daily, true)
	b.restart()
	b.Refresh()
	if j := b.job("SRV-AD"); !j.Enabled || j.ExpectedInterval > 100*time.Hour {
		t.Error("not owed again")
	}
}

func TestIncrementalTasks(t *testing.T) {
	b := newBench(t, acronissim.Options{PageSize: 100})
	b.Refresh()
	b.Clock.Advance(time.Hour)
	b.sim.SucceedBackup(b.ad)
	b.Refresh()
	n := b.sim.Requests("tasks")
	b.Clock.Advance(time.Hour)
	b.Refresh()
	if got := b.sim.Requests("tasks") - n; got != 2 {
		t.Errorf("%d task requests without anything new, want 2", got)
	}
}

func TestNoSecretComesOut(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	restart := func() { b.sim.ExpireTokens(); b.restart() }
	b.CheckNoSecret(&b.sim.Orders, restart, func() []string { return append(b.sim.Tokens(), secret, "sim-token-", "Basic ") })
}

func TestNothingButReadingIsSent(t *testing.T) {
	tr := &httpclient.ReadOnlyTransport{Base: http.DefaultTransport, PostPaths: []string{tokenPath}}
	for _, r := range []struct{ method, path string }{{"DELETE", "/api/alert_manager/v1/alerts"}, {"POST", "/api/2/clients"}, {"PUT", tokenPath}, {"PATCH", "/"}} {
		req := httptest.NewRequest(r.method, "http://127.0.0.1:1"+r.path, nil)
		if _, err := tr.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s %s: %v", r.method, r.path, err)
		}
	}
}
