package exporters

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	receiver "vigie/rules/inventory"
)

func inventoryOf(t *testing.T, files map[string]string) (*Inventory, error) {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, file)
	}
	slices.Sort(names)
	v, err := LoadInventory(names)
	return v, err
}

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
  - {customer: dupont, name: PC-LEA, class: workstation, aliases: [POSTE-LÉA]}
  - {customer: gone, name: OLD, class: server, plans: [{role: primary}]}
`

// The receiver's own files are the exporter's inventory as they are.
func TestReceiversInventoryIsRead(t *testing.T) {
	v, err := LoadInventory([]string{"../deploy/examples/synomega/inventory/*.yml", "../deploy/examples/synomega/inventory/*.csv"})
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != 10 {
		t.Errorf("%d machines", v.Len())
	}
	m := v.Canonical("leroy", "any", "any", "SRV-WEB.leroy.LOCAL")
	if m == nil || m.Name != "SRV-WEB" || m.Class != Server || !slices.Equal(m.Plans, []InventoryPlan{{Primary, "acronis", "daily"}}) {
		t.Errorf("%+v", m)
	}
	if v, err := LoadInventory([]string{"../deploy/examples/activeprolearn/inventory/*"}); err != nil || v.Len() != 0 {
		t.Errorf("%v, %d machines of a receiver that has none", err, v.Len())
	}
}

// A machine is expected through the last day of its customer.
func TestTheLastDayIsIncluded(t *testing.T) {
	v, err := inventoryOf(t, map[string]string{"i.yml": goodInventory})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]int{"2026-03-01T23:59:59+01:00": 4, "2026-03-02T00:00:00+01:00": 3} {
		now, _ := time.Parse(time.RFC3339, at)
		if got := len(v.Assess(nil, now).Expected); got != want {
			t.Errorf("%d machines are expected at %s, not %d", got, at, want)
		}
	}
}

// Every section that the receiver reads of a shared file may stand in the
// exporter's, also one that the receiver learns tomorrow.
func TestSectionsOfTheReceiverArePassedOver(t *testing.T) {
	_, err := receiver.Load([]strict.File{{Name: "a.yml", Text: []byte("nonsense: {}\n")}})
	if err == nil {
		t.Fatal("the receiver takes a section of any name")
	}
	_, known, found := strings.Cut(strings.SplitN(err.Error(), "\n", 2)[0], "known here are ")
	if sections := strings.Split(known, ", "); !found || len(sections) < 5 {
		t.Fatalf("no list of sections in: %v", err)
	} else {
		for _, section := range sections {
			_, err := inventoryOf(t, map[string]string{"a.yml": section + ":\n"})
			if err != nil && strings.Contains(err.Error(), "unknown key") {
				t.Error(err)
			}
		}
	}
}

func TestCanonical(t *testing.T) {
	v, err := inventoryOf(t, map[string]string{"a.yml": goodInventory})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		customer, source, engine string
		names                    []string
		want                     string
	}{
		{"dupont", "s", "e", []string{"srv-ad"}, "SRV-AD"},
		{"dupont", "s", "e", []string{"SRV-AD.dupont.LOCAL"}, "SRV-AD"},
		{"dupont", "veeam-dupont", "veeam", []string{"ad01"}, "SRV-AD"},
		{"dupont", "veeam-lyon", "veeam", []string{"ad01"}, ""},
		{"dupont", "acronis-eu2", "acronis", []string{"3B0007/policy.backup.machine", "3B0007", "renamed"}, "SRV-AD"},
		{"dupont", "acronis-eu2", "veeam", []string{"3b0007"}, ""},
		{"martin", "s", "e", []string{"SRV-AD"}, ""},
		{"dupont", "s", "e", []string{"", "unknown", "nas-01"}, "NAS-01"},
		{"dupont", "s", "e", []string{"poste-le\u0301a"}, "PC-LEA"}, // as a Mac writes it
	} {
		got := ""
		if m := v.Canonical(c.customer, c.source, c.engine, c.names...); m != nil {
			got = m.Name
		}
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	var none *Inventory
	if none.Canonical("dupont", "s", "e", "SRV-AD") != nil || none.Len() != 0 {
		t.Error("no inventory knows something")
	}
}

// A bad file says what is wrong, in which line, and what to do.
func TestInventoryErrorsNameTheCure(t *testing.T) {
	const m = "machines:\n  - {customer: dupont, name: A, class: server}\n"
	for _, c := range []struct{ name, file, text, want string }{
		{"unknown section", "i.yml", "machine: []\n", `i.yml:1: machine: unknown key; did you mean "machines"?`},
		{"two at once", "i.yml", "machine: []\nmachines:\n  - {customer: dupont, nmae: A}\n", `i.yml:3: machines[0].nmae: unknown key; did you mean "name"?`},
		{"unknown key", "i.yml", "machines:\n  - customer: dupont\n    nmae: A\n", `i.yml:3: machines[0].nmae: unknown key; did you mean "name"?`},
		{"no name", "i.yml", "machines:\n  - {customer: dupont, class: server}\n", "i.yml:2: machines: a machine without name; write"},
		{"no customer", "i.yml", "machines:\n  - {name: A, class: server}\n", "i.yml:2: machines.A.customer: missing; write"},
		{"bad class", "i.yml", "machines:\n  - {customer: dupont, name: A, class: laptop}\n", `i.yml:2: machines.A.class: "laptop" is no class; write one of server`},
		{"bad role", "i.yml", "machines:\n  - {customer: d, name: A, class: server, plans: [{plan: p, role: main}]}\n", `i.yml:2: machines.A.plans: "main" is no role; write primary or local`},
		{"plan twice", "i.yml", "machines:\n  - {customer: d, name: A, class: server, plans: [{plan: p, role: local}, {plan: p, role: local}]}\n", "stands twice; keep one"},
		{"machine twice", "i.yml", m + "  - {customer: dupont, name: a, class: nas}\n", "already given at"},
		{"alias twice", "i.yml", "machines:\n  - {customer: d, name: A, class: nas, aliases: [x]}\n  - {customer: d, name: B, class: nas, aliases: [X]}\n", `i.yml:3: machines.B.aliases: "X" already leads to A at`},
		{"alias is a machine", "i.yml", "machines:\n  - {customer: d, name: A, class: nas, aliases: [b]}\n  - {customer: d, name: B, class: nas}\n", `"b" already leads to B`},
		{"unknown customer", "i.yml", "customers: {dupond: {}}\n" + m, `i.yml:3: machines.A.customer: unknown customer "dupont"; add it`},
		{"bad date", "i.yml", "machines:\n  - customer: d\n    name: A\n    class: nas\n    decommissioned: soon\n", `i.yml:5: machines[0].decommissioned: "soon" is not an instant: write it as 2026-03-09T07:10:00+01:00, or a date as 2026-03-09`},
		{"bad zone", "i.yml", "timezone: Europe/Pariss\n" + m, `i.yml:1: timezone: unknown zone "Europe/Pariss"; write`},
		{"not YAML", "i.yml", "machines: [\n", "i.yml:1: not valid YAML: did not find expected node content; check indentation"},
		{"not a mapping", "i.yml", "- a\n", "i.yml:1: expected keys and values (absences, access,"},
		{"two documents", "i.yml", m + "---\n" + m, "more than one document"},
		{"machine that is a word", "i.yml", "machines: [SRV]\n", `i.yml:1: machines[0]: expected keys and values (aliases, class,`},
		{"other kind of file", "i.txt", m, "name it .yml or .csv"},
		{"no header", "i.csv", "", "i.csv:1: no header"},
		{"unknown column", "i.csv", "customer,machine,class,owner\n", `i.csv:1: unknown column "owner"; known are`},
		{"missing column", "i.csv", "customer,machine\n", `i.csv:1: column "class" is missing; add it to the header and to each line`},
		{"column twice", "i.csv", "customer,machine,class,machine_class\n", `column "class" stands twice: keep one`},
		{"short line", "i.csv", "customer,machine,class\ndupont,A\n", "i.csv:2: 2 values for 3 columns"},
		{"bad plan", "i.csv", "customer,machine,class,plans\ndupont,A,nas,daily\n", `i.csv:2: machines.A.plans: "daily" is not a plan`},
		{"bad role in a line", "i.csv", "customer,machine,class,backup_role\ndupont,A,nas,local\ndupont,A,nas,main\n", `i.csv:3: machines.A.backup_role: "main" is no role`},
		{"class changes", "i.csv", "customer,machine,class,backup_role\ndupont,A,nas,local\ndupont,A,server,primary\n", `i.csv:3: machines.A.class: "server" here, "nas" at line 2`},
		{"not CSV", "i.csv", "customer,machine,class\n\"dupont,A,nas\n", "not valid CSV"},
	} {
		_, err := inventoryOf(t, map[string]string{c.file: c.text})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got  %v\nwant %s", c.name, err, c.want)
		}
	}
	if _, err := LoadInventory([]string{filepath.Join(t.TempDir(), "*.yml")}); err == nil || !strings.Contains(err.Error(), "no such file; mend the name") {
		t.Error(err)
	}
}

func TestInventoryCSVWithALineForEachPlan(t *testing.T) {
	v, err := inventoryOf(t, map[string]string{"a.csv": "\xef\xbb\xbfcustomer;machine;machine_class;backup_role;plan;engine;aliases\n" +
		"dupont;SRV-AD;server;primary;daily;acronis;srv-ad|ad.dupont.local\ndupont;SRV-AD;server;local;;;x\ndupont;PC;workstation;;;;\n"})
	if err != nil {
		t.Fatal(err)
	}
	ad := v.Canonical("dupont", "", "", "x")
	if v.Len() != 2 || ad == nil || !slices.Equal(ad.Plans, []InventoryPlan{{Primary, "acronis", "daily"}, {Local, "", ""}}) {
		t.Errorf("%+v", ad)
	}
}

func TestListedPlans(t *testing.T) {
	m := InventoryMachine{Plans: []InventoryPlan{{Primary, "acronis", "weekly"}, {Primary, "acronis", "Daily"}, {Local, "", ""}}}
	job := func(role Role, engine, plan string) *Job { return &Job{Role: role, Engine: engine, Plan: plan} }
	for _, c := range []struct {
		name string
		jobs []*Job
		want []bool
	}{
		{"none", nil, []bool{false, false, false}},
		{"by name", []*Job{job(Primary, "acronis", "daily")}, []bool{false, true, false}},
		{"by another name", []*Job{job(Primary, "Acronis", "new")}, []bool{true, false, false}},
		{"a name does not take what another plan is called", []*Job{job(Primary, "acronis", "daily"), job(Primary, "acronis", "new")}, []bool{true, true, false}},
		{"another engine", []*Job{job(Primary, "restic", "daily")}, []bool{false, false, false}},
		{"any local", []*Job{job(Local, "veeam", "Job Nuit")}, []bool{false, false, true}},
		{"two of one name are one plan", []*Job{job(Local, "veeam", "a"), job(Local, "veeam", "b")}, []bool{false, false, true}},
	} {
		if got := m.listed(c.jobs); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzInventory(f *testing.F) {
	f.Add("i.yml", goodInventory)
	f.Add("i.csv", "customer;machine;class;plans\ndupont;A;nas;primary:acronis:daily\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		var l inventoryLoader
		if l.read(name, []byte(text)) != nil {
			return
		}
		v, err := l.finish()
		if err != nil {
			return
		}
		type series struct {
			customer, machine string
			plan              InventoryPlan
		}
		seen := map[series]bool{}
		for _, m := range v.machines {
			for _, p := range append([]InventoryPlan{{}}, m.Plans...) {
				key := series{m.Customer, m.Name, p}
				if seen[key] {
					t.Errorf("twice: %v", key)
				}
				seen[key] = true
			}
		}
		for _, m := range v.machines {
			if v.Canonical(m.Customer, "s", "e", m.Name) != m {
				t.Errorf("%q leads to another machine", m.Name)
			}
		}
	})
}
