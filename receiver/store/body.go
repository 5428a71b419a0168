package store

import (
	"crypto/sha256"
	"time"

	"vigie/receiver/store/heard"
	"vigie/rules/incidents"
)

// Body is a delivery as it was received, made ready for storing outside the
// writer.
type Body struct {
	sum    heard.Sum
	alerts int
	lately bool // the same came not long ago
	pack   func() ([]byte, error)
}

// Alerts is how many alerts it holds.
func (b Body) Alerts() int { return b.alerts }

// NewBody compresses a delivery, unless the same came lately.
func (s *Store) NewBody(raw []byte, alerts int) (Body, error) {
	b := Body{sum: sha256.Sum256(raw), alerts: alerts}
	if b.lately = s.lately.Seen(b.sum); b.lately { // and is stored: if not, the writer compresses it
		b.pack = func() ([]byte, error) { return s.deflater.Deflate(raw) }
		return b, nil
	}
	packed, err := s.deflater.Deflate(raw)
	b.pack = func() ([]byte, error) { return packed, nil }
	return b, err
}

// Handle stands for a delivery.
func (b Body) Handle() incidents.Handle {
	return incidents.Handle{Kind: "delivery", Name: string(b.sum[:])}
}

// KeepBody stores a delivery; one that came before is only counted.
func (tx *Tx) KeepBody(b Body, now time.Time) error {
	if err := tx.locked(b.Handle()); err != nil {
		return err
	}
	tx = tx.beside()
	if b.lately {
		r, err := tx.q.Exec(`UPDATE delivery SET last_at = ?, times = times + 1 WHERE sha256 = ?`, now.UnixNano(), b.sum[:])
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n > 0 {
			return err
		}
	}
	packed, err := b.pack()
	if err != nil {
		return err
	}
	_, err = tx.q.Exec(`INSERT INTO delivery (sha256, first_at, last_at, times, alerts, body) VALUES (?, ?, ?, 1, ?, ?)
		ON CONFLICT (sha256) DO UPDATE SET last_at = excluded.last_at, times = delivery.times + 1`,
		b.sum[:], now.UnixNano(), now.UnixNano(), b.alerts, packed)
	if err != nil {
		return err
	}
	_, err = tx.q.Exec(`INSERT INTO arrived (sha256) SELECT sha256 FROM delivery WHERE sha256 = ? AND times = 1`, b.sum[:])
	return err
}

// SeenAgain takes in a delivery that came before and says nothing new: what its alerts
// lead to, on the basis on which they were judged, is as [statements.Remember] was told. That
// they were seen once more is all that is written. False is that it has to be looked at.
func (tx *statements) SeenAgain(b Body, basis any, leads []incidents.Lead, now time.Time) (bool, error) {
	x, still := tx.repeats.Find(b.sum, basis, leads, now)
	if !still || x.Seen.Equal(now) {
		return still, nil
	}
	at := now.UnixNano()
	for _, id := range x.Incidents {
		r, err := tx.q.Exec(`UPDATE incident SET seen_at = ? WHERE id = ? AND open = 1 AND (wake_at IS NULL OR wake_at > ?)`, at, id, at)
		if err != nil {
			return false, err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return false, err
		}
	}
	x.Seen = now
	tx.AfterCommit(func() { tx.repeats.Keep(b.sum, x) })
	return true, nil
}

// Remember has a delivery that changed nothing but when its alerts were seen last
// taken in shortly when it comes again.
func (tx *statements) Remember(b Body, x heard.Repeat, spots []heard.Spot) {
	if tx.repeats == nil {
		return
	}
	tx.repeats.Mark(&x, spots)
	tx.AfterCommit(func() { tx.repeats.Keep(b.sum, x) })
}
