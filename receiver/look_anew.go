package receiver

import (
	"context"
	"sync"
	"time"

	"vigie/receiver/store"
)

// anewAtOnce is how many open incidents are looked at anew between two looks at
// those that are due.
const anewAtOnce = 256

// anew is a look at every open incident, after a start, a reload and a clock that
// was set back. It goes through them by number, beside everything else, and
// writes only what comes out different: nothing of it need outlive the process,
// for a start begins it afresh.
type anew struct {
	mu      sync.Mutex
	pending bool
	after   int // incidents up to this number have been looked at
}

// begin begins it, afresh if it is under way.
func (a *anew) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending, a.after = true, 0
}

// at returns how far it has come, and whether it is under way.
func (a *anew) at() (after int, pending bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.after, a.pending
}

// reached notes that it has come from one number to another, unless it was begun
// afresh meanwhile.
func (a *anew) reached(from, to int, last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.after == from {
		a.after, a.pending = to, !last
	}
}

// lookAnew looks at the next incidents anew. It reports whether some are left.
func (s *scheduler) lookAnew(ctx context.Context, now time.Time) (bool, error) {
	after, pending := s.anew.at()
	if !pending {
		return false, nil
	}
	var ids []string
	upTo := after
	err := s.store.Peek(func(tx *store.Tx) (err error) {
		ids, upTo, err = tx.OpenAfter(after, anewAtOnce)
		return err
	})
	if err != nil {
		return false, err
	}
	if err := s.each(ctx, ids, wakers, now, s.refresh); err != nil {
		return false, err
	}
	s.turns.Progress("tick")
	s.anew.reached(after, upTo, len(ids) < anewAtOnce)
	_, pending = s.anew.at()
	return pending, nil
}

func (s *scheduler) refresh(ctx context.Context, id string, now time.Time) error {
	return s.update(store.Patient(about(ctx, id)), now, func(b *batch) error { return b.Refresh(id) })
}
