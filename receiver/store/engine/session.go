package engine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
)

// Session is the writer's connection with its prepared statements. Its
// statements are not interrupted: a transaction ends whole, or not at all.
type Session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	// driver is the connection under conn, which has it for as long as the session
	// lives. What returns no rows goes there directly.
	driver driver.Conn
	execs  map[string]driver.StmtExecContext
	args   []driver.NamedValue // of the statement that runs
}

// NewSession returns the session of a connection, which nobody else may use any more.
func NewSession(c *sql.Conn) (*Session, error) {
	s := &Session{conn: c, stmts: map[string]*sql.Stmt{}, execs: map[string]driver.StmtExecContext{}}
	return s, c.Raw(func(under any) error {
		var is bool
		if s.driver, is = under.(driver.Conn); !is {
			return fmt.Errorf("a driver's connection is a %T", under)
		}
		return nil
	})
}

func (s *Session) prepare(text string) (*sql.Stmt, error) {
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

// Run executes a statement without arguments.
func (s *Session) Run(text string) error {
	_, err := s.Exec(text)
	return err
}

// Exec implements [Querier].
func (s *Session) Exec(text string, args ...any) (sql.Result, error) {
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

func (s *Session) prepareExec(text string) (driver.StmtExecContext, error) {
	if st := s.execs[text]; st != nil {
		return st, nil
	}
	st, err := s.driver.Prepare(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	exec, is := st.(driver.StmtExecContext)
	if !is {
		return nil, fmt.Errorf("a driver's statement is a %T, which cannot be executed", st)
	}
	s.execs[text] = exec
	return exec, nil
}

// bind makes what the driver takes of arguments, as package sql does.
func (s *Session) bind(args []any) error {
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

// Query implements [Querier].
func (s *Session) Query(text string, args ...any) (*sql.Rows, error) {
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

// Close ends the statements and the connection.
func (s *Session) Close() error {
	for _, st := range s.stmts {
		_ = st.Close() // the connection goes with them
	}
	for _, st := range s.execs {
		_ = st.(driver.Stmt).Close()
	}
	return s.conn.Close()
}

// Savepoint implements [Transaction].
func (s *Session) Savepoint() error { return s.Run("SAVEPOINT one") }

// Release implements [Transaction].
func (s *Session) Release() error { return s.Run("RELEASE one") }

// Undo implements [Transaction].
func (s *Session) Undo() error { return s.Run("ROLLBACK TO one") }

// Flush implements [Transaction].
func (s *Session) Flush() error { return nil }

// Lost implements [Transaction].
func (s *Session) Lost(error) bool { return false }

// Commit implements [Transaction].
func (s *Session) Commit() error { return s.Run("COMMIT") }

// Rollback implements [Transaction].
func (s *Session) Rollback() { _ = s.Run("ROLLBACK") } // SQLite may have rolled back by itself

// Stamp implements [Querier].
func (s *Session) Stamp() string { return "" }
