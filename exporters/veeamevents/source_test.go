package veeamevents

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/winevent"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	sourcetest.Check(t, err)
	return data
}

// bench is a machine with logs, and a poller on it.
type bench struct {
	t      *testing.T
	now    time.Time
	log    []winevent.Event
	err    error
	asked  []winevent.Query
	state  string
	poller *exporters.Poller
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: at("2026-03-10T08:00:00Z"), state: filepath.Join(t.TempDir(), "state.json")}
	for _, name := range []string{"backup.xml", "agent.xml"} {
		events, err := winevent.Parse(fixture(t, name))
		sourcetest.Check(t, err)
		b.log = append(b.log, events...)
	}
	b.restart()
	return b
}

func (b *bench) read(_ context.Context, q winevent.Query) ([]winevent.Event, error) {
	b.asked = append(b.asked, q)
	var out []winevent.Event
	for _, e := range b.log {
		if e.Channel == q.Channel && !e.Time.After(b.now) && !e.Time.Before(q.Since) {
			out = append([]winevent.Event{e}, out...) // newest first
		}
	}
	return out, b.err
}

func (b *bench) restart() {
	b.t.Helper()
	c := &Config{Logs: []string{"backup", "agent"}, Owner: exporters.Owner{Customer: "dupont", CustomerName: "Dupont SA"},
		Host: exporters.Host{Machine: "PC-ATELIER", MachineClass: exporters.Workstation}}
	sourcetest.Check(b.t, c.Validate(""))
	now := func() time.Time { return b.now }
	var err error
	b.poller, err = exporters.NewPoller(exporters.PollerOptions{
		Name: "veeam-dupont", Engine: Key, Source: newSource(c, b.read, exporters.SourceOptions{Now: now}), Interval: time.Minute, Timeout: time.Minute,
		WarningIsSuccess: true, StateFile: b.state, Now: now, Logger: slog.New(slog.NewTextHandler(new(bytes.Buffer), nil)),
	})
	sourcetest.Check(b.t, err)
}

func (b *bench) refresh(when string) {
	b.t.Helper()
	b.now = at(when)
	sourcetest.Check(b.t, b.poller.Refresh(b.t.Context()))
}

func (b *bench) find(machine, plan string) *exporters.Job {
	for i, j := range b.poller.View().Jobs {
		if j.Machine == machine && j.Plan == plan {
			return b.poller.View().Jobs[i]
		}
	}
	return nil
}

func (b *bench) job(machine, plan string) *exporters.Job {
	b.t.Helper()
	j := b.find(machine, plan)
	if j == nil {
		b.t.Fatalf("no job %s of %s", plan, machine)
	}
	return j
}

func TestGoldenExposition(t *testing.T) {
	b := newBench(t)
	b.refresh("2026-03-10T08:00:00Z")
	sourcetest.GoldenMetrics(t, "exposition.prom", sourcetest.Metrics(b.poller))
}

func TestResults(t *testing.T) {
	b := newBench(t)
	b.refresh("2026-03-10T08:00:00Z")
	for _, c := range []struct {
		machine, plan string
		result        exporters.Result
		failures      int
		success       string
		text          string
	}{
		{"SRV-SQL", "All VMs", exporters.Failed, 1, "2026-03-08T20:20:00Z", "VSS: insufficient storage"},
		{"SRV-WEB", "All VMs", exporters.Warning, 0, "2026-03-09T20:30:00Z", "SRV-WEB task has finished with 'Warning' state."},
		{"PC-LÉA", "PC-LÉA", exporters.Warning, 0, "2026-03-09T11:20:00Z", "finished with Warning"},
		{"Offsite", "Offsite", exporters.Success, 0, "2026-03-08T23:00:00Z", ""},
		{"PC-ATELIER", "Portable de l'atelier", exporters.Success, 0, "2026-03-08T10:30:00Z", ""},
		{"PC-ATELIER", "Documents", exporters.Warning, 0, "2026-03-09T12:05:00Z", "finished with Warning"},
	} {
		j := b.job(c.machine, c.plan)
		if j.LastResult != c.result || j.Failures != c.failures || !j.LastSuccess.Truncate(time.Second).Equal(at(c.success)) || !strings.Contains(j.Error, c.text) {
			t.Errorf("%s: %s, %d failures, success %v, %q", c.plan, j.LastResult, j.Failures, j.LastSuccess, j.Error)
		}
	}
	if b.find("Old", "Old") != nil {
		t.Error("a deleted job is shown")
	}
	if j := b.job("Offsite", "Offsite"); !j.Running || !j.RunningSince.Equal(at("2026-03-10T07:30:00Z")) {
		t.Errorf("running %v since %v", j.Running, j.RunningSince)
	}
}

