package store

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/pg"
	"vigie/rules/incident"
)

// SystemChain is the journal of what belongs to no incident.
const SystemChain = "system"

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

// Append adds entries to an incident's journal and moves the chain's head in
// the record, which must then be saved.
func (tx *Tx) Append(r *Record, entries []incident.Entry) error {
	if err := tx.lockedRecord(r, true); err != nil {
		return err
	}
	tx = tx.beside()
	var err error
	known := rowOf(r)
	known.length, known.head, err = tx.extend(r.ID, known.length, known.head, entries)
	return err
}

// AppendSystem adds entries to the journal of what belongs to no incident.
func (tx *Tx) AppendSystem(entries ...incident.Entry) error {
	var length int64
	var head []byte
	rows, err := tx.q.Query(`SELECT length, head FROM chain WHERE name = ?`, SystemChain)
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
	_, err = tx.q.Exec(`INSERT INTO chain (name, length, head) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET length = excluded.length, head = excluded.head`, SystemChain, length, head)
	return err
}

const saltSize = 16

func newSalt() ([]byte, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("salt: %w", err)
	}
	return salt, nil
}

// pseudonym returns what stands for an actor in the journal.
func (tx *Tx) pseudonym(actor string) (string, error) {
	if actor == "" {
		return "", nil
	}
	if p := tx.known.people[actor]; p != "" {
		return p, nil
	}
	p, err := tx.pseudonymOf(actor)
	if err == nil {
		if tx.known.people == nil {
			tx.known.people = map[string]string{}
		}
		tx.known.people[actor] = p
	}
	return p, err
}

func (tx *statements) pseudonymOf(actor string) (string, error) {
	known, err := tx.texts(`SELECT pseudonym FROM person WHERE name = ?`, actor)
	if err != nil || len(known) > 0 {
		return strings.Join(known, ""), err
	}
	if _, err = tx.q.Exec(`INSERT INTO person (pseudonym, name) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, newPseudonym(), actor); err != nil {
		return "", err
	}
	// Another receiver may have been faster.
	known, err = tx.texts(`SELECT pseudonym FROM person WHERE name = ?`, actor)
	return strings.Join(known, ""), err
}

func newPseudonym() string { return "p-" + strings.ToLower(rand.Text()[:12]) }

// impersonal writes an entry as it is kept. It takes an address that is the entry's personal text out of its
// reason, which is hashed and stays for ever.
func impersonal(e incident.Entry) incident.Entry {
	for _, text := range []*string{&e.Kind, &e.What, &e.Reason, &e.Personal} {
		*text = pg.Clean(*text) // what is hashed must be what any database holds
	}
	if strings.Contains(e.Personal, "@") && !strings.Contains(e.Personal, " ") {
		e.Reason = strings.ReplaceAll(e.Reason, e.Personal, "(address)")
	}
	return e
}

func (tx *Tx) extend(chain string, length int64, head []byte, entries []incident.Entry) (int64, []byte, error) {
	if len(entries) == 0 {
		return length, head, nil
	}
	args := make([]any, 0, 10*len(entries))
	for _, e := range entries {
		e = impersonal(e)
		l := Line{Chain: chain, Line: length + 1, Entry: e, Previous: head}
		var err error
		if l.Pseudonym, err = tx.pseudonym(e.Actor); err != nil {
			return length, head, err
		}
		if e.Personal != "" {
			salt, err := newSalt()
			if err != nil {
				return length, head, err
			}
			l.Commitment = Commit(salt, e.Personal)
			if _, err := tx.q.Exec(`INSERT INTO journal_personal (chain, line, salt, text) VALUES (?, ?, ?, ?)`,
				chain, l.Line, salt, e.Personal); err != nil {
				return length, head, err
			}
		}
		l.Hash = l.Sum()
		args = append(args, chain, l.Line, e.At.UnixNano(), e.Kind, e.What, l.Pseudonym, e.Reason, l.Commitment, l.Previous, l.Hash)
		length, head = l.Line, l.Hash
	}
	err := engine.Later(tx.q, 10, args, `INSERT INTO journal (chain, line, at, kind, what, actor, reason, commitment, previous, hash) VALUES `, ``, false)
	if err != nil {
		return length, head, err
	}
	return length, head, tx.unseal(chain, length, head)
}

// unseal puts a chain's head down for the next seal.
func (tx *statements) unseal(chain string, length int64, head []byte) error {
	return engine.Later(tx.q, 3, []any{chain, length, head}, `INSERT INTO unsealed (chain, length, head) VALUES `,
		` ON CONFLICT (chain) DO UPDATE SET length = excluded.length, head = excluded.head`, true)
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

func newSum(of string) *sum {
	s := &sum{make([]byte, 0, 512)}
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

// hash is that of all fields.
func (s *sum) hash() []byte {
	h := sha256.Sum256(s.fields)
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

const (
	lineFields  = `j.chain, j.line, j.at, j.kind, j.what, j.actor, COALESCE(w.name, j.actor), j.reason, j.commitment, j.previous, j.hash, p.salt, p.text`
	lineTables  = ` FROM journal j LEFT JOIN journal_personal p ON p.chain = j.chain AND p.line = j.line LEFT JOIN person w ON w.pseudonym = j.actor`
	lineColumns = lineFields + lineTables
)

// scanLine reads a row of lineColumns; salt is nil where the personal text is
// gone, or never was. Columns beyond those of the line go to more.
func scanLine(rows *sql.Rows, more ...any) (l Line, salt []byte, err error) {
	var at int64
	var text sql.NullString
	fields := []any{&l.Chain, &l.Line, &at, &l.Kind, &l.What, &l.Pseudonym, &l.Actor, &l.Reason, &l.Commitment, &l.Previous, &l.Hash, &salt, &text}
	err = rows.Scan(append(fields, more...)...)
	l.At, l.Personal = time.Unix(0, at).UTC(), text.String
	return l, salt, err
}

// Journal returns the lines of a chain in order, with the personal texts that
// have not been erased.
func (tx *Tx) Journal(chain string) ([]Line, error) {
	return tx.lines(`j.chain = ? ORDER BY j.line`, chain)
}

// lines reads the lines of the journal for which a condition holds, in its order.
func (tx *Tx) lines(where string, args ...any) ([]Line, error) {
	rows, err := tx.q.Query(`SELECT `+lineColumns+` WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var lines []Line
	for rows.Next() {
		l, _, err := scanLine(rows)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		lines = append(lines, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return lines, nil
}
