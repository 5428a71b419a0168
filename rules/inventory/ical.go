package inventory

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"vigie/internal/sheet"
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

// CheckICal tells whether an iCalendar file can serve as closed days, or as the rota
// that it is named after. A file that closes no day is refused as well: an export that
// went wrong must not open the days that were closed. The error is of type
// [strict.Faults].
func CheckICal(f strict.File) error {
	if _, rota := RotaOfFile(f.Name); rota {
		_, _, err := readRota(f, time.UTC)
		return err
	}
	in, err := readICal(f, time.UTC)
	if err == nil || in.Events+len(in.Passed) == 0 {
		return err
	}
	// An event from midnight to midnight written in UTC is a whole day in one zone only.
	// Which zone is for the inventory to say: any will do here.
	const hour = 60 * 60
	for offset := -12; offset <= 14; offset++ {
		if _, here := readICal(f, time.FixedZone("", offset*hour)); here == nil {
			return nil
		}
	}
	return err
}

func readICal(f strict.File, zone *time.Location) (ical.Import, error) {
	refuse := func(format string, args ...any) error {
		return strict.Faults{{Position: strict.Position{File: f.Name, Line: 1}, What: fmt.Sprintf(format, args...)}}
	}
	if len(bytes.TrimSpace(f.Text)) == 0 {
		return ical.Import{}, refuse("the file is empty: export the calendar again")
	}
	text, err := sheet.Decode(f.Text)
	if err != nil {
		return ical.Import{}, refuse("%v: export the calendar again, in UTF-8", err)
	}
	in, err := ical.Read(bytes.NewReader(text), zone)
	switch {
	case err != nil:
		return ical.Import{}, refuse("%v", err)
	case len(in.Days) == 0:
		return in, refuse("closes no day: only whole days count; export the calendar again, or take the file away")
	}
	return in, nil
}

// ImportedCalendar is what an iCalendar file came to.
type ImportedCalendar struct {
	Calendar, File string
	ical.Import
}

// Lines say for people how many events of the file closed which days, and which
// events were passed over and why.
func (c ImportedCalendar) Lines() []string {
	out := []string{fmt.Sprintf("%s: %d events close %d days of calendar %s: %s", c.File, c.Events, len(c.Days), c.Calendar, spans(c.Days))}
	const most = 50
	for n, p := range c.Passed {
		if n == most {
			return append(out, fmt.Sprintf("  and %d more events are passed over", len(c.Passed)-most))
		}
		out = append(out, fmt.Sprintf("  passed over: %q, because %s", p.Title, p.Why))
	}
	return out
}

// spans writes days in order, neighbours as one span, and of many the first ones.
func spans(days map[calendar.Date][]calendar.Window) string {
	var out []string
	sorted := slices.SortedFunc(maps.Keys(days), calendar.Date.Compare)
	const most = 40
	for n := 0; n < len(sorted); n++ {
		if len(out) == most {
			return strings.Join(out, ", ") + fmt.Sprintf(" and further ones until %s", sorted[len(sorted)-1])
		}
		first := sorted[n]
		for n+1 < len(sorted) && sorted[n].AddDays(1) == sorted[n+1] {
			n++
		}
		if first == sorted[n] {
			out = append(out, first.String())
		} else {
			out = append(out, first.String()+" to "+sorted[n].String())
		}
	}
	return strings.Join(out, ", ")
}

// imported adds the days of an iCalendar file. What is written under closures
// in any file wins over it, also what is written there for every calendar.
func (l *loader) imported(f strict.File) {
	name, _ := ICalCalendar(f.Name)
	at := strict.Position{File: f.Name, Line: 1}
	if !l.once(at, "calendar "+name, "calendar file "+name) {
		return
	}
	in, err := readICal(f, l.location)
	if err != nil {
		l.note(err)
		return
	}
	l.dir.noteClosure(name, at)
	l.dir.Imported = append(l.dir.Imported, ImportedCalendar{Calendar: name, File: f.Name, Import: in})
	if l.dir.Closures[name] == nil {
		l.dir.Closures[name] = map[calendar.Date][]calendar.Window{}
	}
	for day, windows := range in.Days {
		_, own := l.dir.Closures[name][day]
		_, every := l.dir.Closures[everyCalendar][day]
		if !own && !every {
			l.dir.Closures[name][day] = windows
		}
	}
}
