package acronis

import (
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/misbehave"
)

// A reading that brought little tells of that alone. What it brought is told
// later if another part failed, and everything when names changed on our side.
func TestOnlyWhatChangedIsTold(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.source.config.AgentsInterval, b.source.config.FullListingInterval = exporters.Duration(24*time.Hour), exporters.Duration(24*time.Hour)
	for range 3 { // from here on the overlap holds nothing
		b.Refresh()
		b.Clock.Advance(12 * time.Minute)
	}
	fetch := func(want int, same bool) exporters.Snapshot {
		t.Helper()
		s, err := b.source.Fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Jobs) != want || s.SameRest != same || same && len(s.Agents)+len(s.Quotas)+len(s.Licenses) > 0 {
			t.Errorf("%d jobs, the same rest: %t, %d agents; want %d, %t", len(s.Jobs), s.SameRest, len(s.Agents), want, same)
		}
		b.Clock.Advance(12 * time.Minute)
		return s
	}
	fetch(0, true)
	b.sim.FailBackup(b.ad, "disk full")
	if s := fetch(1, true); len(s.Jobs) == 1 && !strings.HasPrefix(s.Jobs[0].ID, b.ad) {
		t.Errorf("it tells of %s", s.Jobs[0].ID)
	}
	b.sim.FailBackup(b.ad, "disk full")
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.ServerError, Times: -1})
	if _, err := b.source.Fetch(t.Context()); err == nil {
		t.Fatal("the refresh did not fail")
	}
	b.sim.Orders.Clear()
	b.Clock.Advance(30 * time.Minute) // tasks and statuses of then are not read again
	fetch(1, true)
	b.sim.RenameMachine(b.ad, "SRV-AD-2")
	fetch(1, false)
	b.source.TellAll()
	fetch(5, false)
	fetch(0, true)
}
