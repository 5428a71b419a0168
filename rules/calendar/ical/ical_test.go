package ical_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"vigie/rules/calendar"
	"vigie/rules/calendar/ical"
)

func paris(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func file(events ...string) string {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n"
	for _, event := range events {
		text += "BEGIN:VEVENT\nSUMMARY:closed\n" + event + "\nEND:VEVENT\n"
	}
	return strings.ReplaceAll(text+"END:VCALENDAR\n", "\n", "\r\n")
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events []string
		want   string
	}{
		{"no event", nil, ""},
		{"one day", []string{"DTSTART;VALUE=DATE:20260515"}, "2026-05-15"},
		{"until the day before DTEND", []string{"DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227"}, "2026-12-24 2026-12-25 2026-12-26"},
		{"DTEND on the day itself", []string{"DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261224"}, "2026-12-24"},
		{"a duration", []string{"DTSTART;VALUE=DATE:20261224\nDURATION:P2D"}, "2026-12-24 2026-12-25"},
		{"over the clock change", []string{"DTSTART;VALUE=DATE:20260328\nDURATION:P3D"}, "2026-03-28 2026-03-29 2026-03-30"},
		{"with times", []string{"DTSTART:20260515T090000Z\nDTEND:20260515T100000Z"}, ""},
		{"cancelled", []string{"DTSTART;VALUE=DATE:20260515\nSTATUS:CANCELLED"}, ""},
		{"each year, so often", []string{"DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY;COUNT=3"}, "2026-12-24 2027-12-24 2028-12-24"},
		{"each week, until", []string{"DTSTART;VALUE=DATE:20260803\nRRULE:FREQ=WEEKLY;UNTIL=20260817"}, "2026-08-03 2026-08-10 2026-08-17"},
		{"but not on", []string{"DTSTART;VALUE=DATE:20260803\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE;VALUE=DATE:20260804,20260805"}, "2026-08-03 2026-08-06"},
		{"and also on", []string{"DTSTART;VALUE=DATE:20260803\nRDATE;VALUE=DATE:20260901,20260902"}, "2026-08-03 2026-09-01 2026-09-02"},
		{"one occurrence moved", []string{
			"UID:a\nDTSTART;VALUE=DATE:20260803\nRRULE:FREQ=WEEKLY;COUNT=3",
			"UID:a\nRECURRENCE-ID;VALUE=DATE:20260810\nDTSTART;VALUE=DATE:20260812"}, "2026-08-03 2026-08-12 2026-08-17"},
		// As exporters write them.
		{"a rule that ends as if another part followed", []string{"DTSTART;VALUE=DATE:20260803\nRRULE:FREQ=WEEKLY;COUNT=2;BYDAY=MO;"}, "2026-08-03 2026-08-10"},
		{"blanks at the end", []string{"DTSTART;VALUE=DATE:20260803 \nDTEND;VALUE=DATE:20260805 \nSTATUS:CONFIRMED "}, "2026-08-03 2026-08-04"},
		{"a date that does not say so", []string{"DTSTART:20260713\nDTEND:20260714"}, "2026-07-13"},
		{"midnight in a zone of Windows", []string{"DTSTART;TZID=Romance Standard Time:20260713T000000\nDTEND;TZID=Romance Standard Time:20260715T000000"}, "2026-07-13 2026-07-14"},
		{"midnight without a zone", []string{"DTSTART:20260713T000000\nDTEND:20260714T000000"}, "2026-07-13"},
		{"midnight in Paris as UTC", []string{"DTSTART:20260712T220000Z\nDTEND:20260713T220000Z"}, "2026-07-13"},
		{"over the clock change as UTC", []string{"DTSTART:20260327T230000Z\nDTEND:20260329T220000Z"}, "2026-03-28 2026-03-29"},
		{"midnight, with a duration", []string{"DTSTART;TZID=Europe/Paris:20260713T000000\nDURATION:P1D"}, "2026-07-13"},
		{"a day of 25 hours", []string{"DTSTART;TZID=Europe/Paris:20261025T000000\nDURATION:P1D"}, "2026-10-25"},
		{"a day of 23 hours", []string{"DTSTART;TZID=Europe/Paris:20260329T000000\nDURATION:P1D"}, "2026-03-29"},
		{"a week with a day of 25 hours", []string{"DTSTART;TZID=Europe/Paris:20261024T000000\nDURATION:P1W"}, "2026-10-24 2026-10-25 2026-10-26 2026-10-27 2026-10-28 2026-10-29 2026-10-30"},
		{"the last Friday of each month", []string{"DTSTART;VALUE=DATE:20260529\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3"}, "2026-05-29 2026-06-26 2026-07-31"},
		{"two rules, as RFC 2445 lets one write", []string{"DTSTART;VALUE=DATE:20260706\nRRULE:FREQ=WEEKLY;COUNT=2\nRRULE:FREQ=MONTHLY;COUNT=3"}, "2026-07-06 2026-07-13 2026-08-06 2026-09-06"},
		{"a rule of exceptions, too", []string{"DTSTART;VALUE=DATE:20260706\nRRULE:FREQ=WEEKLY;COUNT=4\nEXRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=2"}, "2026-07-13 2026-07-27"},
		{"each 31st", []string{"DTSTART;VALUE=DATE:20260131\nRRULE:FREQ=MONTHLY;COUNT=3"}, "2026-01-31 2026-03-31 2026-05-31"},
		{"midnight, but only an hour", []string{"DTSTART;TZID=Europe/Paris:20260713T000000\nDTEND;TZID=Europe/Paris:20260713T010000"}, ""},
		{"midnight, a reminder", []string{"DTSTART:20260713T000000"}, ""},
		{"the end in another form", []string{"DTSTART;VALUE=DATE:20260713\nDTEND:20260715T000000"}, "2026-07-13 2026-07-14"},
		{"the end in another form, as UTC", []string{"DTSTART;VALUE=DATE:20260713\nDTEND:20260714T220000Z"}, "2026-07-13 2026-07-14"},
		{"until as UTC", []string{"DTSTART;VALUE=DATE:20260803\nDTEND;VALUE=DATE:20260804\nRRULE:FREQ=DAILY;UNTIL=20260806T220000Z"},
			"2026-08-03 2026-08-04 2026-08-05 2026-08-06 2026-08-07"},
		{"except as UTC", []string{"DTSTART;VALUE=DATE:20260803\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260803T220000Z"}, "2026-08-03 2026-08-05"},
		{"also as UTC, as a period", []string{"DTSTART;VALUE=DATE:20260803\nRDATE;VALUE=PERIOD:20260831T220000Z/P1D"}, "2026-08-03 2026-09-01"},
		{"one occurrence moved, as UTC", []string{
			"UID:a\nDTSTART;VALUE=DATE:20260803\nRRULE:FREQ=WEEKLY;COUNT=2",
			"UID:a\nRECURRENCE-ID:20260809T220000Z\nDTSTART:20260812\nDTEND:20260813"}, "2026-08-03 2026-08-12"},
		{"each year at midnight of Outlook", []string{"DTSTART;TZID=\"(UTC+01:00) Brussels, Paris\":20261224T000000\nDTEND;TZID=\"(UTC+01:00) Brussels, Paris\":20261225T000000\nRRULE:FREQ=YEARLY;COUNT=2"},
			"2026-12-24 2027-12-24"},
		{"until the last minute", []string{"DTSTART:20260713T000000\nDTEND:20260714T235900"}, "2026-07-13 2026-07-14"},
		{"until the last second, in a zone", []string{"DTSTART;TZID=Europe/Paris:20260713T000000\nDTEND;TZID=Europe/Paris:20260713T235959"}, "2026-07-13"},
		{"from the first to the last minute in the evening only", []string{"DTSTART:20260713T200000\nDTEND:20260713T235900"}, ""},
		{"all day, by an Outlook in London", []string{"DTSTART:20260712T230000Z\nDTEND:20260713T230000Z\nX-MICROSOFT-CDO-ALLDAYEVENT:TRUE"}, "2026-07-13"},
		{"all day, by an Outlook in New York", []string{"DTSTART:20260713T040000Z\nDTEND:20260714T040000Z\nX-MICROSOFT-CDO-ALLDAYEVENT:TRUE"}, "2026-07-13"},
		{"a weekday of UTC", []string{"DTSTART:20260712T220000Z\nDTEND:20260713T220000Z\nRRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=3"}, "2026-07-13 2026-07-20 2026-07-27"},
		{"a weekday of the calendar beside UTC", []string{"DTSTART:20260712T220000Z\nDTEND:20260713T220000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3"}, "2026-07-13 2026-07-20 2026-07-27"},
		{"nothing excepted", []string{"DTSTART;VALUE=DATE:20260713\nEXDATE:"}, "2026-07-13"},
		{"a comma too much", []string{"DTSTART;VALUE=DATE:20260803\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE;VALUE=DATE:20260804,"}, "2026-08-03"},
		{"except as UTC in winter", []string{"DTSTART;VALUE=DATE:20261102\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE:20261102T230000Z,20261103T230000Z"}, "2026-11-02 2026-11-05"},
		{"one occurrence cancelled, as UTC", []string{
			"UID:a\nDTSTART;VALUE=DATE:20260803\nRRULE:FREQ=DAILY;COUNT=3",
			"UID:a\nRECURRENCE-ID:20260803T220000Z\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20260804"}, "2026-08-03 2026-08-05"},
		{"one occurrence moved, in a zone of Windows", []string{
			"UID:a\nDTSTART;TZID=Romance Standard Time:20260803T000000\nDTEND;TZID=Romance Standard Time:20260804T000000\nRRULE:FREQ=DAILY;COUNT=3",
			"UID:a\nRECURRENCE-ID;TZID=Romance Standard Time:20260804T000000\nDTSTART;TZID=Romance Standard Time:20260810T000000\nDTEND;TZID=Romance Standard Time:20260811T000000"},
			"2026-08-03 2026-08-05 2026-08-10"},
		{"closed from an evening to a morning", []string{"DTSTART;TZID=Europe/Paris:20261223T180000\nDTEND;TZID=Europe/Paris:20261226T083000"}, "2026-12-24 2026-12-25"},
		{"closed from an evening, each week", []string{"DTSTART:20260710T160000Z\nDTEND:20260713T040000Z\nRRULE:FREQ=WEEKLY;COUNT=2\nEXDATE:20260717T160000Z\nRDATE:20260724T160000Z"}, "2026-07-11 2026-07-12 2026-07-25 2026-07-26"},
		{"this and all later occurrences moved", []string{
			"UID:a\nDTSTART;VALUE=DATE:20260803\nRRULE:FREQ=WEEKLY;COUNT=4",
			"UID:a\nRECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20260810\nDTSTART;VALUE=DATE:20260811"},
			"2026-08-03 2026-08-11 2026-08-18 2026-08-25"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in, err := ical.Read(strings.NewReader(file(tc.events...)), paris(t))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, date := range slices.SortedFunc(maps.Keys(in.Days), calendar.Date.Compare) {
				if len(in.Days[date]) > 0 {
					t.Errorf("%s has windows", date)
				}
				got = append(got, date.String())
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReadTellsWhatBecameOfEachEvent(t *testing.T) {
	text := "\xef\xbb\xbf" + file("DTSTART:20260713", "DTSTART:20260515T090000Z\nDTEND:20260515T100000Z", "DTSTART;VALUE=DATE:20260514\nSTATUS:CANCELLED")
	in, err := ical.Read(strings.NewReader(text), paris(t))
	if err != nil || in.Events != 1 || len(in.Days) != 1 || len(in.Passed) != 2 || in.Passed[0] != (ical.Passed{Title: "closed", Why: "it lasts no whole day"}) ||
		in.Passed[1].Why != "it is cancelled" {
		t.Errorf("%+v, %v", in, err)
	}
}

// Google's calendars of public holidays hold observances as well, on which everybody works.
// Their descriptions are as Google wrote them, in English and Japanese.
func TestReadLeavesObservances(t *testing.T) {
	text := file("DTSTART;VALUE=DATE:20260214\nDESCRIPTION:Observance\\nTo hide observances\\, go to Google Calendar Settings > Holidays in Malaysia",
		"DTSTART;VALUE=DATE:20260203\nDESCRIPTION:祭日\\n祭日を非表示にするには、Google カレンダーの [設定] > [日本の祝日] に移動\n してください",
		"DTSTART;VALUE=DATE:20260406\nDESCRIPTION:Public holiday", "DTSTART;VALUE=DATE:20261224\nDESCRIPTION:Public holiday\\nThis is a half-day holiday.",
		"DTSTART;VALUE=DATE:20261231\nDESCRIPTION:Google Calendar > closed")
	in, err := ical.Read(strings.NewReader(text), paris(t))
	if err != nil || in.Events != 3 || len(in.Days) != 3 || len(in.Passed) != 2 || !strings.Contains(in.Passed[0].Why, "observance") {
		t.Errorf("%+v, %v", in, err)
	}
}

// What a calendar program sends to take an event back closes nothing.
func TestReadLeavesWhatAFileCancels(t *testing.T) {
	text := strings.Replace(file("DTSTART;VALUE=DATE:20260713"), "BEGIN:VEVENT", "METHOD:CANCEL\r\nBEGIN:VEVENT", 1)
	in, err := ical.Read(strings.NewReader(text), paris(t))
	if err != nil || len(in.Days) != 0 || len(in.Passed) != 1 || in.Passed[0].Why != "the file cancels it" {
		t.Errorf("%+v, %v", in, err)
	}
}

func TestReadFollowsEndlessRulesUntil2099(t *testing.T) {
	in, err := ical.Read(strings.NewReader(file("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY")), paris(t))
	if err != nil || len(in.Days) != 2099-2026+1 {
		t.Errorf("%d days, %v", len(in.Days), err)
	}
}

func TestReadErrors(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"another format", "Subject,Start Date", "not an iCalendar"},
		{"no start", file("UID:a"), "DTSTART"},
		{"not a date", file("DTSTART;VALUE=DATE:20261341"), `"20261341" is not a date`},
		{"broken line", "0;0=", "not a sound iCalendar"},
		{"long ago", file("DTSTART;VALUE=DATE:00000101"), "check the year"},
		{"each second", file("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=SECONDLY"), "within a day"},
		{"nonsense", file("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=SOMETIMES"), "RRULE"},
		{"every day", file("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY"), "more than 20000 days"},
		{"an odd exception", file("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=WEEKLY;COUNT=2\nEXRULE:FREQ=SOMETIMES"), "EXRULE FREQ=SOMETIMES: "},
		{"very long", file("DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:99991231"), "more than 20000 days"},
		{"very large", file("DESCRIPTION:" + strings.Repeat("x", 5<<20)), "larger than 4 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ical.Read(strings.NewReader(tc.file), paris(t)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q in it", err, tc.want)
			}
		})
	}
}

