package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules/act"
	"vigie/rules/explain"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/story"
)

// covers: S1.15; what is no date is refused in every date field of every act, with
// the field's name and the cure, and changes nothing.
func TestWhatIsNoDate(t *testing.T) {
	fields := map[string][]string{ // what else the act asks for
		"forecast": {"today", "no", "reason", "part ordered"},
		"answer":   {"result", "away"},
		"call":     {"outcome", "reached"},
		"pause":    nil,
	}
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	for _, row := range act.Table() {
		for _, f := range row.Fields {
			if f.Kind != act.Date {
				continue
			}
			others, known := fields[row.Verb]
			if !known {
				t.Errorf("%s takes a date: say here what else it takes", row.Verb)
			}
			for _, text := range []string{"next week", "2026-02-30", "12/03/2026", "2026-3-1", "2026-03-12T10:00", "null"} {
				b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
				b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
				a := incident.Act{Verb: row.Verb, By: "adm1", Fields: model.Labels{f.Name: text}}
				for i := 0; i+1 < len(others); i += 2 {
					a.Fields[others[i]] = others[i+1]
				}
				d := b.do(incident.Acted{Act: a}, now.Add(time.Minute))
				if d.Refusal == nil || d.Refusal.Status != 422 || !strings.Contains(d.Refusal.Error(), f.Name) || !strings.Contains(d.Refusal.Error(), "write 2026-03-20") {
					t.Errorf("%s %s=%q: %+v", row.Verb, f.Name, text, d.Refusal)
				}
				if b.inc.Progress.ExpectedDate != "" || len(b.inc.Acts) > 0 {
					t.Errorf("%s %s=%q is kept", row.Verb, f.Name, text)
				}
			}
		}
	}
}

// covers: S1.21; a date of next year is a slip, whoever writes it and in whatever act.
func TestADateOfNextYear(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	for _, c := range [][]string{{"answer", "result", "away", "until", "2027-03-20"}, {"pause", "until", "2027-03-20"},
		{"forecast", "today", "no", "reason", "part ordered", "expected_date", "2027-03-20T10:00:00+01:00"}} {
		d := b.act(c[0], "adm1", now.Add(time.Minute), c[1:]...)
		if d.Refusal == nil || d.Refusal.Status != 422 || !strings.Contains(d.Refusal.Error(), "2027-03-20 is more than six months away") || b.inc.State == model.Waiting {
			t.Errorf("%v: %+v", c, d.Refusal)
		}
	}
	if d := b.act("answer", "adm1", now.Add(time.Minute), "result", "away", "until", "2026-09-07"); d.Refusal != nil {
		t.Errorf("half a year is refused: %v", d.Refusal)
	}
}

// covers: S1.21; the day that somebody named stands until somebody names another, or says
// that there is something to see before.
func TestAnAgreedDayStands(t *testing.T) {
	for says, want := range map[string]string{"note thanks": "2026-03-31 09:30", "result call_me": "2026-03-31 09:30",
		"until 2026-04-02": "2026-04-02 09:30", "result done": "2026-03-17 09:30"} {
		book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
		b := opened(t, book, backupAlert("dupont", "PC-LEA", "workstation", "primary", "daily", "missed", now), now)
		b.act("answer", "lea", now.Add(time.Hour), "result", "away", "until", "2026-03-31")
		name, value, _ := strings.Cut(says, " ")
		if d := b.act("answer", "sup", now.Add(24*time.Hour), name, value); d.Refusal != nil || !b.inc.Until.Equal(paris(t, want)) {
			t.Errorf("%s: looked at again %s, want %s (%v)", says, b.inc.Until, want, d.Refusal)
		}
	}
}

// covers: S1.21; clocks that a person stops without a date stand until he lets them run
// again, whatever day the customer had named before; of whom somebody would phone it stands.
func TestAPauseWithoutADate(t *testing.T) {
	now := paris(t, "2026-03-09 10:00")
	b := opened(t, exampleBook(t, "activeprolearn"), platformAlert("lms-A", "MoodleSlowPages", now), now)
	b.act("answer", "exploit@lms-a.example", now.Add(time.Minute), "until", "2026-03-11")
	if b.inc.State != model.Waiting || b.inc.Until.IsZero() {
		t.Fatalf("the customer's day is not waited for: %s, %s", b.inc.State, b.inc.Until)
	}
	if d := b.act("pause", "op", now.Add(time.Hour)); d.Refusal != nil || !b.inc.Until.IsZero() {
		t.Errorf("a platform's clocks run again %s (%v)", b.inc.Until, d.Refusal)
	}
	b = opened(t, exampleBook(t, "synomega"), backupAlert("dupont", "PC-LEA", "workstation", "primary", "daily", "missed", now), now)
	b.act("answer", "lea", now.Add(time.Hour), "result", "away", "until", "2026-03-31")
	if d := b.act("pause", "sup", now.Add(24*time.Hour)); d.Refusal != nil || !b.inc.Until.Equal(paris(t, "2026-03-31 09:30")) {
		t.Errorf("a user is phoned %s (%v)", b.inc.Until, d.Refusal)
	}
}

