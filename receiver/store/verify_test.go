package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/receiver/store/journal"
	"vigie/receiver/store/pgtest"
	"vigie/rules/incident"
	"vigie/rules/model"
)

func update(t *testing.T, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func seal(t *testing.T, s *store.Store, at time.Time) (sealed store.Seal) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		var ok bool
		var err error
		if sealed, ok, err = tx.SealJournal(at); err == nil && !ok {
			err = errors.New("there was nothing to seal")
		}
		return err
	})
	return sealed
}

// written returns the file of a database with a story in it, and its seals: two
// incidents of five lines, the second ended, a payload, a message that was sent.
func written(t *testing.T) (path string, seals []store.Seal) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a.db")
	return path, writtenTo(t, path)
}

func writtenTo(t *testing.T, database string) (seals []store.Seal) {
	t.Helper()
	s := open(t, database)
	first, second := record(1), record(2)
	second.State, second.ResolvedAt = model.Resolved, now
	second.Acts = []incident.ActRecord{{At: now, Verb: "note", By: "lea@dupont.example"}}
	body, err := s.NewBody([]byte(`{"alerts":[]}`), 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		at := now.Add(time.Duration(n) * time.Minute)
		update(t, s, func(tx *store.Tx) error {
			if n == 0 {
				note := incident.Notification{ID: "n", IncidentID: "i2", BundleKey: "k", HoldUntil: at}
				_, err := tx.CreateMessage("m@msp.example", "T", []incident.Notification{note}, nil, nil, at)
				value := []byte(`{"To":["Léa <lea@dupont.example>"],"Text":"the disk is broken"}`)
				if err = errors.Join(err, tx.Notify(note)); err != nil {
					return err
				}
				_, err = tx.CreateMessage("m@msp.example", "T", []incident.Notification{note}, value, []string{"lea@dupont.example"}, at)
				if err = errors.Join(err, tx.KeepBody(body, at), tx.Finish("m@msp.example", "lea@dupont.example", store.Accepted, "", at)); err != nil {
					return err
				}
			}
			return errors.Join(
				tx.Append(first, []incident.Entry{{At: at, Kind: "step", What: "s", Reason: fmt.Sprintf("reason %d", n)}}),
				tx.Append(second, []incident.Entry{{At: at, Kind: "act", What: "note", Actor: "lea@dupont.example", Reason: "note",
					Personal: fmt.Sprintf("Léa is ill %d", n)}}),
				tx.Save(first), tx.Save(second), tx.KeepBody(body, at))
		})
		seals = append(seals, seal(t, s, at))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return seals
}

func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	if store.OnServer(path) {
		if _, err := pgtest.Query(path, strings.Join(statements, "; ")); err != nil {
			t.Fatal(err)
		}
		return
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, st := range statements {
		r, err := db.Exec(st)
		if err != nil {
			t.Fatalf("%s: %v", st, err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			t.Fatalf("%s: changed nothing (%v)", st, err)
		}
	}
}

func verify(t *testing.T, path string, kept ...store.Seal) *store.Verification {
	t.Helper()
	a, err := store.OpenArchive(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var v *store.Verification
	if err := a.View(t.Context(), func(tx *store.Tx) (err error) { v, err = tx.Verify(kept...); return err }); err != nil {
		t.Fatal(err)
	}
	return v
}

func sound(t *testing.T, path string, kept ...store.Seal) *store.Verification {
	t.Helper()
	v := verify(t, path, kept...)
	if len(v.Faults) > 0 {
		t.Fatalf("faults in a sound journal: %v", v.Faults)
	}
	return v
}

// covers: T9; whatever is changed behind the store's back is named, at its first line.
func TestVerifyNamesWhatWasChanged(t *testing.T) {
	path, seals := written(t)
	v := sound(t, path, seals...)
	if v.Lines != 10 || v.Chains != 2 || v.Payloads != 1 || v.Messages != 1 || v.Seals != 5 || v.Latest != seals[4].String() {
		t.Errorf("examined %+v", v)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := []string{`DELETE FROM journal WHERE chain = 'i1' AND line > 3`,
		`UPDATE incident SET chain_length = 3, chain_head = (SELECT hash FROM journal WHERE chain = 'i1' AND line = 3) WHERE id = 'i1'`}
	var cut2 []string
	for _, s := range cut {
		cut2 = append(cut2, strings.ReplaceAll(s, "i1", "i2"))
	}
	for _, c := range []struct {
		name       string
		statements []string
		want       string
		kept       []store.Seal
	}{
		{"reason", []string{`UPDATE journal SET reason = 'another' WHERE chain = 'i1' AND line = 3`}, "i1 line 3: was changed", nil},
		{"instant", []string{`UPDATE journal SET at = at + 1 WHERE chain = 'i2' AND line = 2`}, "i2 line 2: was changed", nil},
		{"instant that is none", []string{`UPDATE journal SET at = 'never' WHERE chain = 'i2' AND line = 2`}, "i2 line 2: cannot be read", nil},
		{"actor", []string{`UPDATE journal SET actor = 'somebody' WHERE chain = 'i2' AND line = 4`}, "i2 line 4: was changed", nil},
		{"personal text", []string{`UPDATE journal_personal SET text = 'Léa is well' WHERE chain = 'i2' AND line = 5`}, "i2 line 5: its personal text", nil},
		{"line deleted", []string{`DELETE FROM journal WHERE chain = 'i1' AND line = 2`}, "i1 line 2: is missing; line 3", nil},
		{"tail deleted", []string{`DELETE FROM journal WHERE chain = 'i1' AND line > 3`}, "i1 line 4: is missing: the tail was cut", nil},
		{"tail and head", cut, "i1 line 4: is missing; seal 4 saw it: the tail was cut", nil},
		{"tail, head and seals, with the seal that was told", append(slices.Concat(cut, cut2), `DELETE FROM seal_head WHERE seal > 3`, `DELETE FROM seal WHERE number > 3`),
			"seals line 5: is missing, though it was told", seals[4:]},
		{"chain deleted", []string{`DELETE FROM journal WHERE chain = 'i1'`}, "i1 line 1: the whole chain is missing", nil},
		{"incident deleted", []string{`DELETE FROM incident WHERE id = 'i1'`}, "i1 line 5: belongs to no incident", nil},
		{"seal changed", []string{`UPDATE seal SET at = at + 1 WHERE number = 2`}, "seals line 2: is wrong", nil},
		{"seal deleted", []string{`DELETE FROM seal WHERE number = 2`}, "seals line 2: is missing; seal 3", nil},
		{"head of a seal changed", []string{`UPDATE seal_head SET head = x'00' WHERE seal = 4 AND chain = 'i1'`}, "seals line 4: is wrong", nil},
		{"never to be sealed", []string{`DELETE FROM seal_head WHERE seal > 3`, `DELETE FROM seal WHERE number > 3`}, "i1 line 4: and what follows is neither sealed", nil},
		{"payload changed", []string{`UPDATE delivery SET body = x'0300'`}, "was changed: its content", nil},
		{"payload deleted", []string{`DELETE FROM delivery`}, "is missing; seal 1 saw it", nil},
		{"message changed", []string{`UPDATE message SET value = '{}'`}, "message/m@msp.example line 1: is not what seal 1 saw", nil},
		{"message damaged", []string{`UPDATE message SET value = substr(value, 1, 9)`}, "message/m@msp.example line 1: was changed: it cannot be read", nil},
		{"message deleted", []string{`DELETE FROM message`}, "message/m@msp.example line 1: is missing", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "b.db")
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			raw(t, path, c.statements...)
			v := verify(t, path, c.kept...)
			if len(v.Faults) == 0 || !strings.Contains(v.Faults[0].String(), c.want) {
				t.Errorf("faults %v, want first %q", v.Faults, c.want)
			}
			if twice := regexp.MustCompile(`message/\S+`).FindAllString(fmt.Sprint(v.Faults), -1); len(twice) > 1 {
				t.Errorf("a message counts %d times: %v", len(twice), v.Faults)
			}
		})
	}
	wrong := seals[2]
	wrong.Hash = bytes.Repeat([]byte{1}, 32)
	if v := verify(t, path, wrong); len(v.Faults) != 1 || !strings.Contains(v.Faults[0].What, "written anew") {
		t.Errorf("a wrong seal: %v", v.Faults)
	}
}

func TestParseSeal(t *testing.T) {
	s := store.Seal{Number: 7, Hash: bytes.Repeat([]byte{9}, 32)}
	if got, err := journal.ParseSeal(s.String()); err != nil || got.Number != 7 || !bytes.Equal(got.Hash, s.Hash) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "7", "7:", "x:00", "0:" + strings.Repeat("00", 32), "7:zz"} {
		if _, err := journal.ParseSeal(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzParseSeal(f *testing.F) {
	f.Add("7:" + strings.Repeat("09", 32))
	f.Add("-1:00")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := journal.ParseSeal(text)
		if err != nil {
			return
		}
		again, err := journal.ParseSeal(s.String())
		if err != nil || again.Number != s.Number || !bytes.Equal(again.Hash, s.Hash) {
			t.Errorf("%q reads as %v, and that as %v (%v)", text, s, again, err)
		}
	})
}

// covers: T15; nothing of an erased person is left in the file, a pseudonym stands in
// their place, and the journal still verifies.
func TestEraseAPerson(t *testing.T) { onBoth(t, testEraseAPerson) }

func testEraseAPerson(t *testing.T, path string) {
	seals := writtenTo(t, path)
	s := open(t, path)
	var e store.Erasure
	update(t, s, func(tx *store.Tx) (err error) {
		e, err = tx.Erase([]string{"lea", "Léa", "lea@dupont.example"}, now)
		return err
	})
	if e.Texts != 5 || e.Messages != 1 || e.Incidents != 1 || e.Transmissions != 1 || e.Reasons != 0 {
		t.Errorf("erased %+v", e)
	}
	err := s.View(t.Context(), func(tx *store.Tx) error {
		lines, err := tx.Journal("i2")
		for _, l := range lines {
			if l.Actor != e.Pseudonym || l.Personal != "" || l.Commitment == nil {
				t.Errorf("line %d: %+v", l.Line, l)
			}
		}
		for _, table := range []string{"incident", "notification", "message"} {
			rows, failed := tx.Unpacked(`SELECT id, value FROM ` + table + ` WHERE length(value) > 0`)
			err = errors.Join(err, failed)
			for _, r := range rows {
				if word := regexp.MustCompile(`Léa|lea@dupont|is ill`).FindString(r[1]); word != "" {
					t.Errorf("%q is still in the %s %s", word, table, r[0])
				}
			}
		}
		r, incErr := tx.Incident("i2")
		if incErr == nil && r.Acts[0].By != e.Pseudonym {
			t.Errorf("the act is still by %s", r.Acts[0].By)
		}
		return errors.Join(err, incErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error { // nothing is left of a message that is tried again
		failed := tx.Exec(`UPDATE transmission SET next_at = 1`)
		_, err := tx.Erase([]string{"somebody else"}, now)
		return errors.Join(failed, err, tx.Exec(`UPDATE transmission SET next_at = NULL`))
	})
	seal(t, s, now.Add(time.Hour))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v := sound(t, path, seals...); v.Erased != 6 {
		t.Errorf("%d erased, want 6", v.Erased)
	}
	if store.OnServer(path) {
		return // what its files hold is the server's affair
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Léa", "lea@dupont", "is ill"} {
		if bytes.Contains(content, []byte(word)) {
			t.Errorf("%q is still in the file", word)
		}
	}
}

func TestEraseRefusesWhatIsNotOver(t *testing.T) { onBoth(t, testEraseRefusesWhatIsNotOver) }

func testEraseRefusesWhatIsNotOver(t *testing.T, database string) {
	s := open(t, database)
	r := record(1)
	r.Identity["owner"] = "Jean <jean@msp.example>"
	update(t, s, func(tx *store.Tx) error { return tx.Save(r) })
	for names, want := range map[string]string{"jean@msp.example": "open incident i1", "j": "two letters", "": "two letters"} {
		err := s.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Erase([]string{names}, now); return err })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", names, err, want)
		}
	}
}

// Retention deletes what ended, whole, at a seal; what is open stays, and both
// the rest and later seals verify.
func TestRetainCutsAtASeal(t *testing.T) { onBoth(t, testRetainCutsAtASeal) }

func testRetainCutsAtASeal(t *testing.T, path string) {
	seals := writtenTo(t, path)
	s := open(t, path)
	third := record(3) // the newest: its number must not be given out again
	year := now.Add(365 * 24 * time.Hour)
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.Append(third, []incident.Entry{{At: year, Kind: "signal", What: "x"}}), tx.Save(third), tx.AppendSystem(incident.Entry{At: year, Kind: "note"}))
	})
	seal(t, s, year)
	retain := func(before time.Time) (c store.Cut) {
		update(t, s, func(tx *store.Tx) (err error) { c, err = tx.Retain(before, year); return err })
		return c
	}
	if c := retain(now); c.Seal.Number != 0 {
		t.Errorf("cut %+v though nothing is old", c)
	}
	c := retain(now.Add(time.Hour))
	if c.Seal.Number != 5 || c.Incidents != 1 || c.Payloads != 1 || c.Messages != 1 {
		t.Errorf("cut %+v", c)
	}
	if c := retain(now.Add(time.Hour)); c.Seal.Number != 0 {
		t.Errorf("cut twice: %+v", c)
	}
	err := s.View(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Incident("i2"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("i2 is still there: %v", err)
		}
		lines, err := tx.Journal("i1")
		if len(lines) != 5 {
			t.Errorf("the open incident has %d lines", len(lines))
		}
		left, one := tx.Number(`SELECT COUNT(*) FROM alert`)
		if left != 2 {
			t.Errorf("%d alerts of the two incidents that stay", left)
		}
		return errors.Join(err, one)
	})
	if err != nil {
		t.Fatal(err)
	}
	last := seal(t, s, year.Add(time.Minute))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v := sound(t, path, seals[4], last); v.Cut != 5 || v.Lines != 8 {
		t.Errorf("examined %+v", v)
	}
	raw(t, path, `DELETE FROM journal WHERE chain = 'i1' AND line = 5`, `UPDATE incident SET chain_length = 4,
		chain_head = (SELECT hash FROM journal WHERE chain = 'i1' AND line = 4) WHERE id = 'i1'`)
	if v := verify(t, path); len(v.Faults) == 0 || !strings.Contains(v.Faults[0].What, "the tail was cut") {
		t.Errorf("a tail cut after retention: %v", v.Faults)
	}
}
