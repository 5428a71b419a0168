package rules_test

import (
	"strconv"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// last night's failing run ended at 02:00, the last success was the night before.
func failingServer(t testing.TB, kind string, plans ...string) *bench {
	book := exampleBook(t, "synomega")
	now := paris(t, "2026-03-09 07:10")
	var b *bench
	for _, plan := range plans {
		s := backupAlert("dupont", "SRV-AD", "server", "primary", plan, kind, now)
		if b == nil {
			b = opened(t, book, s, now)
		} else {
			b.do(incident.Fired{Signal: book.Classify(s, now).Signal}, now)
		}
	}
	b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: paris(t, "2026-03-08 02:00"), LastFailure: paris(t, "2026-03-09 02:00")}, model.EvidenceOK)
	return b
}

func (b *bench) is(want model.State) {
	b.t.Helper()
	if b.inc.State != want {
		b.t.Fatalf("is %s, want %s: %+v", b.inc.State, want, b.last.Journal)
	}
}

// covers: S1.33, P2, P3; which success proves which failure.
func TestProof(t *testing.T) {
	known := func(success, failure string) incident.PlanEvidence {
		p := incident.PlanEvidence{Known: true}
		if success != "" {
			p.LastSuccess = paris(t, success)
		}
		if failure != "" {
			p.LastFailure = paris(t, failure)
		}
		return p
	}
	tests := []struct {
		name, kind string
		answer     incident.PlanEvidence
		want       model.State
	}{
		{"failed: a success after the failed run", "failed", known("2026-03-09 14:32", "2026-03-09 02:00"), model.Resolved},
		{"failed: a success before startsAt, after the run's end", "failed", known("2026-03-09 02:30", "2026-03-09 02:00"), model.Resolved},
		{"failed: the same success as before", "failed", known("2026-03-08 02:00", "2026-03-09 02:00"), model.Unverified},
		{"failed: a success at the end of the failed run", "failed", known("2026-03-09 02:00", "2026-03-09 02:00"), model.Unverified},
		{"failed: a success, and then one more failure", "failed", known("2026-03-09 10:00", "2026-03-09 12:00"), model.Unverified},
		{"failed: nothing is known", "failed", incident.PlanEvidence{}, model.Unverified},
		{"failed: the series is gone", "failed", incident.PlanEvidence{Known: true, Lost: true, LastSuccess: paris(t, "2026-03-08 02:00")}, model.Unverified},
		{"failed: no success ever", "failed", known("", "2026-03-09 02:00"), model.Unverified},
		{"missed: a success later than the last one known", "missed", known("2026-03-09 01:00", "2026-03-09 02:00"), model.Resolved},
		{"missed: the success known at opening", "missed", known("2026-03-08 02:00", ""), model.Unverified},
		{"never ran: a first success", "never_ran", known("2026-03-09 11:00", ""), model.Resolved},
		{"never ran: the success known at opening", "never_ran", known("2026-03-08 02:00", ""), model.Unverified},
		{"stuck: a success after the last failed run", "stuck", known("2026-03-09 11:00", "2026-03-09 02:00"), model.Resolved},
		{"vanished: a success later than the last one known", "vanished", known("2026-03-09 11:00", ""), model.Resolved},
		{"vanished: still gone", "vanished", incident.PlanEvidence{Lost: true}, model.Unverified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := failingServer(t, tt.kind, "daily")
			now := paris(t, "2026-03-09 14:33")
			d := b.clear(now)
			b.is(model.Open)
			if d.Needs == nil || len(d.Needs.Alerts) != 1 {
				t.Fatalf("asks for no proof: %+v", d.Needs)
			}
			b.answer(now, tt.answer, model.EvidenceOK)
			b.is(tt.want)
		})
	}
}

