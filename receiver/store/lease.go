package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"vigie/receiver/store/near"
	"vigie/rules/model"
)

// ErrLeaseLost matches a write of who has lost the lease under which it was begun:
// another receiver does the work now.
var ErrLeaseLost = errors.New("another receiver has taken this work over")

// Lease is the right to do what only one of several receivers may do.
type Lease struct {
	Name string
	// Token grows with each new holder.
	Token int64
}

type leaseKey struct{}

// Under returns a context whose updates are kept only while the lease is held.
func Under(ctx context.Context, l Lease) context.Context {
	return context.WithValue(ctx, leaseKey{}, l)
}

func leaseOf(ctx context.Context) Lease {
	l, _ := ctx.Value(leaseKey{}).(Lease)
	return l
}

// fence makes sure that a lease is still held, and that nobody takes it before the
// end of the transaction.
func (tx *statements) fence(l Lease) error {
	if tx.known.held == l {
		return nil
	}
	n, err := tx.number(`SELECT token FROM lease WHERE name = ? AND token = ? FOR SHARE`, l.Name, l.Token)
	if err == nil && n != l.Token {
		err = fmt.Errorf("%w: %w", ErrUnavailable, ErrLeaseLost)
	}
	if err == nil {
		tx.known.held = l
	}
	return err
}

// Pulse is what a receiver learns each few seconds of the others.
type Pulse struct {
	// Lease is held by the receiver that asked when Held; otherwise by Holder.
	Lease
	Held   bool
	Holder string
	// Changed grows when incidents were changed, by whomever, since the pulse before
	// it, Policies with each policy.
	Changed, Policies int64
	// Values are those whose names were asked for, and all that begin with one of
	// them and a slash.
	Values map[string]string
}

// The server's clock decides how long a lease lasts: those of receivers differ.
const (
	serverNow = `(extract(epoch FROM clock_timestamp()) * 1000000000)::bigint`
	takeLease = `WITH taken AS (INSERT INTO lease AS held (name, holder, token, until) VALUES (?, ?, 1, ` + serverNow + ` + ?)
	ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until,
		token = CASE WHEN held.holder = excluded.holder AND held.until >= ` + serverNow + ` THEN held.token ELSE held.token + 1 END
	WHERE held.holder = excluded.holder OR held.until < ` + serverNow + ` RETURNING token)
	SELECT COALESCE((SELECT token FROM taken), 0), COALESCE((SELECT holder FROM lease WHERE name = ?), ''), ` + serverNow + `,
		pg_current_snapshot()::text, EXISTS (SELECT 1 FROM incident WHERE changed >= pg_snapshot_xmin(COALESCE(NULLIF(?, ''), pg_current_snapshot()::text)::pg_snapshot)::text::bigint
			AND NOT pg_visible_in_snapshot(changed::text::xid8, COALESCE(NULLIF(?, ''), pg_current_snapshot()::text)::pg_snapshot)), (SELECT COUNT(*) FROM policy),
		COALESCE((SELECT string_agg(name || chr(1) || value, chr(2)) FROM fact WHERE name = ANY(string_to_array(?, ',')) OR split_part(name, '/', 1) = ANY(string_to_array(?, ','))), ''),
		(SELECT MAX(version) FROM schema_version)`
)

// pulse is what the latest one saw. Transactions end in another order than that of
// their numbers: only the whole view tells which changes are new.
type pulse struct {
	sync.Mutex
	seen    string
	changes int64
}

