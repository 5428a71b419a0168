package veeamem

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// night lets a night pass, with a failure, a warning and a retry, and reads it in
// a shape.
func night(t *testing.T, camel bool, pageSize int, turn func(any) any) *bench {
	t.Helper()
	b := newBench(t, camel)
	b.pageSize = pageSize
	if turn != nil {
		b.Serve(sourcetest.Reshape(b.sim, turn))
		b.restart()
	}
	b.Refresh()
	b.Clock.Advance(24 * time.Hour)
	b.run(b.vms, "All VMs", false, "Failed", "1 of 3 failed", map[string]string{"SRV-SQL": "Failed:VSS writer failed", "SRV-WEB": "Warning:skipped", "srv-é": "Success"})
	b.Clock.Advance(10 * time.Minute)
	b.run(b.vms, "All VMs", true, "Success", "", map[string]string{"SRV-SQL": "Success"})
	b.Refresh()
	return b
}

func told(b *bench) (jobs []exporters.Job, rest any) {
	v := b.Poller.View()
	for _, j := range v.Jobs {
		jobs = append(jobs, *j)
	}
	return jobs, []any{v.Repositories, len(v.Agents)}
}

// What a server writes in other types than it tells is read as the same.
func TestOtherShapesSayTheSame(t *testing.T) {
	for _, camel := range []bool{false, true} {
		sourcetest.EachShape(t, func(turn func(any) any) (any, any) {
			jobs, rest := told(night(t, camel, 2, turn))
			return sameIDs(jobs), rest
		})
	}
}

// sameIDs drops what the simulator makes up anew each time.
func sameIDs(jobs []exporters.Job) map[string]exporters.Job {
	out := map[string]exporters.Job{}
	for _, j := range jobs {
		j.ID = ""
		out[j.Machine] = j
	}
	return out
}

// One row that nobody can read costs that row, and is counted.
func TestOddRowsCostThemselves(t *testing.T) {
	jobs, _ := told(night(t, false, 100, nil))
	for name, c := range map[string]struct {
		row   any
		field string
	}{"null": {nil, "sessions.row"}, "a text": {"see log", "sessions.row"}, "no id": {map[string]any{"JobName": "?"}, "sessions.uid"}} {
		b := night(t, false, 100, func(v any) any {
			m, ok := v.(map[string]any)
			if !ok {
				return v
			}
			// No page but the last may be longer than it tells.
			paging, _ := m["PagingInfo"].(map[string]any)
			if paging == nil || paging["PageNum"] != paging["PagesCount"] {
				return m
			}
			for _, list := range []string{"BackupJobSessions", "BackupTaskSessions"} {
				inner, _ := m["Entities"].(map[string]any)[list].(map[string]any)
				if rows, ok := inner[list].([]any); ok && len(rows) > 0 {
					inner[list] = append(rows, c.row)
				}
			}
			return m
		})
		if got, _ := told(b); !reflect.DeepEqual(sameIDs(got), sameIDs(jobs)) {
			t.Errorf("%s: %+v\nwant %+v", name, sameIDs(got), sameIDs(jobs))
		}
		if !strings.Contains(b.Metrics(), `field="`+c.field+`"`) {
			t.Errorf("%s: %s is not counted", name, c.field)
		}
	}
}
