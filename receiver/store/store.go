// Package store keeps what the receiver must not forget, in one SQLite file or in
// a database of PostgreSQL that several receivers share.
//
// Every change goes through [Store.Update]. One writer goroutine runs all
// updates that wait and commits them together: one fsync serves many. When one
// fails they are run again, each inside its own savepoint. An update's caller is answered after that commit, so
// nil means that the change survives a power cut.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vigie/receiver/store/ballast"
	"vigie/receiver/store/deflate"
	"vigie/receiver/store/engine"
	"vigie/receiver/store/heard"
	"vigie/receiver/store/kept"
	"vigie/receiver/store/pg"
	"vigie/receiver/store/sqlite"
	"vigie/rules/incident"
)

// ErrUnavailable is [engine.ErrUnavailable].
var ErrUnavailable = engine.ErrUnavailable

const (
	// maxBatch is how many updates share a commit.
	maxBatch = 256
	// maxWaiting is how many updates may wait for the writer before further ones
	// are turned away.
	maxWaiting = 1024
	// maxAgain is how often a transaction is run again that others got in the way of.
	maxAgain = 3
)

//go:embed migrations/*.sql migrations/postgres/*.sql
var migrations embed.FS

// Store is an open database. Its methods may be called from several goroutines.
type Store struct {
	path    string // of the file; the address, without a secret, of a server's database
	ballast *ballast.Ballast
	db      engine.Database
	server  *pg.Database // db, where it is a server's

	jobs    chan *job
	patient chan *job // those that let others go first
	aside   []*job    // what waits for a later transaction; the writer's own
	closing chan struct{}
	closed  sync.Once
	done    chan struct{}
	broken  broken

	deflater deflate.Pool
	lately   heard.Lately
	repeats  *heard.Repeats // nil where others write, too
	saved    atomic.Pointer[func(*incident.Incident)]
	clock    pg.Clock
	commits  atomic.Int64
	packer   kept.Packer
	pulse    pulse
}

// Watch lets f see each incident that has been saved, after its commit and in
// the order of commits. The store waits for it: it must be quick, must not ask the
// store, and must not hold on to the incident.
func (s *Store) Watch(f func(*incident.Incident)) { s.saved.Store(&f) }

type job struct {
	fn      func(*Tx) error
	patient bool         // it lets others go first
	lease   Lease        // under which it is kept; none without a name
	scope   *Scope       // what it is about; nil is everything
	locks   []int64      // of the scope's handles
	wider   int          // how often it was about more than it said
	again   bool         // it was, and is to be run again
	state   atomic.Int32 // waiting, running or abandoned
	reply   chan error
	after   []func()
	err     error
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

	// Within is how long one question to a server may take before it counts as gone;
	// 8 s when 0.
	Within time.Duration
	// Password is that of a server's database, where it is not in the environment.
	Password string
	// Warn is told what goes wrong with a server later and stops nothing.
	Warn func(string)

	// file is what tests alone change.
	file sqlite.Options
}

// OnServer is [pg.OnServer], Address is [pg.Address], CheckAddress is [pg.CheckAddress].
func OnServer(database string) bool      { return pg.OnServer(database) }
func Address(database string) string     { return pg.Address(database) }
func CheckAddress(database string) error { return pg.CheckAddress(database) }

// Open opens the database with no options; see [Options.Open].
func Open(ctx context.Context, database string) (*Store, error) {
	return Options{}.Open(ctx, database)
}

// Open opens a database: a file's name, or an address that begins with
// postgres://. A file is created when it is not there, and taken for this process
// alone; several processes may share a server's database. It refuses a damaged
// file, one written by a newer version, and a server that does not keep what it
// says it has kept.
func (o Options) Open(ctx context.Context, database string) (*Store, error) {
	s := &Store{
		path: database, ballast: new(ballast.Ballast), jobs: make(chan *job, maxWaiting), patient: make(chan *job, maxWaiting), closing: make(chan struct{}), done: make(chan struct{}), broken: broken{now: make(chan struct{})},
	}
	if OnServer(database) {
		p, err := pg.Open(ctx, database, o.Password, o.Within, o.Warn, migrations)
		if err != nil {
			return nil, err
		}
		s.db, s.server, s.path, s.packer.Shared = p, p, p.Name, true
		if err := s.askClock(ctx); err != nil {
			return nil, errors.Join(err, p.Close(false))
		}
	} else {
		f, err := sqlite.Open(ctx, database, migrations, o.file)
		if err != nil {
			return nil, err
		}
		s.db, s.ballast, s.repeats = f, ballast.New(database+".ballast", o.Ballast), heard.NewRepeats()
	}
	s.Tend()
	go s.write()
	return s, nil
}

// Close waits for the updates that are under way, refuses new ones and closes
// the file.
func (s *Store) Close() error {
	s.closed.Do(func() { close(s.closing) })
	<-s.done
	return s.release()
}

