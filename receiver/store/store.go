// Package store keeps what the receiver must not forget, in one SQLite file.
//
// Every change goes through [Store.Update]. One writer goroutine runs all
// updates that wait, each inside its own savepoint, and commits them together:
// one fsync serves many. An update's caller is answered after that commit, so
// nil means that the change survives a power cut.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"vigie/rules"
)

// ErrUnavailable matches every failure after which the same call may succeed
// later: the disk is full, the queue is full, the store is closing.
var ErrUnavailable = errors.New("the store cannot write now")

const (
	// maxBatch is how many updates share a commit.
	maxBatch = 256
	// maxWaiting is how many updates may wait for the writer before further ones
	// are turned away.
	maxWaiting = 1024
	readers    = 4
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open database. Its methods may be called from several goroutines.
type Store struct {
	path    string
	ballast ballast
	lock    *os.File
	writer  *sql.DB
	reader  *sql.DB
	conn    *session
	peeks   reading
	peeking sync.Mutex

	jobs    chan *job
	closing chan struct{}
	closed  sync.Once
	done    chan struct{}
	broken  broken

	deflaters sync.Pool // *flate.Writer, of about 1 MB each
	lately    lately
	saved     atomic.Pointer[func(rules.Incident)]
	packer    packer
}

// Watch lets f see each incident that has been saved, after its commit and in
// the order of commits. The store waits for it: it must be quick, and must not
// ask the store.
func (s *Store) Watch(f func(rules.Incident)) { s.saved.Store(&f) }

type job struct {
	fn    func(*Tx) error
	state atomic.Int32 // waiting, running or abandoned
	reply chan error
	after []func()
	err   error
}

const (
	jobWaiting = iota
	jobRunning
	jobAbandoned
)

// Options are what a store may be given beyond its file.
type Options struct {
	// Ballast is how many bytes are set aside, in a file of their own, and given
	// back when the disk is full; 0 is none.
	Ballast int64

	// What tests alone change: the layer under SQLite, and how it syncs.
	vfs, synchronous string
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

// Open opens the database file with no options; see [Options.Open].
func Open(ctx context.Context, path string) (*Store, error) { return Options{}.Open(ctx, path) }

// Open opens the database file, creating it when it is not there, and takes it
// for this process alone. It refuses a damaged file and one written by a newer
// version.
func (o Options) Open(ctx context.Context, path string) (*Store, error) {
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{
		path: path, lock: lock, ballast: ballast{path: path + ".ballast", size: o.Ballast},
		jobs: make(chan *job, maxWaiting), closing: make(chan struct{}), done: make(chan struct{}), broken: broken{now: make(chan struct{})},
	}
	if err := s.open(ctx, o); err != nil {
		s.release()
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	s.Tend()
	go s.write()
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) error {
	err := writable(s.path)
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
	s.conn = newSession(c)
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
	s.peeks = reading{newSession(p)}
	return nil
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

// takeLock makes sure that no other process uses the file: two writers would
// starve each other, and two outboxes would send everything twice.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", mayNot(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another vigie: stop that one first, or give this one a database of its own", strings.TrimSuffix(path, ".lock"))
	}
	return f, nil
}

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

// Close waits for the updates that are under way, refuses new ones and closes
// the file.
func (s *Store) Close() error {
	s.closed.Do(func() { close(s.closing) })
	<-s.done
	return s.release()
}

func (s *Store) release() error {
	var errs []error
	if s.peeks.session != nil {
		errs = append(errs, s.peeks.close())
	}
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.broken.err() == nil { // closing would sync once more what is lost
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

// Update runs fn in a transaction and returns after its durable commit. When
// fn returns an error, or panics, nothing of it is kept. An error that matches
// [ErrUnavailable] may go away by itself. After an error the caller must not
// read what fn wrote: fn may still be running when ctx ends first.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	j := &job{fn: fn, reply: make(chan error, 1)}
	select {
	case <-s.closing:
		return fmt.Errorf("%w: it is closed", ErrUnavailable)
	case <-s.broken.now:
		return s.broken.err()
	default:
	}
	select {
	case s.jobs <- j:
	default:
		return fmt.Errorf("%w: %d updates are waiting already", ErrUnavailable, maxWaiting)
	}
	select {
	case err := <-j.reply:
		return err
	case <-ctx.Done():
		j.state.CompareAndSwap(jobWaiting, jobAbandoned)
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	case <-s.done:
		select {
		case err := <-j.reply:
			return err
		default:
			return fmt.Errorf("%w: it is closed", ErrUnavailable)
		}
	}
}

// write is the one writer.
func (s *Store) write() {
	defer close(s.done)
	for {
		select {
		case j := <-s.jobs:
			s.batch(j)
		case <-s.closing:
			for { // whoever is waiting is still served
				select {
				case j := <-s.jobs:
					s.batch(j)
				default:
					return
				}
			}
		}
	}
}

// batch runs a job and all that have come in meanwhile under one commit.
func (s *Store) batch(first *job) {
	if err := s.broken.err(); err != nil {
		s.answer([]*job{first}, err)
		return
	}
	jobs := make([]*job, 0, maxBatch)
	k := &known{}
	err := s.conn.run("BEGIN IMMEDIATE")
	if err != nil {
		s.answer([]*job{first}, fmt.Errorf("%w: begin: %w", ErrUnavailable, err))
		return
	}
	for j := first; j != nil; {
		jobs = append(jobs, j)
		if err = s.savepoint(j, k); err != nil {
			break
		}
		j = nil
		if len(jobs) < maxBatch {
			select {
			case j = <-s.jobs:
			default:
			}
		}
	}
	if err == nil {
		if err = s.conn.run("COMMIT"); err != nil {
			err = fmt.Errorf("%w: commit: %w", ErrUnavailable, err)
		}
	}
	if err != nil {
		_ = s.conn.run("ROLLBACK") // SQLite may have rolled back by itself
	}
	s.answer(jobs, err)
}

// savepoint runs one job so that its failure leaves its neighbours alone. It
// returns an error only when the whole transaction is lost.
func (s *Store) savepoint(j *job, k *known) error {
	if !j.state.CompareAndSwap(jobWaiting, jobRunning) {
		j.err = ErrUnavailable // nobody is waiting any more
		return nil
	}
	if err := s.conn.run("SAVEPOINT one"); err != nil {
		return fmt.Errorf("%w: savepoint: %w", ErrUnavailable, err)
	}
	tx := newTx(s.conn, j, k, &s.packer)
	tx.saved = s.saved.Load()
	if j.err = guarded(j.fn, tx); j.err != nil {
		j.after, *k = nil, known{}
		if err := s.conn.run("ROLLBACK TO one"); err != nil {
			return fmt.Errorf("%w: %w (%w)", ErrUnavailable, j.err, err)
		}
	}
	if err := s.conn.run("RELEASE one"); err != nil {
		return fmt.Errorf("%w: release: %w", ErrUnavailable, err)
	}
	return nil
}

func (s *Store) answer(jobs []*job, err error) {
	s.judge(err)
	for _, j := range jobs {
		s.judge(j.err)
		if err != nil {
			j.reply <- err
			continue
		}
		for _, f := range j.after {
			f()
		}
		j.reply <- j.err
	}
}

// judge looks at an error for what it says about the disk.
func (s *Store) judge(err error) {
	s.ballast.judge(err)
	s.broken.judge(s.path, err)
}

// PanicError is what became of a panic inside an update.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

func guarded(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return fn(tx)
}

// View runs fn on a consistent view of the data; fn must not write.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	return view(ctx, s.reader, &s.packer, fn)
}

// Peek runs fn on the data as committed by now; fn must not write. It is
// cheaper than [Store.View], and each question may see a later commit than the
// one before it. What is asked cannot be interrupted: it must be short.
func (s *Store) Peek(fn func(*Tx) error) error {
	s.peeking.Lock()
	defer s.peeking.Unlock()
	return fn(newTx(s.peeks, nil, nil, &s.packer))
}

func view(ctx context.Context, db *sql.DB, p *packer, fn func(*Tx) error) error {
	t, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer t.Rollback() // nothing was written
	return fn(newTx(viewer{ctx, t}, nil, nil, p))
}

// querier is the writer's connection or a view of the data.
type querier interface {
	query(sql string, args ...any) (*sql.Rows, error)
	exec(sql string, args ...any) (sql.Result, error)
}

// session is the writer's connection with its prepared statements. Its
// statements are not interrupted: a transaction ends whole, or not at all.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func newSession(c *sql.Conn) *session { return &session{conn: c, stmts: map[string]*sql.Stmt{}} }

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
	_, err := s.exec(text)
	return err
}

func (s *session) exec(text string, args ...any) (sql.Result, error) {
	st, err := s.prepare(text)
	if err != nil {
		return nil, err
	}
	r, err := st.Exec(args...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return r, nil
}

func (s *session) query(text string, args ...any) (*sql.Rows, error) {
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
	return s.conn.Close()
}

type viewer struct {
	ctx context.Context
	tx  *sql.Tx
}

func (v viewer) query(text string, args ...any) (*sql.Rows, error) {
	r, err := v.tx.QueryContext(v.ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return r, nil
}

// reading is a session that must not write.
type reading struct{ *session }

func (r reading) exec(string, ...any) (sql.Result, error) {
	return nil, errors.New("a view cannot write")
}

func (v viewer) exec(string, ...any) (sql.Result, error) {
	return nil, errors.New("a view cannot write")
}

// Tx is one transaction. It is not for use outside the function it is given to.
type Tx struct {
	*statements
	Outbox
	Letterbox
}

func newTx(q querier, j *job, k *known, p *packer) *Tx {
	s := &statements{q: q, job: j, known: k, packer: p}
	return &Tx{s, Outbox{s}, Letterbox{s}}
}

// Outbox is what has been decided to be told and has not been delivered yet.
type Outbox struct{ *statements }

// statements run in one transaction.
type statements struct {
	q      querier
	job    *job
	known  *known // nil in a view
	packer *packer
	saved  *func(rules.Incident)
}

// known is what the updates of one commit have found out, so that each of them
// need not ask again. It is forgotten when one of them is undone.
type known struct {
	number       int  // the newest running number given out; 0 before the first
	noneBlinding bool // no incident is open about a source that cannot be read
}

// AfterCommit calls f once the transaction has been committed.
func (tx *statements) AfterCommit(f func()) { tx.job.after = append(tx.job.after, f) }
