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

// Horizons are how far ahead, at most, the waiting of each kind can end.
type Horizons struct {
	Asked time.Time // a question to Prometheus
	Held  time.Time // a notification
	Sent  time.Time // a transmission
}

// BringForward ends at once every waiting that would last longer than it can:
// it was begun by a clock that has been set back since.
func (tx *Tx) BringForward(now time.Time, h Horizons) error {
	tx.repeats.MovedAll()
	for _, q := range []struct {
		text  string
		limit time.Time
	}{
		{`UPDATE incident SET ask_at = ? WHERE ask_at > ?`, h.Asked},
		{`UPDATE notification SET hold_until = ? WHERE message = '' AND hold_until > ?`, h.Held},
		{`UPDATE transmission SET next_at = ? WHERE next_at > ?`, h.Sent},
	} {
		if _, err := tx.q.Exec(q.text, now.UnixNano(), q.limit.UnixNano()); err != nil {
			return err
		}
	}
	return nil
}
