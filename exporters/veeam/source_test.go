package veeam

import (
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
	"vigie/exporters/veeam/veeamsim"
)

const password = "p4ssw0rd-of-the-viewer"

// bench is a simulated server with a poller on it.
type bench struct {
	*sourcetest.Bench
	sim      *veeamsim.Sim
	source   *Source
	pageSize int // 2 unless set
	version  string
	timezone string

	vms, ad, agent string // jobs
}

func newBench(t *testing.T, o veeamsim.Options) *bench {
	t.Helper()
	b := &bench{Bench: sourcetest.New(t, time.Date(2026, 3, 9, 22, 0, 0, 0, time.UTC)), version: "auto"}
	o.Now, o.Password = b.Clock.Now, password
	b.sim = veeamsim.New(o)
	b.Serve(b.sim)
	b.vms = b.sim.AddJob(veeamsim.Job{Name: "All VMs", Objects: []string{"srv-sql", "srv-web", "srv-erp", "srv-rds"}, Hour: 21})
	b.ad = b.sim.AddJob(veeamsim.Job{Name: "AD", Objects: []string{"srv-ad"}, Hour: 22})
	b.agent = b.sim.AddJob(veeamsim.Job{Name: "PC-LEA", Type: "WindowsAgentBackup", Workload: "workstation", Objects: []string{"PC-LEA"}, Hour: 12})
	b.sim.AddJob(veeamsim.Job{Name: "New job", Objects: []string{"srv-new"}, Hour: 3})
	b.sim.AddRepository("Default Backup Repository", 100, 25)
	for _, j := range []string{b.vms, b.ad, b.agent} {
		b.sim.SucceedJob(j)
		b.Clock.Advance(time.Minute)
	}
	b.restart()
	return b
}

// restart builds source and poller anew, as a new process would.
func (b *bench) restart() {
	b.T.Helper()
	c := &Config{Remote: httpclient.Remote{Address: b.Address()}, Login: exporters.Login{Username: "sim-viewer", PasswordFile: sourcetest.SecretFile(b.T, password)},
		Owner: exporters.Owner{Customer: "dupont", CustomerName: "Dupont SA"}, APIVersion: b.version, Timezone: b.timezone, PageSize: 2}
	if b.pageSize > 0 {
		c.PageSize = b.pageSize
	}
	sourcetest.Check(b.T, c.Validate(""))
	var err error
	b.source, err = New(c, b.SourceOptions())
	sourcetest.Check(b.T, err)
	b.Poll(sourcetest.Options{Name: "veeam-dupont", Engine: Engine, Source: b.source, Machines: map[string]string{"SRV-AD": "SRV-AD"}})
}

func TestGoldenExposition(t *testing.T) {
	b := newBench(t, veeamsim.Options{Build: "13.0.1.180", Administrator: true})
	b.Clock.Advance(24 * time.Hour)
	b.sim.FailBackup("srv-sql", "Error: VSS writer failed")
	b.sim.WarnBackup("srv-ad", "Guest processing skipped")
	b.sim.StartJob(b.agent)
	b.Clock.Advance(5 * time.Minute)
	b.Refresh()
	b.Golden("exposition.prom")
	sourcetest.Golden(t, "results.json", b.Results())
}

