package inventory

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
)

// rotaPeople is an inventory whose people take turns.
const rotaPeople = `timezone: Europe/Paris
people:
  sup: {name: Sophie Aubert, email: sup@msp.example}
  op: {name: Omar Pons, email: op@msp.example}
  adm: {name: Adrien Blanc, email: adm@msp.example}
`

// event writes an event as calendar programs export it.
func event(lines ...string) string {
	return "BEGIN:VEVENT\n" + strings.Join(lines, "\n") + "\nEND:VEVENT\n"
}

func rotaFile(events ...string) strict.File {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n" + strings.Join(events, "") + "END:VCALENDAR\n"
	return strict.File{Name: "inventory/rota-night.ics", Text: []byte(strings.ReplaceAll(text, "\n", "\r\n"))}
}

// A weekly series of three, handed over on Monday at nine by the clock of Paris over
// the change of October, with a swap, a week that was called off and one event of
// somebody who has left.
func weekly() strict.File {
	series := func(uid, first, last, who string, more ...string) string {
		return event(append([]string{"UID:" + uid, "SUMMARY:" + who, "DTSTART;TZID=Europe/Paris:" + first, "DTEND;TZID=Europe/Paris:" + last, "RRULE:FREQ=WEEKLY;INTERVAL=3;UNTIL=20261231T080000Z"}, more...)...)
	}
	return rotaFile(
		series("a", "20261005T090000", "20261012T090000", "sup"),
		series("b", "20261012T090000", "20261019T090000", "On call: Omar Pons (night)", "EXDATE;TZID=Europe/Paris:20261123T090000"),
		series("c", "20261019T090000", "20261026T090000", "Duty", `ATTENDEE;CN="Adrien Blanc":mailto:ADM@msp.example`),
		event("UID:a", "SUMMARY:op@msp.example", "RECURRENCE-ID;TZID=Europe/Paris:20261026T090000", "DTSTART;TZID=Europe/Paris:20261026T090000", "DTEND;TZID=Europe/Paris:20261102T090000"),
		event("UID:d", "SUMMARY:Zoé", "DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:20260103"),
		event("UID:e", "SUMMARY:sup", "STATUS:CANCELLED", "DTSTART:20261013T100000Z", "DTEND:20261014T100000Z"),
	)
}

func TestRotaOfACalendarFile(t *testing.T) {
	d, err := Load([]strict.File{{Name: "inventory/people.yml", Text: []byte(rotaPeople + "rota: [{role: night, person: adm, from: 2026-10-07, until: 2026-10-07}]\n")}, weekly()})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"2026-10-05T08:59:59+02:00": "",    // before the first
		"2026-10-05T09:00:00+02:00": "sup", // by the id
		"2026-10-07T12:00:00+02:00": "adm", // what is written under rota wins
		"2026-10-12T09:00:00+02:00": "op",  // the name within the title
		"2026-10-13T12:00:00+02:00": "op",  // the event that was cancelled says nothing
		"2026-10-19T09:00:00+02:00": "adm", // who is invited
		"2026-10-26T08:59:59+01:00": "adm", // nine by the clock of Paris, after the change
		"2026-10-26T09:00:00+01:00": "op",  // swapped
		"2026-11-02T09:00:00+01:00": "op",
		"2026-11-16T09:00:00+01:00": "sup",
		"2026-11-23T09:00:00+01:00": "", // called off
		"2026-12-28T09:00:00+01:00": "sup",
		"2027-01-04T09:00:00+01:00": "", // after the last
		"2026-01-02T12:00:00+01:00": "", // who has left
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Duty("night", moment); got.Person != want || (want == "") != (got.Gap == GapNobody) {
			t.Errorf("%s: %+v is on duty, want %q", at, got, want)
		}
	}
	from := time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)
	shifts := d.Shifts("night", from, from.AddDate(0, 0, 21))
	if len(shifts) != 3 || shifts[1].Gap != GapNobody || !shifts[1].Until.Equal(from.AddDate(0, 0, 14)) {
		t.Errorf("%+v", shifts)
	}
	lines := strings.Join(d.ImportedRotas[0].Lines(), "\n")
	for _, want := range []string{"inventory/rota-night.ics: 12 shifts of rota night", `"Zoé" names nobody of the inventory, so nobody is on duty then`} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q is not said:\n%s", want, lines)
		}
	}
	if err := d.CheckRotas([]string{"night"}); err != nil {
		t.Error(err)
	}
	if err := d.CheckRotas([]string{"supervisor"}); err == nil || !strings.Contains(err.Error(), `inventory/rota-night.ics:1: no role of a policy is filled by a rota "night", after which this file is named: name it rota-supervisor.ics`) {
		t.Error(err)
	}
}

