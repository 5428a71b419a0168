package receiver_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vigie/receiver/store"
)

// written is how large the log of the rig's database is: what was written since
// it was opened.
func (r *rig) written() int64 {
	r.t.Helper()
	info, err := os.Stat(filepath.Join(r.dir, "vigie.db-wal"))
	if err != nil {
		r.t.Fatal(err)
	}
	return info.Size()
}

// A start, a reload and a clock that was set back look at every open incident
// anew, and write nothing where that comes to the same.
func TestLookingAnewWritesOnlyWhatChanged(t *testing.T) {
	r := newRig(t, 0)
	var all []alert
	for n := range 300 { // more than are looked at together
		all = append(all, backup("dupont", fmt.Sprintf("SRV-%03d", n), "primary"))
	}
	r.post(http.StatusOK, standard(all))
	r.pass(3 * time.Minute)
	r.restart()
	for name, cause := range map[string]func(){
		"a start":  func() {},
		"a reload": func() { r.check(r.engine.Reload(t.Context(), r.reloadable)) },
		"a clock set back": func() {
			r.check(r.engine.Tick(t.Context()))
			r.set(r.now().Add(-31 * time.Second))
		},
	} {
		before := r.written()
		cause()
		r.check(r.engine.Tick(t.Context()))
		if after := r.written(); after != before {
			t.Errorf("%s wrote %d bytes", name, after-before)
		}
	}
	if n := len(r.incidents("")); n != 300 {
		t.Errorf("%d incidents are open", n)
	}
}

// What a reload changes is found, however many incidents are open.
func TestLookingAnewFindsTheLast(t *testing.T) {
	r := newRig(t, 0)
	var all []alert
	for n := range 300 {
		all = append(all, backup("dupont", fmt.Sprintf("SRV-%03d", n), "primary"))
	}
	r.post(http.StatusOK, standard(all))
	r.pass(3 * time.Minute)
	year := r.now().Add(365 * 24 * time.Hour)
	err := r.db.Update(t.Context(), func(tx *store.Tx) error { // as if by a wrong clock
		rec, err := tx.Incident("i300")
		if err != nil {
			return err
		}
		rec.WakeAt = year
		return tx.Save(rec)
	})
	if err != nil {
		t.Fatal(err)
	}
	r.restart()
	r.check(r.engine.Tick(t.Context()))
	r.check(r.db.View(t.Context(), func(tx *store.Tx) error {
		rec, err := tx.Incident("i300")
		if err == nil && !rec.WakeAt.Before(year) {
			t.Errorf("it still waits until %s", rec.WakeAt)
		}
		return err
	}))
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}
