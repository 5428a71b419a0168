package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"vigie/receiver/store"
	"vigie/receiver/store/pgtest"
)

// A transaction that the server ends because another was in the way is run again, and
// nobody hears of it.
func TestDeadlocksAreRunAgain(t *testing.T) {
	address := postgres(t)
	s := open(t, address)
	if err := s.Update(t.Context(), func(tx *store.Tx) error { _ = tx.SetValue("a", "0"); return tx.SetValue("b", "0") }); err != nil {
		t.Fatal(err)
	}
	other, err := pgconn.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	run := func(text string) {
		t.Helper()
		if _, err := other.Exec(t.Context(), text).ReadAll(); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	run(`SET deadlock_timeout = '60s'; BEGIN; UPDATE fact SET value = 'other' WHERE name = 'b'`) // the store is found out first
	runs, ended := 0, make(chan error, 1)
	go func() {
		ended <- s.Update(t.Context(), func(tx *store.Tx) error {
			runs++
			if err := tx.SetValue("a", "1"); err != nil {
				return err
			}
			return tx.SetValue("b", "2")
		})
	}()
	for waits := ""; waits != "1"; time.Sleep(10 * time.Millisecond) {
		text, err := pgtest.Query(address, `SELECT COUNT(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted AND a.query LIKE '%fact%'`)
		if err != nil {
			t.Fatal(err)
		}
		waits = strings.TrimSpace(text)
	}
	run(`UPDATE fact SET value = 'other' WHERE name = 'a'; COMMIT`)
	if err := <-ended; err != nil {
		t.Errorf("the update says %v", err)
	}
	if runs < 2 { // the other may be slow to take what became free: then there is a second deadlock
		t.Errorf("it was run %d times: there was no deadlock, or it was not run again", runs)
	}
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		for name, want := range map[string]string{"a": "1", "b": "2"} {
			if got, err := tx.Value(name); err != nil || got != want {
				t.Errorf("%s is %q, not %q (%v)", name, got, want, err)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
