package store

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// What shares a transaction with an update that fails is run again, and kept once.
func TestNeighboursOfAFailureRunAgain(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	begun, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	var runs, commits [3]int
	bad := errors.New("bad decision")
	update := func(n int, then error) {
		err := s.Update(t.Context(), func(tx *Tx) error {
			if n == 0 {
				once.Do(func() { close(begun); <-goOn })
			}
			runs[n]++
			tx.AfterCommit(func() { commits[n]++ })
			return errors.Join(tx.SetValue([]string{"first", "second", "third"}[n], "kept"), then)
		})
		if !errors.Is(err, then) {
			t.Errorf("update %d: %v, want %v", n, err, then)
		}
	}
	wg.Go(func() { update(0, nil) })
	<-begun
	wg.Go(func() { update(1, bad) })
	for len(s.jobs) < 1 {
		time.Sleep(time.Millisecond)
	}
	wg.Go(func() { update(2, nil) })
	for len(s.jobs) < 2 {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	wg.Wait()
	if runs != [3]int{2, 2, 1} || commits != [3]int{1, 0, 1} {
		t.Errorf("run %v times, committed %v times", runs, commits)
	}
	for name, want := range map[string]string{"first": "kept", "second": "", "third": "kept"} {
		err := s.View(t.Context(), func(tx *Tx) error {
			got, err := tx.Value(name)
			if got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
