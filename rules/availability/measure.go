package availability

import (
	"fmt"
	"slices"
	"time"

	"vigie/rules/calendar"
)

// Per says what is allowed a tolerance of its own.
type Per string

// What a tolerance may be for.
const (
	PerMonth  Per = "month"  // all of a calendar month
	PerDay    Per = "day"    // each date
	PerOutage Per = "outage" // each time that the service was down, until it was up again
)

// Pers are all of them.
func Pers() []Per { return []Per{PerMonth, PerDay, PerOutage} }

// Terms are what was agreed on.
type Terms struct {
	// Calendar has the guaranteed hours.
	Calendar *calendar.Calendar
	// Tolerance is how long the service may be down; longer is a breach.
	Tolerance time.Duration
	Per       Per
}

// Span is a span of time, its end excluded.
type Span struct{ From, Until time.Time }

// Figures are what a period came to. All durations are real time inside the
// guaranteed hours; they add up to all of those.
type Figures struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"` // excluded: as far as it was measured

	Up        time.Duration `json:"up"`
	Down      time.Duration `json:"down"`
	Unknown   time.Duration `json:"unknown"`   // not measured
	Announced time.Duration `json:"announced"` // maintenance, whatever the probes said

	// Outages is how often the service was down, Longest the longest time.
	Outages int           `json:"outages"`
	Longest time.Duration `json:"longest"`
	// Worst is what stands against the tolerance: the month's, the worst date's or
	// the longest outage's time.
	Worst     time.Duration `json:"worst"`
	Tolerance time.Duration `json:"tolerance"`
	// Spent are the instants at which a tolerance was used up that was then
	// exceeded: none is no breach.
	Spent []time.Time `json:"spent,omitempty"`
}

// Breached reports whether a tolerance was exceeded.
func (f Figures) Breached() bool { return len(f.Spent) > 0 }

// Month is the calendar month that an instant lies in, in the zone of the
// guaranteed hours: its first instant, and the first of the next.
func (t Terms) Month(at time.Time) (from, until time.Time) {
	d := t.Calendar.Date(at)
	first := calendar.Date{Year: d.Year, Month: d.Month, Day: 1}
	next := calendar.Date{Year: d.Year, Month: d.Month + 1, Day: 1}
	if d.Month == time.December {
		next = calendar.Date{Year: d.Year + 1, Month: time.January, Day: 1}
	}
	return t.Calendar.At(first, calendar.Midnight), t.Calendar.At(next, calendar.Midnight)
}

// settles is how long after a month what was said in it may still arrive.
const settles = time.Hour

// Settled is the last month of which nothing more arrives.
func (t Terms) Settled(now time.Time) (from, until time.Time) {
	until, _ = t.Month(now.Add(-settles))
	from, _ = t.Month(until.Add(-time.Second))
	return from, until
}

// Due are the first instants of the months to be measured now: the running one,
// and before it the one that has just ended.
func (t Terms) Due(now time.Time) []time.Time {
	this, _ := t.Month(now)
	if last, _ := t.Month(now.Add(-settles)); last.Before(this) {
		return []time.Time{last, this}
	}
	return []time.Time{this}
}

// Name is how a month is written: 2026-03.
func (t Terms) Name(at time.Time) string {
	d := t.Calendar.Date(at)
	return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
}

// SameTolerance reports whether two instants at which a tolerance was used up are of
// the same one: what was not known at first may move such an instant a little.
func (t Terms) SameTolerance(a, b time.Time) bool {
	switch t.Per {
	case PerMonth:
		return t.Name(a) == t.Name(b)
	case PerDay:
		return t.Calendar.Date(a) == t.Calendar.Date(b)
	}
	return a.Sub(b).Abs() < max(t.Tolerance, time.Minute)
}

