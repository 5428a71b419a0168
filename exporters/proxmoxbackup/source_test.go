package proxmoxbackup

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vigie/exporters"
	"vigie/exporters/misbehave"
	"vigie/exporters/proxmoxbackup/proxmoxbackupsim"
	"vigie/exporters/sourcetest"
)

const secret = "5ecret-0f-the-t0ken"

type bench struct {
	*sourcetest.Bench
	sim    *proxmoxbackupsim.Sim
	config *Config
	source *Source
}

func newBench(t *testing.T, o proxmoxbackupsim.Options) *bench {
	t.Helper()
	b := &bench{Bench: sourcetest.New(t, time.Date(2026, 3, 8, 20, 0, 0, 0, time.UTC))}
	o.Now, o.Secret = b.Clock.Now, secret
	b.sim = proxmoxbackupsim.New(o)
	b.Serve(b.sim)
	b.sim.AddStore("main", 8<<40, 3<<40)
	b.sim.AddStore("shared", 4<<40, 1<<40, "dupont", "dupont/prod", "martin")
	b.run("main", "", "vm/100", "srv-ad", "OK")
	b.run("main", "", "host/nas-01", "", "OK")
	if !o.Old {
		b.run("shared", "dupont/prod", "ct/101", "srv-web", "OK")
		b.run("shared", "martin", "vm/100", "garage", "OK")
	}
	b.config = &Config{Address: b.Address(), Owner: exporters.Owner{Customer: "msp"},
		TokenID: "vigie@pbs!sim", SecretFile: sourcetest.SecretFile(t, secret),
		Customers: map[string]Customer{"shared/dupont": {ID: "dupont", Name: "Dupont SA"}, "shared/martin": {ID: "garage-martin"}}}
	b.restart()
	return b
}

// run lets a backup run for ten minutes.
func (b *bench) run(store, ns, group, comment, status string) *proxmoxbackupsim.Snapshot {
	r := b.sim.Start(store, ns, group, comment)
	b.Clock.Advance(10 * time.Minute)
	return b.sim.Finish(r, status)
}

func (b *bench) restart() {
	b.T.Helper()
	sourcetest.Check(b.T, b.config.Validate(""))
	var err error
	b.source, err = New(b.config, b.SourceOptions())
	sourcetest.Check(b.T, err)
	b.Poll(sourcetest.Options{Name: "pbs-lab", Engine: Engine, Source: b.source})
}

func (b *bench) find(id string) *exporters.Job {
	return b.Find(func(j *exporters.Job) bool { return j.ID == id })
}

func (b *bench) job(id string) exporters.Job {
	b.T.Helper()
	j := b.find(id)
	if j == nil {
		b.T.Fatalf("no job %s", id)
	}
	return *j
}

func TestGoldenExposition(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.Clock.Advance(24 * time.Hour)
	b.run("main", "", "vm/100", "srv-ad", "WARNINGS: 2")
	b.run("main", "", "host/nas-01", "", "connection error: timed out")
	bad := b.run("shared", "dupont/prod", "ct/101", "srv-web", "OK")
	b.sim.Do(func() { bad.Verification = "failed" })
	b.sim.Start("shared", "martin", "vm/100", "garage")
	b.Clock.Advance(5 * time.Minute)
	b.Refresh()
	b.Golden("exposition.prom")
	if n := b.sim.Requests("refused"); n != 0 {
		t.Errorf("%d questions were not understood", n)
	}
}

// Failures leave no snapshot: only a task tells of them.
func TestFailures(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.Refresh()
	good := b.job("main/vm/100").LastSuccess
	for night := range 2 {
		b.Clock.Advance(24 * time.Hour)
		b.run("main", "", "vm/100", "srv-ad", "backup write data failed")
		for range 2 {
			b.Refresh()
			j := b.job("main/vm/100")
			if j.LastResult != exporters.Failed || j.Failures != night+1 || !j.LastSuccess.Equal(good) || j.Error != "backup write data failed" || !j.LastRun.Equal(b.Clock.Now()) {
				t.Errorf("night %d: %s, %d failures, success %v, %q", night, j.LastResult, j.Failures, j.LastSuccess, j.Error)
			}
		}
	}
	b.Clock.Advance(24 * time.Hour)
	b.run("main", "", "vm/100", "srv-ad", "OK")
	b.sim.ForgetTasks() // the snapshot alone proves it
	b.Refresh()
	if j := b.job("main/vm/100"); j.LastResult != exporters.Success || j.Failures != 0 || !j.LastSuccess.Equal(b.Clock.Now().Add(-10*time.Minute)) {
		t.Errorf("%s, %d failures, success %v", j.LastResult, j.Failures, j.LastSuccess)
	}
	// A machine whose first backup fails has no group yet.
	b.run("main", "", "vm/200", "new", "no space left")
	b.Refresh()
	if j := b.job("main/vm/200"); j.LastResult != exporters.Failed || !j.LastSuccess.IsZero() {
		t.Errorf("never saved: %s, success %v", j.LastResult, j.LastSuccess)
	}
}

