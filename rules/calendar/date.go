package calendar

import (
	"cmp"
	"fmt"
	"time"
)

// Date is a civil date, without a time and without a zone. It is comparable
// and may be the key of a map.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads a date written as 2026-03-29.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date of the calendar; write year, month and day like 2026-03-29", text)
	}
	return dateOf(t), nil
}

// dateOf is the date that t shows in its own zone.
func dateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

// String writes the date as 2026-03-29.
func (d Date) String() string {
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText writes the date as [Date.String] does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [ParseDate] reads.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}

// AddDays is the date n days later, or earlier when n is negative.
func (d Date) AddDays(n int) Date { return (d.number() + dayNumber(n)).date() }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.number().weekday() }

// Before reports whether d comes before other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// Compare is negative, zero or positive as d comes before, is, or comes after
// other.
func (d Date) Compare(other Date) int {
	return cmp.Or(
		cmp.Compare(d.Year, other.Year),
		cmp.Compare(d.Month, other.Month),
		cmp.Compare(d.Day, other.Day),
	)
}

// dayNumber counts dates from 1 January 1970, so that tomorrow is plus one and
// the same weekday of next week plus seven.
type dayNumber int64

const secondsPerDay = 24 * 60 * 60

func (d Date) number() dayNumber {
	return dayAt(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix())
}

// dayAt is the day that a clock shows which reads the given number of seconds
// since the beginning of 1970.
func dayAt(reading int64) dayNumber {
	day := reading / secondsPerDay
	if reading%secondsPerDay < 0 {
		day--
	}
	return dayNumber(day)
}

func (n dayNumber) date() Date {
	return dateOf(time.Unix(int64(n)*secondsPerDay, 0).UTC())
}

func (n dayNumber) weekday() time.Weekday {
	const epoch = dayNumber(time.Thursday)
	return time.Weekday(((n+epoch)%7 + 7) % 7)
}