// Every revision tells the same story in its own words.
func TestEveryRevision(t *testing.T) {
	for build, wantObjects := range map[string]bool{"12.0.0.1420": false, "12.1.1.56": false, "12.2.0.334": false, "12.3.0.310": true, "12.3.1.1139": true,
		"13.0.0.4967": true, "13.0.1.180": true, "13.1.0.411": true} {
		t.Run(build, func(t *testing.T) {
			b := newBench(t, veeamsim.Options{Build: build})
			b.Clock.Advance(24 * time.Hour)
			b.sim.FailBackup("srv-ad", "Error: VSS writer failed")
			b.sim.SetJobEnabled(b.agent, false)
			b.Refresh()
			machine := "srv-ad"
			if !wantObjects {
				machine = "AD" // the job's name is all there is
			} else {
				machine = "SRV-AD"
			}
			j := b.Job(machine)
			if j.LastResult != exporters.Failed || j.Failures != 1 || !strings.Contains(j.Error, "VSS writer failed") || !j.LastRun.Equal(b.Clock.Now()) ||
				!j.LastSuccess.Equal(b.Clock.Now().Add(-24*time.Hour-2*time.Minute)) {
				t.Errorf("got %s, %d failures, %q, run %v, success %v", j.LastResult, j.Failures, j.Error, j.LastRun, j.LastSuccess)
			}
			if j := b.Job("PC-LEA"); j.Enabled || j.LastResult != exporters.Success || j.Class != exporters.Workstation {
				t.Errorf("disabled job: enabled %v, %s, %s", j.Enabled, j.LastResult, j.Class)
			}
			if got := b.Has("srv-erp"); got != wantObjects {
				t.Errorf("results by object: %v, want %v", got, wantObjects)
			}
			if m := b.Metrics(); strings.Contains(m, "backup_source_unknown_values_total{") {
				t.Errorf("words of a known revision are unknown:\n%s", m)
			}
		})
	}
}

func TestObjectsOfOneJob(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.Refresh()
	b.Clock.Advance(24 * time.Hour)
	b.sim.FailBackup("srv-sql", "no space")
	b.Refresh()
	if j := b.Job("srv-sql"); j.LastResult != exporters.Failed || j.ID != b.vms+"/srv-sql" || j.Plan != "All VMs" || j.Error != "no space" {
		t.Errorf("srv-sql: %s %q %q %q", j.LastResult, j.ID, j.Plan, j.Error)
	}
	if j := b.Job("srv-web"); j.LastResult != exporters.Success {
		t.Errorf("srv-web: %s; the failure was its neighbour's", j.LastResult)
	}
	b.Clock.Advance(time.Hour)
	b.sim.FailJob(b.vms, "The repository cannot be reached")
	b.Refresh()
	for _, m := range []string{"srv-sql", "srv-web", "srv-erp", "srv-rds"} {
		if j := b.Job(m); j.LastResult != exporters.Failed || j.Error != "The repository cannot be reached" {
			t.Errorf("%s: %s %q; the whole job failed before it came to any object", m, j.LastResult, j.Error)
		}
	}
	if j := b.Job("srv-sql"); j.Failures != 2 {
		t.Errorf("%d failures, want 2", j.Failures)
	}
}

func TestNeverRun(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.Refresh()
	if j := b.Job("New job"); !j.LastRun.IsZero() || !j.LastSuccess.IsZero() || j.LastResult != exporters.Unknown {
		t.Errorf("got run %v success %v %s", j.LastRun, j.LastSuccess, j.LastResult)
	}
	if strings.Contains(b.Metrics(), `backup_job_last_success_timestamp_seconds{source="veeam-dupont",customer="dupont",job_id="`+b.Job("New job").ID+`"}`) {
		t.Error("a job that never ran has a last success")
	}
}

func TestRunningKeepsThePreviousResult(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.Clock.Advance(time.Hour)
	b.sim.FailBackup("srv-ad", "broken")
	b.Refresh()
	b.Clock.Advance(time.Hour)
	b.sim.StartJob(b.ad)
	since := b.Clock.Now()
	b.Clock.Advance(time.Minute)
	b.Refresh()
	j := b.Job("SRV-AD")
	if !j.Running || !j.RunningSince.Equal(since) || j.LastResult != exporters.Failed || j.Failures != 1 {
		t.Errorf("running %v since %v, %s, %d failures", j.Running, j.RunningSince, j.LastResult, j.Failures)
	}
	b.sim.CancelJob(b.ad)
	b.Refresh()
	if j := b.Job("SRV-AD"); j.Running || j.LastResult != exporters.Cancelled || j.Failures != 2 {
		t.Errorf("after the cancellation: running %v, %s, %d failures", j.Running, j.LastResult, j.Failures)
	}
}