// Whoever is on duty by a misspelt role would never be told.
func TestRotaOfNoRole(t *testing.T) {
	d, err := Load([]strict.File{{Name: "i.yml", Text: []byte(`people: {sup: {name: S, email: s@msp.example}}
rota:
  - {role: supervisr, person: sup, from: 2026-11-01, until: 2026-11-02}
rotations:
  - {role: night, people: [sup], every: week, weekday: monday, at: "09:00", start: 2026-11-30}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	want := `i.yml:3: rota[0].role: no role of a policy is filled by it: unknown rota "supervisr": did you mean "supervisor"?
i.yml:5: rotations[0].role: no role of a policy is filled by it: unknown rota "night": known are supervisor`
	if got := strings.Join(d.StrayRotas([]string{"supervisor"}), "\n"); got != want {
		t.Errorf("says\n%s\nwant\n%s", got, want)
	}
}

// What cannot be read as it was meant is refused or told, never guessed.
func TestRotaFilesThatAreRefused(t *testing.T) {
	once := []string{"UID:a", "SUMMARY:sup", "DTSTART:20261005T090000", "DTEND:20261006T090000"}
	for name, tc := range map[string]struct {
		file  strict.File
		extra string
		want  string
	}{
		"nothing":        {strict.File{Name: "inventory/rota-night.ics"}, "", "rota-night.ics:1: the file is empty"},
		"no event":       {rotaFile(), "", "no event says who is on duty"},
		"nobody known":   {rotaFile(event("UID:a", "SUMMARY:Zoé", "DTSTART;VALUE=DATE:20261005")), "", `no event names a person of the inventory (the first says "Zoé")`},
		"no end":         {rotaFile(event(once[:3]...)), "", "it lasts no time"},
		"no beginning":   {rotaFile(event("UID:a", "SUMMARY:sup")), "", "it has no DTSTART"},
		"from there on":  {rotaFile(event(once...), event("UID:a", "SUMMARY:op", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261005T090000", "DTSTART:20261005T090000", "DTEND:20261006T090000")), "", "end the series there and begin another"},
		"every second":   {rotaFile(event(append(once, "RRULE:FREQ=SECONDLY")...)), "", "repeats a shift within an hour"},
		"every hour":     {rotaFile(event(append(once, "RRULE:FREQ=HOURLY")...)), "", "gives more than 20000 shifts"},
		"hidden forever": {rotaFile(event(once...)), "rota: [{role: night, person: op}]\n", "without an end this entry hides the calendar file of night for ever"},
		"a strange year": {rotaFile(event("UID:a", "SUMMARY:sup", "DTSTART:22261005T090000", "DTEND:22261006T090000")), "", "check the year"},
	} {
		_, err := Load([]strict.File{{Name: "inventory/people.yml", Text: []byte(rotaPeople + tc.extra)}, tc.file})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	d, err := Load([]strict.File{{Name: "inventory/people.yml", Text: []byte(rotaPeople)},
		rotaFile(event("UID:a", "SUMMARY:Sophie Aubert and Omar Pons", "DTSTART;VALUE=DATE:20261005"),
			event("UID:b", "SUMMARY:Op", "DTSTART;TZID=Romance Standard Time:20261006T090000", "DTEND;TZID=Romance Standard Time:20261007T090000"))})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(d.ImportedRotas[0].Lines(), "\n")
	if !strings.Contains(lines, `"Sophie Aubert and Omar Pons" names nobody`) || !strings.Contains(lines, `the zone "Romance Standard Time" is not known: its times are read as those of Europe/Paris`) {
		t.Error(lines)
	}
	if got := d.Duty("night", time.Date(2026, 10, 6, 7, 0, 0, 0, time.UTC)); got.Person != "op" {
		t.Errorf("%+v", got)
	}
}

func FuzzRotaFile(f *testing.F) {
	f.Add(weekly().Text)
	f.Add(rotaFile(event("UID:a", "SUMMARY:sup", "DTSTART:20261005T090000", "DTEND:20261006T090000", "RRULE:FREQ=DAILY;BYHOUR=1,2;COUNT=4")).Text)
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Load([]strict.File{{Name: "inventory/people.yml", Text: []byte(rotaPeople)}, {Name: "inventory/rota-night.ics", Text: text}})
		if err != nil {
			return
		}
		for _, r := range d.Rotas {
			if !r.From.Before(r.Until) {
				t.Errorf("a shift from %s until %s", r.From, r.Until)
			}
		}
	})
}