// Two customers have a guest of the same number, each in a namespace. The list
// of tasks holds no namespace, the log does: a failure is told to its own
// customer, with its words, and to nobody else, also if it is their first run.
func TestTaskOfTwoNamespaces(t *testing.T) {
	for name, owners := range map[string][2]string{"one token": {"root@pam!pve", "root@pam!pve"}, "a token each": {"dupont@pbs!pve", "martin@pbs!pve"}} {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, first run %v", name, first), func(t *testing.T) {
				b := newBench(t, proxmoxbackupsim.Options{})
				b.sim.AddStore("many", 4<<40, 1<<40, "dupont", "martin/dns")
				b.sim.Own("many", "dupont", owners[0])
				b.sim.Own("many", "martin/dns", owners[1])
				b.run("many", "dupont", "vm/100", "srv-ad", "OK")
				if !first {
					b.run("many", "martin/dns", "vm/100", "garage", "OK")
				}
				b.Refresh()
				b.Clock.Advance(24 * time.Hour)
				b.run("many", "dupont", "vm/100", "srv-ad", "OK")
				b.run("many", "martin/dns", "vm/100", "garage", "martin's disk is broken")
				for range 2 {
					b.Refresh()
					if j := b.job("many/dupont/vm/100"); j.LastResult != exporters.Success || j.Error != "" {
						t.Errorf("dupont: %s %q", j.LastResult, j.Error)
					}
					if j := b.job("many/martin/dns/vm/100"); j.LastResult != exporters.Failed || j.Error != "martin's disk is broken" || j.Failures != 1 {
						t.Errorf("martin: %s %q, %d failures", j.LastResult, j.Error, j.Failures)
					}
				}
				if n := b.sim.Requests("task_logs"); n != 1 {
					t.Errorf("%d logs were read, of one task that went wrong", n)
				}
				// One that runs is shown at its own, too.
				b.Clock.Advance(24 * time.Hour)
				b.sim.Start("many", "martin/dns", "vm/100", "garage")
				b.Refresh()
				if b.job("many/dupont/vm/100").Running || !b.job("many/martin/dns/vm/100").Running {
					t.Error("the running backup is shown at the wrong place")
				}
			})
		}
	}
}

// A task whose log cannot be read says nothing certain of anybody: unknown
// where it may belong, nothing where another user owns the group, and its words
// nowhere.
func TestTaskWithoutLog(t *testing.T) {
	for name, lose := range map[string]func(*bench){
		"rotated": func(b *bench) { b.sim.LoseLogs() },
		"forbidden": func(b *bench) {
			b.sim.Orders.Add(misbehave.Order{Endpoint: "task_logs", Fault: misbehave.Forbidden, Times: -1})
		},
		"HTML": func(b *bench) {
			b.sim.Orders.Add(misbehave.Order{Endpoint: "task_logs", Fault: misbehave.HTML, Times: -1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, proxmoxbackupsim.Options{})
			b.sim.AddStore("many", 4<<40, 1<<40, "dupont", "martin", "petit")
			b.sim.Own("many", "petit", "petit@pbs")
			for _, ns := range []string{"dupont", "martin", "petit"} {
				b.run("many", ns, "vm/100", ns, "OK")
			}
			b.Refresh()
			b.Clock.Advance(24 * time.Hour)
			b.run("many", "martin", "vm/100", "garage", "martin's disk is broken")
			lose(b)
			for range 2 {
				b.Refresh()
				for ns, want := range map[string]exporters.Result{"dupont": exporters.Unknown, "martin": exporters.Unknown, "petit": exporters.Success} {
					if j := b.job("many/" + ns + "/vm/100"); j.LastResult != want || j.Failures != 0 || strings.Contains(j.Error, "disk") {
						t.Errorf("%s: %s %q", ns, j.LastResult, j.Error)
					}
				}
			}
			if n := b.Poller.View().UnknownValues["task_namespace"]; n != 1 {
				t.Errorf("counted %d times", n)
			}
			if m := b.Metrics(); !strings.Contains(m, `backup_source_up{source="pbs-lab"} 1`) || !strings.Contains(m, `backup_source_unmatched_results{source="pbs-lab"} 1`) {
				t.Error("the whole source fails, or the task of nobody in particular is not counted")
			}
			if u := b.Poller.View().Unmatched; len(u) != 1 || u[0].Open != exporters.OpenNamespace || !slices.Equal(u[0].Jobs, []string{"many/dupont/vm/100", "many/martin/vm/100"}) {
				t.Errorf("listed: %+v", u)
			}
			b.sim.Orders.Clear()
			b.Clock.Advance(24 * time.Hour)
			b.run("many", "dupont", "vm/100", "srv-ad", "OK")
			b.Refresh()
			if j := b.job("many/dupont/vm/100"); j.LastResult != exporters.Success || j.Error != "" {
				t.Errorf("after a good run: %s %q", j.LastResult, j.Error)
			}
		})
	}
}

