package acronis

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

func TestPage(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		items int
		after string
		bad   bool
	}{
		"paging.cursors":     {`{"items":[{},{}],"paging":{"cursors":{"after":"abc=","total":5}}}`, 2, "abc=", false},
		"cursors on top":     {`{"items":[{}],"cursors":{"after":"x"}}`, 1, "x", false},
		"empty paging":       {`{"items":[],"paging":{}}`, 0, "", false},
		"no paging":          {`{"items":[{}]}`, 1, "", false},
		"null items":         {`{"items":null,"paging":{"cursors":{}}}`, 0, "", false},
		"no items":           {`{"paging":{"cursors":{}}}`, 0, "", true},
		"an error with 200":  {`{"error":{"code":"x"}}`, 0, "", true},
		"items is an object": {`{"items":{}}`, 0, "", true},
		"truncated":          {`{"items":[{},{`, 0, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var p page[resourceStatus]
			err := json.Unmarshal([]byte(c.text), &p)
			if (err != nil) != c.bad || len(p.Items) != c.items || p.after != c.after {
				t.Errorf("got %d items, after %q, %v", len(p.Items), p.after, err)
			}
		})
	}
}

func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		kind       string
		attributes string
		want       exporters.Class
		known      bool
	}{
		{"resource.machine", `[{"name":"agent","kvs":[{"key":"os_product_type","value":3}]}]`, exporters.Server, true},
		{"resource.machine", `[{"name":"agent","kvs":[{"key":"os_product_type","value":"2"}]}]`, exporters.Server, true},
		{"resource.machine", `[{"name":"agent","kvs":[{"key":"os_product_type","value":1}]}]`, exporters.Workstation, true},
		{"resource.machine", `[{"name":"other","kvs":[{"key":"osProductType","value":"workstation"}]}]`, exporters.Workstation, true},
		{"resource.machine", `[{"name":"other","kvs":[{"key":"os_product_type","value":"1"}]},{"name":"agent","kvs":[{"key":"os_product_type","value":3}]}]`, exporters.Server, true},
		{"resource.machine", `[{"name":"agent","kvs":[{"key":"chassis","value":"laptop"}]}]`, exporters.Workstation, true},
		{"resource.machine", `[{"name":"agent","kvs":[{"key":"os_name","value":"Microsoft Windows Server 2019"}]}]`, exporters.Server, true},
		{"resource.machine", `[]`, exporters.Other, true},
		{"machine", `[]`, exporters.Other, true},
		{"resource.virtual_machine.vmwesx", `[]`, exporters.Server, true},
		{"group.nas_devices", `[]`, exporters.NAS, true},
		{"resource.mssql_server", `[]`, exporters.Server, true},
		{"resource.msexchange_mailbox.office365", `[]`, exporters.Server, true},
		{"resource.mobile_device", `[]`, exporters.Workstation, true},
		{"resource.dynastic_thing", `[]`, exporters.Other, false}, // "nas" inside a word is no NAS
		{"resource.quantum_computer", `[]`, exporters.Other, false},
	} {
		var r resourceStatus
		sourcetest.Check(t, json.Unmarshal([]byte(c.attributes), &r.Attributes))
		got, known := classOf(c.kind, attributesOf(&r))
		if got != c.want || known != c.known {
			t.Errorf("%s %s: %s %v, want %s %v", c.kind, c.attributes, got, known, c.want, c.known)
		}
	}
}

