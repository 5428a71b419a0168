package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/files"
	"vigie/receiver/store/pg"
	"vigie/receiver/store/tables"
	"vigie/rules/incident"
)

// transferKey says how far a transfer into a database has come: until it is whole
// no receiver may use it.
const transferKey = "transfer"

// rowsPerStep are how many rows are carried over in one transaction.
const rowsPerStep = 500

// Transfer carries a whole database over into an empty one, of either kind, and
// proves by the journal's chains that it has arrived. What was interrupted goes on
// where it was when it is called again. No receiver may use either meanwhile;
// progress is told after each step.
func Transfer(ctx context.Context, from *Archive, to *Store, progress func(table string, rows int)) (*Verification, error) {
	if from.path != "" {
		lock, err := files.Lock(from.path + ".lock")
		if err != nil {
			return nil, err
		}
		defer lock.Close()
	}
	var seal Seal
	err := from.View(ctx, func(tx *Tx) (err error) {
		if from.path == "" {
			if err := tx.unused(); err != nil {
				return err
			}
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
	all := tables.All()
	for n := first; n < len(all); n++ {
		err := from.View(ctx, func(tx *Tx) error { return carry(ctx, tx, to, all[n], n, done, seal, progress) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", all[n].Name, err)
		}
		done = 0
	}
	return to.arrived(ctx, seal)
}

// unused returns an error while a receiver holds a lease.
func (tx *statements) unused() error {
	n, err := tx.number(`SELECT COUNT(*) FROM lease WHERE until > ` + serverNow)
	if err == nil && n > 0 {
		err = errors.New("a receiver uses the database that is to be carried over: stop it first")
	}
	return err
}

// transferred tells how far a transfer has come; a database that holds anything
// else is refused.
func (s *Store) transferred(ctx context.Context, seal Seal) (table, rows int, err error) {
	err = s.Update(ctx, func(tx *Tx) error {
		table, rows = 0, 0
		text, err := tx.Value(transferKey)
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
		for _, t := range tables.All() {
			if n, err := tx.number(`SELECT COUNT(*) FROM ` + t.Name); err != nil || n > 0 {
				return errors.Join(err, fmt.Errorf("the database is not empty (%s): name one that is; one that was carried over whole needs nothing more", t.Name))
			}
		}
		return tx.SetValue(transferKey, fmt.Sprintf("0 0 %s", seal)) // no receiver may begin on it
	})
	return table, rows, err
}

// carry carries one table over, beginning after so many rows.
func carry(ctx context.Context, tx *Tx, to *Store, t tables.Table, position, done int, seal Seal, progress func(string, int)) error {
	kinds, names := t.Columns()
	rows, err := tx.q.Query(`SELECT `+strings.Join(names, ", ")+` FROM `+t.Name+` ORDER BY `+t.Order+` LIMIT ? OFFSET ?`, math.MaxInt64, done)
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
			err := engine.Insert(tx.q, len(names), append([]any(nil), some...), `INSERT INTO `+t.Name+` (`+strings.Join(names, ", ")+`) VALUES `, ``)
			return errors.Join(err, tx.SetValue(transferKey, fmt.Sprintf("%d %d %s", position, done+n, seal)))
		})
		if err == nil {
			done += n
			progress(t.Name, done)
		}
		return err
	}
	for rows.Next() {
		row, at := tables.Cells(kinds)
		if err := rows.Scan(at...); err != nil {
			return err
		}
		args = append(args, pg.Values(to.repacked(kinds, row()))...)
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

// repacked gives a row the forms in which this database is written: earlier receivers
// may read along on a server. What cannot be read stays as it is.
func (s *Store) repacked(kinds string, row []any) []any {
	for n, kind := range kinds {
		pack := map[rune]func([]byte) ([]byte, error){'s': s.packer.Pack, 'm': s.packer.PackMail}[kind]
		was, is := row[n].([]byte)
		if pack == nil || !is {
			continue
		}
		text, err := s.packer.Unpack(was)
		if err == nil {
			text, err = pack(text)
		}
		if err == nil {
			row[n] = text
		}
	}
	return row
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
		return errors.Join(tx.DropValue(transferKey), tx.AppendSystem(incident.Entry{At: s.Now(), Kind: "note", What: "transferred",
			Reason: "the database was carried over from another one; " + strconv.Itoa(v.Lines) + " lines verified"}))
	})
}

// Whole returns an error for a database into which another one has been carried
// over in part.
func (tx *statements) Whole() error {
	text, err := tx.Value(transferKey)
	if err == nil && text != "" {
		err = errors.New("the database holds a part of another one: finish with vigie store migrate, or empty it")
	}
	return err
}