// Pulse takes or renews a lease for a time, if nobody else holds it, and tells what
// has changed meanwhile. It sets the store's clock by the server's.
func (s *Store) Pulse(ctx context.Context, name, holder string, lasts time.Duration, values ...string) (Pulse, error) {
	if s.server == nil {
		return Pulse{Lease: Lease{name, 1}, Held: true, Holder: holder}, nil
	}
	ctx, cancel := s.server.Within(ctx)
	defer cancel()
	s.pulse.Lock()
	defer s.pulse.Unlock()
	var out Pulse
	var text, seen string
	var news bool
	var at int64
	var schema int
	names := strings.Join(values, ",")
	begun := time.Now()
	err := s.server.Row(ctx, takeLease, name, holder, int64(lasts), name, s.pulse.seen, s.pulse.seen, names, names).
		Scan(&out.Token, &out.Holder, &at, &seen, &news, &out.Policies, &text, &schema)
	if err != nil {
		return Pulse{}, fmt.Errorf("%w: %w", ErrUnavailable, s.server.Why(err))
	}
	if schema > s.server.Schema { // what this program would write is not what others read
		s.broken.end(fmt.Errorf("%w: a newer vigie has brought %s up to date (schema %d, this one knows %d): start the newer version", ErrUnavailable, s.path, schema, s.server.Schema))
		return Pulse{}, s.broken.err()
	}
	if s.pulse.seen = seen; news {
		s.pulse.changes++
	}
	out.Changed = s.pulse.changes
	s.clock.Set(begun, time.Now(), time.Unix(0, at))
	out.Name, out.Held, out.Values = name, out.Token > 0, map[string]string{}
	for f := range strings.SplitSeq(text, "\x02") {
		name, value, _ := strings.Cut(f, "\x01")
		out.Values[name] = value
	}
	return out, nil
}

// GiveUp lets others take a lease at once.
func (s *Store) GiveUp(ctx context.Context, l Lease, holder string) error {
	if s.server == nil {
		return nil
	}
	ctx, cancel := s.server.Within(ctx)
	defer cancel()
	return s.server.Run(ctx, `UPDATE lease SET until = 0 WHERE name = ? AND holder = ? AND token = ?`, l.Name, holder, l.Token)
}

// Work is what waits for its time to come.
type Work struct {
	Alerts, Incidents, Questions, Bundles, Transmissions bool
	Unsent                                               bool // transmissions, due or not
	Fires                                                bool // the alert that was asked for
}

const anyWork = `SELECT CASE WHEN EXISTS (SELECT 1 FROM ignored WHERE again_at <= ?) THEN 1 ELSE 0 END
	+ CASE WHEN EXISTS (SELECT 1 FROM incident WHERE wake_at <= ?) THEN 2 ELSE 0 END
	+ CASE WHEN EXISTS (SELECT 1 FROM incident WHERE ask_at <= ?) THEN 4 ELSE 0 END
	+ CASE WHEN EXISTS (SELECT 1 FROM notification WHERE message = '' AND hold_until <= ?) THEN 8 ELSE 0 END
	+ CASE WHEN EXISTS (SELECT 1 FROM transmission WHERE next_at <= ?) THEN 16 ELSE 0 END
	+ CASE WHEN EXISTS (SELECT 1 FROM transmission WHERE next_at IS NOT NULL) THEN 32 ELSE 0 END
	+ CASE WHEN EXISTS (SELECT 1 FROM alert a JOIN incident i ON i.id = a.incident WHERE a.source = ? AND a.place IN (?, ?) AND a.fingerprint = ? AND i.open = 1) THEN 64 ELSE 0 END`

// AnyWork tells, with one question, what is due, and whether an alert fires in an
// open incident.
func (tx *statements) AnyWork(now time.Time, alert model.Signal) (Work, error) {
	at := now.UnixNano()
	n, err := tx.number(anyWork, at, at, at, at, at, alert.Labels[model.LabelSource], near.Of(alert.Fingerprint, alert.Labels), near.Nowhere, alert.Fingerprint)
	has := func(bit int64) bool { return n&bit != 0 }
	return Work{has(1), has(2), has(4), has(8), has(16), has(32), has(64)}, err
}

// DropValue forgets a value.
func (tx *statements) DropValue(name string) error {
	if err := tx.locked(ValueHandle(name)); err != nil {
		return err
	}
	_, err := tx.beside().q.Exec(`DELETE FROM fact WHERE name = ?`, name)
	return err
}

// ChangedSince returns incidents that were changed, by whomever, since the mark
// that an earlier call returned, and the next mark; what was changed in between may
// be among them again. Without another process there is nothing to find out.
func (tx *Tx) ChangedSince(mark int64) ([]*Record, int64, error) {
	next, err := tx.number(`SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint`)
	if err != nil {
		return nil, mark, err
	}
	rs, err := tx.records(`changed >= ? ORDER BY changed, number`, mark)
	return rs, next, err
}