func TestVerification(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	first := b.Clock.Now()
	b.Clock.Advance(24 * time.Hour)
	s := b.run("main", "", "vm/100", "srv-ad", "OK")
	b.Refresh()
	for i, c := range []struct {
		state    string
		want     exporters.Result
		failures int
	}{{"", exporters.Success, 0}, {"ok", exporters.Success, 0}, {"failed", exporters.Failed, 1}, {"ok", exporters.Success, 0}, {"splendid", exporters.Unknown, 0}, {"FAILED", exporters.Failed, 1}} {
		b.sim.Do(func() { s.Verification = c.state })
		if i == 3 {
			b.sim.ForgetTasks()
		}
		for range 2 {
			b.Refresh()
			if j := b.job("main/vm/100"); j.LastResult != c.want || j.Failures != c.failures || (j.Error == "") != (c.want == exporters.Success) {
				t.Errorf("%d %q: %s, %d failures, %q", i, c.state, j.LastResult, j.Failures, j.Error)
			}
		}
	}
	if b.Poller.View().UnknownValues["verification"] != 1 {
		t.Errorf("counted %v", b.Poller.View().UnknownValues)
	}
	// An exporter that begins now believes the one before only.
	sourcetest.Check(t, os.Remove(b.State))
	b.restart()
	b.Refresh()
	if j := b.job("main/vm/100"); j.LastSuccess.After(first) || j.LastSuccess.IsZero() {
		t.Errorf("success %v, the good one ended %v", j.LastSuccess, first)
	}
}

func TestRunning(t *testing.T) {
	for name, tasks := range map[string]bool{"with tasks": true, "from snapshots alone": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, proxmoxbackupsim.Options{})
			b.config.Tasks = &tasks
			b.restart()
			b.Refresh()
			good := b.job("main/vm/100").LastSuccess
			b.Clock.Advance(24 * time.Hour)
			r := b.sim.Start("main", "", "vm/100", "srv-ad")
			since := b.Clock.Now()
			b.Clock.Advance(time.Hour)
			for range 2 {
				b.Refresh()
				if j := b.job("main/vm/100"); !j.Running || j.RunningSince.Sub(since).Abs() > time.Second || j.LastResult != exporters.Success || !j.LastSuccess.Equal(good) {
					t.Errorf("running %v since %v, %s, success %v", j.Running, j.RunningSince, j.LastResult, j.LastSuccess)
				}
			}
			b.sim.Vanish(r) // the server died: the task has ended, its remains lie there
			b.Refresh()
			j := b.job("main/vm/100")
			if !j.LastSuccess.Equal(good) || j.Running == tasks || tasks && j.LastResult != exporters.Failed {
				t.Errorf("after the end: running %v, %s, success %v", j.Running, j.LastResult, j.LastSuccess)
			}
		})
	}
}

