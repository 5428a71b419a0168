package calendar

import (
	"fmt"
	"time"
)

// TimeOfDay is what a wall clock reads, in seconds since local midnight. The end
// of a date reads 24:00.
type TimeOfDay int

// Midnight is both ends of a date.
const (
	Midnight    TimeOfDay = 0
	EndOfDay    TimeOfDay = secondsPerDay
	clockHour   TimeOfDay = 60 * clockMinute
	clockMinute TimeOfDay = 60
)

// ParseTimeOfDay reads hours and minutes written as 09:30, up to 24:00.
func ParseTimeOfDay(text string) (TimeOfDay, error) {
	wrong := func() (TimeOfDay, error) {
		return 0, fmt.Errorf("%q is not a time of day; write hours and minutes like 09:30, or 24:00 for the end of the day", text)
	}
	if len(text) != len("15:04") || text[2] != ':' {
		return wrong()
	}
	for _, i := range [...]int{0, 1, 3, 4} {
		if text[i] < '0' || text[i] > '9' {
			return wrong()
		}
	}
	number := func(i int) TimeOfDay { return TimeOfDay(text[i]-'0')*10 + TimeOfDay(text[i+1]-'0') }
	at := number(0)*clockHour + number(3)*clockMinute
	if number(3) > 59 || at > EndOfDay {
		return wrong()
	}
	return at, nil
}

// String writes the clock as 09:30, with seconds only when there are some.
func (c TimeOfDay) String() string {
	text := fmt.Sprintf("%02d:%02d", c/clockHour, c%clockHour/clockMinute)
	if seconds := c % clockMinute; seconds != 0 {
		text += fmt.Sprintf(":%02d", seconds)
	}
	return text
}

// MarshalText writes the clock as [TimeOfDay.String] does.
func (c TimeOfDay) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what [ParseTimeOfDay] reads.
func (c *TimeOfDay) UnmarshalText(text []byte) (err error) {
	*c, err = ParseTimeOfDay(string(text))
	return err
}

// clockOf is what the clock of t's own zone reads, to the whole second.
func clockOf(t time.Time) TimeOfDay {
	hour, minute, second := t.Clock()
	return TimeOfDay(hour)*clockHour + TimeOfDay(minute)*clockMinute + TimeOfDay(second)
}

// Window is a stretch of opening hours on one date: from Opens on, until just
// before Closes.
type Window struct{ Opens, Closes TimeOfDay }

// String writes the window as 09:00-19:00.
func (w Window) String() string { return w.Opens.String() + "-" + w.Closes.String() }

func (w Window) contains(at TimeOfDay) bool { return w.Opens <= at && at < w.Closes }

// length is how long the window lasts on a date without a clock change.
func (w Window) length() time.Duration { return time.Duration(w.Closes-w.Opens) * time.Second }
