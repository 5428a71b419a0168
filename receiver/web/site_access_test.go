package web_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vigie/rules/model"
)

// everyRole gives each role to somebody of the example.
const everyRole = `
access:
  viewers: [boss]
  operators: [adm1]
  managers: [vijay]
`

// Every page and its twin is given to the roles for which it is, and to nobody else.
func TestPagesByRole(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	pages := []struct {
		page, twin string
		who        string // v viewer, o operator, m manager, c customer
	}{
		{"/today", "/api/v1/today", "vomc"}, {"/incidents/i1", "/api/v1/incidents/i1/overview", "vomc"}, {"/queue", "/api/v1/queue", "vom"},
		{"/machines", "/api/v1/machines", "vomc"}, {"/customers", "/api/v1/customers", "vom"}, {"/policy", "/api/v1/policy", "vom"},
		{"/calls", "/api/v1/calls", "vom"}, {"/mails", "/api/v1/mails", "vom"}, {"/calendar", "/api/v1/calendar", "vomc"}, {"/chain", "/api/v1/chain", "vom"},
		{"/calendar/night?customer=dupont&machine=SRV-AD&day=2026-03-09", "/api/v1/calendar/night?customer=dupont&machine=SRV-AD&day=2026-03-09", "vomc"}, {"/signals", "/api/v1/signals", "omc"},
		{"/reports", "/api/v1/reports", "vomc"}, {"/reports/statement", "/api/v1/reports/statement", "vom"},
		{"/reports/statement?customer=dupont", "/api/v1/reports/statement?customer=dupont", "vomc"}, {"/reports/dossier?customer=dupont", "/api/v1/reports/dossier?customer=dupont", "vomc"}, {"/reports/dossier?customer=martin", "/api/v1/reports/dossier?customer=martin", "vom"},
		{"/reports/noise", "/api/v1/reports/noise", "vom"}, {"/restore-tests", "/api/v1/restore-tests", "vom"},
		{"/reports/statement?customer=martin", "/api/v1/reports/statement?customer=martin", "vom"},
	}
	forms := []struct{ path, who string }{{"/incidents/i1/note", "omc"}, {"/incidents/i1/take", "om"}, {"/today/acts", "om"}, {"/signals", "omc"}, {"/restore-tests", "om"}}
	for role, person := range map[string]string{"v": "boss", "o": "adm1", "m": "vijay", "c": "it.dupont"} {
		b := d.browser(person)
		for _, p := range pages {
			want := http.StatusForbidden
			if strings.Contains(p.who, role) {
				want = http.StatusOK
			}
			if code, text := b.get(p.page); code != want {
				t.Errorf("%s as %s: %d, want %d\n%.300s", p.page, person, code, want, text)
			}
			if p.twin == "" {
				continue
			}
			code, text := d.api("token-of-"+person, p.twin)
			if code != want {
				t.Errorf("%s as %s: %d, want %d", p.twin, person, code, want)
			}
			if !json.Valid([]byte(text)) || strings.Contains(text, "0001-01-01") {
				t.Errorf("%s as %s is no JSON, or says the year 1:\n%.1000s", p.twin, person, text)
			}
		}
		for _, f := range forms {
			code, _ := b.post(f.path, url.Values{})
			if forbidden := code == http.StatusForbidden; forbidden == strings.Contains(f.who, role) {
				t.Errorf("the form %s as %s: %d", f.path, person, code)
			}
		}
	}
	nobody := d.browser("")
	for _, p := range pages {
		if code, text := nobody.get(p.page); code != http.StatusOK || !strings.Contains(text, `name="password"`) {
			t.Errorf("%s without a login: %d", p.page, code)
		}
		if p.twin != "" {
			if code, _ := d.api("nobody's token", p.twin); code != http.StatusUnauthorized {
				t.Errorf("%s without a token: %d", p.twin, code)
			}
		}
	}
}

func (d *desk) api(token, path string) (int, string) {
	d.t.Helper()
	b := d.browser("")
	b.Transport = bearing{token}
	return b.get(path)
}

// bearing presents a token with every request.
type bearing struct{ token string }

func (t bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+t.token)
	return http.DefaultTransport.RoundTrip(r)
}

