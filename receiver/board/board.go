// Package board knows the open incidents without asking the store for each look at
// a list, and tells pages when one has changed.
package board

import (
	"context"
	"math"
	"slices"
	"sync"

	"vigie/receiver/store"
	"vigie/rules/incident"
)

// maxFollowers bounds the pages that are told of changes at the same time.
const maxFollowers = 512

// Board knows the open incidents without asking the store. It is filled when
// somebody first looks, and then follows what is committed.
type Board struct {
	store   *store.Store
	filling sync.Mutex // held by whoever fills it
	mark    int64      // up to where what other processes changed is known

	mu        sync.Mutex
	rows      map[uint32]*Row // by number; nil before the first look
	waiting   []*Row          // committed while it was being filled
	begun     bool
	sorted    []*Row // in the order of lists, as of the last look; what is replaced still among them
	fresh     []*Row // what has come since
	followers map[chan struct{}]func(*incident.Incident) bool
}

// New returns a board that follows a store.
func New(of *store.Store) *Board {
	b := &Board{store: of}
	of.Watch(b.saved)
	return b
}

// saved takes note of an incident that was committed.
func (b *Board) saved(i *incident.Incident) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for f, wants := range b.followers {
		if !wants(i) {
			continue
		}
		select {
		case f <- struct{}{}:
		default: // it knows already
		}
	}
	switch {
	case b.rows != nil:
		b.put(RowOf(i))
	case b.begun:
		b.waiting = append(b.waiting, RowOf(i))
	}
}

func (b *Board) put(r *Row) {
	if old := b.rows[r.number]; old != nil {
		old.replaced = true
		delete(b.rows, r.number)
	}
	if r.State().Ended() {
		r.replaced = true
	} else {
		b.rows[r.number] = r
	}
	b.fresh = append(b.fresh, r)
	if len(b.fresh) > len(b.rows)+mostFresh {
		b.settle()
	}
}

// mostFresh is how many changes are put into order at the latest, beyond one for each row.
const mostFresh = 1024

// settle puts what has come among what is in order. Whoever looks has the list from before.
func (b *Board) settle() {
	if len(b.fresh) == 0 {
		return
	}
	gone := func(r *Row) bool { return r.replaced }
	fresh := slices.DeleteFunc(b.fresh, gone)
	slices.SortFunc(fresh, (*Row).compare)
	all := make([]*Row, 0, len(b.rows))
	for _, r := range b.sorted {
		if gone(r) {
			continue
		}
		for len(fresh) > 0 && fresh[0].compare(r) < 0 {
			all, fresh = append(all, fresh[0]), fresh[1:]
		}
		all = append(all, r)
	}
	b.sorted, b.fresh = append(all, fresh...), nil
}

// Rows are the open incidents, the nearest deadline first and what has none
// last; of one deadline, where no backup works first. Nobody may change them.
func (b *Board) Rows(ctx context.Context) ([]*Row, error) {
	if err := b.fill(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	return b.sorted, nil
}

func (b *Board) fill(ctx context.Context) error {
	b.filling.Lock()
	defer b.filling.Unlock()
	b.mu.Lock()
	filled := b.rows != nil
	b.begun = true
	b.mu.Unlock()
	if filled {
		return nil
	}
	var rows []*Row
	err := b.store.View(ctx, func(tx *store.Tx) (err error) {
		if b.store.Shared() {
			if _, b.mark, err = tx.ChangedSince(math.MaxInt64); err != nil {
				return err
			}
		}
		return tx.EachOpen(func(r *store.Record) error {
			rows = append(rows, RowOf(&r.Incident))
			return nil
		})
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = make(map[uint32]*Row, len(rows))
	for _, r := range slices.Concat(rows, b.waiting) { // what was committed meanwhile is newer
		b.put(r)
	}
	b.waiting = nil
	return nil
}

// Anew reads what other processes have changed, if anybody has looked yet, and
// tells pages.
func (b *Board) Anew(ctx context.Context) error {
	b.filling.Lock()
	defer b.filling.Unlock()
	b.mu.Lock()
	filled := b.rows != nil
	b.mu.Unlock()
	if !filled {
		return nil
	}
	var changed []*store.Record
	err := b.store.View(ctx, func(tx *store.Tx) (err error) {
		changed, b.mark, err = tx.ChangedSince(b.mark)
		return err
	})
	for _, r := range changed {
		b.saved(&r.Incident)
	}
	return err
}

// Follow returns a channel that is told whenever an incident has changed that the
// follower wants to hear of, and how to stop; nil when too many follow already.
// wants is asked while nobody else can look: it must be quick.
func (b *Board) Follow(wants func(*incident.Incident) bool) (changed <-chan struct{}, stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.followers) >= maxFollowers {
		return nil, func() {}
	}
	if b.followers == nil {
		b.followers = map[chan struct{}]func(*incident.Incident) bool{}
	}
	c := make(chan struct{}, 1)
	b.followers[c] = wants
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, c)
	}
}
