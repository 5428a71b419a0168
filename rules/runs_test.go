package rules_test

import (
	"strconv"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// covers: S1.2; failures are counted by runs: neither the copies of an HA pair, nor
// a second plan in the same night, nor a restart of Prometheus is one more.
func TestFailuresAreRuns(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	fire := func(replica, plan string, at, run time.Time) incident.Fired {
		s := backupAlert("dupont", "SRV-AD", "server", "primary", plan, "failed", at)
		s.Labels = s.Labels.Clone()
		s.Labels["prometheus_replica"] = replica
		s.Fingerprint = replica + plan
		if !run.IsZero() {
			s.Annotations = map[string]string{"last_run": strconv.FormatInt(run.Unix(), 10)}
		}
		return incident.Fired{Signal: s, Confirmed: true}
	}
	night := 24 * time.Hour
	none := time.Time{}
	for name, c := range map[string]struct {
		then []incident.Fired
		want int
	}{
		"a copy":                       {[]incident.Fired{fire("b", "daily", now.Add(20*time.Second), none)}, 1},
		"another plan":                 {[]incident.Fired{fire("a", "weekly", now.Add(time.Hour), none)}, 1},
		"a restart of Prometheus":      {[]incident.Fired{fire("a", "daily", now.Add(time.Hour), now)}, 1},
		"a copy that restarts":         {[]incident.Fired{fire("b", "daily", now.Add(time.Hour), now)}, 1},
		"the next night":               {[]incident.Fired{fire("a", "daily", now.Add(night), now.Add(night))}, 2},
		"the next night, not named":    {[]incident.Fired{fire("a", "daily", now.Add(night), none)}, 2},
		"the next night, by both":      {[]incident.Fired{fire("b", "daily", now.Add(5*time.Second), now), fire("a", "daily", now.Add(night), now.Add(night)), fire("b", "daily", now.Add(night+5*time.Second), now.Add(night))}, 2},
		"the next night, both unnamed": {[]incident.Fired{fire("b", "daily", now.Add(5*time.Second), none), fire("a", "daily", now.Add(night), none), fire("b", "daily", now.Add(night+5*time.Second), none)}, 2},
	} {
		b := opened(t, book, fire("a", "daily", now, now).Signal, now)
		for _, f := range c.then {
			b.do(f, f.Signal.StartsAt)
		}
		if b.inc.Failures != c.want {
			t.Errorf("%s: %d failures, want %d", name, b.inc.Failures, c.want)
		}
	}
}

// covers: S1.24; what a person closed stays over until a new run fails.
func TestClosedReopensForANewRunOnly(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	s := backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now)
	s.Annotations = map[string]string{"last_run": strconv.FormatInt(now.Unix(), 10)}
	b := opened(t, book, s, now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	b.act("close", "adm1", now.Add(time.Minute), "reason", "accepted risk")
	b.is(model.Closed)
	s.StartsAt = now.Add(time.Hour)
	b.do(incident.Fired{Signal: s, Confirmed: true}, s.StartsAt)
	b.is(model.Closed)
	s.StartsAt = now.Add(2 * time.Hour)
	s.Annotations = map[string]string{"last_run": strconv.FormatInt(s.StartsAt.Unix(), 10)}
	b.do(incident.Fired{Signal: s, Confirmed: true}, s.StartsAt)
	b.is(model.Open)
}

// An alert of an incident that has many costs no more than one of an incident that
// has few: a delivery may bring a thousand.
func TestRunsAreCountedInOnePass(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	each := func(alerts int) float64 {
		var signals []model.Signal
		for n := range alerts {
			s := backupAlert("dupont", "SRV-AD", "server", "primary", "plan-"+strconv.Itoa(n), "failed", now)
			s.Fingerprint = strconv.Itoa(n)
			delete(s.Labels, model.LabelJobID)
			signals = append(signals, book.Classify(s, now).Signal)
		}
		b := opened(t, book, signals[0], now)
		return testing.AllocsPerRun(1, func() {
			inc := *b
			inc.do(incident.Repeated{Signals: signals}, now)
		}) / float64(alerts)
	}
	if few, many := each(50), each(1000); many > 2*few {
		t.Errorf("%.0f allocations an alert among 1,000, %.0f among 50", many, few)
	}
}