// covers: S1.33, P3; an alert says in whole seconds when the last success ended, and
// Prometheus knows it in fractions.
func TestTheSameSuccessInFractionsProvesNothing(t *testing.T) {
	began, last := paris(t, "2026-03-09 07:10"), paris(t, "2026-03-07 14:30")
	for _, kind := range []string{"failed", "missed", "never_ran", "vanished"} {
		for _, fraction := range []time.Duration{0, 387 * time.Millisecond, 700 * time.Millisecond} {
			s := backupAlert("dupont", "SRV-AD", "server", "primary", "daily", kind, began)
			known := last.Add(fraction)
			s.Annotations = map[string]string{"last_success": strconv.FormatInt(known.Round(time.Second).Unix(), 10)}
			b := opened(t, exampleBook(t, "synomega"), s, began)
			b.clear(began.Add(5 * time.Minute))
			b.answer(began.Add(5*time.Minute), incident.PlanEvidence{Known: true, LastSuccess: known}, model.EvidenceOK)
			b.is(model.Unverified)
			b.answer(began.Add(6*time.Minute), incident.PlanEvidence{Known: true, LastSuccess: began.Add(5*time.Minute + fraction)}, model.EvidenceOK)
			b.is(model.Resolved)
		}
	}
}

// covers: S1.33, P3; the first answer comes after the repair: nothing says when
// the failing run ended, nor what was there before it.
func TestFirstAnswerAfterTheRepair(t *testing.T) {
	began := paris(t, "2026-03-09 07:10")
	for _, tt := range []struct {
		name    string
		success time.Time
		want    model.State
	}{
		{"it ended after the alert began", began.Add(time.Second), model.Resolved},
		{"it ended when the alert began", began, model.Unverified},
		{"it was there before", began.Add(-time.Hour), model.Unverified},
		{"there is none", time.Time{}, model.Unverified},
	} {
		for _, kind := range []string{"failed", "missed", "never_ran", "stuck", "vanished"} {
			t.Run(kind+": "+tt.name, func(t *testing.T) {
				b := opened(t, exampleBook(t, "synomega"), backupAlert("dupont", "SRV-AD", "server", "primary", "daily", kind, began), began.Add(time.Minute))
				b.clear(began.Add(5 * time.Minute))
				b.answer(began.Add(5*time.Minute), incident.PlanEvidence{Known: true, LastSuccess: tt.success}, model.EvidenceOK)
				b.is(tt.want)
			})
		}
	}
}

// covers: S1.33; while the alert fires a success alone resolves nothing.
func TestSuccessWhileFiring(t *testing.T) {
	b := failingServer(t, "failed", "daily")
	now := paris(t, "2026-03-09 14:32")
	b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now, LastFailure: paris(t, "2026-03-09 02:00")}, model.EvidenceOK)
	b.is(model.Open)
	b.clear(now.Add(time.Minute))
	b.answer(now.Add(time.Minute), incident.PlanEvidence{}, model.EvidenceOK)
	b.is(model.Resolved) // what was proven stays proven
}

// covers: P2; per alert, never per group: every failing plan must be proven.
func TestEveryPlanMustBeProven(t *testing.T) {
	b := failingServer(t, "failed", "daily", "weekly")
	now := paris(t, "2026-03-09 14:33")
	var fs []string
	for f := range b.inc.Alerts {
		fs = append(fs, f)
	}
	d := b.do(incident.Cleared{Fingerprints: fs[:1], At: now, Trusted: true}, now)
	b.is(model.Open)
	if d.Needs != nil && len(d.Needs.Alerts) != 2 {
		t.Errorf("asks for %d of 2 plans", len(d.Needs.Alerts))
	}
	b.do(incident.Cleared{Fingerprints: fs[1:], At: now, Trusted: true}, now)
	good := incident.PlanEvidence{Known: true, LastSuccess: now, LastFailure: paris(t, "2026-03-09 02:00")}
	b.do(incident.Answered{AskedAt: now, Plans: map[string]incident.PlanEvidence{fs[0]: good}, Other: &incident.Evidence{State: model.EvidenceOK}}, now)
	b.is(model.Unverified) // an answer that is silent about a plan proves nothing of it
	b.do(incident.Answered{AskedAt: now, Plans: map[string]incident.PlanEvidence{fs[1]: good}, Other: &incident.Evidence{State: model.EvidenceOK}}, now)
	b.is(model.Resolved)
}

