package acronis

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/misbehave"
)

var update = flag.Bool("update", false, "write the golden files anew")

const secret = "s3cr3t-of-the-client"

// clock is a hand-driven clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// bench is a simulated data centre with a poller on it.
type bench struct {
	t      *testing.T
	clock  *clock
	sim    *acronissim.Sim
	server *httptest.Server
	source *Source
	poller *exporters.Poller
	state  string
	log    bytes.Buffer

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
	b := &bench{t: t, timeout: 10 * time.Second, clock: &clock{t: time.Date(2026, 3, 9, 22, 0, 0, 0, time.UTC)}}
	o.Now, o.ClientSecret = b.clock.Now, secret
	b.sim = acronissim.New(o)
	b.server = httptest.NewServer(b.sim)
	t.Cleanup(b.server.Close)
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
	b.state = filepath.Join(t.TempDir(), "acronis-eu2.json")
	b.restart()
	return b
}

// restart builds source and poller anew, as a new process would.
func (b *bench) restart() {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	c := &Config{ClientID: "sim-client", ClientSecretFile: file, Customers: map[string]string{strings.ToUpper(b.dupont): "dupont"}, PageSize: max(b.pageSize, 2)}
	c.RequestsPerSecond = 100_000
	u, err := http.NewRequest(http.MethodGet, b.server.URL, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	c.URL.URL = u.URL
	if err := c.Validate(""); err != nil {
		b.t.Fatal(err)
	}
	b.source, err = New(c, exporters.SourceOptions{Now: b.clock.Now, UserAgent: "backup_exporter/test", Sleep: func(_ context.Context, d time.Duration) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.slept = append(b.slept, d)
		return nil
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.poller, err = exporters.NewPoller(exporters.PollerOptions{
		Name: "acronis-eu2", Engine: Engine, Source: b.source, Interval: time.Minute, Timeout: b.timeout,
		WarningIsSuccess: true, StateFile: b.state, Now: b.clock.Now, Logger: slog.New(slog.NewTextHandler(&b.log, nil)),
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) refresh() { b.t.Helper(); check(b.t, b.poller.Refresh(b.t.Context())) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// job finds the only job of a machine.
func (b *bench) job(machine string) exporters.Job {
	b.t.Helper()
	var found []exporters.Job
	for _, j := range b.poller.View().Jobs {
		if j.Machine == machine {
			found = append(found, j)
		}
	}
	if len(found) != 1 {
		b.t.Fatalf("%d jobs of %s, want 1", len(found), machine)
	}
	return found[0]
}

func (b *bench) has(machine string) bool {
	for _, j := range b.poller.View().Jobs {
		if j.Machine == machine {
			return true
		}
	}
	return false
}

func (b *bench) metrics() string {
	e := exporters.NewExposition(func() []*exporters.View { return []*exporters.View{b.poller.View()} }, nil)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func (b *bench) results() string {
	w := httptest.NewRecorder()
	exporters.ResultsHandler(func() []*exporters.View { return []*exporters.View{b.poller.View()} }).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/results", nil))
	return w.Body.String()
}

func TestGoldenExposition(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.clock.Advance(24 * time.Hour)
	b.sim.SucceedBackup(b.nas)
	b.sim.FailBackup(b.ad, "Not enough space on the cloud storage")
	b.sim.MissBackup(b.pc)
	b.sim.StartBackup(b.mail)
	b.clock.Advance(5 * time.Minute)
	terabyte, ten := 1099511627776.0, 10.0
	b.sim.SetUsages(b.dupont,
		acronissim.Usage{Name: "storage", Infra: "paris", Unit: "bytes", Value: 5e11, Quota: &terabyte},
		acronissim.Usage{Name: "storage", Infra: "lyon", Unit: "bytes", Value: 4e11, Quota: &terabyte},
		acronissim.Usage{Name: "servers", Unit: "quantity", Value: 7})
	b.sim.SetUsages(b.garage, acronissim.Usage{Name: "servers", Unit: "quantity", Value: 1, Quota: &ten})
	b.sim.SetTrial(b.garage, b.clock.Now().Add(30*24*time.Hour))
	b.refresh()
	got := b.metrics()
	golden(t, "testdata/exposition.prom", got)
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	check(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	golden(t, "testdata/results.json", b.results())
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		check(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	check(t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs; run with -update and look at the change (-want +got):\n%s", file, d)
	}
}

func TestFailureWithItsText(t *testing.T) {
	for _, forbidden := range []string{"", "tasks", "alerts"} {
		t.Run("without "+forbidden, func(t *testing.T) {
			b := newBench(t, acronissim.Options{LongSpelling: forbidden == "tasks"})
			if forbidden != "" {
				b.sim.Orders.Add(misbehave.Order{Endpoint: forbidden, Fault: misbehave.Forbidden, Times: -1})
			}
			b.refresh()
			success := b.job("SRV-AD").LastSuccess
			b.clock.Advance(24 * time.Hour)
			b.sim.FailBackup(b.ad, "Disk D: cannot be read")
			b.refresh()
			b.refresh()
			j := b.job("SRV-AD")
			if j.LastResult != exporters.Failed || j.Failures != 1 || !j.LastSuccess.Equal(success) || !strings.Contains(j.Error, "Disk D: cannot be read") {
				t.Errorf("got %s, %d failures, success %v, error %q", j.LastResult, j.Failures, j.LastSuccess, j.Error)
			}
			if j.Customer != "dupont" || j.Class != exporters.Server || j.Plan != "daily" || !j.LastRun.Equal(b.clock.Now()) {
				t.Errorf("got customer %q class %q plan %q run %v", j.Customer, j.Class, j.Plan, j.LastRun)
			}
			b.clock.Advance(time.Hour)
			b.sim.SucceedBackup(b.ad)
			b.refresh()
			if j := b.job("SRV-AD"); j.LastResult != exporters.Success || j.Failures != 0 || j.Error != "" || !j.LastSuccess.Equal(b.clock.Now()) {
				t.Errorf("after the repair: %s, %d failures, error %q, success %v", j.LastResult, j.Failures, j.Error, j.LastSuccess)
			}
		})
	}
}

func TestNamesAndClasses(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.refresh()
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
	b.refresh()
	if j := b.job(`SRV\"1"`); j.Customer != "garage-lea-fils" || j.CustomerName != "Garage Martin" {
		t.Errorf("a renamed customer is %q (%q): only the name may change", j.Customer, j.CustomerName)
	}
	if m := b.metrics(); !strings.Contains(m, `machine="SRV\\\"1\""`) {
		t.Error("quotes and backslashes are not escaped")
	}
}

func TestExpectedIntervalFollowsTheSchedule(t *testing.T) {
	b := newBench(t, acronissim.Options{}) // Monday 22:00, plan Mon-Fri 21:00
	b.refresh()
	if got := b.job("SRV-AD").ExpectedInterval; got != 24*time.Hour {
		t.Errorf("after Monday's run: %v, want 24h", got)
	}
	b.clock.Advance(4 * 24 * time.Hour)
	b.sim.SucceedBackup(b.ad)
	b.refresh()
	if got := b.job("SRV-AD").ExpectedInterval; got != 72*time.Hour {
		t.Errorf("after Friday's run: %v, want 72h", got)
	}
}

func TestMissedAndOffline(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.refresh()
	before := b.job("PC-LEA")
	b.clock.Advance(24 * time.Hour)
	b.sim.MissBackup(b.pc)
	b.refresh()
	j := b.job("PC-LEA")
	if j.LastResult != exporters.Missed || !j.LastRun.Equal(before.LastRun) || !strings.Contains(j.Error, "offline") {
		t.Errorf("got %s, last run %v, error %q", j.LastResult, j.LastRun, j.Error)
	}
	if m := b.metrics(); !strings.Contains(m, `backup_agent_online{source="acronis-eu2",customer="dupont",machine="PC-LEA"} 0`) {
		t.Error("the agent is not shown offline")
	}
	b.sim.DismissAlerts()
	b.clock.Advance(time.Minute)
	b.refresh()
	if got := b.job("PC-LEA").LastResult; got != exporters.Missed {
		t.Errorf("a dismissed alert turned the missed run into %s", got)
	}
}

func TestRunningKeepsThePreviousResult(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.clock.Advance(time.Hour)
	b.sim.FailBackup(b.ad, "no space")
	b.refresh()
	b.clock.Advance(time.Hour)
	b.sim.StartBackup(b.ad)
	since := b.clock.Now()
	b.clock.Advance(time.Minute)
	b.refresh()
	j := b.job("SRV-AD")
	if !j.Running || !j.RunningSince.Equal(since) || j.LastResult != exporters.Failed || j.Failures != 1 || j.Error == "" {
		t.Errorf("running %v since %v, result %s, %d failures, error %q", j.Running, j.RunningSince, j.LastResult, j.Failures, j.Error)
	}
}

func TestTokenExpiresInTheMiddleOfAListing(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.ExpireTokens, Skip: 1, Times: 1})
	b.refresh()
	if got := len(b.poller.View().Jobs); got != 5 {
		t.Errorf("%d jobs, want 5", got)
	}
	if got := b.sim.Requests("token"); got != 2 {
		t.Errorf("%d tokens asked for, want 2: the first and one renewal", got)
	}
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.ExpireTokens, Times: -1})
	if err := b.poller.Refresh(t.Context()); err == nil {
		t.Error("a second 401 is not an error")
	}
}

func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.refresh()
	b.clock.Advance(104 * time.Minute)
	b.refresh()
	if got := b.sim.Requests("token"); got != 1 {
		t.Fatalf("%d tokens before the last quarter of an hour, want 1", got)
	}
	b.clock.Advance(2 * time.Minute)
	b.refresh()
	if got := b.sim.Requests("token"); got != 2 {
		t.Errorf("%d tokens in the last quarter of an hour, want 2", got)
	}
}

// Whatever goes wrong with the listing of machines, what was known stays.
func TestThrottlingIsWaitedOut(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.TooManyRequests, Times: 2, RetryAfter: 3 * time.Second})
	b.refresh()
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
	b.refresh()
	before := b.job("SRV-AD")
	b.sim.SetDown(true)
	b.clock.Advance(48 * time.Hour)
	if err := b.poller.Refresh(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if v := b.poller.View(); v.Up || !b.job("SRV-AD").LastSuccess.Equal(before.LastSuccess) {
		t.Error("the last success moved or the source is up")
	}
	// The same after a restart while the source is still down.
	check(t, b.poller.Save())
	b.restart()
	if err := b.poller.Refresh(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if j := b.job("SRV-AD"); !j.LastSuccess.Equal(before.LastSuccess) || j.Plan != "daily" {
		t.Errorf("after the restart: success %v, plan %q", j.LastSuccess, j.Plan)
	}
}

func TestDeletedMachineLeavesAfterTheGrace(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.refresh()
	b.sim.DeleteMachine(b.gar)
	for i := range exporters.DefaultGrace {
		for range 4 { // nothing disappears by not having changed
			b.refresh()
			b.clock.Advance(5 * time.Minute)
		}
		b.clock.Advance(time.Hour)
		b.refresh()
		if !b.has(`SRV\"1"`) {
			t.Fatalf("gone after %d complete listings", i+1)
		}
	}
	b.clock.Advance(time.Hour)
	b.sim.SetDown(true)
	_ = b.poller.Refresh(t.Context())
	if !b.has(`SRV\"1"`) {
		t.Fatal("a failed refresh made a machine disappear")
	}
	b.sim.SetDown(false)
	b.refresh()
	if b.has(`SRV\"1"`) {
		t.Error("still there after the grace")
	}
}

func TestUnknownWords(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.refresh()
	b.clock.Advance(time.Hour)
	b.sim.SucceedBackup(b.ad)
	b.sim.SetPolicyStatus(b.ad, "splendid")
	b.sim.FinishBackupWith(b.nas, "marvellous")
	b.refresh()
	for _, m := range []string{"SRV-AD", "NAS-01"} {
		if j := b.job(m); j.LastResult == exporters.Success || j.LastResult == exporters.Warning {
			t.Errorf("%s is %s", m, j.LastResult)
		}
	}
	if j := b.job("SRV-AD"); j.LastResult != exporters.Unknown {
		t.Errorf("SRV-AD is %s, want unknown", j.LastResult)
	}
	m := b.metrics()
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
	b.refresh()
	var failed, good int
	for _, j := range b.poller.View().Jobs {
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
	b.clock.Advance(time.Hour)
	b.sim.SucceedBackup(b.ad, b.daily)
	b.refresh()
	if j := b.job("SRV-AD"); j.LastResult != exporters.Failed || !j.LastSuccess.IsZero() {
		t.Errorf("the daily plan's success stands for the weekly one: %s, %v", j.LastResult, j.LastSuccess)
	}
}

func TestDisabledPlan(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.SetPlanEnabled(b.daily, false)
	b.refresh()
	if b.job("SRV-AD").Enabled {
		t.Error("the job of a switched-off plan is enabled")
	}
}

func TestIncrementalTasks(t *testing.T) {
	b := newBench(t, acronissim.Options{PageSize: 100})
	b.refresh()
	b.clock.Advance(time.Hour)
	b.sim.SucceedBackup(b.ad)
	b.refresh()
	n := b.sim.Requests("tasks")
	b.clock.Advance(time.Hour)
	b.refresh()
	if got := b.sim.Requests("tasks") - n; got != 2 {
		t.Errorf("%d task requests without anything new, want 2", got)
	}
}

func TestNoSecretComesOut(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.refresh()
	tokens := b.sim.Tokens()
	var all strings.Builder
	for _, f := range []misbehave.Fault{misbehave.HTML, misbehave.ServerError, misbehave.CutConnection, misbehave.Forbidden, misbehave.TruncatedJSON} {
		b.sim.Orders.Clear()
		b.sim.Orders.Add(misbehave.Order{Fault: f, Times: -1})
		b.sim.ExpireTokens()
		b.restart()
		if err := b.poller.Refresh(t.Context()); err != nil {
			all.WriteString(err.Error())
		}
		all.WriteString(b.metrics() + b.results())
	}
	b.sim.Orders.Clear()
	b.server.Close()
	if err := b.poller.Refresh(t.Context()); err != nil {
		all.WriteString(err.Error())
	}
	all.WriteString(b.log.String())
	state, err := os.ReadFile(b.state)
	check(t, err)
	all.Write(state)
	for _, s := range append(tokens, secret, "sim-token-", "Basic ") {
		if strings.Contains(all.String(), s) {
			t.Errorf("%q comes out", s)
		}
	}
}

func TestNothingButReadingIsSent(t *testing.T) {
	tr := &exporters.ReadOnlyTransport{Base: http.DefaultTransport, PostPaths: []string{tokenPath}}
	for _, r := range []struct{ method, path string }{{"DELETE", "/api/alert_manager/v1/alerts"}, {"POST", "/api/2/clients"}, {"PUT", tokenPath}, {"PATCH", "/"}} {
		req := httptest.NewRequest(r.method, "http://127.0.0.1:1"+r.path, nil)
		if _, err := tr.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s %s: %v", r.method, r.path, err)
		}
	}
}
