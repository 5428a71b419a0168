package receiver_test

import (
	"testing"

	"vigie/receiver"
	"vigie/rules"
)

// What the inventory says must be watched is told to Prometheus.
func TestTheReceiverTellsWhatIsExpected(t *testing.T) {
	r := newRig(t, 0, func(r *rig) {
		r.tune = func(p *receiver.Parts) {
			d := p.Book.Directory.Clone()
			d.Sources = map[string]string{"acronis-eu2": "10.0.0.5:9891", "veeam": ""}
			d.Platforms = map[string]*rules.Platform{"lms-A": {ID: "lms-A", Host: "host-1", Probes: []string{"host", "login"}}, "lms-B": {ID: "lms-B", Probes: []string{"host"}}}
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
}
