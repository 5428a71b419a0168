package store

import (
	"context"
	"fmt"
	"time"
)

// Now is the time by the clock that all receivers of a database share: the
// server's, or that of this machine where the database is a file.
func (s *Store) Now() time.Time { return time.Now().Add(s.clock.Ahead()) }

// Commits counts what this store has committed.
func (s *Store) Commits() int64 { return s.commits.Load() }

// askClock sets the clock by the server's.
func (s *Store) askClock(ctx context.Context) error {
	var at int64
	begun := time.Now()
	if err := s.server.Row(ctx, "SELECT "+serverNow).Scan(&at); err != nil {
		return fmt.Errorf("database %s: its clock: %w", s.server.Name, err)
	}
	s.clock.Set(begun, time.Now(), time.Unix(0, at))
	return nil
}
