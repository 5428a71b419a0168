package memory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vigie/rules"
)

// outbox is what has been decided to be told and has not left yet.
type outbox struct {
	byBundle   map[string][]*held
	byIncident map[string][]*held
	byID       map[string]*held // those that have left included
	count      int              // of all that ever came
}

// held is a notification that waits.
type held struct {
	rules.Notification
	position int // in the order in which they came
	left     bool
}

func newOutbox() outbox {
	return outbox{byBundle: map[string][]*held{}, byIncident: map[string][]*held{}, byID: map[string]*held{}}
}

// Notify puts a notification into the outbox. The same id twice is one
// notification.
func (s *Store) Notify(n rules.Notification) error {
	o := &s.outbox
	if o.byID[n.ID] != nil {
		return nil
	}
	o.count++
	h := &held{Notification: n, position: o.count}
	o.byID[n.ID] = h
	o.byBundle[n.BundleKey] = append(o.byBundle[n.BundleKey], h)
	o.byIncident[n.IncidentID] = append(o.byIncident[n.IncidentID], h)
	return nil
}

// Withdraw takes a notification back, if it is still held.
func (s *Store) Withdraw(id string) error {
	if h := s.outbox.byID[id]; h != nil && !h.left {
		delete(s.outbox.byID, id)
		s.outbox.remove(h)
	}
	return nil
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
// in which they were due.
func (s *Store) DueBundles(now time.Time) []string {
	type bundle struct {
		key      string
		due      time.Time
		position int
	}
	var due []bundle
	for key, hs := range s.outbox.byBundle {
		b := bundle{key: key}
		for _, h := range hs {
			if h.HoldUntil.After(now) {
				continue
			}
			if b.due.IsZero() || h.HoldUntil.Before(b.due) {
				b.due = h.HoldUntil
			}
			if b.position == 0 || h.position < b.position {
				b.position = h.position
			}
		}
		if !b.due.IsZero() {
			due = append(due, b)
		}
	}
	slices.SortFunc(due, func(a, b bundle) int {
		return cmp.Or(a.due.Compare(b.due), a.position-b.position)
	})
	keys := make([]string, len(due))
	for i, b := range due {
		keys[i] = b.key
	}
	return keys
}

// Bundle returns the notifications of a bundle that have not left yet, in the
// order in which they were due; none when none of them is due. One stays behind
// while an earlier one about its incident, which is due no later than itself,
// waits in another bundle, so that nobody reads a story backwards.
func (s *Store) Bundle(key string, now time.Time) []rules.Notification {
	var found []*held
	due := false
	for _, h := range s.outbox.byBundle[key] {
		if s.outbox.behind(h) {
			continue
		}
		found = append(found, h)
		due = due || !h.HoldUntil.After(now)
	}
	if !due {
		return nil
	}
	slices.SortFunc(found, func(a, b *held) int {
		return cmp.Or(a.HoldUntil.Compare(b.HoldUntil), strings.Compare(a.IncidentID, b.IncidentID), a.position-b.position)
	})
	ns := make([]rules.Notification, len(found))
	for i, h := range found {
		ns[i] = h.Notification
	}
	return ns
}

// behind reports whether an earlier notification about the same incident must
// leave first.
func (o *outbox) behind(h *held) bool {
	return slices.ContainsFunc(o.byIncident[h.IncidentID], func(before *held) bool {
		return before.position < h.position && before.BundleKey != h.BundleKey && !before.HoldUntil.After(h.HoldUntil)
	})
}

// Leave takes notifications out that have become a message.
func (s *Store) Leave(ns []rules.Notification) {
	for _, n := range ns {
		if h := s.outbox.byID[n.ID]; h != nil && !h.left {
			h.left = true
			s.outbox.remove(h)
		}
	}
}
