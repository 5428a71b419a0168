package store

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"time"

	"vigie/rules"
)

// SystemChain is the journal of what belongs to no incident.
const SystemChain = "system"

// Line is one line of the journal.
type Line struct {
	Chain string `json:"chain"`
	Line  int64  `json:"line"`
	rules.Entry
	// Commitment binds the line to its personal text without containing it.
	Commitment []byte `json:"commitment,omitempty"`
	Previous   []byte `json:"previous,omitempty"`
	Hash       []byte `json:"hash"`
}

// Append adds entries to an incident's journal and moves the chain's head in
// the record, which must then be saved.
func (tx *Tx) Append(r *Record, entries []rules.Entry) error {
	var err error
	r.length, r.head, err = tx.extend(r.ID, r.length, r.head, entries)
	return err
}

// AppendSystem adds entries to the journal of what belongs to no incident.
func (tx *Tx) AppendSystem(entries ...rules.Entry) error {
	var length int64
	var head []byte
	rows, err := tx.q.query(`SELECT length, head FROM chain WHERE name = ?`, SystemChain)
	if err != nil {
		return err
	}
	for rows.Next() {
		err = rows.Scan(&length, &head)
	}
	rows.Close()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if length, head, err = tx.extend(SystemChain, length, head, entries); err != nil {
		return err
	}
	_, err = tx.q.exec(`INSERT INTO chain (name, length, head) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET length = excluded.length, head = excluded.head`, SystemChain, length, head)
	return err
}

const saltSize = 16

func (tx *Tx) extend(chain string, length int64, head []byte, entries []rules.Entry) (int64, []byte, error) {
	for _, e := range entries {
		l := Line{Chain: chain, Line: length + 1, Entry: e, Previous: head}
		if e.Personal != "" {
			salt := make([]byte, saltSize)
			if _, err := rand.Read(salt); err != nil {
				return length, head, fmt.Errorf("salt: %w", err)
			}
			l.Commitment = Commit(salt, e.Personal)
			if _, err := tx.q.exec(`INSERT INTO journal_personal (chain, line, salt, text) VALUES (?, ?, ?, ?)`,
				chain, l.Line, salt, e.Personal); err != nil {
				return length, head, err
			}
		}
		l.Hash = l.Sum()
		if _, err := tx.q.exec(`INSERT INTO journal (chain, line, at, kind, what, actor, reason, commitment, previous, hash)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			chain, l.Line, e.At.UnixNano(), e.Kind, e.What, e.Actor, e.Reason, l.Commitment, l.Previous, l.Hash); err != nil {
			return length, head, err
		}
		length, head = l.Line, l.Hash
	}
	return length, head, nil
}

// Commit is the salted commitment to a personal text: the text cannot be
// guessed from it once the salt is gone.
func Commit(salt []byte, text string) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// Sum computes the line's hash over every field but the personal text, each
// with its length, so that no two lines share an encoding.
func (l Line) Sum() []byte {
	h := sha256.New()
	field := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	number := func(n int64) { field(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	field([]byte("vigie journal 1"))
	field([]byte(l.Chain))
	number(l.Line)
	number(l.At.UnixNano())
	for _, s := range []string{l.Kind, l.What, l.Actor, l.Reason} {
		field([]byte(s))
	}
	field(l.Commitment)
	field(l.Previous)
	return h.Sum(nil)
}

// Journal returns the lines of a chain in order, with the personal texts that
// have not been erased.
func (tx *Tx) Journal(chain string) ([]Line, error) {
	rows, err := tx.q.query(`SELECT j.line, j.at, j.kind, j.what, j.actor, j.reason, j.commitment, j.previous, j.hash, p.text
		FROM journal j LEFT JOIN journal_personal p ON p.chain = j.chain AND p.line = j.line
		WHERE j.chain = ? ORDER BY j.line`, chain)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var lines []Line
	for rows.Next() {
		l := Line{Chain: chain}
		var at int64
		var text sql.NullString
		if err := rows.Scan(&l.Line, &at, &l.Kind, &l.What, &l.Actor, &l.Reason, &l.Commitment, &l.Previous, &l.Hash, &text); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		l.At, l.Personal = time.Unix(0, at).UTC(), text.String
		lines = append(lines, l)
	}
	return lines, rows.Err()
}
