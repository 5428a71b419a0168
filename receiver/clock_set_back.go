package receiver

import (
	"context"
	"fmt"
	"time"

	"vigie/receiver/outbox"
	"vigie/receiver/store"
	"vigie/rules"
)

const (
	// setBack is how far the clock goes back before it counts as set back; less
	// delays what is due by no more than that.
	setBack = 30 * time.Second
	// askedWithin is longer than any pause between two questions to Prometheus.
	askedWithin = time.Hour
)

// noticeSetBack notices that the clock was set back. Instants that were set by the
// wrong clock may lie a year ahead; nothing may wait for them.
func (s *scheduler) noticeSetBack(ctx context.Context, now time.Time) error {
	last := time.Unix(0, s.lookedAt.Load())
	if by := last.Sub(now); by > setBack {
		s.log.Warn("the clock was set back: everything is looked at anew", "by", by)
		err := s.store.Update(ctx, func(tx *store.Tx) error { return foreshorten(tx, s.Book(), s.live().Timings.RetryMost, now) })
		if err != nil {
			return fmt.Errorf("after the clock was set back: %w", err)
		}
		s.anew.begin()
		s.afterSetBack()
	}
	s.lookedAt.Store(now.UnixNano())
	return nil
}

// foreshorten brings forward what would wait for longer than anything does.
func foreshorten(tx *store.Tx, book *rules.Book, retry time.Duration, now time.Time) error {
	return tx.BringForward(now, store.Horizons{Asked: now.Add(askedWithin), Held: now.Add(book.LongestHold()), Sent: now.Add(max(retry, outbox.LeaseFor))})
}
