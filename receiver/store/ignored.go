package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/near"
	"vigie/rules/model"
)

// Ignore remembers an alert for which no incident is kept, and when it is to be
// offered again if it still fires. It reports whether that is news: the alert
// or the reason was not known.
func (tx *Tx) Ignore(s model.Signal, reason string, again, now time.Time) (bool, error) {
	if err := tx.locked(AlertHandle(s.Fingerprint)); err != nil {
		return false, err
	}
	tx = tx.beside()
	was, err := tx.texts(`SELECT reason FROM ignored WHERE fingerprint = ?`, s.Fingerprint)
	if err != nil {
		return false, err
	}
	value, err := json.Marshal(s)
	if err != nil {
		return false, fmt.Errorf("signal %s: %w", s.Fingerprint, err)
	}
	_, err = tx.q.Exec(`INSERT INTO ignored (fingerprint, reason, first_at, last_at, again_at, value) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (fingerprint) DO UPDATE SET reason = excluded.reason, last_at = excluded.last_at,
			again_at = excluded.again_at, value = excluded.value`,
		s.Fingerprint, reason, now.UnixNano(), now.UnixNano(), nanos(again), value)
	return len(was) == 0 || was[0] != reason, err
}

// Ignored is an alert that fires and for which no incident is kept.
type Ignored struct {
	model.Signal
	Reason string
	Since  time.Time // when it began, as far as anybody knows
}

// Ignored returns the alerts that fire and for which no incident is kept, those
// left out that an incident holds meanwhile.
func (tx *Tx) Ignored() ([]Ignored, error) {
	out, err := engine.All(tx.q, func(r *sql.Rows, x *Ignored) error {
		var first int64
		var value []byte
		if err := r.Scan(&x.Reason, &first, &value); err != nil {
			return err
		}
		if err := json.Unmarshal(value, &x.Signal); err != nil {
			return fmt.Errorf("ignored alert: %w", err)
		}
		if x.Since = time.Unix(0, first); x.StartsAt.Before(x.Since) {
			x.Since = x.StartsAt
		}
		return nil
	}, `SELECT reason, first_at, value FROM ignored ORDER BY first_at, fingerprint`)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(out, func(x Ignored) bool {
		where, args := near.Rows(x.Fingerprint, x.Labels)
		n, e := tx.number(`SELECT COUNT(*) FROM (SELECT 1 FROM alert WHERE `+where+` LIMIT 1) held`, args...)
		err = errors.Join(err, e)
		return n > 0
	}), err
}

// Forget drops an ignored alert, because it fires no more or not in vain.
func (tx *Tx) Forget(fingerprint string) error {
	_, err := tx.beside().q.Exec(`DELETE FROM ignored WHERE fingerprint = ?`, fingerprint)
	return err
}

// OfferLater sets when an ignored alert is offered again.
func (tx *Tx) OfferLater(fingerprint string, at time.Time) error {
	_, err := tx.q.Exec(`UPDATE ignored SET again_at = ? WHERE fingerprint = ?`, at.UnixNano(), fingerprint)
	return err
}

// OfferedAgain returns ignored alerts whose reason has passed, those that wait longest
// first.
func (tx *Tx) OfferedAgain(now time.Time, limit int) ([]model.Signal, error) {
	values, err := tx.texts(`SELECT value FROM ignored WHERE again_at <= ? ORDER BY again_at, first_at, fingerprint LIMIT ?`, now.UnixNano(), limit)
	if err != nil {
		return nil, err
	}
	out := make([]model.Signal, len(values))
	for i, v := range values {
		if err := json.Unmarshal([]byte(v), &out[i]); err != nil {
			return nil, fmt.Errorf("ignored alert: %w", err)
		}
	}
	return out, nil
}