func TestTokens(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "sessions", Fault: misbehave.ExpireTokens, Skip: 1, Times: 1})
	b.Refresh()
	if got := len(b.Poller.View().Jobs); got != 7 {
		t.Errorf("%d jobs, want 7", got)
	}
	if p, r := b.sim.Grants("password"), b.sim.Grants("refresh_token"); p != 1 || r != 1 {
		t.Errorf("%d password and %d refresh grants, want 1 and 1: sessions are limited", p, r)
	}
	b.Clock.Advance(13 * time.Minute)
	b.Refresh()
	if r := b.sim.Grants("refresh_token"); r != 2 {
		t.Errorf("%d refresh grants, want 2: the token was about to end", r)
	}
	sourcetest.Check(t, b.source.Close())
	if got := b.sim.Requests("logout"); got != 1 {
		t.Errorf("%d logouts", got)
	}
}

func TestIncompleteListingKeepsTheOldSnapshot(t *testing.T) {
	for name, order := range map[string]misbehave.Order{
		"half a page":    {Fault: misbehave.HalfPage, Times: -1},
		"truncated JSON": {Fault: misbehave.TruncatedJSON, Skip: 1, Times: -1},
		"cut connection": {Fault: misbehave.CutConnection, Skip: 1, Times: -1},
		"HTML with 200":  {Fault: misbehave.HTML, Skip: 1, Times: -1},
		"repeated pages": {Fault: misbehave.RepeatCursor, Times: -1},
		"server error":   {Fault: misbehave.ServerError, Skip: 1, Times: -1},
		"forbidden":      {Fault: misbehave.Forbidden, Times: -1},
		"too many":       {Fault: misbehave.TooManyRequests, Times: -1, RetryAfter: time.Second},
		"endless expiry": {Fault: misbehave.ExpireTokens, Times: -1},
	} {
		for _, endpoint := range []string{"jobs", "sessions"} {
			t.Run(name+" of "+endpoint, func(t *testing.T) {
				b := newBench(t, veeamsim.Options{})
				b.Refresh()
				before := b.Poller.View()
				b.Clock.Advance(time.Hour)
				b.sim.DeleteMachine("srv-ad")
				b.sim.SucceedJob(b.vms)
				b.sim.SucceedJob(b.agent)
				b.sim.SucceedJob(b.vms)
				order.Endpoint = endpoint
				b.sim.Orders.Add(order)
				for range 4 {
					if err := b.Poller.Refresh(t.Context()); err == nil {
						t.Fatal("the refresh did not fail")
					}
				}
				after := b.Poller.View()
				if after.Up || !after.LastRefresh.Equal(before.LastRefresh) || len(after.Jobs) != len(before.Jobs) || !b.Has("SRV-AD") {
					t.Errorf("up %v, refreshed %v, %d jobs", after.Up, after.LastRefresh, len(after.Jobs))
				}
				b.sim.Orders.Clear()
				b.Refresh()
				if !b.Job("srv-web").LastSuccess.Equal(b.Clock.Now()) {
					t.Error("the source did not recover")
				}
			})
		}
	}
}

func TestOptionalPartsDegradeAlone(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "repositories", Fault: misbehave.Forbidden, Times: -1})
	b.Refresh()
	m := b.Metrics()
	for _, want := range []string{`backup_source_up{source="veeam-dupont"} 1`, `backup_source_endpoint_up{source="veeam-dupont",endpoint="repositories"} 0`,
		`backup_source_endpoint_up{source="veeam-dupont",endpoint="license"} 0`, `backup_source_endpoint_up{source="veeam-dupont",endpoint="jobs"} 1`,
		`backup_source_errors_total{source="veeam-dupont",reason="forbidden"} 2`} {
		if !strings.Contains(m, want) {
			t.Errorf("missing: %s", want)
		}
	}
}

