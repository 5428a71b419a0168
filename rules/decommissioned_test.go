package rules_test

import (
	"slices"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/situation"
)

// covers: P10; what is open of a machine, or of a customer, whose last day is over is closed at
// the next opening: a customer who has left is not phoned, and his account manager not called
// to act. Until then all goes on.
func TestOutOfServiceIsClosed(t *testing.T) {
	now, last := paris(t, "2026-10-15 10:00"), paris(t, "2026-10-17 00:00") // a Thursday; Friday is the last day
	for name, retire := range map[string]func(*inventory.Directory){
		"the machine":  func(d *inventory.Directory) { d.Machine("dupont", "SRV-AD").Decommissioned = last },
		"the customer": func(d *inventory.Directory) { d.Customers["dupont"].Decommissioned = last },
	} {
		t.Run(name, func(t *testing.T) {
			book := exampleBook(t, "synomega")
			dir := book.Directory.Clone()
			retire(dir)
			dir.Reindex()
			book, err := rules.NewBook(dir, book.Policies()...)
			if err != nil {
				t.Fatal(err)
			}
			b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
			b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
			opening := paris(t, "2026-10-19 09:00")
			ahead := book.Explain(b.inc, b.around, now).Wakes
			if !slices.ContainsFunc(ahead, func(a situation.Ahead) bool { return a.Moment == "out_of_service" && a.At.Equal(opening) }) {
				t.Errorf("its end is not foreseen: %+v", ahead)
			}
			for at := now; at.Before(opening); at = at.Add(time.Hour) {
				b.do(incident.Tick{}, at)
				b.answer(at, incident.PlanEvidence{}, model.EvidenceOK)
				if b.inc.State.Ended() {
					t.Fatalf("it is over at %s", at)
				}
			}
			b.notes = nil
			b.do(incident.Tick{}, opening)
			b.is(model.Closed)
			b.do(incident.Tick{}, opening.AddDate(0, 0, 9))
			if b.is(model.Closed); len(b.notes) != 0 || b.inc.Progress.Reason != "out of service" {
				t.Errorf("closed as %q, and %d messages: %+v", b.inc.Progress.Reason, len(b.notes), b.notes)
			}
		})
	}
}
