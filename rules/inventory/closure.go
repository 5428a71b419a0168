package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"vigie/internal/strict"
	"vigie/rules/calendar"
)

// closureEntry gives a date, or each of a span of dates, other opening hours;
// no windows means closed.
type closureEntry struct {
	At      strict.Position
	Date    *calendar.Date `yaml:"date"`
	From    *calendar.Date `yaml:"from"`
	Until   *calendar.Date `yaml:"until"` // inclusive
	Windows [][2]string    `yaml:"windows"`
	Reason  string         `yaml:"reason"`
}

// maxClosure bounds a span of closed dates; a longer one is a slip of the pen.
const maxClosure = 366

func (l *loader) closures(entries map[string][]*closureEntry) {
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		for i, e := range entries[name] {
			if e == nil {
				continue
			}
			where := fmt.Sprintf("closures.%s[%d]", name, i)
			from, until := e.From, e.Until
			if e.Date != nil && from == nil && until == nil {
				from, until = e.Date, e.Date
			} else if e.Date != nil || from == nil || until == nil {
				l.fault(e.At, where, "write either `date:`, or `from:` and `until:` (both days included)")
				continue
			}
			windows, err := closureWindows(*from, e.Windows)
			if err != nil {
				l.fault(e.At, where+".windows", "%s", err)
				continue
			}
			if until.Before(*from) || from.AddDays(maxClosure).Before(*until) {
				l.fault(e.At, where+".until", "%s is not within a year after %s: mend the dates", until, from)
				continue
			}
			l.close(e.At, where, name, *from, *until, windows)
		}
	}
}

func (l *loader) close(at strict.Position, where, name string, from, until calendar.Date, windows []calendar.Window) {
	l.dir.noteClosure(name, at)
	if l.dir.Closures[name] == nil {
		l.dir.Closures[name] = map[calendar.Date][]calendar.Window{}
	}
	for d := from; !until.Before(d); d = d.AddDays(1) {
		if l.once(at, where+": "+d.String(), "closure "+name+" "+d.String()) {
			l.dir.Closures[name][d] = windows
		}
	}
}

// closureWindows lets the calendar itself check the windows of a date.
func closureWindows(d calendar.Date, pairs [][2]string) ([]calendar.Window, error) {
	c, err := calendar.New(calendar.Definition{
		WeeklyWindows:  map[string][][2]string{"monday": {{"00:00", "24:00"}}},
		DateExceptions: map[string][][2]string{d.String(): pairs},
	})
	if err != nil {
		return nil, err
	}
	return c.Windows(d), nil
}

// noteClosure keeps where a calendar is closed, once for each file.
func (d *Directory) noteClosure(name string, at strict.Position) {
	if d.closedAt == nil {
		d.closedAt = map[string][]strict.Position{}
	}
	if !slices.ContainsFunc(d.closedAt[name], func(p strict.Position) bool { return p.File == at.File }) {
		d.closedAt[name] = append(d.closedAt[name], at)
	}
}

// CheckClosures finds closed days of calendars that are not among the given
// ones, sorted, which would close nothing, and customers who go by such a one. The error is of type [strict.Faults]
// and names the calendars that there are.
func (d *Directory) CheckClosures(calendars []string) error {
	faults := d.calendarFaults(calendars)
	for _, name := range slices.Sorted(maps.Keys(d.closedAt)) {
		if name == everyCalendar || slices.Contains(calendars, name) {
			continue
		}
		for _, at := range d.closedAt[name] {
			faults = append(faults, unknownCalendar(at, name, calendars))
		}
	}
	return faults.Err()
}

func unknownCalendar(at strict.Position, name string, known []string) strict.Fault {
	guess := ""
	if best := strict.Nearest(name, known); best != "" {
		guess = fmt.Sprintf("did you mean %q? ", best)
	}
	all := strings.Join(known, ", ")
	if _, file := ICalCalendar(at.File); file {
		return strict.Fault{Position: at, What: fmt.Sprintf(
			"no policy has a calendar %q, after which this file is named: %sname the file after one of %s, or %s.ics for every calendar",
			name, guess, all, allCalendars)}
	}
	return strict.Fault{Position: at, Path: "closures." + name, What: fmt.Sprintf(
		"no policy has a calendar %q: %swrite one of %s, or %q for every calendar", name, guess, all, everyCalendar)}
}

// ClosuresOf are the dated exceptions of a calendar: its own, and those of every
// calendar.
func (d *Directory) ClosuresOf(name string) map[calendar.Date][]calendar.Window {
	dates := map[calendar.Date][]calendar.Window{}
	maps.Copy(dates, d.Closures[everyCalendar])
	maps.Copy(dates, d.Closures[name])
	return dates
}
