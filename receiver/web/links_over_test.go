package web_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/link"
	"vigie/receiver/web"
	"vigie/rules/act"
	"vigie/rules/model"
)

// linkDesk is a desk whose mails have links, and what makes the path of one to an
// incident for one purpose.
func linkDesk(t *testing.T, example string) (d *desk, path func(incident, purpose string, outside bool, persons ...string) string) {
	file := filepath.Join(t.TempDir(), "links.key")
	if err := os.WriteFile(file, []byte(strings.Repeat("k", 64)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d = newDesk(t, example, "", func(_ *receiver.Config, p *receiver.Reloadable, _ *web.Options) {
		p.Links = link.New(file, 0)
		if err := p.Links.Open(); err != nil {
			t.Fatal(err)
		}
	})
	keys, err := link.ReadKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	return d, func(incident, purpose string, outside bool, persons ...string) string {
		return "/a/" + keys.Sign(link.Grant{Incident: incident, Purpose: purpose, Persons: persons, Outside: outside, Notice: "n1", Expires: d.now().Add(time.Hour).Unix()})
	}
}

// standing is what an act would change.
func (d *desk) standing(id string) string {
	d.t.Helper()
	i, err := d.engine.Incident(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprint(i.State, i.Assignee, len(i.Acts), i.Lines, i.Flags)
}

// covers: T8; a link to what ended says so when it is opened, offers no button, does
// nothing, and works again once the incident is open again.
func TestLinksToWhatEnded(t *testing.T) {
	d, path := linkDesk(t, "synomega")
	d.fires(nil, nil)
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	d.acts("i1", "close", "adm2", model.Labels{"reason": "duplicate"})
	d.acts("i2", "close", "adm2", model.Labels{"reason": "duplicate"})
	b, tried := d.browser(""), 0
	for _, a := range act.Table() {
		if a.Ended && !slices.Contains(a.Not, "closed") || a.Verb == "answer" { // of one of us it is a note
			continue
		}
		for _, f := range a.Forms {
			before := d.standing("i1")
			for _, answer := range []func(string) (int, string){b.get, func(to string) (int, string) {
				return b.post(to, url.Values{"note": {"x"}, "reason": {"duplicate"}, "to": {"adm2"}, "result": {"done"}})
			}} {
				code, text := answer(path("i1", f.Purpose, false, "sup"))
				if code != http.StatusConflict || strings.Contains(text, "<form") || !strings.Contains(text, "clos depuis le 10/03/2026 10:20") ||
					!strings.Contains(text, "vigie act reopen i1") || strings.Contains(text, "Échéance") {
					t.Errorf("%s is answered %d:\n%s", f.Purpose, code, text)
				}
				tried++
			}
			if after := d.standing("i1"); after != before {
				t.Errorf("%s changed %s to %s", f.Purpose, before, after)
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d links were tried", tried)
	}
	before := d.standing("i2")
	for _, form := range []url.Values{nil, {"result": {"done"}}} {
		answer := path("i2", "answer", true, "lea")
		code, text := b.get(answer)
		if form != nil {
			code, text = b.post(answer, form)
		}
		if code != http.StatusConflict || !strings.Contains(text, "aucune réponse n&#39;est plus attendue") || strings.Contains(text, "vigie act") || strings.Contains(text, "ouvrez") {
			t.Errorf("the customer is answered %d:\n%s", code, text)
		}
	}
	if after := d.standing("i2"); after != before {
		t.Errorf("an answer changed %s to %s", before, after)
	}
	d.acts("i1", "reopen", "adm2", nil)
	code, text := b.post(path("i1", "take", false, "sup"), url.Values{})
	must(t, code, text, "Il est à vous")
}

// Pages name people, outcomes and causes as people do, whatever the API calls them.
func TestLinkPagesSpeakInNames(t *testing.T) {
	d, path := linkDesk(t, "synomega")
	d.fires(nil, nil)
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	d.acts("i1", "take", "adm2", nil)
	b := d.browser("")
	for want, to := range map[string]string{
		"Awa Diallo s'en occupe déjà":                  path("i1", "take", false, "sup"),
		`id="to-wrong">Merci de remplir ce champ`:      path("i1", "assign", false, "sup"),
		`id="outcome-wrong">Merci de remplir ce champ`: path("i2", "call", false, "sup"),
	} {
		code, text := b.post(to, url.Values{})
		if text = html.UnescapeString(text); code < 400 || !strings.Contains(text, want) {
			t.Errorf("%d, and not %q:\n%s", code, want, text)
		}
	}
	code, text := b.post(path("i2", "answer", true, "lea"), url.Values{"result": {"away"}, "until": {"2026-03-01"}})
	if text = html.UnescapeString(text); code != http.StatusUnprocessableEntity || !strings.Contains(text, "jusqu'au 01/03/2026 ") || strings.Contains(text, "2026-03-01T") {
		t.Errorf("%d, a day that is over:\n%s", code, text)
	}
	d, path = linkDesk(t, "activeprolearn")
	d.fires(model.Labels{"alertname": "MoodleLoginDown", "platform": "lms-A", "signal": "functional_probe", "machine": "", "backup_role": "", "kind": ""}, nil)
	code, text = d.browser("").get(path("i1", "qualify", false, "op"))
	must(t, code, html.UnescapeString(text), "Rupture réseau chez l'hébergeur", ">inconnue<")
}

// covers: T8, S1.27; what opens a link without a person does nothing, and of two people,
// or two clicks, in one instant one acts.
func TestLinksInOneInstant(t *testing.T) {
	d, path := linkDesk(t, "synomega")
	d.fires(nil, nil)
	d.fires(model.Labels{"machine": "SRV-FIC", "customer": "martin"}, nil)
	b := d.browser("")
	before := d.standing("i1")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		req, err := http.NewRequestWithContext(t.Context(), method, d.server.URL+path("i1", "take", false, "sup"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Purpose", "prefetch")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if want := method == http.MethodGet || method == http.MethodHead; (resp.StatusCode == http.StatusOK) != want || !want && resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s is answered %d", method, resp.StatusCode)
		}
	}
	// Nothing that a form adds makes it another act, another incident or another person.
	code, text := b.post(path("i1", "note", false, "sup"), url.Values{"note": {"x"}, "verb": {"close"}, "incident": {"i2"}, "by": {"adm1"}, "reason": {"duplicate"}, "external": {"true"}})
	if code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
	for i, want := range map[string]string{"i1": "note by sup", "i2": ""} {
		inc, err := d.engine.Incident(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range inc.Acts {
			got += a.Verb + " by " + a.By
		}
		if got != want || inc.State != model.Open {
			t.Errorf("%s is %s, with %q, want %q; it was %s", i, inc.State, got, want, before)
		}
	}
	for _, purpose := range []string{"take", "escalate"} {
		to := path("i1", purpose, false, "adm1", "adm2")
		codes := make(chan int)
		for n := range 8 {
			go func() {
				code, _ := d.browser("").post(to, url.Values{"who": {[]string{"adm1", "adm2"}[n%2]}, "reason": {"disk"}})
				codes <- code
			}()
		}
		done := map[int]int{}
		for range 8 {
			done[<-codes]++
		}
		if done[http.StatusOK] != 1 || done[http.StatusGone]+done[http.StatusConflict] != 7 {
			t.Errorf("%s eight times at once: %v", purpose, done)
		}
	}
}
