package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

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
