package inventory

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const threeByTheWeek = `people:
  a: {name: A, email: a@msp.example}
  b: {name: B, email: b@msp.example}
  c: {name: C, email: c@msp.example}
  mute: {name: Mute, phone: "+33 1"}
rotations:
  - {role: supervisor, people: [a, b, c], weekday: monday, at: "09:00", timezone: Europe/Paris, start: 2026-03-02}
`

func onDuty(t *testing.T, d *Directory, instants map[string]Duty) {
	t.Helper()
	for text, want := range instants {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Duty("supervisor", at); got != want {
			t.Errorf("at %s: %+v, want %+v", text, got, want)
		}
	}
}

// covers: S1.7; who is on duty by a rotation, to the second, over both clock changes.
func TestRotation(t *testing.T) {
	d, err := load(yml(threeByTheWeek))
	if err != nil {
		t.Fatal(err)
	}
	onDuty(t, d, map[string]Duty{
		"2026-03-02T08:59:59+01:00": {Gap: GapNobody},
		"2026-03-02T09:00:00+01:00": {Person: "a"},
		"2026-03-09T08:59:59+01:00": {Person: "a"},
		"2026-03-09T09:00:00+01:00": {Person: "b"},
		"2026-03-16T09:00:00+01:00": {Person: "c"},
		"2026-03-23T09:00:00+01:00": {Person: "a"},
		"2026-03-30T08:59:59+02:00": {Person: "a"}, // the clocks go forward on the 29th
		"2026-03-30T09:00:00+02:00": {Person: "b"},
		"2026-10-19T08:59:59+02:00": {Person: "c"},
		"2026-10-19T09:00:00+02:00": {Person: "a"},
		"2026-10-26T08:59:59+01:00": {Person: "a"}, // and back on the 25th
		"2026-10-26T09:00:00+01:00": {Person: "b"},
		"2031-01-06T09:00:00+01:00": {Person: "b"}, // 253 weeks on
	})
}