// covers: S1.33, P3; an answer that was asked before the newest signal is asked again.
func TestOldEvidence(t *testing.T) {
	b := failingServer(t, "missed", "daily")
	now := paris(t, "2026-03-09 14:33")
	b.do(incident.Fired{Signal: b.signal(now.Add(-time.Minute))}, now)
	b.clear(now)
	var f string
	for f = range b.inc.Alerts {
	}
	d := b.do(incident.Answered{AskedAt: now.Add(-time.Second), Plans: map[string]incident.PlanEvidence{f: {Known: true, LastSuccess: now}}}, now)
	b.is(model.Open)
	if d.Needs == nil || d.Needs.Since.Before(now) {
		t.Errorf("does not ask again for what is newer than the signal: %+v", d.Needs)
	}
}

// signal is the incident's first alert once more, started at another instant.
func (b *bench) signal(at time.Time) model.Signal {
	for f, a := range b.inc.Alerts {
		return model.Signal{Kind: model.BackupAlert, Fingerprint: f, Labels: a.Labels, StartsAt: at}
	}
	b.t.Fatal("no alert")
	return model.Signal{}
}

// covers: P3; a success that was known before a new failing run proves nothing of it.
func TestSuccessBeforeANewFailingRun(t *testing.T) {
	for _, kind := range []string{"failed", "missed"} {
		t.Run(kind, func(t *testing.T) {
			b := failingServer(t, kind, "daily")
			success := paris(t, "2026-03-09 12:00")
			b.answer(success, incident.PlanEvidence{Known: true, LastSuccess: success, LastFailure: paris(t, "2026-03-09 02:00")}, model.EvidenceOK)
			now := paris(t, "2026-03-09 15:00")
			b.do(incident.Fired{Signal: b.signal(now)}, now)
			b.clear(now.Add(time.Minute))
			b.answer(now.Add(time.Minute), incident.PlanEvidence{Known: true, LastSuccess: success, LastFailure: now}, model.EvidenceOK)
			b.is(model.Unverified)
			b.answer(now.Add(2*time.Minute), incident.PlanEvidence{Known: true, LastSuccess: now.Add(90 * time.Second), LastFailure: now}, model.EvidenceOK)
			b.is(model.Resolved)
		})
	}
}

// covers: T6, P11; while monitoring itself is in doubt no ending is believed.
func TestUntrustedEnding(t *testing.T) {
	b := failingServer(t, "failed", "daily")
	now := paris(t, "2026-03-09 14:33")
	s := b.signal(now)
	d := b.do(incident.Cleared{Fingerprints: []string{s.Fingerprint}, At: now, Trusted: false}, now)
	if !b.inc.Alerts[s.Fingerprint].Firing || len(d.Journal) == 0 {
		t.Error("an ending was believed although it could not be trusted, or nothing says so")
	}
	b.is(model.Open)
}

