package acronis

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
)

// parsed reads an exposition and checks the number of jobs in it.
func parsed(t *testing.T, text string, jobs int) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	sourcetest.Check(t, err)
	if got := len(families["backup_job_info"].GetMetric()); got != jobs {
		t.Errorf("%d jobs in the exposition, want %d", got, jobs)
	}
}

func TestQuotas(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	five, seven, zero := 5.0, 7.0, 0.0
	b.sim.SetUsages(b.dupont,
		acronissim.Usage{Name: "storage", Infra: "a", Edition: "pck", Unit: "bytes", Value: 1, Quota: &five},
		acronissim.Usage{Name: "storage", Infra: "b", Edition: "pck", Unit: "bytes", Value: 2, Quota: &seven},
		acronissim.Usage{Name: "workstations", Unit: "quantity", Value: 3},
		acronissim.Usage{Name: "vms", Unit: "quantity", Value: 4, Quota: &zero},
		acronissim.Usage{Name: "antivirus", Unit: "n/a", Value: 1},
		acronissim.Usage{Name: "unused", Unit: "quantity", Off: true},
		acronissim.Usage{Name: "left", Unit: "quantity", Value: 2, Quota: &five, Off: true})
	b.sim.SetUsages(b.garage, acronissim.Usage{Name: "storage", Unit: "bytes", Value: 9})
	b.Refresh()
	m := b.Metrics()
	for line, want := range map[string]bool{
		`backup_quota_used{source="acronis-eu2",customer="dupont",item="storage",unit="bytes"} 3`:         true,
		`backup_quota_limit{source="acronis-eu2",customer="dupont",item="storage",unit="bytes"} 12`:       true,
		`backup_quota_used{source="acronis-eu2",customer="dupont",item="workstations",unit="quantity"} 3`: true,
		`backup_quota_limit{source="acronis-eu2",customer="dupont",item="workstations"`:                   false, // unlimited
		`backup_quota_limit{source="acronis-eu2",customer="dupont",item="vms",unit="quantity"} 0`:         true,
		`item="antivirus"`: false, // a switch, no amount
		`item="unused"`:    false,
		`backup_quota_used{source="acronis-eu2",customer="dupont",item="left",unit="quantity"} 2`:          true,
		`backup_quota_limit{source="acronis-eu2",customer="dupont",item="left"`:                            false,
		`backup_quota_used{source="acronis-eu2",customer="garage-lea-fils",item="storage",unit="bytes"} 9`: true,
		`backup_quota_limit{source="acronis-eu2",customer="garage-lea-fils"`:                               false,
	} {
		if strings.Contains(m, line) != want {
			t.Errorf("%s: want %v", line, want)
		}
	}
	parsed(t, m, 5)
}

// A usage without numbers is no number, and one shape may lie inside another.
func TestUsageShapes(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	var p page[usage]
	sourcetest.Check(t, json.Unmarshal([]byte(`{"items":[{"name":"a","type":"count","measurement_unit":"quantity","value":"12","tenant_uuid":"`+b.dupont+`","offering_item":{"status":1,"quota":{"value":null}}},
		{"name":"b","measurement_unit":"quantity","value":"many","tenant_uuid":"`+b.dupont+`"},{"name":"c","measurement_unit":"quantity","value":1,"tenant_uuid":"`+b.dupont+`","offering_item":{"quota":{"value":"lots"}}},
		{"name":"d","measurement_unit":"quantity","value":1,"tenant_uuid":"`+b.dupont+`","offering_item":{"quota":{"value":-1}}}]}`), &p))
	known := newKnowledge()
	s := build(listing{usages: p.Items}, &known, b.source.config, b.Clock.Now())
	if len(s.Quotas) != 2 || s.Quotas[0].Used != 12 || s.Quotas[0].Limit != nil || s.Quotas[1].Item != "d" || s.Quotas[1].Limit != nil || s.UnknownValues["usage_value"] != 1 || s.UnknownValues["quota_value"] != 1 {
		t.Errorf("%+v %v", s.Quotas, s.UnknownValues)
	}
}

