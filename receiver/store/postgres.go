package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sys/unix"
)

const (
	// stalledAfter is how long one question to the server may take before it counts
	// as gone, and how long the server waits for a receiver that says nothing more:
	// what is received then is refused while its sender still waits.
	stalledAfter = 8 * time.Second
	// viewedWithin bounds a whole view of the data, reports included.
	viewedWithin  = 2 * time.Minute
	connectWithin = 5 * time.Second
)

// OnServer reports whether a database is named by the address of a server.
func OnServer(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// Address returns a database's name without what must not be told: parameters, and
// a password that should not be there.
func Address(database string) string {
	u, err := url.Parse(database)
	if !OnServer(database) {
		return database
	}
	if err != nil {
		return "postgres://(unreadable)"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// postgres is a database that several receivers may share.
type postgres struct {
	name           string
	within         time.Duration
	pooled         bool // a pooler stands between
	writer, reader *sql.DB
	bound          bindings
	notices        []string
}

// openPostgres connects, makes sure that the server keeps what it says it has
// kept, and brings the schema up to date.
func openPostgres(ctx context.Context, address string, o Options) (*postgres, error) {
	p := &postgres{name: Address(address), within: o.Within}
	if p.within == 0 {
		p.within = stalledAfter
	}
	err := p.connect(ctx, address, o.Password)
	if err == nil {
		err = p.migrate(ctx)
	}
	if err == nil {
		err = p.notice(ctx)
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
	cfg, err := serverConfig(address, password)
	if err != nil {
		return err
	}
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return unreachable(err)
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

// serverConfig reads an address. What it leaves out comes from the environment, as
// PostgreSQL's own programs have it: PGPASSWORD, PGPASSFILE, PGSSLMODE ...
func serverConfig(address, password string) (*pgx.ConnConfig, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address cannot be read: write postgres://USER@HOST/DATABASE")
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		return nil, errors.New("the address holds a password, which would be told wherever the address is: " +
			"take it out, and name a file that holds it under database_password_file, or set PGPASSFILE or PGPASSWORD")
	}
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("the address cannot be used: %w", err)
	}
	if password != "" {
		cfg.Password = password
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectWithin
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "vigie"
	}
	d := &net.Dialer{KeepAlive: connectWithin, Control: func(network, _ string, c syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		// A network that was cut says nothing: the system must not wait for a
		// quarter of an hour.
		var err error
		bad := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(stalledAfter.Milliseconds()))
		})
		return errors.Join(bad, err)
	}}
	cfg.DialFunc, cfg.ValidateConnect = d.DialContext, fit
	return cfg, nil
}

// unreachable adds the cure to an error of connecting.
func unreachable(err error) error {
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.Code == "3D000":
		return fmt.Errorf("%w: create it with createdb --encoding=UTF8 --template=template0", err)
	case errors.As(err, &e) && strings.HasPrefix(e.Code, "28"):
		return fmt.Errorf("%w: the server does not let this user in: look into its pg_hba.conf and at the password", err)
	}
	return err
}

// begin begins a transaction that nobody else writes beside, in one message to
// the server. The lock is that of the transaction: behind a pooler one of a
// session would stay with the connection, and be shared by its next users.
func (p *postgres) begin() (transaction, error) {
	s, err := p.session(p.writer)
	if err != nil {
		return nil, err
	}
	ms := p.within.Milliseconds()
	if err := s.run(fmt.Sprintf("BEGIN; SELECT set_config('statement_timeout', '%d', true), set_config('lock_timeout', '%d', true), "+
		"set_config('idle_in_transaction_session_timeout', '%d', true); SELECT pg_advisory_xact_lock(%d); SAVEPOINT one", ms, ms, ms, writersLock)); err != nil {
		s.rollback()
		return nil, err
	}
	return s, nil
}

// writersLock is the number of the lock under which batches are written.
const writersLock = 0x5669676965 // "Vigie"

// retry tells whether another transaction was in the way.
func (p *postgres) retry(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
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
	bound *bindings
}

func (v boundViewer) query(text string, args ...any) (*sql.Rows, error) {
	return v.viewer.query(v.bound.text(text), values(args)...)
}

// peeker is a session that must not write.
type peeker struct{ *serverSession }

func (p peeker) exec(string, ...any) (sql.Result, error) {
	return nil, errors.New("a view cannot write")
}
