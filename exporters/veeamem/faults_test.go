package veeamem

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
)

func TestAgents(t *testing.T) {
	for _, camel := range []bool{false, true} {
		b := newBench(t, camel)
		b.sim.AddComputer("SRV-ODD", "Dozing", "Installed")
		b.Refresh()
		m := b.Metrics()
		for line, want := range map[string]bool{
			`backup_agent_online{source="em-dupont",customer="dupont",machine="SRV-AGENT"} 1`: true,
			`backup_agent_online{source="em-dupont",customer="dupont",machine="PC-OFF"} 0`:    true,
			`machine="PC-BARE"`: false, // no agent on it
			`machine="SRV-ODD"`: false,
			`backup_source_unknown_values_total{source="em-dupont",field="host_status"} 1`: true,
		} {
			if strings.Contains(m, line) != want {
				t.Errorf("%s: want %v", line, want)
			}
		}
		// Version 13 asks for more rights; the rest works without.
		b.sim.Orders.Add(misbehave.Order{Endpoint: "agents", Fault: misbehave.Forbidden, Times: -1})
		b.Refresh()
		if m := b.Metrics(); strings.Contains(m, "backup_agent_online{") || !strings.Contains(m, `backup_source_endpoint_up{source="em-dupont",endpoint="agents"} 0`) || !strings.Contains(m, `backup_source_up{source="em-dupont"} 1`) {
			t.Error("agents do not degrade alone, or a reading of before is shown as one of now")
		}
	}
}

func TestPublishedAgents(t *testing.T) {
	var all computers
	sourcetest.Check(t, json.Unmarshal(sample(t, "veeam_agent_metrics_v12.json"), &all))
	got := agents(all.Items, "c", func(field, word string) { t.Errorf("%s %q is unknown", field, word) })
	if len(got) == 0 || len(got) != len(all.Items) || !got[0].Online || got[0].Machine == "" {
		t.Errorf("%+v", got)
	}
}

func TestListThatMoves(t *testing.T) {
	for _, endpoint := range []string{"sessions", "taskSessions"} {
		b := newBench(t, false)
		b.Clock.Advance(time.Hour)
		b.run(b.vms, "All VMs", false, "Success", "", map[string]string{"SRV-SQL": "Success", "SRV-WEB": "Success"})
		b.sim.Orders.Add(misbehave.Order{Endpoint: endpoint, Fault: misbehave.MoveList, Skip: 1, Times: 1})
		b.Refresh()
		if got := len(b.Poller.View().Jobs); got != 4 {
			t.Errorf("%s: %d jobs, want 4", endpoint, got)
		}
	}
}

func TestWrongCase(t *testing.T) {
	b := newBench(t, true)
	b.Clock.Advance(24 * time.Hour)
	b.run(b.vms, "All VMs", false, "Failed", "1 of 3 failed", map[string]string{"SRV-SQL": "Failed:no space", "SRV-WEB": "Success"})
	b.sim.Orders.Add(misbehave.Order{Fault: misbehave.WrongCase, Times: -1})
	b.Refresh()
	if v := b.Poller.View(); b.Job("SRV-SQL").LastResult != exporters.Failed || b.Job("SRV-WEB").LastResult != exporters.Success || len(v.UnknownValues) != 0 {
		t.Errorf("%s %s %v", b.Job("SRV-SQL").LastResult, b.Job("SRV-WEB").LastResult, v.UnknownValues)
	}
}

func TestDownSlowAndSkewed(t *testing.T) {
	b := newBench(t, false)
	b.sim.Orders.Add(misbehave.Order{Fault: misbehave.SkewClock, Delay: time.Hour, Times: -1})
	b.Refresh()
	before := b.Poller.View()
	if before.ClockSkew == nil || *before.ClockSkew != time.Hour {
		t.Errorf("skew %v", before.ClockSkew)
	}
	b.sim.SetDown(true)
	if err := b.Poller.Refresh(t.Context()); exporters.ReasonOf(err) != exporters.ReasonServer {
		t.Errorf("got %v", err)
	}
	if v := b.Poller.View(); v.Up || len(v.Jobs) != len(before.Jobs) || !v.LastRefresh.Equal(before.LastRefresh) {
		t.Error("the last good snapshot did not stay")
	}
	b.sim.SetDown(false)
	b.sim.Orders.Clear()
	b.sim.Orders.Add(misbehave.Order{Endpoint: "sessions", Fault: misbehave.SlowBody, Times: -1, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := b.source.Fetch(ctx); exporters.ReasonOf(err) != exporters.ReasonTimeout {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestThrottling(t *testing.T) {
	for _, fault := range []misbehave.Fault{misbehave.TooManyRequests, misbehave.Unavailable} {
		b := newBench(t, false)
		b.sim.Orders.Add(misbehave.Order{Endpoint: "sessions", Fault: fault, Times: 2, RetryAfter: time.Second})
		b.Refresh()
		b.sim.Orders.Add(misbehave.Order{Endpoint: "sessions", Fault: fault, Times: -1, RetryAfter: time.Second})
		if err := b.Poller.Refresh(t.Context()); err == nil || b.Poller.View().Up {
			t.Errorf("%s for ever: %v", fault, err)
		}
	}
}

func TestNamesInEveryScript(t *testing.T) {
	b := newBench(t, true)
	names := misbehave.Names()
	outcomes := map[string]string{}
	for _, name := range names {
		outcomes[name] = "Failed:" + name
		b.run(b.sim.NewID(), name, false, "Failed", name, nil)
	}
	b.run(b.sim.NewID(), "Everything", false, "Failed", "", outcomes)
	b.Refresh()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(b.Metrics()))
	sourcetest.Check(t, err)
	if got, want := len(families["backup_job_info"].GetMetric()), 4+2*len(names); got != want {
		t.Errorf("%d jobs, want %d", got, want)
	}
}
