package acronis

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/sourcetest"
)

// night lets a night pass, with a failure, and reads it in a shape.
func night(t *testing.T, turn func(any) any) *bench {
	t.Helper()
	b := newBench(t, acronissim.Options{})
	if turn != nil {
		b.Serve(sourcetest.Reshape(b.sim, turn))
		b.restart()
	}
	b.Refresh()
	b.Clock.Advance(24 * time.Hour)
	for _, m := range b.sim.Machines() {
		if m == b.ad {
			b.sim.FailBackup(m, "Disk full")
		} else {
			b.sim.SucceedBackup(m)
		}
	}
	b.Refresh()
	return b
}

// told gives the jobs by machine and type: the simulator makes up ids anew.
func told(b *bench) map[string]exporters.Job {
	out := map[string]exporters.Job{}
	for _, j := range b.Poller.View().Jobs {
		one := *j
		one.ID, one.Customer = "", ""
		out[j.CustomerName+"/"+j.Machine+"/"+j.ObjectType] = one
	}
	return out
}

// What the services write in other types than they tell is read as the same.
func TestOtherShapesSayTheSame(t *testing.T) {
	sourcetest.EachShape(t, func(turn func(any) any) (any, any) { return told(night(t, turn)), nil })
}

// One item that nobody can read costs that item, and is counted.
func TestOddRowsCostThemselves(t *testing.T) {
	jobs := told(night(t, nil))
	for name, c := range map[string]struct {
		row   func(last any) any
		field string
	}{
		"null":  {func(any) any { return nil }, "resource_statuses.row"},
		"text":  {func(any) any { return "see log" }, "resource_statuses.row"},
		"no id": {func(any) any { return map[string]any{"aggregate": map[string]any{"status": "ok"}} }, "resource_statuses.id"},
		"twice": {func(last any) any { return last }, "resource_statuses.id_twice"},
	} {
		b := night(t, func(v any) any {
			if m, ok := v.(map[string]any); ok {
				paging, _ := m["paging"].(map[string]any)
				cursors, _ := paging["cursors"].(map[string]any)
				sourcetest.AddRow(m, "items", cursors, c.row)
			}
			return v
		})
		if got := told(b); !reflect.DeepEqual(got, jobs) {
			t.Errorf("%s: %+v\nwant %+v", name, got, jobs)
		}
		if !strings.Contains(b.Metrics(), `field="`+c.field+`"`) {
			t.Errorf("%s: %s is not counted", name, c.field)
		}
	}
}
