package veeam

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vigie/exporters"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
	"vigie/exporters/veeam/veeamsim"
)

// Jobs of agents tell no results by machine; their restore points do.
func TestMachinesOfAnAgentJob(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	all := []string{"SRV-1", "SRV-2", "SRV-3"}
	job := b.sim.AddJob(veeamsim.Job{Name: "Servers by agent", Type: "WindowsAgentBackup", Workload: "server", Objects: all, Hour: 20})
	b.sim.SucceedJob(job)
	b.Refresh()
	first := b.Clock.Now()
	for _, m := range all {
		if j := b.Job(m); j.LastResult != exporters.Success || !j.LastSuccess.Equal(first) || j.Plan != "Servers by agent" || j.Class != exporters.Server {
			t.Errorf("%s: %s %v %q", m, j.LastResult, j.LastSuccess, j.Plan)
		}
	}
	if b.Has("Servers by agent") {
		t.Error("the job stands beside its machines")
	}
	b.Clock.Advance(24 * time.Hour)
	b.sim.FinishAgents(job, []string{"SRV-1"}, "SRV-2 and SRV-3 do not answer")
	b.Refresh()
	if j := b.Job("SRV-1"); j.LastResult != exporters.Warning || !j.LastSuccess.Equal(b.Clock.Now()) {
		t.Errorf("SRV-1 left a restore point: %s %v", j.LastResult, j.LastSuccess)
	}
	for _, m := range []string{"SRV-2", "SRV-3"} {
		if j := b.Job(m); j.LastResult != exporters.Failed || !j.LastSuccess.Equal(first) || j.Failures != 1 || j.Error != "SRV-2 and SRV-3 do not answer" {
			t.Errorf("%s: %s %v %d %q", m, j.LastResult, j.LastSuccess, j.Failures, j.Error)
		}
	}
	// A machine that never left a restore point has no name; the job stands for it.
	b.sim.AddObject(job, "SRV-NEW")
	b.Clock.Advance(time.Hour)
	b.sim.FinishAgents(job, all, "SRV-NEW does not answer")
	b.Refresh()
	if j := b.Job("Servers by agent"); j.LastResult != exporters.Failed || j.Error != "SRV-NEW does not answer" {
		t.Errorf("%s %q", j.LastResult, j.Error)
	}
}

// Restore points tell the last success where the server forgot its sessions.
func TestRestorePointsOutliveSessions(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	saved := b.Clock.Now()
	b.Clock.Advance(48 * time.Hour)
	b.sim.FailBackup("srv-ad", "broken")
	b.sim.FailBackup("srv-sql", "broken")
	b.sim.ForgetSessions(b.Clock.Now())
	b.Refresh()
	for _, m := range []string{"SRV-AD", "srv-sql"} {
		j := b.Job(m)
		if j.LastResult != exporters.Failed || j.LastSuccess.IsZero() || j.LastSuccess.After(saved) || saved.Sub(j.LastSuccess) > 10*time.Minute {
			t.Errorf("%s: %s, success %v, saved %v", m, j.LastResult, j.LastSuccess, saved)
		}
	}
}

// A restore point of a run that is known says no more than the run.
func TestRestorePointIsNoBetterThanItsRun(t *testing.T) {
	at := time.Date(2026, 3, 10, 22, 0, 0, 0, time.UTC)
	o := object{points: []time.Time{at.Add(-24 * time.Hour), at, at.Add(time.Hour)}}
	job := exporters.Job{Runs: []exporters.Run{{Start: at, End: at.Add(10 * time.Minute), Result: exporters.Warning}}, Running: true, RunningSince: at.Add(time.Hour)}
	if got := o.proof(&job, at.Add(48*time.Hour)); !got.Equal(at.Add(-24 * time.Hour)) {
		t.Errorf("proof is %v", got)
	}
	if got := (&object{}).proof(&job, at); !got.IsZero() {
		t.Errorf("no point proves %v", got)
	}
}

