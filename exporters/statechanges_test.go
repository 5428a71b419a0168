package exporters_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "vigie/exporters"
)

// Between two complete readings only what changed is written; after any stop
// what was shown is known, and nothing else.
func TestStateInChanges(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "state.json")
	changes := file + ".changes"
	var s Snapshot
	open := func() *Poller {
		return newPoller(t, PollerOptions{StateFile: file, Source: fetch(func(context.Context) (Snapshot, error) { return s, nil })})
	}
	result := func(p *Poller, id string) Result {
		for _, j := range p.View().Jobs {
			if j.ID == id {
				return j.LastResult
			}
		}
		t.Fatalf("no job %s", id)
		return 0
	}
	run := func(id string, hour int, r Result) Job {
		return Job{ID: id, Customer: "c", Machine: id, Runs: []Run{{ID: id + "-" + r.String(), End: at(hour), Result: r}}}
	}
	p := open()
	s = Snapshot{Jobs: []Job{run("a", 1, Success), run("b", 1, Success)}, Agents: []Agent{{Customer: "c", Machine: "a", Online: true}}}
	refresh(t, p)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s = Snapshot{Incremental: true, SameRest: true, Jobs: []Job{run("b", 2, Failed)}}
	refresh(t, p)
	if now, _ := os.ReadFile(file); string(now) != string(whole) {
		t.Error("the whole state is written for one change")
	}
	lines, err := os.ReadFile(changes)
	if err != nil || strings.Count(string(lines), "\n") != 2 || strings.Contains(string(lines), `"job_id":"a"`) {
		t.Errorf("%v: %s", err, lines)
	}
	if info, _ := os.Stat(changes); info.Mode().Perm() != 0o600 {
		t.Errorf("%s", info.Mode())
	}
	if q := open(); result(q, "a") != Success || result(q, "b") != Failed || q.View().Jobs[1].Failures != 1 || len(q.View().Agents) != 1 {
		t.Error("the change is not known after a stop")
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(changes, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(lines) + `{"last_refresh":"2026-03-10T`) // the power went
	if q := open(); result(q, "b") != Failed {
		t.Error("a line that is not whole costs the others")
	}
	write(strings.Replace(string(lines), `"serial":1`, `"serial":7`, 1)) // of another file
	if q := open(); result(q, "b") != Success {
		t.Error("changes of another state are taken")
	}
	write(strings.Replace(string(lines), `"jobs":[`, `"jobs":{`, 1))
	if _, err := NewPoller(PollerOptions{Name: "s", Source: snapshotOf(), StateFile: file, Now: time.Now}); err == nil || !strings.Contains(err.Error(), changes) {
		t.Errorf("damaged changes: %v", err)
	}
	write(string(lines))
	p = open()
	s = Snapshot{Jobs: []Job{run("a", 1, Success), run("b", 3, Success)}}
	refresh(t, p)
	if _, err := os.Stat(changes); !os.IsNotExist(err) {
		t.Errorf("changes beside a newer whole: %v", err)
	}
	if q := open(); result(q, "b") != Success {
		t.Error("the whole is not known")
	}
}