// A group whose last snapshot prune deleted does not vanish while it looks good.
func TestPrunedGroup(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.Refresh()
	good := b.job("main/vm/100")
	b.sim.Prune("main", "", "vm/100")
	b.sim.ForgetTasks()
	for day := range 31 {
		b.Clock.Advance(24 * time.Hour)
		if day%10 == 5 {
			sourcetest.Check(t, b.Poller.Save())
			b.restart()
		}
		b.Refresh()
		if j := b.find("main/vm/100"); day < 30 && (j == nil || !j.LastSuccess.Equal(good.LastSuccess) || j.Machine != "srv-ad") {
			t.Fatalf("day %d: %+v", day, j)
		}
	}
	b.Clock.Advance(24 * time.Hour)
	for range exporters.DefaultGrace + 1 {
		b.Refresh()
	}
	if j := b.find("main/vm/100"); j != nil {
		t.Errorf("still shown: %+v", j)
	}
	b.config.Ignore = []string{"main/host/*"}
	b.restart()
	for range exporters.DefaultGrace + 1 {
		b.Refresh()
	}
	if j := b.find("main/host/nas-01"); j != nil {
		t.Errorf("ignored and shown: %+v", j)
	}
}

// A remark in one snapshot does not rename the machine.
func TestMachineNames(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	for _, comment := range []string{"srv-ad", "before the update", "srv-ad\nsecond line", ""} {
		b.Clock.Advance(time.Hour)
		b.run("main", "", "vm/100", comment, "OK")
	}
	b.Refresh()
	if j := b.job("main/vm/100"); j.Machine != "srv-ad" {
		t.Errorf("machine %q", j.Machine)
	}
	if j := b.job("main/host/nas-01"); j.Machine != "nas-01" {
		t.Errorf("machine %q", j.Machine)
	}
	b.config.MachineFrom = "id"
	b.restart()
	b.Refresh()
	if j := b.job("main/vm/100"); j.Machine != "100" {
		t.Errorf("machine %q", j.Machine)
	}
	for i, n := range []string{"été", "сервер", "サーバー", "خادم", "a\"b\\c\nd", strings.Repeat("長", 300)} {
		b.run("main", "", fmt.Sprintf("vm/%d", 300+i), n, "OK")
	}
	b.Refresh()
	if _, err := promlint.New(strings.NewReader(b.Metrics())).Lint(); err != nil {
		t.Error(err)
	}
	if j := b.job("shared/dupont/prod/ct/101"); j.Customer != "dupont" || j.CustomerName != "Dupont SA" {
		t.Errorf("customer %q %q", j.Customer, j.CustomerName)
	}
	if j := b.job("shared/martin/vm/100"); j.Customer != "garage-martin" {
		t.Errorf("customer %q", j.Customer)
	}
}

func TestOldServer(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{Old: true})
	b.Refresh()
	if n := len(b.Poller.View().Jobs); n != 2 {
		t.Errorf("%d jobs", n)
	}
}

func TestIncompleteListingKeepsTheOldSnapshot(t *testing.T) {
	for name, order := range map[string]misbehave.Order{
		"truncated JSON":    {Fault: misbehave.TruncatedJSON, Times: -1},
		"cut connection":    {Fault: misbehave.CutConnection, Times: -1},
		"HTML with 200":     {Fault: misbehave.HTML, Times: -1},
		"too many requests": {Fault: misbehave.TooManyRequests, Times: -1, RetryAfter: time.Second},
		"unavailable":       {Fault: misbehave.Unavailable, Times: -1, RetryAfter: time.Second},
		"forbidden":         {Fault: misbehave.Forbidden, Times: -1},
		"token withdrawn":   {Fault: misbehave.ExpireTokens, Times: -1},
	} {
		for _, endpoint := range []string{"datastores", "namespaces", "snapshots"} {
			t.Run(name+" of "+endpoint, func(t *testing.T) {
				b := newBench(t, proxmoxbackupsim.Options{})
				b.Refresh()
				before := b.Poller.View()
				b.Clock.Advance(time.Hour)
				b.run("main", "", "vm/100", "srv-ad", "OK")
				order.Endpoint = endpoint
				b.sim.Orders.Add(order)
				for range 3 {
					if err := b.Poller.Refresh(t.Context()); err == nil {
						t.Fatal("the refresh did not fail")
					}
				}
				after := b.Poller.View()
				if after.Up || !after.LastRefresh.Equal(before.LastRefresh) || len(after.Jobs) != len(before.Jobs) {
					t.Errorf("up %v, refreshed %v, %d jobs", after.Up, after.LastRefresh, len(after.Jobs))
				}
				b.sim.Orders.Clear()
				b.Refresh()
				if !b.job("main/vm/100").LastSuccess.Equal(b.Clock.Now()) {
					t.Error("the source did not recover")
				}
			})
		}
	}
}

