// Package ical reads closed days from iCalendar files, such as the company
// closures and school holidays that people already keep in their calendars, and
// who is on duty from those of a rota.
package ical

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"vigie/rules/calendar"
)

// Limits of one file. Beyond them it is an error, never a part of the file.
const (
	maxBytes = 4 << 20
	maxDays  = 20_000
)

const day = 24 * time.Hour

// The years that an event may lie in. A recurrence without an end is followed
// to the last.
const (
	firstYear = 1900
	lastYear  = 2099
)

// Import is what an iCalendar file comes to.
type Import struct {
	// Days are the closed days.
	Days map[calendar.Date][]calendar.Window
	// Events is how many events close days.
	Events int
	// Passed are the events that close none.
	Passed []Passed
}

// Passed is an event that closes no day.
type Passed struct{ Title, Why string }

// Read reads the all-day events, each without windows: as the exceptions of a calendar
// they are closed days; of an event with times the days that lie wholly inside it. Recurring
// events are followed until 2099. Events without a whole day, and cancelled ones, are passed
// over. Dates are read in the given zone.
func Read(r io.Reader, loc *time.Location) (in Import, err error) {
	// The libraries index past the end of some broken lines and rules; what a
	// stranger's file contains must not stop the program.
	defer func() {
		if broken := recover(); broken != nil {
			in, err = Import{}, fmt.Errorf("the file is not a sound iCalendar (%v); export it again", broken)
		}
	}()
	return importICal(r, loc)
}

func importICal(r io.Reader, loc *time.Location) (Import, error) {
	entries, err := decode(r)
	if err != nil {
		return Import{}, err
	}
	var events []event
	for _, entry := range entries {
		if entry.outdated {
			events = append(events, event{title: title(entry.Event), passed: "a newer revision of it stands in the file"})
			continue
		}
		e, err := readEvent(entry.Event, loc)
		if err != nil {
			return Import{}, fmt.Errorf("event %q: %w", title(entry.Event), err)
		}
		if entry.cancelled {
			e.starts, e.passed = nil, "the file cancels it"
		}
		events = append(events, e)
	}
	days, err := closedDays(events)
	return summary(days, events), err
}

// decode reads all events of a file, within bounds.
func decode(r io.Reader) ([]entry, error) {
	limited := &io.LimitedReader{R: withoutMark(r), N: maxBytes + 1}
	decoder := ical.NewDecoder(limited)
	var out []entry
	for {
		file, err := decoder.Decode()
		if limited.N <= 0 {
			return nil, fmt.Errorf("the calendar file is larger than %d MiB; export a shorter period", maxBytes>>20)
		}
		if errors.Is(err, io.EOF) {
			outdate(out)
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the file is not an iCalendar: %w; export it again", err)
		}
		method := file.Props.Get(ical.PropMethod)
		for _, e := range file.Events() {
			out = append(out, entry{Event: e, cancelled: method != nil && strings.EqualFold(method.Value, "CANCEL")})
		}
	}
}

// withoutMark drops a byte order mark, which editors on Windows put before the text.
func withoutMark(r io.Reader) io.Reader {
	buffered := bufio.NewReader(r)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = buffered.Discard(len(mark)) // they are buffered
	}
	return buffered
}

// summary tells which events closed days and which were passed over, and why.
func summary(days map[calendar.Date][]calendar.Window, events []event) Import {
	out := Import{Days: days}
	for _, e := range events {
		if e.passed != "" {
			out.Passed = append(out.Passed, Passed{e.title, e.passed})
			continue
		}
		out.Events++
	}
	return out
}

// event is an all-day event, once or again and again. One with times has no
// days.
type event struct {
	title   string
	uid     string
	instead *calendar.Date  // the occurrence of the same uid that this replaces
	onwards bool            // it replaces all later ones as well
	after   int             // how many days after it begins its first whole day is
	days    int             // how many whole days it lasts
	starts  []calendar.Date // its occurrences
	passed  string          // why it closes no day; empty when it does
}

func title(entry ical.Event) string {
	if summary := entry.Props.Get(ical.PropSummary); summary != nil {
		return summary.Value
	}
	return "without a summary"
}