func (s *Store) release() error { return s.db.Close(s.broken.err() != nil) }

// Update runs fn in a transaction and returns after its durable commit. When
// fn returns an error, or panics, nothing of it is kept. It may be run more than
// once, when another process has got in its way: only the last run counts. An error that matches
// [ErrUnavailable] may go away by itself. After an error the caller must not
// read what fn wrote: fn may still be running when ctx ends first.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	j := &job{fn: fn, lease: leaseOf(ctx), patient: patient(ctx), reply: make(chan error, 1)}
	if s.Shared() {
		j.narrow(scopeOf(ctx))
	}
	select {
	case <-s.closing:
		return fmt.Errorf("%w: it is closed", ErrUnavailable)
	case <-s.broken.now:
		return s.broken.err()
	default:
	}
	queue := s.jobs
	if j.patient {
		queue = s.patient
	}
	select {
	case queue <- j:
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
			s.batches(j)
		case j := <-s.patient:
			s.batches(j)
		case <-s.closing: // whoever is waiting is still served
			for j := s.next(new(mix)); j != nil; j = s.next(new(mix)) {
				s.batches(j)
			}
			return
		}
	}
}

// batches runs a job, and what it was found with.
func (s *Store) batches(first *job) {
	for s.batch(first, nil); len(s.aside) > 0; {
		s.batch(nil, s.gather(nil))
	}
}

// batch runs a job and all that have come in meanwhile under one commit.
func (s *Store) batch(first *job, together []*job) {
	if err := s.broken.err(); err != nil {
		if first != nil {
			together = append(together, first)
		}
		s.answer(together, err)
		return
	}
	if first != nil && s.Shared() {
		first, together = nil, s.gather(first)
	}
	jobs, err := s.try(first, together, false)
	for again := 0; err != nil && again < maxAgain && s.db.Retry(err); again++ {
		s.numbers().Undo(0)
		jobs, err = s.try(nil, jobs, true)
	}
	s.answer(jobs, err)
}

// try runs jobs in one transaction, those given or one and all that have come in
// meanwhile; apart is each inside a savepoint.
func (s *Store) try(first *job, given []*job, apart bool) ([]*job, error) {
	jobs := make([]*job, 0, maxBatch)
	k := &known{}
	s.numbers().Begin()
	tx, shares, err := s.db.Begin(wanted(given))
	if err != nil {
		if first != nil {
			given = []*job{first}
		}
		return given, fmt.Errorf("%w: begin: %w", ErrUnavailable, err)
	}
	for _, j := range given {
		j.after, j.err, j.again = nil, nil, false
		j.state.CompareAndSwap(jobRunning, jobWaiting)
		jobs = append(jobs, j)
		if apart && err == nil {
			err = s.savepoint(tx, j, k, shares)
		}
		if apart {
			continue
		}
		if s.plain(tx, j, k, shares); j.err == nil {
			continue
		}
		if shares.Beyond() {
			j.widen(shares)
			given, s.aside = slices.DeleteFunc(slices.Clone(given), func(other *job) bool { return other == j }), append(s.aside, j)
		}
		return s.without(tx, j.err, given)
	}
	if !apart {
		if failed := tx.Flush(); failed != nil {
			return s.without(tx, failed, jobs)
		}
	}
	m := mixOf(first)
	for j := first; j != nil; {
		jobs = append(jobs, j)
		if s.plain(tx, j, k, nil); j.err != nil {
			return s.without(tx, j.err, jobs)
		}
		j = nil
		if len(jobs) < maxBatch {
			j = s.next(m)
		}
	}
	if err == nil {
		if err = tx.Commit(); err != nil {
			err = fmt.Errorf("%w: commit: %w", ErrUnavailable, err)
		}
	}
	if err != nil {
		tx.Rollback()
	}
	s.commits.Add(1)
	return jobs, err
}

// plain runs one job without a savepoint, for whose sake SQLite would copy every page
// that the job changes, and a server would be asked about each job. After an error of
// the job the whole transaction is lost.
func (s *Store) plain(t engine.Transaction, j *job, k *known, shares *engine.Sharing) {
	if !j.state.CompareAndSwap(jobWaiting, jobRunning) {
		return // nobody is waiting any more
	}
	j.err = s.run(t, j, k, shares)
}

// without ends a transaction in which something has failed; its jobs run again, each
// inside a savepoint, unless nothing can be written at all.
func (s *Store) without(t engine.Transaction, failed error, jobs []*job) ([]*job, error) {
	lost := t.Lost(failed)
	t.Rollback()
	s.numbers().Undo(0)
	s.judge(failed)
	switch err := s.broken.err(); {
	case err != nil:
		return jobs, err
	case lost:
		return jobs, failed
	case len(jobs) == 0:
		return nil, nil
	case len(jobs) == 1 && jobs[0].err != nil && !s.db.Retry(failed): // it leaves no neighbours
		jobs[0].after = nil
		return jobs, nil
	}
	return s.try(nil, jobs, true)
}

