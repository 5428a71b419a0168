package store

import (
	"time"
)

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
