package veeam

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/veeam/veeamsim"
)

// night lets a night pass, with a failure and a warning, and reads it in a shape.
func night(t *testing.T, turn func(any) any) *bench {
	t.Helper()
	b := newBench(t, veeamsim.Options{Administrator: true})
	if turn != nil {
		b.Serve(sourcetest.Reshape(b.sim, turn))
		b.restart()
	}
	b.Refresh()
	b.Clock.Advance(24 * time.Hour)
	b.sim.FailBackup("srv-sql", "Error: VSS writer failed")
	b.sim.WarnBackup("srv-ad", "Guest processing skipped")
	b.sim.SetJobEnabled(b.agent, false)
	b.Refresh()
	return b
}

func told(b *bench) (jobs []exporters.Job, rest any) {
	v := b.Poller.View()
	for _, j := range v.Jobs {
		jobs = append(jobs, *j)
	}
	return jobs, []any{v.Repositories, v.Licenses}
}

// What a server writes in other types than it tells is read as the same.
func TestOtherShapesSayTheSame(t *testing.T) {
	sourcetest.EachShape(t, func(turn func(any) any) (any, any) { return told(night(t, turn)) })
}

// rows lets turn change the rows of each listing, and its total with them.
func rows(turn func([]any) []any) func(any) any {
	return func(v any) any {
		m, ok := v.(map[string]any)
		if !ok || m["pagination"] == nil {
			return v
		}
		data := m["data"].([]any)
		if len(data) == 0 {
			return v
		}
		after := turn(data)
		p := m["pagination"].(map[string]any)
		total, _ := p["total"].(json.Number).Int64()
		if _, nested := after[0].([]any); !nested {
			p["total"] = total + int64(len(after)-len(data))
		}
		m["data"] = after
		return m
	}
}

// One row that nobody can read costs that row, and is counted.
func TestOddRowsCostThemselves(t *testing.T) {
	jobs, _ := told(night(t, nil))
	for name, c := range map[string]struct {
		turn  func(any) any
		field string
	}{
		"null":         {rows(func(d []any) []any { return append([]any{nil}, d...) }), "jobs.row"},
		"a text":       {rows(func(d []any) []any { return append(d, "see log") }), "jobs.row"},
		"no id":        {rows(func(d []any) []any { return append(d, map[string]any{"name": "?"}) }), "jobs.id"},
		"twice":        {rows(func(d []any) []any { return append(d, d[len(d)-1]) }), "jobs.id_twice"},
		"nested lists": {rows(func(d []any) []any { return []any{d} }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, veeamsim.Options{Administrator: true, PageSize: 1000})
			b.pageSize = 100
			once := sourcetest.Reshape(b.sim, c.turn)
			b.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if name == "nested lists" && !strings.HasSuffix(r.URL.Path, "/states") {
					b.sim.ServeHTTP(w, r)
					return
				}
				once.ServeHTTP(w, r)
			}))
			b.restart()
			b.Refresh()
			b.Clock.Advance(24 * time.Hour)
			b.sim.FailBackup("srv-sql", "Error: VSS writer failed")
			b.sim.WarnBackup("srv-ad", "Guest processing skipped")
			b.sim.SetJobEnabled(b.agent, false)
			b.Refresh()
			if got, _ := told(b); !reflect.DeepEqual(got, jobs) {
				t.Errorf("%+v\nwant %+v", got, jobs)
			}
			if c.field != "" && !strings.Contains(b.Metrics(), `backup_source_unknown_values_total{source="veeam-dupont",field="`+c.field+`"}`) {
				t.Errorf("%s is not counted", c.field)
			}
		})
	}
}

// A job whose row turns unreadable is not taken for one that was deleted.
func TestUnreadableRowIsNoDeletion(t *testing.T) {
	b := newBench(t, veeamsim.Options{Administrator: true})
	broken := false
	b.Serve(sourcetest.Reshape(b.sim, func(v any) any {
		if m, ok := v.(map[string]any); ok && broken && m["name"] == "AD" && m["lastResult"] != nil {
			return nil
		}
		return v
	}))
	b.restart()
	b.Refresh()
	broken = true
	for range 5 {
		b.Clock.Advance(time.Hour)
		b.Refresh()
	}
	if j := b.Job("SRV-AD"); j.LastResult != exporters.Success || len(b.Poller.View().Vanished) != 0 {
		t.Errorf("%+v, vanished %+v", j, b.Poller.View().Vanished)
	}
	broken = false
	b.sim.FailJob(b.ad, "disk full")
	b.Refresh()
	if j := b.Job("SRV-AD"); j.LastResult != exporters.Failed {
		t.Errorf("%+v", j)
	}
}

// A server that tells no total is read until a page is empty.
func TestListsWithoutTotal(t *testing.T) {
	jobs, _ := told(night(t, nil))
	for name, turn := range map[string]func(m map[string]any){
		"null":    func(m map[string]any) { m["pagination"] = nil },
		"missing": func(m map[string]any) { delete(m, "pagination") },
		"a word":  func(m map[string]any) { m["pagination"] = "n/a" },
	} {
		got, _ := told(night(t, func(v any) any {
			if m, ok := v.(map[string]any); ok && m["pagination"] != nil {
				turn(m)
			}
			return v
		}))
		if !reflect.DeepEqual(got, jobs) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A job that only a person starts is never late, and a failure of it is one. The
// words are those that a published client's tests have.
func TestJobsOnDemand(t *testing.T) {
	for word, want := range map[string]bool{"Not scheduled": true, "<not scheduled>": true, "Disabled": false, "After [AD]": false, "": false} {
		b := newBench(t, veeamsim.Options{})
		b.Serve(sourcetest.Reshape(b.sim, func(v any) any {
			if m, ok := v.(map[string]any); ok && m["lastResult"] != nil {
				m["nextRun"], m["nextRunPolicy"] = nil, word
			}
			return v
		}))
		b.restart()
		b.sim.FailJob(b.ad, "disk full")
		b.Refresh()
		if j := b.Job("SRV-AD"); !j.Enabled || (j.ExpectedInterval == exporters.OnDemand) != want || j.LastResult != exporters.Failed {
			t.Errorf("%q: enabled %v, every %v, %s", word, j.Enabled, j.ExpectedInterval, j.LastResult)
		}
	}
}
