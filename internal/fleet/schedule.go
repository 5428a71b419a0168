package fleet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule is when a plan starts, as far as an inventory says it: for products
// that do not tell their next run. The zero value says nothing.
type Schedule struct {
	Days     Days          `yaml:"days"`     // of the week on which it starts; none means every day
	Monthly  Monthly       `yaml:"monthly"`  // days of the month on which it starts; none means every day
	Starts   Clock         `yaml:"at"`       // at what time of these days
	Interval time.Duration `yaml:"interval"` // from one run to the next; 0 is not said
	Except   Dates         `yaml:"except"`   // days on which it does not start after all
}

// IsZero reports whether nothing is said.
func (s Schedule) IsZero() bool { return s == Schedule{} }

// earlyStart is how much before its time a run may begin by another clock.
const earlyStart = 10 * time.Minute

// farthest is how far ahead a start is looked for.
const farthest = 400

// Next is the start that follows a run from start to end, in the zone of the
// inventory; a zero start is not known. Where no time of day is said it is the
// end of the next day on which the plan starts. It is zero where neither days
// nor a time is said, or none comes within 400 days.
func (s Schedule) Next(start, end time.Time, zone *time.Location) time.Time {
	if s.Days == 0 && s.Monthly == "" && !s.Starts.said {
		return time.Time{}
	}
	if start.IsZero() || start.After(end) {
		start = end
	}
	first, served := start.In(zone), end.Add(earlyStart)
	for n := range farthest {
		midnight := time.Date(first.Year(), first.Month(), first.Day()+n, 0, 0, 0, 0, zone)
		if !s.Days.has(midnight.Weekday()) || !s.Monthly.has(midnight) || s.Except.has(midnight) {
			continue
		}
		if !s.Starts.said {
			if n > 0 {
				return time.Date(first.Year(), first.Month(), first.Day()+n+1, 0, 0, 0, 0, zone)
			}
			continue
		}
		at := time.Date(first.Year(), first.Month(), first.Day()+n, s.Starts.hour, s.Starts.minute, 0, 0, zone)
		if at.After(served) {
			return at
		}
	}
	return time.Time{}
}

// rare is the gap from which on a plan is not one of most days.
const rare = 4 * 24 * time.Hour

// Gap is the longest time from one start to the next of a plan that seldom starts:
// on a day of the week or of the month. It is zero for any other.
func (s Schedule) Gap() time.Duration {
	if s.Monthly != "" {
		return 31 * 24 * time.Hour
	}
	longest, run := 0, 0
	for day := range 2 * len(weekdays) {
		if run++; s.Days.has(time.Weekday(day % len(weekdays))) {
			longest, run = max(longest, run), 0
		}
	}
	if gap := time.Duration(longest) * 24 * time.Hour; gap >= rare {
		return gap
	}
	return 0
}

// Check gives what of a schedule cannot be, and how to mend it.
func (s Schedule) Check() (what, cure string) {
	if s.Interval != 0 && (s.Interval < time.Minute || s.Interval > farthest*24*time.Hour) {
		return fmt.Sprintf("an interval of %s cannot be", s.Interval), "write one between 1m and 9600h, such as 24h"
	}
	return "", ""
}

// Days is a set of days of the week, bit 0 being Sunday; none means all.
type Days uint8

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// UnmarshalScalar reads for example "mon-fri", "sat" or "mon, wed, fri".
func (d *Days) UnmarshalScalar(text string) error {
	for _, part := range words(text) {
		from, to, span := strings.Cut(part, "-")
		first := slices.Index(weekdays[:], from)
		last := first
		if span {
			last = slices.Index(weekdays[:], to)
		}
		if first < 0 || last < 0 {
			return fmt.Errorf("%q is no day of the week: write for example mon-fri, or mon, wed, fri", part)
		}
		for day := first; ; day = (day + 1) % 7 {
			*d |= 1 << day
			if day == last {
				break
			}
		}
	}
	return nil
}

func (d Days) has(day time.Weekday) bool { return d == 0 || d&(1<<day) != 0 }

// Monthly is a set of days of a month, in small letters with a blank between them:
// "1", "15", "last" for its last day, "1-mon" for its first Monday, "last-sun".
type Monthly string

var ordinals = [...]string{"first", "second", "third", "fourth"}

// UnmarshalScalar reads for example "1, 15", "last", "first mon" or "last sun".
func (m *Monthly) UnmarshalScalar(text string) error {
	var days []string
	parts := words(text)
	for i := 0; i < len(parts); i++ {
		part, next := parts[i], ""
		if i+1 < len(parts) && slices.Contains(weekdays[:], parts[i+1]) {
			next = parts[i+1]
		}
		nth := slices.Index(ordinals[:], part) + 1
		date, err := strconv.Atoi(part)
		switch {
		case part == "last" && next == "":
			days = append(days, part)
		case part == "last":
			days, i = append(days, "last-"+next), i+1
		case nth > 0 && next != "":
			days, i = append(days, strconv.Itoa(nth)+"-"+next), i+1
		case err == nil && date >= 1 && date <= 28:
			days = append(days, strconv.Itoa(date))
		default:
			return fmt.Errorf("%q is no day of every month: write for example 15, or last, or first mon, or last sun", part)
		}
	}
	*m = Monthly(strings.Join(days, " "))
	return nil
}

func (m Monthly) has(day time.Time) bool {
	if m == "" {
		return true
	}
	name, date := weekdays[day.Weekday()], day.Day()
	lastDate := time.Date(day.Year(), day.Month()+1, 0, 12, 0, 0, 0, time.UTC).Day()
	for one := range strings.FieldsSeq(string(m)) {
		switch {
		case one == strconv.Itoa(date), one == strconv.Itoa((date+6)/7)+"-"+name,
			one == "last" && date == lastDate, one == "last-"+name && date+7 > lastDate:
			return true
		}
	}
	return false
}

// Clock is a time of the day.
type Clock struct {
	hour, minute int
	said         bool
}

// UnmarshalScalar reads "22:00".
func (c *Clock) UnmarshalScalar(text string) error {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return fmt.Errorf("%q is no time of the day: write for example 22:00, in quotes", text)
	}
	*c = Clock{t.Hour(), t.Minute(), true}
	return nil
}

// Dates is a set of days, each as 2026-12-25, with a blank between them.
type Dates string

// UnmarshalScalar reads dates with blanks or commas between them.
func (d *Dates) UnmarshalScalar(text string) error {
	dates := words(text)
	for _, date := range dates {
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return fmt.Errorf("%q is no date: write for example 2026-12-25, several with a blank between them", date)
		}
	}
	*d = Dates(strings.Join(dates, " "))
	return nil
}

func (d Dates) has(day time.Time) bool {
	return d != "" && strings.Contains(string(d), day.Format(time.DateOnly))
}

// words are the parts of a list, in small letters.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ',' || r == ' ' })
}
