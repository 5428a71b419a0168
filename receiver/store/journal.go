package store

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/journal"
	"vigie/receiver/store/pg"
	"vigie/rules/incident"
)

// SystemChain is [journal.System].
const SystemChain = journal.System

// Line, Seal and Verification are those of the journal's own room.
type (
	Line         = journal.Line
	Seal         = journal.Seal
	Verification = journal.Verification
)

func (tx *statements) journal() journal.Tables {
	return journal.Tables{Querier: tx.q, Unpack: tx.packer.UnpackMail}
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
			l.Commitment = journal.Commit(salt, e.Personal)
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

// Journal returns the lines of a chain in order, with the personal texts that
// have not been erased.
func (tx *Tx) Journal(chain string) ([]Line, error) {
	return tx.lines(`j.chain = ? ORDER BY j.line`, chain)
}

// lines reads the lines of the journal for which a condition holds, in its order.
func (tx *Tx) lines(where string, args ...any) ([]Line, error) {
	return tx.journal().Lines(where, args...)
}

// Verify is [journal.Tables.Verify], SealJournal is [journal.Tables.Seal], LatestSeal is
// [journal.Tables.LatestSeal].
func (tx *Tx) Verify(seen ...Seal) (*Verification, error)    { return tx.journal().Verify(seen...) }
func (tx *Tx) SealJournal(now time.Time) (Seal, bool, error) { return tx.journal().Seal(now) }
func (tx *Tx) LatestSeal() (Seal, bool, error)               { return tx.journal().LatestSeal() }
