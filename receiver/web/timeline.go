package web

import (
	"slices"
	"time"

	"vigie/receiver/web/timeline"
	"vigie/rules/inventory"
)

// drawSoon is how far ahead the next step may be to stand on the line of time.
const drawSoon = 3 * 24 * time.Hour

// timeline draws the clocks, what happened and what comes; nil without a calendar.
func (s *site) timeline(o *overview) *timeline.Line {
	cal := s.o.Engine.Book().Calendar(o.Policy, o.Scenario)
	if cal == nil {
		return nil
	}
	now := s.o.Now()
	to, next := now, time.Time{}
	if o.State.Ended() {
		to = firstSet(o.ResolvedAt, now)
	}
	if o.Next != nil && o.Next.At.Before(now.Add(drawSoon)) {
		next = o.Next.At
	}
	var clocks []timeline.Clock
	for _, c := range o.Clocks {
		clocks = append(clocks, timeline.Clock{Target: c.Target, Status: c.Status, Start: c.Start, Due: c.Due, MetAt: c.MetAt})
	}
	var marks []timeline.Mark
	for _, h := range o.History {
		if slices.Contains([]string{"act", "message", "state", "signal", "breach"}, h.Kind) {
			marks = append(marks, timeline.Mark{Kind: h.Kind, At: h.At, What: h.What, Actor: h.Actor})
		}
	}
	for _, st := range o.Steps {
		if st.Status == "due" {
			marks = append(marks, timeline.Mark{Kind: "step", At: st.Due, What: st.Template})
		}
	}
	return timeline.Draw(cal, o.OpenedAt, to, now, clocks, marks, o.State.Ended(), next)
}

// Platform is how a platform is called.
func (v *view) Platform(id string) string { return v.PlatformName(v.book.Directory.PlatformName(id)) }

// Contact is who is phoned about an incident.
func (v *view) Contact(x incidentRow) *inventory.Person { return v.site.contact(x.Customer, x.Machine) }
