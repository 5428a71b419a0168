package calendar_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"vigie/rules/calendar"
)

// random makes the inputs of the property tests, the same ones on every run.
type random struct{ *rand.Rand }

func newRandom(t *testing.T) random {
	t.Helper()
	return random{rand.New(rand.NewPCG(uint64(len(t.Name())), 9_19))}
}

// instant is in the years 2025 to 2029, on a quarter of an hour half of the
// time: the edges of windows are where mistakes live.
func (r random) instant() time.Time {
	const years = 5 * 365 * 24 * time.Hour
	t := time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(years))))
	if r.IntN(2) == 0 {
		return t.Truncate(15 * time.Minute)
	}
	return t.Truncate(time.Second)
}

func (r random) pauses(from time.Time) []calendar.Pause {
	pauses := make([]calendar.Pause, r.IntN(4))
	for i := range pauses {
		begin := from.Add(time.Duration(r.Int64N(int64(96*time.Hour))) - 12*time.Hour).Truncate(time.Second)
		pauses[i] = calendar.Pause{From: begin, To: begin.Add(time.Duration(r.Int64N(int64(30 * time.Hour)))).Truncate(time.Second)}
	}
	return pauses
}

func (r random) duration() calendar.Duration {
	tenths, err := calendar.ParseAmount(fmt.Sprintf("%d.%d", r.IntN(30), 1+r.IntN(9)))
	if err != nil {
		panic(err)
	}
	return []calendar.Duration{
		{Amount: tenths, Unit: calendar.BusinessHours},
		{Amount: calendar.NewAmount(1 + r.IntN(12)), Unit: calendar.BusinessDays},
		{Amount: calendar.NewAmount(r.IntN(6)), Unit: calendar.CloseOfBusinessDay},
		{Amount: calendar.NewAmount(1 + r.IntN(20)), Unit: calendar.CalendarDaysThenClose},
	}[r.IntN(4)]
}

// sorted is the calendars by name, in an order that never changes.
func sorted(calendars map[string]*calendar.Calendar) []*calendar.Calendar {
	var names []string
	for name := range calendars {
		names = append(names, name)
	}
	slices.Sort(names)
	var list []*calendar.Calendar
	for _, name := range names {
		list = append(list, calendars[name])
	}
	return list
}

func mustDue(t *testing.T, c *calendar.Calendar, start time.Time, d calendar.Duration, pauses []calendar.Pause) time.Time {
	t.Helper()
	due, paused, err := c.Due(start, d, pauses)
	if err != nil || paused {
		t.Fatalf("%s from %s: paused %t, %v", d, start, paused, err)
	}
	return due
}

func runs(t time.Time, pauses []calendar.Pause) bool {
	return !slices.ContainsFunc(pauses, func(p calendar.Pause) bool { return !t.Before(p.From) && t.Before(p.To) })
}

func TestDueIsAfterTheStartAndEndsOpenTime(t *testing.T) {
	_, calendars := readVectors(t)
	all, random := sorted(calendars), newRandom(t)
	for range 20_000 {
		c, start, d := all[random.IntN(len(all))], random.instant(), random.duration()
		pauses := random.pauses(start)
		due := mustDue(t, c, start, d, pauses)
		if !due.After(start) {
			t.Fatalf("%s from %s is due at %s", d, start, due)
		}
		before := due.Add(-time.Second)
		if !c.IsOpen(before) || d.Unit.Pausable() && !runs(before, pauses) {
			t.Fatalf("%s from %s, pauses %v: nothing runs in the second before %s", d, start, pauses, due)
		}
	}
}

func TestDueIsMonotone(t *testing.T) {
	_, calendars := readVectors(t)
	all, random := sorted(calendars), newRandom(t)
	for range 20_000 {
		c, d := all[random.IntN(len(all))], random.duration()
		start := random.instant()
		sooner, later := start, start.Add(time.Duration(random.Int64N(int64(80*time.Hour))))
		// In the doubled hour of autumn the clock goes back and a rolling day
		// with it: the one exception.
		if zone := c.Location(); d.Unit == calendar.BusinessDays && (inDoubledHour(sooner.In(zone)) || inDoubledHour(later.In(zone))) {
			continue
		}
		if a, b := mustDue(t, c, sooner, d, nil), mustDue(t, c, later, d, nil); a.After(b) {
			t.Fatalf("%s: from %s due %s, from %s already %s", d, sooner, a, later, b)
		}
		longer := d
		longer.Amount = plusOne(t, d.Amount)
		if a, b := mustDue(t, c, start, d, nil), mustDue(t, c, start, longer, nil); a.After(b) {
			t.Fatalf("from %s: %s is due %s, %s already %s", start, d, a, longer, b)
		}
	}
}

