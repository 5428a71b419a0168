package calendar_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/rules/calendar"
)

func TestLoadErrors(t *testing.T) {
	monday := func(windows ...[2]string) calendar.Definition {
		return calendar.Definition{WeeklyWindows: map[string][][2]string{"monday": windows}}
	}
	for _, tc := range []struct {
		name string
		d    calendar.Definition
		want string
	}{
		{"nothing", calendar.Definition{}, `weekly_windows: the calendar is never open; give at least one weekday or one dated exception a window such as ["09:00", "19:00"]`},
		{"only closed days", calendar.Definition{DateExceptions: map[string][][2]string{"2026-05-15": {}}}, `weekly_windows: the calendar is never open; give at least one weekday or one dated exception a window such as ["09:00", "19:00"]`},
		{"zone", calendar.Definition{Timezone: "Europe/Pariss", WeeklyWindows: monday([2]string{"09:00", "19:00"}).WeeklyWindows}, `timezone: unknown zone "Europe/Pariss"; write an IANA name such as "Europe/Paris"`},
		{"zone of the machine", calendar.Definition{Timezone: "Local", WeeklyWindows: monday([2]string{"09:00", "19:00"}).WeeklyWindows}, `timezone: unknown zone "Local"; write an IANA name such as "Europe/Paris"`},
		{"weekday", calendar.Definition{WeeklyWindows: map[string][][2]string{"Monday": nil}}, `weekly_windows.Monday: unknown weekday; write one of monday, tuesday, wednesday, thursday, friday, saturday, sunday`},
		{"holidays", calendar.Definition{PublicHolidays: "germany", WeeklyWindows: monday([2]string{"09:00", "19:00"}).WeeklyWindows}, `public_holidays: unknown rule "germany"; write one of france, france_alsace_moselle, none`},
		{"clock", monday([2]string{"9:00", "19:00"}), `weekly_windows.monday: "9:00" is not a time of day; write hours and minutes like 09:30, or 24:00 for the end of the day`},
		{"seconds", monday([2]string{"09:00", "19:00:30"}), `weekly_windows.monday: "19:00:30" is not a time of day; write hours and minutes like 09:30, or 24:00 for the end of the day`},
		{"after midnight", monday([2]string{"09:00", "24:01"}), `weekly_windows.monday: "24:01" is not a time of day; write hours and minutes like 09:30, or 24:00 for the end of the day`},
		{"sixty minutes", monday([2]string{"09:60", "19:00"}), `weekly_windows.monday: "09:60" is not a time of day; write hours and minutes like 09:30, or 24:00 for the end of the day`},
		{"across midnight", monday([2]string{"22:00", "06:00"}), `weekly_windows.monday: window 22:00-06:00 crosses midnight; write 22:00-24:00 here and 00:00-06:00 on the next day`},
		{"empty", monday([2]string{"09:00", "09:00"}), `weekly_windows.monday: window 09:00-09:00 is empty; leave it out, or write 00:00-24:00 for the whole day`},
		{"unsorted", monday([2]string{"14:00", "18:00"}, [2]string{"09:00", "12:00"}), `weekly_windows.monday: window 09:00-12:00 comes after 14:00-18:00; put them in order`},
		{"overlapping", monday([2]string{"09:00", "12:00"}, [2]string{"11:00", "18:00"}), `weekly_windows.monday: window 11:00-18:00 overlaps 09:00-12:00; make one window of them`},
		{"no such date", calendar.Definition{DateExceptions: map[string][][2]string{"2026-02-30": {}}}, `date_exceptions: "2026-02-30" is not a date of the calendar; write year, month and day like 2026-03-29`},
		{"dated window", calendar.Definition{DateExceptions: map[string][][2]string{"2026-05-15": {{"13:00", "09:00"}}}}, `date_exceptions.2026-05-15: window 13:00-09:00 crosses midnight; write 13:00-24:00 here and 00:00-09:00 on the next day`},
		{"all at once", calendar.Definition{Timezone: "Mars", PublicHolidays: "all", WeeklyWindows: map[string][][2]string{"funday": nil, "monday": {{"x", "y"}}}},
			`timezone: unknown zone "Mars"; write an IANA name such as "Europe/Paris"
weekly_windows.funday: unknown weekday; write one of monday, tuesday, wednesday, thursday, friday, saturday, sunday
weekly_windows.monday: "x" is not a time of day; write hours and minutes like 09:30, or 24:00 for the end of the day
public_holidays: unknown rule "all"; write one of france, france_alsace_moselle, none`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := calendar.New(tc.d); err == nil || err.Error() != tc.want {
				t.Errorf("got\n%v\nwant\n%s", err, tc.want)
			}
		})
	}
}