// A customer's own people see what is theirs, and nothing of how we work on it.
func TestCustomerSeesOwn(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, map[string]string{"error": "secret words of the product"})
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC"}, nil)
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	for person, sees := range map[string][]string{"it.dupont": {"SRV-AD", "PC-LEA", "NAS-01"}, "lea": {"PC-LEA"}, "it.martin": {"SRV-FIC"}} {
		b := d.browser(person)
		_, today := b.get("/today")
		_, machines := b.get("/machines")
		for _, name := range []string{"SRV-AD", "NAS-01", "PC-LEA", "SRV-FIC"} {
			shown := strings.Contains(machines, ">"+name+" ")
			want := false
			for _, s := range sees {
				want = want || s == name
			}
			if person == "it.martin" && name == "SRV-AD" {
				continue // Martin has one of that name, too
			}
			if shown != want {
				t.Errorf("%s sees %s: %t", person, name, shown)
			}
			if !want && strings.Contains(today, name) {
				t.Errorf("%s sees the incident of %s", person, name)
			}
		}
		if strings.Contains(today, "secret words") {
			t.Errorf("%s reads the product's words", person)
		}
	}
	b := d.browser("it.martin")
	for _, path := range []string{"/incidents/i1", "/incidents/i3"} {
		if code, _ := b.get(path); code != http.StatusForbidden {
			t.Errorf("it.martin opens %s of another customer: %d", path, code)
		}
	}
	if code, _ := b.post("/incidents/i1/note", url.Values{"note": {"x"}}); code != http.StatusForbidden {
		t.Errorf("it.martin writes to another customer's incident: %d", code)
	}
}

