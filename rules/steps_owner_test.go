package rules_test

import (
	"slices"
	"testing"
	"time"

	"vigie/rules"
)

// covers: S1.7; what somebody has who is away is given back at the next opening.
func TestOwnerWhoIsAway(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	dir := book.Directory.Clone()
	dir.Absences = []rules.Absence{{Person: "adm1", From: paris(t, "2026-03-10 00:00"), Until: paris(t, "2026-03-20 00:00")}}
	away, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	b := opened(t, away, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, rules.PlanEvidence{}, rules.EvidenceOK)
	b.act("take", "adm1", now.Add(time.Minute))
	b.do(rules.Tick{}, paris(t, "2026-03-09 17:00"))
	if b.inc.Assignee != "adm1" {
		t.Fatal("it is given back before the absence")
	}
	b.do(rules.Tick{}, paris(t, "2026-03-10 08:00"))
	if b.inc.Assignee != "adm1" {
		t.Fatal("it is given back at night")
	}
	b.do(rules.Tick{}, paris(t, "2026-03-10 09:00"))
	b.answer(paris(t, "2026-03-10 09:00"), rules.PlanEvidence{}, rules.EvidenceOK)
	b.is(rules.Open)
	if b.inc.Assignee != "" || !slices.ContainsFunc(b.notes, func(n rules.Notification) bool { return n.Step == "lapsed" && n.To[0].Person == "sup" }) {
		t.Errorf("%q has it although away, or nobody is told", b.inc.Assignee)
	}
}

// covers: S1.15; a promised date that passes is told to whom it was promised.
func TestPromiseThatPasses(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, rules.PlanEvidence{}, rules.EvidenceOK)
	b.act("forecast", "adm1", now.Add(time.Minute), "today", "no", "reason", "part ordered", "expected_date", "2026-03-11")
	told := func() bool {
		return slices.ContainsFunc(b.notes, func(n rules.Notification) bool {
			return n.Step == "promise_passed" && n.To[0].Person == "am.dupont" && n.Facts.Again == rules.AgainPromise
		})
	}
	at := paris(t, "2026-03-11 18:00")
	b.do(rules.Tick{}, at)
	b.answer(at, rules.PlanEvidence{}, rules.EvidenceOK)
	if told() {
		t.Error("it is told before the day is over")
	}
	b.do(rules.Tick{}, at.Add(time.Second))
	b.answer(at.Add(time.Second), rules.PlanEvidence{}, rules.EvidenceOK)
	if !told() {
		t.Error("the promise passes in silence")
	}
}

// covers: S1.3; evidence that becomes unknown lowers no flag.
func TestUnknownLowersNoFlag(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, rules.PlanEvidence{}, rules.EvidenceKO)
	b.answer(now.Add(20*time.Minute), rules.PlanEvidence{}, rules.EvidenceUnknown)
	b.answer(now.Add(40*time.Minute), rules.PlanEvidence{}, rules.EvidenceKO)
	n := 0
	for _, x := range b.notes {
		if x.Step == "no_backup_works" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the urgent mail leaves %d times", n)
	}
	b.answer(now.Add(60*time.Minute), rules.PlanEvidence{}, rules.EvidenceOK)
	if b.inc.Flags[rules.FlagDoubleFailure] {
		t.Error("a proven success does not lower it")
	}
}