func inDoubledHour(t time.Time) bool {
	_, before := t.Add(-time.Hour).Zone()
	_, now := t.Zone()
	_, after := t.Add(time.Hour).Zone()
	return before > now || now > after
}

func plusOne(t *testing.T, a calendar.Amount) calendar.Amount {
	t.Helper()
	sum := a.Rat()
	sum.Add(sum, big.NewRat(1, 1))
	more, err := calendar.ParseAmount(sum.FloatString(3))
	if err != nil {
		t.Fatal(err)
	}
	return more
}

func TestPauseOutsideOpenTimeChangesNothing(t *testing.T) {
	_, calendars := readVectors(t)
	c, random := calendars["weekdays_9_19"], newRandom(t)
	for range 4000 {
		start, d := random.instant(), random.duration()
		var nights []calendar.Pause
		for date, n := c.Date(start), 0; n < 30; n++ {
			nights = append(nights, calendar.Pause{From: c.At(date.AddDays(n), 19*3600), To: c.At(date.AddDays(n+1), 9*3600)})
		}
		if without, with := mustDue(t, c, start, d, nil), mustDue(t, c, start, d, nights); !with.Equal(without) {
			t.Fatalf("%s from %s: due %s, but %s when the nights are paused", d, start, without, with)
		}
	}
}

func TestBusinessDaysAreTenHours(t *testing.T) {
	_, calendars := readVectors(t)
	c, random := calendars["weekdays_9_19"], newRandom(t)
	for range 4000 {
		start, n := random.instant(), 1+random.IntN(15)
		pauses := random.pauses(start)
		days := mustDue(t, c, start, calendar.Duration{Amount: calendar.NewAmount(n), Unit: calendar.BusinessDays}, pauses)
		hours := mustDue(t, c, start, calendar.Duration{Amount: calendar.NewAmount(10 * n), Unit: calendar.BusinessHours}, pauses)
		if !days.Equal(hours) {
			t.Fatalf("from %s with pauses %v: %d days are due %s, %d hours %s", start, pauses, n, days, 10*n, hours)
		}
	}
}

func TestAppointmentsIgnorePauses(t *testing.T) {
	_, calendars := readVectors(t)
	all, random := sorted(calendars), newRandom(t)
	for range 2000 {
		c, start, d := all[random.IntN(len(all))], random.instant(), random.duration()
		if d.Unit.Pausable() {
			continue
		}
		pauses := append(random.pauses(start), calendar.Pause{From: start})
		if without, with := mustDue(t, c, start, d, nil), mustDue(t, c, start, d, pauses); !with.Equal(without) {
			t.Fatalf("%s from %s: due %s, paused %s", d, start, without, with)
		}
	}
}

func TestPauseWithoutEnd(t *testing.T) {
	_, calendars := readVectors(t)
	c, random := calendars["weekdays_with_lunch_break"], newRandom(t)
	for range 2000 {
		start, d := random.instant(), random.duration()
		if !d.Unit.Pausable() {
			continue
		}
		pauses := random.pauses(start)
		due := mustDue(t, c, start, d, pauses)
		if got := mustDue(t, c, start, d, append(slices.Clone(pauses), calendar.Pause{From: due})); !got.Equal(due) {
			t.Fatalf("%s from %s: a pause from the due instant on moves it from %s to %s", d, start, due, got)
		}
		_, paused, err := c.Due(start, d, append(slices.Clone(pauses), calendar.Pause{From: due.Add(-time.Second)}))
		if err != nil || !paused {
			t.Fatalf("%s from %s: a pause from a second before %s does not pause (%v)", d, start, due, err)
		}
	}
}