func TestTrialEnds(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	end := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	b.sim.SetTrial(b.garage, end)
	b.Refresh()
	if m := b.Metrics(); !strings.Contains(m, `backup_license_expiry_timestamp_seconds{source="acronis-eu2",customer="garage-lea-fils",item="trial"} 1.7750448e+09`) || strings.Contains(m, `customer="dupont",item="trial"`) {
		t.Error("the trial's end is not told, or that of somebody without a trial")
	}
	if n := b.sim.Requests("pricing"); n != 1 {
		t.Errorf("%d questions about prices; only one customer is on trial", n)
	}
	b.sim.SetTrial(b.garage, time.Time{})
	b.Clock.Advance(2 * time.Hour)
	b.Refresh()
	if strings.Contains(b.Metrics(), "backup_license_expiry_timestamp_seconds{") {
		t.Error("the end of a trial that became a subscription is still told")
	}
}

// What a customer that serves itself refuses is not an error.
func TestSelfServiceCustomer(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.SetUsages(b.dupont, acronissim.Usage{Name: "storage", Unit: "bytes", Value: 3})
	b.sim.HideTenant(b.garage)
	b.Refresh()
	if n := b.sim.Requests("usages"); n != 1 {
		t.Errorf("%d questions about usages: a customer that serves itself was asked", n)
	}
	for _, e := range b.Poller.View().Endpoints {
		if e.Err != nil {
			t.Errorf("%s: %v", e.Name, e.Err)
		}
	}
	// It hides itself only after the tenants were listed: its refusal spoils
	// nobody else's answer.
	b.sim.SetUsages(b.garage, acronissim.Usage{Name: "storage", Unit: "bytes", Value: 5})
	items, err := b.source.client.usages(t.Context(), []string{b.dupont, b.garage})
	if err != nil || len(items) != 1 || items[0].TenantUUID.Lower() != b.dupont {
		t.Errorf("%+v, %v", items, err)
	}
	if _, err := b.source.client.usages(t.Context(), []string{b.garage}); exporters.ReasonOf(err) != exporters.ReasonForbidden {
		t.Errorf("a right that is missing everywhere is not told: %v", err)
	}
	if trials, err := b.source.client.trials(t.Context(), []string{b.garage}); err != nil || len(trials) != 0 {
		t.Errorf("%v %v", trials, err)
	}
	if !strings.Contains(b.Metrics(), `backup_source_up{source="acronis-eu2"} 1`) {
		t.Error("the source is down")
	}
}

func TestQuotasDegradeAlone(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.SetUsages(b.dupont, acronissim.Usage{Name: "storage", Unit: "bytes", Value: 3})
	b.Refresh()
	for _, fault := range []misbehave.Fault{misbehave.Forbidden, misbehave.HTML, misbehave.TruncatedJSON} {
		b.sim.Orders.Add(misbehave.Order{Endpoint: "usages", Fault: fault, Times: -1})
		b.Clock.Advance(2 * time.Hour)
		b.Refresh()
		m := b.Metrics()
		for _, want := range []string{`backup_source_up{source="acronis-eu2"} 1`, `backup_source_endpoint_up{source="acronis-eu2",endpoint="usages"} 0`, `item="storage",unit="bytes"} 3`} {
			if !strings.Contains(m, want) {
				t.Errorf("%s: missing %s", fault, want)
			}
		}
		b.sim.Orders.Clear()
	}
}

func TestDisabledAndDeletedTenants(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	b.Clock.Advance(20 * time.Minute)
	b.sim.SetTenantEnabled(b.garage, false)
	b.Refresh()
	if b.job(`SRV\"1"`).Enabled || !b.job("SRV-AD").Enabled {
		t.Error("a customer that was switched off has jobs switched on, or another has not")
	}
	b.sim.DeleteTenant(b.garage)
	b.Refresh()
	if !b.Has(`SRV\"1"`) {
		t.Error("gone without a complete listing")
	}
	if n := len(b.source.tenants.items); n != 3 {
		t.Errorf("%d tenants are left, want 3", n)
	}
	if j := b.job(`SRV\"1"`); j.Customer != "garage-lea-fils" {
		t.Errorf("the jobs of a deleted customer moved to %q", j.Customer)
	}
	for range exporters.DefaultGrace + 1 {
		b.Clock.Advance(2 * time.Hour)
		b.Refresh()
	}
	if b.Has(`SRV\"1"`) {
		t.Error("a deleted customer's machine stays")
	}
}
