package store

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"vigie/rules/incidents"
)

// Body is a delivery as it was received, made ready for storing outside the
// writer.
type Body struct {
	sum    [sha256.Size]byte
	alerts int
	lately bool // the same came not long ago
	pack   func() ([]byte, error)
}

// NewBody compresses a delivery, unless the same came lately.
func (s *Store) NewBody(raw []byte, alerts int) (Body, error) {
	b := Body{sum: sha256.Sum256(raw), alerts: alerts}
	if b.lately = s.lately.seen(b.sum); b.lately { // and is stored: if not, the writer compresses it
		b.pack = func() ([]byte, error) { return s.deflate(raw) }
		return b, nil
	}
	packed, err := s.deflate(raw)
	b.pack = func() ([]byte, error) { return packed, nil }
	return b, err
}

func (s *Store) deflate(raw []byte) ([]byte, error) {
	w, _ := s.deflaters.Get().(*flate.Writer)
	if w == nil {
		w, _ = flate.NewWriter(nil, flate.BestSpeed) // fails only for an unknown level
	}
	defer s.deflaters.Put(w)
	var b bytes.Buffer
	b.Grow(len(raw) / 4)
	w.Reset(&b)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// maxLately is how many deliveries are remembered as having come lately.
const maxLately = 16384

// lately remembers which deliveries have come, the younger and the older half:
// a hint, nothing is left out because of it.
type lately struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte]struct{}
}

// seen reports whether a delivery came lately, and remembers that it did.
func (l *lately) seen(sum [sha256.Size]byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.young[sum]; ok {
		return true
	}
	_, ok := l.old[sum]
	if l.young == nil || len(l.young) == maxLately/2 {
		l.young, l.old = make(map[[sha256.Size]byte]struct{}, 64), l.young
	}
	l.young[sum] = struct{}{}
	return ok
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
		r, err := tx.q.exec(`UPDATE delivery SET last_at = ?, times = times + 1 WHERE sha256 = ?`, now.UnixNano(), b.sum[:])
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
	_, err = tx.q.exec(`INSERT INTO delivery (sha256, first_at, last_at, times, alerts, body) VALUES (?, ?, ?, 1, ?, ?)
		ON CONFLICT (sha256) DO UPDATE SET last_at = excluded.last_at, times = delivery.times + 1`,
		b.sum[:], now.UnixNano(), now.UnixNano(), b.alerts, packed)
	if err != nil {
		return err
	}
	_, err = tx.q.exec(`INSERT INTO unsealed (chain, length, head) SELECT CAST(? AS TEXT), 1, sha256 FROM delivery WHERE sha256 = ? AND times = 1`,
		payloadChain+hex.EncodeToString(b.sum[:]), b.sum[:])
	return err
}
