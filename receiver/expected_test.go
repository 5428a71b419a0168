package receiver_test

import (
	"slices"
	"testing"
	"time"

	"vigie/internal/fleet"
	"vigie/receiver"
	"vigie/rules/inventory"
)

// What the inventory says must be watched is told to Prometheus.
func TestTheReceiverTellsWhatIsExpected(t *testing.T) {
	r := newRig(t, 0, func(r *rig) {
		r.tune = func(p *receiver.Reloadable) {
			d := p.Book.Directory.Clone()
			d.Sources = map[string]string{"acronis-eu2": "10.0.0.5:9891", "veeam": ""}
			d.Platforms = map[string]*inventory.Platform{"lms-A": {ID: "lms-A", Host: "host-1", Probes: []string{"host", "login"}}, "lms-B": {ID: "lms-B", Probes: []string{"host"}}}
			d.Machines = append(d.Machines, &inventory.Machine{Customer: "dupont", Name: "SRV-OLD", Class: "server", RestoreDue: monday, Decommissioned: monday},
				&inventory.Machine{Customer: "dupont", Name: "SRV-NEW", Class: "server", RestoreDue: monday.Add(time.Hour)},
				&inventory.Machine{Customer: "dupont", Name: "SRV-NEVER", Class: "server", RestoreDue: time.Unix(0, 0)})
			p.Book.Directory = d
		}
	})
	for _, m := range []string{
		`backup_inventory_source_expected{exporter="10.0.0.5:9891",source="acronis-eu2"}`,
		`backup_inventory_source_expected{exporter="",source="veeam"}`,
		`vigie_platform_probe_expected{platform="lms-A",probe="login",site="host-1"}`,
		`vigie_platform_probe_expected{platform="lms-B",probe="host",site="lms-B"}`,
	} {
		if got := r.metric(m); got != 1 {
			t.Errorf("%s is %v", m, got)
		}
	}
	for m, want := range map[string]float64{"SRV-OLD": -1, "SRV-NEW": float64(monday.Add(time.Hour).Unix()), "SRV-NEVER": 0} {
		if got := r.metric(`backup_inventory_restore_test_due_timestamp_seconds{customer="dupont",machine="` + m + `",machine_class="server"}`); got != want {
			t.Errorf("the next test of a restore of %s is due at %v, want %v", m, got, want)
		}
	}
}

// covers: P15; how many copies of each machine there must be and are, for dashboards: what
// nobody can say is not told.
func TestTheReceiverTellsHowManyCopiesThereAre(t *testing.T) {
	r := newRig(t, 0, func(r *rig) {
		r.tune = func(p *receiver.Reloadable) {
			d := p.Book.Directory.Clone()
			m := *d.Machine("dupont", "SRV-AD")
			m.Copies = slices.Clone(m.Copies)
			m.Copies[0].Place = fleet.Place{Medium: "cloud", Offsite: fleet.Yes, Immutable: fleet.Yes}
			m.Copies[1].Place = fleet.Place{Medium: "nas", Offsite: fleet.No}
			d.Machines = append(slices.DeleteFunc(slices.Clone(d.Machines), func(x *inventory.Machine) bool { return x.Name == "SRV-AD" && x.Customer == "dupont" }), &m)
			d.Reindex()
			p.Book.Directory = d
		}
	})
	of := func(metric, property string) float64 {
		return r.metric(`vigie_copies_` + metric + `{customer="dupont",machine="SRV-AD",machine_class="server",property="` + property + `"}`)
	}
	holds := func(when string, want map[[2]string]float64) {
		t.Helper()
		for k, v := range want {
			if got := of(k[0], k[1]); got != v {
				t.Errorf("%s: %s %s is %v, want %v", when, k[0], k[1], got, v)
			}
		}
	}
	turn := func() {
		t.Helper()
		if err := r.engine.CountCopies(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	expected := map[[2]string]float64{{"expected", "all"}: 2, {"expected", "media"}: 2, {"expected", "offsite"}: 1, {"expected", "immutable"}: 1, {"good", "all"}: -1}
	holds("before anybody asked", expected)
	turn()
	holds("nothing is recorded", expected)
	state := func(id, role, engine, plan, state string) {
		r.prom.set("backup_job:state", map[string]string{"source": "s", "customer": "dupont", "job_id": id, "machine": "SRV-AD", "backup_role": role, "engine": engine, "plan": plan, "state": state}, 1)
	}
	state("1", "primary", "acronis", "daily", "failed")
	state("2", "local", "veeam", "Job Nuit", "ok")
	r.clock.set(monday.Add(5 * time.Minute))
	turn()
	holds("one failed", map[[2]string]float64{{"expected", "all"}: 2, {"good", "all"}: 1, {"good", "media"}: 1, {"good", "offsite"}: 0, {"good", "immutable"}: 0})
	r.clock.set(monday.Add(20 * time.Minute))
	holds("nobody could say it lately", expected)
}