// covers: S1.7; a hand-over at an hour that a clock change passes over, or that comes
// twice, happens once.
func TestRotationByTheDay(t *testing.T) {
	d, err := load(yml(strings.Replace(threeByTheWeek, `weekday: monday, at: "09:00"`, `every: day, at: "02:30"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	onDuty(t, d, map[string]Duty{
		"2026-03-28T02:29:59+01:00": {Person: "b"},
		"2026-03-28T02:30:00+01:00": {Person: "c"},
		"2026-03-29T01:59:59+01:00": {Person: "c"},
		"2026-03-29T03:00:00+02:00": {Person: "a"}, // 02:30 does not come
		"2026-03-30T02:29:59+02:00": {Person: "a"},
		"2026-03-30T02:30:00+02:00": {Person: "b"},
		"2026-10-25T02:29:59+02:00": {Person: "c"},
		"2026-10-25T02:30:00+02:00": {Person: "a"}, // the first of two
		"2026-10-25T02:15:00+01:00": {Person: "a"},
		"2026-10-26T02:29:59+01:00": {Person: "a"},
		"2026-10-26T02:30:00+01:00": {Person: "b"},
	})
	from := time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)
	if s := d.Shifts("supervisor", from, from.Add(72*time.Hour)); len(s) != 4 || s[1].Until.Sub(s[1].From) != 24*time.Hour || s[2].Until.Sub(s[2].From) != 25*time.Hour {
		t.Errorf("the shifts around the change: %+v", s)
	}
}

// covers: S1.7; swaps are entries of the rota, leave is an absence; who is away or
// cannot be written to is a gap that is seen before it comes.
func TestRotationExceptions(t *testing.T) {
	d, err := load(yml(threeByTheWeek + `  - {role: supervisor, people: [c, mute], at: "09:00", start: 2026-06-01, until: 2026-06-14}
rota:
  - {role: supervisor, person: a, until: 2026-03-01}
  - {role: supervisor, person: c, from: 2026-03-09T09:00:00+01:00, until: 2026-03-12}
absences:
  - {person: a, from: 2026-03-25, until: 2026-03-26}
`))
	if err != nil {
		t.Fatal(err)
	}
	onDuty(t, d, map[string]Duty{
		"2020-01-01T00:00:00Z":      {Person: "a"},
		"2026-03-02T00:00:00+01:00": {Gap: GapNobody}, // before nine
		"2026-03-10T12:00:00+01:00": {Person: "c"},
		"2026-03-13T00:00:00+01:00": {Person: "b"},
		"2026-03-25T00:00:00+01:00": {Person: "a", Gap: GapAway},
		"2026-03-27T00:00:00+01:00": {Person: "a"},
		"2026-06-01T09:00:00+02:00": {Person: "c"}, // the rotation that begins last
		"2026-06-08T09:00:00+02:00": {Person: "mute", Gap: GapUnreached},
		"2026-06-15T00:00:00+02:00": {Gap: GapNobody}, // it has ended, and so the earlier one
	})
	at := time.Date(2026, 3, 24, 12, 0, 0, 0, time.UTC)
	filled := func(at time.Time) string { duty := d.Duty("supervisor", at); return duty.Person + string(duty.Gap) }
	if next, ok := d.NextChange("supervisor", at, at.Add(48*time.Hour), filled); !ok || next.Format(time.RFC3339) != "2026-03-24T23:00:00Z" && next.UTC().Format(time.RFC3339) != "2026-03-24T23:00:00Z" {
		t.Errorf("the next change is %s, %v", next, ok)
	}
	if last, ok := d.LastChange("supervisor", at.Add(-72*time.Hour), at, filled); !ok || last.UTC().Format(time.RFC3339) != "2026-03-23T08:00:00Z" {
		t.Errorf("the last change was %s, %v", last, ok)
	}
	if !slices.Contains(d.RotaPeople("supervisor"), "mute") {
		t.Error("the people of a rotation are not of the rota")
	}
}

// covers: T10; each fault of a rotation is told with its place and its cure.
func TestRotationFaults(t *testing.T) {
	const sound = `{role: supervisor, people: [a, b, c], weekday: monday, at: "09:00", timezone: Europe/Paris, start: 2026-03-02}`
	for entry, want := range map[string]string{
		`{people: [a], start: 2026-03-02}`:                                                "rotations[0].role: missing",
		`{role: supervisor, start: 2026-03-02}`:                                           "rotations[0].people: needs between 1 and 100",
		`{role: supervisor, people: [a, bb], start: 2026-03-02}`:                          `rotations[0].people[1]: unknown person "bb": add it to the inventory`,
		`{role: supervisor, people: [a], every: month, start: 2026-03-02}`:                `"month" is not known: write one of week, day`,
		`{role: supervisor, people: [a]}`:                                                 "rotations[0].start: \"\" is not a date",
		`{role: supervisor, people: [a], start: 2026-03-02, timezone: Local}`:             "unknown zone",
		`{role: supervisor, people: [a], start: 2026-03-02, weekday: lundi}`:              "is not a weekday",
		`{role: supervisor, people: [a], start: 2026-03-04, weekday: monday}`:             "2026-03-04 is a wednesday, and the hand-over is on monday: begin on 2026-03-02 or 2026-03-09",
		`{role: supervisor, people: [a], start: 2026-03-04, weekday: sunday}`:             "begin on 2026-03-01 or 2026-03-08",
		`{role: supervisor, people: [a], start: 2026-03-02, at: "24:00"}`:                 `write "00:00"`,
		`{role: supervisor, people: [a], start: 2026-03-02, at: "9"}`:                     "is not a time of day",
		`{role: supervisor, people: [a], start: 2026-03-02, until: 2026-03-01}`:           "not after start",
		`{role: supervisor, people: [a], start: 2026-03-02, handover: "09:00"}`:           "handover",
		`{role: supervisor, people: [a], every: day, weekday: monday, start: 2026-03-02}`: "leave weekday out",
		sound + "\n  - " + sound:                                                          "rotations[1]: already given at",
		sound + "\nrota:\n  - {role: supervisor, person: a, from: 2026-04-01}":            "rota[0].until: without an end this entry hides the rotation of supervisor for ever",
	} {
		_, err := load(yml(strings.Replace(threeByTheWeek, sound, entry, 1)))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "inventory.yml:") && !strings.Contains(err.Error(), ".yml:") {
			t.Errorf("%s: %v, want %q", entry, err, want)
		}
	}
}
