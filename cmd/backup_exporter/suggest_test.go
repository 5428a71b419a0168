package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/exporters"
)

// An inventory from nothing, by two products; then one that people have changed,
// completed; then compared.
func TestInventorySuggest(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	// The same machine by two names in two products.
	text, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.dir, "backup_exporter.yml", strings.Replace(string(text), "    machines: {srv-ad: SRV-AD}\n", "", 1))
	do := func(want int, args ...string) (string, string) {
		t.Helper()
		var out, notes bytes.Buffer
		args = append(args, "--config.file="+p.config, "--storage.path="+filepath.Join(p.dir, "data"))
		if code := run(t.Context(), args, &out, &notes); code != want {
			t.Fatalf("%v: exit %d\n%s%s", args, code, out.String(), notes.String())
		}
		return out.String(), notes.String()
	}
	out, notes := do(0, "--inventory.suggest")
	if out != "customer,machine,class,user,aliases,plans,note\ndupont,SRV-AD,server,,,primary:acronis:daily|local:veeam:AD,\n" || !strings.Contains(notes, "1 machines: 1 are new") {
		t.Fatalf("%s%s", out, notes)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "data")); err == nil {
		t.Error("it left a trace in the exporter's folder")
	}

	// What people wrote stays, in their order; what is missing is added.
	file := write(t, p.dir, "machines.csv", "note;machine;class;customer;plans;user\r\nask Léa;OLD-01;server;dupont;primary:acronis:weekly;lea\r\n;srv-ad;;dupont;primary:acronis:;\r\n")
	do(0, "--inventory.suggest", "--inventory.file="+file)
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := "note;machine;class;customer;plans;user\r\nask Léa;OLD-01;server;dupont;primary:acronis:weekly;lea\r\n;srv-ad;server;dupont;primary:acronis:|local:veeam:AD;\r\n"; string(got) != want {
		t.Errorf("merged:\n%s\nwant:\n%s", got, want)
	}
	if _, err := exporters.LoadInventory([]string{file}); err != nil {
		t.Errorf("what was merged is refused: %v", err)
	}
	if _, notes := do(0, "--inventory.suggest", "--inventory.file="+file); !strings.Contains(notes, "0 are new, 0 were completed") {
		t.Errorf("once more: %s", notes)
	}

	write(t, p.dir, "backup_exporter.yml", "inventory: [machines.csv]\n"+string(text))
	if out, _ := do(1, "--inventory.diff"); out != "- dupont/OLD-01: listed by no source (primary:acronis:weekly)\n" {
		t.Errorf("diff:\n%s", out)
	}
	write(t, p.dir, "machines.csv", "customer,machine,class,plans\ndupont,SRV-AD,nas,primary:acronis:daily\n")
	if out, _ := do(1, "--inventory.diff"); out != "+ dupont/SRV-AD: local:veeam:AD is not in the inventory\n~ dupont/SRV-AD: class nas, the sources say server\n" {
		t.Errorf("diff:\n%s", out)
	}
	write(t, p.dir, "machines.csv", "customer,machine,class,plans\ndupont,SRV-AD,server,primary:acronis:daily|local:veeam:\n")
	if out, _ := do(0, "--inventory.diff"); !strings.Contains(out, "has what the sources list") {
		t.Errorf("diff:\n%s", out)
	}
	// What cannot be read is said, and its machines are not missing.
	p.veeam.SetDown(true)
	if out, notes := do(1, "--inventory.diff"); strings.Contains(out, "- ") || !strings.Contains(notes, "veeam-dupont: not read") {
		t.Errorf("diff without a source:\n%s%s", out, notes)
	}
}