func TestSourceDownAndRestart(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.Refresh()
	before := b.Job("SRV-AD")
	sourcetest.Check(t, b.Poller.Save())
	b.sim.SetDown(true)
	b.restart()
	b.Clock.Advance(48 * time.Hour)
	if err := b.Poller.Refresh(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if j := b.Job("SRV-AD"); b.Poller.View().Up || !j.LastSuccess.Equal(before.LastSuccess) || j.Plan != "AD" {
		t.Errorf("up %v, success %v, plan %q", b.Poller.View().Up, j.LastSuccess, j.Plan)
	}
}

// The server forgets sessions; the exporter does not forget the last success.
func TestLastSuccessOutlivesTheServersMemory(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.Refresh()
	before := map[string]time.Time{}
	for _, m := range []string{"SRV-AD", "srv-web"} {
		before[m] = b.Job(m).LastSuccess
	}
	sourcetest.Check(t, b.Poller.Save())
	b.Clock.Advance(40 * 24 * time.Hour) // beyond the lookback
	b.restart()
	for range exporters.DefaultGrace + 2 {
		b.Refresh()
	}
	for m, want := range before {
		if j := b.Job(m); !j.LastSuccess.Equal(want) {
			t.Errorf("%s: last success %v, want %v", m, j.LastSuccess, want)
		}
	}
}

func TestDeletedMachineLeavesAfterTheGrace(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.Refresh()
	b.sim.DeleteMachine("srv-ad")
	for i := range exporters.DefaultGrace {
		b.Refresh()
		if !b.Has("SRV-AD") {
			t.Fatalf("gone after %d complete listings", i+1)
		}
	}
	b.Refresh()
	if b.Has("SRV-AD") {
		t.Error("still there after the grace")
	}
	// One of several: the job goes on without it, and after a week it is gone.
	b.sim.DeleteMachine("srv-erp")
	for day := range 9 {
		b.Clock.Advance(24 * time.Hour)
		b.sim.SucceedJob(b.vms)
		b.Refresh()
		if day < 6 && !b.Has("srv-erp") {
			t.Fatalf("srv-erp gone after %d days", day+1)
		}
	}
	b.Refresh()
	b.Refresh()
	if b.Has("srv-erp") || !b.Has("srv-web") {
		t.Error("srv-erp is still there, or srv-web went with it")
	}
}

func TestUnknownWords(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.Refresh()
	b.Clock.Advance(time.Hour)
	b.sim.FinishJobWith(b.ad, "Splendid")
	b.Refresh()
	if j := b.Job("SRV-AD"); j.LastResult != exporters.Unknown || j.LastSuccess.Equal(b.Clock.Now()) {
		t.Errorf("%s, success %v", j.LastResult, j.LastSuccess)
	}
	if !strings.Contains(b.Metrics(), `backup_source_unknown_values_total{source="veeam-dupont",field="session_result"} 1`) {
		t.Error("the word is not counted")
	}
}

func TestNoSecretComesOut(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.CheckNoSecret(&b.sim.Orders, b.restart, func() []string { return append(b.sim.Tokens(), password, "sim-access-", "sim-refresh-") })
}

func TestRevisionOf(t *testing.T) {
	for build, want := range map[string]string{"12.0.0.1420": "1.1-rev0", "12.1.2.172": "1.1-rev1", "12.2.0.334": "1.1-rev2", "12.3.0.310": "1.2-rev0",
		"12.3.2.3617": "1.2-rev1", "13.0.0.4967": "1.3-rev0", "13.0.1.180": "1.3-rev1", "13.1.0.411": "1.3-rev2", "14.0.0.1": "1.3-rev2",
		"11.0.1.1261": "", "": "", "twelve": ""} {
		if got, err := revisionOf(build); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", build, got, err)
		}
	}
}
