package calendar

import (
	"iter"
	"time"
)

// spell is a stretch of time during which the zone keeps its offset from UTC.
// Inside a spell the wall clock is UTC shifted by a constant, civil arithmetic
// is plain arithmetic, and neither a skipped nor a doubled hour exists: those
// are what lies between two spells.
type spell struct {
	from, to int64 // Unix seconds, to excluded
	offset   int64 // seconds east of UTC
}

// leaf is the part of one date that lies in one spell: the whole date, but for
// the days of a clock change. The leaves of a zone follow each other without
// gap or overlap, whatever its clocks do.
type leaf struct {
	spell
	day dayNumber
}

// forever stands for the end of a spell without end, and its negative for the
// beginning. It leaves room to add an offset.
const forever int64 = 1 << 62

// leafAt is the leaf that contains an instant.
func (c *Calendar) leafAt(unix int64) leaf {
	t := time.Unix(unix, 0).In(c.location)
	_, offset := t.Zone()
	s := spell{-forever, forever, int64(offset)}
	from, to := t.ZoneBounds()
	if !from.IsZero() {
		s.from = from.Unix()
	}
	if !to.IsZero() {
		s.to = to.Unix()
	}
	if s.to <= unix {
		// Beyond the table of a zone, from about 2038 on, ZoneBounds takes all
		// years for 365 days long and ends the spell of a leap year before its
		// last day. Nothing changes on that day: the spell lasts until it ends.
		s.to = (int64(dayAt(unix)) + 1) * secondsPerDay
	}
	return leaf{s, dayAt(unix + s.offset)}
}

// next is the leaf that begins where l ends.
func (c *Calendar) next(l leaf) leaf {
	if l.reads(EndOfDay) < l.to {
		l.day++
		return l
	}
	following := c.leafAt(l.to)
	following.from = l.to
	return following
}

// previous is the leaf that ends where l begins.
func (c *Calendar) previous(l leaf) leaf {
	if l.reads(Midnight) > l.from {
		l.day--
		return l
	}
	preceding := c.leafAt(l.from - 1)
	preceding.to = l.from
	return preceding
}

// leaves yields the leaves of one date in order: usually one, two on the day
// of a clock change, none if the zone skipped the date.
func (c *Calendar) leaves(day dayNumber) iter.Seq[leaf] {
	const furthestOffset = secondsPerDay
	noon := int64(day)*secondsPerDay + secondsPerDay/2
	return func(yield func(leaf) bool) {
		for l := c.leafAt(noon - furthestOffset); l.begin() < noon+furthestOffset; l = c.next(l) {
			if l.day == day && !yield(l) {
				return
			}
		}
	}
}

// reads is the Unix second at which the wall clock reads at, if the spell
// lasts that long.
func (l leaf) reads(at TimeOfDay) int64 { return int64(l.day)*secondsPerDay + int64(at) - l.offset }

func (l leaf) begin() int64 { return max(l.from, l.reads(Midnight)) }
func (l leaf) end() int64   { return min(l.to, l.reads(EndOfDay)) }

// open is the part of a window that the leaf contains. There is none if from
// is not before to.
func (l leaf) open(w Window) (from, to int64) {
	return max(l.from, l.reads(w.Opens)), min(l.to, l.reads(w.Closes))
}

// At is the first instant of a date at which the wall clock reads at or later:
// the first of two in an hour that the clock change doubles, the end of the
// gap in an hour that it skips. 24:00 is the midnight at the end of the date.
func (c *Calendar) At(d Date, at TimeOfDay) time.Time { return c.at(d.number(), at, 0) }

// at also takes nanoseconds past the reading.
func (c *Calendar) at(day dayNumber, at TimeOfDay, nanoseconds int) time.Time {
	for l := c.leafAt(int64(day-1) * secondsPerDay); ; l = c.next(l) {
		switch reading := l.reads(at); {
		case l.day < day:
		case l.day > day || reading < l.begin():
			return c.instant(l.begin())
		case reading < l.end():
			return c.instant(reading).Add(time.Duration(nanoseconds))
		}
	}
}

func (c *Calendar) instant(unix int64) time.Time { return time.Unix(unix, 0).In(c.location) }

// FromOpening is an instant, or the opening of its date where an exception opens that
// later than usual. An hour before the usual opening stays: it was chosen.
func (c *Calendar) FromOpening(at time.Time) time.Time {
	d := c.Date(at)
	if usual := c.weekly[d.number().weekday()]; len(usual) > 0 && at.Before(c.At(d, usual[0].Opens)) {
		return at
	}
	if opens, open := c.Opening(d); open && opens.After(at) {
		return opens
	}
	return at
}

// Opening is the first instant of a date that is open, and false if the date
// is closed.
func (c *Calendar) Opening(d Date) (time.Time, bool) {
	windows := c.windows(d.number())
	if len(windows) == 0 {
		return time.Time{}, false
	}
	for l := range c.leaves(d.number()) {
		for _, window := range windows {
			if from, to := l.open(window); from < to {
				return c.instant(from), true
			}
		}
	}
	// A clock change skipped every window; the gap stands for them.
	return c.At(d, windows[0].Opens), true
}

// Closing is the instant at which the last opening hours of a date end, and
// false if the date is closed.
func (c *Calendar) Closing(d Date) (time.Time, bool) {
	windows := c.windows(d.number())
	if len(windows) == 0 {
		return time.Time{}, false
	}
	closing := c.At(d, windows[len(windows)-1].Closes)
	for l := range c.leaves(d.number()) {
		for _, window := range windows {
			if from, to := l.open(window); from < to {
				closing = c.instant(to)
			}
		}
	}
	return closing, true
}
