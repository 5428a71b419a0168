package rules_test

import (
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// covers: S1.26; who cannot be read blinds what it reads, and nothing else.
func TestExtentOfBlindness(t *testing.T) {
	now := paris(t, "2026-11-02 08:00")
	told := map[string][]string{"cloud:9891": {"acronis-eu2"}, "site-martin:9891": {"veeam-martin"}}
	dir := &inventory.Directory{Exporters: told}
	book, err := rules.NewBook(dir, &policy.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	failing := func(source, customer string, at time.Time) incident.Incident {
		return incident.Incident{Key: "i", State: model.Open, Identity: model.Labels{"customer": customer, "machine": "SRV-AD"},
			Alerts: map[string]*incident.Alert{"a": {Labels: model.Labels{"source": source, "customer": customer}, StartsAt: at, Firing: true}}}
	}
	before, after := now.Add(-time.Hour), now.Add(time.Hour)
	for _, c := range []struct {
		name  string
		blind model.Labels
		inc   incident.Incident
		want  bool
	}{
		{"its source", model.Labels{"source": "acronis-eu2"}, failing("acronis-eu2", "dupont", before), true},
		{"another source", model.Labels{"source": "acronis-eu2"}, failing("veeam-martin", "martin", before), false},
		{"its source at another customer", model.Labels{"source": "acronis-eu2", "customer": "leroy"}, failing("acronis-eu2", "dupont", before), false},
		{"another machine", model.Labels{"source": "acronis-eu2", "machine": "NAS-01"}, failing("acronis-eu2", "dupont", before), false},
		{"no exporter at all", model.Labels{}, failing("acronis-eu2", "dupont", before), true},
		{"monitoring itself", model.Labels{"source": "vigie"}, failing("acronis-eu2", "dupont", before), true},
		{"an Alertmanager", model.Labels{"source": "alertmanager/a"}, failing("acronis-eu2", "dupont", before), false},
		{"its exporter", model.Labels{"exporter": "cloud:9891"}, failing("acronis-eu2", "dupont", after), true},
		{"another exporter", model.Labels{"exporter": "site-martin:9891"}, failing("acronis-eu2", "dupont", before), false},
		{"a source that no exporter is known for, beside a known one", model.Labels{"exporter": "cloud:9891"}, failing("arcserve", "leroy", before), false},
		{"an unknown exporter, and a source that is read", model.Labels{"exporter": "site-leroy:9891"}, failing("acronis-eu2", "dupont", before), false},
		{"an unknown exporter, and a source of which nothing is known", model.Labels{"exporter": "site-leroy:9891"}, failing("arcserve", "leroy", before), false},
		{"an unknown exporter of this customer", model.Labels{"exporter": "site-leroy:9891", "customer": "leroy"}, failing("arcserve", "leroy", before), true},
		{"an unknown exporter of another customer", model.Labels{"exporter": "site-leroy:9891", "customer": "leroy"}, failing("arcserve", "martin", before), false},
		{"an unknown exporter, where nothing is told of any", model.Labels{"exporter": "untold:9891"}, failing("arcserve", "leroy", before), true},
		{"an unknown exporter, and a failure that was read since", model.Labels{"exporter": "untold:9891"}, failing("arcserve", "leroy", after), false},
	} {
		dir.Exporters = told
		if c.blind["exporter"] == "untold:9891" {
			dir.Exporters = nil
		}
		c.blind["kind"] = "exporter_absent"
		blind := incident.Incident{Key: "b", State: model.Open, Alerts: map[string]*incident.Alert{"b": {Labels: c.blind, StartsAt: now, Firing: true}}}
		if got := book.Blinds(blind, c.inc); got != c.want {
			t.Errorf("%s: blind %t, want %t", c.name, got, c.want)
		}
		blind.Alerts["b"].Firing = false
		if book.Blinds(blind, c.inc) {
			t.Errorf("%s: blind although it can be read again", c.name)
		}
	}
}
