package veeam

import (
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/veeam/veeamsim"
)

// The tries of one night are one run that ends with the last of them, although
// the interface tells a retry as a session like any other.
func TestRetriesAreOneRun(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	pair := b.sim.AddJob(veeamsim.Job{Name: "Pair", Objects: []string{"srv-a", "srv-b"}, Hour: 20})
	b.sim.SucceedJob(pair)
	b.Refresh()
	b.Clock.Advance(24 * time.Hour)
	for i, result := range []exporters.Result{exporters.Failed, exporters.Failed, exporters.Success} {
		word := map[exporters.Result]string{exporters.Failed: "Failed", exporters.Success: "Success"}[result]
		if i == 0 {
			b.sim.FinishJobInTurn(pair, []string{"Success", word})
		} else {
			b.sim.FinishTry(pair, map[string]string{"srv-b": word})
		}
		b.Refresh()
		if j, want := b.Job("srv-b"), map[bool]int{true: 1}[result == exporters.Failed]; j.LastResult != result || j.Failures != want || !j.LastRun.Equal(b.Clock.Now()) && result == exporters.Success {
			t.Errorf("try %d: %s, %d failures, run %v at %v", i+1, j.LastResult, j.Failures, j.LastRun, b.Clock.Now())
		}
		if j := b.Job("srv-a"); j.LastResult != exporters.Success || j.Failures != 0 {
			t.Errorf("try %d: the neighbour: %s", i+1, j.LastResult)
		}
		b.Clock.Advance(10 * time.Minute)
	}
	if j := b.Job("srv-b"); !j.LastSuccess.Equal(b.Clock.Now().Add(-10 * time.Minute)) {
		t.Errorf("success %v at %v", j.LastSuccess, b.Clock.Now())
	}
	for range 2 { // two nights that fail are two failures, however often each was tried
		b.Clock.Advance(24 * time.Hour)
		for range 3 {
			b.sim.FailJob(pair, "repository offline")
			b.Clock.Advance(10 * time.Minute)
			b.Refresh()
		}
	}
	for _, m := range []string{"srv-a", "srv-b"} {
		if j := b.Job(m); j.LastResult != exporters.Failed || j.Failures != 2 {
			t.Errorf("%s: %s, %d failures", m, j.LastResult, j.Failures)
		}
	}
	b.sim.FinishTry(pair, map[string]string{"srv-a": "Success", "srv-b": "Success"})
	b.Refresh()
	if j := b.Job("srv-a"); j.LastResult != exporters.Success || j.Failures != 0 {
		t.Errorf("after the last retry: %s, %d failures", j.LastResult, j.Failures)
	}
}

// A job that runs often takes all its objects each time: its next run is none
// that repeats the one before, and what then fails failed twice.
func TestNextRunIsNoRetry(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	often := b.sim.AddJob(veeamsim.Job{Name: "Often", Objects: []string{"srv-a", "srv-b"}, Hour: 20})
	for i := range 3 {
		b.sim.FinishJobInTurn(often, []string{"Success", "Failed"})
		b.Clock.Advance(15 * time.Minute)
		b.Refresh()
		if j := b.Job("srv-b"); j.LastResult != exporters.Failed || j.Failures != i+1 {
			t.Errorf("run %d: %s, %d failures", i+1, j.LastResult, j.Failures)
		}
	}
}

// A copy that mirrors is at work from one interval to the next; what counts is
// the last one that was completed.
func TestMirroringCopy(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	copyJob := b.sim.AddJob(veeamsim.Job{Name: "Mirror", Type: "BackupCopy", Objects: []string{"srv-ad"}, Hour: 0})
	for day := range 3 {
		b.sim.StartJob(copyJob)
		begun := b.Clock.Now()
		b.Clock.Advance(12 * time.Hour)
		b.Refresh()
		j := b.Find(func(j *exporters.Job) bool { return j.Plan == "Mirror" })
		if j == nil || !j.Running || !j.RunningSince.Equal(begun) || day > 0 && (j.LastResult != exporters.Success || !j.LastSuccess.Equal(begun)) {
			t.Fatalf("day %d: %+v", day, j)
		}
		b.Clock.Advance(12 * time.Hour)
		b.sim.SucceedJob(copyJob)
	}
}
