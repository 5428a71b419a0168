package calendar

import (
	"fmt"
	"math"
	"time"
)

// Due is the instant, in the calendar's zone, at which a delay that began at
// start ends. It is paused, and has no due instant yet, while a pause without
// an end began before it. It is an error if the duration or a pause is invalid
// or if the calendar has no opening hours where they are needed.
func (c *Calendar) Due(start time.Time, d Duration, pauses []Pause) (due time.Time, paused bool, err error) {
	if err := d.Validate(); err != nil {
		return time.Time{}, false, err
	}
	merged, err := mergePauses(pauses)
	if err != nil {
		return time.Time{}, false, err
	}
	if !writable(start) {
		return time.Time{}, false, errBeyondTime
	}
	due, err = c.unpaused(start, d)
	if err == nil && d.Unit.Pausable() {
		due, paused, err = c.extend(start, due, merged)
	}
	switch {
	case err != nil:
		return time.Time{}, false, fmt.Errorf("%s from %s: %w", d, start.Format(time.RFC3339Nano), err)
	case paused:
		return time.Time{}, true, nil
	case !writable(due):
		return time.Time{}, false, fmt.Errorf("%s from %s: %w", d, start.Format(time.RFC3339Nano), errBeyondTime)
	}
	return due, false, nil
}

// writable reports whether every zone can write t in four digits of year.
func writable(t time.Time) bool {
	year := t.UTC().Year()
	return 1 < year && year < 9999
}

// unpaused is the due instant of a delay that nothing pauses.
func (c *Calendar) unpaused(start time.Time, d Duration) (time.Time, error) {
	switch d.Unit {
	case BusinessHours:
		return c.after(start, d.hours())
	case BusinessDays:
		return c.rolling(start, d.days())
	case CloseOfBusinessDay:
		if d.days() == 0 {
			return c.sameDay(start, d.AtLeast)
		}
		return c.closingAfter(c.Date(start), d.days())
	default: // CalendarDaysThenClose: the day after the eve, or the first business day to follow
		eve := c.Date(start).AddDays(d.days() - 1)
		return c.closingAfter(eve, 1)
	}
}

// rolling is the time of day of the effective start, n business days later, or
// the end of open time before it.
func (c *Calendar) rolling(start time.Time, n int) (time.Time, error) {
	start, err := c.EffectiveStart(start)
	if err != nil {
		return time.Time{}, err
	}
	date, err := c.AddBusinessDays(c.Date(start), n)
	if err != nil {
		return time.Time{}, err
	}
	return c.endsOpenTime(c.at(date.number(), clockOf(start), start.Nanosecond()))
}

// sameDay is the closing of the day of the effective start, or of the next
// business day if less than the given time is left.
func (c *Calendar) sameDay(start time.Time, atLeast *Duration) (time.Time, error) {
	start, err := c.EffectiveStart(start)
	if err != nil {
		return time.Time{}, err
	}
	today := c.Date(start)
	closing, _ := c.Closing(today)
	if atLeast != nil && c.openBetween(start, closing) < atLeast.hours() {
		return c.closingAfter(today, 1)
	}
	return closing, nil
}

// closingAfter is the closing of the n-th business day after a date.
func (c *Calendar) closingAfter(d Date, n int) (time.Time, error) {
	day, err := c.AddBusinessDays(d, n)
	if err != nil {
		return time.Time{}, err
	}
	closing, _ := c.Closing(day)
	return closing, nil
}

// extend moves a due instant by the open time that merged pauses took from it,
// and by that of the pauses it meets on the way.
func (c *Calendar) extend(start, due time.Time, pauses []Pause) (extended time.Time, paused bool, err error) {
	lost := c.pausedBetween(start, due, pauses)
	if lost == 0 {
		return due, false, nil
	}
	if lost == math.MaxInt64 {
		return time.Time{}, false, errTooLongPaused
	}
	from := due
	for _, pause := range pauses {
		if !pause.To.IsZero() && !pause.To.After(from) {
			continue
		}
		running := c.openBetween(from, pause.From)
		if lost <= running {
			break
		}
		if pause.To.IsZero() {
			return time.Time{}, true, nil
		}
		lost -= running
		from = pause.To
	}
	extended, err = c.after(from, lost)
	return extended, false, err
}

// pausedBetween is the open time between two instants that merged pauses take.
func (c *Calendar) pausedBetween(from, to time.Time, pauses []Pause) time.Duration {
	var total time.Duration
	for _, pause := range pauses {
		end := to
		if !pause.To.IsZero() {
			end = earlier(pause.To, to)
		}
		total += c.openBetween(later(pause.From, from), end)
		if total < 0 {
			return math.MaxInt64
		}
	}
	return total
}

// OpenTime is the real time between two instants during which the calendar is
// open and no pause runs. It is zero if to is not after from, and counts no
// further than 292 years. Pauses that end before they begin take nothing.
func (c *Calendar) OpenTime(from, to time.Time, pauses []Pause) time.Duration {
	sound := make([]Pause, 0, len(pauses))
	for _, pause := range pauses {
		if pause.To.IsZero() || pause.To.After(pause.From) {
			sound = append(sound, pause)
		}
	}
	merged, _ := mergePauses(sound) // only unsound pauses are errors
	from = later(from, time.Date(1, time.January, 1, 0, 0, 0, 0, time.UTC))
	return c.openBetween(from, to) - c.pausedBetween(from, to, merged)
}