func readEvent(entry ical.Event, loc *time.Location) (event, error) {
	e := event{title: title(entry)}
	if uid := entry.Props.Get(ical.PropUID); uid != nil {
		e.uid = uid.Value
	}
	zones := zones{loc}
	if moved := entry.Props.Get(ical.PropRecurrenceID); moved != nil {
		dates, err := zones.dates(*moved)
		if err != nil {
			return event{}, err
		}
		if len(dates) == 0 {
			return event{}, fmt.Errorf("%s is empty; export the calendar again", ical.PropRecurrenceID)
		}
		e.instead = &dates[0]
		e.onwards = strings.EqualFold(moved.Params.Get(ical.ParamRange), "THISANDFUTURE")
	}
	start := entry.Props.Get(ical.PropDateTimeStart)
	if start == nil {
		return event{}, errors.New("it has no DTSTART; give it a first day")
	}
	if status := entry.Props.Get(ical.PropStatus); status != nil && strings.EqualFold(status.Value, string(ical.EventCancelled)) {
		e.passed = "it is cancelled"
		return e, nil
	}
	if observance(entry) {
		e.passed = "Google lists it as an observance, not as a public holiday"
		return e, nil
	}
	first, wholeDay, err := zones.moment(*start, start.Value)
	if err == nil {
		err = within(*start, first)
	}
	if err != nil {
		return event{}, err
	}
	last, err := zones.end(entry, first, wholeDay)
	if err != nil {
		return event{}, err
	}
	if !wholeDay && saysWholeDay(entry) {
		first, last = first.Round(day), last.Round(day)
	}
	opens := first.Add(day - 1).Truncate(day) // by a clock that never changes
	if !wholeDay && !last.Truncate(day).After(opens) {
		e.passed = "it lasts no whole day"
		return e, nil
	}
	e.after = between(dateOf(first), dateOf(opens))
	if e.days, err = length(dateOf(opens), dateOf(last)); err != nil {
		return event{}, err
	}
	e.starts, err = zones.occurrences(entry, dateOf(first))
	return e, err
}

// observance reports that an event of Google's calendars of public holidays is none, such
// as Saint Valentine's Day: whatever the language, a second line of its description says
// where in Google Calendar one hides those.
func observance(entry ical.Event) bool {
	description := entry.Props.Get(ical.PropDescription)
	if description == nil {
		return false
	}
	_, hint, _ := strings.Cut(description.Value, `\n`)
	return strings.Contains(hint, "Google") && strings.Contains(hint, " > ")
}

// saysWholeDay reports what Outlook and others write beside the times of an event
// of whole days: midnight where its author was, told in UTC.
func saysWholeDay(entry ical.Event) bool {
	for _, name := range []string{"X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT", "X-FUNAMBOL-ALLDAY"} {
		if said := entry.Props.Get(name); said != nil && (strings.EqualFold(said.Value, "TRUE") || said.Value == "1") {
			return true
		}
	}
	return false
}

// length counts the days from the first to the last, which is not closed itself.
func length(first, last calendar.Date) (int, error) {
	for days := 1; days <= maxDays; days++ {
		if !first.AddDays(days).Before(last) {
			return days, nil
		}
	}
	return 0, fmt.Errorf("it lasts more than %d days; check its end", maxDays)
}

// occurrences are the first days of an event and its repetitions.
func (z zones) occurrences(entry ical.Event, first calendar.Date) ([]calendar.Date, error) {
	except := make(map[calendar.Date]bool)
	if err := z.eachDate(entry, ical.PropExceptionDates, func(d calendar.Date) { except[d] = true }); err != nil {
		return nil, err
	}
	spared, err := z.followed(entry, "EXRULE", first)
	if err != nil {
		return nil, err
	}
	for _, d := range spared {
		except[d] = true
	}
	starts := []calendar.Date{first}
	if err := z.eachDate(entry, ical.PropRecurrenceDates, func(d calendar.Date) { starts = append(starts, d) }); err != nil {
		return nil, err
	}
	repeated, err := z.repetitions(entry, first)
	if written := z.written(entry); err == nil && written != first && (len(repeated) == 0 || repeated[0] != first) {
		// The rule's weekdays may be meant as the start is written: in UTC, where it
		// is still the evening before.
		repeated, err = z.inUTC(entry, written, first, repeated)
	}
	if err != nil {
		return nil, err
	}
	var kept []calendar.Date
	for _, start := range append(starts, repeated...) {
		if !except[start] {
			kept = append(kept, start)
		}
	}
	return kept, nil
}

func (z zones) repetitions(entry ical.Event, first calendar.Date) ([]calendar.Date, error) {
	return z.followed(entry, ical.PropRecurrenceRule, first)
}

