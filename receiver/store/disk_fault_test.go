package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/receiver/store/faultvfs"
)

// lostByNow lets the power go and returns how many of the answered updates the
// disk does not have.
func lostByNow(t *testing.T, answered []int) int {
	t.Helper()
	lost := 0
	for seed := range uint64(long(3, 8)) {
		dir := t.TempDir()
		faultvfs.CutNow(dir, seed+1)
		lost += afterCut(t, dir, answered)
	}
	return lost
}

// K3: a sync that fails is not tried again. The store takes nothing more and
// says that the process has to end; what was answered before is on the disk.
func TestFaultSyncFails(t *testing.T) {
	s := faulty(t, filepath.Join(t.TempDir(), "a.db"), "")
	a := acks{at: map[int]uint64{}}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	a.write(ctx, s, 4).Wait()
	answered := a.before(faultvfs.Events() + 1)
	faultvfs.FailSync("-wal", 1)
	begun := time.Now()
	err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetValue("lost", strings.Repeat("x", 20_000)) })
	if !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("an update that was not synced: %v", err)
	}
	told := time.Since(begun)
	broken := s.Broken(t.Context())
	if broken == nil || !strings.Contains(broken.Error(), "start vigie again") {
		t.Errorf("it does not say what to do: %v", broken)
	}
	syncs, events := faultvfs.Syncs(), faultvfs.Events()
	for range 100 {
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetValue("more", "x") }); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("an update after a failed sync: %v", err)
		}
	}
	if err := s.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Value("x"); return err }); err != nil {
		t.Errorf("what is there cannot be read any more: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if n := faultvfs.Syncs() - syncs; n != 0 {
		t.Errorf("%d syncs after the one that failed", n)
	}
	if n := faultvfs.Events() - events; n != 0 {
		t.Errorf("%d writes after the sync that failed", n)
	}
	lost := lostByNow(t, answered)
	if lost > 0 {
		t.Errorf("%d of %d answered updates are lost", lost, len(answered))
	}
	t.Logf("figure: a sync fails (EIO): refused after %d ms, then 100 updates refused, 0 further syncs and writes; of %d answered before %d lost when the power goes",
		told.Milliseconds(), len(answered), lost)
}

// A sync of the database file fails while the log is taken up into it. SQLite
// keeps the log and takes it up again: nothing is lost, then or later.
func TestFaultSyncFailsInACheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := faulty(t, path, "")
	a := acks{at: map[int]uint64{}}
	rounds, looked := long(2, 20), 0
	for range rounds {
		had := faultvfs.Failed()
		faultvfs.FailSync("a.db", 1)
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		wg := a.write(ctx, s, 4)
		for faultvfs.Failed() == had && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		stop()
		wg.Wait()
		if faultvfs.Failed() == had {
			t.Fatal("the log was not taken up within 20 s")
		}
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetValue("still", "here") }); err != nil {
			t.Fatal(err)
		}
		answered := a.before(faultvfs.Events() + 1)
		looked += len(answered)
		if lost := lostByNow(t, answered); lost > 0 {
			t.Errorf("%d of %d answered updates are lost", lost, len(answered))
		}
	}
	t.Logf("figure: a sync of the database file fails %d times while the log is taken up: %d answered updates looked for after a power cut, 0 lost, no restart", rounds, looked)
}

// K3: a file system that has become read-only refuses updates at once, is read
// from, and is written to again when it can be.
func TestFaultReadOnlyForAWhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := faulty(t, path, "")
	put := func(name string) error {
		return s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetValue(name, "x") })
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	faultvfs.FailWrites(true)
	begun := time.Now()
	if err := put("meanwhile"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("an update on a read-only disk: %v", err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("refused after %s", took)
	}
	faultvfs.FailWrites(false)
	if err := put("after"); err != nil {
		t.Errorf("it does not come back: %v", err)
	}
	err := s.View(t.Context(), func(tx *store.Tx) error {
		for name, want := range map[string]string{"before": "x", "meanwhile": "", "after": "x"} {
			if v, err := tx.Value(name); err != nil || v != want {
				t.Errorf("fact %s is %q, %v", name, v, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
