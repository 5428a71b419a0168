package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules/calendar"
	"vigie/rules/model"
)

// load reads files for a product that speaks French and English.
func load(files []strict.File) (*Directory, error) { return Load(files) }

func yml(text string) []strict.File {
	return []strict.File{{Name: "inventory/a.yml", Text: []byte(text)}}
}

const soundInventory = `people:
  sup: {name: Sophie, email: sup@msp.example}
  lea: {name: Léa, email: lea@dupont.example, phone: "+33 5 61 00 20 01", language: fr}
customers:
  dupont: {name: Dupont, account_manager: sup, it_contact: lea, prefers: it}
machines:
  - customer: dupont
    name: SRV-AD
    class: server
    aliases: [srv-ad.dupont.local, "veeam:ad01", "restic-dupont:backup-*"]
    plans:
      - {plan: daily, role: primary, engine: acronis}
      - {plan: Job Nuit, role: local, engine: veeam}
  - {customer: dupont, name: PC-LEA, class: workstation, user: lea, decommissioned: 2026-06-01}
platforms:
  lms-A: {customer: dupont, host: h1, managers: [lea], operators: [sup]}
rota:
  - {role: supervisor, person: sup}
  - {role: supervisor, person: nobody, from: 2026-03-10, until: 2026-03-10}
absences:
  - {customer: dupont, machine: PC-LEA, from: 2026-03-10, until: 2026-03-21, reason: holidays}
maintenance:
  - {platform: lms-A, from: 2026-03-10T20:00:00+01:00, until: 2026-03-10T21:00:00+01:00, declared_at: 2026-03-09}
closures:
  service: [{date: 2026-12-24, windows: [["09:00", "12:00"]]}, {from: 2026-12-28, until: 2026-12-31}]
`

func TestLoadDirectory(t *testing.T) {
	csv := strict.File{Name: "machines.csv", Text: []byte("\xef\xbb\xbfcustomer;machine;class;user;aliases;plans\r\n" +
		"dupont;NAS-01;nas;;nas|nas.local|réseau;primary:acronis:daily|local:veeam:Job: Nuit\r\n")}
	d, err := load(append([]strict.File{csv}, yml(soundInventory)...))
	if err != nil {
		t.Fatal(err)
	}
	if m := d.Canonical("dupont", "restic-dupont", "job", "backup-7f3a"); m == nil || m.Name != "SRV-AD" || d.Canonical("dupont", "veeam", "backup-7f3a") != nil {
		t.Errorf("by a pattern: %+v", m)
	}
	if m := d.Canonical("dupont", "veeam", "AD01"); m == nil || m.Name != "SRV-AD" {
		t.Errorf("the alias veeam:ad01 leads to %v", m)
	}
	for typed, want := range map[string]string{"NAS.local": "NAS-01", "Re\u0301seau": "NAS-01", "NAS-01": "NAS-01", "nobody": "nobody", "": ""} {
		if got := d.Called("", typed); got != want || d.Called("dupont", typed) != want || d.Called("martin", typed) != typed {
			t.Errorf("%q is called %q", typed, got)
		}
	}
	m := d.Machine("dupont", "NAS-01")
	if m == nil || len(m.Aliases) != 3 || len(m.Plans) != 2 || m.Plans[1] != (ExpectedPlan{"Job: Nuit", "local", "veeam"}) {
		t.Errorf("NAS-01 was read as %+v", m)
	}
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if until, away := d.AbsentUntil("dupont", "PC-LEA", at("2026-03-21T23:59:59+01:00")); !away || !until.Equal(at("2026-03-22T00:00:00+01:00")) {
		t.Errorf("absence until %v, %v: an end given as a date includes the day", until, away)
	}
	for instant, want := range map[string]string{"2026-03-09T23:59:59+01:00": "sup", "2026-03-10T00:00:00+01:00": "", "2026-03-11T00:00:00+01:00": "sup"} {
		if got, _ := d.OnDuty("supervisor", at(instant)); got != want {
			t.Errorf("on duty at %s: %q, want %q", instant, got, want)
		}
	}
	if _, in := d.InMaintenance(model.Labels{model.LabelPlatform: "lms-A"}, at("2026-03-10T20:15:00+01:00"), time.Hour); !in {
		t.Error("the maintenance was not read")
	}
	if ws := d.Closures["service"][calendar.Date{Year: 2026, Month: 12, Day: 24}]; len(ws) != 1 || ws[0].String() != "09:00-12:00" {
		t.Errorf("24 December opens %v", ws)
	}
	if ws, closed := d.Closures["service"][calendar.Date{Year: 2026, Month: 12, Day: 30}]; !closed || len(ws) != 0 {
		t.Error("30 December is not closed")
	}
}

