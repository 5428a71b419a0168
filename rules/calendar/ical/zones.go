package ical

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"vigie/rules/calendar"
)

// zones reads the instants of one event as days of the calendar's zone. Exporters
// write one all-day event in many ways: as dates, with or without VALUE=DATE; as
// midnight of a zone that only Windows knows; its exceptions as instants of UTC.
type zones struct {
	calendar *time.Location // whose days are closed
}

// moment reads one value of a property. A date is midnight of its day; an instant
// of UTC or of a zone that is known is told by the calendar's clock; what is
// written in another zone is taken as it stands, because people meant their own
// midnight. It reports whether the value is a date.
func (z zones) moment(prop ical.Prop, value string) (at time.Time, isDate bool, err error) {
	value = strings.TrimSpace(value)
	if i := strings.IndexByte(value, '/'); i >= 0 {
		value = value[:i] // a period: its start
	}
	layout := "20060102T150405"
	switch {
	case len(value) == len("20060102"):
		layout, isDate = "20060102", true
	case strings.HasSuffix(value, "Z"):
		layout = "20060102T150405Z"
	}
	at, err = time.Parse(layout, value)
	if err != nil {
		return at, false, fmt.Errorf("%s: %q is not a date; write it like 20260329", prop.Name, value)
	}
	if strings.HasSuffix(value, "Z") {
		at = clock(at, z.calendar)
	}
	return at, isDate, nil
}

// within refuses days far from now: they are slips of the pen.
func within(prop ical.Prop, at time.Time) error {
	if at.Year() < firstYear || at.Year() > lastYear {
		return fmt.Errorf("%s: %s is not in the years %d to %d; check the year", prop.Name, at.Format(time.DateOnly), firstYear, lastYear)
	}
	return nil
}

// clock gives what a clock of the zone shows, as an instant of UTC.
func clock(at time.Time, zone *time.Location) time.Time {
	_, offset := at.In(zone).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

func midnight(t time.Time) bool { return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 }

func dateOf(t time.Time) calendar.Date {
	year, month, day := t.Date()
	return calendar.Date{Year: year, Month: month, Day: day}
}

// end is when an event ends, whatever the form of its end; without one, a date
// lasts a day and an instant no time.
func (z zones) end(entry ical.Event, first time.Time, wholeDay bool) (time.Time, error) {
	if end := entry.Props.Get(ical.PropDateTimeEnd); end != nil {
		last, _, err := z.moment(*end, end.Value)
		if err != nil {
			return last, fmt.Errorf("its end: %w", err)
		}
		// A part of a closed day is a closed day, and who writes the last minute of a
		// day means its end.
		if !midnight(last) && (wholeDay || last.Hour() == 23 && last.Minute() == 59) {
			last = last.Truncate(day).AddDate(0, 0, 1)
		}
		return last, nil
	}
	if duration := entry.Props.Get(ical.PropDuration); duration != nil {
		d, err := duration.Duration()
		if err != nil {
			return first, fmt.Errorf("its end: %w", err)
		}
		return first.Add(d), nil // by a clock that never changes
	}
	if wholeDay {
		return first.AddDate(0, 0, 1), nil
	}
	return first, nil
}

// dates reads a list of values as days.
func (z zones) dates(prop ical.Prop) ([]calendar.Date, error) {
	var out []calendar.Date
	for text := range strings.SplitSeq(prop.Value, ",") {
		if strings.TrimSpace(text) == "" {
			continue // some write the property, or a comma, and nothing behind it
		}
		at, _, err := z.moment(prop, text)
		if err == nil {
			err = within(prop, at)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, dateOf(at))
	}
	return out, nil
}

var until = regexp.MustCompile(`(?i)(UNTIL=)(\d{8}T\d{6}Z?)`)

// untilAny finds an end that is a date, too.
var untilAny = regexp.MustCompile(`(?i)UNTIL=\d{8}(T\d{6}Z?)?`)

// rule is a recurrence rule whose end is a day of the calendar: an instant of UTC
// may be the evening before.
func (z zones) rule(rule *ical.Prop) *ical.Prop {
	out := ical.NewProp(ical.PropRecurrenceRule)
	out.Value = until.ReplaceAllStringFunc(rule.Value, func(text string) string {
		at, _, err := z.moment(*rule, text[len("UNTIL="):])
		if err != nil {
			return text // the rule's own reader says what is wrong with it
		}
		return "UNTIL=" + at.Format("20060102")
	})
	return out
}
