// Package memory keeps incidents in memory, as the simulator needs it: the same
// questions and answers as the database's, without one.
package memory

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// Store keeps incidents and the outbox. The zero value is not usable; see [New].
type Store struct {
	all       []*incidents.Record // by number
	byID      map[string]*incidents.Record
	open      []*incidents.Record // by number
	byHandle  map[incidents.Handle][]*incidents.Record
	byAlert   map[string][]*incidents.Record // every incident that an alert ever was of
	members   map[string][]*incidents.Record // by the common incident's id
	blinding  []*incidents.Record
	common    []*incidents.Record
	number    int
	wakes     wakes
	ignored   map[string]ignored
	nextOffer time.Time

	outbox outbox
}

// row is what the store knows of a record as it was last saved.
type row struct {
	handles []incidents.Handle
	open    bool
	blinds  bool
	outage  string
	wakeAt  time.Time
	alerts  map[string]bool
}

type ignored struct {
	signal model.Signal
	reason string
	again  time.Time
	first  time.Time
}

// New returns an empty store.
func New() *Store {
	return &Store{byID: map[string]*incidents.Record{}, byHandle: map[incidents.Handle][]*incidents.Record{}, byAlert: map[string][]*incidents.Record{},
		members: map[string][]*incidents.Record{}, ignored: map[string]ignored{}, outbox: newOutbox()}
}

// All returns every incident, by number.
func (s *Store) All() []*incidents.Record { return s.all }

// Open returns the open incidents, by number.
func (s *Store) Open() []*incidents.Record { return s.open }

// Incident returns one incident by its id.
func (s *Store) Incident(id string) (*incidents.Record, error) {
	if r := s.byID[id]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("incident %q: %w", id, incidents.ErrNotFound)
}

func byNumber(a, b *incidents.Record) int { return a.Number - b.Number }