// The export of another program gives machines, classes and users.
func TestInventoryRecipe(t *testing.T) {
	p := newProcess(t)
	write(t, p.dir, "rmm.csv", "\ufeffDevice;Client;Type;Last User;Status\n"+
		"SRV-AD;Dupont SARL;Windows Server 2022;;Active\nPC-LEA;Dupont SARL;Windows 11 Pro;DUPONT\\lea;Active\nOLD;Dupont SARL;Windows 7;;Retired\nCAM-1;Martin & Fils;Camera;;Active\n")
	recipe := write(t, p.dir, "recipe.yml", `file: rmm.csv
columns: {customer: Client, machine: Device, class: Type, user: Last User}
customers: {Dupont SARL: dupont}
classes:
  - {fits: "*server*", class: server}
  - {fits: "windows*", class: workstation}
users: {'DUPONT\lea': lea}
skip: {Status: [retired]}
`)
	var out, notes bytes.Buffer
	args := []string{"--config.file=" + p.config, "--storage.path=" + p.dir, "--inventory.recipe=" + recipe}
	if code := run(t.Context(), append(args, "--inventory.suggest"), &out, &notes); code != 0 {
		t.Fatalf("%d %s%s", code, out.String(), notes.String())
	}
	for _, want := range []string{
		"dupont,SRV-AD,server,,,primary:acronis:daily|local:veeam:AD,\n",
		"dupont,PC-LEA,workstation,lea,,,no source lists a backup of it\n",
		`martin-fils,CAM-1,other,,,,"class of ""Camera"" is not told: server, nas, workstation or other?; no source lists a backup of it"` + "\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
	// The customers are lines that can be taken over.
	if want := "customers:\n  dupont: {name: \"Dupont\", account_manager: FILL_IN}\n  martin-fils: {name: \"Martin & Fils\", account_manager: FILL_IN}\n"; !strings.HasSuffix(notes.String(), want) {
		t.Errorf("the customers:\n%s", notes.String())
	}
	if strings.Contains(out.String(), "OLD") {
		t.Errorf("what is retired is taken:\n%s", out.String())
	}
	// Alone it asks for no configuration. The columns are those of the agents in Atera's
	// interface, as Windows PowerShell's Export-Csv writes them.
	write(t, p.dir, "agents.csv", "#TYPE System.Management.Automation.PSCustomObject\r\n\"AgentID\",\"MachineName\",\"CustomerName\",\"OSType\",\"LastLoginUser\"\r\n"+
		"\"1\",\"SRV-AD\",\"Dupont SARL\",\"Domain Controller\",\"DUPONT\\admin\"\r\n\"2\",\"PC-LEA\",\"Dupont SARL\",\"Work Station\",\"DUPONT\\lea\"\r\n")
	write(t, p.dir, "recipe.yml", `file: agents.csv
columns: {customer: CustomerName, machine: MachineName, class: OSType, user: LastLoginUser}
customers: {Dupont SARL: dupont}
classes: [{fits: work station, class: workstation}, {fits: server, class: server}, {fits: domain controller, class: server}]
users: {'DUPONT\lea': lea}
`)
	out.Reset()
	t.Setenv("BACKUP_EXPORTER_CONFIG", filepath.Join(p.dir, "none.yml"))
	if code := run(t.Context(), []string{"--inventory.recipe=" + recipe}, &out, &notes); code != 0 || !strings.Contains(out.String(), "dupont,SRV-AD,server,") ||
		!strings.Contains(out.String(), "dupont,PC-LEA,workstation,lea,") {
		t.Errorf("an export alone: %d\n%s%s", code, out.String(), notes.String())
	}
	notes.Reset()
	if code := run(t.Context(), []string{"--inventory.recipe=none.yml"}, &out, &notes); code != 1 || strings.Contains(notes.String(), "--config.file") {
		t.Errorf("no such recipe: %d %s", code, notes.String())
	}
	for bad, want := range map[string]string{
		"file: rmm.csv\ncolumns: {customer: Client, machine: Name}\n":             `no column "Name": it has Device, Client`,
		"file: rmm.csv\ncolumns: {customer: Client}\n":                            "columns.machine",
		"file: rmm.csv\ncolumns: {customer: Client, machine: Device}\nonyl: {}\n": "onyl",
		"file: rmm.csv\ncolumns: {customer: Client, machine: Device, ip: IP}\n":   "columns.ip: no such field",
	} {
		write(t, p.dir, "recipe.yml", bad)
		notes.Reset()
		if code := run(t.Context(), args, &out, &notes); code != 1 || !strings.Contains(notes.String(), want) {
			t.Errorf("%q: %d %s", bad, code, notes.String())
		}
	}
}
