// Package heard remembers which deliveries came lately, and which of them change
// nothing but when their alerts were seen last.
package heard

import (
	"cmp"
	"crypto/sha256"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"vigie/rules/incidents"
)

// Sum names a delivery: the hash of its body.
type Sum = [sha256.Size]byte

// Most is how many deliveries are remembered, and mostAlerts how many alerts those have
// whose incidents are: a delivery may have thousands.
const (
	Most       = 16384
	mostAlerts = 1 << 18
)

// halves are the younger and the older half of what is remembered.
type halves[V any] struct {
	young, old map[Sum]V
	alerts     int // of the younger
}

func (h *halves[V]) find(sum Sum) (v V, ok bool) {
	if v, ok = h.young[sum]; !ok {
		v, ok = h.old[sum]
	}
	return v, ok
}

// put remembers a delivery, with what is to be known of so many alerts.
func (h *halves[V]) put(sum Sum, v V, alerts int) {
	if _, known := h.young[sum]; !known {
		if h.young == nil || len(h.young) >= Most/2 || h.alerts+alerts > mostAlerts/2 {
			h.young, h.old, h.alerts = make(map[Sum]V, 64), h.young, 0
		}
		h.alerts += alerts
	}
	h.young[sum] = v
}

// Lately remembers which deliveries have come: a hint, nothing is left out because
// of it. Its zero value has seen none.
type Lately struct {
	mu sync.Mutex
	halves[struct{}]
}

// Seen reports whether a delivery came lately, and remembers that it did.
func (l *Lately) Seen(sum Sum) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, young := l.young[sum]; young {
		return true
	}
	_, known := l.find(sum)
	l.put(sum, struct{}{}, 0)
	return known
}

// buckets are how many things are told apart of which something changed: where two
// share one, a delivery is looked at once more than it need be.
const buckets = 1 << 16

// Repeats remembers the deliveries that said nothing new when they came last, for as
// long as nothing has changed where they belong. It is for the one who writes; nil
// remembers nothing.
type Repeats struct {
	seed   maphash.Seed
	all    uint32
	moves  []uint32
	bodies halves[Repeat]
}

// NewRepeats returns the memory of a writer who begins.
func NewRepeats() *Repeats { return &Repeats{seed: maphash.MakeSeed(), moves: make([]uint32, buckets)} }

// Repeat is what a delivery that came again belongs to.
type Repeat struct {
	// Basis is what it was judged by; any other judges anew.
	Basis any
	// Leads are what its alerts lead to, in their order.
	Leads []incidents.Lead
	// Incidents are the ids of those that hold them. It names whatever fires in each.
	Incidents []string
	// Seen is when it came last.
	Seen time.Time
	// Quiet is until when time changes nothing; zero is for ever.
	Quiet time.Time

	all   uint32
	marks []mark
}

type mark struct{ bucket, move uint32 }

// Spot is where an incident is found, or looked for: by its id, its key, its place.
type Spot struct {
	ID, Key string
	incidents.Place
}

// Of returns what a delivery belongs to that a batch has taken in, by what its
// alerts lead to, and its spots; no incidents when it said anything new.
func Of(b *incidents.Batch, leads []incidents.Lead) (x Repeat, spots []Spot) {
	x = Repeat{Basis: b.Book, Leads: leads, Seen: b.Now}
	for _, t := range b.OnlyRepeated() {
		x.Incidents, spots = append(x.Incidents, t.ID), append(spots, Spot{t.ID, t.Key, t.Place()})
		for _, s := range t.Again {
			spots = append(spots, Spot{Place: incidents.PlaceOf(s.Labels)})
		}
		if at := t.WakeAt; !at.IsZero() && (x.Quiet.IsZero() || at.Before(x.Quiet)) {
			x.Quiet = at // what is to be asked is asked all the same
		}
	}
	if len(x.Incidents) == 0 {
		return x, nil
	}
	for _, l := range leads {
		spots = append(spots, Spot{Key: l.Key})
	}
	return x, spots
}

func (r *Repeats) buckets(s Spot) []uint32 {
	found := make([]uint32, 0, 5)
	for kind, name := range [...][2]string{{s.ID}, {s.Key}, {s.Customer, s.Machine}, {s.Platform}, {s.Host}} {
		if name[1] == "" && (kind == 2 || name[0] == "") {
			continue
		}
		found = append(found, uint32(maphash.Comparable(r.seed, struct {
			kind int
			name [2]string
		}{kind, name})%buckets))
	}
	return found
}

// Moved tells that an incident was written.
func (r *Repeats) Moved(s Spot) {
	if r == nil {
		return
	}
	for _, b := range r.buckets(s) {
		r.moves[b]++
	}
}

// MovedAll tells that any incident may have been written.
func (r *Repeats) MovedAll() {
	if r != nil {
		r.all++
	}
}

// Mark notes as of when a repeat holds: as long as nothing is written at its spots.
func (r *Repeats) Mark(x *Repeat, spots []Spot) {
	x.all = r.all
	for _, s := range spots {
		for _, b := range r.buckets(s) {
			x.marks = append(x.marks, mark{b, r.moves[b]})
		}
	}
	slices.SortFunc(x.marks, func(a, b mark) int { return cmp.Compare(a.bucket, b.bucket) })
	x.marks = slices.Clip(slices.Compact(x.marks))
}

// Keep remembers a delivery, unless it alone is more than is remembered.
func (r *Repeats) Keep(sum Sum, x Repeat) {
	if len(x.Leads) <= mostAlerts/2 {
		r.bodies.put(sum, x, len(x.Leads))
	}
}

// Find returns what a delivery belongs to if it says nothing new: judged by the same
// basis its alerts lead to the same, and nothing has changed there.
func (r *Repeats) Find(sum Sum, basis any, leads []incidents.Lead, now time.Time) (Repeat, bool) {
	if r == nil {
		return Repeat{}, false
	}
	x, known := r.bodies.find(sum)
	if !known || x.all != r.all || x.Basis != basis || !x.Quiet.IsZero() && !x.Quiet.After(now) || now.Before(x.Seen) || !slices.Equal(x.Leads, leads) {
		return x, false
	}
	for _, m := range x.marks {
		if r.moves[m.bucket] != m.move {
			return x, false
		}
	}
	return x, true
}