// Candidates returns the incidents that a signal of that key and place may
// belong to.
func (s *Store) Candidates(key string, p incidents.Place, since time.Time) ([]*incidents.Record, error) {
	var found []*incidents.Record
	for _, h := range incidents.Handles(key, p) {
		for _, r := range s.byHandle[h] {
			if (!r.State.Ended() || r.ResolvedAt.After(since)) && !slices.Contains(found, r) {
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, byNumber)
	return found, nil
}

// OnMachine returns the open incidents of a machine, but for one.
func (s *Store) OnMachine(customer, machine, except string) ([]*incidents.Record, error) {
	if machine == "" {
		return nil, nil
	}
	return slices.DeleteFunc(s.openOf(incidents.Handle{Kind: incidents.OfMachine, Customer: customer, Name: machine}), func(r *incidents.Record) bool { return r.ID == except }), nil
}

// OpenWithKey returns the open incidents of a key.
func (s *Store) OpenWithKey(key string) ([]*incidents.Record, error) {
	return s.openOf(incidents.Handle{Kind: incidents.OfKey, Name: key}), nil
}

func (s *Store) openOf(handle incidents.Handle) []*incidents.Record {
	var found []*incidents.Record
	for _, r := range s.byHandle[handle] {
		if !r.State.Ended() {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, byNumber)
	return found
}

// Blinding returns the open incidents about sources that cannot be read.
func (s *Store) Blinding() ([]*incidents.Record, error) { return s.blinding, nil }

// Common returns the open incidents that are failures common to others.
func (s *Store) Common() ([]*incidents.Record, error) {
	return s.common, nil
}

// Lately shows the open incidents whose episode began at since or later, and
// those that are part of a common one.
func (s *Store) Lately(since time.Time, each func(*incidents.Record) error) error {
	for _, r := range s.open {
		began := r.OpenedAt
		if at := r.Raised["opening"].At; !at.IsZero() {
			began = at
		}
		if !began.Before(since) || r.Outage != "" {
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// MembersOf returns the incidents that are part of a common one.
func (s *Store) MembersOf(common string) ([]*incidents.Record, error) {
	found := slices.Clone(s.members[common])
	slices.SortFunc(found, byNumber)
	return found, nil
}

// WithAlert returns the ids of open incidents in which an alert fires.
func (s *Store) WithAlert(x model.Signal) ([]string, error) {
	var ids []string
	for _, r := range s.byAlert[x.Fingerprint] {
		if a := r.Alerts[x.Fingerprint]; a != nil && a.Firing && !r.State.Ended() {
			ids = append(ids, r.ID)
		}
	}
	return ids, nil
}

// NextNumber gives out the next running number of incidents.
func (s *Store) NextNumber() (int, error) {
	s.number++
	return s.number, nil
}

// NewRecord returns the record of an incident that is not stored yet.
func (s *Store) NewRecord(inc incident.Incident) *incidents.Record {
	return &incidents.Record{Incident: inc}
}

// Append drops an incident's journal: who wants it takes it from the decisions.
func (s *Store) Append(*incidents.Record, []incident.Entry) error { return nil }

// AppendSystem drops the journal of what belongs to no incident.
func (s *Store) AppendSystem(...incident.Entry) error { return nil }

// Save keeps a record.
func (s *Store) Save(r *incidents.Record) error {
	known, _ := r.Row.(*row)
	if known == nil {
		known = &row{alerts: map[string]bool{}}
		r.Row, s.byID[r.ID] = known, r
		s.all = insert(s.all, r)
	}
	s.saveHandles(r, known)
	for fp := range r.Alerts {
		if !known.alerts[fp] {
			known.alerts[fp] = true
			s.byAlert[fp] = append(s.byAlert[fp], r)
		}
	}
	if is := !r.State.Ended(); is != known.open {
		known.open = is
		s.open = put(s.open, r, is)
		if r.Entry == string(model.CorrelatedSignal) {
			s.common = put(s.common, r, is)
		}
	}
	if is := r.Blinds && known.open; is != known.blinds {
		known.blinds = is
		s.blinding = put(s.blinding, r, is)
	}
	if r.Outage != known.outage {
		if known.outage != "" {
			s.members[known.outage] = put(s.members[known.outage], r, false)
		}
		if known.outage = r.Outage; r.Outage != "" {
			s.members[r.Outage] = put(s.members[r.Outage], r, true)
		}
	}
	if !r.WakeAt.Equal(known.wakeAt) {
		s.wake(r, known)
	}
	return nil
}

func (s *Store) saveHandles(r *incidents.Record, known *row) {
	now := incidents.Handles(r.Key, r.Place())
	if slices.Equal(now, known.handles) {
		return
	}
	for _, h := range known.handles {
		if !slices.Contains(now, h) {
			s.byHandle[h] = slices.DeleteFunc(s.byHandle[h], func(o *incidents.Record) bool { return o == r })
		}
	}
	for _, h := range now {
		if !slices.Contains(known.handles, h) {
			s.byHandle[h] = append(s.byHandle[h], r)
		}
	}
	known.handles = now
}

func (s *Store) wake(r *incidents.Record, known *row) {
	if known.wakeAt = r.WakeAt; !r.WakeAt.IsZero() {
		heap.Push(&s.wakes, wake{r.WakeAt, r})
	}
}

func put(rs []*incidents.Record, r *incidents.Record, in bool) []*incidents.Record {
	if in {
		return insert(rs, r)
	}
	if i, found := slices.BinarySearchFunc(rs, r, byNumber); found {
		return slices.Delete(slices.Clone(rs), i, i+1)
	}
	return rs
}

func insert(rs []*incidents.Record, r *incidents.Record) []*incidents.Record {
	i, found := slices.BinarySearchFunc(rs, r, byNumber)
	if found {
		return rs
	}
	if i == len(rs) {
		return append(rs, r)
	}
	return slices.Insert(slices.Clone(rs), i, r)
}

// WakeSource wakes every open incident with a firing alert from the source, and
// every one that waits for the proof of its end.
func (s *Store) WakeSource(source string, now time.Time) error {
	for _, r := range s.open {
		if r.State == model.Unverified {
			s.wakeWith(r, incidents.WakeRelated, now)
			continue
		}
		for _, a := range r.Alerts {
			if a.Firing && (source == "" || a.Labels[model.LabelSource] == source) {
				s.wakeWith(r, incidents.WakeRelated, now)
				break
			}
		}
	}
	return nil
}

// WakeOpen wakes every open incident, with [incident.Refreshed].
func (s *Store) WakeOpen(now time.Time) {
	for _, r := range s.open {
		s.wakeWith(r, incidents.WakeRefreshed, now)
	}
}

func (s *Store) wakeWith(r *incidents.Record, with string, now time.Time) {
	r.WakeAt, r.WakeWith = now, with
	s.wake(r, r.Row.(*row))
}

// NextWake is when the next incident is to be woken; zero when none is.
func (s *Store) NextWake() time.Time {
	for len(s.wakes) > 0 {
		if w := s.wakes[0]; w.record.WakeAt.Equal(w.at) {
			return w.at
		}
		heap.Pop(&s.wakes)
	}
	return time.Time{}
}

// Due returns the id of the incident that has waited for its waking the longest,
// or "" when none is due at an instant.
func (s *Store) Due(now time.Time) string {
	if at := s.NextWake(); at.IsZero() || at.After(now) {
		return ""
	}
	return heap.Pop(&s.wakes).(wake).record.ID
}

// Ignore remembers an alert for which no incident is kept.
func (s *Store) Ignore(signal model.Signal, reason string, again, now time.Time) (bool, error) {
	was, known := s.ignored[signal.Fingerprint]
	if known {
		now = was.first
	}
	s.ignored[signal.Fingerprint] = ignored{signal, reason, again, now}
	s.planOffer()
	return !known || was.reason != reason, nil
}

// Forget drops an ignored alert.
func (s *Store) Forget(fingerprint string) error {
	if _, known := s.ignored[fingerprint]; known {
		delete(s.ignored, fingerprint)
		s.planOffer()
	}
	return nil
}

func (s *Store) planOffer() {
	s.nextOffer = time.Time{}
	for _, i := range s.ignored {
		if !i.again.IsZero() && (s.nextOffer.IsZero() || i.again.Before(s.nextOffer)) {
			s.nextOffer = i.again
		}
	}
}

// NextOffer is when an ignored alert is to be offered again; zero for never.
func (s *Store) NextOffer() time.Time { return s.nextOffer }

// OfferedAgain returns the ignored alerts whose reason has passed, those that wait
// longest first.
func (s *Store) OfferedAgain(now time.Time) []model.Signal {
	if s.nextOffer.IsZero() || s.nextOffer.After(now) {
		return nil
	}
	var due []ignored
	for _, i := range s.ignored {
		if !i.again.IsZero() && !i.again.After(now) {
			due = append(due, i)
		}
	}
	slices.SortFunc(due, func(a, b ignored) int {
		return cmp.Or(a.again.Compare(b.again), a.first.Compare(b.first), strings.Compare(a.signal.Fingerprint, b.signal.Fingerprint))
	})
	signals := make([]model.Signal, len(due))
	for n, i := range due {
		signals[n] = i.signal
	}
	return signals
}

// wake is when an incident waits for time to pass.
type wake struct {
	at     time.Time
	record *incidents.Record
}

// wakes orders by instant, then by opening.
type wakes []wake

func (h wakes) Len() int { return len(h) }
func (h wakes) Less(i, j int) bool {
	return cmp.Or(h[i].at.Compare(h[j].at), byNumber(h[i].record, h[j].record)) < 0
}
func (h wakes) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *wakes) Push(x any)   { *h = append(*h, x.(wake)) }
func (h *wakes) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	*h = (*h)[:last]
	return w
}
