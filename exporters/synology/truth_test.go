package synology

import (
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/synology/synologysim"
)

// In the night in which the clock goes back an hour comes twice, and the NAS tells no
// zone: what ends in its second pass comes after what ended in its first.
func TestHourThatComesTwice(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.Refresh()
	utc := func(clock string) time.Time {
		at, err := time.Parse(time.RFC3339, "2026-10-25T"+clock+":00Z")
		sourcetest.Check(t, err)
		return at
	}
	end := func(at, result string) {
		b.Clock.Advance(utc(at).Sub(b.Clock.Now()))
		b.sim.EndHyper(b.cloud, result)
		b.Clock.Advance(time.Minute)
	}
	want := func(when string, result exporters.Result, run, success string) {
		t.Helper()
		for range 2 {
			b.Refresh()
			if j := b.job("Cloud"); j.LastResult != result || !j.LastRun.Equal(utc(run)) || j.LastSuccess.Sub(utc(success)).Abs() > time.Minute {
				t.Errorf("%s: %s, ran until %v, success %v", when, j.LastResult, j.LastRun.UTC(), j.LastSuccess.UTC())
			}
		}
	}
	end("00:40", "done") // 02:40
	want("first pass", exporters.Success, "00:40", "00:40")
	end("01:10", "failed") // 02:10
	want("a failure after the success", exporters.Failed, "01:10", "00:40")
	sourcetest.Check(t, b.Poller.Save())
	b.restart()
	want("after a start", exporters.Failed, "01:10", "00:40")
	end("01:50", "done") // 02:50
	want("second pass", exporters.Success, "01:50", "01:50")
	end("04:00", "failed")
	want("in the morning", exporters.Failed, "04:00", "01:50")
}

// Nothing ended in the first pass: the reading of then shows that the run is of the second.
func TestSecondPassByTheReadingBefore(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.Refresh()
	b.Clock.Advance(time.Date(2026, 10, 25, 1, 5, 0, 0, time.UTC).Sub(b.Clock.Now())) // 02:05 again
	b.Refresh()
	b.Clock.Advance(5 * time.Minute)
	at := b.Clock.Now()
	b.sim.EndHyper(b.cloud, "failed")
	b.Clock.Advance(5 * time.Minute)
	b.Refresh()
	if j := b.job("Cloud"); j.LastResult != exporters.Failed || !j.LastRun.Equal(at) {
		t.Errorf("%s, ran until %v, not %v", j.LastResult, j.LastRun.UTC(), at)
	}
}

// What lies in the first pass and is told late, as the start of a long run, is no instant
// that is still to come.
func TestFirstPassToldLate(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Paris")
	sourcetest.Check(t, err)
	f := newFacts()
	f.settle(time.Date(2026, 10, 25, 1, 18, 0, 0, time.UTC))
	now := time.Date(2026, 10, 25, 1, 23, 0, 0, time.UTC) // 02:23 again
	told := stamp{exporters.ParseInstant("2026/10/25 02:50")}
	if got := f.at("began", told, time.Time{}, now, zone); got.UTC().Format(time.RFC3339) != "2026-10-25T00:50:00Z" {
		t.Errorf("%v", got.UTC())
	}
}
