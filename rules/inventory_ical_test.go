package rules

import (
	"strings"
	"testing"

	"vigie/internal/strict"
	"vigie/rules/book"
	"vigie/rules/calendar"
	"vigie/rules/inventory"
	"vigie/rules/policy"
)

// icalFile is an iCalendar file that closes days written like 20261224.
func icalFile(name string, days ...string) strict.File {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n"
	for _, d := range days {
		text += "BEGIN:VEVENT\nSUMMARY:closed\nDTSTART;VALUE=DATE:" + d + "\nEND:VEVENT\n"
	}
	return strict.File{Name: name, Text: []byte(strings.ReplaceAll(text+"END:VCALENDAR\n", "\n", "\r\n"))}
}

const twoCalendars = `schema: 1
policy: test
effective_from: 2026-01-01
title: {en: Test}
timezone: Europe/Paris
calendars:
  service_day: {timezone: Europe/Paris, weekly_windows: {monday: [["09:00", "18:00"]], thursday: [["09:00", "18:00"]]}}
  hotline: {timezone: Europe/Paris, weekly_windows: {monday: [["08:00", "20:00"]], thursday: [["08:00", "20:00"]]}}
roles:
  supervisor: {people: [sup]}
scenarios:
  - {name: rest, title: {en: Rest}, match: [], identity: [alertname], calendar: service_day, ended_by: cleared}
`

func icalPolicies(t *testing.T) []*policy.Policy {
	t.Helper()
	ps, err := LoadPolicies([]strict.File{{Name: "policy/p.yml", Text: []byte(twoCalendars)}})
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

// covers: T10; days of iCalendar files close the calendar that the file is
// named after, and what is written under closures wins.
func TestImportedClosures(t *testing.T) {
	explicit := strict.File{Name: "inventory/z.yml", Text: []byte(`closures:
  service_day: [{date: 2026-12-24, windows: [["09:00", "12:00"]]}, {date: 2026-11-02, windows: [["10:00", "11:00"]]}]
  "*": [{date: 2026-12-28, windows: [["14:00", "15:00"]]}]
`)}
	policies := icalPolicies(t)
	d, err := inventory.Load([]strict.File{
		icalFile("inventory/all.ics", "20261102", "20261109"),
		icalFile("inventory/service_day.ICS", "20261116", "20261224", "20261228"),
		explicit,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := book.CheckClosures(d, policies); err != nil {
		t.Fatal(err)
	}
	book, err := NewBook(d, policies...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ calendar, date, want string }{
		{"service_day", "2026-11-09", ""},            // all.ics
		{"hotline", "2026-11-09", ""},                // all.ics
		{"service_day", "2026-11-02", "10:00-11:00"}, // closures over all.ics
		{"hotline", "2026-11-02", ""},
		{"service_day", "2026-11-16", ""}, // service_day.ICS
		{"hotline", "2026-11-16", "08:00-20:00"},
		{"service_day", "2026-12-24", "09:00-12:00"}, // closures over service_day.ICS
		{"service_day", "2026-12-28", "14:00-15:00"}, // closures of every calendar over service_day.ICS
		{"service_day", "2026-11-23", "09:00-18:00"}, // an ordinary Monday
	} {
		date, err := calendar.ParseDate(c.date)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range book.Closures(policies[0], c.calendar).Windows(date) {
			got = append(got, w.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s on %s opens %v, want %q", c.calendar, c.date, got, c.want)
		}
	}
}

func TestImportedClosuresRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []strict.File
		want  string
	}{
		{"empty", []strict.File{{Name: "i/service_day.ics", Text: []byte(" \r\n")}},
			"i/service_day.ics:1: the file is empty: export the calendar again"},
		{"a web page", []strict.File{{Name: "i/service_day.ics", Text: []byte("<html>please log in</html>")}},
			"i/service_day.ics:1: the file is not an iCalendar"},
		{"cut off", []strict.File{{Name: "i/service_day.ics", Text: icalFile("", "20261224").Text[:90]}},
			"i/service_day.ics:1: the file is not an iCalendar"},
		{"no day", []strict.File{icalFile("i/service_day.ics")},
			"i/service_day.ics:1: closes no day: only whole days count; export the calendar again, or take the file away"},
		{"two files", []strict.File{icalFile("i/hotline.ics", "20261224"), icalFile("j/hotline.ics", "20261225")},
			"j/hotline.ics:1: calendar hotline: already given at i/hotline.ics:1: keep one"},
		{"unknown calendar", []strict.File{icalFile("i/servce_day.ics", "20261224")},
			`i/servce_day.ics:1: no policy has a calendar "servce_day", after which this file is named: did you mean "service_day"? name the file after one of hotline, service_day, or all.ics for every calendar`},
		{"unknown calendar in YAML", []strict.File{{Name: "i/a.yml", Text: []byte("closures:\n  lunch: [{date: 2026-12-24}]\n")}},
			`i/a.yml:2: closures.lunch: no policy has a calendar "lunch": write one of hotline, service_day, or "*" for every calendar`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := inventory.Load(c.files)
			if err == nil {
				err = book.CheckClosures(d.Clone(), icalPolicies(t))
			}
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
