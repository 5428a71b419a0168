package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"vigie/receiver/store/engine"
	"vigie/rules/incidents"
)

// session is a connection for the time of a transaction. What is written
// waits and goes to the server together, before the next question: each message
// to and fro costs as much as many rows. While the server works on that, more can be
// written.
type session struct {
	p     *Database
	conn  *sql.Conn
	raw   *pgx.Conn
	stall *time.Timer // cuts the connection when the server does not answer
	queue *pgx.Batch
	sent  []*written
	away  chan error // what becomes of what the server works on; nil for nothing
	// failed is what became of it first, until it is undone.
	failed error
	fresh  bool // the savepoint stands at the end of what was written
}

// written is a statement that waits, or what became of it.
type written struct {
	s    *session
	rows int64
}

// maxQueued statements that wait are sent.
const maxQueued = 128

func (p *Database) session(db *sql.DB) (*session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.within)
	defer cancel()
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrUnavailable, Unreachable(err))
	}
	s := &session{p: p, conn: c, queue: &pgx.Batch{}}
	var socket net.Conn
	err = c.Raw(func(driver any) error {
		s.raw = driver.(*stdlib.Conn).Conn()
		socket = s.raw.PgConn().Conn()
		return nil
	})
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	s.stall = time.AfterFunc(p.within, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })
	return s, nil
}

// end gives the connection back.
func (s *session) end() {
	if !s.stall.Stop() { // it may have been cut in between
		_ = s.raw.Close(context.Background())
	}
	_ = s.conn.Close() // the pool throws away what is broken
}

// run sends statements without arguments, as one message.
func (s *session) run(text string) error {
	s.stall.Reset(s.p.within)
	told := s.raw.PgConn().CustomData()
	delete(told, warning)
	tag, err := s.raw.Exec(context.Background(), text)
	s.fresh = true
	switch {
	case err != nil || text != commit:
	case tag.String() != commit:
		err = fmt.Errorf("the server says %s", tag) // so it does when a statement had failed
	case told[warning] != nil:
		// Somebody cancelled the wait for the standby, which may not have it.
		err = fmt.Errorf("the server warns: %v", told[warning])
	}
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	return nil
}

const commit = "COMMIT"

// lock locks what updates are about.
func (s *session) lock(w *engine.Want) (*engine.Sharing, error) {
	if len(w.Incidents) > 0 {
		found, err := s.placesOf(w.Incidents)
		if err != nil {
			return nil, err
		}
		w.Locks = append(w.Locks, found...)
	}
	all := w.Sorted()
	shares := &engine.Sharing{Locks: make(map[int64]bool, len(all))}
	var list []byte
	for n, l := range all {
		if shares.Locks[l] = true; n > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, l, 10)
	}
	err := s.run("SELECT pg_advisory_xact_lock(l) FROM unnest('{" + string(list) + "}'::bigint[]) l; SAVEPOINT one")
	if err == nil {
		shares.Empty, err = s.emptyOf(w.Handles)
	}
	return shares, err
}

const findHandles = `SELECT DISTINCT 'machine', customer, machine FROM incident WHERE machine <> '' AND (customer, machine) IN (SELECT * FROM unnest($1::text[], $2::text[]))
	UNION ALL SELECT DISTINCT 'key', '', key FROM incident WHERE key = ANY($3::text[])
	UNION ALL SELECT DISTINCT 'platform', '', platform FROM incident WHERE platform <> '' AND platform = ANY($4::text[])
	UNION ALL SELECT DISTINCT 'host', '', host FROM incident WHERE host <> '' AND host = ANY($5::text[])`