// A list that comes without some of its items costs no group.
func TestShorterListing(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.Refresh()
	want := len(b.Poller.View().Jobs)
	b.sim.Orders.Add(misbehave.Order{Endpoint: "snapshots", Fault: misbehave.HalfPage, Times: -1})
	for range exporters.DefaultGrace + 2 {
		b.Refresh()
	}
	if got := len(b.Poller.View().Jobs); got != want {
		t.Errorf("%d jobs of %d", got, want)
	}
}

// Without the tasks the rest goes on.
func TestTasksDegradeAlone(t *testing.T) {
	for name, order := range map[string]misbehave.Order{
		"forbidden":      {Fault: misbehave.Forbidden, Times: -1},
		"repeated pages": {Fault: misbehave.RepeatCursor, Times: -1},
		"HTML":           {Fault: misbehave.HTML, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, proxmoxbackupsim.Options{})
			b.Refresh()
			b.Clock.Advance(time.Hour)
			b.run("main", "", "host/nas-01", "", "OK")
			order.Endpoint = "tasks"
			b.sim.Orders.Add(order)
			b.Refresh()
			if m := b.Metrics(); !strings.Contains(m, `backup_source_up{source="pbs-lab"} 1`) || !strings.Contains(m, `backup_source_endpoint_up{source="pbs-lab",endpoint="tasks"} 0`) {
				t.Error("the failure of the tasks is not told alone")
			}
			if j := b.job("main/host/nas-01"); !j.LastSuccess.Equal(b.Clock.Now().Add(-10 * time.Minute)) {
				t.Errorf("success %v", j.LastSuccess)
			}
		})
	}
	// Pages that come short are read to the end all the same.
	b := newBench(t, proxmoxbackupsim.Options{})
	for range 7 {
		b.Clock.Advance(time.Hour)
		b.run("main", "", "vm/100", "srv-ad", "failed")
	}
	b.sim.Orders.Add(misbehave.Order{Endpoint: "tasks", Fault: misbehave.HalfPage, Times: 2})
	b.Refresh()
	if j := b.job("main/vm/100"); j.Failures != 7 {
		t.Errorf("%d failures", j.Failures)
	}
}

// A datastore that the server cannot open keeps its groups; a namespace that
// is deleted meanwhile costs nothing.
func TestDatastores(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.Refresh()
	want := len(b.Poller.View().Jobs)
	b.sim.Trouble("shared", "unable to open chunk store")
	b.Clock.Advance(time.Hour)
	b.run("main", "", "vm/100", "srv-ad", "OK")
	sourcetest.Check(t, b.Poller.Save())
	b.restart()
	for range exporters.DefaultGrace + 2 {
		b.Refresh()
	}
	m := b.Metrics()
	if got := len(b.Poller.View().Jobs); got != want || !b.job("main/vm/100").LastSuccess.Equal(b.Clock.Now()) {
		t.Errorf("%d jobs of %d", got, want)
	}
	for _, line := range []string{`backup_repository_online{source="pbs-lab",customer="msp",repository="shared"} 0`, `backup_repository_online{source="pbs-lab",customer="msp",repository="main"} 1`,
		`backup_source_endpoint_up{source="pbs-lab",endpoint="snapshots"} 0`} {
		if !strings.Contains(m, line) {
			t.Errorf("no %s", line)
		}
	}
	if strings.Contains(m, `backup_repository_capacity_bytes{source="pbs-lab",customer="msp",repository="shared"}`) {
		t.Error("the closed datastore has a size")
	}
	b.sim.Trouble("shared", "")
	b.sim.Hook = func(endpoint, ns string) {
		if endpoint == "snapshots" && ns == "martin" {
			b.sim.DeleteNamespace("shared", "martin")
		}
	}
	b.Refresh()
	b.config.Datastores = []string{"main", "gone"}
	b.restart()
	if err := b.Poller.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "does not see the datastore gone") {
		t.Errorf("%v", err)
	}
	empty := proxmoxbackupsim.New(proxmoxbackupsim.Options{Now: b.Clock.Now, Secret: secret})
	b.Server.Config.Handler = empty
	b.config.Datastores = nil
	b.restart()
	if err := b.Poller.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "sees no datastore") {
		t.Errorf("%v", err)
	}
}

