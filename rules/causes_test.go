package rules_test

import (
	"testing"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// covers: S2.4, S2.5, S2.6, S2.7, S2.8, S2.9, S2.11; the signals propose a
// cause; a person's word stands against any proposal.
func TestProposedCauses(t *testing.T) {
	tests := []struct {
		name   string
		labels model.Labels
		want   string
	}{
		{"failed tasks", model.Labels{"alertname": "MoodleTasksFailed"}, "int.data_input"},
		{"a change shortly before", model.Labels{"alertname": "MoodleSlowPages", "recent_change": "true"}, "int.settings"},
		{"growth", model.Labels{"alertname": "VolumeGrowth", "scope": "local"}, "int.volume"},
		{"network", model.Labels{"alertname": "NetworkDown"}, "ext.network"},
		{"reboot", model.Labels{"alertname": "HostRebooted"}, "ext.machine_stop"},
		{"flood of requests", model.Labels{"alertname": "RequestFlood"}, "ext.ddos"},
		{"expired", model.Labels{"alertname": "CertificateExpired"}, "ext.expired"},
		{"nothing to go by", model.Labels{"alertname": "MoodleSlowPages"}, ""},
	}
	b := exampleBook(t, "activeprolearn")
	now := paris(t, "2025-03-10 10:00")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.labels["platform"], tt.labels["signal"] = "lms-A", "infra_probe"
			c := b.Classify(model.Signal{Fingerprint: "f", Labels: tt.labels, StartsAt: now}, now)
			d := b.Decide(b.Begin(c, "1", 1, now), incident.Fired{Signal: c.Signal}, incident.Circumstances{}, now)
			e := b.Explain(d.Incident, incident.Circumstances{}, now)
			if e.Cause != tt.want || e.CauseProposed != (tt.want != "") {
				t.Errorf("proposes %q (%t), want %q", e.Cause, e.CauseProposed, tt.want)
			}
			for _, n := range d.Notifications {
				if n.Data.Cause != tt.want {
					t.Errorf("%s says %q", n.Template, n.Data.Cause)
				}
			}
			d = b.Decide(d.Incident, incident.Acted{Act: incident.Act{Verb: "qualify", By: "op", Fields: model.Labels{"cause": "unknown"}}}, incident.Circumstances{}, now)
			if e := b.Explain(d.Incident, incident.Circumstances{}, now); e.Cause != "unknown" || e.CauseProposed {
				t.Errorf("after a person's word it is %q, proposed %t", e.Cause, e.CauseProposed)
			}
		})
	}
}

// covers: S2.26, S2.27, S2.28; the level of guarantee at the bounds of its hours.
func TestGuarantees(t *testing.T) {
	b := exampleBook(t, "activeprolearn")
	for at, want := range map[string]string{
		"2025-03-10 08:59:59": "G3", "2025-03-10 09:00:00": "G1", "2025-03-10 18:59:59": "G1", "2025-03-10 19:00:00": "G3",
		"2025-03-15 10:00:00": "G2", "2025-03-15 17:00:00": "G3", "2025-03-16 12:00:00": "G3", "2025-05-01 10:00:00": "G3",
	} {
		now := paris(t, at)
		c := b.Classify(model.Signal{Fingerprint: "f", Labels: model.Labels{"alertname": "DiskFull", "platform": "lms-A"}, StartsAt: now}, now)
		d := b.Decide(b.Begin(c, "1", 1, now), incident.Fired{Signal: c.Signal}, incident.Circumstances{}, now)
		e := b.Explain(d.Incident, incident.Circumstances{}, now)
		if e.Guarantee != want || (want != "G1") == e.GuaranteeNext.IsZero() {
			t.Errorf("at %s the level is %s until %s, want %s", at, e.Guarantee, e.GuaranteeNext, want)
		}
	}
}