// emptyOf are those of the handles by which no incident is found: one question instead
// of one for each alert that opens an incident.
func (s *session) emptyOf(hs []incidents.Handle) (map[incidents.Handle]bool, error) {
	empty := make(map[incidents.Handle]bool, len(hs))
	customers, names := []string{}, map[string][]string{incidents.OfMachine: {}, "key": {}, "platform": {}, "host": {}}
	for _, h := range hs {
		of, found := names[h.Kind]
		if !found || empty[h] || h.Name != Clean(h.Name) || h.Customer != Clean(h.Customer) {
			continue
		}
		if empty[h], names[h.Kind] = true, append(of, h.Name); h.Kind == incidents.OfMachine {
			customers = append(customers, h.Customer)
		}
	}
	if len(empty) == 0 {
		return nil, nil
	}
	s.stall.Reset(s.p.within)
	rows, err := s.raw.Query(context.Background(), findHandles, customers, names[incidents.OfMachine], names["key"], names["platform"], names["host"])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	defer rows.Close()
	for rows.Next() {
		var h incidents.Handle
		if err := rows.Scan(&h.Kind, &h.Customer, &h.Name); err != nil {
			return nil, fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
		}
		delete(empty, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	return empty, nil
}

// placesOf are the locks of everything by which incidents are found.
func (s *session) placesOf(ids []string) (locks []int64, err error) {
	rows, err := s.Query(`SELECT key, customer, machine, platform, host FROM incident WHERE id = ANY(string_to_array(?, ','))`, strings.Join(ids, ","))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		var p incidents.Place
		if err := rows.Scan(&key, &p.Customer, &p.Machine, &p.Platform, &p.Host); err != nil {
			return nil, fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
		}
		for _, h := range incidents.Handles(key, p) {
			locks = append(locks, engine.LockOf(h))
		}
	}
	return locks, rows.Err()
}

func (s *session) Exec(text string, args ...any) (sql.Result, error) {
	s.queue.Queue(s.p.bound.Text(text), Values(args)...)
	w := &written{s: s}
	s.sent = append(s.sent, w)
	s.fresh = false
	if len(s.sent) >= maxQueued {
		return w, s.send()
	}
	return w, nil
}

// Flush sends what waits, and returns the error of what failed first.
func (s *session) Flush() error {
	if err := s.send(); err != nil {
		return err
	}
	return s.settled()
}

// send sends what waits once the server has done with what was sent before, whose
// error it returns.
func (s *session) send() error {
	if err := s.settled(); err != nil || len(s.sent) == 0 {
		return err
	}
	s.stall.Reset(s.p.within)
	waiting, queue, away := s.sent, s.queue, make(chan error, 1)
	s.sent, s.queue, s.away = nil, &pgx.Batch{}, away
	go func() { away <- s.answered(queue, waiting) }()
	return nil
}

// settled waits for the server.
func (s *session) settled() error {
	if s.away != nil {
		s.failed = <-s.away
		s.away = nil
	}
	return s.failed
}

// answered sends statements, and takes in what becomes of them. Until it has nobody
// else may use the connection.
func (s *session) answered(queue *pgx.Batch, waiting []*written) error {
	answers := s.raw.SendBatch(context.Background(), queue)
	var failed error
	for _, w := range waiting {
		tag, err := answers.Exec()
		if failed = err; err != nil {
			break
		}
		w.rows = tag.RowsAffected()
	}
	if err := answers.Close(); failed == nil {
		failed = err
	}
	if failed != nil {
		return fmt.Errorf("%w: %w", engine.ErrUnavailable, failed)
	}
	return nil
}

func (s *session) Query(text string, args ...any) (*sql.Rows, error) {
	if err := s.Flush(); err != nil {
		return nil, err
	}
	s.stall.Reset(s.p.within)
	rows, err := s.conn.QueryContext(context.Background(), s.p.bound.Text(text), Values(args)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	return rows, nil
}

// RowsAffected implements [sql.Result].
func (w *written) RowsAffected() (int64, error) {
	if err := w.s.Flush(); err != nil {
		return 0, err
	}
	return w.rows, nil
}

// LastInsertId implements [sql.Result].
func (w *written) LastInsertId() (int64, error) { return 0, fmt.Errorf("the server numbers no rows") }

// Savepoint is there from the beginning, and again after each release.
func (s *session) Savepoint() error { return nil }

func (s *session) Release() error {
	if s.fresh {
		return nil
	}
	for _, text := range []string{"RELEASE SAVEPOINT one", "SAVEPOINT one"} {
		if _, err := s.Exec(text); err != nil {
			return err
		}
	}
	err := s.Flush()
	s.fresh = err == nil
	return err
}

func (s *session) Undo() error {
	s.drop()
	return s.run("ROLLBACK TO SAVEPOINT one")
}

// drop forgets what waits and what the server works on: it is undone.
func (s *session) drop() {
	s.sent, s.queue = nil, &pgx.Batch{}
	_ = s.settled()
	s.failed = nil
}

func (s *session) Commit() error {
	err := s.Flush()
	if err == nil {
		err = s.run(commit)
	}
	if err == nil {
		s.end()
	}
	return err
}

// Lost implements [engine.Transaction]: the server is gone, or has not answered in time.
func (s *session) Lost(err error) bool {
	_ = s.settled()
	var e *pgconn.PgError
	return s.raw.IsClosed() || errors.As(err, &e) && (strings.HasPrefix(e.Code, "57") || e.Code == "55P03")
}

func (s *session) Rollback() {
	s.drop()
	if !s.raw.IsClosed() && s.run("ROLLBACK") != nil {
		_ = s.raw.Close(context.Background()) // the server undoes what it cannot be asked about
	}
	s.end()
}

// Stamp notes which transaction changed an incident last.
func (s *session) Stamp() string { return ", changed = pg_current_xact_id()::text::bigint" }