func TestScheduleGap(t *testing.T) {
	const weekdays = `{"scheduling":{"enabled":true,"backup_sets":[{"schedule":{"type":"weekly","alarms":{"time":{"weekdays":["mon","tue","wed","thu","fri"],"repeat_at":[{"hour":21,"minute":0}]}}}}]}}`
	const twice = `{"scheduling":{"backup_sets":[{"schedule":{"type":"daily","alarms":{"time":{"repeat_at":[{"hour":6},{"hour":18}]}}}}]}}`
	paris, err := time.LoadLocation("Europe/Paris")
	sourcetest.Check(t, err)
	for _, c := range []struct {
		settings, at string
		loc          *time.Location
		want         time.Duration
	}{
		{weekdays, "2026-03-10T21:05:00Z", time.UTC, 24 * time.Hour}, // Tuesday
		{weekdays, "2026-03-13T21:05:00Z", time.UTC, 72 * time.Hour}, // Friday
		{weekdays, "2026-03-14T03:00:00Z", time.UTC, 72 * time.Hour}, // Friday's run ended late
		{weekdays, "2026-03-16T20:30:00Z", paris, 24 * time.Hour},    // Monday 21:30 in Paris
		{weekdays, "2026-03-16T20:30:00Z", time.UTC, 72 * time.Hour}, // before Monday's run
		{twice, "2026-03-10T07:00:00Z", time.UTC, 12 * time.Hour},    //
		{`{"scheduling":{"backup_sets":[{"schedule":{"type":"monthly"}}]}}`, "2026-03-10T07:00:00Z", time.UTC, 31 * 24 * time.Hour},
		{`{"scheduling":{"enabled":false,"backup_sets":[{"schedule":{"type":"daily","alarms":{"time":{"repeat_at":[{"hour":6}]}}}}]}}`, "2026-03-10T07:00:00Z", time.UTC, 0},
		{`{"scheduling":{"backup_sets":[{"schedule":{"type":"daily","alarms":{"time":{"repeat_at":[{"hour":66}]}}}}]}}`, "2026-03-10T07:00:00Z", time.UTC, 0},
		{`"nonsense"`, "2026-03-10T07:00:00Z", time.UTC, 0},
		{``, "2026-03-10T07:00:00Z", time.UTC, 0},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		sourcetest.Check(t, err)
		if got := scheduleOf(json.RawMessage(c.settings)).gapAfter(at, c.loc); got != c.want {
			t.Errorf("%s in %s: %v, want %v", c.at, c.loc, got, c.want)
		}
	}
}

func TestCustomerOfTenant(t *testing.T) {
	tenants := []tenant{
		{ID: "P", Name: "MSP", Kind: "partner"},
		{ID: "C1", Name: "Dupont", Kind: "customer", ParentID: "p"},
		{ID: "U1", Name: "Lyon", Kind: "unit", ParentID: "C1"},
		{ID: "C2", Name: "Martin", Kind: "customer", ParentID: "P", Enabled: exporters.Flag{Told: true}},
	}
	numeric := map[string]tenantRef{
		"67": {ID: "67", UUID: "u1", Locator: "/1/66/67/"},
		"66": {ID: "66", UUID: "c1", Locator: "/1/66/"},
		"80": {ID: "80", Name: "Martin"},
		"91": {ID: "91", UUID: "hidden", Locator: "/1/66/91/"},
	}
	d := newDirectory(tenants, numeric, map[string]string{"c1": "dupont", "99": "self-service"})
	for id, want := range map[string]customer{
		"u1": {id: "dupont", key: "c1", name: "Dupont", enabled: true},
		"U1": {id: "dupont", key: "c1", name: "Dupont", enabled: true},
		"67": {id: "dupont", key: "c1", name: "Dupont", enabled: true},
		"91": {id: "dupont", key: "hidden", name: "dupont", enabled: true}, // below a customer, outside the tree
		"C2": {key: "c2", name: "Martin"},
		"80": {key: "c2", name: "Martin"}, // by its name, which is unique
		"99": {id: "self-service", key: "99", name: "self-service", enabled: true},
		"12": {key: "12", name: "tenant 12", enabled: true},
	} {
		if got := d.customer(id); got != want {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
}

// Two services that disagree are not believed where they say the better.
func TestContradictions(t *testing.T) {
	at := time.Date(2026, 3, 10, 22, 0, 0, 0, time.UTC)
	run := func(status, taskCode string, success time.Time) exporters.Result {
		var r resourceStatus
		r.Context.ID, r.Context.Type = "R", "resource.machine"
		r.Policies = []policyStatus{{Type: "policy.backup.machine", Status: status, LastRun: momentOf(exporters.Instant{Time: at}), LastSuccessRun: momentOf(exporters.Instant{Time: success})}}
		l := listing{statuses: []resourceStatus{r}}
		if taskCode != "" {
			tk := task{UUID: "T", Type: backupCommand, StartedAt: exporters.Instant{Time: at.Add(-time.Hour)}, CompletedAt: exporters.Instant{Time: at.Add(time.Second)}}
			tk.Resource.ID, tk.Result.Code = "r", taskCode
			l.tasks = []task{tk}
		}
		known := newKnowledge()
		s := build(l, &known, &Config{location: time.UTC}, at.Add(time.Hour))
		if len(s.Jobs) != 1 || len(s.Jobs[0].Runs) != 1 {
			t.Fatalf("%+v", s.Jobs)
		}
		return s.Jobs[0].Runs[0].Result
	}
	before := at.Add(-24 * time.Hour)
	for _, c := range []struct {
		status, task string
		success      time.Time
		want         exporters.Result
	}{
		{"idle", "", at, exporters.Success},
		{"idle", "ok", at, exporters.Success},
		{"idle", "warning", at, exporters.Warning},
		{"warning", "", at, exporters.Warning},
		{"idle", "error", at, exporters.Failed},
		{"idle", "", before, exporters.Failed},
		{"idle", "ok", before, exporters.Failed},
		{"idle", "cancelled", before, exporters.Cancelled},
		{"idle", "timedout", before, exporters.Failed},
		{"error", "", at, exporters.Failed},
		{"error", "ok", at, exporters.Failed},
		{"sparkling", "", at, exporters.Unknown},
		{"sparkling", "ok", at, exporters.Unknown},
		{"idle", "sparkling", at, exporters.Unknown},
		{"idle", "", time.Time{}, exporters.Failed},
	} {
		if got := run(c.status, c.task, c.success); got != c.want {
			t.Errorf("status %q, task %q, success %v: %s, want %s", c.status, c.task, c.success, got, c.want)
		}
	}
}

func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"items":[{"context":{"id":"A","type":"resource.machine","tenant_id":17},"policies":[{"type":"policy.backup.machine","last_run":"2021-02-03T15:00:48Z","last_success_run":1612364448}]}],"paging":{"cursors":{"after":"x"}}}`))
	f.Add([]byte(`{"items":[{"uuid":"U","type":"8F01AC13-F59E-4851-9204-DE1FD77E36B4","completedAt":"x","result":{"code":"error","error":{"context":{"cause_str":1}}}}]}`))
	f.Add([]byte(`{"items":[{"details":{"error":{"suberror":{"text":"a"}},"errorMessage":[]}}]}`))
	f.Add([]byte(`{"items":[{"name":"storage","measurement_unit":"bytes","value":"1e3","tenant_id":7,"tenant_uuid":"u","offering_item":{"status":1,"quota":{"value":null}},"usages":[{"name":"x","value":1}]}],"mode":"trial","production_start_date":"2020-08-04T12:47:03"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var l listing
		var statuses page[resourceStatus]
		var tasks page[task]
		var alerts page[alert]
		var agents page[agent]
		var tenants page[tenant]
		var plans page[plan]
		var applications page[application]
		var usages page[usage]
		var price trial
		for _, into := range []any{&statuses, &tasks, &alerts, &agents, &tenants, &plans, &applications, &usages, &price} {
			_ = json.Unmarshal(data, into)
		}
		l.statuses, l.tasks, l.running, l.alerts = statuses.Items, tasks.Items, tasks.Items, alerts.Items
		l.agents, l.tenants, l.plans, l.applications = agents.Items, tenants.Items, plans.Items, applications.Items
		l.usages, l.trials = usages.Items, []trial{price}
		known := newKnowledge()
		s := build(l, &known, &Config{location: time.UTC}, time.Date(2026, 3, 10, 22, 0, 0, 0, time.UTC))
		for _, j := range s.Jobs {
			if j.ID == "" || !strings.Contains(j.ID, "policy.backup") {
				t.Errorf("job id %q", j.ID)
			}
		}
		for _, q := range s.Quotas {
			if q.Used != q.Used || q.Limit != nil && *q.Limit < 0 {
				t.Errorf("%+v", q)
			}
		}
	})
}

