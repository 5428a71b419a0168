package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/receiver/store/faultvfs"
	"vigie/rules/incident"
)

// long chooses between the short form of a fault, for every run of the tests,
// and the long one of make faults.
func long(short, long int) int {
	if os.Getenv("VIGIE_FAULTS") == "long" {
		return long
	}
	return short
}

// faulty opens a store on a disk that fails.
func faulty(t *testing.T, path, synchronous string) *store.Store {
	t.Helper()
	if err := faultvfs.Register(false); err != nil {
		t.Fatal(err)
	}
	faultvfs.Forget()
	t.Cleanup(faultvfs.Forget)
	s, err := store.Options{}.On(faultvfs.Name, synchronous).Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// acks are updates that were answered, with the disk's event by which they were.
type acks struct {
	mu sync.Mutex
	at map[int]uint64
}

func (a *acks) put(n int) {
	e := faultvfs.Events()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[n] = e
}

// before returns what was answered before an event.
func (a *acks) before(e uint64) []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []int
	for n, at := range a.at {
		if at < e {
			out = append(out, n)
		}
	}
	return out
}

// write makes updates from several clients until ctx ends. Each has an incident,
// lines of its journal and enough weight for the log to be taken up often.
func (a *acks) write(ctx context.Context, s *store.Store, clients int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for n := c + 1; ctx.Err() == nil; n += clients {
				err := s.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
					r := record(n)
					if err := tx.Append(r, []incident.Entry{{At: now, Kind: "signal", What: "fired", Personal: strings.Repeat("x", rand.N(8000))}}); err != nil {
						return err
					}
					if err := tx.Save(r); err != nil {
						return err
					}
					return tx.SetValue(fmt.Sprintf("fact %d", n), fmt.Sprint(n))
				})
				if err == nil {
					a.put(n)
				}
			}
		})
	}
	return &wg
}

// afterCut opens what a power cut left and returns how many of the answered
// updates are missing.
func afterCut(t *testing.T, dir string, answered []int) (lost int) {
	t.Helper()
	// The index of the log lies in memory that is never synced: anything may be there.
	if rand.N(2) == 0 {
		junk := make([]byte, 32<<10)
		for i := range junk {
			junk[i] = byte(rand.N(256))
		}
		if err := os.WriteFile(filepath.Join(dir, "a.db-shm"), junk, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, "a.db"))
	if err != nil {
		t.Errorf("it does not start after a power cut: %v", err)
		return len(answered)
	}
	defer s.Close()
	err = s.View(t.Context(), func(tx *store.Tx) error {
		kept := map[int]bool{}
		err := tx.EachSince(now, func(r *store.Record) error { kept[r.Number] = true; return nil })
		if err != nil {
			return err
		}
		for _, n := range answered {
			fact, err := tx.Value(fmt.Sprintf("fact %d", n))
			if err != nil {
				return err
			}
			if (fact != "") != kept[n] {
				t.Errorf("update %d is kept by half", n)
			}
			if !kept[n] {
				lost++
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return lost
}

// cuts lets the power go many times while updates come in, and returns how many
// answered updates were looked for and how many are missing.
func cuts(t *testing.T, synchronous string, times int) (looked, lost int) {
	dir := t.TempDir()
	s := faulty(t, filepath.Join(dir, "a.db"), synchronous)
	defer s.Close()
	a := acks{at: map[int]uint64{}}
	ctx, stop := context.WithCancel(t.Context())
	wg := a.write(ctx, s, 4)
	defer wg.Wait()
	defer stop()
	for n := range times {
		image := filepath.Join(dir, fmt.Sprintf("cut%d", n))
		if err := os.Mkdir(image, 0o700); err != nil {
			t.Fatal(err)
		}
		faultvfs.CutAfter(1+rand.Uint64N(400), image, rand.Uint64())
		limit := time.Now().Add(20 * time.Second)
		for faultvfs.CutAt() == 0 {
			if time.Now().After(limit) {
				t.Fatal("nothing is written any more")
			}
			time.Sleep(100 * time.Microsecond)
		}
		answered := a.before(faultvfs.CutAt())
		looked += len(answered)
		lost += afterCut(t, image, answered)
		if err := os.RemoveAll(image); err != nil {
			t.Fatal(err)
		}
	}
	return looked, lost
}

// K2: the power goes at any moment. What was answered is kept, whatever the disk
// has of that which was not synced.
func TestFaultPowerCut(t *testing.T) {
	times, looked, lost := 0, 0, 0
	for range long(2, 20) { // databases of their own, so that they stay small
		n, l := cuts(t, "", long(6, 25))
		times, looked, lost = times+long(6, 25), looked+n, lost+l
	}
	if lost > 0 {
		t.Errorf("%d answered updates are lost", lost)
	}
	if looked == 0 {
		t.Error("nothing was answered before a cut")
	}
	t.Logf("figure: %d power cuts: %d answered updates looked for, %d lost, every database whole", times, looked, lost)
}

// K2: the power goes while the database is being made. The next start makes it.
func TestFaultPowerCutAtBirth(t *testing.T) {
	dir := t.TempDir()
	cuts := 0
	step := uint64(long(21, 1))
	for n := uint64(1); ; n += step {
		if err := faultvfs.Register(false); err != nil {
			t.Fatal(err)
		}
		faultvfs.Forget()
		image := filepath.Join(dir, fmt.Sprintf("cut%d", n))
		if err := os.Mkdir(image, 0o700); err != nil {
			t.Fatal(err)
		}
		faultvfs.CutAfter(n, image, n*7919)
		s, err := store.Options{}.On(faultvfs.Name, "").Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if faultvfs.CutAt() == 0 {
			break // it is made with fewer writes
		}
		cuts++
		afterCut(t, image, nil)
	}
	faultvfs.Forget()
	if cuts < 5 {
		t.Errorf("only %d cuts while a database is made", cuts)
	}
	t.Logf("figure: %d power cuts while the database is being made: every next start makes it", cuts)
}

// The same with synchronous=NORMAL loses updates: the test above bites.
func TestFaultPowerCutBites(t *testing.T) {
	times := long(8, 60)
	looked, lost := cuts(t, "NORMAL", times)
	if lost == 0 {
		t.Errorf("with synchronous=NORMAL none of %d answered updates is lost in %d cuts: the harness proves nothing", looked, times)
	}
	t.Logf("figure: %d power cuts with synchronous=NORMAL instead: %d of %d answered updates lost, which proves that the test bites", times, lost, looked)
}
