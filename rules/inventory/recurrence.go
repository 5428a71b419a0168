package inventory

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
	"vigie/rules/calendar"
)

// Recurrence is when a maintenance comes again: on days of the week, of each week or
// of the month's first, second and so on, between two hours of a zone's clock.
type Recurrence struct {
	Weekdays []time.Weekday
	Which    []int              // 1 to 5, -1 for the last of the month; empty for each
	At       calendar.TimeOfDay // when it begins
	Until    calendar.TimeOfDay // when it ends; not after At for the next day
	Zone     *time.Location
}

type recurrenceEntry struct {
	Position strict.Position
	Weekdays []string            `yaml:"weekdays"`
	Which    []int               `yaml:"which"`
	At       *calendar.TimeOfDay `yaml:"at"`
	Until    *calendar.TimeOfDay `yaml:"until"`
	Timezone string              `yaml:"timezone"`
}

func (l *loader) recurrence(e *recurrenceEntry, where string) *Recurrence {
	if e == nil {
		return nil
	}
	r := &Recurrence{Which: e.Which, Zone: l.zone(e.Position, where+".timezone", e.Timezone)}
	if len(e.Weekdays) == 0 {
		l.fault(e.Position, where+".weekdays", "missing: write the days of the week, such as [tuesday]")
	}
	for _, name := range e.Weekdays {
		day := weekdays[strings.ToLower(name)]
		if day == 0 {
			l.fault(e.Position, where+".weekdays", "%q is not a weekday: write monday, tuesday and so on", name)
		}
		r.Weekdays = append(r.Weekdays, time.Weekday(day%7))
	}
	for _, n := range e.Which {
		if n != -1 && (n < 1 || n > 5) {
			l.fault(e.Position, where+".which", "%d is none of a month's: write 1 to 5, or -1 for the last", n)
		}
	}
	for key, at := range map[string]*calendar.TimeOfDay{"at": e.At, "until": e.Until} {
		if at == nil {
			l.fault(e.Position, where+"."+key, `missing: write the hour, such as "22:00"`)
		}
	}
	if e.At != nil && e.Until != nil {
		if r.At, r.Until = *e.At, *e.Until; r.At == calendar.EndOfDay {
			l.fault(e.Position, where+".at", `24:00 is the next day: write "00:00" of that day`)
		}
	}
	return r
}

// zone is the zone of that name, the inventory's for none.
func (l *loader) zone(at strict.Position, where, name string) *time.Location {
	if name == "" {
		return l.location
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		l.fault(at, where, "unknown zone %q: write an IANA name such as %s", name, fleet.DefaultTimezone)
		return l.location
	}
	return zone
}

// on reports whether it begins on a date.
func (r *Recurrence) on(d calendar.Date) bool {
	if !slices.Contains(r.Weekdays, d.Weekday()) {
		return false
	}
	last := d.AddDays(7).Month != d.Month
	return len(r.Which) == 0 || slices.Contains(r.Which, (d.Day-1)/7+1) || last && slices.Contains(r.Which, -1)
}

// span is from when until when it lasts that begins on a date; empty where a clock
// change passes over the whole of it.
func (r *Recurrence) span(d calendar.Date) (from, until time.Time) {
	end := d
	if r.Until <= r.At {
		end = d.AddDays(1)
	}
	return calendar.Instant(r.Zone, d, r.At), calendar.Instant(r.Zone, end, r.Until)
}

// Occurrences are the times of a maintenance that touch a span of time, each as a
// maintenance that comes once.
func (m Maintenance) Occurrences(from, until time.Time) (out []Maintenance) {
	touches := func(f, u time.Time) bool { return f.Before(u) && f.Before(until) && from.Before(u) }
	if m.Every == nil {
		if touches(m.From, m.Until) {
			out = append(out, m)
		}
		return out
	}
	r := m.Every
	for d, last := calendar.DateIn(r.Zone, from).AddDays(-1), calendar.DateIn(r.Zone, until); !last.Before(d); d = d.AddDays(1) {
		if !r.on(d) {
			continue
		}
		f, u := r.span(d)
		if touches(f, u) && !f.Before(m.From) && (m.Until.IsZero() || f.Before(m.Until)) {
			o := m
			o.Every, o.From, o.Until = nil, f, u
			out = append(out, o)
		}
	}
	return out
}

// String says it in the words of the inventory.
func (r *Recurrence) String() string {
	var days []string
	for _, d := range r.Weekdays {
		days = append(days, strings.ToLower(d.String()))
	}
	which := ""
	if len(r.Which) > 0 {
		which = fmt.Sprintf(" %v", r.Which)
	}
	return fmt.Sprintf("%s%s %s-%s %s", strings.Join(days, ", "), which, r.At, r.Until, r.Zone)
}
