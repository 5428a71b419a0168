package exporters

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// tally is what is plainly true of a set of runs, however they came in.
type tally struct {
	failures int
	success  time.Time
	last     Run
}

func tallyOf(runs []Run) tally {
	var t tally
	for _, r := range runs {
		if r.Result == Success && r.End.After(t.success) {
			t.success = r.End
		}
		if r.End.After(t.last.End) {
			t.last = r
		}
	}
	for _, r := range runs {
		if r.Result.Failing() && r.End.After(t.success) {
			t.failures++
		}
	}
	return t
}

// reloaded is the record as a new process reads it.
func reloaded(t *testing.T, r *record) *record {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	out := &record{}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// In whatever order and portions runs are told, how often, and with what
// restarts between, the same is known in the end.
func TestOrderOfRunsDoesNotMatter(t *testing.T) {
	results := []Result{Success, Success, Warning, Failed, Failed, Failed, Cancelled, Missed, Unknown}
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		var runs []Run
		for i := range 1 + rnd.IntN(30) {
			end := at(0).Add(time.Duration(i) * time.Hour)
			runs = append(runs, Run{ID: fmt.Sprint("run-", i), Start: end.Add(-time.Minute), End: end, Result: results[rnd.IntN(len(results))], Error: fmt.Sprint("text ", i)})
		}
		want := tallyOf(runs)
		o := foldOptions{now: at(0).Add(1000 * time.Hour), unknown: func(f string) { t.Errorf("counted %s", f) }}
		told := slices.Clone(runs)
		rnd.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
		told = append(told, told[:rnd.IntN(len(told)+1)]...) // repeats
		r := &record{}
		for len(told) > 0 {
			n := 1 + rnd.IntN(len(told))
			r.fold(Job{ID: "j", Runs: slices.Clone(told[:n])}, o)
			told = told[n:]
			if rnd.IntN(3) == 0 {
				r = reloaded(t, r)
			}
		}
		j := r.Job
		if j.Failures != want.failures || !j.LastSuccess.Equal(want.success) || j.LastResult != want.last.Result || !r.LastOutcome.Equal(want.last.End) {
			t.Fatalf("seed %d: %d failures, success %v, last %v %v; want %+v\nof %+v", seed, j.Failures, j.LastSuccess, j.LastResult, r.LastOutcome, want, runs)
		}
	}
}

// The same holds where several runs end at one instant, each told once and none in its
// order, with a new process between: as long as no more instants are in play than are
// remembered.
func TestRunsOfOneInstantInAnyOrder(t *testing.T) {
	results := []Result{Success, Success, Failed, Failed, Unknown, Missed}
	for seed := range uint64(4000) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		var runs []Run
		instants := 1 + rnd.IntN(keptInstants)
		for i := range 1 + rnd.IntN(2*instants) {
			end := at(0).Add(time.Duration(rnd.IntN(instants)) * time.Hour)
			runs = append(runs, Run{ID: fmt.Sprint("run-", i), End: end, Result: results[rnd.IntN(len(results))]})
		}
		worst := map[time.Time]Run{}
		for _, r := range runs {
			if other, known := worst[r.End]; !known || r.Result.Worse(other.Result) {
				worst[r.End] = r
			}
		}
		want := tallyOf(slices.Collect(maps.Values(worst)))
		want.failures = 0
		failed := map[time.Time]bool{}
		for _, r := range runs {
			if r.Result.Failing() && r.End.After(want.success) && !failed[r.End] {
				want.failures++
				failed[r.End] = true
			}
		}
		r := &record{}
		for _, run := range runs { // as they came: no order
			r.fold(Job{ID: "j", Runs: []Run{run}}, foldOptions{now: at(0).Add(1000 * time.Hour), unknown: func(string) {}})
			if rnd.IntN(4) == 0 {
				r = reloaded(t, r)
			}
		}
		if j := r.Job; j.Failures != want.failures || !j.LastSuccess.Equal(want.success) {
			t.Fatalf("seed %d: %d failures, success %v; want %d, %v\nof %+v", seed, j.Failures, j.LastSuccess, want.failures, want.success, runs)
		}
	}
}

