package receiver_test

import (
	"net/http"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/rules/model"
)

// A delivery that says nothing new is counted, and moves when its alerts were seen
// last, as if it had been decided about; what has changed meanwhile is noticed.
func TestRepeatedDeliveries(t *testing.T) {
	r := newRig(t, 0)
	a, b := backup("dupont", "SRV-AD", "primary"), backup("dupont", "SRV-AD", "primary")
	b["plan"], b["job_id"] = "weekly", b["job_id"]+"/weekly"
	both := standard([]alert{a, b})
	look := func() (rec *store.Record) {
		t.Helper()
		err := r.db.View(t.Context(), func(tx *store.Tx) (err error) {
			rec, err = tx.Incident("i1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	r.post(http.StatusOK, both)
	begun := r.now()
	for n := range 4 { // decided, decided and remembered, twice by what is remembered
		r.set(begun.Add(time.Duration(n) * 10 * time.Second))
		r.post(http.StatusOK, both)
		rec := look()
		if !rec.LastSeen.Equal(r.now()) {
			t.Errorf("repeat %d: seen %s, want %s", n, rec.LastSeen, r.now())
		}
		for fp, x := range rec.Alerts {
			if !x.Firing || !x.LastSeen.Equal(r.now()) {
				t.Errorf("repeat %d: alert %s fires %t, seen %s", n, fp, x.Firing, x.LastSeen)
			}
		}
	}
	before := look()
	length, _ := store.Head(before)

	// What ends is not believed to fire because of what came before.
	r.post(http.StatusOK, standard([]alert{a}))
	if err := r.db.Update(t.Context(), func(tx *store.Tx) error {
		rec, err := tx.Incident("i1")
		if err != nil {
			return err
		}
		for _, x := range rec.Alerts {
			x.Firing = false
		}
		return tx.Save(rec)
	}); err != nil {
		t.Fatal(err)
	}
	r.set(r.now().Add(10 * time.Second))
	r.post(http.StatusOK, both)
	after := look()
	if n, _ := store.Head(after); n <= length {
		t.Errorf("that both fire again was not noticed: %d lines before, %d after", length, n)
	}
	for fp, x := range after.Alerts {
		if !x.Firing {
			t.Errorf("alert %s does not fire", fp)
		}
	}
	if after.State == model.Resolved {
		t.Errorf("state %s", after.State)
	}
}
