package rules_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// covers: S1.7; what somebody has who is away is given back at the next opening.
func TestOwnerWhoIsAway(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	dir := book.Directory.Clone()
	dir.Absences = []inventory.Absence{{Person: "adm1", From: paris(t, "2026-03-10 00:00"), Until: paris(t, "2026-03-20 00:00")}}
	away, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	b := opened(t, away, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	b.act("take", "adm1", now.Add(time.Minute))
	b.do(incident.Tick{}, paris(t, "2026-03-09 17:00"))
	if b.inc.Assignee != "adm1" {
		t.Fatal("it is given back before the absence")
	}
	b.do(incident.Tick{}, paris(t, "2026-03-10 08:00"))
	if b.inc.Assignee != "adm1" {
		t.Fatal("it is given back at night")
	}
	b.do(incident.Tick{}, paris(t, "2026-03-10 09:00"))
	b.answer(paris(t, "2026-03-10 09:00"), incident.PlanEvidence{}, model.EvidenceOK)
	b.is(model.Open)
	if b.inc.Assignee != "" || !slices.ContainsFunc(b.notes, func(n incident.Notification) bool { return n.Step == "lapsed" && n.To[0].Person == "sup" }) {
		t.Errorf("%q has it although away, or nobody is told", b.inc.Assignee)
	}
}

// covers: S1.15; a promised date that passes is told to whom it was promised.
func TestPromiseThatPasses(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	b.act("forecast", "adm1", now.Add(time.Minute), "today", "no", "reason", "part ordered", "expected_date", "2026-03-11")
	told := func() bool {
		return slices.ContainsFunc(b.notes, func(n incident.Notification) bool {
			return n.Step == "promise_passed" && n.To[0].Person == "am.dupont" && n.Data.Again == incident.AgainPromise
		})
	}
	at := paris(t, "2026-03-11 18:00")
	b.do(incident.Tick{}, at)
	b.answer(at, incident.PlanEvidence{}, model.EvidenceOK)
	if told() {
		t.Error("it is told before the day is over")
	}
	b.do(incident.Tick{}, at.Add(time.Second))
	b.answer(at.Add(time.Second), incident.PlanEvidence{}, model.EvidenceOK)
	if !told() {
		t.Error("the promise passes in silence")
	}
}

// covers: S1.3; evidence that becomes unknown lowers no flag.
func TestUnknownLowersNoFlag(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceKO)
	b.answer(now.Add(20*time.Minute), incident.PlanEvidence{}, model.EvidenceUnknown)
	b.answer(now.Add(40*time.Minute), incident.PlanEvidence{}, model.EvidenceKO)
	n := 0
	for _, x := range b.notes {
		if x.Step == "no_backup_works" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the urgent mail leaves %d times", n)
	}
	b.answer(now.Add(60*time.Minute), incident.PlanEvidence{}, model.EvidenceOK)
	if b.inc.Flags[model.FlagDoubleFailure] {
		t.Error("a proven success does not lower it")
	}
}

// covers: S1.21; an answer that says nothing is none, and neither is an absence
// without its end; the refusal names the field, and nothing changes.
func TestAnswerNeedsToBeOne(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("dupont", "PC-LEA", "workstation", "primary", "daily", "missed", now), now)
	for name, c := range map[string]struct {
		fields []string
		says   string
	}{
		"nothing":              {nil, "result is missing"},
		"blanks":               {[]string{"note", "  \n"}, "result is missing"},
		"a word of no choice":  {[]string{"result", "maybe"}, `result "maybe"`},
		"away without a date":  {[]string{"result", "away", "note", "on holiday"}, "until is missing"},
		"away until the past":  {[]string{"result", "away", "until", "2026-03-01"}, "lies in the past"},
		"away until something": {[]string{"result", "away", "until", "soon"}, "is not a date"},
	} {
		d := b.act("answer", "lea", now.Add(time.Hour), c.fields...)
		if d.Refusal == nil || d.Refusal.Status != 422 || !strings.Contains(d.Refusal.Error(), c.says) {
			t.Errorf("%s: %+v", name, d.Refusal)
		}
	}
	b.is(model.Open)
	if b.inc.Raised["act:answer"].Count > 0 {
		t.Error("a refused answer counts as one")
	}
}

// Blanks are no reason, no note and no name: what an act needs is asked for.
func TestBlanksSayNothing(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	for verb, field := range map[string]string{"close": "reason", "decommission": "reason", "note": "note", "assign": "to", "forecast": "today", "merge": "into"} {
		d := b.act(verb, "adm1", now.Add(time.Hour), field, " \t\u00a0\n")
		if d.Refusal == nil || d.Refusal.Status != 422 || !strings.Contains(d.Refusal.Error(), field+" is missing") {
			t.Errorf("%s: %+v", verb, d.Refusal)
		}
	}
	b.is(model.Open)
}

