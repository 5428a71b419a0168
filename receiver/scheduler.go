package receiver

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/receiver/store"
	"vigie/rules/model"
)

const (
	dueAtOnce  = 1000        // due incidents looked up together
	wakers     = 64          // of them decided at the same time: they share commits
	afterFault = time.Minute // until an incident whose decision failed is tried again
)

// scheduler lets incidents decide whose time has come.
type scheduler struct {
	*core
	lookedAt atomic.Int64 // the latest instant at which the clock was looked at
	anew     anew
	// afterSetBack lets other loops forget what a wrong clock told them.
	afterSetBack func()
}

// Run turns until ctx ends.
func (s *scheduler) Run(ctx context.Context) error {
	return s.turns.Run(ctx, "tick", s.live().Timings.Tick, nil, s.turn)
}

// turn lets every incident decide whose time has come, and between that those
// that are to be looked at anew.
func (s *scheduler) turn(ctx context.Context) error {
	for more := true; more; {
		now := s.now()
		if err := s.noticeSetBack(ctx, now); err != nil {
			return err
		}
		var err error
		if more, err = s.lookAnew(ctx, now); err != nil {
			return err
		}
		if err := s.wakeDue(ctx, now); err != nil {
			return err
		}
	}
	for _, line := range s.left.Drain() {
		s.log.Warn(line)
	}
	return nil
}

// wakeDue lets every incident decide whose time has come.
func (s *scheduler) wakeDue(ctx context.Context, now time.Time) error {
	if w, err := s.Due(now); err != nil || !w.Alerts && !w.Incidents {
		return err
	}
	var alerts, incidents bool
	err := s.store.Peek(func(tx *store.Tx) (err error) {
		alerts, incidents, err = tx.AnyDue(now)
		return err
	})
	if err != nil || !alerts && !incidents {
		return err
	}
	if alerts {
		if err := s.offerAgain(ctx, now); err != nil {
			return err
		}
	}
	for {
		var ids []string
		err := s.store.Peek(func(tx *store.Tx) (err error) {
			ids, err = tx.Due(now, dueAtOnce)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := s.each(ctx, ids, wakers, now, s.wakeUp); err != nil || len(ids) < dueAtOnce {
			return err
		}
	}
}

// offerAgain takes in alerts that were ignored for a time and still fire.
func (s *scheduler) offerAgain(ctx context.Context, now time.Time) error {
	var signals []model.Signal
	err := s.store.Peek(func(tx *store.Tx) (err error) {
		signals, err = tx.OfferedAgain(now, dueAtOnce)
		return err
	})
	if err != nil {
		return err
	}
	for _, x := range signals {
		err := s.update(ctx, now, func(b *batch) error {
			if err := b.tx.Forget(x.Fingerprint); err != nil {
				return err
			}
			_, err := b.fire(x, false)
			return err
		})
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			s.metrics.faults.Inc()
			s.log.Error("an alert could not be taken in; it will be offered again", "fingerprint", x.Fingerprint, "err", err)
			err = s.store.Update(ctx, func(tx *store.Tx) error { return tx.OfferLater(x.Fingerprint, now.Add(afterFault)) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each works on several incidents at a time. One that fails for a reason of
// its own is put off and told; a store that cannot write ends the turn.
func (c *core) each(ctx context.Context, ids []string, atOnce int, now time.Time, work func(context.Context, string, time.Time) error) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, id := range ids {
		g.Go(func() error {
			err := work(ctx, id, now)
			if err == nil || errors.Is(err, store.ErrUnavailable) {
				return err
			}
			c.fault(id, err)
			return c.store.Update(ctx, func(tx *store.Tx) error { return tx.Postpone(id, now.Add(afterFault)) })
		})
	}
	return g.Wait()
}

func (c *core) fault(id string, err error) {
	c.metrics.faults.Inc()
	attrs := []any{"incident", id, "err", err}
	var p *store.PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	c.log.Error("an incident could not be decided; it will be tried again", attrs...)
}

func (s *scheduler) wakeUp(ctx context.Context, id string, now time.Time) error {
	return s.update(store.Patient(about(ctx, id)), now, func(b *batch) error { return b.Wake(id) })
}
