package exporters_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// A product that tells no next run has one where the inventory says the days.
func TestTheInventorysSchedule(t *testing.T) {
	inventory := inventoryOf(t, `timezone: Europe/Paris
sources:
  restic-dupont: {exporter: "127.0.0.1:9891"}
  acronis-eu2:
machines:
  - customer: dupont
    name: SRV-AD
    class: server
    plans:
      - {plan: daily, role: primary, engine: restic, days: mon-fri, at: "22:00"}
      - {plan: Sunday, role: local, engine: restic, interval: 168h}
`)
	friday := time.Date(2026, 3, 13, 22, 30, 0, 0, time.UTC)
	job := func(plan string, role Role, result Result) Job {
		return Job{ID: plan, Customer: "dupont", Machine: "SRV-AD", Role: role, Engine: "restic", Plan: plan, Enabled: true, ExpectedInterval: 24 * time.Hour,
			Runs: []Run{{ID: plan, Start: friday.Add(-time.Hour), End: friday, Result: result}}}
	}
	told := job("monthly", Primary, Success)
	told.NextRun = friday.Add(720 * time.Hour)
	p := newPoller(t, PollerOptions{Name: "restic-dupont", Engine: "restic", Interval: 5 * time.Minute, CredentialEnds: friday.Add(time.Hour), Inventory: func() *Inventory { return inventory },
		Now: func() time.Time { return friday.Add(time.Minute) }, Source: snapshotOf(job("daily", Primary, Success), job("Sunday", Local, Success), told)})
	refresh(t, p)
	m := shown(p, inventory, friday)
	for _, want := range []string{
		`backup_job_next_run_timestamp_seconds{source="restic-dupont",customer="dupont",job_id="daily"} 1.7736948e+09`, // Monday 22:00 in Paris
		`backup_job_next_run_timestamp_seconds{source="restic-dupont",customer="dupont",job_id="monthly"} 1.776033e+09`,
		`backup_job_expected_interval_seconds{source="restic-dupont",customer="dupont",job_id="daily"} 86400`,
		`backup_job_expected_interval_seconds{source="restic-dupont",customer="dupont",job_id="Sunday"} 604800`,
		`backup_inventory_source_expected{source="restic-dupont",exporter="127.0.0.1:9891"} 1`,
		`backup_inventory_source_expected{source="acronis-eu2",exporter=""} 1`,
		`backup_source_poll_interval_seconds{source="restic-dupont"} 300`,
		`backup_source_expiry_timestamp_seconds{source="restic-dupont",item="credential"} ` + strconv.FormatFloat(float64(friday.Add(time.Hour).Unix()), 'g', -1, 64),
	} {
		if !strings.Contains(m, want+"\n") {
			t.Errorf("no %s in\n%s", want, m)
		}
	}
	if strings.Contains(m, `next_run_timestamp_seconds{source="restic-dupont",customer="dupont",job_id="Sunday"}`) {
		t.Error("an interval alone says no next run")
	}
}

// A customer's new id takes the history along and says what it was called before.
func TestAMovedJobSaysSo(t *testing.T) {
	now, customer := at(0), "dupont-s-a-s"
	file := filepath.Join(t.TempDir(), "state.json")
	o := PollerOptions{StateFile: file, Now: func() time.Time { return now }, Source: fetch(func(context.Context) (Snapshot, error) {
		return Snapshot{Jobs: []Job{{ID: "r1", Customer: customer, Machine: "SRV-AD", Enabled: true}}}, nil
	})}
	p := newPoller(t, o)
	refresh(t, p)
	said := func() bool {
		return strings.Contains(shown(p, inventoryOf(t, goodInventory), now), `backup_job_moved_timestamp_seconds{source="s",customer="dupont-s-a-s",job_id="r1"} 1.7730936e+09`+"\n")
	}
	if said() {
		t.Error("nothing moved yet")
	}
	customer = "dupont"
	refresh(t, p)
	if !said() {
		t.Error("the move is not told")
	}
	if err := p.Save(); err != nil {
		t.Fatal(err)
	}
	p = newPoller(t, o)
	refresh(t, p)
	if !said() {
		t.Error("a restart forgot the move")
	}
	now = now.Add(32 * 24 * time.Hour)
	refresh(t, p)
	if said() {
		t.Error("the move is told for ever")
	}
}