// covers: S1.8, S1.28; what the clock asks for does not leave once it was done, in the
// seconds in which it waits for others like it; what was sent for the failure itself does.
func TestDoneWhileTheReminderWaits(t *testing.T) {
	book := exampleBook(t, "synomega")
	for name, c := range map[string]struct {
		at        string
		withdrawn int
	}{
		"the first mail": {"2026-03-09 07:10:20", 0},
		"nobody took it": {"2026-03-09 10:00:20", 1},
	} {
		now := paris(t, "2026-03-09 07:10")
		b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
		b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
		at := paris(t, c.at)
		b.do(incident.Tick{}, at.Add(-20*time.Second))
		if at.Hour() > 7 {
			for _, n := range b.notes[:1] {
				b.accept(n, now.Add(time.Minute))
			}
		}
		if d := b.act("take", "sup", at); d.Refusal != nil || len(d.Withdraw) != c.withdrawn {
			t.Errorf("%s: %v taken back, want %d (%v)", name, d.Withdraw, c.withdrawn, d.Refusal)
		}
	}
}

// Why a step comes when it does is told with the hour that it has: of an appointment that
// the day's opening puts off, that it does.
func TestWhyOfAnAppointmentOnAnAfternoon(t *testing.T) {
	closed := strict.File{Name: "closures.yml", Text: []byte("closures: {service_day: [{date: 2026-12-24, windows: [[\"14:00\", \"18:00\"]]}]}\n")}
	book := loadBook(t, exampleFiles(t, "synomega/policy"), append(exampleFiles(t, "synomega/inventory"), closed))
	for failed, want := range map[string]string{"2026-12-21 13:00": "2026-12-22 09:30", "2026-12-23 13:00": "2026-12-24 14:00"} {
		now := paris(t, failed)
		b := opened(t, book, backupAlert("dupont", "PC-LEA", "workstation", "primary", "daily", "failed", now), now)
		b.answer(now, incident.PlanEvidence{}, model.EvidenceUnknown)
		steps := book.Explain(b.inc, incident.Circumstances{}, now).Steps
		n := slices.IndexFunc(steps, func(s explain.Explained) bool { return s.Name == "client_told" })
		moved := strings.HasSuffix(want, "14:00")
		if n < 0 || !steps[n].Due.Equal(paris(t, want)) || !strings.Contains(steps[n].Reason, "at 09:30") || moved != strings.HasSuffix(steps[n].Reason, ", moved to the opening") {
			t.Errorf("of a failure at %s: %+v", failed, steps)
		}
	}
}

// covers: S1.20, S1.22
//
// Nothing leaves, and nobody is called, before the opening of a day that a closure
// leaves the afternoon of.
func TestAppointmentsOnAnAfternoon(t *testing.T) {
	closed := strict.File{Name: "closures.yml", Text: []byte("closures: {service_day: [{date: 2026-12-24, windows: [[\"14:00\", \"18:00\"]]}]}\n")}
	book := loadBook(t, exampleFiles(t, "synomega/policy"), append(exampleFiles(t, "synomega/inventory"), closed))
	fails := `  - {at: %s, fires: {alertname: BackupFailed, customer: dupont, machine: PC-LEA, machine_class: workstation, backup_role: primary, engine: acronis, plan: daily, kind: failed}}
`
	for name, c := range map[string]struct{ failed, act, step, want string }{
		"the mail of the next day": {"2026-12-23T13:00:00+01:00", "", "client_told", "2026-12-24T14:01:00+01:00"},
		"the call after a week":    {"2026-12-16T13:00:00+01:00", "", "call_to_make", "2026-12-24T14:01:00+01:00"},
		"the call on a date that is agreed": {"2026-12-16T13:00:00+01:00", `  - {at: 2026-12-17T10:00:00+01:00, act: {verb: answer, by: lea, external: true, result: away, until: "2026-12-24", incident: {machine: PC-LEA}}}
`, "call_to_make", "2026-12-24T14:01:00+01:00"},
		"a mail that an absence holds": {"2026-12-16T13:00:00+01:00", `  - {at: 2026-12-16T14:00:00+01:00, absence: {customer: dupont, from: 2026-12-17, to: 2026-12-23}}
`, "client_told", "2026-12-24T14:01:00+01:00"},
	} {
		text := "start: 2026-12-16T09:00:00+01:00\nuntil: 2026-12-24T18:00:00+01:00\nevents:\n" + fmt.Sprintf(fails, c.failed) + c.act
		happened := played(t, book, name, text, story.Options{})
		var left []string
		for _, h := range happened {
			if h.What == "notification" && h.Step == c.step {
				left = append(left, h.At.Format(time.RFC3339))
			}
		}
		if !slices.Equal(left, []string{c.want}) {
			t.Errorf("%s: %s left at %v, want %s", name, c.step, left, c.want)
		}
	}
}

// What comes each week comes at the hour that the policy names, also after a day that opened
// later.
func TestWeeklyAgainAtTheHourOfThePolicy(t *testing.T) {
	closed := strict.File{Name: "closures.yml", Text: []byte("closures: {service_day: [{date: 2026-11-05, windows: [[\"14:00\", \"18:00\"]]}]}\n")}
	book := loadBook(t, exampleFiles(t, "synomega/policy"), append(exampleFiles(t, "synomega/inventory"), closed))
	happened := played(t, book, "weekly", `start: 2026-11-02T07:00:00+01:00
until: 2026-11-20T18:00:00+01:00
events:
  - {at: 2026-11-02T08:00:00+01:00, fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}}
`, story.Options{})
	var left []string
	for _, h := range happened {
		if h.What == "notification" && h.Step == "still_failing" {
			left = append(left, h.At.Format("2006-01-02 15:04"))
		}
	}
	if want := []string{"2026-11-05 14:01", "2026-11-12 09:01", "2026-11-19 09:01"}; !slices.Equal(left, want) {
		t.Errorf("told at %q, want %q", left, want)
	}
}
