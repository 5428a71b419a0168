package store_test

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"vigie/receiver/store"
	"vigie/receiver/store/pgtest"
)

// transfer carries a database over; it is interrupted after so many steps, never
// when that is 0.
func transfer(t *testing.T, from, to string, steps int) (*store.Verification, error) {
	t.Helper()
	a, err := store.OpenArchive(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s, err := store.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	return store.Transfer(ctx, a, s, func(string, int) {
		if n++; n == steps {
			cancel()
		}
	})
}

// A database goes from a file to a server and back, interrupted on the way, and is
// what it was; one that holds something is left alone.
func TestTransfer(t *testing.T) {
	path, seals := written(t)
	server, back := postgres(t), filepath.Join(t.TempDir(), "back.db")
	unused := func() {
		t.Helper()
		s := open(t, server)
		defer s.Close()
		if err := s.View(t.Context(), func(tx *store.Tx) error { return tx.Whole() }); err == nil || !strings.Contains(err.Error(), "part of another") {
			t.Errorf("half of a database may be used: %v", err)
		}
	}
	a := open(t, path)
	if err := a.Update(t.Context(), func(tx *store.Tx) error { return tx.KeepPolicy("first", nil, a.Now()) }); err != nil {
		t.Fatal(err)
	}
	a.Close()
	open(t, server).Close()
	if _, err := pgtest.Query(server, "ALTER TABLE policy ADD CONSTRAINT nothing CHECK (false)"); err != nil {
		t.Fatal(err)
	}
	if _, err := transfer(t, path, server, 0); err == nil {
		t.Fatal("it was not interrupted before the first row")
	}
	unused()
	if _, err := pgtest.Query(server, "ALTER TABLE policy DROP CONSTRAINT nothing"); err != nil {
		t.Fatal(err)
	}
	if _, err := transfer(t, path, server, 7); err == nil {
		t.Fatal("it was not interrupted")
	}
	unused()
	for _, step := range [][2]string{{path, server}, {server, back}} {
		v, err := transfer(t, step[0], step[1], 0)
		if err != nil {
			t.Fatal(err)
		}
		want := verify(t, step[0])
		if len(v.Faults) > 0 || v.Lines != want.Lines || v.Payloads != want.Payloads || v.Messages != want.Messages || v.Latest != want.Latest {
			t.Errorf("%+v has become %+v", want, v)
		}
	}
	sound(t, back, seals...)
	// Earlier receivers of the server's schema read zstd and JSON alone.
	forms, err := pgtest.Query(server, `SELECT DISTINCT get_byte(value, 0) FROM incident UNION SELECT get_byte(value, 0) FROM (
		SELECT value FROM notification UNION ALL SELECT value FROM message) told ORDER BY 1`)
	if err != nil || forms != "1\n123\n" {
		t.Errorf("on the server there are rows of the forms %q (%v)", forms, err)
	}
	if _, err := transfer(t, path, back, 0); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a database was overwritten: %v", err)
	}
	for name, read := range map[string]string{"file": path, "server": server, "back": back} {
		a, err := store.OpenArchive(t.Context(), read)
		if err != nil {
			t.Fatal(err)
		}
		err = a.View(t.Context(), func(tx *store.Tx) error {
			r, err := tx.Incident("i2")
			if err == nil && (len(r.Acts) != 1 || r.Acts[0].By != "lea@dupont.example") {
				t.Errorf("%s: %+v", name, r.Acts)
			}
			ls, err := tx.Letters(store.Post{Incident: "i2", Limit: 10})
			if err == nil && (len(ls) != 1 || len(ls[0].Transmissions) != 1 || ls[0].Transmissions[0].Status != store.Accepted) {
				t.Errorf("%s: %+v", name, ls)
			}
			return err
		})
		a.Close()
		if err != nil {
			t.Error(err)
		}
	}
}

// What a server must be, and what is only told of it.
func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://vigie@db1/vigie?sslmode=verify-full": "postgres://vigie@db1/vigie",
		"postgres://vigie:secret@db1/vigie":              "postgres://vigie@db1/vigie",
		"/var/lib/vigie/vigie.db":                        "/var/lib/vigie/vigie.db",
	} {
		if got := store.Address(address); got != want {
			t.Errorf("%s is told as %s", address, got)
		}
	}
	for _, address := range []string{"postgres://vigie:secret@127.0.0.1:1/vigie", "postgres://vigie@127.0.0.1:1/vigie?password=secret"} {
		_, err := store.Open(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), "database_password_file") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

// A dump that another server wrote bears numbers of its transactions, which are far
// ahead of a new server's: what changes afterwards is newer all the same.
func TestRestoredElsewhere(t *testing.T) {
	path, _ := written(t)
	server := postgres(t)
	if _, err := transfer(t, path, server, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := pgtest.Query(server, "UPDATE incident SET changed = 4000000000000"); err != nil {
		t.Fatal(err)
	}
	s := open(t, server)
	if last, err := pgtest.Query(server, "SELECT MAX(changed) >= 4000000000000 FROM incident"); err != nil || last != "f\n" {
		t.Errorf("the last change is of a transaction to come: %q (%v)", last, err)
	}
	changedSince := func(mark int64) (n int, next int64) {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			rs, m, err := tx.ChangedSince(mark)
			n, next = len(rs), m
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n, next
	}
	if _, mark := changedSince(math.MaxInt64); mark == 0 {
		t.Error("no mark")
	} else if n, _ := changedSince(mark); n > 0 {
		t.Errorf("%d incidents have changed since the start", n)
	}
}
