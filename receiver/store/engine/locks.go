package engine

import (
	"fmt"
	"hash/fnv"
	"slices"

	"vigie/rules/incidents"
)

// LockOf is the number of the lock that stands for a handle; negative, so that it
// is never that of the writers. Every version must have the same ones.
func LockOf(h incidents.Handle) int64 {
	sum := fnv.New64a()
	for _, part := range []string{h.Kind, h.Customer, h.Name} {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return int64(sum.Sum64() | 1<<63)
}

// Want is what a transaction has to lock.
type Want struct {
	// Alone is the whole database.
	Alone     bool
	Locks     []int64
	Handles   []incidents.Handle
	Incidents []string // ids; everything by which they are found
}

// Sorted are the locks in the order in which everybody takes them.
func (w *Want) Sorted() []int64 {
	slices.Sort(w.Locks)
	return slices.Compact(w.Locks)
}

// Sharing is what a transaction has locked that others run beside.
type Sharing struct {
	Locks map[int64]bool
	// Empty are those by which no incident is found.
	Empty map[incidents.Handle]bool
	// Lacks is what an update was about beyond its scope; Alone says that this is
	// everything.
	Lacks []incidents.Handle
	Alone bool
}

// ErrBeyond ends an update that is about more than it has locked.
var ErrBeyond = fmt.Errorf("%w: it is about more than it said", ErrUnavailable)

// Beyond reports whether the latest update was about more than is locked.
func (s *Sharing) Beyond() bool { return s != nil && (s.Alone || len(s.Lacks) > 0) }
