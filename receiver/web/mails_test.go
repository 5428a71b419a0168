package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/rules/model"
)

// came puts mails into the list that wait for a person.
func (d *desk) came(mails ...store.Mail) {
	d.t.Helper()
	err := d.store.Update(d.t.Context(), func(tx *store.Tx) error {
		for i, m := range mails {
			m.Open, m.Sort, m.Received = true, "reply", d.now().Add(-time.Duration(i+1)*time.Minute)
			if _, err := tx.KeepMail(m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

const stray = "it names no mail that it answers, as a machine's note does: it may be none"

// A mail that belongs to nothing is brought to its incident by hand, or taken off the
// list; whoever comes second is told by whom.
func TestMailsToSort(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC"}, nil)
	d.came(store.Mail{ID: "m1", From: "it@dupont.example", Subject: "Serveur", Text: "SRV-AD est éteint depuis hier", Reason: stray},
		store.Mail{ID: "m2", From: "who@elsewhere.example", Subject: "<script>alert(1)</script>", Text: "hello", Reason: "it has no sender"},
		store.Mail{ID: "m3", From: "it@dupont.example", Text: "encore moi", Reason: stray})
	one, two := d.browser("sup"), d.browser("adm1")
	code, text := one.get("/mails")
	must(t, code, text, "Marc Dupont", "SRV-AD est éteint", "il ne dit pas à quel mail il répond", `href="/incidents/i1">#1</a> Dupont – SRV-AD`, "&lt;script&gt;")
	code, text = one.get("/today")
	must(t, code, text, "3 mails revenus attendent", `href="/mails"`)

	code, text = one.post("/mails/m1/assign", url.Values{"incident": {"#2"}, "as": {"answer"}})
	if code != http.StatusUnprocessableEntity || !strings.Contains(text, "ne concerne pas Marc Dupont") || !strings.Contains(text, `value="2"`) || !strings.Contains(text, `"answer" selected`) {
		t.Errorf("an answer for another customer: %d\n%s", code, text)
	}
	code, text = one.post("/mails/m1/assign", url.Values{"incident": {"99"}, "as": {"note"}})
	if code != http.StatusNotFound || !strings.Contains(text, `value="99"`) {
		t.Errorf("an incident that is none: %d", code)
	}
	code, text = one.post("/mails/elsewhere/assign", url.Values{"incident": {"1"}, "as": {"note"}})
	if code != http.StatusNotFound || strings.Contains(text, "ce qui est signalé") || strings.Contains(text, `class="field wrong"`) {
		t.Errorf("a mail whose form is not on the page: %d, nothing says why", code)
	}
	code, text = one.post("/mails/m1/assign", url.Values{"incident": {"1"}, "as": {"note"}})
	must(t, code, text, "rattaché à l&#39;incident")
	inc, err := d.engine.Incident(t.Context(), "1")
	if err != nil || len(inc.Acts) != 1 || inc.Acts[0].By != "sup" || inc.Acts[0].Fields["note"] != "it@dupont.example: SRV-AD est éteint depuis hier" {
		t.Fatalf("the incident has %+v, %v", inc.Acts, err)
	}
	for _, form := range []string{"assign", "settle"} {
		code, text = two.post("/mails/m1/"+form, url.Values{"incident": {"1"}, "reason": {"spam"}})
		if code != http.StatusConflict || !strings.Contains(html.UnescapeString(text), "Sophie Aubert s'en est déjà occupé") {
			t.Errorf("the second, who would %s: %d\n%s", form, code, text)
		}
	}
	if inc, err = d.engine.Incident(t.Context(), "1"); err != nil || len(inc.Acts) != 1 {
		t.Errorf("the second changed something: %+v, %v", inc.Acts, err)
	}
	code, text = two.post("/mails/m2/settle", url.Values{"reason": {"publicité"}})
	must(t, code, text, "retiré de la liste")
	code, text = two.get("/mails?open=false")
	must(t, code, text, "publicité", "Adrien Blanc", `<a href="/incidents/i1">#1</a>`)

	code, text = d.api("token-of-sup", "/api/v1/mails")
	var list struct {
		Mails []struct {
			ID, Person string
			About      []struct{ Number int }
		}
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || code != http.StatusOK || len(list.Mails) != 1 || list.Mails[0].ID != "m3" ||
		list.Mails[0].Person != "it.dupont" || len(list.Mails[0].About) != 1 || list.Mails[0].About[0].Number != 1 {
		t.Errorf("the twin answers %d %v:\n%s", code, err, text)
	}
}

// A long list comes in parts.
func TestManyMails(t *testing.T) {
	d := newDesk(t, "synomega", "")
	var all []store.Mail
	for i := range 120 {
		all = append(all, store.Mail{ID: fmt.Sprintf("m%03d", i), From: "x@elsewhere.example", Reason: stray})
	}
	d.came(all...)
	b, seen := d.browser("sup"), 0
	for path := "/mails"; path != ""; {
		code, text := b.get(path)
		must(t, code, text)
		seen += strings.Count(text, `class="card letter"`)
		_, rest, more := strings.Cut(text, `rel="next" href="`)
		path, _, _ = strings.Cut(rest, `"`)
		if !more {
			break
		}
		path = html.UnescapeString(path)
	}
	if seen != len(all) {
		t.Errorf("%d of %d mails are shown", seen, len(all))
	}
}
