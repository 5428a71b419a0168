package engine

import (
	"database/sql"
	"strings"
)

// rowsAtOnce are the numbers of rows for which there is a statement, most first: a
// step of SQLite costs little beside the call that makes it, and a row little beside
// the message that brings it to a server.
var rowsAtOnce = [...]int{32, 16, 8, 7, 6, 5, 4, 3, 2, 1}

// Insert inserts rows of so many columns, several with one statement.
func Insert(q Querier, columns int, args []any, before, after string) error {
	for _, rows := range rowsAtOnce {
		for n := rows * columns; len(args) >= n; args = args[n:] {
			row := "(" + strings.Repeat("?, ", columns-1) + "?)"
			if _, err := q.Exec(before+strings.Repeat(row+", ", rows-1)+row+after, args[:n]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Gathered holds rows back until something is asked, or written that may depend on
// them: those of many incidents go into a table together.
type Gathered struct {
	Querier
	held []*held
}

// held are rows of one form.
type held struct {
	columns       int
	before, after string
	args          []any
	at            map[any]int // where rows of an upsert begin in args, by their first columns
}

// Later inserts rows of so many columns; where they are gathered, no earlier than
// something is asked or written that may depend on them. A later row of an upsert takes
// the place of one with the same first column.
func Later(q Querier, columns int, args []any, before, after string, upsert bool) error {
	g, is := q.(*Gathered)
	if !is {
		return Insert(q, columns, args, before, after)
	}
	g.later(columns, args, before, after, upsert)
	return nil
}

// Beside is the connection for a row that has nothing to do with those held back.
func Beside(q Querier) Querier {
	if g, is := q.(*Gathered); is {
		return g.Querier
	}
	return q
}

func (g *Gathered) later(columns int, args []any, before, after string, upsert bool) {
	var of *held
	for _, h := range g.held {
		if h.before == before {
			of = h
		}
	}
	if of == nil {
		of = &held{columns: columns, before: before, after: after}
		g.held = append(g.held, of)
	}
	if !upsert {
		of.args = append(of.args, args...)
		return
	}
	if of.at == nil {
		of.at = map[any]int{}
	}
	for ; len(args) > 0; args = args[columns:] {
		if at, is := of.at[args[0]]; is {
			copy(of.args[at:], args[:columns])
			continue
		}
		of.at[args[0]] = len(of.args)
		of.args = append(of.args, args[:columns]...)
	}
}

// Settle writes what is held.
func (g *Gathered) Settle() error {
	all := g.held
	g.held = nil
	for _, h := range all {
		if err := Insert(g.Querier, h.columns, h.args, h.before, h.after); err != nil {
			return err
		}
	}
	return nil
}

// Query implements [Querier].
func (g *Gathered) Query(text string, args ...any) (*sql.Rows, error) {
	if err := g.Settle(); err != nil {
		return nil, err
	}
	return g.Querier.Query(text, args...)
}

// Exec implements [Querier].
func (g *Gathered) Exec(text string, args ...any) (sql.Result, error) {
	if err := g.Settle(); err != nil {
		return nil, err
	}
	return g.Querier.Exec(text, args...)
}