func TestTouchingWindowsAreOneStretch(t *testing.T) {
	c := mustNew(t, everyDay([2]string{"09:00", "12:00"}, [2]string{"12:00", "19:00"}))
	due := mustDue(t, c, instant(t, "2026-03-02T10:00:00+01:00"), calendar.Duration{Amount: calendar.NewAmount(4), Unit: calendar.BusinessHours}, nil)
	wantInstant(t, "due", due, "2026-03-02T14:00:00+01:00")
}

func TestPrecedence(t *testing.T) {
	c := mustNew(t, calendar.Definition{
		PublicHolidays: calendar.France,
		WeeklyWindows:  map[string][][2]string{"monday": {{"09:00", "19:00"}}, "friday": {{"09:00", "19:00"}}},
		DateExceptions: map[string][][2]string{"2026-05-25": {{"09:00", "17:00"}}, "2026-05-15": {}},
	})
	for _, tc := range []struct{ date, want string }{
		{"2026-05-04", "[09:00-19:00]"}, // a Monday
		{"2026-05-05", "[]"},            // a Tuesday
		{"2026-05-08", "[]"},            // a holiday on a Friday
		{"2026-05-15", "[]"},            // a bridge
		{"2026-05-25", "[09:00-17:00]"}, // Whit Monday, worked
	} {
		date, err := calendar.ParseDate(tc.date)
		if err != nil {
			t.Fatal(err)
		}
		windows := []string{}
		for _, window := range c.Windows(date) {
			windows = append(windows, window.String())
		}
		got := "[" + strings.Join(windows, " ") + "]"
		_, opens := c.Opening(date)
		_, closes := c.Closing(date)
		if open := tc.want != "[]"; got != tc.want || c.IsBusinessDay(date) != open || opens != open || closes != open {
			t.Errorf("%s: got %s, want %s", date, got, tc.want)
		}
	}
}

