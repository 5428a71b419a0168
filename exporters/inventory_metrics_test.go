package exporters_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "vigie/exporters"
	"vigie/exporters/exposition"
)

const goodInventory = `customers:
  dupont: {name: Dupont, language: fr}
  gone: {decommissioned: 2026-03-01}
machines:
  - customer: dupont
    name: SRV-AD
    class: server
    user: lea
    aliases: [srv-ad.dupont.local, "veeam-dupont:AD01", "acronis:3b0007"]
    plans:
      - {plan: daily, role: primary, engine: acronis}
      - {plan: Job Nuit, role: local, engine: veeam}
  - {customer: dupont, name: NAS-01, class: nas, plans: [{plan: daily, role: primary, engine: acronis}]}
  - {customer: dupont, name: PC-LEA, class: workstation}
  - {customer: gone, name: OLD, class: server, plans: [{role: primary}]}
`

func inventoryOf(t *testing.T, text string) *Inventory {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := LoadInventory([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// shown is what the metrics say of a source and of the inventory.
func shown(p *Poller, inventory *Inventory, now time.Time) string {
	w := httptest.NewRecorder()
	views := func() []*View { return []*View{p.View()} }
	exposition.New(exposition.Options{Sources: views, Assessed: func() *Assessment { return inventory.Assess(views(), now) }}).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// From what a product calls machines to series: known ones under one name,
// unknown ones counted, missing and vanished ones told.
func TestInventoryAgainstSources(t *testing.T) {
	inventory := inventoryOf(t, goodInventory)
	now := at(0)
	jobs := []Job{
		{ID: "3b0007/policy.backup.machine", Customer: "dupont", Machine: "was renamed", Class: Other, Role: Primary, Engine: "acronis", Plan: "daily"},
		{ID: "3b0009/policy.backup.machine", Customer: "dupont", Machine: "nas-01", Class: Server, Role: Primary, Engine: "acronis", Plan: "daily"},
		{ID: "x/1", Customer: "dupont", Machine: "SRV-X", Class: Server, Role: Primary, Engine: "acronis", Plan: "daily"},
		{ID: "x/2", Customer: "dupont", Machine: "SRV-X", Class: Server, Role: Primary, Engine: "acronis", Plan: "weekly"},
	}
	file := filepath.Join(t.TempDir(), "state.json")
	var down error
	o := PollerOptions{Name: "acronis-eu2", Engine: "acronis", Inventory: func() *Inventory { return inventory }, StateFile: file, Now: func() time.Time { return now },
		Source: fetch(func(context.Context) (Snapshot, error) {
			return Snapshot{Jobs: slices.Clone(jobs), Agents: []Agent{{Customer: "dupont", Machine: "SRV-AD.dupont.local", Online: true}}}, down
		})}
	p := newPoller(t, o)
	refresh(t, p)
	metrics := func() string {
		return shown(p, inventory, now)
	}
	has := func(m string, lines ...string) {
		t.Helper()
		for _, line := range lines {
			if !strings.Contains(m, line+"\n") {
				t.Errorf("no %s in\n%s", line, m)
			}
		}
	}
	m := metrics()
	has(m,
		`backup_job_info{source="acronis-eu2",customer="dupont",job_id="3b0007/policy.backup.machine",machine="SRV-AD",machine_class="server",backup_role="primary",engine="acronis",plan="daily",customer_name="",object_type=""} 1`,
		`backup_agent_online{source="acronis-eu2",customer="dupont",machine="SRV-AD"} 1`,
		`backup_inventory_plan_listed{customer="dupont",machine="SRV-AD",machine_class="server",backup_role="primary",engine="acronis",plan="daily"} 1`,
		`backup_inventory_plan_listed{customer="dupont",machine="SRV-AD",machine_class="server",backup_role="local",engine="veeam",plan="Job Nuit"} 0`,
		`backup_inventory_plan_listed{customer="dupont",machine="NAS-01",machine_class="nas",backup_role="primary",engine="acronis",plan="daily"} 1`,
		`backup_inventory_machine_jobs{customer="dupont",machine="PC-LEA",machine_class="workstation"} 0`,
		`backup_inventory_unmatched_machines{source="acronis-eu2"} 1`)
	if strings.Contains(m, `machine="OLD"`) || strings.Contains(m, "backup_vanished_timestamp_seconds{") {
		t.Error(m)
	}
	// Gone from complete listings, for longer than the grace.
	jobs = jobs[:1]
	for range DefaultGrace {
		now = now.Add(time.Minute)
		refresh(t, p)
	}
	has(metrics(), `backup_inventory_plan_listed{customer="dupont",machine="NAS-01",machine_class="nas",backup_role="primary",engine="acronis",plan="daily"} 1`)
	now = now.Add(time.Minute)
	refresh(t, p)
	gone := `backup_vanished_timestamp_seconds{source="acronis-eu2",customer="dupont",job_id="3b0009/policy.backup.machine",machine="NAS-01",machine_class="nas",backup_role="primary",engine="acronis",plan="daily"} 1.77309366e+09`
	has(metrics(), gone, `backup_inventory_plan_listed{customer="dupont",machine="NAS-01",machine_class="nas",backup_role="primary",engine="acronis",plan="daily"} 0`)
	// A source that cannot be read makes nothing vanish, and a restart forgets nothing.
	down = &SourceError{Endpoint: "x", Reason: ReasonServer}
	jobs = nil
	_ = p.Refresh(t.Context())
	has(metrics(), gone, `backup_inventory_plan_listed{customer="dupont",machine="SRV-AD",machine_class="server",backup_role="primary",engine="acronis",plan="daily"} 1`)
	if err := p.Save(); err != nil {
		t.Fatal(err)
	}
	p = newPoller(t, o)
	has(metrics(), gone, `backup_inventory_plan_listed{customer="dupont",machine="SRV-AD",machine_class="server",backup_role="primary",engine="acronis",plan="daily"} 1`)
}

func TestInventoryHandler(t *testing.T) {
	inventory := inventoryOf(t, goodInventory)
	p := newPoller(t, PollerOptions{Inventory: func() *Inventory { return inventory }, Source: snapshotOf(
		Job{ID: "u1", Customer: "dupont", Machine: "SRV-X"}, Job{ID: "u2", Customer: "martin", Machine: "SRV-Y"})})
	refresh(t, p)
	views := func() []*View { return []*View{p.View()} }
	assessed := inventory.Assess(views(), at(0))
	current := inventory
	h := InventoryHandler(func() *Inventory { return current }, func() *Assessment { return assessed }, views)
	ask := func(query string) (int, InventoryAnswer) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/inventory"+query, nil))
		var a InventoryAnswer
		_ = json.Unmarshal(w.Body.Bytes(), &a)
		return w.Code, a
	}
	code, a := ask("")
	if code != 200 || a.Machines != 4 || a.MissingTotal != 3 || a.WithoutTotal != 3 || len(a.Unmatched) != 2 || a.Unmatched[0] != (UnmatchedMachine{"s", "dupont", "SRV-X", "u1", 1}) {
		t.Errorf("%d %+v", code, a)
	}
	if _, a = ask("?customer=dupont&limit=1"); len(a.Missing) != 1 || a.MissingTotal != 3 || a.UnmatchedTotal != 1 {
		t.Errorf("%+v", a)
	}
	if _, a = ask("?source=other"); a.UnmatchedTotal != 0 {
		t.Errorf("%+v", a)
	}
	for query, want := range map[string]int{"?machine=x": 400, "?limit=0": 400, "?limit=many": 400} {
		if code, _ := ask(query); code != want {
			t.Errorf("%s: %d", query, code)
		}
	}
	assessed = nil
	if code, _ := ask(""); code != http.StatusServiceUnavailable {
		t.Errorf("%d before it was compared", code)
	}
	current = nil
	if code, _ := ask(""); code != http.StatusNotFound {
		t.Errorf("%d without an inventory", code)
	}
}
