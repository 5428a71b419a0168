package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// The reports of a month come from a real receiver: as a table, as JSON and as a
// file, and a restore test that is recorded stands in the register.
func TestReportsFromAServer(t *testing.T) {
	i := newInstall(t)
	i.start()
	if err := i.post("SRV-AD"); err != nil {
		t.Fatal(err)
	}
	month := i.vigie(0, i.client("incidents", "1", "--output=json")...)
	opened := regexp.MustCompile(`"opened_at":"(\d{4}-\d\d)`).FindStringSubmatch(month)
	if opened == nil {
		t.Fatalf("when was it opened?\n%s", month)
	}
	this := "--month=" + opened[1]
	var statement struct {
		Month  string `json:"month"`
		Opened int    `json:"incidents_opened"`
	}
	text := i.vigie(0, i.client("report", "statement", this, "--customer=dupont", "--output=json")...)
	if err := json.Unmarshal([]byte(text), &statement); err != nil || statement.Month != opened[1] || statement.Opened != 1 {
		t.Errorf("%+v, %v\n%s", statement, err, text)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"report", "dossier", this, "--customer=dupont", "--language=en"}, `(?m)^ROW +INCIDENT .*\n(.*\n)*.*#1 +SRV-AD`},
		{[]string{"report", "dossier", this, "--customer=dupont", "--language=fr"}, `(?m)^LIGNE +N° D'INCIDENT `},
		{[]string{"report", "dossier", this, "--customer=dupont", "--output=csv", "--language=en"}, `,#1,SRV-AD,`},
		{[]string{"report", "dossier", this, "--customer=dupont", "--format=csv", "--language=en"}, `,#1,SRV-AD,`},
		{[]string{"report", "noise", this, "--output=json"}, `"people":`},
		{[]string{"report", "restore-test", "dupont", "SRV-AD", "--result=ok", "--took=35m", "--scope=the folder Accounts"}, `recorded: SRV-AD of dupont`},
		{[]string{"report", "restore-test", "dupont", "SRV-AD", "--result=partial", "--output=json"}, `"result":"partial"`},
		{[]string{"report", "restore-tests", "--output=json"}, `the folder Accounts`},
		{[]string{"report", "restore-tests"}, `(?m)^\d{4}-\d\d-\d\d +dupont +SRV-AD +ok +35m +the folder Accounts`},
	} {
		if out := i.vigie(0, i.client(c.args...)...); !regexp.MustCompile(c.want).MatchString(out) {
			t.Errorf("vigie %s lacks %s:\n%s", strings.Join(c.args, " "), c.want, out)
		}
	}
	// Without one that is asked for it is the language of the terminal, where there is such.
	for lang, want := range map[string]string{"fr_FR.UTF-8": "LIGNE", "fr_CA": "LIGNE", "en_GB.UTF-8": "ROW", "de_DE.UTF-8": "ROW", "C.UTF-8": "ROW", "POSIX": "ROW", "": "ROW"} {
		t.Setenv("LC_ALL", lang)
		if out := i.vigie(0, i.client("report", "dossier", this, "--customer=dupont")...); !strings.HasPrefix(out, want) {
			t.Errorf("in a terminal of %q:\n%s", lang, out)
		}
	}
	if out := i.vigie(1, i.client("report", "dossier", this)...); !strings.HasPrefix(out, "422: customer is missing") {
		t.Errorf("a dossier of nobody:\n%s", out)
	}
	if out := i.vigie(1, i.client("report", "statement", "--month=2999-01")...); !strings.Contains(out, "2999-01") {
		t.Errorf("a month to come:\n%s", out)
	}
	// Instants stand in the reader's own zone where he names it.
	for zone, want := range map[string]string{"America/New_York": `E[SD]T`, "Asia/Tokyo": "JST", "": `CES?T`} {
		if out := i.vigie(0, i.client("incidents", "--timezone="+zone)...); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%q: %s", zone, out)
		}
	}
	t.Setenv("TZ", "Asia/Tokyo")
	if out := i.vigie(0, i.client("explain", "1")...); !strings.Contains(out, "JST") {
		t.Errorf("with TZ:\n%s", out)
	}
	i.vigie(1, i.client("incidents", "--timezone=Nowhere/Town")...)
}
