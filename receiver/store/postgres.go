package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"vigie/receiver/store/pg"
)

// viewedWithin bounds a whole view of the data, reports included.
const viewedWithin = 2 * time.Minute

// OnServer is [pg.OnServer], Address is [pg.Address].
func OnServer(database string) bool  { return pg.OnServer(database) }
func Address(database string) string { return pg.Address(database) }

// postgres is a database that several receivers may share.
type postgres struct {
	name           string
	within         time.Duration
	pooled         bool // a pooler stands between
	writer, reader *sql.DB
	bound          pg.Bindings
	notices        []string
	numbers        numbers
}

// openPostgres connects, makes sure that the server keeps what it says it has
// kept, and brings the schema up to date.
func openPostgres(ctx context.Context, address string, o Options) (*postgres, error) {
	p := &postgres{name: Address(address), within: o.Within}
	p.numbers.reserve = p.reserve
	if p.within == 0 {
		p.within = pg.StalledAfter
	}
	err := p.connect(ctx, address, o.Password)
	if err == nil {
		err = pg.Migrate(ctx, p.writer, migrations, writersLock)
	}
	if err == nil {
		p.notices, err = pg.Notice(ctx, p.reader, p.pooled)
	}
	if err != nil {
		_ = p.close(false)
		return nil, fmt.Errorf("database %s: %w", p.name, err)
	}
	return p, nil
}

// connect opens the pools. Behind a pooler no statement may be prepared: the next
// transaction may run on another of its connections.
func (p *postgres) connect(ctx context.Context, address, password string) error {
	cfg, err := pg.Config(address, password)
	if err != nil {
		return err
	}
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return pg.Unreachable(err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	var pid uint32
	if err := c.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid); err != nil {
		return err
	}
	p.pooled = pid != c.PgConn().PID()
	if p.pooled {
		cfg.DefaultQueryExecMode, cfg.StatementCacheCapacity, cfg.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
	}
	p.writer, p.reader = stdlib.OpenDB(*cfg), stdlib.OpenDB(*cfg)
	for _, db := range []*sql.DB{p.writer, p.reader} {
		db.SetMaxOpenConns(readers + 1)
		db.SetMaxIdleConns(readers + 1)
		db.SetConnMaxIdleTime(5 * time.Minute)
	}
	return nil
}

// begin begins a transaction in one message to the server. The locks are those of
// the transaction: behind a pooler one of a session would stay with the connection,
// and be shared by its next users.
//
// Updates that are about everything take the writers' lock for themselves. The
// others share it, and lock what they are about, all in the same order.
func (p *postgres) begin(w *want) (transaction, *sharing, error) {
	s, err := p.session(p.writer)
	if err != nil {
		return nil, nil, err
	}
	var shares *sharing
	if err = s.run(p.opening(w)); err == nil && !w.alone {
		shares, err = s.lock(w)
	}
	if err == nil {
		return s, shares, nil
	}
	s.rollback()
	if w.alone || !crowded(err) {
		return nil, nil, err
	}
	return p.begin(&want{alone: true})
}

func (p *postgres) opening(w *want) string {
	ms, lock, then := p.within.Milliseconds(), "pg_advisory_xact_lock_shared", ""
	if w.alone {
		lock, then = "pg_advisory_xact_lock", "; SAVEPOINT one"
	}
	return fmt.Sprintf("BEGIN; SELECT set_config('statement_timeout', '%d', true), set_config('lock_timeout', '%d', true), "+
		"set_config('idle_in_transaction_session_timeout', '%d', true); SELECT %s(%d)%s", ms, ms, ms, lock, writersLock, then)
}

// writersLock is the number of the lock under which batches are written.
const writersLock = 0x5669676965 // "Vigie"

// retry tells whether another transaction was in the way.
func (p *postgres) retry(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	if e.Code == "23505" && e.TableName == "incident" {
		p.numbers.forget() // an older version has given the same one out
		return true
	}
	return e.Code == "40001" || e.Code == "40P01"
}

// crowded tells whether the server has no room for so many locks.
func crowded(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "53200"
}

func (p *postgres) view(ctx context.Context, fn func(querier) error) error {
	ctx, cancel := context.WithTimeout(ctx, viewedWithin)
	defer cancel()
	t, err := p.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer t.Rollback() // nothing was written
	return fn(boundViewer{viewer{ctx, t}, &p.bound})
}

func (p *postgres) peek(fn func(querier) error) error {
	s, err := p.session(p.reader)
	if err != nil {
		return err
	}
	defer s.end()
	return fn(peeker{s})
}

func (p *postgres) close(bool) error {
	var errs []error
	for _, db := range []*sql.DB{p.writer, p.reader} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// boundViewer is a view that takes the store's statements.
type boundViewer struct {
	viewer
	bound *pg.Bindings
}

func (v boundViewer) query(text string, args ...any) (*sql.Rows, error) {
	return v.viewer.query(v.bound.Text(text), pg.Values(args)...)
}

// peeker is a session that must not write.
type peeker struct{ *serverSession }

func (p peeker) exec(string, ...any) (sql.Result, error) {
	return nil, errors.New("a view cannot write")
}

// Notices are what is not wrong with the database and should be known.
func (s *Store) Notices() []string {
	if p, ok := s.db.(*postgres); ok {
		return p.notices
	}
	return nil
}
