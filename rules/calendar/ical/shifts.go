package ical

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"vigie/rules/calendar"
)

// The bounds of a rota's file. A recurrence without an end is followed to the last
// year.
const (
	maxShifts    = 20_000
	lastRotaYear = 2049
)

// Shift is a time during which an event names who is on duty.
type Shift struct {
	Title string
	// Who are the addresses of the event's attendees.
	Who         []string
	From, Until time.Time
}

// Shifts returns what the events of a rota say, in the order of their beginnings; of
// two that begin at once the later one of the file comes last. A time without a zone,
// or in one whose name no clock here knows, is read by the given zone's clock; the
// latter names are returned. Events of whole days last from midnight to midnight.
// Cancelled ones say nothing.
func Shifts(r io.Reader, loc *time.Location) (shifts []Shift, strange []string, err error) {
	defer func() { // the libraries index past the end of some broken lines and rules
		if broken := recover(); broken != nil {
			shifts, strange, err = nil, nil, fmt.Errorf("the file is not a sound iCalendar (%v); export it again", broken)
		}
	}()
	entries, err := decode(r)
	if err != nil {
		return nil, nil, err
	}
	rota := rotaReader{zone: loc, replaced: map[string][]time.Time{}}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return e.cancelled || e.outdated })
	for _, take := range []func(ical.Event) error{rota.replaces, rota.event} {
		for _, e := range entries {
			if err := take(e.Event); err != nil {
				return nil, nil, fmt.Errorf("event %q: %w", title(e.Event), err)
			}
		}
	}
	slices.SortStableFunc(rota.shifts, func(a, b Shift) int { return a.From.Compare(b.From) })
	return rota.shifts, rota.strange, nil
}

// rotaReader gathers the shifts of a file.
type rotaReader struct {
	zone     *time.Location
	replaced map[string][]time.Time // occurrences that other events stand for, by uid
	shifts   []Shift
	strange  []string // zones that are not known
}

func uid(entry ical.Event) string {
	if p := entry.Props.Get(ical.PropUID); p != nil {
		return p.Value
	}
	return ""
}

// replaces notes the occurrence that an event stands for, also when it is cancelled.
func (r *rotaReader) replaces(entry ical.Event) error {
	moved := entry.Props.Get(ical.PropRecurrenceID)
	if moved == nil {
		return nil
	}
	if strings.EqualFold(moved.Params.Get(ical.ParamRange), "THISANDFUTURE") {
		return errors.New("it changes all later occurrences at once, which is not read; end the series there and begin another, and export again")
	}
	at, err := r.read(*moved, moved.Value)
	if err != nil {
		return err
	}
	r.replaced[uid(entry)] = append(r.replaced[uid(entry)], at.instant())
	return nil
}

// wall is what a clock of a zone shows, written as an instant of UTC.
type wall struct {
	time.Time
	zone *time.Location
	date bool
}

func (w wall) instant() time.Time {
	if w.zone == time.UTC {
		return w.Time
	}
	return calendar.Instant(w.zone, dateOf(w.Time), calendar.TimeOfDay(w.Hour()*3600+w.Minute()*60+w.Second()))
}

// read reads one value of a property.
func (r *rotaReader) read(prop ical.Prop, value string) (wall, error) {
	at, isDate, err := zones{time.UTC}.moment(prop, value)
	if err == nil {
		err = within(prop, at)
	}
	w := wall{at, r.zone, isDate}
	name := strings.Trim(prop.Params.Get(ical.ParamTimezoneID), `"`)
	switch {
	case strings.HasSuffix(strings.TrimSpace(value), "Z"):
		w.zone = time.UTC
	case name != "" && !isDate:
		if zone, unknown := time.LoadLocation(strings.TrimPrefix(name, "/")); unknown == nil {
			w.zone = zone
		} else if !slices.Contains(r.strange, name) {
			r.strange = append(r.strange, name)
		}
	}
	return w, err
}

// event takes an event and its repetitions.
func (r *rotaReader) event(entry ical.Event) error {
	start := entry.Props.Get(ical.PropDateTimeStart)
	if start == nil {
		return errors.New("it has no DTSTART; give it a beginning")
	}
	if status := entry.Props.Get(ical.PropStatus); status != nil && strings.EqualFold(status.Value, string(ical.EventCancelled)) {
		return nil
	}
	first, err := r.read(*start, start.Value)
	if err != nil {
		return err
	}
	last, err := r.end(entry, first)
	if err != nil {
		return err
	}
	if !last.instant().After(first.instant()) {
		return errors.New("it lasts no time; give it an end")
	}
	starts, err := r.starts(entry, first)
	if err != nil {
		return err
	}
	lasts := last.Sub(first.Time) // by a clock that never changes, so that hand-overs keep to theirs
	if last.zone != first.zone {
		lasts = clock(last.instant(), first.zone).Sub(first.Time)
	}
	for _, at := range starts {
		begins := wall{at, first.zone, first.date}
		ends := wall{at.Add(lasts), first.zone, first.date}
		if slices.ContainsFunc(r.unwanted(entry), begins.instant().Equal) {
			continue
		}
		if len(r.shifts) == maxShifts {
			return fmt.Errorf("the file has more than %d shifts; export a shorter period, or give the series an end", maxShifts)
		}
		r.shifts = append(r.shifts, Shift{Title: title(entry), Who: attendees(entry), From: begins.instant(), Until: ends.instant()})
	}
	return nil
}

