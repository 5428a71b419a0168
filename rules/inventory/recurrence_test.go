package inventory

import (
	"strings"
	"testing"
	"time"

	"vigie/rules/model"
)

const patchDays = `platforms:
  lms-A: {name: A, customer: dupont}
customers:
  dupont: {name: Dupont}
maintenance:
  - platform: lms-A
    every: {weekdays: [tuesday], which: [2, -1], at: "20:00", until: "22:00"}
    declared_at: 2026-03-10T19:30:00+01:00
  - platform: lms-A
    every: {weekdays: [saturday, sunday], at: "23:00", until: "03:00", timezone: Europe/Paris}
    from: 2026-03-01
    until: 2026-10-31
`

// covers: S2.2; work that comes again, to the second, over both clock changes, and only
// when it was declared in time.
func TestRecurringMaintenance(t *testing.T) {
	d, err := load(yml(patchDays))
	if err != nil {
		t.Fatal(err)
	}
	for instant, want := range map[string]string{
		"2026-03-10T20:00:00+01:00": "", // the second Tuesday, declared half an hour before
		"2026-04-14T19:59:59+02:00": "",
		"2026-04-14T20:00:00+02:00": "2026-04-14T22:00:00+02:00",
		"2026-04-14T21:59:59+02:00": "2026-04-14T22:00:00+02:00",
		"2026-04-14T22:00:00+02:00": "",
		"2026-04-21T20:30:00+02:00": "", // the third
		"2026-04-28T20:30:00+02:00": "2026-04-28T22:00:00+02:00",
		"2026-03-31T20:30:00+02:00": "2026-03-31T22:00:00+02:00", // the fifth is the last
		"2026-02-28T23:30:00+01:00": "",                          // before its first day
		"2026-03-29T01:00:00+01:00": "2026-03-29T03:00:00+02:00", // two hours shorter than
		"2026-03-29T03:00:00+02:00": "",
		"2026-10-25T02:30:00+02:00": "2026-10-25T03:00:00+01:00", // this one
		"2026-10-25T02:59:59+01:00": "2026-10-25T03:00:00+01:00",
		"2026-10-31T23:30:00+01:00": "2026-11-01T03:00:00+01:00",
		"2026-11-01T23:30:00+01:00": "", // after its last day
	} {
		at, err := time.Parse(time.RFC3339, instant)
		if err != nil {
			t.Fatal(err)
		}
		until, in := d.InMaintenance(model.Labels{model.LabelPlatform: "lms-A"}, at, time.Hour)
		if got := until.Format(time.RFC3339); in != (want != "") || in && got != want {
			t.Errorf("at %s: until %s, %v, want %q", instant, got, in, want)
		}
	}
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	if n := len(d.Announced("lms-A", time.Hour, from, from.AddDate(0, 1, 0))); n != 2+9 {
		t.Errorf("%d announced in October, want two Tuesdays and nine nights", n)
	}
}

// covers: T10; each fault is told with its place and its cure.
func TestRecurringMaintenanceFaults(t *testing.T) {
	const sound = `{weekdays: [tuesday], which: [2, -1], at: "20:00", until: "22:00"}`
	for entry, want := range map[string]string{
		`{at: "20:00", until: "22:00"}`:                                             "every.weekdays: missing: write the days",
		`{weekdays: [mardi], at: "20:00", until: "22:00"}`:                          `"mardi" is not a weekday`,
		`{weekdays: [tuesday], which: [0], at: "20:00", until: "22:00"}`:            "write 1 to 5, or -1",
		`{weekdays: [tuesday], until: "22:00"}`:                                     "every.at: missing",
		`{weekdays: [tuesday], at: "20:00"}`:                                        "every.until: missing",
		`{weekdays: [tuesday], at: "24:00", until: "22:00"}`:                        "24:00 is the next day",
		`{weekdays: [tuesday], at: "20h", until: "22:00"}`:                          "is not a time of day",
		`{weekdays: [tuesday], at: "20:00", until: "22:00", timezone: Mars}`:        `unknown zone "Mars"`,
		`{weekdays: [tuesday], at: "20:00", until: "22:00", rrule: "FREQ=MONTHLY"}`: "rrule",
	} {
		if _, err := load(yml(strings.Replace(patchDays, sound, entry, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", entry, err, want)
		}
	}
}
