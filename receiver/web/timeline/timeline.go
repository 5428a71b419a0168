// Package timeline draws an incident on a line of time.
package timeline

import (
	"strconv"
	"time"

	"vigie/rules/calendar"

	"vigie/rules/incident"
)

// Line is an incident on a line of time, on which working hours stand out.
// Lengths are in units of a drawing that is width wide.
type Line struct {
	Height int
	Bands  []Span // working hours
	Days   []Mark
	Clocks []Drawn
	Marks  []Mark
	Now    Mark
	From   time.Time
	To     time.Time
}

// Span is a stretch of the line.
type Span struct{ X, W string }

// Mark is an instant on the line.
type Mark struct {
	X     string
	Late  bool   // so near to the right end that words have room on its left only
	Kind  string // opened, act, message, state, step
	At    time.Time
	What  string
	Actor string
}

// Clock is the running of a target.
type Clock struct {
	Target, Status    string
	Start, Due, MetAt time.Time
}

// Drawn is a clock on the line.
type Drawn struct {
	Clock
	X, W string
	Y    int
	Done string // width of what has run
	Text int    // where its words stand
}

const (
	width = 1000
	top   = 30
	row   = 26
	// most is the longest time that is drawn: a longer story shows its end.
	most = 14 * 24 * time.Hour
)

// Draw draws the clocks, what happened and what comes, from a time to one. Bounds are
// further instants that must have room; ended is set when nothing runs any more.
func Draw(cal *calendar.Calendar, from, to, now time.Time, clocks []Clock, marks []Mark, ended bool, bounds ...time.Time) *Line {
	t := &Line{From: from.In(cal.Location()), To: to.In(cal.Location())}
	for _, c := range clocks {
		t.To = incident.Later(t.To, c.Due)
	}
	for _, at := range bounds {
		t.To = incident.Later(t.To, at)
	}
	pad := max(t.To.Sub(t.From)/20, 20*time.Minute)
	t.From, t.To = t.From.Add(-pad), t.To.Add(pad)
	if t.To.Sub(t.From) > most {
		t.From = t.To.Add(-most)
	}
	t.days(cal)
	t.clocks(clocks, now)
	t.Height = top + 8 + max(1, len(t.Clocks))*row + 40
	for _, m := range marks {
		if t.holds(m.At) {
			m.X = t.x(m.At)
			t.Marks = append(t.Marks, m)
		}
	}
	if !ended {
		t.Now = Mark{X: t.x(now), At: now.In(cal.Location())}
	}
	return t
}

func (t *Line) days(cal *calendar.Calendar) {
	for d := cal.Date(t.From); ; d = d.AddDays(1) {
		midnight := cal.At(d, 0)
		if midnight.After(t.To) {
			return
		}
		if midnight.After(t.From) {
			t.Days = append(t.Days, Mark{X: t.x(midnight), At: midnight, Late: t.at(midnight) > .9*width})
		}
		for _, w := range cal.Windows(d) {
			if span, ok := t.span(cal.At(d, w.Opens), cal.At(d, w.Closes)); ok {
				t.Bands = append(t.Bands, span)
			}
		}
	}
}

func (t *Line) clocks(clocks []Clock, now time.Time) {
	for _, c := range clocks {
		if end := incident.Later(c.Due, c.MetAt); c.Start.IsZero() || end.IsZero() {
			continue
		}
		span, ok := t.span(c.Start, c.Due)
		if !ok {
			continue
		}
		x := Drawn{Clock: c, X: span.X, W: span.W, Y: top + 8 + len(t.Clocks)*row, Done: "0"}
		x.Text = x.Y + 12
		until := now
		if !c.MetAt.IsZero() {
			until = c.MetAt
		}
		if until.After(c.Due) {
			until = c.Due
		}
		if run, ok := t.span(c.Start, until); ok {
			x.Done = run.W
		}
		t.Clocks = append(t.Clocks, x)
	}
}

// Bottom is where marks stand.
func (t *Line) Bottom() int { return t.Height - 18 }

func (t *Line) holds(at time.Time) bool { return !at.Before(t.From) && !at.After(t.To) }

func (t *Line) x(at time.Time) string {
	return strconv.FormatFloat(t.at(at), 'f', 1, 64)
}

func (t *Line) at(at time.Time) float64 {
	return width * float64(at.Sub(t.From)) / float64(t.To.Sub(t.From))
}

// span is a stretch of time as far as it is drawn.
func (t *Line) span(from, to time.Time) (Span, bool) {
	from = incident.Later(from, t.From)
	if to.After(t.To) {
		to = t.To
	}
	if !to.After(from) {
		return Span{}, false
	}
	return Span{t.x(from), strconv.FormatFloat(t.at(to)-t.at(from), 'f', 1, 64)}, true
}
