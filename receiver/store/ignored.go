package store

import (
	"encoding/json"
	"fmt"
	"time"

	"vigie/rules"
)

// Ignore remembers an alert for which no incident is kept, and when it is to be
// offered again if it still fires. It reports whether that is news: the alert
// or the reason was not known.
func (tx *Tx) Ignore(s rules.Signal, reason string, again, now time.Time) (bool, error) {
	was, err := tx.texts(`SELECT reason FROM ignored WHERE fingerprint = ?`, s.Fingerprint)
	if err != nil {
		return false, err
	}
	value, err := json.Marshal(s)
	if err != nil {
		return false, fmt.Errorf("signal %s: %w", s.Fingerprint, err)
	}
	_, err = tx.q.exec(`INSERT INTO ignored (fingerprint, reason, first_at, last_at, again_at, value) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (fingerprint) DO UPDATE SET reason = excluded.reason, last_at = excluded.last_at,
			again_at = excluded.again_at, value = excluded.value`,
		s.Fingerprint, reason, now.UnixNano(), now.UnixNano(), nanos(again), value)
	return len(was) == 0 || was[0] != reason, err
}

// Forget drops an ignored alert, because it fires no more or not in vain.
func (tx *Tx) Forget(fingerprint string) error {
	_, err := tx.q.exec(`DELETE FROM ignored WHERE fingerprint = ?`, fingerprint)
	return err
}

// OfferLater sets when an ignored alert is offered again.
func (tx *Tx) OfferLater(fingerprint string, at time.Time) error {
	_, err := tx.q.exec(`UPDATE ignored SET again_at = ? WHERE fingerprint = ?`, at.UnixNano(), fingerprint)
	return err
}

// OfferedAgain returns ignored alerts whose reason has passed.
func (tx *Tx) OfferedAgain(now time.Time, limit int) ([]rules.Signal, error) {
	values, err := tx.texts(`SELECT value FROM ignored WHERE again_at <= ? ORDER BY again_at LIMIT ?`, now.UnixNano(), limit)
	if err != nil {
		return nil, err
	}
	out := make([]rules.Signal, len(values))
	for i, v := range values {
		if err := json.Unmarshal([]byte(v), &out[i]); err != nil {
			return nil, fmt.Errorf("ignored alert: %w", err)
		}
	}
	return out, nil
}
