package calendar_test

import (
	"testing"
	"time"

	"vigie/rules/calendar"
)

// Ten years of a calendar with lunch breaks, holidays and dated exceptions.
// Beyond 50 µs a page of a thousand open clocks would be felt.
func BenchmarkDueTenYearsAhead(b *testing.B) {
	_, calendars := readVectors(b)
	start := time.Date(2026, time.March, 2, 9, 20, 0, 0, time.UTC)
	for _, bm := range []struct {
		name, calendar, amount string
		unit                   calendar.Unit
	}{
		{"hours", "weekdays_9_19", "25200", calendar.BusinessHours},
		{"hours_with_breaks", "weekdays_with_lunch_break", "18900", calendar.BusinessHours},
		{"hours_with_exceptions", "weekdays_9_19_with_exceptions", "25200", calendar.BusinessHours},
		{"hours_around_the_clock", "always_open", "87600", calendar.BusinessHours},
		{"days", "weekdays_9_19_saturday_9_17", "3000", calendar.BusinessDays},
		{"close", "weekdays_9_19", "2520", calendar.CloseOfBusinessDay},
	} {
		b.Run(bm.name, func(b *testing.B) {
			amount, err := calendar.ParseAmount(bm.amount)
			if err != nil {
				b.Fatal(err)
			}
			delay := calendar.Duration{Amount: amount, Unit: bm.unit}
			c := calendars[bm.calendar]
			due, _, err := c.Due(start, delay, nil)
			if err != nil || due.Year() < 2035 {
				b.Fatalf("due %s, %v: not ten years ahead", due, err)
			}
			for b.Loop() {
				_, _, _ = c.Due(start, delay, nil)
			}
		})
	}
}
