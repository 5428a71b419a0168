package receiver_test

import (
	"testing"
	"time"

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
