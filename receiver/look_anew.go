package receiver

import (
	"context"
	"sync"
	"time"

	"vigie/receiver/leavers"
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
	after   int          // incidents up to this number have been looked at
	left    leavers.List // who had some of them, and is in no inventory any more
}

// begin begins it, afresh if it is under way.
func (a *anew) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending, a.after, a.left = true, 0, leavers.List{}
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

// gaveBack notes an incident of somebody who has left.
func (a *anew) gaveBack(who string, number int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left.Add(who, number)
}

// leavers tells of them once all has been looked at.
func (a *anew) leavers() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	lines := a.left.Lines()
	a.left = leavers.List{}
	return lines
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
	if _, pending = s.anew.at(); !pending {
		for _, line := range s.anew.leavers() {
			s.log.Warn(line)
		}
	}
	return pending, nil
}

func (s *scheduler) refresh(ctx context.Context, id string, now time.Time) error {
	return s.update(ctx, now, func(b *batch) error {
		t, err := b.Load(id)
		if err != nil {
			return err
		}
		had := t.Assignee
		err = b.Refresh(id)
		if left := b.Book.Directory.Left(had); err == nil && had != "" && left && t.Assignee != had {
			b.tx.AfterCommit(func() { s.anew.gaveBack(had, t.Number) })
		}
		return err
	})
}
