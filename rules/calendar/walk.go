package calendar

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"
)

const (
	// patience is how long a search goes on without meeting opening hours:
	// three years. A calendar shut for longer is taken for a mistake.
	patience dayNumber = 3 * 366

	// lastDay is 31 December 9999, the last day that RFC 3339 can write.
	lastDay dayNumber = 2932896
)

var errBeyondTime = errors.New("the search leaves the years 1 to 9999; use a start and a duration that stay within them")

func errShut(day dayNumber) error {
	return fmt.Errorf("no opening hours in the three years around %s; check the windows and exceptions of the calendar", day.date())
}

// walker goes through the leaves of a calendar in order, and over ordinary
// weeks in one leap. Between two special days, the holidays and the dated
// exceptions, opening hours follow from the weekday alone: a few dozen days of
// a year are looked at, the rest is a multiplication.
type walker struct {
	leaf
	calendar *Calendar
	special  dayNumber // the first special day on or after leaf.day
}

func (c *Calendar) walk(from time.Time) *walker {
	l := c.leafAt(from.Unix())
	return &walker{l, c, c.specialFrom(l.day)}
}

func (w *walker) windows() []Window { return w.calendar.windowsUpTo(w.special, w.day) }

func (w *walker) step() {
	left := w.spell
	w.leaf = w.calendar.next(w.leaf)
	if w.day > w.special || w.spell != left {
		w.special = w.calendar.specialFrom(w.day)
	}
}

// leap passes over whole ordinary weeks, at most so many of them, and returns
// how many it passed. It ends no later than the next special day and the next
// clock change.
func (w *walker) leap(atMost int64) int64 {
	const week = 7 * secondsPerDay
	midnight := w.reads(Midnight)
	if atMost <= 0 || midnight < w.from {
		return 0
	}
	weeks := min(atMost, int64(w.special-w.day)/7, (w.to-midnight)/week)
	w.day += dayNumber(7 * weeks)
	return weeks
}

// EffectiveStart is t if the calendar is open then, and the next opening
// otherwise. It is an error if none comes within three years.
func (c *Calendar) EffectiveStart(t time.Time) (time.Time, error) {
	w := c.walk(t)
	for first := w.day; w.day <= first+patience; w.step() {
		for _, window := range w.windows() {
			if from, to := w.open(window); from < to && t.Before(c.instant(to)) {
				return later(c.instant(from), t.In(c.location)), nil
			}
		}
	}
	return time.Time{}, errShut(c.Date(t).number())
}

// after is the earliest instant with need of open time between start and it.
// Since need is positive, that instant ends open time.
func (c *Calendar) after(start time.Time, need time.Duration) (time.Time, error) {
	w := c.walk(start)
	for lastOpen := w.day; w.day <= lastDay; {
		for _, window := range w.windows() {
			from, to := w.open(window)
			if from >= to {
				continue
			}
			lastOpen = w.day
			opening := later(c.instant(from), start)
			open := max(0, c.instant(to).Sub(opening))
			if need <= open {
				return opening.Add(need).In(c.location), nil
			}
			need -= open
		}
		if w.day > lastOpen+patience {
			return time.Time{}, errShut(lastOpen)
		}
		w.step()
		if c.weekOpen > 0 {
			if weeks := w.leap(int64((need - 1) / c.weekOpen)); weeks > 0 {
				need -= time.Duration(weeks) * c.weekOpen
				lastOpen = w.day
			}
		}
	}
	return time.Time{}, errBeyondTime
}

// openBetween is the open time from one instant until just before another. It
// counts no further than the longest time.Duration, 292 years.
func (c *Calendar) openBetween(from, to time.Time) time.Duration {
	const (
		most = time.Duration(math.MaxInt64)
		week = 7 * secondsPerDay
	)
	var total time.Duration
	for w := c.walk(from); w.day <= lastDay && c.instant(w.begin()).Before(to); {
		for _, window := range w.windows() {
			opens, closes := w.open(window)
			opening, closing := later(c.instant(opens), from), earlier(c.instant(closes), to)
			open := max(0, closing.Sub(opening))
			if open > most-total {
				return most
			}
			total += open
		}
		w.step()
		if c.weekOpen > 0 {
			weeks := w.leap((to.Unix() - w.begin()) / week)
			if weeks > int64((most-total)/c.weekOpen) {
				return most
			}
			total += time.Duration(weeks) * c.weekOpen
		}
	}
	return total
}

// Open yields the stretches of open time from one instant until just before
// another, in order, as their first instant and the first after them. Stretches
// that a midnight or a clock change cuts may come as two that touch.
func (c *Calendar) Open(from, to time.Time) iter.Seq2[time.Time, time.Time] {
	return func(yield func(opens, closes time.Time) bool) {
		for w := c.walk(from); w.day <= lastDay && c.instant(w.begin()).Before(to); w.step() {
			for _, window := range w.windows() {
				opens, closes := w.open(window)
				opening, closing := later(c.instant(opens), from), earlier(c.instant(closes), to)
				if opening.Before(closing) && !yield(opening, closing) {
					return
				}
			}
		}
	}
}

// endsOpenTime is the latest instant, t at most, that ends open time: t itself
// if the calendar is open just before.
func (c *Calendar) endsOpenTime(t time.Time) (time.Time, error) {
	l := c.leafAt(t.Unix())
	for first := l.day; l.day >= first-patience; l = c.previous(l) {
		for _, window := range slices.Backward(c.windows(l.day)) {
			if from, to := l.open(window); from < to && c.instant(from).Before(t) {
				return earlier(c.instant(to), t), nil
			}
		}
	}
	return time.Time{}, errShut(c.Date(t).number())
}

// BusinessDayOnOrAfter is d if it is a business day, and the next one
// otherwise. It is an error if none comes within three years.
func (c *Calendar) BusinessDayOnOrAfter(d Date) (Date, error) {
	return c.AddBusinessDays(d.AddDays(-1), 1)
}

// AddBusinessDays is the n-th business day strictly after d; d itself, business
// day or not, if n is zero. It is an error if n is negative or if three years
// pass without a business day.
func (c *Calendar) AddBusinessDays(d Date, n int) (Date, error) {
	if n < 0 {
		return Date{}, fmt.Errorf("cannot add %d business days; count forward", n)
	}
	day := d.number()
	special := c.specialFrom(day + 1)
	for last := day; n > 0; {
		day++
		if day > special {
			special = c.specialFrom(day)
		}
		if c.weekDays > 0 {
			if weeks := min(int64(special-day)/7, int64((n-1)/c.weekDays)); weeks > 0 {
				day += dayNumber(7 * weeks)
				n -= int(weeks) * c.weekDays
				last = day // each of these weeks had its opening hours
			}
		}
		if len(c.windowsUpTo(special, day)) > 0 {
			last = day
			n--
		}
		if day > last+patience {
			return Date{}, errShut(last)
		}
		if day > lastDay {
			return Date{}, errBeyondTime
		}
	}
	return day.date(), nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