// Measure adds up what is known of a service from one instant until another, which
// for a tolerance of a month should be that month or its beginning. What no stretch
// speaks of is unknown. An announced maintenance counts as itself.
func (t Terms) Measure(known []Stretch, announced []Span, from, until time.Time) Figures {
	return t.measure(known, announced, from, until, false)
}

// MayExceed reports whether the tolerance was used up if the service was down whenever
// nobody measured it.
func (t Terms) MayExceed(known []Stretch, announced []Span, from, until time.Time) bool {
	return len(t.measure(known, announced, from, until, true).Spent) > 0
}

func (t Terms) measure(known []Stretch, announced []Span, from, until time.Time, feared bool) Figures {
	m := meter{Terms: t, Figures: Figures{From: from, Until: until, Tolerance: t.Tolerance}, feared: feared}
	cuts := []time.Time{from, until}
	add := func(begin, end time.Time) { cuts = append(cuts, begin, end) }
	for _, s := range known {
		add(s.From, s.Until)
	}
	for _, s := range announced {
		add(s.From, s.Until)
	}
	for opens, closes := range t.Calendar.Open(from, until) {
		add(opens, closes)
	}
	slices.SortFunc(cuts, time.Time.Compare)
	for i := 0; i+1 < len(cuts); i++ {
		if !cuts[i].Before(from) && cuts[i].Before(until) && cuts[i].Before(cuts[i+1]) {
			m.add(cuts[i], cuts[i+1], stateAt(known, cuts[i]), contains(announced, cuts[i]))
		}
	}
	m.endOutage()
	return m.Figures
}

// meter adds up one span after the other.
type meter struct {
	Terms
	Figures
	feared bool          // what is unknown counts as down
	down   bool          // inside an outage
	seen   time.Duration // of it, so far
	date   calendar.Date // the first of what spent is of
	spent  time.Duration // of the tolerance that runs
}

// add adds a span in which nothing changes.
func (m *meter) add(begin, end time.Time, state State, announced bool) {
	if state == Up {
		m.endOutage()
	}
	if !m.Calendar.IsOpen(begin) {
		return
	}
	length := end.Sub(begin)
	switch {
	case announced:
		m.Announced += length
	case state == Up:
		m.Up += length
	case state == Down || m.feared:
		m.outage(begin, length)
	default:
		m.Unknown += length
	}
}

// outage adds time that the service was down.
func (m *meter) outage(begin time.Time, length time.Duration) {
	if !m.down {
		m.down = true
		m.Outages++
		if m.Per == PerOutage {
			m.spent = 0
		}
	}
	if d := m.begins(begin); m.Per != PerOutage && d != m.date {
		m.date, m.spent = d, 0
	}
	m.Down += length
	m.seen += length
	if before := m.spent; before <= m.Terms.Tolerance && before+length > m.Terms.Tolerance {
		m.Spent = append(m.Spent, begin.Add(m.Terms.Tolerance-before))
	}
	m.spent += length
	m.Worst = max(m.Worst, m.spent)
}

// begins is the first date of the month or of the day that a tolerance is for.
func (m *meter) begins(at time.Time) calendar.Date {
	d := m.Calendar.Date(at)
	if m.Per == PerMonth {
		d.Day = 1
	}
	return d
}

// endOutage says that the service is up. What nobody saw, a closing or a
// maintenance does not end an outage.
func (m *meter) endOutage() {
	m.Longest = max(m.Longest, m.seen)
	m.down, m.seen = false, 0
}

func stateAt(known []Stretch, at time.Time) State {
	i, found := slices.BinarySearchFunc(known, at, func(s Stretch, at time.Time) int { return s.From.Compare(at) })
	if !found {
		i--
	}
	if i < 0 || !at.Before(known[i].Until) {
		return Unknown
	}
	return known[i].State
}

func contains(spans []Span, at time.Time) bool {
	return slices.ContainsFunc(spans, func(s Span) bool { return !at.Before(s.From) && at.Before(s.Until) })
}