// The vendor's own examples of the applications of policies are a list of
// lists; others of its services answer a plain list.
func TestListsOfLists(t *testing.T) {
	for _, text := range []string{
		`{"items":[[{"context":{"id":"A"},"policy":{"id":"p1"}},{"context":{"id":"A"},"policy":{"id":"p2"}}],[{"context":{"id":"B"},"policy":{"id":"p1"}}]],"paging":{"cursors":{"total":2,"after":"x"}}}`,
		`{"items":[{"context":{"id":"A"},"policy":{"id":"p1"}},{"context":{"id":"A"},"policy":{"id":"p2"}},{"context":{"id":"B"},"policy":{"id":"p1"}}],"paging":{"cursors":{"after":"x"}}}`,
		`{"items":[{"context":{"id":"A"},"policy":{"id":"p1"}}, [{"context":{"id":"A"},"policy":{"id":"p2"}}], [], [{"context":{"id":"B"},"policy":{"id":"p1"}}]],"paging":{"cursors":{"after":"x"}}}`,
	} {
		var p page[application]
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Errorf("%v: %s", err, text)
			continue
		}
		var keys []string
		for i := range p.Items {
			keys = append(keys, p.Items[i].key())
		}
		if want := []string{"a/p1", "a/p2", "b/p1"}; !slices.Equal(keys, want) || p.after != "x" || p.Null {
			t.Errorf("%v, want %v: %s", keys, want, text)
		}
	}
	for _, text := range []string{`{"items":[[1]]}`, `{"items":[[["x"]]]}`, `{"items":7}`} {
		var p page[application]
		if err := json.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("taken for a page: %s", text)
		}
	}
}
