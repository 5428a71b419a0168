package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/story"
)

// byTurns is the example with three people who are on duty by the week, from
// Monday, 2 March 2026, 09:00 on.
func byTurns(t *testing.T, change func(*inventory.Directory)) *rules.Book {
	t.Helper()
	book := exampleBook(t, "synomega")
	dir := book.Directory.Clone()
	zone := paris(t, "2026-03-09 10:00").Location()
	dir.Rotas = nil
	dir.Rotations = []inventory.Rotation{{Role: "supervisor", People: []string{"sup", "adm1", "adm2"}, Days: 7, Start: calendar.Date{Year: 2026, Month: 3, Day: 2}, At: 9 * 3600, Zone: zone}}
	if change != nil {
		change(dir)
	}
	b, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// covers: S1.7; who is told, what explain says that will be told, what check warns of
// and what pages show are of one rota.
func TestDutyByTurns(t *testing.T) {
	now := paris(t, "2026-03-13 17:00") // a Friday of adm1's week
	book := byTurns(t, func(d *inventory.Directory) {
		d.Absences = []inventory.Absence{{Person: "adm2", From: paris(t, "2026-03-18 00:00"), Until: paris(t, "2026-03-19 00:00")}}
	})
	b := opened(t, book, backupAlert("martin", "SRV-FIC", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	to := func(step string) (out []string) {
		for _, n := range b.notes {
			if n.Step == step {
				out = append(out, n.To[0].Person)
			}
		}
		return out
	}
	if got := to("opened"); !slices.Equal(got, []string{"adm1"}) {
		t.Errorf("a failure in adm1's week is told to %v", got)
	}
	for _, at := range []string{"2026-03-13 18:00", "2026-03-16 08:59", "2026-03-16 09:00", "2026-03-18 09:00"} {
		b.do(incident.Tick{}, paris(t, at))
		b.answer(paris(t, at), incident.PlanEvidence{}, model.EvidenceOK)
	}
	if got := to("handed_over"); !slices.Equal(got, []string{"adm2", "adm1"}) {
		t.Errorf("handed over to %v, want adm2 on Monday at nine, and to the admins when adm2 is away", got)
	}
	duties := book.Duties(now)
	if len(duties) != 1 || duties[0].Now.Person != "adm1" || !duties[0].Now.Until.Equal(paris(t, "2026-03-16 09:00")) || duties[0].Next.Person != "adm2" {
		t.Fatalf("%+v", duties)
	}
	if g := duties[0].Gaps; len(g) != 1 || g[0].Person != "adm2" || g[0].Gap != "away" || !g[0].Until.Equal(paris(t, "2026-03-19 00:00")) {
		t.Errorf("gaps %+v", g)
	}
	if !slices.ContainsFunc(book.Warnings(now), func(w string) bool {
		return strings.Contains(w, "rota supervisor: adm2 is on duty and away from 2026-03-18 00:00 until 2026-03-19 00:00: the role admins is told instead")
	}) {
		t.Errorf("check warns of %q", book.Warnings(now))
	}
}

// covers: S1.7; an incident that sleeps wakes when the duty changes hands, to the
// second and over a clock change.
func TestWakesWhenDutyChanges(t *testing.T) {
	now := paris(t, "2026-03-27 17:30") // the Friday before the clocks go forward
	book := byTurns(t, func(d *inventory.Directory) { d.Rotations[0].At = 12 * 3600 })
	b := opened(t, book, backupAlert("martin", "SRV-FIC", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	b.act("take", "sup", now.Add(time.Minute))
	b.do(incident.Tick{}, paris(t, "2026-03-30 09:00"))
	b.answer(paris(t, "2026-03-30 09:00"), incident.PlanEvidence{}, model.EvidenceOK)
	noon := paris(t, "2026-03-30 12:00")
	if wake := b.inc.WakeAt; wake.After(noon) {
		t.Fatalf("wakes at %s", wake)
	}
	b.do(incident.Tick{}, noon)
	b.answer(noon, incident.PlanEvidence{}, model.EvidenceOK)
	if b.inc.Assignee != "" || !slices.ContainsFunc(b.notes, func(n incident.Notification) bool {
		return n.Step == "lapsed" && n.To[0].Person == "adm1" && n.Cc[0].Person == "sup"
	}) {
		t.Errorf("%q keeps it, or nobody is told: %+v", b.inc.Assignee, b.notes[len(b.notes)-1])
	}
}

// covers: S1.7; without anybody to be told instead, whoever is on duty is told
// although away.
func TestAwayWithoutInstead(t *testing.T) {
	now := paris(t, "2026-03-09 10:00")
	book := byTurns(t, func(d *inventory.Directory) {
		d.Absences = []inventory.Absence{{Person: "adm1", From: now.Add(-time.Hour), Until: now.Add(time.Hour)}}
		d.People["adm2"].Email = ""
	})
	book.InForce(now).Roles["supervisor"].Otherwise = ""
	b := opened(t, book, backupAlert("martin", "SRV-FIC", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	if len(b.notes) == 0 || b.notes[0].To[0].Person != "adm1" {
		t.Errorf("%+v", b.notes)
	}
}

// Whoever is told beside somebody who is away is of the house or of the customer as his
// own role says, not as that of the one who is away: no customer reads what is ours.
func TestOutsideIsOfTheRoleThatIsTold(t *testing.T) {
	now := paris(t, "2026-03-09 10:00")
	book := byTurns(t, func(d *inventory.Directory) {
		d.Absences = []inventory.Absence{{Person: "am.martin", From: now.Add(-time.Hour), Until: now.Add(time.Hour)}}
	})
	book.InForce(now).Roles["account_manager"].Outside = true
	b := opened(t, book, backupAlert("martin", "SRV-FIC", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	b.act("escalate", "adm2", now.Add(time.Minute), "reason", "disk")
	b.answer(now.Add(time.Minute), incident.PlanEvidence{}, model.EvidenceOK)
	outside := map[string]bool{}
	for _, n := range b.notes {
		if n.Step == "account_manager" {
			for _, p := range slices.Concat(n.To, n.Cc) {
				outside[p.Person] = p.Outside
			}
		}
	}
	if supervisor, told := outside["adm1"]; !outside["am.martin"] || supervisor || !told {
		t.Errorf("outside are %v", outside)
	}
}

// covers: S1.9, S1.20
//
// Whoever a role's otherwise names is told beside the account manager who is away,
// and what is owed to a computer's user waits until that user is back.
func TestWhoeverIsAwayIsNotAlone(t *testing.T) {
	away := strict.File{Name: "away.yml", Text: []byte("absences: [{person: am.martin, from: 2026-11-03, until: 2026-11-06}, {person: paul, from: 2026-11-04, until: 2026-11-09}]\n")}
	book := loadBook(t, exampleFiles(t, "synomega/policy"), append(exampleFiles(t, "synomega/inventory"), away))
	happened := played(t, book, "away", `start: 2026-11-03T07:00:00+01:00
until: 2026-11-16T08:00:00+01:00
events:
  - {at: 2026-11-03T07:00:00+01:00, evidence: {customer: martin, machine: SRV-FIC, backup_role: local, state: ok}}
  - {at: 2026-11-03T08:00:00+01:00, fires: {alertname: BackupFailed, customer: martin, machine: SRV-FIC, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}}
  - {at: 2026-11-03T13:00:00+01:00, fires: {alertname: BackupMissed, customer: martin, machine: PC-PAUL, machine_class: workstation, backup_role: primary, engine: acronis, plan: daily, kind: missed}}
`, story.Options{})
	var got []string
	for _, h := range happened {
		if slices.Contains([]string{"account_manager", "still_failing", "client_told"}, h.Step) {
			got = append(got, fmt.Sprint(h.At.Format("02 15:04 "), h.Step, " ", h.Recipients))
		}
	}
	want := []string{
		"03 16:01 account_manager [am.martin@msp.example sup@msp.example]",
		"06 09:01 still_failing [am.martin@msp.example sup@msp.example]",
		"10 09:31 client_told [paul@martin.example]",
		"13 09:01 still_failing [am.martin@msp.example]", // back
	}
	if !slices.Equal(got, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// covers: S1.7, T6; who silenced a machine reads that the silence is over beside whoever is on
// duty, and has his work by his own will: no change of duty takes it from him.
func TestASilencesAuthorIsNotOnDuty(t *testing.T) {
	book := exampleBook(t, "synomega")
	for _, h := range played(t, book, "s.yml", `
start: 2026-05-06T07:00:00+02:00
until: 2026-05-07T12:00:00+02:00
events:
  - at: 2026-05-06T07:10:00+02:00
    fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}
  - at: 2026-05-06T09:05:00+02:00
    act: {verb: take, by: adm1, incident: {machine: SRV-AD}}
  - at: 2026-05-06T09:06:00+02:00
    silence: {matchers: ['machine="SRV-AD"'], by: adm1, comment: "new disk", until: 2026-05-06T17:00:00+02:00}
  - at: 2026-05-07T09:00:00+02:00
    rota: {role: supervisor, person: adm2, from: 2026-05-07T09:00:00+02:00, to: 2026-05-08T09:00:00+02:00}
`, story.Options{}) {
		if h.Step == "given_back" || h.From == model.Taken && h.To == model.Open {
			t.Errorf("it is taken from him: %+v", h)
		}
	}
}
