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

// covers: P10; a platform's incident is closed with its customer's last day, and a host's once
// all that it hits have left: neither is called after a customer. Of one who stays it goes on, and
// he alone is told.
func TestPlatformsLeaveWithTheirCustomer(t *testing.T) {
	now, last := paris(t, "2026-11-03 10:00"), paris(t, "2026-11-04 00:00")
	for name, c := range map[string]struct {
		alertname string
		hit       []string
		closed    bool
	}{
		"a platform":             {"MoodleLoginDown", []string{"lms-A"}, true},
		"a host":                 {"HostDown", []string{"lms-A"}, true},
		"a host that serves two": {"HostDown", []string{"lms-A", "lms-B"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			book := exampleBook(t, "activeprolearn")
			dir := book.Directory.Clone()
			dir.Customers["lms-a"].Decommissioned = last
			dir.Reindex()
			book, err := rules.NewBook(dir, book.Policies()...)
			if err != nil {
				t.Fatal(err)
			}
			alert := func(platform string) model.Signal {
				return model.Signal{Kind: model.InfraProbe, Fingerprint: platform, StartsAt: now, Labels: model.Labels{
					"alertname": c.alertname, "signal": "infra_probe", "platform": platform, "site": "host-1", "severity": "blocking"}}
			}
			b := opened(t, book, alert(c.hit[0]), now)
			for _, platform := range c.hit[1:] {
				b.do(incident.Fired{Signal: alert(platform)}, now)
			}
			b.do(incident.Tick{}, last.Add(12*time.Hour))
			if closed := b.inc.State == model.Closed; closed != c.closed {
				t.Errorf("closed: %v (%s)", closed, b.inc.State)
			}
			b.notes = nil
			for at := last.Add(12 * time.Hour); at.Before(last.AddDate(0, 0, 9)); at = at.Add(time.Hour) {
				b.do(incident.Tick{}, at)
			}
			to := map[string]bool{}
			for _, n := range b.notes {
				for _, p := range n.To {
					to[p.Person] = true
				}
			}
			if to["exploit"] || to["exploit.lms-b"] == c.closed {
				t.Errorf("told afterwards: %v", to)
			}
		})
	}
}
