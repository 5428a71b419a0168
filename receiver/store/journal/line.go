// Package journal is the journal as it stands in a database: lines in chains, each
// bound to the one before it, and seals that bind the chains, so that it can be shown
// later that nothing was changed, left out or added.
package journal

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"sync"
	"time"

	"vigie/receiver/store/engine"
	"vigie/rules/incident"
)

// System is the chain of what belongs to no incident.
const System = "system"

// Tables are the tables of the journal, as one connection sees them.
type Tables struct {
	engine.Querier
	// Unpack returns a message as it was sealed of what its row holds.
	Unpack func(value []byte) ([]byte, error)
}

// Line is one line of the journal.
type Line struct {
	Chain string `json:"chain"`
	Line  int64  `json:"line"`
	incident.Entry
	// Pseudonym stands for the actor in what is hashed. Once the actor has been
	// erased nothing else is left of them.
	Pseudonym string `json:"pseudonym,omitempty"`
	// Commitment binds the line to its personal text without containing it.
	Commitment []byte `json:"commitment,omitempty"`
	Previous   []byte `json:"previous,omitempty"`
	Hash       []byte `json:"hash"`
}

// Commit is the salted commitment to a personal text: the text cannot be
// guessed from it once the salt is gone.
func Commit(salt []byte, text string) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// sum gathers fields to be hashed, each with its length, so that no two lists of
// fields share an encoding.
type sum struct{ fields []byte }

// sums are used again: a line's hash is computed for each that is written.
var sums = sync.Pool{New: func() any { return new(sum) }}

func newSum(of string) *sum {
	s := sums.Get().(*sum)
	s.fields = s.fields[:0]
	s.text(of)
	return s
}

func (s *sum) length(n int) { s.fields = binary.BigEndian.AppendUint64(s.fields, uint64(n)) }

func (s *sum) field(b []byte) {
	s.length(len(b))
	s.fields = append(s.fields, b...)
}

func (s *sum) text(t string) {
	s.length(len(t))
	s.fields = append(s.fields, t...)
}

func (s *sum) number(n int64) {
	s.length(8)
	s.fields = binary.BigEndian.AppendUint64(s.fields, uint64(n))
}

// hash is that of all fields, which are gathered no further.
func (s *sum) hash() []byte {
	h := sha256.Sum256(s.fields)
	sums.Put(s)
	return h[:]
}

// Sum computes the line's hash over every field but the personal text and the
// actor's name.
func (l Line) Sum() []byte {
	h := newSum("vigie journal 1")
	h.text(l.Chain)
	h.number(l.Line)
	h.number(l.At.UnixNano())
	for _, s := range []string{l.Kind, l.What, l.Pseudonym, l.Reason} {
		h.text(s)
	}
	h.field(l.Commitment)
	h.field(l.Previous)
	return h.hash()
}

// Fields are the columns of a line, and From the tables that they come from.
const (
	Fields  = `j.chain, j.line, j.at, j.kind, j.what, j.actor, COALESCE(w.name, j.actor), j.reason, j.commitment, j.previous, j.hash, p.salt, p.text`
	From    = ` FROM journal j LEFT JOIN journal_personal p ON p.chain = j.chain AND p.line = j.line LEFT JOIN person w ON w.pseudonym = j.actor`
	columns = Fields + From
)

// Scan reads a row of [Fields]; salt is nil where the personal text is
// gone, or never was. Columns beyond those of the line go to more.
func Scan(rows *sql.Rows, more ...any) (l Line, salt []byte, err error) {
	var at int64
	var text sql.NullString
	fields := []any{&l.Chain, &l.Line, &at, &l.Kind, &l.What, &l.Pseudonym, &l.Actor, &l.Reason, &l.Commitment, &l.Previous, &l.Hash, &salt, &text}
	err = rows.Scan(append(fields, more...)...)
	l.At, l.Personal = time.Unix(0, at).UTC(), text.String
	return l, salt, err
}

// Lines returns the lines for which a condition holds, with the personal texts that
// have not been erased.
func (t Tables) Lines(where string, args ...any) ([]Line, error) {
	return engine.All(t, func(r *sql.Rows, l *Line) (err error) {
		*l, _, err = Scan(r)
		return err
	}, `SELECT `+columns+` WHERE `+where, args...)
}