func TestWrongCaseAndClockSkew(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	s := b.run("main", "", "vm/100", "srv-ad", "OK")
	b.sim.Do(func() { s.Verification = "ok" })
	b.sim.Shout()
	b.Refresh()
	if j := b.job("main/vm/100"); j.LastResult != exporters.Success || len(b.Poller.View().UnknownValues) != 0 {
		t.Errorf("%s, counted %v", j.LastResult, b.Poller.View().UnknownValues)
	}
	b.sim.Skew(3 * time.Hour)
	b.Refresh()
	if m := b.Metrics(); !strings.Contains(m, `backup_source_clock_skew_seconds{source="pbs-lab"} 10800`) {
		t.Error("the difference of the clocks is not told")
	}
	b.sim.Do(func() { s.Time = b.Clock.Now().Add(5 * time.Hour) })
	b.Refresh()
	if j := b.job("main/vm/100"); j.LastSuccess.After(b.Clock.Now()) {
		t.Errorf("success %v", j.LastSuccess)
	}
	for _, order := range []misbehave.Order{{Fault: misbehave.TooManyRequests, Times: 1, RetryAfter: time.Second}, {Fault: misbehave.SlowBody, Times: 1, Delay: 20 * time.Millisecond}} {
		b.sim.Orders.Add(order)
		b.Refresh()
	}
}

func TestNoSecretComesOut(t *testing.T) {
	b := newBench(t, proxmoxbackupsim.Options{})
	b.CheckNoSecret(&b.sim.Orders, b.restart, func() []string { return []string{secret} })
}

func TestConfigIsStrict(t *testing.T) {
	t.Setenv("PBS_SECRET", "x")
	const good = "url: https://pbs.dupont.example:8007\ntoken_id: vigie@pbs!exporter\nsecret_env: PBS_SECRET\ncustomer: d\n"
	sourcetest.CheckSettings[Config](t, Engine, map[string]string{
		good: "", "token_id: vigie@pbs!x": "url", strings.Replace(good, "vigie@pbs!exporter", "vigie@pbs", 1): "not an API token", strings.Replace(good, "!exporter", "!exporter:secret", 1): "not an API token",
		strings.Replace(good, "customer: d\n", "", 1): "customer", good + "ignore: ['[']": "no pattern", good + "machine_from: name": "known are comment, id", good + "customers: {main/: {id: x}}": "no customer",
		good + "customers: {main: {name: x}}": "no customer", good + "task_lookback: 1m": "task_lookback: 1m0s is out of range", good + "forget_groups_after: 1h": "forget_groups_after: 1h0m0s is out of range", good + "nodes: x": "unknown key",
		strings.Replace(good, "https", "http", 1): "plain http", good + "backup_role: main": "no role", good + "tasks: false\nmachine_from: id": "",
	})
}

func FuzzSnapshots(f *testing.F) {
	f.Add([]byte(`{"data":[{"backup-type":"vm","backup-id":"100","backup-time":1773000000,"size":34359738368,"comment":"srv-ad","verification":{"state":"ok"}},{"backup-type":"vm","backup-id":"100","backup-time":1773086400}]}`),
		[]byte(`{"data":[{"upid":"UPID:1","worker_type":"backup","worker_id":"main:vm/100","starttime":1773086400,"endtime":1773086500,"status":"failed"}],"total":1}`))
	f.Fuzz(func(t *testing.T, snapshots, tasks []byte) {
		var a answer[snapshot]
		var b answer[task]
		if json.Unmarshal(snapshots, &a) != nil {
			return
		}
		_ = json.Unmarshal(tasks, &b)
		finished := map[string]bool{}
		for i := range a.Items {
			s := &a.Items[i]
			s.store = "main"
			if v := s.verified(); s.finished() && (v == "" || v == "ok") {
				finished[s.key().job()] = true
			}
		}
		c := &Config{Owner: exporters.Owner{Customer: "c"}, MachineFrom: "comment", ForgetGroupsAfter: exporters.Duration(24 * time.Hour)}
		k := newKnowledge()
		var out exporters.Snapshot
		now := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
		for range 2 {
			seen := map[string]bool{}
			jobs, _ := k.build(c, reading{stores: []datastore{{Name: "main"}}, spaces: map[string]bool{"main": false}, snapshots: a.Items, tasks: b.Items}, now, k.counter(&out))
			for _, j := range jobs {
				good := !j.LastSuccess.IsZero()
				for _, r := range j.Runs {
					good = good || r.Result == exporters.Success || r.Result == exporters.Warning
				}
				if good && !finished[j.ID] {
					t.Errorf("%s became a success", j.ID)
				}
				seen[j.ID] = true
			}
			k.remember([]exporters.Job{{ID: "main/vm/100"}, {ID: "odd"}}, now)
		}
	})
}
