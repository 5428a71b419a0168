package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// What is not known is refused with what is.
func TestCommandLineSaysWhatIsKnown(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"act", "tak", "1"}, `vigie act: unknown verb "tak": did you mean "take"?`},
		{[]string{"incidents", "--custmer=dupont"}, `vigie incidents: unknown flag "--custmer": did you mean "--customer"?`},
		{[]string{"store", "whatever"}, `unknown verb "whatever": known are backup, restore`},
		{[]string{"incidents", "--output=xml"}, `table,json`},
	} {
		var out, err bytes.Buffer
		if code := run(t.Context(), c.args, &out, &err); code != 1 || !strings.Contains(err.String(), c.want) {
			t.Errorf("%v: %d %s", c.args, code, err.String())
		}
	}
}

// A key as it is shown is taken back by a shell: without braces where it can be.
func TestKeyWord(t *testing.T) {
	for _, c := range []struct {
		identity model.Labels
		want     string
	}{
		{model.Labels{"machine": "SRV-AD", "customer": "dupont", "backup_role": "primary"}, "customer=dupont,machine=SRV-AD,backup_role=primary"},
		{model.Labels{"platform": "lms-A"}, "platform=lms-A"},
		{model.Labels{"machine": "it's a PC", "customer": "dupont"}, `'{customer="dupont",machine="it'\''s a PC"}'`},
		{model.Labels{"customer": "dupont", "source": "veeam"}, `'{customer="dupont",source="veeam"}'`},
	} {
		if got := keyWord(incident.Incident{Identity: c.identity, Key: c.identity.String()}); got != c.want {
			t.Errorf("%v: %s, want %s", c.identity, got, c.want)
		}
	}
}

// One incident shows what its page does, with instants in the policy's zone.
func TestIncidentAsItsPage(t *testing.T) {
	i := newInstall(t)
	i.start()
	if err := i.post("SRV-AD"); err != nil {
		t.Fatal(err)
	}
	out := i.vigie(0, i.client("incidents", "#1")...)
	for _, want := range []string{"customer=dupont,machine=SRV-AD", "TARGET", "PLAN", "STEP", "account_manager", "HAPPENED", "first signal: BackupFailed"} {
		if !strings.Contains(out, want) {
			t.Errorf("it lacks %q:\n%s", want, out)
		}
	}
	zoned := regexp.MustCompile(`\d\d:\d\d(:\d\d)? CES?T`)
	for _, args := range [][]string{{"incidents", "1"}, {"incidents"}, {"explain", "1"}} {
		if out := i.vigie(0, i.client(args...)...); !zoned.MatchString(out) {
			t.Errorf("%v names no zone:\n%s", args, out)
		}
	}
	var answer struct {
		Key      string
		Overview struct{ Steps, History []any }
	}
	if err := json.Unmarshal([]byte(i.vigie(0, i.client("incidents", "1", "--output=json")...)), &answer); err != nil ||
		answer.Key == "" || len(answer.Overview.Steps) == 0 || len(answer.Overview.History) == 0 {
		t.Errorf("%+v, %v", answer, err)
	}
	// What a shell makes of a key in braces without quotes.
	key := []string{"customer=dupont", "machine=SRV-AD"}
	if out := i.vigie(0, i.client(append([]string{"explain"}, key...)...)...); !strings.Contains(out, "account_manager") {
		t.Errorf("explain %v:\n%s", key, out)
	}
	i.vigie(0, i.client(append(append([]string{"act", "note"}, key...), "note=a disk is ordered")...)...)
	for _, flag := range []string{"--output=table", "--output=text"} {
		if out := i.vigie(0, i.client("incidents", flag)...); !strings.Contains(out, "SRV-AD") {
			t.Errorf("%s:\n%s", flag, out)
		}
	}
	if out := i.vigie(1, i.client("incidents", "--state=opn")...); !strings.Contains(out, `did you mean "open"?`) {
		t.Errorf("an unknown state:\n%s", out)
	}
	for _, names := range [][]string{{""}, {"1", "2"}} {
		if out := i.vigie(1, i.client(append([]string{"explain"}, names...)...)...); !strings.Contains(out, "name one: a number") {
			t.Errorf("explain %q:\n%s", names, out)
		}
	}
	// Nothing found for a misspelt name is no good news.
	for asked, says := range map[string]string{
		"--customer=dupond": `did you mean "dupont"?`, "--scenario=servr": `did you mean "server"?`,
	} {
		if out := i.vigie(1, i.client("incidents", asked)...); !strings.Contains(out, says) {
			t.Errorf("%s:\n%s", asked, out)
		}
	}
	i.vigie(0, i.client("incidents", "--customer=dupont", "--machine=SRV-AD", "--state=resolved")...)
	var no struct{}
	url, token := i.url, i.file("adm1.token")
	cl := client{told: &commands{}, url: &url, tokenFile: &token, caFile: new(string), timezone: new(string)}
	for _, path := range []string{"/api/v1/incidents/1?x=1", "/api/v1/incidents/1/explain?x=1", "/api/v1/incidents/1/journal?x=1", "/api/v1/incidents?ended=maybe"} {
		if err := cl.do(t.Context(), "GET", path, nil, &no); err == nil || !strings.HasPrefix(err.Error(), "422: ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