func TestWithExceptions(t *testing.T) {
	c := mustNew(t, calendar.Definition{
		WeeklyWindows:  map[string][][2]string{"monday": {{"09:00", "19:00"}}},
		DateExceptions: map[string][][2]string{"2026-03-09": {}},
	})
	monday := calendar.Date{Year: 2026, Month: time.March, Day: 2}
	live, err := c.WithExceptions(map[calendar.Date][]calendar.Window{
		monday:            {},
		monday.AddDays(7): {{Opens: 8 * 3600, Closes: 9 * 3600}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if live.IsBusinessDay(monday) || !live.IsBusinessDay(monday.AddDays(7)) {
		t.Error("the live exceptions do not hold in the copy")
	}
	if !c.IsBusinessDay(monday) || c.IsBusinessDay(monday.AddDays(7)) {
		t.Error("the original changed")
	}
	_, err = c.WithExceptions(map[calendar.Date][]calendar.Window{monday: {{Opens: 1, Closes: 25 * 3600}}})
	if want := "date_exceptions.2026-03-02: window 00:00:01-25:00 leaves the day; stay between 00:00 and 24:00"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSearchesGiveUp(t *testing.T) {
	once := mustNew(t, calendar.Definition{DateExceptions: map[string][][2]string{"2026-03-02": {{"09:00", "19:00"}}}})
	opening := instant(t, "2026-03-02T09:00:00+01:00")
	for _, d := range []calendar.Duration{
		{Amount: calendar.NewAmount(11), Unit: calendar.BusinessHours},
		{Amount: calendar.NewAmount(1), Unit: calendar.BusinessDays},
		{Amount: calendar.NewAmount(1), Unit: calendar.CloseOfBusinessDay},
		{Amount: calendar.NewAmount(1), Unit: calendar.CalendarDaysThenClose},
	} {
		if due, _, err := once.Due(opening, d, nil); err == nil || !strings.Contains(err.Error(), "no opening hours in the three years") {
			t.Errorf("%s: due %s, %v", d, due, err)
		}
	}
	if at, err := once.EffectiveStart(opening.AddDate(-4, 0, 0)); err == nil {
		t.Errorf("an opening four years ahead was found: %s", at)
	}
	if at, err := once.EffectiveStart(opening.AddDate(-2, 0, 0)); err != nil || !at.Equal(opening) {
		t.Errorf("an opening two years ahead: %s, %v", at, err)
	}
	rare := mustNew(t, calendar.Definition{Timezone: "UTC", WeeklyWindows: map[string][][2]string{"monday": {{"09:00", "09:01"}}}})
	if due, _, err := rare.Due(opening, calendar.Duration{Amount: calendar.NewAmount(2_500_000), Unit: calendar.BusinessHours}, nil); err == nil {
		t.Errorf("due %s: beyond the years that can be written", due)
	}
	if due := mustDue(t, rare, opening, calendar.Duration{Amount: calendar.NewAmount(200), Unit: calendar.BusinessHours}, nil); due.Year() < 2250 {
		t.Errorf("12000 weeks end at %s", due)
	}
	// Years without a holiday are passed over in one leap, which is no search.
	days := calendar.Duration{Amount: calendar.NewAmount(1000), Unit: calendar.BusinessDays}
	if due := mustDue(t, rare, opening, days, nil); !due.Equal(instant(t, "2045-04-24T09:01:00Z")) {
		t.Errorf("1000 Mondays end at %s", due)
	}
}

func TestDefinitionReadsTheSameFromYAMLAndJSON(t *testing.T) {
	const asYAML = `
timezone: UTC
weekly_windows:
  monday: [["09:00", "12:00"], ["14:00", "18:00"]]
public_holidays: france
date_exceptions:
  "2026-05-15": []
`
	const asJSON = `{"timezone": "UTC", "weekly_windows": {"monday": [["09:00", "12:00"], ["14:00", "18:00"]]},
		"public_holidays": "france", "date_exceptions": {"2026-05-15": []}}`
	var fromYAML, fromJSON calendar.Definition
	if err := yaml.Unmarshal([]byte(asYAML), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(asJSON), &fromJSON); err != nil {
		t.Fatal(err)
	}
	y, _ := json.Marshal(fromYAML)
	j, _ := json.Marshal(fromJSON)
	if string(y) != string(j) || fromJSON.Timezone != "UTC" || len(fromJSON.WeeklyWindows["monday"]) != 2 {
		t.Errorf("YAML gives %s, JSON %s", y, j)
	}
	for _, window := range []string{`["09:00"]`, `["09:00", "12:00", "19:00"]`} {
		if err := json.Unmarshal([]byte(`{"weekly_windows": {"monday": [`+window+`]}}`), &fromJSON); err == nil {
			t.Errorf("a window %s was read", window)
		}
	}
}

// A definition builds a sound calendar or gives an error, whatever it contains.
func FuzzNew(f *testing.F) {
	f.Add("Europe/Paris", "france", "monday", "09:00", "19:00", "2026-05-15", "09:00", "13:00")
	f.Add("", "", "sunday", "00:00", "02:30", "2026-03-29", "02:30", "24:00")
	f.Add("Pacific/Apia", "none", "friday", "23:59", "24:00", "2011-12-30", "22:00", "06:00")
	f.Fuzz(func(t *testing.T, zone, holidays, weekday, opens, closes, date, opensThen, closesThen string) {
		c, err := calendar.New(calendar.Definition{
			Timezone:       zone,
			PublicHolidays: holidays,
			WeeklyWindows:  map[string][][2]string{weekday: {{opens, closes}}},
			DateExceptions: map[string][][2]string{date: {{opensThen, closesThen}}},
		})
		if err != nil {
			if !strings.Contains(err.Error(), ": ") {
				t.Errorf("error %q names no key", err)
			}
			return
		}
		start := time.Date(2026, time.March, 28, 12, 0, 0, 0, time.UTC)
		opening, err := c.EffectiveStart(start)
		if err != nil || opening.Before(start) || !c.IsOpen(opening) {
			t.Errorf("effective start %s, %v", opening, err)
		}
		due, _, err := c.Due(start, calendar.Duration{Amount: calendar.NewAmount(3), Unit: calendar.BusinessHours}, nil)
		if err != nil || c.OpenTime(start, due, nil) != 3*time.Hour {
			t.Errorf("due %s after %s, %v", due, c.OpenTime(start, due, nil), err)
		}
	})
}
