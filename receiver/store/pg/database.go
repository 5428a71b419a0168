package pg

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"vigie/receiver/store/engine"
)

// viewedWithin bounds a whole view of the data, reports included.
const viewedWithin = 2 * time.Minute

// readers is how many read beside the writer.
const readers = 4

// Database is one that several receivers may share.
type Database struct {
	// Name is its address, without a secret.
	Name string
	// Schema is the newest step that this program knows.
	Schema int
	// Numbers gives out those of incidents.
	Numbers Numbers
	// Notices are what is not wrong with it and should be known.
	Notices []string

	within         time.Duration
	pooled         bool // a pooler stands between
	writer, reader *sql.DB
	bound          Bindings
}

// Open connects, makes sure that the server keeps what it says it has kept, and
// brings the schema up to date. No question takes longer than within, [StalledAfter] when
// 0; warn, which may be nil, is told what goes wrong later and stops nothing.
func Open(ctx context.Context, address, password string, within time.Duration, warn func(string), migrations fs.FS) (*Database, error) {
	p := &Database{Name: Address(address), within: cmp.Or(within, StalledAfter)}
	p.Numbers.reserve = p.reserve
	err := p.connect(ctx, address, password, warn)
	if err == nil {
		p.Schema, err = Migrate(ctx, p.writer, migrations, writersLock)
	}
	if err == nil {
		p.Notices, err = Notice(ctx, p.reader, p.pooled)
	}
	return p.opened(err)
}

// OpenArchive connects for reading. It refuses what is no database of this version.
func OpenArchive(ctx context.Context, address, password string, migrations fs.FS) (*Database, error) {
	p := &Database{Name: Address(address), within: StalledAfter}
	err := p.connect(ctx, address, password, nil)
	if err == nil {
		err = Known(ctx, p.reader, migrations)
	}
	return p.opened(err)
}

func (p *Database) opened(err error) (*Database, error) {
	if err != nil {
		_ = p.Close(false)
		return nil, fmt.Errorf("database %s: %w", p.Name, err)
	}
	return p, nil
}

// Within bounds questions asked with the context.
func (p *Database) Within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, p.within)
}

// Row asks for one row, outside of any transaction of the store; a statement that
// writes is committed by itself.
func (p *Database) Row(ctx context.Context, text string, args ...any) *sql.Row {
	return p.reader.QueryRowContext(ctx, p.bound.Text(text), args...)
}

// Run runs a statement outside of any transaction of the store.
func (p *Database) Run(ctx context.Context, text string, args ...any) error {
	_, err := p.reader.ExecContext(ctx, p.bound.Text(text), args...)
	return err
}

// connect opens the pools. Behind a pooler no statement may be prepared: the next
// transaction may run on another of its connections.
func (p *Database) connect(ctx context.Context, address, password string, warn func(string)) error {
	cfg, err := Config(address, password)
	if err != nil {
		return err
	}
	seen := &timelines{warn: warn}
	cfg.ValidateConnect = seen.fit
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return Unreachable(err)
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
	reuse := stdlib.OptionResetSession(seen.reuse)
	p.writer, p.reader = stdlib.OpenDB(*cfg, reuse), stdlib.OpenDB(*cfg, reuse)
	for _, db := range []*sql.DB{p.writer, p.reader} {
		db.SetMaxOpenConns(readers + 1)
		db.SetMaxIdleConns(readers + 1)
		db.SetConnMaxIdleTime(5 * time.Minute)
	}
	return nil
}

// Begin begins a transaction in one message to the server. The locks are those of
// the transaction: behind a pooler one of a session would stay with the connection,
// and be shared by its next users.
//
// Updates that are about everything take the writers' lock for themselves. The
// others share it, and lock what they are about, all in the same order.
func (p *Database) Begin(w *engine.Want) (engine.Transaction, *engine.Sharing, error) {
	s, err := p.session(p.writer)
	if err != nil {
		return nil, nil, err
	}
	var shares *engine.Sharing
	if err = s.run(p.opening(w)); err == nil && !w.Alone {
		shares, err = s.lock(w)
	}
	if err == nil {
		return s, shares, nil
	}
	s.Rollback()
	if w.Alone || !crowded(err) {
		return nil, nil, err
	}
	return p.Begin(&engine.Want{Alone: true})
}

func (p *Database) opening(w *engine.Want) string {
	ms, lock, then := p.within.Milliseconds(), "pg_advisory_xact_lock_shared", ""
	if w.Alone {
		lock, then = "pg_advisory_xact_lock", "; SAVEPOINT one"
	}
	return fmt.Sprintf("BEGIN; SELECT set_config('statement_timeout', '%d', true), set_config('lock_timeout', '%d', true), "+
		"set_config('idle_in_transaction_session_timeout', '%d', true); SELECT %s(%d)%s", ms, ms, ms, lock, writersLock, then)
}

// writersLock is the number of the lock under which batches are written.
const writersLock = 0x5669676965 // "Vigie"

// Retry tells whether another transaction was in the way.
func (p *Database) Retry(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	if e.Code == "23505" && e.TableName == "incident" {
		p.Numbers.Forget() // an older version has given the same one out
		return true
	}
	return e.Code == "40001" || e.Code == "40P01"
}

// crowded tells whether the server has no room for so many locks.
func crowded(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "53200"
}

// View implements [engine.Database].
func (p *Database) View(ctx context.Context, fn func(engine.Querier) error) error {
	ctx, cancel := context.WithTimeout(ctx, viewedWithin)
	defer cancel()
	t, err := p.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	defer t.Rollback() // nothing was written
	return fn(boundViewer{engine.Viewer{Ctx: ctx, Tx: t}, &p.bound})
}

// Peek implements [engine.Database].
func (p *Database) Peek(fn func(engine.Querier) error) error {
	s, err := p.session(p.reader)
	if err != nil {
		return err
	}
	defer s.end()
	return fn(engine.Reading{Querier: s})
}

// Close implements [engine.Database].
func (p *Database) Close(bool) error {
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
	engine.Viewer
	bound *Bindings
}

// Query implements [engine.Querier].
func (v boundViewer) Query(text string, args ...any) (*sql.Rows, error) {
	return v.Viewer.Query(v.bound.Text(text), Values(args)...)
}
