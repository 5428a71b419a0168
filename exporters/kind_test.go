package exporters_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "vigie/exporters"
)

const kindsInventory = `
machines:
  - customer: dupont
    name: SRV-AD
    class: server
    plans:
      - {plan: Job Nuit, role: local, engine: veeam}
      - {plan: Copie, engine: veeam, kind: copy, interval: 168h}
  - {customer: dupont, name: SRV-X, class: server, plans: [{plan: files, role: local, engine: veeam}]}
  - {customer: dupont, name: SWITCH, class: other, plans: [{plan: settings, kind: config}]}
`

// A copy is told as one, is no job of the role beside it, and saves no machine.
func TestKindStandsInPlaceOfTheRole(t *testing.T) {
	inventory := inventoryOf(t, kindsInventory)
	now := at(0)
	job := func(id, machine, plan string) Job {
		return Job{ID: id, Customer: "dupont", Machine: machine, Class: Server, Role: Local, Engine: "veeam", Plan: plan, Enabled: true, ExpectedInterval: 24 * time.Hour,
			Runs: []Run{{ID: id, End: now.Add(-time.Hour), Result: Success}}}
	}
	jobs := []Job{job("1", "SRV-AD", "Copie"), job("2", "SRV-X", "another"), job("3", "SWITCH", "settings")}
	o := PollerOptions{Name: "v", Engine: "veeam", Inventory: func() *Inventory { return inventory }, StateFile: filepath.Join(t.TempDir(), "s.json"), Now: func() time.Time { return now },
		Source: fetch(func(context.Context) (Snapshot, error) { return Snapshot{Jobs: jobs}, nil })}
	p := newPoller(t, o)
	refresh(t, p)
	want := func(p *Poller) {
		t.Helper()
		m := shown(p, inventory, now)
		for _, line := range []string{
			`job_id="1",machine="SRV-AD",machine_class="server",backup_role="copy",`,
			`job_id="2",machine="SRV-X",machine_class="server",backup_role="local",`,
			`job_id="3",machine="SWITCH",machine_class="other",backup_role="config",`,
			`backup_job_expected_interval_seconds{source="v",customer="dupont",job_id="1"} 604800`,
			`backup_inventory_plan_listed{customer="dupont",machine="SRV-AD",machine_class="server",backup_role="copy",engine="veeam",plan="Copie"} 1`,
			`backup_inventory_plan_listed{customer="dupont",machine="SRV-AD",machine_class="server",backup_role="local",engine="veeam",plan="Job Nuit"} 0`,
			`backup_inventory_machine_jobs{customer="dupont",machine="SRV-AD",machine_class="server"} 0`,
			`backup_inventory_machine_jobs{customer="dupont",machine="SRV-X",machine_class="server"} 1`,
			`backup_inventory_machine_jobs{customer="dupont",machine="SWITCH",machine_class="other"} 1`,
		} {
			if !strings.Contains(m, line) {
				t.Errorf("no %s in\n%s", line, m)
			}
		}
	}
	want(p)
	if err := p.Save(); err != nil {
		t.Fatal(err)
	}
	o.Source = fetch(func(context.Context) (Snapshot, error) { return Snapshot{}, context.DeadlineExceeded })
	want(newPoller(t, o))
}

func TestKindsThatCannotBe(t *testing.T) {
	put := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		"{plan: x, role: local, kind: mirror}": `"mirror" is no kind of job: write copy, replica, archive, config, or nothing for a backup`,
		"{role: local, kind: copy}":            "a copy without a name",
		"{plan: x, role: third, kind: copy}":   `"third" is no role`,
		"{plan: x, engine: veeam}":             `"" is no role`,
	} {
		file := filepath.Join(t.TempDir(), "i.yml")
		put(file, "machines:\n  - {customer: d, name: M, class: server, plans: ["+text+"]}\n")
		if _, err := LoadInventory([]string{file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	file := filepath.Join(t.TempDir(), "i.csv")
	put(file, "customer,machine,class,plan,engine,kind\nd,M,server,Copie,veeam,replica\n")
	v, err := LoadInventory([]string{file})
	if err != nil || v.Canonical("d", "", "", "M").Told(0) != "replica" {
		t.Errorf("%v %+v", err, v)
	}
}

// What is ignored is the job that is called so in its role: one of that name in another
// role, and one of that role under another name, are heard. Where nobody told the role
// the name says it.
func TestIgnoredIsOnlyTheJobThatIsMeant(t *testing.T) {
	inventory := inventoryOf(t, `
machines:
  - customer: dupont
    name: SRV-AD
    class: server
    plans:
      - {plan: daily, role: primary, engine: acronis}
      - {plan: test, role: local, engine: veeam, ignore: true}
      - {plan: vault, engine: borg, kind: copy, ignore: true}
`)
	now := at(0)
	job := func(id, plan, engine string, role Role) Job {
		return Job{ID: id, Customer: "dupont", Machine: "SRV-AD", Class: Server, Role: role, RoleAssumed: id == "assumed", Engine: engine, Plan: plan, Enabled: true,
			Runs: []Run{{ID: id, End: now.Add(-time.Hour), Result: Failed}}}
	}
	o := PollerOptions{Name: "v", Engine: "veeam", Inventory: func() *Inventory { return inventory }, StateFile: filepath.Join(t.TempDir(), "s.json"), Now: func() time.Time { return now },
		Source: fetch(func(context.Context) (Snapshot, error) {
			return Snapshot{Jobs: []Job{job("meant", "Test", "veeam", Local), job("role", "test", "veeam", Primary), job("assumed", "test", "veeam", Primary),
				job("name", "Prod VMs", "veeam", Local), job("kind", "vault", "borg", Local), job("copy", "another", "borg", Local)}}, nil
		})}
	p := newPoller(t, o)
	check := func(p *Poller) {
		t.Helper()
		for _, j := range p.View().Jobs {
			if ignored := j.ID == "meant" || j.ID == "kind" || j.ID == "assumed"; j.Enabled == ignored {
				t.Errorf("%s: enabled %v", j.ID, j.Enabled)
			}
		}
	}
	refresh(t, p)
	check(p)
	if err := p.Save(); err != nil {
		t.Fatal(err)
	}
	o.Source = fetch(func(context.Context) (Snapshot, error) { return Snapshot{}, context.DeadlineExceeded })
	check(newPoller(t, o))
}
