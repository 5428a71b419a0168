package inventory

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules/calendar"
	"vigie/rules/calendar/ical"
)

// everyCalendar is the key of closures that hold for all calendars;
// allCalendars is the name of the iCalendar file that says the same, since a
// file cannot well be called *.
const (
	everyCalendar = "*"
	allCalendars  = "all"
)

// ICalCalendar returns the calendar whose closed days stand in a file of that
// name: service_day for inventory/service_day.ics, "*" (every calendar) for
// all.ics. It reports false for a name that does not end in .ics.
func ICalCalendar(file string) (string, bool) {
	base := path.Base(file)
	ext := path.Ext(base)
	if !strings.EqualFold(ext, ".ics") {
		return "", false
	}
	name := strings.TrimSuffix(base, ext)
	if name == allCalendars {
		name = everyCalendar
	}
	return name, true
}

// CheckICal tells whether the text of an iCalendar file can serve as closed
// days. The error is of type [strict.Faults]. A file that closes no day is
// refused as well: what an export that went wrong leaves behind must not open
// the days that were closed.
func CheckICal(f strict.File) error {
	_, err := readICal(f, time.UTC)
	return err
}

func readICal(f strict.File, zone *time.Location) (map[calendar.Date][]calendar.Window, error) {
	refuse := func(format string, args ...any) error {
		return strict.Faults{{Position: strict.Position{File: f.Name, Line: 1}, What: fmt.Sprintf(format, args...)}}
	}
	if len(bytes.TrimSpace(f.Text)) == 0 {
		return nil, refuse("the file is empty: export the calendar again")
	}
	days, err := ical.ImportICal(bytes.NewReader(f.Text), zone)
	switch {
	case err != nil:
		return nil, refuse("%v", err)
	case len(days) == 0:
		return nil, refuse("closes no day: only events that last all day count; export the calendar again, or take the file away")
	}
	return days, nil
}

// imported adds the days of an iCalendar file. What is written under closures
// in any file wins over it, also what is written there for every calendar.
func (l *loader) imported(f strict.File) {
	name, _ := ICalCalendar(f.Name)
	at := strict.Position{File: f.Name, Line: 1}
	if !l.once(at, "calendar "+name, "calendar file "+name) {
		return
	}
	days, err := readICal(f, l.location)
	if err != nil {
		l.note(err)
		return
	}
	l.dir.noteClosure(name, at)
	if l.dir.Closures[name] == nil {
		l.dir.Closures[name] = map[calendar.Date][]calendar.Window{}
	}
	for day, windows := range days {
		_, own := l.dir.Closures[name][day]
		_, every := l.dir.Closures[everyCalendar][day]
		if !own && !every {
			l.dir.Closures[name][day] = windows
		}
	}
}