func TestScheduleErrorsNameTheCure(t *testing.T) {
	for text, want := range map[string]string{
		"{plan: p, role: local, days: lundi}":    `i.yml:6: machines[0].plans[0].days: "lundi" is no day of the week: write for example mon-fri`,
		"{plan: p, role: local, at: soon}":       `"soon" is no time of the day: write for example 22:00`,
		"{plan: p, role: local, interval: 1s}":   `machines.A.plans: an interval of 1s cannot be; write one between`,
		"{plan: p, role: local, except: monday}": `"monday" is no date: write for example 2026-12-25`,
	} {
		file := filepath.Join(t.TempDir(), "i.yml")
		if err := os.WriteFile(file, []byte("machines:\n  - customer: d\n    name: A\n    class: nas\n    plans:\n      - "+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadInventory([]string{file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got  %v\nwant %s", text, err, want)
		}
	}
}

// The lasting name takes the place of the changing one wherever that is a part of the id,
// and what is said of a plan holds for the job of its name, though the source gives it
// the role of all that do not tell theirs.
func TestIDsAndTermsOfChangingNames(t *testing.T) {
	inventory := inventoryOf(t, `machines:
  - customer: dupont
    name: SRV-APP
    class: server
    aliases: ["backup-*"]
    plans: [{plan: old, role: local, engine: borg, ignore: true}, {plan: daily, role: local, engine: borg}]
`)
	ids := map[string]string{"backup-7f3a": "srv-app", "backup-7f3a-daily": "srv-app-daily", "nightly_Backup-7f3a/data": "nightly_srv-app/data", "borg/backup-7f3a": "borg/srv-app", "backup-7f3a/backup-7f3a-data": "srv-app/srv-app-data", "backup-7f3ab": "backup-7f3ab"}
	var listed []Job
	for id := range ids {
		plan := "daily"
		if id == "backup-7f3a" {
			plan = "Old"
		}
		listed = append(listed, Job{ID: id, Customer: "dupont", Machine: "backup-7f3a", Plan: plan, Enabled: true, Role: Primary, RoleAssumed: true, Engine: "borg"})
	}
	p := newPoller(t, PollerOptions{Name: "push", Engine: "push", StateFile: filepath.Join(t.TempDir(), "s.json"), Inventory: func() *Inventory { return inventory },
		Now: func() time.Time { return at(1) }, Source: fetch(func(context.Context) (Snapshot, error) { return Snapshot{Jobs: listed}, nil })})
	refresh(t, p)
	enabled := map[string]bool{}
	for _, j := range p.View().Jobs {
		enabled[j.ID] = j.Enabled
	}
	for _, id := range ids {
		if on, there := enabled[id]; !there || on != (id != "srv-app") {
			t.Errorf("%s: %v, %v", id, there, on)
		}
	}
}

// A machine that its product calls by another name at each run, such as a
// container, is one machine with one job, over restarts too.
func TestAMachineWhoseNameChanges(t *testing.T) {
	inventory := inventoryOf(t, `machines:
  - {customer: dupont, name: SRV-APP, class: server, aliases: ["restic-dupont:backup-*"], plans: [{role: local, engine: restic}]}
  - {customer: dupont, name: SRV-AD, class: server, aliases: [backup-fixed]}
`)
	var listed []Job
	night := func(n int, result Result, hosts ...string) {
		for i, host := range hosts {
			end := at(0).Add(time.Duration(24*n)*time.Hour + time.Duration(i)*time.Minute)
			listed = append(listed, Job{ID: host + "/data", Customer: "dupont", Machine: host, Enabled: true, Role: Local, Engine: "restic", Runs: []Run{{ID: host, End: end, Result: result}}})
		}
	}
	now := at(30)
	o := PollerOptions{Name: "restic-dupont", Engine: "restic", StateFile: filepath.Join(t.TempDir(), "s.json"), Inventory: func() *Inventory { return inventory },
		Now: func() time.Time { return now }, Source: fetch(func(context.Context) (Snapshot, error) { return Snapshot{Jobs: slices.Clone(listed)}, nil })}
	p := newPoller(t, o)
	night(0, Success, "Backup-7f3a", "backup-fixed", "stranger")
	refresh(t, p)
	night(1, Failed, "backup-91bc", "backup-0000")
	// What a source remembers over a restart bears the lasting name already.
	listed = append(listed, Job{ID: "srv-app/data", Customer: "dupont", Machine: "SRV-APP", Enabled: true, Role: Local, Engine: "restic"})
	now = now.Add(24 * time.Hour)
	for range 2 {
		refresh(t, p)
		jobs := map[string]*Job{}
		for _, j := range p.View().Jobs {
			jobs[j.ID] = j
		}
		app := jobs["srv-app/data"]
		if len(jobs) != 3 || app == nil || app.Machine != "SRV-APP" || app.LastResult != Failed || app.Failures != 2 || !app.LastSuccess.Equal(at(0)) {
			t.Fatalf("%d jobs, %+v", len(jobs), app)
		}
		if ad := jobs["backup-fixed/data"]; ad == nil || ad.Machine != "SRV-AD" || jobs["stranger/data"] == nil {
			t.Errorf("%+v", ad)
		}
		if n := p.View().UnknownValues["duplicate_job_id"]; n != 0 {
			t.Errorf("%d duplicates", n)
		}
		if a := inventory.Assess([]*View{p.View()}, now); !a.Expected[1].Listed[0] || len(a.Unmatched[0].Machines) != 1 {
			t.Errorf("%+v", a)
		}
		if err := p.Save(); err != nil {
			t.Fatal(err)
		}
		p = newPoller(t, o)
	}
}

// The inventory says of a plan what a warning means, how small is too small, and
// whom to leave alone.
func TestTheInventorysTerms(t *testing.T) {
	inventory := inventoryOf(t, `machines:
  - customer: dupont
    name: SRV-AD
    class: server
    plans:
      - {plan: proves, role: primary, engine: acronis, warning: success}
      - {plan: strict, role: primary, engine: acronis, warning: failed}
      - {plan: open, role: primary, engine: acronis, warning: warning}
      - {plan: plain, role: primary, engine: acronis}
      - {plan: large, role: local, engine: acronis, min_size: 20GB}
      - {plan: test, role: local, engine: acronis, ignore: true}
`)
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint("the product tells its last success: ", claims), func(t *testing.T) { testTerms(t, inventory, claims) })
	}
}

// A product that tells its last success itself knows nothing of the terms.
func testTerms(t *testing.T, inventory *Inventory, claims bool) {
	result, size, night, again := Success, Told(30_000_000_000), 0, false
	o := PollerOptions{Name: "a", Engine: "acronis", WarningIsSuccess: false, Inventory: func() *Inventory { return inventory },
		Now: func() time.Time { return at(30).Add(time.Duration(24*night) * time.Hour) }, Source: fetch(func(context.Context) (Snapshot, error) {
			var s Snapshot
			for _, plan := range []string{"proves", "strict", "open", "plain", "large", "test"} {
				role := Primary
				if plan == "large" || plan == "test" {
					role = Local
				}
				end := at(0).Add(time.Duration(24*night) * time.Hour)
				j := Job{ID: plan, Customer: "dupont", Machine: "SRV-AD", Role: role, Engine: "acronis", Plan: plan, Enabled: true,
					Runs: []Run{{ID: fmt.Sprint(plan, night), Start: end.Add(-time.Hour), End: end, Result: result, Size: size}}}
				if claims {
					j.LastSuccess = end
				}
				if again { // what was told once is not told again
					j.Runs = nil
				}
				s.Jobs = append(s.Jobs, j)
			}
			return s, nil
		})}
	p := newPoller(t, o)
	check := func(when string, want map[string]Result, proven ...string) {
		t.Helper()
		again = false
		refresh(t, p)
		again = true
		refresh(t, p)
		for _, j := range p.View().Jobs {
			if w, ok := want[j.ID]; ok && j.LastResult != w {
				t.Errorf("%s: %s is %s, want %s", when, j.ID, j.LastResult, w)
			}
			if fresh := j.LastSuccess.Equal(at(0).Add(time.Duration(24*night) * time.Hour)); fresh != slices.Contains(proven, j.ID) {
				t.Errorf("%s: %s: success %v", when, j.ID, j.LastSuccess)
			}
			if j.Enabled != (j.ID != "test") {
				t.Errorf("%s: %s: enabled %v", when, j.ID, j.Enabled)
			}
		}
	}
	check("good", map[string]Result{"large": Success}, "proves", "strict", "open", "plain", "large", "test")
	night, result = 1, Warning
	check("warning", map[string]Result{"proves": Warning, "strict": Failed, "open": Warning, "plain": Warning}, "proves")
	night, result, size = 2, Success, Told(5_000_000)
	check("small", map[string]Result{"large": Warning, "plain": Success}, "proves", "strict", "open", "plain", "test")
	for _, j := range p.View().Jobs {
		if j.ID == "large" && j.Error != "only 5 MB were saved; the inventory asks for 20 GB" {
			t.Errorf("%q", j.Error)
		}
	}
	night, size = 3, Amount{}
	check("not told", map[string]Result{"large": Success}, "proves", "strict", "open", "plain", "large", "test")
}

func TestTermsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"warning: maybe": `"maybe" is nothing that a warning can mean: write success, warning or failed`,
		"min_size: big":  `"big" is no size: write for example 20GB or 500MiB`,
		"ignore: later":  `"later" is neither yes nor no: write true or false`,
	} {
		file := filepath.Join(t.TempDir(), "a.yml")
		if err := os.WriteFile(file, []byte("machines:\n  - {customer: d, name: A, class: nas, plans: [{plan: p, role: local, "+text+"}]}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadInventory([]string{file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
