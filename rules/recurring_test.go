package rules_test

import (
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/inventory"
)

// covers: S2.2; an alert inside work that comes again opens nothing, is offered again
// at the end, and counts from there if it still fires.
func TestAlertInRecurringMaintenance(t *testing.T) {
	book := exampleBook(t, "synomega")
	dir := book.Directory.Clone()
	now := paris(t, "2026-03-15 01:00") // a Sunday
	dir.Maintenance = []inventory.Maintenance{{Customer: "dupont", Machine: "SRV-AD",
		Every: &inventory.Recurrence{Weekdays: []time.Weekday{time.Saturday}, At: 23 * 3600, Until: 3 * 3600, Zone: now.Location()}}}
	b, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	alert := backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now)
	end := paris(t, "2026-03-15 03:00")
	if c := b.Classify(alert, now); c.Ignored != "maintenance" || !c.Again.Equal(end) {
		t.Errorf("ignored for %q, again at %s", c.Ignored, c.Again)
	}
	if c := b.Classify(alert, end); c.Ignored != "" || !c.Signal.StartsAt.Equal(end) {
		t.Errorf("after the end: ignored for %q, began at %s", c.Ignored, c.Signal.StartsAt)
	}
	if trial := b.Try(alert.Labels, now); trial.Ignored != "maintenance" {
		t.Errorf("a trial says %q", trial.Ignored)
	}
	alert.StartsAt = paris(t, "2026-03-16 01:00")
	if c := b.Classify(alert, alert.StartsAt); c.Ignored != "" {
		t.Errorf("in the next night it is ignored for %q", c.Ignored)
	}
}
