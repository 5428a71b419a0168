package calendar

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Calendar says when a service is open. It never changes once built, so that
// any number of goroutines may use it. Build one with [New].
type Calendar struct {
	location   *time.Location
	weekly     [7][]Window // by time.Weekday
	holidays   string      // the rule
	exceptions map[dayNumber][]Window

	// What follows is derived from the above.
	exceptional []dayNumber   // the keys of exceptions, in order
	weekOpen    time.Duration // open time of a week without anything special
	weekDays    int           // business days of such a week
}

// never is later than any day.
const never dayNumber = math.MaxInt32

// errNeverOpen is the one mistake that only the whole of a calendar shows.
var errNeverOpen = errors.New("weekly_windows: the calendar is never open; give at least one weekday or one dated exception a window such as [\"09:00\", \"19:00\"]")

// derive completes a calendar whose definition is in place.
func (c *Calendar) derive() (*Calendar, error) {
	c.exceptional = slices.Sorted(maps.Keys(c.exceptions))
	for _, windows := range c.weekly {
		if len(windows) > 0 {
			c.weekDays++
		}
		for _, window := range windows {
			c.weekOpen += window.length()
		}
	}
	open := c.weekDays > 0
	for _, windows := range c.exceptions {
		open = open || len(windows) > 0
	}
	if !open {
		return nil, errNeverOpen
	}
	return c, nil
}

// WithExceptions returns a copy of the calendar in which the given dates have
// the given windows, whatever the calendar said about them before. No window
// means closed all day. Wrong windows are errors that name the date.
func (c *Calendar) WithExceptions(dates map[Date][]Window) (*Calendar, error) {
	copied := &Calendar{
		location:   c.location,
		weekly:     c.weekly,
		holidays:   c.holidays,
		exceptions: make(map[dayNumber][]Window, len(c.exceptions)+len(dates)),
	}
	maps.Copy(copied.exceptions, c.exceptions)

	var wrong []error
	for _, date := range slices.SortedFunc(maps.Keys(dates), Date.Compare) {
		windows := dates[date]
		if err := checkWindows(windows); err != nil {
			wrong = append(wrong, fmt.Errorf("date_exceptions.%s: %w", date, err))
		}
		copied.exceptions[date.number()] = slices.Clone(windows)
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return copied.derive()
}

// Location is the calendar's time zone.
func (c *Calendar) Location() *time.Location { return c.location }

// Date is the date that a wall clock of the calendar's zone shows at t.
func (c *Calendar) Date(t time.Time) Date { return dateOf(t.In(c.location)) }

// Windows returns the opening hours of a date, in order: those of its dated
// exception if it has one, none on a public holiday, those of its weekday
// otherwise.
func (c *Calendar) Windows(d Date) []Window { return slices.Clone(c.windows(d.number())) }

func (c *Calendar) windows(day dayNumber) []Window { return c.windowsUpTo(c.specialFrom(day), day) }

// specialFrom is the first day on or after day whose opening hours do not
// follow from its weekday: a holiday or a dated exception.
func (c *Calendar) specialFrom(day dayNumber) dayNumber {
	first := holidayFrom(c.holidays, day)
	if i, _ := slices.BinarySearch(c.exceptional, day); i < len(c.exceptional) {
		first = min(first, c.exceptional[i])
	}
	return first
}

// windowsUpTo is the windows of a day when the next special day is known.
func (c *Calendar) windowsUpTo(special, day dayNumber) []Window {
	if day < special {
		return c.weekly[day.weekday()]
	}
	return c.exceptions[day] // a mere holiday has none
}

// IsBusinessDay reports whether the date has opening hours. A half day counts
// like any other.
func (c *Calendar) IsBusinessDay(d Date) bool { return len(c.windows(d.number())) > 0 }

// IsOpen reports whether the wall clock reads opening hours at t.
func (c *Calendar) IsOpen(t time.Time) bool {
	t = t.In(c.location)
	at := clockOf(t)
	return slices.ContainsFunc(c.windows(dateOf(t).number()), func(w Window) bool { return w.contains(at) })
}

// Warnings returns what is allowed in a calendar but seldom meant: opening
// hours that begin or end inside the hour which a clock change skips or
// doubles.
func (c *Calendar) Warnings() []string {
	var warnings []string
	look := func(key string, windows []Window) {
		for _, window := range windows {
			for _, edge := range [...]TimeOfDay{window.Opens, window.Closes} {
				if edge > 2*clockHour && edge < 3*clockHour {
					warnings = append(warnings, fmt.Sprintf(
						"%s: %s lies between 02:00 and 03:00, an hour that the clock change skips in spring and doubles in autumn; use 02:00 or 03:00 if you can", key, edge))
				}
			}
		}
	}
	for i := range weekdayNames {
		weekday := (i + 1) % 7 // a working week begins on Monday
		look("weekly_windows."+weekdayNames[weekday], c.weekly[weekday])
	}
	for _, day := range c.exceptional {
		look("date_exceptions."+day.date().String(), c.exceptions[day])
	}
	return warnings
}
