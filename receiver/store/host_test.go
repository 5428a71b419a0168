package store

import (
	"path/filepath"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/incidents/memory"
	"vigie/rules/model"
)

// The platforms of one host fail together: what is said of one of them finds the
// incident of their host, in the server as in the simulator.
func TestIncidentOfAHostIsFoundByItsPlatforms(t *testing.T) {
	now := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	host := model.Labels{"site": "host-1"}
	alert := model.Labels{model.LabelAlertname: "HostDown", model.LabelPlatform: "lms-B", "site": "host-1"}
	inc := incident.Incident{ID: "i1", Number: 1, Key: host.String(), Identity: host, State: model.Open, Episode: 1, OpenedAt: now,
		Alerts: map[string]*incident.Alert{"f": {Labels: alert, Firing: true, StartsAt: now}}}
	place := incidents.PlaceOf(model.Labels{model.LabelPlatform: "lms-A", "site": "host-1"})
	check := func(name string, s incidents.Store) error {
		r := s.NewRecord(inc)
		if err := s.Append(r, nil); err != nil {
			return err
		}
		if err := s.Save(r); err != nil {
			return err
		}
		found, err := s.Candidates(`{platform="lms-A"}`, place, now.Add(-time.Hour))
		if err != nil {
			return err
		}
		if len(found) != 1 || found[0].ID != "i1" {
			t.Errorf("%s: a platform of the host finds %d incidents", name, len(found))
		}
		return nil
	}
	if err := check("simulator", memory.New()); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(t.Context(), func(tx *Tx) error { return check("server", tx) }); err != nil {
		t.Fatal(err)
	}
}
