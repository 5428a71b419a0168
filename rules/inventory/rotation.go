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

// Rotation passes a role from one person to the next by the day or the week.
type Rotation struct {
	Role   string
	People []string // in their order
	Days   int      // of one turn: 1 or 7
	Start  calendar.Date
	At     calendar.TimeOfDay // of the hand-over
	Zone   *time.Location
	Until  time.Time // exclusive; zero for no end
}

type rotationEntry struct {
	Position strict.Position
	Role     string              `yaml:"role"`
	People   []string            `yaml:"people"`
	Every    string              `yaml:"every"`
	Weekday  string              `yaml:"weekday"`
	At       *calendar.TimeOfDay `yaml:"at"`
	Timezone string              `yaml:"timezone"`
	Start    string              `yaml:"start"`
	Until    fleet.Moment        `yaml:"until"`
}

// turnDays are the lengths of a turn.
var turnDays = map[string]int{"day": 1, "week": 7, "": 7}

// maxTurns bounds the people of a rotation.
const maxTurns = 100

func (l *loader) rotations(entries []rotationEntry) {
	for i, e := range entries {
		where := fmt.Sprintf("rotations[%d]", i)
		r := Rotation{Role: e.Role, People: e.People, Days: turnDays[e.Every], Zone: l.zone(e.Position, where+".timezone", e.Timezone), Until: e.Until.End(l.location)}
		if e.Role == "" {
			l.fault(e.Position, where+".role", "missing: write the role of the policy that the people fill")
		}
		if len(e.People) == 0 || len(e.People) > maxTurns {
			l.fault(e.Position, where+".people", "needs between 1 and %d people, in the order of their turns", maxTurns)
		}
		for n, id := range e.People {
			l.person(e.Position, fmt.Sprintf("%s.people[%d]", where, n), id)
		}
		l.oneOf(e.Position, where+".every", e.Every, "week", "day", "")
		l.turnOver(e, where, &r)
		l.seemly(e.Position, where, e.Until)
		if first := calendar.Instant(r.Zone, r.Start, r.At); !r.Until.IsZero() && !first.Before(r.Until) {
			l.fault(e.Position, where+".until", "not after start: mend the dates")
		}
		l.once(e.Position, where, fmt.Sprintf("rotation %s %s", e.Role, e.Start))
		l.dir.filled = append(l.dir.filled, mention{e.Position, where + ".role", e.Role})
		l.dir.Rotations = append(l.dir.Rotations, r)
	}
}

// turnOver takes when a rotation begins and passes on.
func (l *loader) turnOver(e rotationEntry, where string, r *Rotation) {
	if e.At != nil {
		if r.At = *e.At; r.At == calendar.EndOfDay {
			l.fault(e.Position, where+".at", `24:00 is the next day: write "00:00" and begin a day later`)
		}
	}
	var err error
	if r.Start, err = calendar.ParseDate(e.Start); err != nil {
		l.fault(e.Position, where+".start", "%q is not a date: write the day on which the first person's turn begins, such as 2026-11-30", e.Start)
		return
	}
	day := weekdays[strings.ToLower(e.Weekday)]
	switch {
	case e.Weekday == "":
	case day == 0:
		l.fault(e.Position, where+".weekday", "%q is not a weekday: write monday, tuesday and so on", e.Weekday)
	case r.Days == 1:
		l.fault(e.Position, where+".weekday", "a rotation by the day is handed over every day: leave weekday out, or write every: week")
	case int(r.Start.Weekday()) != day%7:
		l.fault(e.Position, where+".start", "%s is a %s, and the hand-over is on %s: begin on %s or %s", r.Start, strings.ToLower(r.Start.Weekday().String()), strings.ToLower(e.Weekday),
			r.Start.AddDays(-((int(r.Start.Weekday()) - day%7 + 7) % 7)), r.Start.AddDays((day%7-int(r.Start.Weekday())+7)%7))
	}
}

// weekdays number the days of the week from 1, Sunday being 7.
var weekdays = map[string]int{"monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6, "sunday": 7}

// exceptions refuses entries of a rota without an end that stand over a rotation or a
// calendar file: its turns would never come.
func (l *loader) exceptions() {
	for _, e := range l.endless {
		what := ""
		if slices.ContainsFunc(l.dir.Rotations, func(r Rotation) bool { return r.Role == e.name }) {
			what = "rotation"
		}
		if slices.ContainsFunc(l.dir.ImportedRotas, func(r ImportedRota) bool { return r.Role == e.name }) {
			what = "calendar file"
		}
		if what != "" {
			l.fault(e.at, e.path+".until", "without an end this entry hides the %s of %s for ever: write until:, or take the entry away", what, e.name)
		}
	}
}

// rotation is the one that fills a role at an instant: of those that have begun the
// one that begins last; nil for none.
func (d *Directory) rotation(role string, at time.Time) *Rotation {
	var found *Rotation
	for i := range d.Rotations {
		r := &d.Rotations[i]
		if r.Role != role || at.Before(r.handOver(0)) || found != nil && !r.handOver(0).After(found.handOver(0)) {
			continue
		}
		found = r
	}
	if found != nil && !found.Until.IsZero() && !at.Before(found.Until) {
		return nil
	}
	return found
}

// handOver is when the turn of that number begins, counted from 0.
func (r *Rotation) handOver(turn int) time.Time {
	return calendar.Instant(r.Zone, r.Start.AddDays(turn*r.Days), r.At)
}

// number is the turn that an instant falls into; negative before the first.
func (r *Rotation) number(at time.Time) int {
	days := r.Start.DaysUntil(calendar.DateIn(r.Zone, at))
	n := days / r.Days
	if days < 0 {
		n = (days - r.Days + 1) / r.Days
	}
	if at.Before(r.handOver(n)) {
		n--
	}
	return n
}

// Person is whose turn it is at an instant after the start.
func (r *Rotation) Person(at time.Time) string {
	if len(r.People) == 0 {
		return ""
	}
	n := len(r.People)
	return r.People[(r.number(at)%n+n)%n]
}

// turn is when the turn of an instant began and when the next begins; before the
// start begun is zero.
func (r *Rotation) turn(at time.Time) (begun, next time.Time) {
	n := r.number(at)
	if n < 0 {
		return time.Time{}, r.handOver(0)
	}
	return r.handOver(n), r.handOver(n + 1)
}
