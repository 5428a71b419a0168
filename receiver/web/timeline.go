package web

import (
	"slices"
	"strconv"
	"time"

	"vigie/rules"
)

// timeline is an incident on a line of time, on which working hours stand out.
// Lengths are in units of a drawing that is timelineWidth wide.
type timeline struct {
	Height int
	Bands  []timeSpan // working hours
	Days   []timeMark
	Clocks []timeClock
	Marks  []timeMark
	Now    timeMark
	From   time.Time
	To     time.Time
}

type timeSpan struct{ X, W string }

type timeMark struct {
	X     string
	Late  bool   // so near to the right end that words have room on its left only
	Kind  string // opened, act, message, state, step
	At    time.Time
	What  string
	Actor string
}

type timeClock struct {
	clockRow
	X, W string
	Y    int
	Done string // width of what has run
	Text int    // where its words stand
}

const (
	timelineWidth = 1000
	timelineTop   = 30
	timelineRow   = 26
	// timelineMost is the longest time that is drawn: a longer story shows its end.
	timelineMost = 14 * 24 * time.Hour
)

// timeline draws the clocks, what happened and what comes; nil without a calendar.
func (s *site) timeline(o *overview) *timeline {
	cal := s.o.Engine.Book().Calendar(o.Policy, o.Scenario)
	if cal == nil {
		return nil
	}
	now := s.o.Now().In(cal.Location())
	t := &timeline{From: o.OpenedAt.In(cal.Location()), To: now}
	if o.State.Ended() {
		t.To = later(o.ResolvedAt, now)
	}
	for _, c := range o.Clocks {
		t.To = latest(t.To, c.Due)
	}
	if o.Next != nil && o.Next.At.Before(now.Add(3*24*time.Hour)) {
		t.To = latest(t.To, o.Next.At)
	}
	pad := max(t.To.Sub(t.From)/20, 20*time.Minute)
	t.From, t.To = t.From.Add(-pad), t.To.Add(pad)
	if t.To.Sub(t.From) > timelineMost {
		t.From = t.To.Add(-timelineMost)
	}
	for d := cal.Date(t.From); ; d = d.AddDays(1) {
		midnight := cal.At(d, 0)
		if midnight.After(t.To) {
			break
		}
		if midnight.After(t.From) {
			t.Days = append(t.Days, timeMark{X: t.x(midnight), At: midnight, Late: t.at(midnight) > .9*timelineWidth})
		}
		for _, w := range cal.Windows(d) {
			if span, ok := t.span(cal.At(d, w.Opens), cal.At(d, w.Closes)); ok {
				t.Bands = append(t.Bands, span)
			}
		}
	}
	t.draw(o, now)
	return t
}

func (t *timeline) draw(o *overview, now time.Time) {
	for _, c := range o.Clocks {
		end := latest(c.Due, c.MetAt)
		if c.Start.IsZero() || end.IsZero() {
			continue
		}
		span, ok := t.span(c.Start, c.Due)
		if !ok {
			continue
		}
		x := timeClock{clockRow: c, X: span.X, W: span.W, Y: timelineTop + 8 + len(t.Clocks)*timelineRow, Done: "0"}
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
	t.Height = timelineTop + 8 + max(1, len(t.Clocks))*timelineRow + 40
	kinds := []string{"act", "message", "state", "signal", "breach"}
	for _, h := range o.History {
		if slices.Contains(kinds, h.Kind) && t.holds(h.At) {
			t.Marks = append(t.Marks, timeMark{X: t.x(h.At), Kind: h.Kind, At: h.At, What: h.What, Actor: h.Actor})
		}
	}
	for _, st := range o.Steps {
		if st.Status == "due" && t.holds(st.Due) {
			t.Marks = append(t.Marks, timeMark{X: t.x(st.Due), Kind: "step", At: st.Due, What: st.Template})
		}
	}
	if !o.State.Ended() {
		t.Now = timeMark{X: t.x(now), At: now}
	}
}

// Bottom is where marks stand.
func (t *timeline) Bottom() int { return t.Height - 18 }

func (t *timeline) holds(at time.Time) bool { return !at.Before(t.From) && !at.After(t.To) }

func (t *timeline) x(at time.Time) string {
	return strconv.FormatFloat(t.at(at), 'f', 1, 64)
}

func (t *timeline) at(at time.Time) float64 {
	return timelineWidth * float64(at.Sub(t.From)) / float64(t.To.Sub(t.From))
}

// span is a stretch of time as far as it is drawn.
func (t *timeline) span(from, to time.Time) (timeSpan, bool) {
	from = latest(from, t.From)
	if to.After(t.To) {
		to = t.To
	}
	if !to.After(from) {
		return timeSpan{}, false
	}
	return timeSpan{t.x(from), strconv.FormatFloat(t.at(to)-t.at(from), 'f', 1, 64)}, true
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// platformOf is how a platform is called.
func (v *view) Platform(id string) string {
	if p := v.book.Directory.Platforms[id]; p != nil && p.Name != "" {
		return p.Name
	}
	return id
}

// Contact is who is phoned about an incident.
func (v *view) Contact(x incidentRow) *rules.Person { return v.site.contact(x.Customer, x.Machine) }
