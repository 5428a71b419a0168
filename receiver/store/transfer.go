package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"vigie/rules"
)

// transferFact says how far a transfer into a database has come: until it is whole
// no receiver may use it.
const transferFact = "transfer"

// table is what is carried over, in an order that does not change. Its columns
// begin with t for text, i for a number and b for bytes.
type table struct{ name, order, columns string }

func tables() []table {
	return []table{
		{"policy", "hash", "t.hash i.first_seen b.files"},
		{"delivery", "sha256", "b.sha256 i.first_at i.last_at i.times i.alerts b.body"},
		{"incident", "id", "t.id i.number t.key t.scenario t.policy t.state t.entry i.open i.blinds t.customer t.machine t.platform t.host i.opened_at i.resolved_at " +
			"i.wake_at t.wake_with i.ask_at t.outage i.outage_marks t.root i.chain_length b.chain_head b.value i.began_at"},
		{"alert", "fingerprint, incident", "t.fingerprint t.incident t.source i.firing"},
		{"ignored", "fingerprint", "t.fingerprint t.reason i.first_at i.last_at i.again_at b.value"},
		{"journal", "chain, line", "t.chain i.line i.at t.kind t.what t.actor t.reason b.commitment b.previous b.hash"},
		{"journal_personal", "chain, line", "t.chain i.line b.salt t.text"},
		{"chain", "name", "t.name i.length b.head"},
		{"notification", "rowid", "t.id t.incident i.position t.bundle_key i.hold_until t.message b.value"},
		{"message", "id", "t.id t.template i.created_at i.position b.value b.salt"},
		{"transmission", "message, address", "t.message t.address t.status i.attempts i.next_at i.since i.ended_at t.detail t.channel t.token"},
		{"unsealed", "chain", "t.chain i.length b.head"},
		{"seal", "number", "i.number i.at b.previous b.hash"},
		{"seal_head", "seal, chain", "i.seal t.chain i.length b.head"},
		{"cut", "chain", "t.chain i.line b.hash"},
		{"person", "pseudonym", "t.pseudonym t.name"},
		{"mail", "id", "t.id i.received_at t.sort i.open b.value"},
		{"fact", "name", "t.name t.value"},
	}
}

// rowsPerStep are how many rows are carried over in one transaction.
const rowsPerStep = 500

// Transfer carries a whole database over into an empty one, of either kind, and
// proves by the journal's chains that it has arrived. What was interrupted goes on
// where it was when it is called again. No receiver may use either meanwhile;
// progress is told after each step.
func Transfer(ctx context.Context, from *Archive, to *Store, progress func(table string, rows int)) (*Verification, error) {
	if !from.server {
		lock, err := takeLock(from.path + ".lock")
		if err != nil {
			return nil, err
		}
		defer lock.Close()
	}
	var seal Seal
	err := from.View(ctx, func(tx *Tx) (err error) {
		if n, err := tx.leased(from.server); err != nil || n > 0 {
			return errors.Join(err, errUsed(n > 0))
		}
		seal, _, err = tx.LatestSeal()
		return err
	})
	if err != nil {
		return nil, err
	}
	first, done, err := to.transferred(ctx, seal)
	if err != nil {
		return nil, err
	}
	all := tables()
	for n := first; n < len(all); n++ {
		err := from.View(ctx, func(tx *Tx) error { return carry(ctx, tx, to, all[n], n, done, seal, progress) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", all[n].name, err)
		}
		done = 0
	}
	return to.arrived(ctx, seal)
}

func errUsed(used bool) error {
	if used {
		return errors.New("a receiver uses the database that is to be carried over: stop it first")
	}
	return nil
}

// leased counts the leases that are held.
func (tx *Tx) leased(server bool) (int64, error) {
	if !server {
		return 0, nil
	}
	return tx.number(`SELECT COUNT(*) FROM lease WHERE until > ` + serverNow)
}

// transferred tells how far a transfer has come; a database that holds anything
// else is refused.
func (s *Store) transferred(ctx context.Context, seal Seal) (table, rows int, err error) {
	err = s.Update(ctx, func(tx *Tx) error {
		table, rows = 0, 0
		text, err := tx.Fact(transferFact)
		if err != nil {
			return err
		}
		if text != "" {
			of := ""
			if _, err := fmt.Sscanf(text, "%d %d %s", &table, &rows, &of); err != nil || of != seal.String() {
				return errors.New("the database holds a part of another one: empty it first")
			}
			return nil
		}
		for _, t := range tables() {
			if n, err := tx.number(`SELECT COUNT(*) FROM ` + t.name); err != nil || n > 0 {
				return errors.Join(err, fmt.Errorf("the database is not empty (%s): name one that is", t.name))
			}
		}
		return nil
	})
	return table, rows, err
}

// carry carries one table over, beginning after so many rows.
func carry(ctx context.Context, tx *Tx, to *Store, t table, position, done int, seal Seal, progress func(string, int)) error {
	kinds, names := t.parts()
	rows, err := tx.q.query(`SELECT `+strings.Join(names, ", ")+` FROM `+t.name+` ORDER BY `+t.order+` LIMIT ? OFFSET ?`, math.MaxInt64, done)
	if err != nil {
		return err
	}
	defer rows.Close()
	var args []any
	step := func() error {
		n := len(args) / len(names)
		some := args
		args = nil
		err := to.Update(ctx, func(tx *Tx) error {
			err := tx.insert(len(names), append([]any(nil), some...), `INSERT INTO `+t.name+` (`+strings.Join(names, ", ")+`) VALUES `, ``)
			return errors.Join(err, tx.SetFact(transferFact, fmt.Sprintf("%d %d %s", position, done+n, seal)))
		})
		if err == nil {
			done += n
			progress(t.name, done)
		}
		return err
	}
	for rows.Next() {
		row, at := cells(kinds)
		if err := rows.Scan(at...); err != nil {
			return err
		}
		args = append(args, values(row())...)
		if len(args) == rowsPerStep*len(names) {
			if err := step(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return step()
}

// parts are the kinds and the names of a table's columns.
func (t table) parts() (kinds string, names []string) {
	for _, c := range strings.Fields(t.columns) {
		kinds += c[:1]
		names = append(names, c[2:])
	}
	return kinds, names
}

// arrived verifies what has been carried over, and lets receivers use it.
func (s *Store) arrived(ctx context.Context, seal Seal) (v *Verification, err error) {
	var kept []Seal
	if seal.Number > 0 {
		kept = append(kept, seal)
	}
	if err := s.View(ctx, func(tx *Tx) error { v, err = tx.Verify(kept...); return err }); err != nil {
		return nil, err
	}
	if len(v.Faults) > 0 {
		return v, errors.New("the journal does not verify; the database that was carried over has not been changed: examine it with vigie journal verify")
	}
	return v, s.Update(ctx, func(tx *Tx) error {
		return errors.Join(tx.DropFact(transferFact), tx.AppendSystem(rules.Entry{At: s.Now(), Kind: "note", What: "transferred",
			Reason: "the database was carried over from another one; " + strconv.Itoa(v.Lines) + " lines verified"}))
	})
}

// Whole returns an error for a database into which another one has been carried
// over in part.
func (tx *Tx) Whole() error {
	text, err := tx.Fact(transferFact)
	if err == nil && text != "" {
		err = errors.New("the database holds a part of another one: finish with vigie store migrate, or empty it")
	}
	return err
}