// A form that comes from another site does nothing.
func TestForeignForm(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	b := d.browser("sup")
	req, err := http.NewRequest(http.MethodPost, d.server.URL+"/incidents/i1/take", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	inc, err := d.engine.Incident(t.Context(), "1")
	if resp.StatusCode != http.StatusForbidden || err != nil || inc.Assignee != "" {
		t.Errorf("answered %d, taken by %q, %v", resp.StatusCode, inc.Assignee, err)
	}
}

// Tries to log in are bounded, and a shared mailbox never logs in.
func TestLoginRefused(t *testing.T) {
	d := newDesk(t, "synomega", "")
	b := d.browser("")
	if code, _ := b.post("/login", url.Values{"person": {"expert"}, "password": {password}}); code != http.StatusUnauthorized {
		t.Errorf("a shared mailbox logs in: %d", code)
	}
	codes := map[int]int{}
	for range 20 {
		code, _ := b.post("/login", url.Values{"person": {"sup"}, "password": {"a wrong one"}})
		codes[code]++
	}
	if codes[http.StatusTooManyRequests] == 0 || codes[http.StatusOK] > 0 {
		t.Errorf("20 wrong tries were answered %v", codes)
	}
}

// What alerts and people write is shown as text on every page.
func TestHostileText(t *testing.T) {
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>{{.}}` + "\x01\x1b[31m"
	d := newDesk(t, "synomega", "")
	d.fires(model.Labels{"plan": evil, "kind": "failed", "engine": evil}, map[string]string{"error": evil})
	d.prom = recorded(t, map[string]map[string]string{evil: {"2026-03-09": "ok", "2026-03-10": evil}})
	d.engine.NoteReload(errors.New(evil))
	b := d.browser("sup")
	if code, _ := b.post("/incidents/i1/note", url.Values{"note": {evil}}); code != http.StatusOK {
		t.Fatalf("a note is not taken: %d", code)
	}
	for _, path := range []string{"/today?q=" + url.QueryEscape(evil), "/today", "/incidents/i1", "/queue", "/machines?q=" + url.QueryEscape(evil),
		"/customers?q=" + url.QueryEscape(evil), "/policy?labels=" + url.QueryEscape("plan="+evil), "/calendar?customer=" + url.QueryEscape(evil), "/calls?q=" + url.QueryEscape(evil), "/chain",
		"/calendar/night?customer=dupont&day=2026-03-10&machine=" + url.QueryEscape(evil)} {
		code, text := b.get(path)
		must(t, code, text)
		if strings.Contains(text, "<img src=x") || strings.Contains(text, "<script>alert") {
			t.Errorf("%s lets markup through", path)
		}
	}
	if code, text := b.post("/incidents/i1/forecast_no", url.Values{"reason": {evil}}); code != http.StatusUnprocessableEntity || strings.Contains(text, "<script>alert") {
		t.Errorf("a form gives back markup: %d", code)
	}
}

// The rules say what would follow, as for a real failure.
func TestTryLabels(t *testing.T) {
	d := newDesk(t, "synomega", "")
	b := d.browser("sup")
	code, text := b.get("/policy?labels=" + url.QueryEscape(`customer="dupont", machine="SRV-AD", machine_class="server", backup_role="primary", kind="failed"`))
	must(t, code, text, "Serveur ou NAS", "16:00", "Claire Morel", "échéance")
	code, text = b.get("/policy?labels=nonsense")
	must(t, code, text, "labels-wrong")
}

// A phone call is typed in once, however often its form is sent.
func TestSignalForm(t *testing.T) {
	d := newDesk(t, "activeprolearn", "")
	b := d.browser("op")
	form := url.Values{"kind": {"emergency_means/phone"}, "platform": {"lms-A"}, "by": {"exploit"}, "text": {"Nobody can log in"}, "report": {"r1"}}
	code, text := b.post("/signals", form)
	must(t, code, text, "Nobody can log in", "Enregistré sous le numéro")
	b.post("/signals", form)
	rows, err := d.engine.Rows(t.Context())
	if err != nil || len(rows) != 1 {
		t.Errorf("%d incidents, %v", len(rows), err)
	}
	form.Del("text")
	if code, text = b.post("/signals", form); code != http.StatusUnprocessableEntity || !strings.Contains(text, "Merci de remplir") {
		t.Errorf("a report without words is answered %d", code)
	}
}

// An act upon several rows says of each that it was refused for, by its number.
func TestManyRefused(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	b := d.browser("sup")
	code, text := b.post("/today/acts", url.Values{"purpose": {"note"}, "text": {"seen"}, "id": {"i1", "i99"}, "back": {"/today"}})
	must(t, code, text, "Fait pour 1 incident.", "#99 – ")
	for _, wrong := range []url.Values{{"id": {"i1"}}, {"purpose": {"note"}, "text": {"seen"}}, {"purpose": {"note"}, "text": {" "}, "id": {"i1"}}, {"purpose": {"assign"}, "id": {"i1"}}} {
		if code, text = b.post("/today/acts", wrong); code != http.StatusOK || !strings.Contains(text, "Rien n") {
			t.Errorf("%v is answered %d, and does not say that nothing was done", wrong, code)
		}
	}
}

// What is only listed is named to the provider's own people, and to no customer.
func TestTodayNamesWhatIsOnlyListed(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(model.Labels{"alertname": "BackupSizeDrop", "kind": "warning", "machine": "NAS-01"}, nil)
	code, text := d.browser("sup").get("/today")
	must(t, code, text, "À surveiller, sans incident", "sauvegarde anormalement petite", "Dupont – NAS-01", "planification daily", "depuis")
	if _, text := d.api("token-of-sup", "/api/v1/today"); !strings.Contains(text, `"alertname": "BackupSizeDrop"`) && !strings.Contains(text, `"alertname":"BackupSizeDrop"`) {
		t.Errorf("the twin does not name it:\n%s", text)
	}
	for _, path := range []string{"/today?show=mine", "/today?q=x"} {
		if _, text := d.browser("sup").get(path); strings.Contains(text, "anormalement petite") {
			t.Errorf("%s shows what was not asked for", path)
		}
	}
	if _, text := d.browser("it.dupont").get("/today"); strings.Contains(text, "anormalement petite") {
		t.Error("a customer reads our own list")
	}
}

// The history of an incident and its explanation are in the reader's language.
func TestHistoryInTheReadersLanguage(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	b := d.browser("sup")
	if code, _ := b.post("/incidents/i1/forecast_no", url.Values{"reason": {"le disque est mort"}, "expected_date": {"2026-03-12"}}); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	code, text := b.get("/incidents/i1")
	text = strings.ReplaceAll(text, "\u00a0", " ")
	must(t, code, text, "sur sa page", "premier signal : sauvegarde en échec, planification daily", "réparé aujourd&#39;hui : non", "motif : le disque est mort")
	for _, english := range []string{"first signal", "today=no", "on its page", "opening plus", "dropped:"} {
		if strings.Contains(text, english) {
			t.Errorf("the page says %q", english)
		}
	}
	_, text = d.api("token-of-sup", "/api/v1/incidents/i1/explain")
	for _, said := range []string{"personne ne l'a", `"said":"attend : `, "ouvré"} {
		if !strings.Contains(text, said) {
			t.Errorf("the explanation does not say %q:\n%.3000s", said, text)
		}
	}
	for _, step := range d.engine.Book().InForce(d.now()).Scenario("server").Steps { // what a step does, and not its name in the policy
		if strings.Contains(text, "ensuite "+strings.ReplaceAll(step.Name, "_", " ")+",") {
			t.Errorf("a step is called %s:\n%.1000s", step.Name, text)
		}
	}
	if strings.Contains(text, `"said":"opening`) {
		t.Errorf("a reason is not said:\n%s", text)
	}
	code, text = b.get("/policy?labels=customer%3Ddupont,machine%3DSRV-AD,alertname%3DWatchdog,kind%3Dwatchdog,severity%3Dnone")
	must(t, code, text, d.engine.Book().InForce(d.now()).Title.In("fr"), "battement de la supervision")
	if code, text = b.get("/calendar?show=nonsense"); code != http.StatusUnprocessableEntity || strings.Contains(text, "unknown") || !strings.Contains(text, "&#34;nonsense&#34; n&#39;existe pas") {
		t.Errorf("a wrong view is answered %d:\n%.2000s", code, text)
	}
}
