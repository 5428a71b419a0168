package store

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"
)

// However a delivery's repetitions come, its text is stored and each is counted.
func TestKeepBodyAgain(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	raw := []byte(`{"alerts":[{"labels":{"alertname":"BackupFailed"}}]}`)
	at := time.Date(2026, 3, 9, 7, 10, 0, 0, time.UTC)
	body := func() Body {
		t.Helper()
		b, err := s.NewBody(raw, 1)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	keep := func(b Body, times int64) {
		t.Helper()
		at = at.Add(time.Minute)
		err := s.Update(t.Context(), func(tx *Tx) error {
			if err := tx.KeepBody(b, at); err != nil {
				return err
			}
			n, err := tx.number(`SELECT times FROM delivery WHERE last_at = ?`, at.UnixNano())
			if err == nil && n != times {
				err = fmt.Errorf("counted %d times, want %d", n, times)
			}
			if err != nil {
				return err
			}
			packed, err := tx.texts(`SELECT body FROM delivery`)
			if err != nil {
				return err
			}
			if got, err := io.ReadAll(flate.NewReader(bytes.NewReader([]byte(packed[0])))); err != nil || !bytes.Equal(got, raw) {
				return fmt.Errorf("stored %q (%v)", got, err)
			}
			if n, err := tx.number(`SELECT COUNT(*) FROM arrived`); err != nil || n != 1 {
				return fmt.Errorf("%d chains wait for the seal (%v)", n, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	first, second := body(), body()
	if first.lately || !second.lately {
		t.Fatalf("lately: %t, %t", first.lately, second.lately)
	}
	keep(second, 1) // overtakes the first
	keep(first, 2)
	keep(body(), 3)
	err = s.Update(t.Context(), func(tx *Tx) error { // what retention does
		if _, err := tx.q.Exec(`DELETE FROM arrived`); err != nil { // long since sealed
			return err
		}
		_, err := tx.q.Exec(`DELETE FROM delivery`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	keep(body(), 1)
	keep(body(), 2)
}