// savepoint runs one job so that its failure leaves its neighbours alone. It
// returns an error only when the whole transaction is lost.
func (s *Store) savepoint(t engine.Transaction, j *job, k *known, shares *engine.Sharing) error {
	if !j.state.CompareAndSwap(jobWaiting, jobRunning) {
		j.err = ErrUnavailable // nobody is waiting any more
		return nil
	}
	if err := t.Savepoint(); err != nil {
		return fmt.Errorf("%w: savepoint: %w", ErrUnavailable, err)
	}
	numbers := s.numbers().Mark()
	j.err = s.run(t, j, k, shares)
	if j.err == nil {
		err := t.Release()
		if err == nil {
			return nil
		}
		j.err = err
	}
	if shares.Beyond() {
		j.widen(shares)
		shares.Lacks, shares.Alone = nil, false
	} else if s.db.Retry(j.err) {
		return j.err
	}
	j.after, *k = nil, known{}
	s.numbers().Undo(numbers)
	if err := t.Undo(); err != nil {
		return fmt.Errorf("%w: %w (%w)", ErrUnavailable, j.err, err)
	}
	if err := t.Release(); err != nil {
		return fmt.Errorf("%w: release: %w", ErrUnavailable, err)
	}
	return nil
}

// numbers gives out the running numbers of incidents on a server; nil for a file.
func (s *Store) numbers() *pg.Numbers {
	if s.server == nil {
		return nil
	}
	return &s.server.Numbers
}

// run runs one job, while its lease is held.
func (s *Store) run(t engine.Transaction, j *job, k *known, shares *engine.Sharing) error {
	rows := &engine.Gathered{Querier: t}
	tx := newTx(rows, j, k, &s.packer)
	tx.saved, tx.repeats = s.saved.Load(), s.repeats
	tx.numbers = s.numbers()
	if j.lease.Name != "" && s.Shared() {
		if err := tx.fence(j.lease); err != nil {
			return err
		}
	}
	if tx.sharing = shares; shares != nil {
		tx.q = reserved{tx.q, shares}
	}
	err := guarded(j.fn, tx)
	if shares.Beyond() {
		return engine.ErrBeyond // whatever was made of it
	}
	if err == nil {
		err = rows.Settle()
	}
	return err
}

func (s *Store) answer(jobs []*job, err error) {
	s.judge(err)
	for _, j := range jobs {
		if err == nil && j.again {
			s.aside = append(s.aside, j)
			continue
		}
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
	if sqlite.DiskFull(err) {
		s.ballast.GiveBack()
	}
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
	return s.db.View(ctx, func(q engine.Querier) error { return fn(newTx(q, nil, nil, &s.packer)) })
}

// Peek runs fn on the data as committed by now; fn must not write. It is
// cheaper than [Store.View], and each question may see a later commit than the
// one before it. What is asked cannot be interrupted: it must be short.
func (s *Store) Peek(fn func(*Tx) error) error {
	return s.db.Peek(func(q engine.Querier) error { return fn(newTx(q, nil, nil, &s.packer)) })
}

// Tx is one transaction. It is not for use outside the function it is given to.
type Tx struct {
	*statements
	Outbox
	Letterbox
}

func newTx(q engine.Querier, j *job, k *known, p *kept.Packer) *Tx {
	s := &statements{q: q, job: j, known: k, packer: p}
	return &Tx{s, Outbox{s}, Letterbox{s}}
}

// Outbox is what has been decided to be told and has not been delivered yet.
type Outbox struct{ *statements }

// statements run in one transaction.
type statements struct {
	q      engine.Querier
	job    *job
	known  *known // nil in a view
	packer *kept.Packer
	saved  *func(*incident.Incident)
	// sharing is what is locked in a transaction that others run beside, numbers
	// gives out those of incidents; nil where nobody else can write.
	sharing *engine.Sharing
	numbers *pg.Numbers
	repeats *heard.Repeats // nil in a view
}

// known is what the updates of one commit have found out, so that each of them
// need not ask again. It is forgotten when one of them is undone.
type known struct {
	number   int       // the newest running number given out; 0 before the first
	opened   int       // how many were
	looked   bool      // blinding is known
	blinding []*Record // the open incidents about sources that cannot be read
	held     Lease
	people   map[string]string // their pseudonyms
}

// AfterCommit calls f once the transaction has been committed.
func (tx *statements) AfterCommit(f func()) { tx.job.after = append(tx.job.after, f) }

// Shared reports whether several receivers may use the database at the same time.
func (s *Store) Shared() bool {
	return s.server != nil
}

// Notices are what is not wrong with the database and should be known.
func (s *Store) Notices() []string {
	if s.server == nil {
		return nil
	}
	return s.server.Notices
}
