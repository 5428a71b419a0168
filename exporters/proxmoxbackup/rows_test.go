package proxmoxbackup

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/proxmoxbackup/proxmoxbackupsim"
	"vigie/exporters/sourcetest"
)

// night lets a night pass, with a failure and a warning, and reads it in a shape.
func night(t *testing.T, turn func(any) any) *bench {
	t.Helper()
	b := newBench(t, proxmoxbackupsim.Options{})
	if turn != nil {
		b.Serve(sourcetest.Reshape(b.sim, turn))
		b.config.Address = b.Address()
		b.restart()
	}
	b.Refresh()
	b.Clock.Advance(24 * time.Hour)
	b.run("main", "", "vm/100", "srv-ad", "connection error: timed out")
	b.run("shared", "martin", "vm/100", "garage", "WARNINGS: 2")
	b.Refresh()
	return b
}

func readJobs(b *bench) (jobs []exporters.Job, rest any) {
	v := b.Poller.View()
	for _, j := range v.Jobs {
		jobs = append(jobs, *j)
	}
	return jobs, v.Repositories
}

// What a server writes in other types than it tells is read as the same.
func TestOtherShapesSayTheSame(t *testing.T) {
	sourcetest.EachShape(t, func(turn func(any) any) (any, any) { return readJobs(night(t, turn)) })
}

// One row that nobody can read costs that row, and is counted.
func TestOddRowsCostThemselves(t *testing.T) {
	jobs, _ := readJobs(night(t, nil))
	for name, c := range map[string]struct {
		row   func(last any) any
		field string
	}{
		"null":  {func(any) any { return nil }, "snapshots.row"},
		"text":  {func(any) any { return "see log" }, "tasks.row"},
		"no id": {func(any) any { return map[string]any{"comment": "?"} }, "snapshots.backup-id"},
		"twice": {func(last any) any { return last }, "datastores.store"},
	} {
		b := night(t, func(v any) any {
			m, ok := v.(map[string]any)
			if !ok {
				return v
			}
			if rows, ok := m["data"].([]any); ok && len(rows) > 0 {
				if line, ok := rows[0].(map[string]any); ok && line["t"] != nil {
					return v // of a log
				}
				sourcetest.AddRow(m, "data", m, c.row)
			}
			return m
		})
		if got, _ := readJobs(b); !reflect.DeepEqual(got, jobs) {
			t.Errorf("%s: %+v\nwant %+v", name, got, jobs)
		}
		if !strings.Contains(b.Metrics(), `field="`+c.field+`"`) {
			t.Errorf("%s: %s is not counted", name, c.field)
		}
	}
}