func TestPointName(t *testing.T) {
	for _, c := range []struct{ name, chain, job, want string }{
		{"linbase02 AgentBackupJob", "AgentBackupJob", "AgentBackupJob", "linbase02"},
		{"linbase02 AgentBackupJob", "other", "AgentBackupJob", "linbase02"},
		{"linbase01", "VMs", "VMs", "linbase01"},
		{" AgentBackupJob", "AgentBackupJob", "", "AgentBackupJob"},
		{"PC LEA", "", "LEA", "PC"},
	} {
		if got := pointName(c.name, c.chain, c.job); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A session that names one machine tells nothing of the others.
func TestSessionOfOneMachine(t *testing.T) {
	h := &jobHistory{objects: map[string]*object{"pc-1": {name: "PC-1"}, "big-pc-1": {name: "BIG-PC-1"}}}
	j := &jobState{Name: "Policy"}
	for name, want := range map[string]string{"Policy": "", "Policy - PC-1": "pc-1", "Policy - BIG-PC-1": "big-pc-1", "Policy - other": "", "": ""} {
		if got := h.only(&session{Name: exporters.Text(name)}, j); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestSupportEnd(t *testing.T) {
	var lic license
	sourcetest.Check(t, json.Unmarshal([]byte(`{"edition":"Standard","expirationDate":null,"supportExpirationDate":"2027-01-01T00:00:00Z"}`), &lic))
	known := newKnowledge()
	s := build(listing{licenses: []license{lic}}, &known, &Config{location: time.UTC}, time.Now())
	if len(s.Licenses) != 2 || !s.Licenses[0].Expiry.IsZero() || s.Licenses[1].Item != "support" || s.Licenses[1].Expiry.Year() != 2027 {
		t.Errorf("%+v", s.Licenses)
	}
}

func TestPartsOfPointsDegradeAlone(t *testing.T) {
	for _, endpoint := range []string{"backups", "restorePoints", "taskSessions"} {
		b := newBench(t, veeamsim.Options{})
		b.sim.Orders.Add(misbehave.Order{Endpoint: endpoint, Fault: misbehave.HTML, Times: -1})
		b.Refresh()
		m := b.Metrics()
		if !strings.Contains(m, `backup_source_up{source="veeam-dupont"} 1`) || !strings.Contains(m, `backup_source_endpoint_up{source="veeam-dupont",endpoint="`+endpoint+`"} 0`) {
			t.Errorf("%s does not degrade alone", endpoint)
		}
		if !b.Has("PC-LEA") {
			t.Errorf("without %s a job is gone", endpoint)
		}
	}
}

func TestListThatMoves(t *testing.T) {
	for _, endpoint := range []string{"jobs", "sessions", "taskSessions", "restorePoints"} {
		b := newBench(t, veeamsim.Options{})
		b.sim.Orders.Add(misbehave.Order{Endpoint: endpoint, Fault: misbehave.MoveList, Skip: 1, Times: 1})
		b.Refresh()
		if got := len(b.Poller.View().Jobs); got != 7 {
			t.Errorf("%s: %d jobs, want 7", endpoint, got)
		}
	}
}

func TestWrongCase(t *testing.T) {
	b := newBench(t, veeamsim.Options{Build: "13.1.0.411", Administrator: true})
	b.Clock.Advance(24 * time.Hour)
	b.sim.FailBackup("srv-ad", "broken")
	b.sim.SetJobEnabled(b.agent, false)
	b.sim.StartJob(b.vms)
	b.sim.Orders.Add(misbehave.Order{Fault: misbehave.WrongCase, Times: -1})
	b.Refresh()
	if v := b.Poller.View(); b.Job("SRV-AD").LastResult != exporters.Failed || b.Job("PC-LEA").Enabled || b.Job("PC-LEA").Class != exporters.Workstation || !b.Job("srv-web").Running || len(v.UnknownValues) != 0 {
		t.Errorf("%s, enabled %v, %s, unknown %v", b.Job("SRV-AD").LastResult, b.Job("PC-LEA").Enabled, b.Job("PC-LEA").Class, v.UnknownValues)
	}
}

func TestSlowBodyAndSkew(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	b.sim.Orders.Add(misbehave.Order{Fault: misbehave.SkewClock, Delay: -time.Hour, Times: -1})
	b.Refresh()
	if v := b.Poller.View(); v.ClockSkew == nil || *v.ClockSkew != -time.Hour {
		t.Errorf("skew %v", v.ClockSkew)
	}
	b.sim.Orders.Clear()
	b.sim.Orders.Add(misbehave.Order{Endpoint: "sessions", Fault: misbehave.SlowBody, Times: -1, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := b.source.Fetch(ctx); exporters.ReasonOf(err) != exporters.ReasonTimeout {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestNamesInEveryScript(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	names := misbehave.Names()
	for _, name := range names {
		b.sim.FailJob(b.sim.AddJob(veeamsim.Job{Name: name, Objects: []string{name}}), name)
	}
	b.sim.SucceedJob(b.sim.AddJob(veeamsim.Job{Name: "Everything", Objects: names}))
	b.Refresh()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(b.Metrics()))
	sourcetest.Check(t, err)
	if got, want := len(families["backup_job_info"].GetMetric()), 7+2*len(names); got != want {
		t.Errorf("%d jobs, want %d", got, want)
	}
}

// A refresh token serves once: a second use would be refused, and the
// password would open one more of a limited number of sessions.
func TestRefreshTokenServesOnce(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	for range 5 {
		b.Refresh()
		b.Clock.Advance(14 * time.Minute)
	}
	if p, r := b.sim.Grants("password"), b.sim.Grants("refresh_token"); p != 1 || r != 4 {
		t.Errorf("%d password and %d refresh grants, want 1 and 4", p, r)
	}
}
