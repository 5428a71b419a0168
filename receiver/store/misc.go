package store

import (
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/rules"
)

func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func instant(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}

// rowsAtOnce are the numbers of rows for which insert has a statement, most
// first: a step of SQLite costs little beside the call that makes it.
var rowsAtOnce = [...]int{32, 8, 4, 2, 1}

// insert inserts rows of so many columns, several with one statement.
func (tx *Tx) insert(columns int, args []any, before, after string) error {
	for _, rows := range rowsAtOnce {
		for n := rows * columns; len(args) >= n; args = args[n:] {
			row := "(" + strings.Repeat("?, ", columns-1) + "?)"
			if _, err := tx.q.exec(before+strings.Repeat(row+", ", rows-1)+row+after, args[:n]...); err != nil {
				return err
			}
		}
	}
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (tx *Tx) texts(query string, args ...any) ([]string, error) {
	rows, err := tx.q.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func (tx *Tx) number(query string, args ...any) (int64, error) {
	rows, err := tx.q.query(query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var n sql.NullInt64
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return n.Int64, rows.Err()
}

// Fact returns a remembered fact about the installation, or "".
func (tx *Tx) Fact(name string) (string, error) {
	vs, err := tx.texts(`SELECT value FROM fact WHERE name = ?`, name)
	if err != nil || len(vs) == 0 {
		return "", err
	}
	return vs[0], nil
}

// SetFact remembers a fact.
func (tx *Tx) SetFact(name, value string) error {
	_, err := tx.q.exec(`INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

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

// KeepBody stores a delivery; one that came before is only counted.
func (tx *Tx) KeepBody(b Body, now time.Time) error {
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
	if _, err := tx.q.exec(`INSERT INTO unsealed (chain, length, head) SELECT ?, 1, ? WHERE NOT EXISTS
		(SELECT 1 FROM delivery WHERE sha256 = ?)`, payloadChain+hex.EncodeToString(b.sum[:]), b.sum[:], b.sum[:]); err != nil {
		return err
	}
	_, err = tx.q.exec(`INSERT INTO delivery (sha256, first_at, last_at, times, alerts, body) VALUES (?, ?, ?, 1, ?, ?)
		ON CONFLICT (sha256) DO UPDATE SET last_at = excluded.last_at, times = delivery.times + 1`,
		b.sum[:], now.UnixNano(), now.UnixNano(), b.alerts, packed)
	return err
}

// KeepPolicy stores a policy's text under its content hash.
func (tx *Tx) KeepPolicy(hash string, files []rules.SourceFile, now time.Time) error {
	text, err := json.Marshal(files)
	if err != nil {
		return fmt.Errorf("policy %s: %w", hash, err)
	}
	_, err = tx.q.exec(`INSERT INTO policy (hash, first_seen, files) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING`, hash, now.UnixNano(), text)
	return err
}

// PinnedPolicies returns the texts of the policies that incidents still need:
// open ones, and those that may open again.
func (tx *Tx) PinnedPolicies(since time.Time) (map[string][]rules.SourceFile, error) {
	rows, err := tx.q.query(`SELECT hash, files FROM policy WHERE hash IN
		(SELECT policy FROM incident WHERE open = 1 OR resolved_at > ?)`, since.UnixNano())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]rules.SourceFile{}
	for rows.Next() {
		var hash string
		var text []byte
		if err := rows.Scan(&hash, &text); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		var files []rules.SourceFile
		if err := json.Unmarshal(text, &files); err != nil {
			return nil, fmt.Errorf("policy %s: %w", hash, err)
		}
		out[hash] = files
	}
	return out, rows.Err()
}

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

// Horizons are how far ahead, at most, the waiting of each kind can end.
type Horizons struct {
	Asked time.Time // a question to Prometheus
	Held  time.Time // a notification
	Sent  time.Time // a transmission
}

// BringForward ends at once every waiting that would last longer than it can:
// it was begun by a clock that has been set back since.
func (tx *Tx) BringForward(now time.Time, h Horizons) error {
	for _, q := range []struct {
		text  string
		limit time.Time
	}{
		{`UPDATE incident SET ask_at = ? WHERE ask_at > ?`, h.Asked},
		{`UPDATE notification SET hold_until = ? WHERE message = '' AND hold_until > ?`, h.Held},
		{`UPDATE transmission SET next_at = ? WHERE next_at > ?`, h.Sent},
	} {
		if _, err := tx.q.exec(q.text, now.UnixNano(), q.limit.UnixNano()); err != nil {
			return err
		}
	}
	return nil
}
