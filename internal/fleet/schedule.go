package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Schedule is when a plan starts, as far as an inventory says it: for products
// that do not tell their next run. The zero value says nothing.
type Schedule struct {
	Days     Days          `yaml:"days"`     // on which it starts; none means every day
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
	if s.Days == 0 && !s.Starts.said {
		return time.Time{}
	}
	if start.IsZero() || start.After(end) {
		start = end
	}
	first, served := start.In(zone), end.Add(earlyStart)
	for n := range farthest {
		midnight := time.Date(first.Year(), first.Month(), first.Day()+n, 0, 0, 0, 0, zone)
		if !s.Days.has(midnight.Weekday()) || s.Except.has(midnight) {
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
