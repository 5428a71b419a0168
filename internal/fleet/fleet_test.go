package fleet

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
)

func file(name, text string) strict.File { return strict.File{Name: name, Text: []byte(text)} }

// The lines of one machine are joined, whether or not they have plans of their
// own in a list.
func TestCSVWithALineForEachPlan(t *testing.T) {
	got, faults := ReadCSV(file("m.csv", "\xef\xbb\xbfcustomer;machine;machine_class;user;backup_role;plan;engine;aliases;plans\r\n"+
		"dupont;SRV-AD;server;;;daily;acronis;ad;\r\ndupont;srv-ad;server;lea;local;Job: Nuit;veeam;ad|x;\r\ndupont;NAS;nas;;;;;;primary:acronis:daily|local::b\r\n"))
	if len(faults) > 0 || len(got) != 2 {
		t.Fatalf("%v, %v", got, faults)
	}
	at := func(line int) strict.Position { return strict.Position{File: "m.csv", Line: line} }
	want := Machine{At: at(2), Customer: "dupont", Name: "SRV-AD", Class: "server", User: "lea", Aliases: []string{"ad", "x"}, Plans: []Plan{
		{At: at(2), Plan: "daily", Role: "primary", Engine: "acronis", Column: "backup_role"},
		{At: at(3), Plan: "Job: Nuit", Role: "local", Engine: "veeam", Column: "backup_role"}}}
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %+v\nwant %+v", got[0], want)
	}
	if p := got[1].Plans; len(p) != 2 || p[0] != (Plan{At: at(4), Role: "primary", Engine: "acronis", Plan: "daily"}) || p[1].Role != "local" || p[1].Engine != "" {
		t.Errorf("%+v", p)
	}
}

// Sheets as Excel saves them: as "Unicode text" (tabs, empty cells), with a line
// that names the separator, with cells of several lines, with empty columns and
// rows behind the data, in the lines of an old Mac.
func TestCSVOfSpreadsheets(t *testing.T) {
	wide := func(s string) string {
		var b strings.Builder
		for _, r := range "\ufeff" + s {
			b.Write([]byte{byte(r), byte(r >> 8)})
		}
		return b.String()
	}
	plan := []Plan{{Role: "primary", Engine: "acronis", Plan: "journalière"}}
	for name, c := range map[string]struct {
		text string
		want Machine
	}{
		"Unicode text": {wide("customer\tmachine\tclass\tuser\taliases\tplans\r\ndupont\tPOSTÉ\tworkstation\t\t\tprimary:acronis:journalière\r\n"),
			Machine{Name: "POSTÉ", Plans: plan}},
		"separator": {"sep=;\r\ncustomer;machine;class;user;aliases;plans\r\ndupont;POST\xc9;workstation;;;primary:acronis:journali\xe8re\r\n",
			Machine{Name: "POSTÉ", Plans: plan}},
		"lines in cells": {"customer;machine;class;aliases;plans\r\ndupont;\"POSTE\r\nDE LÉA\";workstation;\"a\r\nb\";primary:acronis:journalière\r\n",
			Machine{Name: "POSTE DE LÉA", Aliases: []string{"a", "b"}, Plans: plan}},
		"empty columns and rows": {"customer,machine,class,plans,,\r\ndupont,POSTE,workstation,primary:acronis:journalière,,\r\n,,,,,\r\n",
			Machine{Name: "POSTE", Plans: plan}},
		"short lines": {"customer;machine;class;plans;user;aliases\r\ndupont;POSTE;workstation;primary:acronis:journalière\r\n", Machine{Name: "POSTE", Plans: plan}},
		"PowerShell": {"#TYPE System.Management.Automation.PSCustomObject\r\n\"customer\",\"machine\",\"class\",\"plans\"\r\n\"dupont\",\"POSTE\",\"workstation\",\"primary:acronis:journalière\"\r\n",
			Machine{Name: "POSTE", Plans: plan}},
		"a title by Numbers": {"Tableau 1\ncustomer;machine;class;plans\ndupont;POSTE;workstation;primary:acronis:journalière\n", Machine{Name: "POSTE", Plans: plan}},
		"old Mac":            {"customer;machine;class;plans\rdupont;POSTE;workstation;primary:acronis:journalière\r", Machine{Name: "POSTE", Plans: plan}},
	} {
		got, faults := ReadCSV(file("m.csv", c.text))
		if len(faults) > 0 || len(got) != 1 {
			t.Errorf("%s: %v, %+v", name, faults, got)
			continue
		}
		c.want.Customer, c.want.Class, c.want.At = "dupont", "workstation", got[0].At
		for n := range got[0].Plans {
			got[0].Plans[n].At = strict.Position{}
		}
		if !reflect.DeepEqual(got[0], c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got[0], c.want)
		}
	}
}

func TestCSVRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no header", "", "m.csv:1: no header: begin with the line customer,machine,class,user,aliases,plans"},
		{"near", "customer,machine,class,usr\n", `m.csv:1: unknown column "usr": did you mean "user"?`},
		{"two names of one column", "customer,machine,class,machine_class\n", `m.csv:1: column "class" stands twice: keep one`},
		{"missing", "customer,machine\n", `m.csv:1: column "class" is missing: add it to the header and to each line`},
		{"a column without a name", "customer,machine,class,\nd,A,nas,x\n", `m.csv:2: "x" stands in a column without a name: name the column, or empty it`},
		{"a DOS window", "customer;machine;class\nd;POSTE-CL\x82;nas\n", `m.csv:1: neither UTF-8 nor Windows-1252: save it again as "CSV UTF-8"`},
		{"width", "customer,machine,class\na,b\n", "m.csv:2: 2 values for 3 columns: quote values that contain the separator"},
		{"cut off", "customer,machine,class,aliases,plans\nd,A,nas,a.example,primary:acronis:daily\nd,B,nas,b.exa", "m.csv:3: the file ends in the middle of its last line: export it again, or end the line if nothing is missing"},
		{"cut off below a title", "Tableau 1\ncustomer;machine;class;aliases;plans\nd;A;nas;;\nd;B;nas", "m.csv:4: the file ends in the middle of its last line: export it again, or end the line if nothing is missing"},
		{"below a title", "Tableau 1\ncustomer;machine;class\na;b;c;d\n", "m.csv:3: 4 values for 3 columns: quote values that contain the separator"},
		{"other class", "customer,machine,class,plan\nd,A,nas,x\nd,a,server,y\n", `m.csv:3: machines.a.class: "server" here, "nas" at line 2: write the same on each line of a machine`},
		{"other user", "customer,machine,class,plan,user\nd,A,nas,x,lea\nd,A,nas,y,max\n", `m.csv:3: machines.A.user: "max" here, "lea" at line 2: write the same on each line of a machine`},
		{"plan", "customer,machine,class,plans\nd,A,nas,daily\n", `m.csv:2: machines.A.plans: "daily" is not a plan: write role:engine:name, such as primary:acronis:daily, several separated by |`},
	} {
		if _, faults := ReadCSV(file("m.csv", c.text)); faults.Error() != c.want {
			t.Errorf("%s: got  %v\nwant %s", c.name, faults, c.want)
		}
	}
}

// A list that was typed has short lines, and perhaps no end of the last one.
func TestCSVWithShortLines(t *testing.T) {
	for _, text := range []string{"customer,machine,class,aliases\nd,A,nas\nd,B,nas,b\nd,C,nas", "customer,machine,class,aliases\nd,A,nas,a\nd,C,nas\n", "customer,machine,class,aliases\nd,A,nas", "customer,machine,class\nd,A,nas\nd,B,nas"} {
		if machines, faults := ReadCSV(file("m.csv", text)); len(faults) > 0 || machines[len(machines)-1].Class != "nas" {
			t.Errorf("%q: %v", text, faults)
		}
	}
}

func TestSection(t *testing.T) {
	var s Section
	if err := strict.Decode("i.yml", []byte("timezone: America/Montreal\ncustomers:\n  dupont: {decommissioned: 2026-03-08}\n  leroy:\nmachines:\n  - customer: dupont\n    name: A\n    decommissioned: 2026-03-08T10:00:00Z\n"), &s); err != nil {
		t.Fatal(err)
	}
	zone, faults := Location([]Section{{}, s, {}})
	if len(faults) > 0 || zone.String() != "America/Montreal" {
		t.Errorf("%v, %v", zone, faults)
	}
	left := s.Customers["dupont"].Decommissioned // the day on which clocks change there
	if start, end := left.Start(zone), left.End(zone); start.Format(time.RFC3339) != "2026-03-08T00:00:00-05:00" || end.Sub(start) != 23*time.Hour {
		t.Errorf("%v to %v", start, end)
	}
	if m := s.Machines[0]; m.At.Line != 6 || !m.Decommissioned.Start(zone).Equal(m.Decommissioned.End(zone)) {
		t.Errorf("%+v", m)
	}
	if _, there := s.Customers["leroy"]; !there || !s.Customers["leroy"].Decommissioned.IsZero() {
		t.Errorf("%+v", s.Customers)
	}
	s.Timezone.Name = "Local"
	if _, faults := Location([]Section{s}); faults.Error() != `i.yml:1: timezone: unknown zone "Local": write an IANA name such as Europe/Paris` {
		t.Error(faults)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("customer;machine;class;plans\ndupont;A;nas;primary:acronis:daily\n")
	f.Add("customer,machine,class,backup_role,plan\nd,A,nas,local,x\nd,a,nas,,y\n")
	f.Fuzz(func(t *testing.T, text string) {
		machines, faults := ReadCSV(file("m.csv", text))
		for _, f := range faults {
			if f.Line < 1 || f.What == "" {
				t.Errorf("a fault without line or words: %+v", f)
			}
		}
		for _, m := range machines {
			if m.At.Line < 2 || slices.Contains(m.Aliases, "") || strings.TrimSpace(m.Name) != m.Name {
				t.Errorf("%+v", m)
			}
		}
	})
}

// A test of a restore is due so long after the end of the day of the last one, and
// since ever where none was made.
func TestRestoreDue(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	machines, faults := ReadCSV(strict.File{Name: "m.csv", Text: []byte("customer,machine,class,restore_tested,restore_test_every\n" +
		"dupont,A,server,2026-10-01,2160h\ndupont,B,server,,2160h\ndupont,C,server,2026-10-01,\ndupont,D,server,soon,often\n")})
	if len(faults) != 2 || !strings.Contains(faults[0].Error()+faults[1].Error(), "restore_test_every") {
		t.Errorf("faults: %v", faults)
	}
	for i, want := range []time.Time{time.Date(2026, 10, 2, 0, 0, 0, 0, paris).Add(90 * 24 * time.Hour), time.Unix(0, 0), {}} {
		if got := machines[i].RestoreDue(paris); !got.Equal(want) {
			t.Errorf("%s is due at %v, want %v", machines[i].Name, got, want)
		}
	}
}
