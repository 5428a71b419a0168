package veeam

import (
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/veeam/veeamsim"
)

// Two machines may have one name in one job, in two folders of the hypervisor.
// The success of the one must not hide the failure of the other.
func TestTwoMachinesOfOneNameInOneJob(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	twins := b.sim.AddJob(veeamsim.Job{Name: "Twins", Objects: []string{"srv-print", "srv-print", "srv-scan"}, Hour: 20})
	b.sim.SucceedJob(twins)
	b.Refresh()
	if j := b.Job("srv-print"); j.LastResult != exporters.Success {
		t.Fatalf("both are well: %s", j.LastResult)
	}
	for _, order := range [][]string{{"Failed", "Success"}, {"Success", "Failed"}} {
		b.Clock.Advance(24 * time.Hour)
		b.sim.FinishJobInTurn(twins, append(order, "Success"))
		for range 2 { // the overlap reads them again
			b.Refresh()
			if j := b.Job("srv-print"); j.LastResult != exporters.Failed {
				t.Errorf("%v: %s", order, j.LastResult)
			}
		}
		if j := b.Job("srv-scan"); j.LastResult != exporters.Success {
			t.Errorf("the neighbour: %s", j.LastResult)
		}
	}
	if u := b.Poller.View().Unmatched; len(u) != 1 || u[0].Open != exporters.OpenObject || u[0].Jobs[0] != b.Job("srv-print").ID {
		t.Errorf("listed: %+v", u)
	}
	if m := b.Metrics(); !strings.Contains(m, `field="object_name_twice"} 1`) {
		t.Error("the name that stands twice is not counted")
	}
}

// A job that tries what others saved proves nothing of these machines' backups.
func TestSureBackupIsNoBackupOfItsMachines(t *testing.T) {
	b := newBench(t, veeamsim.Options{})
	nightly := b.sim.AddJob(veeamsim.Job{Name: "Every night", Objects: []string{"srv-tried"}, Hour: 20})
	b.sim.FinishJobWith(nightly, "Failed")
	tried := b.sim.AddJob(veeamsim.Job{Name: "Restore tests", Type: "SureBackupContentScan", Objects: []string{"srv-tried"}, Hour: 21})
	b.sim.FinishJobWith(tried, "Success")
	b.Refresh()
	if j := b.Job("srv-tried"); j.LastResult != exporters.Failed || !j.LastSuccess.IsZero() || j.Engine != Engine {
		t.Errorf("the machine: %+v", j)
	}
	if j := b.Job("Restore tests"); j.LastResult != exporters.Success || j.Engine != Verifier || j.Plan != "Restore tests" {
		t.Errorf("the job that tries: %+v", j)
	}
}

// A run that begins while the lists are being read leaves a restore point
// before anything tells of it. It proves nothing yet.
func TestPointOfARunThatJustBegan(t *testing.T) {
	now := time.Date(2026, 3, 10, 22, 0, 0, 0, time.UTC)
	old := now.Add(-24 * time.Hour)
	o := object{points: []time.Time{old, now.Add(3 * time.Second)}}
	if got := o.proof(&exporters.Job{}, now); !got.Equal(old) {
		t.Errorf("proof is %v", got)
	}
	if got := o.proof(&exporters.Job{}, now.Add(time.Hour)); !got.Equal(now.Add(3 * time.Second)) {
		t.Errorf("an hour later proof is %v", got)
	}
}

// Tasks are told without a zone. In the night in which the clock goes back they lie after
// the start of their session, which has one, and end after they began.
func TestTasksInTheHourThatComesTwice(t *testing.T) {
	for _, zone := range []string{"", "Europe/Paris"} {
		paris, err := time.LoadLocation("Europe/Paris")
		sourcetest.Check(t, err)
		b := newBench(t, veeamsim.Options{Zone: paris})
		b.timezone = zone
		b.restart()
		b.Refresh()
		night := func(begin string, took time.Duration, fail bool) (end time.Time) {
			at, err := time.Parse(time.RFC3339, begin)
			sourcetest.Check(t, err)
			b.Clock.Advance(at.Sub(b.Clock.Now()))
			b.sim.StartJob(b.ad)
			b.Clock.Advance(took)
			if fail {
				b.sim.FailJob(b.ad, "no space")
			} else {
				b.sim.SucceedJob(b.ad)
			}
			end = b.Clock.Now()
			b.Clock.Advance(time.Minute)
			b.Refresh()
			return end
		}
		// From 02:50 to 02:20, half an hour later.
		over := night("2026-10-25T00:50:00Z", 30*time.Minute, false)
		if j := b.Job("SRV-AD"); !j.LastRun.Equal(over) || j.LastDuration != 30*time.Minute || !j.LastSuccess.Equal(over) {
			t.Errorf("zone %q: ran until %v for %v, want %v", zone, j.LastRun.UTC(), j.LastDuration, over)
		}
		if zone == "" {
			continue // an offset alone does not know of the second pass
		}
		again := night("2026-10-25T01:25:00Z", 10*time.Minute, true) // from 02:25 to 02:35, again
		if j := b.Job("SRV-AD"); j.LastResult != exporters.Failed || !j.LastRun.Equal(again) || !j.LastSuccess.Equal(over) {
			t.Errorf("zone %q: %s, ran until %v, want %v; success %v", zone, j.LastResult, j.LastRun.UTC(), again, j.LastSuccess.UTC())
		}
	}
}

// A clock that is set right during a task makes no end of it that lies an hour later.
func TestTaskThatEndsBeforeItsStart(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	sourcetest.Check(t, err)
	known := newKnowledge()
	b := &builder{known: &known, config: &Config{location: paris}, now: time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)}
	h := &jobHistory{objects: map[string]*object{}}
	b.noteSession("s", "j", exporters.ParseInstant("2026-03-10T02:00:00+01:00"))
	b.file(h, taskSession{ID: "t", SessionID: "s", Name: "SRV-AD", CreationTime: exporters.ParseInstant("2026-03-10T02:00:30"), EndTime: exporters.ParseInstant("2026-03-10T02:00:28"),
		Result: outcome{Result: "Success"}}, known.session["s"])
	if end := h.objects["srv-ad"].runs[0].End.UTC(); end.Format(time.TimeOnly) != "01:00:28" {
		t.Errorf("ended %v", end)
	}
}
