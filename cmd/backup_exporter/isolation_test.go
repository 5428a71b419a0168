//go:build !windows

package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigie/exporters"
)

// reading is a source that answers, or panics, on order.
type reading struct {
	fetched atomic.Int64
	panics  atomic.Bool
}

func (r *reading) Fetch(context.Context) (exporters.Snapshot, error) {
	r.fetched.Add(1)
	if r.panics.Load() {
		var jobs []exporters.Job
		jobs[0].Machine = "nobody" // a fault as they happen
	}
	return exporters.Snapshot{Jobs: []exporters.Job{{Customer: "dupont", ID: "j", Machine: "SRV-AD", LastSuccess: time.Now().Add(-time.Hour)}}}, nil
}

// A fault in one source leaves the others, and its own last results, alone.
func TestPanicOfOneSourceStaysThere(t *testing.T) {
	bad, good := &reading{}, &reading{}
	h := newManager(t.TempDir(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	each := common{PollInterval: exporters.Duration(5 * time.Millisecond), Timeout: exporters.Duration(time.Second)}
	var instances []instance
	for name, s := range map[string]*reading{"bad": bad, "good": good} {
		in := instance{common: each, engine: "test", source: s}
		in.Name = name
		instances = append(instances, in)
	}
	if _, err := h.applySources(t.Context(), instances); err != nil {
		t.Fatal(err)
	}
	defer h.close()
	view := func(name string) *exporters.View {
		for _, v := range h.views() {
			if v.Source == name {
				return v
			}
		}
		t.Fatalf("no view of %s", name)
		return nil
	}
	wait := func(what string, ok func() bool) {
		t.Helper()
		for range 400 {
			if ok() {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("it did not happen that %s", what)
	}
	wait("both are read", func() bool { return view("bad").Up && view("good").Up })
	bad.panics.Store(true)
	wait("the bad one is down", func() bool { return !view("bad").Up })
	if v := view("bad"); len(v.Jobs) != 1 || v.Jobs[0].LastSuccess.IsZero() || v.Errors[exporters.ReasonOther] == 0 || strings.Contains(v.Problem, "nobody") {
		t.Errorf("%d jobs, errors %v, %q", len(v.Jobs), v.Errors, v.Problem)
	}
	n := good.fetched.Load()
	wait("the good one goes on", func() bool { return good.fetched.Load() > n+3 && view("good").Up })
	bad.panics.Store(false)
	wait("the bad one recovers", func() bool { return view("bad").Up })
}

// What a reload cannot bring in leaves everything running as it was: a source
// that stands still must never look as if it were read.
func TestReloadThatCannotReadAStateStopsNothing(t *testing.T) {
	p := newProcess(t)
	p.start("--web.enable-lifecycle")
	p.eventually("both sources are read", func() bool { return strings.Count(p.metrics(), "\nbackup_job_info{") == 2 })
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(good), "poll_interval: 1s", "poll_interval: 2s")
	more := changed + strings.Replace(changed[strings.Index(changed, "  - name: veeam-dupont"):], "veeam-dupont", "veeam-two", 1)
	if err := os.WriteFile(filepath.Join(p.dir, "data", "veeam-two.json"), []byte(`{"schema":1,"jobs":[`), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, p.dir, "backup_exporter.yml", more)
	if code, body := p.request(http.MethodPost, "/-/reload", webPassword); code != http.StatusInternalServerError || !strings.Contains(body, "veeam-two") {
		t.Fatalf("%d %s", code, body)
	}
	before := p.acronis.Requests("tasks")
	p.acronis.FailBackup(p.machine, "the cloud is full")
	p.eventually("the old sources are still read", func() bool {
		return p.acronis.Requests("tasks") > before+1 && strings.Contains(p.metrics(), "backup_job_last_result{source=\"acronis-lab\"") &&
			strings.Contains(p.metrics(), "} 3\n")
	})
	if m := p.metrics(); strings.Contains(m, "veeam-two") || strings.Count(m, `backup_source_up{`) != 2 {
		t.Error("the new configuration came in part")
	}
	p.end()
}