// covers: S1.21, S1.22; whoever asks to be called is called the same day; whoever
// says that it is not theirs is not called at all.
func TestWhatAnAnswerCallsFor(t *testing.T) {
	for result, called := range map[string]bool{"call_me": true, "not_mine": false, "done": false} {
		book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
		b := opened(t, book, backupAlert("dupont", "PC-LEA", "workstation", "primary", "daily", "missed", now), now)
		at := paris(t, "2026-03-10 09:30")
		b.do(incident.Tick{}, at)
		b.accept(b.notes[len(b.notes)-1], at.Add(time.Minute))
		d := b.act("answer", "lea", at.Add(time.Hour), "result", result)
		if got := len(d.Tasks) == 1; got != called {
			t.Errorf("%s: a call is due at once: %t", result, got)
		}
		if !slices.ContainsFunc(d.Notifications, func(n incident.Notification) bool { return n.Step == "answer_told" }) {
			t.Errorf("%s is told to nobody", result)
		}
		b.do(incident.Tick{}, paris(t, "2026-03-19 09:30"))
		if result == "not_mine" && (b.inc.State == model.CallDue || b.inc.State == model.Waiting) {
			t.Errorf("%s: %s", result, b.inc.State)
		}
	}
}

// covers: S1.7, S2.21; what somebody had who is in the inventory no more is given back
// at once, also while it waits, and told where the policy tells of it.
func TestOwnerWhoLeft(t *testing.T) {
	now := paris(t, "2026-03-09 10:00")
	for name, c := range map[string]struct {
		example, person, told string
		signal                model.Signal
		waits                 bool
	}{
		"server":      {"synomega", "adm1", "sup", backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), false},
		"local":       {"synomega", "adm1", "sup", backupAlert("dupont", "SRV-AD", "server", "local", "daily", "failed", now), false},
		"workstation": {"synomega", "adm1", "sup", backupAlert("dupont", "PC-LEA", "workstation", "primary", "daily", "missed", now), true},
		"platform":    {"activeprolearn", "op2", "op", platformAlert("lms-A", "MoodleSlowPages", now), false},
	} {
		book := exampleBook(t, c.example)
		b := opened(t, book, c.signal, now)
		b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
		b.act("take", c.person, now.Add(time.Minute))
		if c.waits {
			b.act("pause", c.person, now.Add(time.Minute), "until", "2026-03-20")
		}
		without := *book
		without.Directory = book.Directory.Clone()
		delete(without.Directory.People, c.person)
		b.book = &without
		b.do(incident.Refreshed{}, now.Add(time.Hour))
		b.answer(now.Add(time.Hour), incident.PlanEvidence{}, model.EvidenceOK)
		if b.inc.Assignee != "" {
			t.Errorf("%s: %q has it still", name, b.inc.Assignee)
		}
		if !slices.ContainsFunc(b.notes, func(n incident.Notification) bool {
			return n.Step == "lapsed" && n.To[0].Person == c.told && n.Data.Again == incident.AgainLapsed && n.Data.LeftBy == c.person
		}) {
			t.Errorf("%s: nobody is told", name)
		}
	}
}

// covers: S2.21; a platform's incident that its owner leaves, because he is away, goes
// back to the operators at the next opening.
func TestPlatformOwnerWhoIsAway(t *testing.T) {
	book, now := exampleBook(t, "activeprolearn"), paris(t, "2026-03-09 10:00")
	dir := book.Directory.Clone()
	dir.Absences = []inventory.Absence{{Person: "op", From: paris(t, "2026-03-10 00:00"), Until: paris(t, "2026-03-20 00:00")}}
	away, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	b := opened(t, away, platformAlert("lms-A", "MoodleSlowPages", now), now)
	b.act("take", "op", now.Add(time.Minute))
	b.do(incident.Tick{}, paris(t, "2026-03-10 08:59"))
	if b.inc.Assignee != "op" {
		t.Fatal("it is given back before the day begins")
	}
	b.do(incident.Tick{}, paris(t, "2026-03-10 09:00"))
	if b.inc.Assignee != "" || !slices.ContainsFunc(b.notes, func(n incident.Notification) bool { return n.Step == "lapsed" }) {
		t.Errorf("%q has it although away", b.inc.Assignee)
	}
}

// covers: S1.7; a wait for the customer without a date is left alone for as many days as
// the policy says.
func TestWaitWithoutADate(t *testing.T) {
	asked := func(days string) (n int) {
		ps, err := loadText(strings.NewReplacer(
			"    reopens_within: 24h\n", "    reopens_within: 24h\n    wait_days: "+days+"\n",
			"        rests_while: [silenced]\n        then_every: 2 business_hours\n", "        rests_while: [agreed_wait]\n        then_every: 24h\n",
			"        unless: [repaired]\n        only_if: [severity major]\n", "",
			"    calls: {outcomes: [reached], reached: [reached], follow_up_days: 7, clock: \"09:30\", tries: 3, retry_after_service_days: 1}\n", "",
		).Replace(soundPolicy))
		if err != nil {
			t.Fatal(err)
		}
		book, err := rules.NewBook(exampleBook(t, "synomega").Directory, ps...)
		if err != nil {
			t.Fatal(err)
		}
		now := paris(t, "2026-03-09 10:00")
		b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
		b.act("pause", "adm1", now)
		for day := range 9 {
			at := paris(t, "2026-03-09 11:00").AddDate(0, 0, day)
			b.do(incident.Tick{}, at)
			b.answer(at, incident.PlanEvidence{}, model.EvidenceOK)
		}
		for _, note := range b.notes {
			if note.Step == "told" {
				n++
			}
		}
		return n
	}
	if two, seven := asked("2"), asked("7"); two <= seven {
		t.Errorf("after 2 days it is asked %d times, after 7 days %d times", two, seven)
	}
}
