// Package sqlite is a database in one file that this process has for itself: how it is
// opened, looked at, copied and put back.
package sqlite

import (
	"context"
	"database/sql"
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

// readers is how many views of the data there are at the same time.
const readers = 4

// File is an open database.
type File struct {
	path    string
	lock    *os.File
	writer  *sql.DB
	reader  *sql.DB
	conn    *engine.Session
	peeks   *engine.Session
	peeking sync.Mutex
}

// Options are what tests alone change: the layer under SQLite, and how it syncs.
type Options struct{ VFS, Synchronous string }

// Open opens the database file, creating it when it is not there, and brings its
// schema up to date.
func Open(ctx context.Context, path string, migrations fs.FS, o Options) (*File, error) {
	lock, err := files.Lock(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &File{path: path, lock: lock}
	if err := s.open(ctx, migrations, o); err != nil {
		_ = s.Close(false)
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return s, nil
}

func (o Options) dsn(path, mode string) string {
	q := url.Values{}
	if o.VFS != "" {
		q.Set("vfs", o.VFS)
	}
	if o.Synchronous != "" {
		q.Set("_synchronous", o.Synchronous)
	}
	return DSN(path, mode, q)
}

func (s *File) open(ctx context.Context, migrations fs.FS, o Options) error {
	err := files.Writable(s.path)
	if err != nil {
		return err
	}
	err = examine(ctx, s.path, migrations)
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
	if s.conn, err = engine.NewSession(c); err != nil {
		return err
	}
	if unfinished {
		if err := check(ctx, c); err != nil {
			return err
		}
	}
	if err := Migrate(ctx, c, migrations); err != nil {
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
	s.peeks, err = engine.NewSession(p)
	return err
}

// writerPragmas let the writer keep the upper pages of its indexes at hand, for which
// 16 MiB do with a million incidents, and move the log into the file less often than
// after each large commit.
var writerPragmas = [...]string{"PRAGMA cache_size = -16384", "PRAGMA wal_autocheckpoint = 4000"}

// DSN is how the driver is told to open a file, to write ("rwc") or to read ("ro").
func DSN(path, mode string, other ...url.Values) string {
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
func examine(ctx context.Context, path string, migrations fs.FS) error {
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is nothing yet
		}
		return err
	}
	db, err := sql.Open("sqlite3", DSN(path, "ro"))
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
	var tables int
	if err := c.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'incident'").Scan(&tables); err != nil {
		return 0, 0, unusable("read the tables", err)
	}
	if has == 0 && tables > 0 {
		return 0, 0, fmt.Errorf("the tables are there and the schema's number is not, as after a restore from sqlite3's .dump: nothing was changed; ask the file that was dumped, "+
			"sqlite3 OLD 'PRAGMA user_version' (this program writes %d), and put the answer N in: sqlite3 THIS 'PRAGMA user_version = N'; vigie store backup makes copies that keep it", len(names))
	}
	return has, len(names), nil
}

// Migrate brings the schema up to date, each step whole or not at all.
func Migrate(ctx context.Context, c *sql.Conn, steps fs.FS) error {
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

// Begin implements [engine.Database].
func (s *File) Begin(*engine.Want) (engine.Transaction, *engine.Sharing, error) {
	if err := s.conn.Run("BEGIN IMMEDIATE"); err != nil {
		return nil, nil, err
	}
	return s.conn, nil, nil
}

// Retry implements [engine.Database]: nobody else writes to the file.
func (s *File) Retry(error) bool { return false }

// View implements [engine.Database].
func (s *File) View(ctx context.Context, fn func(engine.Querier) error) error {
	return view(ctx, s.reader, fn)
}

// Peek implements [engine.Database].
func (s *File) Peek(fn func(engine.Querier) error) error {
	s.peeking.Lock()
	defer s.peeking.Unlock()
	return fn(engine.Reading{Querier: s.peeks})
}

// Close implements [engine.Database].
func (s *File) Close(broken bool) error {
	var errs []error
	if s.peeks != nil {
		errs = append(errs, s.peeks.Close())
	}
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if !broken { // closing would sync once more what is lost
		if s.conn != nil {
			errs = append(errs, s.conn.Close())
		}
		if s.writer != nil {
			errs = append(errs, s.writer.Close())
		}
	}
	errs = append(errs, s.lock.Close())
	return errors.Join(errs...)
}

// view runs fn on a consistent view of a file.
func view(ctx context.Context, db *sql.DB, fn func(engine.Querier) error) error {
	t, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	defer t.Rollback() // nothing was written
	return fn(engine.Viewer{Ctx: ctx, Tx: t})
}