// covers: T6; endings and copies that come late or in the wrong order.
func TestOrderOfDeliveries(t *testing.T) {
	begin := paris(t, "2026-03-09 07:10")
	t.Run("an ending that is older than the alert", func(t *testing.T) {
		b := failingServer(t, "failed", "daily")
		s := b.signal(begin)
		b.do(incident.Cleared{Fingerprints: []string{s.Fingerprint}, At: begin.Add(-time.Hour), Trusted: true}, begin.Add(time.Minute))
		if !b.inc.Alerts[s.Fingerprint].Firing {
			t.Error("the end of an earlier run ended this one")
		}
	})
	t.Run("an ending of an alert that nobody knows", func(t *testing.T) {
		b := failingServer(t, "failed", "daily")
		b.do(incident.Cleared{Fingerprints: []string{"other"}, At: begin, Trusted: true}, begin)
		b.is(model.Open)
		if b.last.Needs != nil {
			t.Error("asks for a proof of nothing")
		}
	})
	resolved := func(t *testing.T) (*bench, model.Signal, time.Time) {
		b := failingServer(t, "failed", "daily")
		s, now := b.signal(begin), paris(t, "2026-03-09 14:33")
		b.clear(now)
		b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now, LastFailure: paris(t, "2026-03-09 02:00")}, model.EvidenceOK)
		b.is(model.Resolved)
		return b, s, now
	}
	t.Run("a late copy after the ending", func(t *testing.T) {
		b, s, now := resolved(t)
		b.do(incident.Fired{Signal: s}, now.Add(time.Minute))
		b.is(model.Resolved)
	})
	t.Run("Alertmanager confirms that it fires", func(t *testing.T) {
		b, s, now := resolved(t)
		b.do(incident.Fired{Signal: s, Confirmed: true}, now.Add(time.Minute))
		b.is(model.Open)
		if b.inc.Episode != 2 {
			t.Errorf("episode %d", b.inc.Episode)
		}
	})
	t.Run("a new failure", func(t *testing.T) {
		b, s, now := resolved(t)
		s.StartsAt = now.Add(time.Hour)
		b.do(incident.Fired{Signal: s}, now.Add(time.Hour))
		b.is(model.Open)
	})
	t.Run("a late copy while the proof is awaited", func(t *testing.T) {
		b := failingServer(t, "failed", "daily")
		s, now := b.signal(begin), paris(t, "2026-03-09 14:33")
		b.clear(now)
		b.do(incident.Fired{Signal: s}, now.Add(time.Second))
		if b.inc.Alerts[s.Fingerprint].Firing {
			t.Error("a late copy lets the alert fire again")
		}
	})
	t.Run("it fires again while unverified", func(t *testing.T) {
		b := failingServer(t, "failed", "daily")
		s, now := b.signal(begin), paris(t, "2026-03-09 14:33")
		b.act("take", "adm1", begin)
		b.clear(now)
		b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
		b.is(model.Unverified)
		s.StartsAt = now.Add(time.Minute)
		b.do(incident.Fired{Signal: s}, now.Add(time.Minute))
		b.is(model.Taken)
	})
}

// covers: T5; the same deliveries in any order, and twice, give the same incident.
func TestDeliveriesConverge(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 07:10")
	var signals []model.Signal
	for _, plan := range []string{"daily", "weekly", "monthly"} {
		signals = append(signals, book.Classify(backupAlert("dupont", "SRV-AD", "server", "primary", plan, "failed", now), now).Signal)
	}
	run := func(order []int) string {
		b := opened(t, book, signals[order[0]], now)
		for _, n := range order[1:] {
			b.do(incident.Fired{Signal: signals[n]}, now)
		}
		return asJSON(t, b.inc)
	}
	want := run([]int{0, 1, 2})
	for _, order := range [][]int{{2, 1, 0}, {1, 0, 2}, {0, 2, 1}, {0, 0, 1, 1, 2, 2}, {2, 0, 1, 2, 0, 1}} {
		if got := run(order); got != want {
			t.Errorf("the order %v gives\n%s\nnot\n%s", order, got, want)
		}
	}
}

// covers: S1.33; somebody reopens: what is known so far proves nothing, and
// nothing is lost of whom and what it concerns.
func TestReopenedByAPerson(t *testing.T) {
	b := failingServer(t, "failed", "daily")
	now := paris(t, "2026-03-09 14:33")
	b.clear(now)
	good := incident.PlanEvidence{Known: true, LastSuccess: now, LastFailure: paris(t, "2026-03-09 02:00")}
	b.answer(now, good, model.EvidenceOK)
	b.is(model.Resolved)
	later := now.Add(time.Hour)
	b.act("reopen", "adm1", later)
	b.answer(later, good, model.EvidenceOK)
	b.is(model.Open)
	if len(b.inc.Alerts) != 1 {
		t.Errorf("%d alerts are left", len(b.inc.Alerts))
	}
	good.LastSuccess = later.Add(time.Hour)
	b.answer(later.Add(time.Hour), good, model.EvidenceOK)
	b.is(model.Resolved)
}
