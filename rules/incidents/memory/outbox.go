package memory

import (
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/incidents"
)

// outbox is what has been decided to be told and has not left yet.
type outbox struct {
	byBundle   map[string][]*held
	byIncident map[string][]*held
	byID       map[string]*held // those that have left included
	count      int64            // of all that ever came
}

// held is a notification that waits.
type held struct {
	incident.Notification
	position int64 // in the order in which they came
	left     bool
	// together are those of its message, while nobody's server has seen it.
	together []*held
}

func newOutbox() outbox {
	return outbox{byBundle: map[string][]*held{}, byIncident: map[string][]*held{}, byID: map[string]*held{}}
}

// Notify puts a notification into the outbox. The same id twice is one
// notification.
func (s *Store) Notify(n incident.Notification) error {
	o := &s.outbox
	if o.byID[n.ID] != nil {
		return nil
	}
	o.count++
	h := &held{Notification: n, position: o.count}
	o.byID[n.ID] = h
	o.hold(h)
	return nil
}

// Rewrite replaces a notification that is still held, in its place.
func (s *Store) Rewrite(n incident.Notification) error {
	if h := s.outbox.byID[n.ID]; h != nil && !h.left {
		h.Notification = n
	}
	return nil
}

// Withdraw takes a notification back. Of a message that nobody's server has seen
// yet the others are held again: see [Store.Waits].
func (s *Store) Withdraw(id string) error {
	h := s.outbox.byID[id]
	switch {
	case h == nil:
	case !h.left:
		delete(s.outbox.byID, id)
		s.outbox.remove(h)
	default:
		for _, o := range h.together {
			if o.together = nil; o != h {
				s.outbox.hold(o)
			}
		}
	}
	return nil
}

// Waits reports whether a notification that has left is still part of a message that
// nobody's server has seen.
func (s *Store) Waits(id string) bool { h := s.outbox.byID[id]; return h != nil && h.together != nil }

// Offered notes that a message of these notifications was shown to a server: it
// leaves as it is.
func (s *Store) Offered(ns []incident.Notification) {
	for _, n := range ns {
		if h := s.outbox.byID[n.ID]; h != nil {
			h.together = nil
		}
	}
}

func (o *outbox) hold(h *held) {
	h.left = false
	o.byBundle[h.BundleKey] = append(o.byBundle[h.BundleKey], h)
	o.byIncident[h.IncidentID] = append(o.byIncident[h.IncidentID], h)
}

func (o *outbox) remove(h *held) {
	drop := func(index map[string][]*held, key string) {
		index[key] = slices.DeleteFunc(index[key], func(x *held) bool { return x == h })
		if len(index[key]) == 0 {
			delete(index, key)
		}
	}
	drop(o.byBundle, h.BundleKey)
	drop(o.byIncident, h.IncidentID)
}

// NextHold is when the next hold ends; zero when nothing is held.
func (s *Store) NextHold() (at time.Time) {
	for _, hs := range s.outbox.byBundle {
		for _, h := range hs {
			if at.IsZero() || h.HoldUntil.Before(at) {
				at = h.HoldUntil
			}
		}
	}
	return at
}

// DueBundles returns the keys of the bundles whose hold has ended, in the order
// in which they leave, see [incidents.InOrder].
func (s *Store) DueBundles(now time.Time) []string {
	var due []incidents.DueBundle
	for _, hs := range s.outbox.byBundle {
		due = append(due, incidents.DueBundles(waiting(hs), now)...)
	}
	return incidents.InOrder(due, len(due))
}

// Bundle returns the notifications of a bundle that leave now, see
// [incidents.Leaving].
func (s *Store) Bundle(key string, now time.Time) (ns []incident.Notification, whole bool) {
	var about []incidents.Waiting
	seen := map[string]bool{}
	for _, h := range s.outbox.byBundle[key] {
		if !seen[h.IncidentID] {
			seen[h.IncidentID] = true
			about = append(about, waiting(s.outbox.byIncident[h.IncidentID])...)
		}
	}
	leaving, whole := incidents.Leaving(key, about, now, nil)
	for _, w := range leaving {
		ns = append(ns, s.outbox.byID[w.ID].Notification)
	}
	return ns, whole
}

func waiting(hs []*held) []incidents.Waiting {
	ws := make([]incidents.Waiting, len(hs))
	for i, h := range hs {
		ws[i] = incidents.Waiting{ID: h.ID, Incident: h.IncidentID, Bundle: h.BundleKey, HoldUntil: h.HoldUntil, Position: h.position}
	}
	return ws
}

// Leave takes notifications out that have become a message.
func (s *Store) Leave(ns []incident.Notification) {
	var together []*held
	for _, n := range ns {
		if h := s.outbox.byID[n.ID]; h != nil && !h.left {
			h.left = true
			s.outbox.remove(h)
			together = append(together, h)
		}
	}
	for _, h := range together {
		h.together = together
	}
}