func TestLateRuns(t *testing.T) {
	fail := func(minute int) Run { return Run{ID: fmt.Sprint("f", minute), End: at(minute), Result: Failed} }
	win := func(minute int) Run { return Run{ID: fmt.Sprint("s", minute), End: at(minute), Result: Success} }
	for _, c := range []struct {
		name string
		told []Run // each in a reading of its own
		want int
	}{
		{"a failure older than the known success", []Run{win(5), fail(3)}, 0},
		{"a failure older than the known success, after a newer failure", []Run{win(5), fail(7), fail(3)}, 1},
		{"two runs swapped", []Run{win(1), fail(5), fail(3)}, 2},
		{"two runs in order", []Run{win(1), fail(3), fail(5)}, 2},
		{"a success between two failures, told last", []Run{fail(1), fail(5), win(3)}, 1},
		{"a success before both, told last", []Run{fail(3), fail(5), win(1)}, 2},
		{"the same late failure again", []Run{win(1), fail(5), fail(3), fail(3)}, 2},
		{"the last failure again", []Run{fail(3), fail(5), fail(5)}, 2},
	} {
		r, unknown := &record{}, map[string]int{}
		for _, run := range c.told {
			folded(r, at(59), unknown, run)
		}
		if r.Job.Failures != c.want {
			t.Errorf("%s: %d failures, want %d", c.name, r.Job.Failures, c.want)
		}
	}
}

// What fails for months is counted on, and remembered within bounds.
func TestLongFailureIsBounded(t *testing.T) {
	r, unknown := &record{}, map[string]int{}
	now := at(0).Add(10_000 * time.Hour)
	run := func(i int, result Result) Run {
		return Run{ID: fmt.Sprint(i), End: at(0).Add(time.Duration(i) * time.Hour), Result: result}
	}
	for i := 1; i <= 500; i++ {
		folded(r, now, unknown, run(i, Failed))
	}
	if r.Job.Failures != 500 || len(r.Failed) != keptFailures {
		t.Errorf("%d failures, %d remembered", r.Job.Failures, len(r.Failed))
	}
	// One that is older than what is remembered may be counted already.
	if folded(r, now, unknown, run(7, Failed)); r.Job.Failures != 500 {
		t.Errorf("%d failures after an old one was told again", r.Job.Failures)
	}
	late := Run{ID: "late", End: at(0).Add(490*time.Hour + time.Minute), Result: Success}
	if folded(r, now, unknown, late); r.Job.Failures != 10 {
		t.Errorf("%d failures after a success that was told late, want 10", r.Job.Failures)
	}
	if folded(r, now, unknown, run(501, Success)); r.Job.Failures != 0 || len(r.Failed) > keptInstants || !r.seldom().Horizon.IsZero() {
		t.Errorf("%d failures after a success", r.Job.Failures)
	}
}

// A state file that was written before failures were remembered one by one.
func TestOldStateFileCountsNothingTwice(t *testing.T) {
	old := func() *record {
		return &record{Job: &Job{ID: "j", Failures: 3, LastResult: Failed, LastRun: at(9), LastSuccess: at(1)}, LastOutcome: at(9), LastID: "9"}
	}
	unknown := map[string]int{}
	r := old()
	folded(r, at(59), unknown, Run{ID: "5", End: at(5), Result: Failed}, Run{ID: "7", End: at(7), Result: Failed}, Run{ID: "9", End: at(9), Result: Failed})
	if r.Job.Failures != 3 {
		t.Errorf("%d failures after the same three were read again", r.Job.Failures)
	}
	r = old()
	if folded(r, at(59), unknown, Run{ID: "9", End: at(9), Result: Warning}); r.Job.Failures != 0 {
		t.Errorf("%d failures after the last run turned out well", r.Job.Failures)
	}
	r = old()
	if folded(r, at(59), unknown, Run{ID: "9", End: at(9), Result: Unknown}); r.Job.Failures != 2 {
		t.Errorf("%d failures after nobody knows any more how the last run went", r.Job.Failures)
	}
	r = old()
	if folded(r, at(59), unknown, Run{ID: "11", End: at(11), Result: Failed}); r.Job.Failures != 4 {
		t.Errorf("%d failures after one more", r.Job.Failures)
	}
}