// Something is owed from the first day on to the last one, both included.
func TestServiceIncludesBothDays(t *testing.T) {
	d, err := load(yml("customers:\n  dupont: {commissioned: 2026-05-04, decommissioned: 2026-06-30}\nmachines:\n" +
		"  - {customer: dupont, name: SRV-AD, class: server}\n  - {customer: dupont, name: SRV-2, class: server, commissioned: 2026-05-11, decommissioned: 2026-05-31}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		machine, at string
		want        bool
	}{
		{"SRV-AD", "2026-05-03T23:59:59+02:00", false}, {"SRV-AD", "2026-05-04T00:00:00+02:00", true},
		{"SRV-AD", "2026-06-30T23:59:59+02:00", true}, {"SRV-AD", "2026-07-01T00:00:00+02:00", false},
		{"SRV-2", "2026-05-10T23:59:59+02:00", false}, {"SRV-2", "2026-05-11T00:00:00+02:00", true},
		{"SRV-2", "2026-05-31T23:59:59+02:00", true}, {"SRV-2", "2026-06-01T00:00:00+02:00", false},
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		if got := d.Owes(d.Machine("dupont", c.machine), at); got != c.want {
			t.Errorf("%s at %s: %v", c.machine, c.at, got)
		}
	}
	may, june, july := d.Customers["dupont"].Commissioned, d.Customers["dupont"].Decommissioned.AddDate(0, -1, 0), d.Customers["dupont"].Decommissioned
	if c := d.Customers["dupont"]; c.Serves(may.AddDate(0, -1, 0), may) || !c.Serves(june, july) || c.Serves(july, july.AddDate(0, 1, 0)) {
		t.Error("its months are others")
	}
	_, err = load(yml("customers:\n  dupont: {commissioned: 2026-05-04, decommissioned: 2026-05-03}\n"))
	if err == nil || err.Error() != "inventory/a.yml:2: customers.dupont.decommissioned: not after commissioned: mend the dates" {
		t.Errorf("an end before its beginning: %v", err)
	}
}

func TestDirectoryClone(t *testing.T) {
	d, err := load(yml(soundInventory))
	if err != nil {
		t.Fatal(err)
	}
	c := d.Clone()
	c.People["sup"].Email = "new@msp.example"
	c.Machine("dupont", "PC-LEA").User = ""
	c.Closures["service"][calendar.Date{Year: 2027, Month: 1, Day: 1}] = nil
	if d.People["sup"].Email != "sup@msp.example" || d.Machine("dupont", "PC-LEA").User != "lea" || len(d.Closures["service"]) != 5 {
		t.Error("changing the copy changed the original")
	}
}

func TestLoadDirectoryRefuses(t *testing.T) {
	people := "people:\n  sup: {name: Sophie, email: sup@msp.example}\n"
	dupont := people + "customers:\n  dupont: {name: Dupont, account_manager: sup}\n"
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "people:\n  sup: {name: Sophie, mail: sup@msp.example}\n",
			`inventory/a.yml:2: people.sup: unknown key "mail": did you mean "email"?`},
		{"address", "people:\n  sup: {name: Sophie, email: Sophie <sup@msp.example>}\n",
			`inventory/a.yml:2: people.sup.email: "Sophie <sup@msp.example>" is not an e-mail address: write it bare, like lea@dupont.example`},
		{"same address", people + "  sup2: {name: Sophie, email: SUP@msp.example}\n",
			`inventory/a.yml:3: people.sup2.email: SUP@msp.example: already given at inventory/a.yml:2: keep one`},
		{"no name", "people:\n  sup: {email: sup@msp.example}\n",
			`inventory/a.yml:2: people.sup.name: missing: write the name that mails show`},
		{"id", "people:\n  Sup One: {name: Sophie}\n",
			`inventory/a.yml:2: people.Sup One: not fit for an id: use a short word without spaces and @, such as "sup.one"`},
		{"phone", "people:\n  sup: {name: Sophie, phone: ask Paul}\n",
			`inventory/a.yml:2: people.sup.phone: "ask Paul" is not a telephone number: write digits, spaces and +`},
		{"ticket mark", "people:\n  sup: {name: Sophie, ticket_mark: \"Vigie #\"}\n",
			`inventory/a.yml:2: people.sup.ticket_mark: "Vigie #" does not stand before a number in a subject: write at most 20 letters, digits, - and _, such as Vigie-`},
		{"unknown person", people + "customers:\n  dupont: {account_manager: supp}\n",
			`inventory/a.yml:4: customers.dupont.account_manager: unknown person "supp": did you mean "sup"?`},
		{"preference", people + "customers:\n  dupont: {prefers: boss}\n",
			`inventory/a.yml:4: customers.dupont.prefers: "boss" is not known: write one of user, it, both`},
		{"unknown customer", dupont + "machines:\n  - {customer: dupond, name: SRV-AD, class: server}\n",
			`inventory/a.yml:6: machines.SRV-AD.customer: unknown customer "dupond": did you mean "dupont"?`},
		{"unknown user", dupont + "machines:\n  - {customer: dupont, name: PC-LEA, class: workstation, user: leonard}\n",
			`inventory/a.yml:6: machines.PC-LEA.user: unknown person "leonard": add it to the inventory or mend the name`},
		{"class", dupont + "machines:\n  - {customer: dupont, name: SRV-AD, class: sever}\n",
			`inventory/a.yml:6: machines.SRV-AD.class: "sever" is not known: write one of server, nas, workstation, other`},
		{"no class", dupont + "machines:\n  - {customer: dupont, name: SRV-AD}\n",
			`inventory/a.yml:6: machines.SRV-AD.class: missing: write one of server, nas, workstation, other`},
		{"machine twice", dupont + "machines:\n  - {customer: dupont, name: SRV-AD, class: server}\n  - {customer: dupont, name: srv-ad, class: server}\n",
			`inventory/a.yml:7: machines.srv-ad: already given at inventory/a.yml:6: keep one`},
		{"alias of all", dupont + "machines:\n  - {customer: dupont, name: SRV-AD, class: server, aliases: ['*']}\n",
			`inventory/a.yml:6: machines.SRV-AD.aliases: "*" would take any name of the customer: put the source in front, such as restic-dupont:*, or write more of the name, such as backup-*`},
		{"alias of two", dupont + "machines:\n  - {customer: dupont, name: SRV-AD, class: server, aliases: [ad]}\n  - {customer: dupont, name: SRV-2, class: server, aliases: [AD]}\n",
			`inventory/a.yml:7: machines.SRV-2.aliases: AD: already given at inventory/a.yml:6: keep one`},
		{"plan role", dupont + "machines:\n  - customer: dupont\n    name: SRV-AD\n    class: server\n    plans:\n      - {plan: daily, role: cloud}\n",
			`inventory/a.yml:10: machines.SRV-AD.plans.role: "cloud" is not known: write one of primary, local`},
		{"plan twice", dupont + "machines:\n  - customer: dupont\n    name: SRV-AD\n    class: server\n    plans:\n      - {plan: daily, role: local}\n      - {plan: daily, role: local}\n",
			`inventory/a.yml:11: machines.SRV-AD.plans: local plan "daily" stands twice: keep one`},
		{"platform", people + "platforms:\n  lms-A: {managers: [sip]}\n",
			`inventory/a.yml:4: platforms.lms-A.managers: unknown person "sip": did you mean "sup"?`},
		{"rota", people + "rota:\n  - {role: supervisor}\n",
			"inventory/a.yml:4: rota[0].person: missing: write the id of a person, or `nobody` for a gap"},
		{"absence without end", dupont + "absences:\n  - {customer: dupont, from: 2026-03-10}\n",
			"inventory/a.yml:6: absences[0]: needs `from:` and `until:`; an end given as a date includes that day"},
		{"absence backwards", dupont + "absences:\n  - {customer: dupont, from: 2026-03-10, until: 2026-03-01}\n",
			"inventory/a.yml:6: absences[0].until: not after from: mend the dates"},
		{"absence of unknown machine", dupont + "machines:\n  - {customer: dupont, name: PC-LEA, class: workstation}\nabsences:\n  - {customer: dupont, machine: PC-LEE, from: 2026-03-10, until: 2026-03-10}\n",
			`inventory/a.yml:8: absences[0].machine: unknown machine "PC-LEE" of customer "dupont": did you mean "PC-LEA"?`},
		{"maintenance of everything", "maintenance:\n  - {from: 2026-03-10, until: 2026-03-10}\n",
			"inventory/a.yml:2: maintenance[0]: covers everything: name a platform, a customer or a machine"},
		{"instant", dupont + "absences:\n  - {customer: dupont, from: tomorrow, until: 2026-03-10}\n",
			`inventory/a.yml:6: absences[0].from: "tomorrow" is not an instant: write it as 2026-03-09T07:10:00+01:00, or a date as 2026-03-09`},
		{"closure window", "closures:\n  service:\n    - {date: 2026-12-24, windows: [[\"22:00\", \"06:00\"]]}\n",
			"inventory/a.yml:3: closures.service[0].windows: date_exceptions.2026-12-24: window 22:00-06:00 crosses midnight; write 22:00-24:00 here and 00:00-06:00 on the next day"},
		{"closure twice", "closures:\n  service:\n    - {date: 2026-12-24}\n    - {from: 2026-12-23, until: 2026-12-24}\n",
			"inventory/a.yml:4: closures.service[1]: 2026-12-24: already given at inventory/a.yml:3: keep one"},
		{"closure without date", "closures:\n  service:\n    - {until: 2026-12-24}\n",
			"inventory/a.yml:3: closures.service[0]: write either `date:`, or `from:` and `until:` (both days included)"},
		{"several at once", "people:\n  sup: {name: Sophie, email: sup}\ncustomers:\n  dupont: {account_manager: sop}\n",
			`inventory/a.yml:2: people.sup.email: "sup" is not an e-mail address: write it bare, like lea@dupont.example` + "\n" +
				`inventory/a.yml:4: customers.dupont.account_manager: unknown person "sop": did you mean "sup"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(yml(c.text))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestLoadDirectoryRefusesCSV(t *testing.T) {
	base := strict.File{Name: "a.yml", Text: []byte("customers:\n  dupont: {name: Dupont}\n")}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "m.csv:1: no header: begin with the line customer,machine,class,user,aliases,plans"},
		{"column", "customer,machin,class\ndupont,A,server\n",
			"m.csv:1: unknown column \"machin\": did you mean \"machine\"?\nm.csv:1: column \"machine\" is missing: add it to the header and to each line"},
		{"width", "customer,machine,class\ndupont,A\n", "m.csv:2: 2 values for 3 columns: quote values that contain the separator"},
		{"quote", "customer,machine,class\ndupont,\"A,server\n", "m.csv:2: not valid CSV: extraneous or missing \" in quoted-field; double every quote inside a quoted value"},
		{"plan", "customer,machine,class,plans\ndupont,A,server,daily\n",
			`m.csv:2: machines.A.plans: "daily" is not a plan: write role:engine:name, such as primary:acronis:daily, several separated by |`},
		{"twice over files", "customer,machine,class\ndupont,A,server\ndupont,a,server\n", "m.csv:3: machines.a: already given at m.csv:2: keep one"},
		{"customer", "customer,machine,class\ndupond,A,server\n", `m.csv:2: machines.A.customer: unknown customer "dupond": did you mean "dupont"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load([]strict.File{base, {Name: "m.csv", Text: []byte(c.text)}})
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// The shipped examples hold the fixture that stories and acceptance tests name.
func TestExampleInventories(t *testing.T) {
	syno := exampleDirectory(t, "synomega")
	for id, address := range map[string]string{
		"sup": "sup@msp.example", "adm1": "adm1@msp.example", "adm2": "adm2@msp.example", "expert": "expert@msp.example",
		"vijay": "vijay@msp.example", "boss": "boss@msp.example", "am.dupont": "am.dupont@msp.example",
		"lea": "lea@dupont.example", "it.dupont": "it@dupont.example",
	} {
		if p := syno.People[id]; p == nil || p.Email != address {
			t.Errorf("synomega: %s is %+v, want %s", id, p, address)
		}
	}
	for name, class := range map[string]string{"SRV-AD": "server", "NAS-01": "nas", "PC-LEA": "workstation"} {
		if m := syno.Machine("dupont", name); m == nil || m.Class != class || syno.ExpectsOther("dupont", name, "primary") != (class != "workstation") {
			t.Errorf("synomega: %s is %+v", name, m)
		}
	}
	apl := exampleDirectory(t, "activeprolearn")
	for _, id := range []string{"lms-A", "lms-B", "lms-C"} {
		p := apl.Platforms[id]
		if p == nil || p.Host != apl.Platforms["lms-A"].Host || len(p.Managers) != 1 || len(p.ServiceLead) == 0 {
			t.Fatalf("activeprolearn: %s is %+v", id, p)
		}
	}
	a := apl.Platforms["lms-A"]
	for id, address := range map[string]string{a.Managers[0]: "exploit@lms-a.example", a.Operators[0]: "op@apl.example", a.Operators[1]: "op2@apl.example", a.Level3[0]: "l3@apl.example"} {
		if apl.People[id].Email != address {
			t.Errorf("activeprolearn: %s has %s, want %s", id, apl.People[id].Email, address)
		}
	}
}

func exampleDirectory(t *testing.T, name string) *Directory {
	t.Helper()
	paths, err := filepath.Glob("../../deploy/examples/" + name + "/inventory/*.*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no inventory of %s: %v", name, err)
	}
	var files []strict.File
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, strict.File{Name: p, Text: text})
	}
	d, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func FuzzLoadDirectory(f *testing.F) {
	f.Add("a.yml", soundInventory)
	f.Add("service.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261224\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	f.Add("m.csv", "customer;machine;class\ndupont;\"A;server\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		if strings.Contains(name, "\x00") {
			return
		}
		if d, err := load([]strict.File{{Name: name, Text: []byte(text)}}); err == nil {
			d.Clone()
		}
	})
}

// covers: T17; an address that only the own network knows is warned of.
func TestAddressWithoutADot(t *testing.T) {
	dir, err := Load([]strict.File{{Name: "people.yml", Text: []byte("people:\n  lea: {name: Léa, email: lea@dupont}\n  it: {name: IT, email: it@dupont.example}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	if len(dir.Slips) != 1 || !strings.HasPrefix(dir.Slips[0], `people.yml:2: people.lea.email: "lea@dupont" has no dot`) {
		t.Errorf("the warnings are %q", dir.Slips)
	}
}