// A failure that will be tried again is none yet, and the last one counts once.
func TestRetries(t *testing.T) {
	b := newBench(t)
	b.refresh("2026-03-09T19:00:00Z")
	for _, when := range []string{"2026-03-09T20:15:00Z", "2026-03-09T20:32:00Z", "2026-03-09T20:50:30Z"} {
		b.refresh(when)
		if j := b.job("SRV-SQL", "All VMs"); j.LastResult != exporters.Success || j.Failures != 0 {
			t.Errorf("%s: %s, %d failures", when, j.LastResult, j.Failures)
		}
	}
	b.refresh("2026-03-09T20:52:00Z")
	if j := b.job("SRV-SQL", "All VMs"); j.LastResult != exporters.Failed || j.Failures != 1 || !j.LastRun.Equal(at("2026-03-09T20:50:00Z")) {
		t.Errorf("%s, %d failures, run %v", j.LastResult, j.Failures, j.LastRun)
	}
	if j := b.job("PC-ATELIER", "Portable de l'atelier"); j.LastResult != exporters.Success || j.Running {
		t.Errorf("agent between two tries: %s, running %v", j.LastResult, j.Running)
	}
}

// A session that never tells its end does not hide its failed task for ever.
func TestFailedTaskOfAnUnfinishedSession(t *testing.T) {
	b := newBench(t)
	var kept []winevent.Event
	for _, e := range b.log {
		if e.RecordID != 8 || e.Channel != backupChannel {
			if e.Channel != backupChannel || e.RecordID < 9 || e.RecordID > 11 {
				kept = append(kept, e)
			}
		}
	}
	b.log = kept
	b.refresh("2026-03-10T08:00:00Z")
	if j := b.job("SRV-SQL", "All VMs"); j.LastResult != exporters.Success {
		t.Errorf("decided too early: %s", j.LastResult)
	}
	b.refresh("2026-03-10T20:30:00Z")
	if j := b.job("SRV-SQL", "All VMs"); j.LastResult != exporters.Failed {
		t.Errorf("never decided: %s", j.LastResult)
	}
}

