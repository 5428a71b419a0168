package synology

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/synology/synologysim"
)

// night lets a night pass, with a failure, and reads it in a shape.
func night(t *testing.T, turn func(any) any) *bench {
	t.Helper()
	b := newBench(t, synologysim.Options{})
	if turn != nil {
		b.Serve(sourcetest.Reshape(b.sim, turn))
		b.config.Address = b.Address()
		b.restart()
	}
	b.Refresh()
	b.Clock.Advance(24 * time.Hour)
	b.sim.EndHyper(b.cloud, "partial")
	b.sim.EndActive(b.pcs, 1, 2, 3)
	b.sim.EndActive(b.vm, 1, 4, 3)
	b.Refresh()
	return b
}

func readJobs(b *bench) (jobs []exporters.Job) {
	for _, j := range b.Poller.View().Jobs {
		jobs = append(jobs, *j)
	}
	return jobs
}

// What a NAS writes in other types than it tells is read as the same.
func TestOtherShapesSayTheSame(t *testing.T) {
	sourcetest.EachShape(t, func(turn func(any) any) (any, any) { return readJobs(night(t, turn)), nil })
}

// One task that nobody can read costs that task, and is counted.
func TestOddRowsCostThemselves(t *testing.T) {
	jobs := readJobs(night(t, nil))
	for name, c := range map[string]struct {
		row   func(last any) any
		field string
	}{
		"null":  {func(any) any { return nil }, "hyperBackup.row"},
		"text":  {func(any) any { return "see log" }, "activeBackup.row"},
		"no id": {func(any) any { return map[string]any{"name": "?"} }, "hyperBackup.task_id"},
		"twice": {func(last any) any { return last }, "activeBackup.task_id_twice"},
	} {
		b := night(t, func(v any) any {
			if m, ok := v.(map[string]any); ok {
				sourcetest.AddRow(m, "task_list", m, c.row)
				sourcetest.AddRow(m, "tasks", m, c.row)
			}
			return v
		})
		if got := readJobs(b); !reflect.DeepEqual(got, jobs) {
			t.Errorf("%s: %+v\nwant %+v", name, got, jobs)
		}
		if !strings.Contains(b.Metrics(), `field="`+c.field+`"`) {
			t.Errorf("%s: %s is not counted", name, c.field)
		}
	}
}