func TestResultDoesNotDependOnTheOffsetOfTheInput(t *testing.T) {
	_, calendars := readVectors(t)
	all, random := sorted(calendars), newRandom(t)
	for range 4000 {
		c, start, d := all[random.IntN(len(all))], random.instant(), random.duration()
		pauses := random.pauses(start)
		elsewhere := time.FixedZone("", random.IntN(26*3600)-12*3600)
		moved := slices.Clone(pauses)
		for i := range moved {
			moved[i] = calendar.Pause{From: moved[i].From.In(elsewhere), To: moved[i].To.In(elsewhere)}
		}
		here, there := mustDue(t, c, start, d, pauses), mustDue(t, c, start.In(elsewhere), d, moved)
		if here.Format(time.RFC3339Nano) != there.Format(time.RFC3339Nano) {
			t.Fatalf("%s from %s: due %s, or %s when written as %s", d, start, here, there, elsewhere)
		}
	}
}

func TestResultDoesNotDependOnTheZoneOfTheMachine(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range []string{"UTC", "Pacific/Auckland", "America/St_Johns"} {
		again := exec.CommandContext(t.Context(), self, "-test.run=^(TestWorkedCases|TestPolicyExamples|TestClockChanges)$")
		again.Env = append(os.Environ(), "TZ="+zone)
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("TZ=%s: %v\n%s", zone, err, out)
		}
	}
}

// The definition, slowly: count the minutes that IsOpen calls open. It covers
// zones whose clocks change at midnight, by half an hour and by a whole day.
func TestHoursAgreeWithCountingMinutes(t *testing.T) {
	random := newRandom(t)
	edges := []string{"00:00", "01:15", "02:00", "02:30", "03:00", "08:00", "12:30", "14:00", "22:00", "23:30", "24:00"}
	weekdays := []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	for _, place := range []struct{ zone, day string }{
		{"Europe/Paris", "2026-03-29"},
		{"Europe/Paris", "2026-10-25"},
		{"Europe/Paris", "2026-05-13"},
		{"Europe/Paris", "2026-12-24"},
		{"America/Sao_Paulo", "2018-11-04"},   // skips midnight
		{"America/Havana", "2026-11-01"},      // doubles the hour before one
		{"Australia/Lord_Howe", "2026-04-05"}, // changes by half an hour
		{"Pacific/Apia", "2011-12-30"},        // skips the date
		{"Pacific/Kwajalein", "1969-09-30"},   // doubles a day
		{"Asia/Kathmandu", "2026-01-01"},      // has odd minutes
	} {
		day, err := calendar.ParseDate(place.day)
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			definition := calendar.Definition{
				Timezone:       place.zone,
				PublicHolidays: calendar.France,
				WeeklyWindows:  make(map[string][][2]string),
				DateExceptions: map[string][][2]string{day.AddDays(1).String(): {{"02:30", "09:00"}}},
			}
			for _, weekday := range weekdays[random.IntN(5):] {
				cut := 1 + random.IntN(len(edges)-2)
				definition.WeeklyWindows[weekday] = [][2]string{
					{edges[random.IntN(cut)], edges[cut]},
					{edges[cut], edges[cut+1+random.IntN(len(edges)-cut-1)]},
				}
			}
			c, err := calendar.New(definition)
			if err != nil {
				t.Fatal(err)
			}
			// Whole minutes on the wall clock; 3 of them are exactly 0.05 hours.
			start := c.At(day, 0).Add(time.Duration(random.IntN(48*60)-24*60) * time.Minute)
			minutes := 3 * (1 + random.IntN(20*60))
			amount, err := calendar.ParseAmount(fmt.Sprintf("%d.%02d", minutes/60, minutes%60*100/60))
			if err != nil {
				t.Fatal(err)
			}
			due := mustDue(t, c, start, calendar.Duration{Amount: amount, Unit: calendar.BusinessHours}, nil)

			slow := start
			for left := minutes; left > 0; slow = slow.Add(time.Minute) {
				if c.IsOpen(slow) {
					left--
				}
			}
			if !due.Equal(slow) {
				t.Fatalf("%s %v: %d minutes from %s are due %s, counted %s", place.zone, definition.WeeklyWindows, minutes, start, due, slow)
			}
			if open := c.OpenTime(start, due, nil); open != time.Duration(minutes)*time.Minute {
				t.Fatalf("%s %v: %s open from %s until %s, want %d minutes", place.zone, definition.WeeklyWindows, open, start, due, minutes)
			}
		}
	}
}
