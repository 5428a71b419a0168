package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// clock is how far the server's clock is ahead of this machine's.
type clock struct{ ahead atomic.Int64 }

// unsteady is how far the clocks may seem to differ by the time that a question
// takes.
const unsteady = 100 * time.Millisecond

// set notes what the server's clock showed between two instants.
func (c *clock) set(begun, ended, showed time.Time) {
	ahead := showed.Sub(begun.Add(ended.Sub(begun) / 2))
	if was := time.Duration(c.ahead.Load()); (ahead - was).Abs() > max(unsteady, ended.Sub(begun)) {
		c.ahead.Store(int64(ahead))
	}
}

// Now is the time by the clock that all receivers of a database share: the
// server's, or that of this machine where the database is a file.
func (s *Store) Now() time.Time { return time.Now().Add(time.Duration(s.clock.ahead.Load())) }

// Commits counts what this store has committed.
func (s *Store) Commits() int64 { return s.commits.Load() }

// askClock sets the clock by the server's.
func (s *Store) askClock(ctx context.Context, p *postgres) error {
	var at int64
	begun := time.Now()
	if err := p.reader.QueryRowContext(ctx, "SELECT "+serverNow).Scan(&at); err != nil {
		return fmt.Errorf("database %s: its clock: %w", p.name, err)
	}
	s.clock.set(begun, time.Now(), time.Unix(0, at))
	return nil
}
