package rules_test

import (
	"slices"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/story"
)

// What somebody took by mistake he gives back, and nobody does it for him.
func TestGivenBackByHand(t *testing.T) {
	now := paris(t, "2026-03-09 10:00")
	b := opened(t, exampleBook(t, "synomega"), backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	for _, c := range []struct {
		verb, by string
		status   int
		has      string
	}{
		{"release", "adm1", 409, ""}, {"take", "adm1", 0, "adm1"}, {"release", "adm2", 409, "adm1"}, {"release", "adm1", 0, ""}, {"take", "adm2", 0, "adm2"},
	} {
		got := 0
		if r := b.act(c.verb, c.by, now).Refusal; r != nil {
			got = r.Status
		}
		if got != c.status || b.inc.Assignee != c.has {
			t.Errorf("%s by %s: status %d, %q has it; want %d, %q", c.verb, c.by, got, b.inc.Assignee, c.status, c.has)
		}
		if c.verb == "release" && got == 0 && (b.inc.State != model.Open || !slices.ContainsFunc(b.notes, func(n incident.Notification) bool { return n.Step == "lapsed" })) {
			t.Errorf("given back it is %s, and told were %v", b.inc.State, b.notes)
		}
	}
}

// Who ends his silence himself need not be told that it is over; it is told whoever
// lets one run out, or whose is ended by somebody else, who says why.
func TestASilenceIsEndedEarly(t *testing.T) {
	unsilence := func(by string) string {
		return "  - {at: 2026-11-03T09:00:00+01:00, act: {verb: unsilence, by: " + by + ", incident: {machine: SRV-AD}}}\n"
	}
	silenced := func(matcher string) string {
		return "  - {at: 2026-11-03T08:40:00+01:00, silence: {matchers: ['" + matcher + "'], by: adm1, comment: x, until: 2026-11-03T10:30:00+01:00}}\n"
	}
	for ending, want := range map[string]struct {
		told    bool
		refused int
	}{
		unsilence("adm1"):             {false, 0},
		unsilence("adm2"):             {true, 409},
		"":                            {true, 0},
		unsilence("adm2, force: yes"): {true, 422},
		unsilence("adm1, force: yes"): {true, 422},
		unsilence(`adm2, force: yes, reason: "disk replaced"`): {true, 0},
		silenced(`machine="SRV-AD"`) + unsilence("adm1"):       {false, 0},
		silenced(`customer="dupont"`) + unsilence("adm1"):      {true, 0}, // it covers more than this
	} {
		happened := played(t, exampleBook(t, "synomega"), "silenced", `start: 2026-11-03T08:00:00+01:00
until: 2026-11-03T11:00:00+01:00
events:
  - {at: 2026-11-03T08:10:00+01:00, fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}}
  - {at: 2026-11-03T08:30:00+01:00, act: {verb: silence, by: adm1, incident: {machine: SRV-AD}, comment: disk, until: "10:00"}}
`+ending, story.Options{})
		if got := slices.ContainsFunc(happened, func(h story.Happening) bool { return h.What == "notification" && h.Step == "silence_over" }); got != want.told {
			t.Errorf("%s told that the silence is over: %v", ending, got)
		}
		refused := 0
		for _, h := range happened {
			if h.What == "refused" {
				refused = h.Status
			}
		}
		if refused != want.refused {
			t.Errorf("%s refused: %d, want %d", ending, refused, want.refused)
		}
	}
}

// A deadline that will pass is what comes, where nothing comes before it: a row never
// says that nothing is planned.
func TestAPassedDeadlineIsForeseen(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("leroy", "SRV-WEB", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceNone)
	b.act("take", "adm1", now)
	b.act("silence", "adm1", now, "until", "12:00")
	b.do(incident.Silenced{Active: []incident.Silence{{ID: "s1", By: "adm1", Matchers: []string{`machine="SRV-WEB"`}, StartsAt: now, EndsAt: now.Add(2 * time.Hour)}}}, now)
	due, to := map[string]time.Time{}, map[string][]string{}
	for _, s := range book.Explain(b.inc, incident.Circumstances{}, now).Steps {
		if s.Status == "due" {
			due[s.Name], to[s.Name] = s.Due, s.To
		}
	}
	for step, want := range map[string]string{"day_missed": "2026-03-09 18:00:01", "silence_over": "2026-03-09 12:00"} {
		if !due[step].Equal(paris(t, want)) {
			t.Errorf("%s comes at %v, want %s: %v", step, due[step], want, due)
		}
	}
	if who := to["silence_over"]; !slices.Contains(who, "adm1@msp.example") {
		t.Errorf("that the silence is over %v are told, and not who made it", who)
	}
}