// 1 is a warning of a job, 3 one of a task.
func TestCodes(t *testing.T) {
	for code, want := range map[string]exporters.Result{"0": exporters.Success, "1": exporters.Warning, "2": exporters.Failed, "3": exporters.Unknown, "-1": exporters.Unknown} {
		if got, known := jobResult(code); got != want || known != (want != exporters.Unknown) {
			t.Errorf("JobResult %s: %s", code, got)
		}
	}
	for code, want := range map[string]exporters.Result{"0": exporters.Success, "1": exporters.Unknown, "2": exporters.Failed, "3": exporters.Warning, "7": exporters.Unknown} {
		if got, finished, known := taskStatus(code); got != want || !finished || known != (want != exporters.Unknown) {
			t.Errorf("Status %s: %s", code, got)
		}
	}
	for _, code := range []string{"5", "6"} {
		if _, finished, known := taskStatus(code); finished || !known {
			t.Errorf("Status %s is finished", code)
		}
	}
	for level, want := range map[int]exporters.Result{2: exporters.Failed, 3: exporters.Warning, 4: exporters.Success, 0: exporters.Unknown, -1: exporters.Unknown} {
		if got, _ := agentResult(level, ""); got != want {
			t.Errorf("level %d: %s", level, got)
		}
	}
	// Classic logs write level 0 for what went well, and a text may be worse than its level.
	for text, want := range map[string]exporters.Result{"Veeam Agent 'x' finished with Success.": exporters.Success, "Veeam Agent 'x' finished with Error.": exporters.Failed, "finished with Warning": exporters.Warning} {
		if got, known := agentResult(0, text); got != want || !known {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got, _ := agentResult(4, "Veeam Agent 'x' finished with Failed."); got != exporters.Failed {
		t.Errorf("a failure at the level of information: %s", got)
	}
}

// Of data with names what decides has to be there; the rest may be missing or odd.
func TestDataThatAreOdd(t *testing.T) {
	for name, change := range map[string]func(map[string]string){
		"no session":         func(d map[string]string) { delete(d, "jobsessionid") },
		"an odd session":     func(d map[string]string) { d["jobsessionid"] = "7" },
		"no word of a retry": func(d map[string]string) { delete(d, "willberetried") },
		"a retry by number":  func(d map[string]string) { d["willberetried"] = "0" },
		"blanks":             func(d map[string]string) { d["jobresult"] = " " + d["jobresult"] + "\n" },
		"no name":            func(d map[string]string) { delete(d, "jobname") },
	} {
		b := newBench(t)
		var id string
		for i := range b.log {
			if e := &b.log[i]; e.Channel == backupChannel && e.RecordID == 13 {
				id = strings.ToLower(strings.Trim(e.Named["jobid"], "{}"))
				e.Named["jobresult"] = "2"
				change(e.Named)
			}
		}
		b.refresh("2026-03-10T08:00:00Z")
		found := false
		for _, j := range b.poller.View().Jobs {
			if j.ID == id {
				found = true
				if j.LastResult != exporters.Failed {
					t.Errorf("%s: %s", name, j.LastResult)
				}
			}
		}
		if !found {
			t.Errorf("%s: no job %s", name, id)
		}
	}
}

func TestUnknownCodesAreCountedAndNoSuccess(t *testing.T) {
	b := newBench(t)
	for i := range b.log {
		if e := &b.log[i]; e.Channel == backupChannel && e.RecordID == 13 {
			e.Named["jobresult"] = "9"
		}
	}
	b.refresh("2026-03-10T08:00:00Z")
	b.refresh("2026-03-10T08:05:00Z")
	if j := b.job("PC-LÉA", "PC-LÉA"); j.LastResult != exporters.Unknown || !j.LastSuccess.IsZero() {
		t.Errorf("%s, success %v", j.LastResult, j.LastSuccess)
	}
	if !strings.Contains(sourcetest.Metrics(b.poller), `backup_source_unknown_values_total{source="veeam-dupont",field="job_result"} 1`) {
		t.Error("not counted once")
	}
}

func TestDataOfAnotherShape(t *testing.T) {
	b := newBench(t)
	for i := range b.log {
		if e := &b.log[i]; e.Channel == backupChannel {
			e.Data, e.Named = []string{"something", "else"}, nil
		}
	}
	if err := b.poller.Refresh(t.Context()); exporters.ReasonOf(err) != exporters.ReasonMalformed {
		t.Errorf("events that cannot be read: %v", err)
	}
}

func TestRestartAndClearedLog(t *testing.T) {
	b := newBench(t)
	b.refresh("2026-03-10T08:00:00Z")
	count := len(b.poller.View().Jobs)
	sourcetest.Check(t, b.poller.Save())
	b.log = nil
	b.restart()
	for range exporters.DefaultGrace + 2 {
		b.refresh("2026-03-10T09:00:00Z")
	}
	if got := len(b.poller.View().Jobs); got != count {
		t.Errorf("%d jobs after the log was cleared, want %d", got, count)
	}
	if j := b.job("SRV-SQL", "All VMs"); j.LastResult != exporters.Failed || !j.LastSuccess.Equal(at("2026-03-08T20:20:00Z")) {
		t.Errorf("%s, success %v", j.LastResult, j.LastSuccess)
	}
	b.err = errors.New("access denied")
	if err := b.poller.Refresh(t.Context()); err == nil || b.poller.View().Up {
		t.Error("a log that cannot be read is no failure")
	}
}

func TestOnlyWhatIsNewIsAsked(t *testing.T) {
	b := newBench(t)
	b.refresh("2026-03-10T08:00:00Z")
	b.asked = nil
	b.refresh("2026-03-10T08:05:00Z")
	if q := b.asked[0]; q.Channel != backupChannel || !q.Since.Equal(at("2026-03-10T06:30:00Z")) || q.Messages {
		t.Errorf("%+v", q)
	}
}

func TestConfigIsStrict(t *testing.T) {
	sourcetest.CheckSettings[Config](t, Key, map[string]string{
		"customer: d":                                  "logs: missing",
		"logs: [backup, backup]\ncustomer: d":          "logs",
		"logs: [system]\ncustomer: d":                  "logs",
		"logs: [backup]":                               "customer",
		"logs: [backup]\ncustomer: d\nlookback: 1h":    "lookback",
		"logs: [backup]\ncustomer: d\nlog: x":          "unknown key",
		"logs: [agent]\ncustomer: d\nmachine_class: x": "machine_class",
	})
}

func FuzzFacts(f *testing.F) {
	f.Add(fixture(f, "backup.xml"))
	f.Add(fixture(f, "agent.xml"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := winevent.Parse(data)
		if err != nil {
			return
		}
		c := &Config{Logs: []string{"backup"}, Owner: exporters.Owner{Customer: "c"}, Host: exporters.Host{Machine: "m"}}
		sourcetest.Check(t, c.Validate(""))
		all := newState()
		var out exporters.Snapshot
		for i := range events {
			all.learnBackup(&events[i], all.counter(&out))
			all.learnAgent(&events[i], "m", all.counter(&out))
		}
		now := at("2026-03-10T08:00:00Z")
		all.forget(c, now)
		seen := map[string]bool{}
		for _, j := range build(all, c, now, all.counter(&out)) {
			if j.ID == "" || seen[j.ID] {
				t.Errorf("id %q stands twice or is empty", j.ID)
			}
			seen[j.ID] = true
		}
	})
}
