package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/receiver/store/pgtest"
)

// server is the PostgreSQL of this package's tests, started when it is first asked for.
var server = sync.OnceValues(func() (*pgtest.Server, error) { return pgtest.Start() })

// used says that a test has asked for it.
var used atomic.Bool

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := server(); used.Load() && err == nil {
		_ = s.Stop()
	}
	os.Exit(code)
}

// postgres returns the address of an empty database, or skips the test.
func postgres(t testing.TB) string {
	t.Helper()
	used.Store(true)
	s, err := server()
	if errors.Is(err, pgtest.ErrAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	url, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// onBoth runs a test on a database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "vigie.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres(t)) })
}

// A receiver that runs while a newer version changes the schema ends: what it would
// write is not what the newer one reads.
func TestANewerSchemaEndsWhoRuns(t *testing.T) {
	url := postgres(t)
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Pulse(t.Context(), "loops", "one", time.Minute); err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx *store.Tx) error { return tx.Exec(`INSERT INTO schema_version VALUES (99)`) })
	if err != nil {
		t.Fatal(err)
	}
	const want = "a newer vigie has brought"
	if _, err := s.Pulse(t.Context(), "loops", "one", time.Minute); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the pulse says %v", err)
	}
	if err := s.Broken(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the store says %v", err)
	}
	err = s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetValue("late", "x") })
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "start the newer version") {
		t.Errorf("an update after that: %v", err)
	}
}

// Statements are sent while more are written: one that fails is told to whoever asks the
// server next, or to the commit, and neighbours of the same commit are kept.
func TestStatementsFailWhileMoreIsWritten(t *testing.T) {
	s, err := store.Open(t.Context(), postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func(tx *store.Tx, of string) {
		for n := range 300 {
			_ = tx.SetValue(fmt.Sprintf("%s %d", of, n), "x") // who looks away must not have it kept
		}
	}
	for what, after := range map[string]func(*store.Tx) error{
		"the commit":        func(*store.Tx) error { return nil },
		"a question":        func(tx *store.Tx) error { _, err := tx.Value("one"); return err },
		"what was affected": func(tx *store.Tx) error { _, err := tx.Again(store.Post{}, "", false, time.Now()); return err },
	} {
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Go(func() {
				err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetValue(fmt.Sprintf("%s: neighbour %d", what, n), "x") })
				if err != nil {
					t.Errorf("%s: a neighbour: %v", what, err)
				}
			})
		}
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			_ = tx.Exec(`INSERT INTO nowhere VALUES (1)`)
			write(tx, what)
			return after(tx)
		})
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("%s is told %v", what, err)
		}
		wg.Wait()
		err = s.View(t.Context(), func(tx *store.Tx) error {
			for name, want := range map[string]string{what + " 0": "", what + " 299": "", what + ": neighbour 3": "x"} {
				if got, err := tx.Value(name); err != nil || got != want {
					t.Errorf("%q is %q, %v", name, got, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A commit whose wait for the standby somebody cancels is a success to the server, with a
// warning: it is here, and may not be there (findings/postgresql-cancelled-commit-succeeds.sh).
func TestACommitThatItsStandbyMayNotHaveIsRefused(t *testing.T) {
	server := pgtest.For(t)
	url, err := server.New()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := errors.Join(server.Set("synchronous_standby_names=gone"), server.Reload()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetValue("accepted", "x") })
	}()
	for cancelled := ""; cancelled == "" && len(done) == 0; {
		cancelled, err = pgtest.Query(url, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "synchronous replication") {
		t.Errorf("accepted, %v", err)
	}
}
