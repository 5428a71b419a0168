// Package engine is what a store asks of the database under it: a file of SQLite,
// or a server's that several receivers share.
package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrUnavailable matches every failure after which the same call may succeed
// later: the disk is full, the queue is full, the store is closing.
var ErrUnavailable = errors.New("the store cannot write now")

// Database is what SQLite and PostgreSQL do differently.
type Database interface {
	// Begin begins the transaction of a batch. Until it ends nobody else writes, or
	// nobody writes what it has locked.
	Begin(*Want) (Transaction, *Sharing, error)
	// View runs fn on a consistent view of the data.
	View(ctx context.Context, fn func(Querier) error) error
	// Peek runs fn on the data as committed by now.
	Peek(fn func(Querier) error) error
	// Retry tells whether an error of a transaction may be gone when it is run again at once.
	Retry(err error) bool
	// Close ends all use; of what is broken nothing is written any more.
	Close(broken bool) error
}

// Querier is the writer's connection or a view of the data.
type Querier interface {
	Query(text string, args ...any) (*sql.Rows, error)
	Exec(text string, args ...any) (sql.Result, error)
	// Stamp is what an UPDATE of an incident sets besides, so that other processes
	// find what has changed; empty where there are none.
	Stamp() string
}

// Transaction is one that may write. Errors of it match [ErrUnavailable].
type Transaction interface {
	Querier
	Savepoint() error
	Release() error // the savepoint; what was written since is kept
	Undo() error    // back to the savepoint
	Flush() error   // sends what has not been sent to a server
	Commit() error
	Rollback()
	// Lost tells whether after an error nothing can be written at all for now.
	Lost(error) bool
}

// errReadOnly is the answer to a view that writes: a mistake of the program.
var errReadOnly = errors.New("a view cannot write")

// Viewer is a consistent view of the data.
type Viewer struct {
	Ctx context.Context
	Tx  *sql.Tx
}

// Query implements [Querier].
func (v Viewer) Query(text string, args ...any) (*sql.Rows, error) {
	r, err := v.Tx.QueryContext(v.Ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return r, nil
}

// Stamp implements [Querier].
func (v Viewer) Stamp() string { return "" }

// Exec implements [Querier].
func (v Viewer) Exec(string, ...any) (sql.Result, error) { return nil, errReadOnly }

// Reading is a connection that must not write.
type Reading struct{ Querier }

// Exec implements [Querier].
func (r Reading) Exec(string, ...any) (sql.Result, error) { return nil, errReadOnly }