// Closed days from a file serve as the exceptions of a calendar.
func TestReadClosesACalendar(t *testing.T) {
	open, err := calendar.New(calendar.Definition{WeeklyWindows: map[string][][2]string{"friday": {{"09:00", "19:00"}}}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := ical.Read(strings.NewReader(file("DTSTART;VALUE=DATE:20260515")), open.Location())
	if err != nil {
		t.Fatal(err)
	}
	closed, err := open.WithExceptions(in.Days)
	if err != nil {
		t.Fatal(err)
	}
	if bridge := (calendar.Date{Year: 2026, Month: time.May, Day: 15}); closed.IsBusinessDay(bridge) || !open.IsBusinessDay(bridge) {
		t.Error("the bridge day is not closed in the copy alone")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file("DTSTART;VALUE=DATE:20260803\nDURATION:P2D\nRRULE:FREQ=MONTHLY;BYDAY=2MO;COUNT=4\nEXDATE;VALUE=DATE:20260914"))
	f.Add(file("UID:a\nRECURRENCE-ID;VALUE=DATE:20260810\nDTSTART;VALUE=DATE:20260812"))
	zone := paris(f)
	f.Fuzz(func(t *testing.T, text string) {
		in, err := ical.Read(strings.NewReader(text), zone)
		if err == nil && len(in.Days) > 20_000 {
			t.Errorf("%d days", len(in.Days))
		}
	})
}

// Of an event that a file holds in several revisions (RFC 5545, 3.8.7.4), as one put
// together from invitations does, the newest counts, in whatever order they stand.
func TestReadTakesTheNewestRevision(t *testing.T) {
	event := func(lines string) string { return "BEGIN:VEVENT\nSUMMARY:closed\n" + lines + "\nEND:VEVENT\n" }
	read := func(method string, events ...string) string {
		text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\n" + method + strings.Join(events, "") + "END:VCALENDAR\n"
		return strings.ReplaceAll(text, "\n", "\r\n")
	}
	first := event("UID:a\nDTSTAMP:20260105T080000Z\nDTSTART;VALUE=DATE:20261228")
	moved := event("UID:a\nSEQUENCE:2\nDTSTAMP:20260305T080000Z\nDTSTART;VALUE=DATE:20261230")
	off := event("UID:a\nSEQUENCE:2\nDTSTAMP:20260406T080000Z\nDTSTART;VALUE=DATE:20261230\nSTATUS:CANCELLED")
	shorter := event("UID:s\nSEQUENCE:1\nDTSTAMP:20260305T080000Z\nDTSTART;VALUE=DATE:20261102\nRRULE:FREQ=DAILY;COUNT=2")
	longer := event("UID:s\nSEQUENCE:0\nDTSTAMP:20260105T080000Z\nDTSTART;VALUE=DATE:20261102\nRRULE:FREQ=DAILY;COUNT=5")
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"a moved day":               {read("", first, moved), "2026-12-30"},
		"a moved day, newest first": {read("", moved, first), "2026-12-30"},
		"taken back":                {read("", first, moved, off), ""},
		"taken back by a mail":      {read("", moved) + read("METHOD:CANCEL\n", moved), ""},
		"a shortened series":        {read("", longer, shorter), "2026-11-02 2026-11-03"},
		"one UID for all events":    {read("", first, strings.Replace(first, "1228", "1229", 1)), "2026-12-28 2026-12-29"},
	} {
		in, err := ical.Read(strings.NewReader(c.text), paris(t))
		var days []string
		for d := range in.Days {
			days = append(days, fmt.Sprint(d))
		}
		slices.Sort(days)
		if got := strings.Join(days, " "); err != nil || got != c.want {
			t.Errorf("%s: closed %q, %v; want %q", name, got, err, c.want)
		}
	}
}