// unwanted are the occurrences of a series that other events stand for; an event that
// stands for one has none itself.
func (r *rotaReader) unwanted(entry ical.Event) []time.Time {
	if entry.Props.Get(ical.PropRecurrenceID) != nil {
		return nil
	}
	return r.replaced[uid(entry)]
}

// end is when an event ends; a date without an end lasts a day.
func (r *rotaReader) end(entry ical.Event, first wall) (wall, error) {
	if end := entry.Props.Get(ical.PropDateTimeEnd); end != nil {
		return r.read(*end, end.Value)
	}
	out := first
	if duration := entry.Props.Get(ical.PropDuration); duration != nil {
		d, err := duration.Duration()
		out.Time = first.Add(d)
		return out, err
	}
	if first.date {
		out.Time = first.AddDate(0, 0, 1)
	}
	return out, nil
}

// starts are the beginnings of an event and its repetitions, by its own clock.
func (r *rotaReader) starts(entry ical.Event, first wall) ([]time.Time, error) {
	except, err := r.list(entry, ical.PropExceptionDates, first.zone)
	if err != nil {
		return nil, err
	}
	starts := []time.Time{first.Time}
	also, err := r.list(entry, ical.PropRecurrenceDates, first.zone)
	if err != nil {
		return nil, err
	}
	starts = append(starts, also...)
	repeated, err := r.repetitions(entry, first)
	if err != nil {
		return nil, err
	}
	starts = append(starts, repeated...)
	slices.SortFunc(starts, time.Time.Compare)
	starts = slices.CompactFunc(starts, time.Time.Equal)
	return slices.DeleteFunc(starts, func(t time.Time) bool { return slices.ContainsFunc(except, t.Equal) }), nil
}

// list reads a property's values as a zone's clock shows them.
func (r *rotaReader) list(entry ical.Event, name string, zone *time.Location) (out []time.Time, err error) {
	for _, prop := range entry.Props.Values(name) {
		for text := range strings.SplitSeq(prop.Value, ",") {
			if strings.TrimSpace(text) == "" {
				continue
			}
			at, err := r.read(prop, text)
			if err != nil {
				return nil, err
			}
			if at.zone != zone {
				at.Time = clock(at.instant(), zone)
			}
			out = append(out, at.Time)
		}
	}
	return out, nil
}

func (r *rotaReader) repetitions(entry ical.Event, first wall) ([]time.Time, error) {
	rule := entry.Props.Get(ical.PropRecurrenceRule)
	if rule == nil {
		return nil, nil
	}
	for _, finer := range []string{"SECONDLY", "MINUTELY"} {
		if strings.Contains(strings.ToUpper(rule.Value), finer) {
			return nil, fmt.Errorf("RRULE %s repeats a shift within an hour; use FREQ=HOURLY or longer", rule.Value)
		}
	}
	start := ical.NewProp(ical.PropDateTimeStart)
	start.SetDateTime(first.Time)
	return recurrence{written: rule.Name + " " + rule.Value, rule: r.until(rule, first.zone), start: start,
		last: time.Date(lastRotaYear, time.December, 31, 23, 59, 59, 0, time.UTC), most: maxShifts, of: "shifts"}.all()
}

// until is a recurrence rule whose end is told by the event's own clock; a date
// includes its day.
func (r *rotaReader) until(rule *ical.Prop, zone *time.Location) *ical.Prop {
	out := ical.NewProp(ical.PropRecurrenceRule)
	out.Value = untilAny.ReplaceAllStringFunc(rule.Value, func(text string) string {
		at, err := r.read(*rule, text[len("UNTIL="):])
		if err != nil {
			return text // the rule's own reader says what is wrong with it
		}
		switch {
		case at.date:
			at.Time = at.Add(day - time.Second)
		case at.zone == time.UTC:
			at.Time = clock(at.Time, zone)
		}
		return "UNTIL=" + at.Format("20060102T150405Z")
	})
	return out
}

// attendees are the addresses of those who take part.
func attendees(entry ical.Event) []string {
	var out []string
	for _, p := range entry.Props.Values(ical.PropAttendee) {
		if address, is := strings.CutPrefix(strings.ToLower(p.Value), "mailto:"); is {
			out = append(out, address)
		}
	}
	return out
}
