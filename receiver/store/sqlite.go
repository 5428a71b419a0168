package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"sync"

	"github.com/mattn/go-sqlite3"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/files"
)

// sqlite is one file that this process has for itself.
type sqlite struct {
	path    string
	lock    *os.File
	writer  *sql.DB
	reader  *sql.DB
	conn    *session
	peeks   *session
	peeking sync.Mutex
}

// openSQLite opens the database file, creating it when it is not there.
func openSQLite(ctx context.Context, path string, o Options) (*sqlite, error) {
	lock, err := files.Lock(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &sqlite{path: path, lock: lock}
	if err := s.open(ctx, o); err != nil {
		_ = s.Close(false)
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return s, nil
}

func (o Options) dsn(path, mode string) string {
	q := url.Values{}
	if o.vfs != "" {
		q.Set("vfs", o.vfs)
	}
	if o.synchronous != "" {
		q.Set("_synchronous", o.synchronous)
	}
	return dsn(path, mode, q)
}

func (s *sqlite) open(ctx context.Context, o Options) error {
	err := files.Writable(s.path)
	if err != nil {
		return err
	}
	err = examine(ctx, s.path)
	unfinished := errors.Is(err, errUnfinished)
	if err != nil && !unfinished {
		return err
	}
	if s.writer, err = sql.Open("sqlite3", o.dsn(s.path, "rwc")); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	c, err := s.writer.Conn(ctx)
	if err != nil {
		return unusable("open", err)
	}
	if s.conn, err = newSession(c); err != nil {
		return err
	}
	if unfinished {
		if err := check(ctx, c); err != nil {
			return err
		}
	}
	if err := migrate(ctx, c, migrations); err != nil {
		return err
	}
	for _, p := range writerPragmas {
		if _, err := c.ExecContext(ctx, p); err != nil {
			return unusable(p, err)
		}
	}
	if s.reader, err = sql.Open("sqlite3", o.dsn(s.path, "ro")); err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(readers + 1)
	s.reader.SetMaxIdleConns(readers + 1)
	p, err := s.reader.Conn(ctx)
	if err != nil {
		return unusable("open", err)
	}
	s.peeks, err = newSession(p)
	return err
}

// writerPragmas let the writer keep the upper pages of its indexes at hand, and
// move the log into the file less often than after each large commit.
var writerPragmas = [...]string{"PRAGMA cache_size = -65536", "PRAGMA wal_autocheckpoint = 4000"}

func dsn(path, mode string, other ...url.Values) string {
	q := url.Values{
		"mode":           {mode},
		"_foreign_keys":  {"on"},
		"_journal_mode":  {"WAL"},
		"_busy_timeout":  {"5000"},
		"_synchronous":   {"FULL"},
		"_txlock":        {"immediate"},
		"_secure_delete": {"on"}, // what is erased must not stay in free pages
	}
	if mode == "ro" {
		q.Set("_txlock", "deferred")
		q.Set("_query_only", "on")
		q.Del("_journal_mode")
	}
	for _, o := range other {
		maps.Copy(q, o)
	}
	return "file:" + escaped(path) + "?" + q.Encode()
}

func escaped(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// errUnfinished says that a file must be written to before it can be looked at:
// a process was killed while it made the database, before there was a log.
var errUnfinished = errors.New("it was not finished")

// examine looks at a file before anything may write to it: a writer that closes
// would play what is left in the log into a damaged file.
func examine(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is nothing yet
		}
		return err
	}
	db, err := sql.Open("sqlite3", dsn(path, "ro"))
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if e := (sqlite3.Error{}); errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrReadonlyRollback {
		return errUnfinished
	}
	if err != nil {
		return unusable("open", err)
	}
	defer c.Close()
	if _, _, err := version(ctx, c, migrations); err != nil {
		return err
	}
	return check(ctx, c)
}

func check(ctx context.Context, c *sql.Conn) error {
	var verdict string
	if err := c.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return unusable("check", err)
	}
	if verdict != "ok" {
		return damaged(verdict)
	}
	return nil
}

// unusable tells a damaged file, with the cure, from one that cannot be used
// for another reason.
func unusable(doing string, err error) error {
	var e sqlite3.Error
	if errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB) {
		return damaged(err.Error())
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func damaged(how string) error {
	return fmt.Errorf("the file is damaged (%s): nothing was changed in it; bring the latest backup back with vigie store restore BACKUP, which keeps the damaged file beside it", how)
}

// version returns the schema that a file has and the one that this program writes.
func version(ctx context.Context, c *sql.Conn, steps fs.FS) (has, knows int, err error) {
	names, err := fs.Glob(steps, "migrations/*.sql")
	if err != nil {
		return 0, 0, err
	}
	if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&has); err != nil {
		return 0, 0, unusable("read the schema's number", err)
	}
	if has > len(names) {
		return 0, 0, fmt.Errorf("written by a newer vigie (schema %d, this one knows %d): start the newer version", has, len(names))
	}
	return has, len(names), nil
}

