package rules_test

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// Alerts that only fire on come to the same, decided together or one by one,
// at every moment of two days: quiet ones, and those at which steps fall due.
func TestRepeatedTogetherOrApart(t *testing.T) {
	book, start := exampleBook(t, "synomega"), paris(t, "2026-03-09 07:10")
	var signals []model.Signal
	for _, plan := range []string{"daily", "weekly", "monthly"} {
		s := book.Classify(backupAlert("dupont", "SRV-AD", "server", "primary", plan, "failed", start), start).Signal
		s.Annotations = map[string]string{"error": "words of " + plan}
		signals = append(signals, s)
	}
	b := opened(t, book, signals[0], start)
	for _, s := range signals[1:] {
		b.do(incident.Fired{Signal: s}, start)
	}
	steps := 0
	for now := start.Add(time.Second); now.Before(start.Add(48 * time.Hour)); now = now.Add(10 * time.Minute) {
		apart, together := *b, *b
		var want, got []any
		for _, s := range signals {
			if !book.Repeats(&apart.inc, s) {
				t.Fatalf("%s: %s is no repetition", now, s.Labels)
			}
			d := apart.do(incident.Fired{Signal: s}, now)
			for _, e := range d.Journal {
				want = append(want, e)
			}
			for _, n := range d.Notifications {
				want = append(want, n)
				steps++
			}
		}
		d := together.do(incident.Repeated{Signals: signals}, now)
		for _, e := range d.Journal {
			got = append(got, e)
		}
		for _, n := range d.Notifications {
			got = append(got, n)
		}
		same(t, now, "the incident", apart.inc, together.inc)
		same(t, now, "what follows", want, got)
		same(t, now, "the needs", apart.last.Needs, together.last.Needs)
		b = &together
		b.answer(now, incident.PlanEvidence{Known: true, LastFailure: start}, model.EvidenceOK)
	}
	if steps < 3 {
		t.Errorf("%d steps fell due: too few to tell", steps)
	}
}

func same(t *testing.T, at time.Time, what string, a, b any) {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if string(x) != string(y) {
		t.Fatalf("%s: %s\napart    %s\ntogether %s", at, what, x, y)
	}
}

// Whatever says something new is no repetition.
func TestRepeats(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 07:10")
	first := book.Classify(backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now).Signal
	for name, change := range map[string]func(*model.Signal, *incident.Incident){
		"nothing":           func(*model.Signal, *incident.Incident) {},
		"a new alert":       func(s *model.Signal, _ *incident.Incident) { s.Fingerprint = "other" },
		"a later run":       func(s *model.Signal, _ *incident.Incident) { s.StartsAt = now.Add(time.Second) },
		"an earlier start":  func(s *model.Signal, _ *incident.Incident) { s.StartsAt = now.Add(-time.Second) },
		"another text":      func(s *model.Signal, _ *incident.Incident) { s.Annotations = map[string]string{"error": "disk full"} },
		"another label":     func(s *model.Signal, _ *incident.Incident) { s.Labels[model.LabelEngine] = "veeam" },
		"it had ended":      func(s *model.Signal, i *incident.Incident) { i.Alerts[s.Fingerprint].Firing = false },
		"it was over":       func(_ *model.Signal, i *incident.Incident) { i.State = model.Resolved },
		"it was unverified": func(_ *model.Signal, i *incident.Incident) { i.State = model.Unverified },
		"another kind":      func(_ *model.Signal, i *incident.Incident) { i.Progress.Subkind = "offline" },
	} {
		b := opened(t, book, first, now)
		s := first
		s.Labels = maps.Clone(first.Labels)
		change(&s, &b.inc)
		if got := book.Repeats(&b.inc, s); got != (name == "nothing") {
			t.Errorf("%s: %t", name, got)
		}
	}
}
