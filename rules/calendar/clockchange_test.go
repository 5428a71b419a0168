package calendar_test

import (
	"testing"
	"time"

	"vigie/rules/calendar"
)

func mustNew(t testing.TB, d calendar.Definition) *calendar.Calendar {
	t.Helper()
	c, err := calendar.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// everyDay has the same windows on all weekdays and no holiday.
func everyDay(windows ...[2]string) calendar.Definition {
	d := calendar.Definition{WeeklyWindows: make(map[string][][2]string)}
	for weekday := time.Sunday; weekday <= time.Saturday; weekday++ {
		name := []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}[weekday]
		d.WeeklyWindows[name] = windows
	}
	return d
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func wantInstant(t *testing.T, what string, got time.Time, want string) {
	t.Helper()
	if text := got.Format(time.RFC3339Nano); text != want {
		t.Errorf("%s: got %s, want %s", what, text, want)
	}
}

func TestClockChanges(t *testing.T) {
	spring := calendar.Date{Year: 2026, Month: time.March, Day: 29}
	autumn := calendar.Date{Year: 2026, Month: time.October, Day: 25}
	always := mustNew(t, everyDay([2]string{"00:00", "24:00"}))

	t.Run("civil to instant", func(t *testing.T) {
		for _, tc := range []struct {
			date calendar.Date
			at   string
			want string
		}{
			{spring, "00:00", "2026-03-29T00:00:00+01:00"},
			{spring, "02:00", "2026-03-29T03:00:00+02:00"},
			{spring, "02:30", "2026-03-29T03:00:00+02:00"}, // skipped
			{spring, "03:00", "2026-03-29T03:00:00+02:00"},
			{spring, "24:00", "2026-03-30T00:00:00+02:00"},
			{autumn, "01:59", "2026-10-25T01:59:00+02:00"},
			{autumn, "02:00", "2026-10-25T02:00:00+02:00"},
			{autumn, "02:30", "2026-10-25T02:30:00+02:00"}, // the first of two
			{autumn, "03:00", "2026-10-25T03:00:00+01:00"},
			{autumn, "24:00", "2026-10-26T00:00:00+01:00"},
		} {
			at, err := calendar.ParseTimeOfDay(tc.at)
			if err != nil {
				t.Fatal(err)
			}
			wantInstant(t, tc.date.String()+" "+tc.at, always.At(tc.date, at), tc.want)
		}
	})

	t.Run("edges inside the hour", func(t *testing.T) {
		for _, tc := range []struct {
			window           [2]string
			date             calendar.Date
			opening, closing string
		}{
			{[2]string{"00:00", "02:30"}, spring, "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"},
			{[2]string{"02:30", "05:00"}, spring, "2026-03-29T03:00:00+02:00", "2026-03-29T05:00:00+02:00"},
			{[2]string{"02:15", "02:45"}, spring, "2026-03-29T03:00:00+02:00", "2026-03-29T03:00:00+02:00"}, // never open
			{[2]string{"00:00", "02:30"}, autumn, "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+01:00"},
			{[2]string{"02:30", "05:00"}, autumn, "2026-10-25T02:30:00+02:00", "2026-10-25T05:00:00+01:00"},
		} {
			c := mustNew(t, everyDay(tc.window))
			opening, _ := c.Opening(tc.date)
			closing, _ := c.Closing(tc.date)
			wantInstant(t, tc.window[0]+" opening", opening, tc.opening)
			wantInstant(t, tc.window[1]+" closing", closing, tc.closing)
			if len(c.Warnings()) == 0 {
				t.Errorf("%v: no warning", tc.window)
			}
		}
	})

	t.Run("due", func(t *testing.T) {
		hours, days := calendar.BusinessHours, calendar.BusinessDays
		for _, tc := range []struct {
			windows [][2]string
			start   string
			amount  int
			unit    calendar.Unit
			want    string
		}{
			{[][2]string{{"00:00", "24:00"}}, "2026-03-28T02:30:00.5+01:00", 1, days, "2026-03-29T03:00:00+02:00"},
			{[][2]string{{"00:00", "24:00"}}, "2026-10-24T02:30:00.5+02:00", 1, days, "2026-10-25T02:30:00.5+02:00"},
			{[][2]string{{"00:00", "24:00"}}, "2026-10-25T02:30:00+01:00", 1, days, "2026-10-26T02:30:00+01:00"},
			{[][2]string{{"00:00", "24:00"}}, "2026-03-29T00:00:00+01:00", 23, hours, "2026-03-30T00:00:00+02:00"},
			{[][2]string{{"00:00", "24:00"}}, "2026-10-25T00:00:00+02:00", 25, hours, "2026-10-26T00:00:00+01:00"},
			{[][2]string{{"00:00", "02:30"}}, "2026-10-25T00:00:00+02:00", 3, hours, "2026-10-25T02:30:00+01:00"},
			{[][2]string{{"02:30", "05:00"}}, "2026-10-25T02:45:00+02:00", 1, hours, "2026-10-25T03:15:00+01:00"},
		} {
			due := mustDue(t, mustNew(t, everyDay(tc.windows...)), instant(t, tc.start),
				calendar.Duration{Amount: calendar.NewAmount(tc.amount), Unit: tc.unit}, nil)
			wantInstant(t, tc.start, due, tc.want)
		}
	})
}

// A zone that moves across the date line loses a date; the working week goes
// on around it.
func TestSkippedDate(t *testing.T) {
	d := everyDay([2]string{"09:00", "17:00"})
	d.Timezone = "Pacific/Apia"
	c := mustNew(t, d)
	wantInstant(t, "noon of a date that was not", c.At(calendar.Date{Year: 2011, Month: time.December, Day: 30}, 12*3600), "2011-12-31T00:00:00+14:00")
	due := mustDue(t, c, instant(t, "2011-12-29T16:00:00-10:00"), calendar.Duration{Amount: calendar.NewAmount(2), Unit: calendar.BusinessHours}, nil)
	wantInstant(t, "due", due, "2011-12-31T10:00:00+14:00")
}

// Time goes on after the last day of a leap year beyond the zone's table, and
// that day counts once.
func TestLeapYearsBeyondTheZoneTable(t *testing.T) {
	c := mustNew(t, everyDay([2]string{"00:00", "24:00"}))
	for _, start := range []string{"2040-12-31T00:30:00+01:00", "2040-12-31T12:00:00+01:00", "2044-12-30T12:00:00+01:00", "2096-12-31T23:59:00+01:00"} {
		begin := instant(t, start)
		due := mustDue(t, c, begin, calendar.Duration{Amount: calendar.NewAmount(48), Unit: calendar.BusinessHours}, nil)
		if want := begin.Add(48 * time.Hour); !due.Equal(want) {
			t.Errorf("48 hours from %s are due %s, want %s", start, due, want)
		}
		due = mustDue(t, c, begin, calendar.Duration{Amount: calendar.NewAmount(2), Unit: calendar.BusinessDays}, nil)
		if want := begin.Add(48 * time.Hour); !due.Equal(want) {
			t.Errorf("2 days from %s are due %s, want %s", start, due, want)
		}
	}
}

// An hour of a day that opens later than usual waits for that opening; one before the
// usual opening was meant.
func TestFromOpening(t *testing.T) {
	d := everyDay([2]string{"09:00", "18:00"})
	d.WeeklyWindows["saturday"] = nil
	d.DateExceptions = map[string][][2]string{"2026-12-24": {{"14:00", "18:00"}}, "2026-12-25": nil, "2026-12-26": {{"14:00", "16:00"}}}
	c := mustNew(t, d)
	for at, want := range map[string]string{
		"2026-12-23T09:30:00+01:00": "2026-12-23T09:30:00+01:00",
		"2026-12-23T08:00:00+01:00": "2026-12-23T08:00:00+01:00",
		"2026-12-24T09:30:00+01:00": "2026-12-24T14:00:00+01:00",
		"2026-12-24T15:00:00+01:00": "2026-12-24T15:00:00+01:00",
		"2026-12-24T08:00:00+01:00": "2026-12-24T08:00:00+01:00",
		"2026-12-25T09:30:00+01:00": "2026-12-25T09:30:00+01:00",
		"2026-12-26T09:30:00+01:00": "2026-12-26T14:00:00+01:00",
	} {
		wantInstant(t, at, c.FromOpening(instant(t, at)), want)
	}
}
