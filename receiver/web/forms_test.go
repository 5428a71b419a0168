package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"vigie/receiver/web"
	"vigie/rules/act"
	"vigie/rules/model"
)

// Every form that somebody types into keeps what was typed when nothing comes of it,
// and says at the field what is wrong.
func TestFormsKeepWhatWasTyped(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	b := d.browser("adm1")
	for name, c := range map[string]struct {
		path string
		form url.Values
		want []string
	}{
		"register": {"/restore-tests", url.Values{"machine": {"dupont/NONE"}, "day": {"2026-03-09"}, "result": {"partial"}, "took": {"soon"}, "scope": {"the <folder>"}, "note": {"slow & late"}},
			[]string{`value="dupont/NONE"`, `id="machine-wrong"`, `value="2026-03-09"`, `value="partial" selected`, `value="soon"`, `id="took-wrong"`, `value="the &lt;folder&gt;"`, ">slow &amp; late</textarea>"}},
		"list": {"/today/acts", url.Values{"purpose": {"assign"}, "text": {"asked <him>"}, "id": {"i1"}, "back": {"/today"}},
			[]string{`value="assign" selected`, `value="asked &lt;him&gt;"`, `id="pick-i1" checked`}},
		"act": {"/incidents/i1/forecast_no", url.Values{"reason": {"a <part>"}}, []string{`a &lt;part&gt;`, `id="forecast_no-expected_date-wrong"`}},
	} {
		code, text := b.post(c.path, c.form)
		if code != http.StatusUnprocessableEntity && name != "list" { // that one is told on the list again
			t.Errorf("%s is answered %d", name, code)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
	}
	// It is kept for the page that follows, and no longer.
	if _, text := b.get("/today"); strings.Contains(text, "asked") {
		t.Error("what was typed stays for ever")
	}
	code, text := b.post("/restore-tests", url.Values{"machine": {"dupont/srv-ad"}, "day": {"2026-03-09"}, "result": {"ok"}, "took": {"35"}})
	must(t, code, text, "SRV-AD")
}

// The emergency entry keeps what was typed, too, when it is asked too often.
func TestEmergencyKeepsWhatWasTyped(t *testing.T) {
	d := newDesk(t, "activeprolearn", "")
	entry := httptest.NewServer(web.NewEmergency(web.Options{Engine: d.engine, Now: d.now, Person: func(string) (string, bool) { return "", false }}))
	defer entry.Close()
	for i := range 400 {
		resp, err := http.PostForm(entry.URL+"/secours", url.Values{"platform": {"nowhere <b>"}, "text": {"all is <down>"}, "who": {"Eve & co"}})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		_ = resp.Write(&text)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK && (!strings.Contains(text.String(), "all is &lt;down&gt;") || !strings.Contains(text.String(), "Eve &amp; co")) {
			t.Fatalf("call %d is answered %d without what was typed:\n%s", i, resp.StatusCode, text.String())
		}
		if resp.StatusCode == http.StatusServiceUnavailable {
			return
		}
	}
	t.Error("nobody is ever asked to wait")
}

// hostile is what a stranger, a product or a mail may put into any text: markup, the
// ends of attributes and of scripts, addresses that run, and control characters.
const hostile = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script></textarea><svg/onload=alert(3)>{{.}}javascript:alert(4)\x00\x1b[31m\u202e\u2028end"

// Hostile texts in every field of alerts, mails and people are shown as text on every
// page, in both languages, and in what the API answers nothing breaks.
func TestHostileTextsAreShownAsText(t *testing.T) {
	d := newDesk(t, "synomega", everyRole+fmt.Sprintf("customers:\n  evil: {name: %q, account_manager: am.dupont}\nmachines:\n  - {customer: evil, name: EVIL-1, class: server, plans: [{plan: daily, role: primary, engine: acronis}]}\n",
		"<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"))
	l := model.Labels{"machine": "PC <script>alert(2)</script>", "plan": hostile, "engine": hostile, "job_id": hostile, "kind": hostile, "alertname": hostile}
	d.fires(l, map[string]string{"error": hostile, "last_run": hostile, "consecutive_failures": hostile, "runbook_url": "javascript:alert(4)", "dashboard": "javascript:alert(4)"})
	d.fires(model.Labels{"customer": "evil", "machine": "EVIL-1"}, map[string]string{"error": hostile})
	d.fires(nil, map[string]string{"error": hostile})
	b := d.browser("adm1")
	typed := 0
	for _, a := range act.Table() {
		for _, f := range a.Forms {
			form := url.Values{}
			for _, field := range a.Fields {
				form.Set(field.Name, hostile)
			}
			_, text := b.post("/incidents/i3/"+f.Purpose, form)
			d.shownAsText("POST "+f.Purpose, text)
			typed++
		}
	}
	if typed < 15 {
		t.Errorf("only %d forms were tried", typed)
	}
	fields := url.Values{"kind": {hostile}, "platform": {hostile}, "machine": {hostile}, "by": {hostile}, "text": {hostile}, "received": {hostile}, "report": {hostile},
		"day": {hostile}, "result": {hostile}, "took": {hostile}, "scope": {hostile}, "note": {hostile}, "purpose": {hostile}, "to": {hostile}, "back": {"javascript:alert(4)"},
		"id": {hostile}, "person": {hostile}, "password": {hostile}, "language": {hostile}, "theme": {hostile}}
	for _, path := range []string{"/signals", "/restore-tests", "/today/acts", "/preferences"} {
		_, text := b.post(path, fields)
		d.shownAsText("POST "+path, text)
	}
	_, text := d.browser("").post("/login", fields)
	d.shownAsText("POST /login", text)
	d.acts("i3", "note", "adm1", model.Labels{"note": hostile})
	q := url.QueryEscape(hostile)
	for _, language := range []string{"fr", "en"} {
		b.post("/preferences", url.Values{"language": {language}, "back": {"/"}})
		for _, path := range append(everyPage(), "/incidents/i2", "/incidents/i3", "/reports", "/restore-tests", "/reports/statement?customer=evil&month=2026-03", "/reports/dossier?customer=evil&month=2026-03",
			"/reports/noise?month=2026-03", "/today?q="+q, "/queue?q="+q, "/machines?q="+q, "/customers?q="+q, "/calendar?q="+q, "/calls?q="+q, "/policy?labels="+q, "/today?show="+q, "/nowhere/"+q,
			"/calendar/night?customer="+q+"&machine="+q+"&day=2026-03-09", "/runbooks/"+q, "/docs/") {
			_, text := b.get(path)
			d.shownAsText(language+" "+path, text)
		}
	}
}

// shownAsText fails where a browser would run or load what is none of ours.
func (d *desk) shownAsText(where, text string) {
	d.t.Helper()
	if strings.ContainsAny(text, "\x00\x1b\u202e") {
		d.t.Errorf("%s shows control characters", where)
	}
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := z.Token()
			for _, a := range tag.Attr {
				value := strings.ToLower(strings.TrimSpace(a.Val))
				runs := strings.HasPrefix(a.Key, "on") || a.Key == "srcdoc"
				leads := (a.Key == "href" || a.Key == "src" || a.Key == "action") && (strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "data:"))
				strange := a.Key == "src" && !strings.HasPrefix(value, "/static/")
				if runs || leads || strange {
					d.t.Errorf("%s: <%s %s=%q>", where, tag.Data, a.Key, a.Val)
				}
			}
			if src := slices.IndexFunc(tag.Attr, func(a html.Attribute) bool { return a.Key == "src" }); tag.Data == "script" && src < 0 || tag.Data == "iframe" || tag.Data == "object" {
				d.t.Errorf("%s has a <%s> of its own", where, tag.Data)
			}
		}
	}
}

// covers: S2.17; a caller reads that level 3 is told only when it is: announced work
// wakes nobody, and says so.
func TestEmergencySaysWhoIsTold(t *testing.T) {
	d := newDesk(t, "activeprolearn", "maintenance:\n  - {platform: lms-A, from: 2026-03-10T09:00:00+01:00, until: 2026-03-10T12:00:00+01:00, declared_at: 2026-03-05}\n")
	entry := httptest.NewServer(web.NewEmergency(web.Options{Engine: d.engine, Now: d.now, Person: func(string) (string, bool) { return "", false }}))
	defer entry.Close()
	for platform, want := range map[string]string{"lms-A": "Level 3 is not woken", "lms-B": "Level 3 is told"} {
		resp, err := http.PostForm(entry.URL+"/secours", url.Values{"platform": {platform}, "text": {"all is down"}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s, error %v: the page does not say %q:\n%s", platform, err, want, text)
		}
	}
}
