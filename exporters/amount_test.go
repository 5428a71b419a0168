package exporters

import (
	"encoding/json"
	"testing"
	"time"
)

// Not told, nothing and something are three things, in memory, in the state
// file and in the metric.
func TestAmountToldNoneUnknown(t *testing.T) {
	at := time.Date(2026, 3, 9, 21, 0, 0, 0, time.UTC)
	o := foldOptions{now: at.Add(96 * time.Hour), warningIsSuccess: true, unknown: func(string) {}}
	var r record
	fold := func(day int, run Run) {
		run.End = at.AddDate(0, 0, day)
		r.fold(Job{ID: "j", Runs: []Run{run}}, o)
	}
	shown := func(want float64, told bool) {
		t.Helper()
		text, err := json.Marshal(r.Job)
		var back Job
		if err != nil || json.Unmarshal(text, &back) != nil || back.LastSize != r.Job.LastSize {
			t.Errorf("%s does not come back: %v", text, err)
		}
		if got, ok := back.LastSize.Get(); float64(got) != want || ok != told {
			t.Errorf("size %v %v, want %v %v", got, ok, want, told)
		}
	}
	fold(0, Run{Result: Success, Size: Told(7), Files: Told(3)})
	shown(7, true)
	fold(1, Run{Result: Success, Size: Told(0), Files: Told(0)})
	shown(0, true)
	if r.Job.LastResult != Warning || !r.Job.LastSuccess.Equal(at) || r.Job.Error == "" {
		t.Errorf("a run that saved nothing: %+v", r.Job)
	}
	fold(2, Run{Result: Success})
	shown(0, false)
	if !r.Job.LastSuccess.Equal(at.AddDate(0, 0, 2)) {
		t.Errorf("%+v", r.Job)
	}
}

func TestFirstRunThatSavedNothing(t *testing.T) {
	at := time.Date(2026, 3, 9, 21, 0, 0, 0, time.UTC)
	o := foldOptions{now: at.Add(time.Hour), warningIsSuccess: true, unknown: func(string) {}}
	var r record
	for range 2 { // read again it is the same
		r.fold(Job{ID: "j", Runs: []Run{{ID: "1", End: at, Result: Success, Files: Told(0)}}}, o)
		if r.Job.LastResult != Failed || !r.Job.LastSuccess.IsZero() || r.Job.Failures != 1 {
			t.Errorf("%+v", r.Job)
		}
	}
}
