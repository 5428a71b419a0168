package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	prommodel "github.com/prometheus/common/model"

	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// An alert is found by its labels as they are delivered, by those that the inventory
// has changed, and where an earlier build put it; once it has ended nothing is left.
func TestAlertsAreFoundWhereverTheyLie(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s, err := store.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		raw := model.Labels{"source": "acronis", "customer": "dupont", "machine": "srv-ad.dupont.local", "job_id": "1"}
		known := raw.Clone()
		known["machine"] = "SRV-AD"
		print := func(l model.Labels) string { return prommodel.Fingerprint(prommodel.LabelsToSignature(l)).String() }
		same := model.Labels{"source": "acronis", "customer": "dupont", "machine": "NAS-01"}
		old := model.Labels{"source": "acronis", "customer": "dupont", "machine": "PC-LEA"}
		update := func(fn func(*store.Tx) error) {
			t.Helper()
			if err := s.Update(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		update(func(tx *store.Tx) error {
			inc := incident.Incident{ID: "i1", Number: 1, Key: "k", State: model.Open, OpenedAt: time.Unix(0, 0), Alerts: map[string]*incident.Alert{
				print(raw): {Firing: true, Labels: known}, print(same): {Firing: true, Labels: same}, print(old): {Firing: true, Labels: old},
				"ended": {Labels: same},
			}}
			if err := tx.Save(store.NewRecord(inc)); err != nil {
				return err
			}
			return tx.Exec(`UPDATE alert SET place = ? WHERE fingerprint = ?`, []byte{}, print(old))
		})
		rows := func() (n int64) {
			update(func(tx *store.Tx) (err error) { n, err = tx.Number(`SELECT COUNT(*) FROM alert`); return err })
			return n
		}
		if n := rows(); n != 3 {
			t.Errorf("%d rows for three alerts that fire", n)
		}
		find := func(fp string, l model.Labels) (ids []string) {
			t.Helper()
			err := s.View(t.Context(), func(tx *store.Tx) (err error) {
				ids, err = tx.WithAlert(model.Signal{Fingerprint: fp, Labels: l})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return ids
		}
		for name, c := range map[string]struct {
			fp     string
			labels model.Labels
			found  bool
		}{
			"renamed, as delivered":      {print(raw), raw, true},
			"renamed, as it is kept":     {print(raw), known, true},
			"not renamed":                {print(same), same, true},
			"renamed since it was kept":  {print(same), model.Labels{"source": "acronis", "machine": "NAS-02"}, true},
			"of an earlier build":        {print(old), old, true},
			"ended":                      {"ended", same, false},
			"another source's":           {print(same), model.Labels{"source": "veeam"}, false},
			"another one of the machine": {print(model.Labels{"a": "b"}), model.Labels{"a": "b"}, false},
		} {
			if ids := find(c.fp, c.labels); slices.Equal(ids, []string{"i1"}) != c.found {
				t.Errorf("%s: %v", name, ids)
			}
		}
		update(func(tx *store.Tx) error {
			r, err := tx.Incident("i1")
			if err != nil {
				return err
			}
			for _, a := range r.Alerts {
				a.Firing = false
			}
			return tx.Save(r)
		})
		if n := rows(); n != 0 {
			t.Errorf("%d rows are left of alerts that have ended", n)
		}
	})
}

// What cannot be read is read once for a commit, and anew when it has changed.
func TestBlindingOfOneCommit(t *testing.T) {
	s, err := store.Open(t.Context(), t.TempDir()+"/a.db")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(t.Context(), func(tx *store.Tx) error {
		var seen []string
		for n := 1; n <= 2; n++ {
			r := store.NewRecord(incident.Incident{ID: fmt.Sprint("i", n), Number: n, Key: fmt.Sprint("k", n), State: model.Open})
			r.Blinds = true
			if err := tx.Save(r); err != nil {
				return err
			}
			for range 2 {
				rs, err := tx.Blinding()
				if err != nil {
					return err
				}
				seen = append(seen, fmt.Sprintf("%d %p", len(rs), rs[0]))
			}
		}
		if seen[0] != seen[1] || seen[2] != seen[3] || seen[1] == seen[2] || seen[3][0] != '2' {
			t.Errorf("blinding: %v", seen)
		}
		r, err := tx.Incident("i1")
		if err != nil {
			return err
		}
		r.Blinds = false
		if err := tx.Save(r); err != nil {
			return err
		}
		if rs, err := tx.Blinding(); err != nil || len(rs) != 1 || rs[0].ID != "i2" {
			t.Errorf("%d blind, %v", len(rs), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