// migrate brings the schema up to date, each step whole or not at all.
func migrate(ctx context.Context, c *sql.Conn, steps fs.FS) error {
	has, knows, err := version(ctx, c, steps)
	if err != nil {
		return err
	}
	names, err := fs.Glob(steps, "migrations/*.sql")
	if err != nil {
		return err
	}
	for n := has; n < knows; n++ {
		text, err := fs.ReadFile(steps, names[n])
		if err != nil {
			return err
		}
		script := fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d;\nCOMMIT;", text, n+1)
		if _, err := c.ExecContext(ctx, script); err != nil {
			_, _ = c.ExecContext(ctx, "ROLLBACK")
			return fmt.Errorf("schema step %s: %w", names[n], err)
		}
	}
	return nil
}

func (s *sqlite) Begin(*engine.Want) (engine.Transaction, *engine.Sharing, error) {
	if err := s.conn.run("BEGIN IMMEDIATE"); err != nil {
		return nil, nil, err
	}
	return s.conn, nil, nil
}

// Retry: nobody else writes to the file.
func (s *sqlite) Retry(error) bool { return false }

func (s *sqlite) View(ctx context.Context, fn func(engine.Querier) error) error {
	return view(ctx, s.reader, fn)
}

func (s *sqlite) Peek(fn func(engine.Querier) error) error {
	s.peeking.Lock()
	defer s.peeking.Unlock()
	return fn(engine.Reading{Querier: s.peeks})
}

func (s *sqlite) Close(broken bool) error {
	var errs []error
	if s.peeks != nil {
		errs = append(errs, s.peeks.close())
	}
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if !broken { // closing would sync once more what is lost
		if s.conn != nil {
			errs = append(errs, s.conn.close())
		}
		if s.writer != nil {
			errs = append(errs, s.writer.Close())
		}
	}
	errs = append(errs, s.lock.Close())
	return errors.Join(errs...)
}

// session is the writer's connection with its prepared statements. Its
// statements are not interrupted: a transaction ends whole, or not at all.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	// driver is the connection under conn, which has it for as long as the session
	// lives. What returns no rows goes there directly.
	driver *sqlite3.SQLiteConn
	execs  map[string]*sqlite3.SQLiteStmt
	args   []driver.NamedValue // of the statement that runs
}

func newSession(c *sql.Conn) (*session, error) {
	s := &session{conn: c, stmts: map[string]*sql.Stmt{}, execs: map[string]*sqlite3.SQLiteStmt{}}
	return s, c.Raw(func(under any) error {
		var is bool
		if s.driver, is = under.(*sqlite3.SQLiteConn); !is {
			return fmt.Errorf("a connection of %T is not SQLite's", under)
		}
		return nil
	})
}

func (s *session) prepare(text string) (*sql.Stmt, error) {
	if st, ok := s.stmts[text]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s.stmts[text] = st
	return st, nil
}

func (s *session) run(text string) error {
	_, err := s.Exec(text)
	return err
}

func (s *session) Exec(text string, args ...any) (sql.Result, error) {
	st, err := s.prepareExec(text)
	if err == nil {
		err = s.bind(args)
	}
	if err != nil {
		return nil, err
	}
	r, err := st.ExecContext(context.Background(), s.args)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return r, nil
}

func (s *session) prepareExec(text string) (*sqlite3.SQLiteStmt, error) {
	if st := s.execs[text]; st != nil {
		return st, nil
	}
	st, err := s.driver.Prepare(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s.execs[text] = st.(*sqlite3.SQLiteStmt)
	return s.execs[text], nil
}

// bind makes what the driver takes of arguments, as package sql does.
func (s *session) bind(args []any) error {
	clear(s.args) // hold on to none of them
	s.args = s.args[:0]
	for n, a := range args {
		switch a.(type) {
		case nil, string, int64, bool, []byte:
		default:
			var err error
			if a, err = driver.DefaultParameterConverter.ConvertValue(a); err != nil {
				return fmt.Errorf("argument %d: %w", n+1, err)
			}
		}
		s.args = append(s.args, driver.NamedValue{Ordinal: n + 1, Value: a})
	}
	return nil
}

func (s *session) Query(text string, args ...any) (*sql.Rows, error) {
	st, err := s.prepare(text)
	if err != nil {
		return nil, err
	}
	r, err := st.Query(args...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return r, nil
}

func (s *session) close() error {
	for _, st := range s.stmts {
		_ = st.Close() // the connection goes with them
	}
	for _, st := range s.execs {
		_ = st.Close()
	}
	return s.conn.Close()
}

func (s *session) Savepoint() error { return s.run("SAVEPOINT one") }
func (s *session) Release() error   { return s.run("RELEASE one") }
func (s *session) Undo() error      { return s.run("ROLLBACK TO one") }
func (s *session) Commit() error    { return s.run("COMMIT") }
func (s *session) Rollback()        { _ = s.run("ROLLBACK") } // SQLite may have rolled back by itself
func (s *session) Stamp() string    { return "" }

// view runs fn on a consistent view of a file.
func view(ctx context.Context, db *sql.DB, fn func(engine.Querier) error) error {
	t, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer t.Rollback() // nothing was written
	return fn(engine.Viewer{Ctx: ctx, Tx: t})
}