// followed are the days that all rules of one name give: RRULE, of which older
// programs write several, or EXRULE, with which they take days out again.
func (z zones) followed(entry ical.Event, name string, first calendar.Date) (all []calendar.Date, _ error) {
	for i := range entry.Props[name] {
		days, err := z.follow(&entry.Props[name][i], first)
		if err != nil {
			return nil, err
		}
		all = append(all, days...)
	}
	return all, nil
}

func (z zones) follow(rule *ical.Prop, first calendar.Date) ([]calendar.Date, error) {
	for _, finer := range []string{"SECONDLY", "MINUTELY", "HOURLY"} {
		if strings.Contains(strings.ToUpper(rule.Value), finer) {
			return nil, fmt.Errorf("RRULE %s repeats an all-day event within a day; use FREQ=DAILY or longer", rule.Value)
		}
	}
	start := ical.NewProp(ical.PropDateTimeStart)
	start.SetDate(time.Date(first.Year, first.Month, first.Day, 0, 0, 0, 0, time.UTC))
	times, err := recurrence{written: rule.Name + " " + rule.Value, rule: z.rule(rule), start: start,
		last: time.Date(lastYear, time.December, 31, 0, 0, 0, 0, time.UTC), most: maxDays, of: "days"}.all()
	dates := make([]calendar.Date, len(times))
	for i, t := range times {
		year, month, day := t.Date()
		dates[i] = calendar.Date{Year: year, Month: month, Day: day}
	}
	return dates, err
}

// written is the day of an event's start as it stands in the file.
func (z zones) written(entry ical.Event) calendar.Date {
	start := entry.Props.Get(ical.PropDateTimeStart)
	at, _, err := zones{time.UTC}.moment(*start, start.Value)
	if err != nil {
		return calendar.Date{}
	}
	return dateOf(at)
}

// inUTC follows a rule by the days of UTC, if the event's start is one of them,
// and gives the calendar's own days; otherwise what was found before.
func (z zones) inUTC(entry ical.Event, written, first calendar.Date, before []calendar.Date) ([]calendar.Date, error) {
	dates, err := z.repetitions(entry, written)
	if err != nil || len(dates) == 0 || dates[0] != written {
		return before, err
	}
	shift := 1
	if first.Before(written) {
		shift = -1
	}
	for n := range dates {
		dates[n] = dates[n].AddDays(shift)
	}
	return dates, nil
}

func (z zones) eachDate(entry ical.Event, name string, do func(calendar.Date)) error {
	for _, prop := range entry.Props.Values(name) {
		dates, err := z.dates(prop)
		if err != nil {
			return err
		}
		for _, date := range dates {
			do(date)
		}
	}
	return nil
}

// closedDays unfolds events into their days. An event that stands in for an
// occurrence of another takes that occurrence away, or moves it and all later ones.
func closedDays(events []event) (map[calendar.Date][]calendar.Window, error) {
	instead := map[string][]event{}
	for _, e := range events {
		if e.instead != nil {
			instead[e.uid] = append(instead[e.uid], e)
		}
	}
	closed := make(map[calendar.Date][]calendar.Window)
	closeDays := func(e event, start calendar.Date) error {
		for n := range e.days {
			closed[start.AddDays(e.after+n)] = nil
		}
		if len(closed) > maxDays {
			return fmt.Errorf("event %q: the file closes more than %d days; export a shorter period", e.title, maxDays)
		}
		return nil
	}
	for _, e := range events {
		for _, start := range e.starts {
			by := e
			if e.instead == nil {
				by, start = standIn(e, start, instead[e.uid])
			}
			if err := closeDays(by, start); err != nil {
				return nil, err
			}
		}
	}
	return closed, nil
}

// standIn is what becomes of an occurrence: itself, nothing (an event without
// days) where another event says what is on that day, or a later one moved as the
// last event was that stands for it and all that follow.
func standIn(e event, start calendar.Date, instead []event) (event, calendar.Date) {
	by, at := e, start
	var from calendar.Date
	for _, other := range instead {
		switch {
		case *other.instead == start:
			return event{}, start
		case other.onwards && other.instead.Before(start) && !other.instead.Before(from):
			if from, by = *other.instead, other; len(other.starts) > 0 {
				at = start.AddDays(between(from, other.starts[0]))
			}
		}
	}
	return by, at
}

// between counts the days from one date to another.
func between(from, to calendar.Date) int {
	noon := func(d calendar.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC) }
	return int(noon(to).Sub(noon(from)) / day)
}
