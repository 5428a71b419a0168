package rules_test

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Alertmanager keeps whatever people type as the author of a silence.
//
// covers: S1.10
func TestSilenceAuthorByIDAddressOrName(t *testing.T) {
	people := []strict.File{{Name: "inventory.yml", Text: []byte(`people:
  adm1: {name: Adam Martin, email: a.martin@msp.example}
  adm2: {name: Jean Dupré, email: j.dupre@msp.example}
  old: {name: jean  dupré, email: jd@msp.example}
`)}}
	dir, err := inventory.Load(people)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"adm1": "adm1", "ADM1": "adm1", "a.martin@msp.example": "adm1", "A.Martin@MSP.example": "adm1", "Adam Martin": "adm1",
		" adam  martin ": "adm1", "Adam Martin <a.martin@msp.example>": "adm1", `"Adam M." <a.martin@msp.example>`: "adm1",
		"Jean Dupré": "", "": "", "root": "", "adam": "", "Adam Martin <root@host.example>": "", "x@y@z": "",
	} {
		got := ""
		if p := dir.Author(text); p != nil {
			got = p.ID
		}
		if got != want {
			t.Errorf("Author(%q) = %q, want %q", text, got, want)
		}
	}
}

// A silence whose author is written as a name makes him the owner, and his end is
// told to his address.
//
// covers: S1.10
func TestSilenceByNameIsOwned(t *testing.T) {
	book := exampleBook(t, "synomega")
	now := paris(t, "2026-03-09 09:30")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	by := book.Directory.People["adm1"].Name
	b.do(incident.Silenced{Active: []incident.Silence{{ID: "s1", Matchers: []string{`machine="SRV-AD"`}, By: by, StartsAt: now, EndsAt: paris(t, "2026-03-09 11:00")}}}, now)
	if b.inc.Assignee != "adm1" {
		t.Fatalf("the assignee is %q, want adm1 who is called %s", b.inc.Assignee, by)
	}
	b.do(incident.Silenced{}, paris(t, "2026-03-09 11:00"))
	if a := b.inc.Progress.SilenceAuthors; len(a) != 1 || a[0] != "adm1" {
		t.Errorf("the authors of the silence that ended are %q, want adm1", a)
	}
}

// A mail that tells that a silence is over names its author, not that of another one which
// goes on to cover a part of the incident.
//
// covers: T6
func TestSilenceThatEndedBesideAnother(t *testing.T) {
	book := exampleBook(t, "synomega")
	now, over := paris(t, "2026-03-09 09:30"), paris(t, "2026-03-09 11:00")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	goesOn := incident.Silence{ID: "s1", Matchers: []string{`plan="weekly"`}, By: "adm1", StartsAt: now, EndsAt: over.Add(time.Hour)}
	ended := incident.Silence{ID: "s2", Matchers: []string{`plan="daily"`}, By: "adm2", StartsAt: now, EndsAt: over}
	b.do(incident.Silenced{Active: []incident.Silence{goesOn, ended}}, now.Add(time.Minute))
	b.do(incident.Silenced{Active: []incident.Silence{goesOn}, Partly: true}, over)
	last := b.notes[len(b.notes)-1]
	if last.Step != "silence_over" || last.Data.SilenceBy != book.Directory.People["adm2"].Name || !last.Data.SilenceUntil.IsZero() {
		t.Errorf("%s: silenced by %q until %s", last.Step, last.Data.SilenceBy, last.Data.SilenceUntil)
	}
}

// Of two who silence one machine the second has it once the first one's silence is over, and
// whoever is told of the end is somebody whom the inventory knows, not any address that was
// typed as an author.
//
// covers: T6
func TestSilencesOfTwoPeople(t *testing.T) {
	book := exampleBook(t, "synomega")
	now := paris(t, "2026-10-22 09:10")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	silence := func(by, until string) incident.Silence {
		return incident.Silence{ID: by, Matchers: []string{`machine="SRV-AD"`}, By: by, StartsAt: now, EndsAt: paris(t, "2026-10-22 "+until)}
	}
	first, second, strange := silence("adm1", "12:00"), silence("adm2", "14:00"), silence("root@bastion.example", "15:00")
	for _, c := range []struct {
		at, owner string
		active    []incident.Silence
		told      string
	}{
		{"09:10", "adm1", []incident.Silence{first}, ""},
		{"11:00", "adm1", []incident.Silence{first, second}, ""},
		{"12:00", "adm2", []incident.Silence{second}, ""},
		{"13:00", "adm2", []incident.Silence{second, strange}, ""},
		{"14:00", "", []incident.Silence{strange}, ""},
		{"15:00", "", nil, "sup"},
	} {
		b.notes = nil
		b.do(incident.Silenced{Active: c.active}, paris(t, "2026-10-22 "+c.at))
		var told []string
		for _, n := range b.notes {
			for _, p := range n.To {
				told = append(told, p.Person)
			}
		}
		if got := strings.Join(told, " "); b.inc.Assignee != c.owner || got != c.told {
			t.Errorf("at %s %q has it and %q are told, want %q and %q", c.at, b.inc.Assignee, got, c.owner, c.told)
		}
	}
}

// sent is when a step is due, and to whom it goes.
type sent struct {
	due  time.Time
	text string
}

// recipientsOf are the steps to come of an incident, by name.
func recipientsOf(book *rules.Book, b *bench, now time.Time) map[string]sent {
	out := map[string]sent{}
	for _, s := range book.Explain(b.inc, b.around, now).Steps {
		if !s.Due.IsZero() && s.Due.After(now) {
			out[s.Name] = sent{s.Due, strings.Join(s.To, " ")}
		}
	}
	return out
}

// Who is told is who is on duty when a step is due, not when one asks.
//
// covers: S1.10
func TestExplainNamesWhoIsOnDutyThen(t *testing.T) {
	book := exampleBook(t, "synomega")
	now := paris(t, "2026-03-09 16:30")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	before := recipientsOf(book, b, now)
	book.Directory.Rotas = append(book.Directory.Rotas, inventory.RotaEntry{Role: "supervisor", Person: "adm2", From: paris(t, "2026-03-10 00:00")})
	after := recipientsOf(book, b, now)
	changed := 0
	for name, to := range after {
		if to.due.Before(paris(t, "2026-03-10 00:00")) {
			if to.text != before[name].text {
				t.Errorf("%s is due today, and goes to %s instead of %s", name, to.text, before[name].text)
			}
		} else if to.text != before[name].text {
			changed++
		}
	}
	if changed == 0 {
		t.Errorf("no step of tomorrow goes to who is on duty then: %v", after)
	}
}
