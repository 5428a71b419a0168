package receiver_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/link"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// withLinks gives a rig's mails links.
func withLinks(r *rig) {
	key := filepath.Join(r.dir, "links.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 64)+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.configure = func(c *receiver.Config) {
		c.ExternalURL, c.Links = "https://vigie.msp.example", &receiver.LinksConfig{KeyFile: key}
	}
}

var linkInMail = regexp.MustCompile(`https://vigie\.msp\.example(/a/[^\s"<>]+)`)

// links are the tokens of the newest mail of a step, by what they are for.
func (r *rig) links(step string) map[string]string {
	r.t.Helper()
	mails := r.mails(step)
	if len(mails) == 0 {
		r.t.Fatalf("no mail of step %s", step)
	}
	out := map[string]string{}
	for _, m := range linkInMail.FindAllStringSubmatch(mails[len(mails)-1].Text, -1) {
		o, err := r.engine.OpenLink(r.t.Context(), strings.TrimPrefix(m[1], "/a/"))
		if err != nil {
			r.t.Fatalf("a link of the mail does not open: %v", err)
		}
		out[o.Purpose] = m[1]
	}
	return out
}

// open gets a page, or posts its form, as a browser does.
func (r *rig) open(want int, path string, form url.Values) (string, http.Header) {
	r.t.Helper()
	var resp *http.Response
	var err error
	if form == nil {
		resp, err = r.site.Client().Get(r.site.URL + path)
	} else {
		resp, err = r.site.Client().PostForm(r.site.URL+path, form)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != want {
		r.t.Fatalf("%.60s answered %d, want %d:\n%s", path, resp.StatusCode, want, text)
	}
	return string(text), resp.Header
}

// covers: T8; to open a link changes nothing, to send its form acts once, in the
// name of whom the mail was sent to.
func TestTakeByLink(t *testing.T) {
	r := newRig(t, 1, withLinks)
	a := backup("dupont", "SRV-AD", "primary")
	r.peers[0].change(func() { r.peers[0].alerts = append(r.peers[0].alerts, a) })
	r.fires(a)
	r.pass(70 * time.Second)
	links := r.links("opened")
	for _, purpose := range []string{"take", "silence", "escalate", "incident"} {
		if links[purpose] == "" {
			t.Fatalf("the mail has no link to %s: %v", purpose, links)
		}
	}
	before := len(r.the("machine=SRV-AD").Acts)
	for range 10 {
		text, header := r.open(http.StatusOK, links["take"], nil)
		if !strings.Contains(text, "SRV-AD") || !strings.Contains(text, `<form method="post" novalidate>`) || strings.Contains(text, "<script") {
			t.Fatalf("page:\n%s", text)
		}
		if csp := header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || header.Get("Referrer-Policy") != "no-referrer" {
			t.Fatalf("header: %v", header)
		}
	}
	if inc := r.the("machine=SRV-AD"); len(inc.Acts) != before || inc.Assignee != "" {
		t.Fatalf("to open a link acted: %+v", inc.Acts)
	}
	r.open(http.StatusForbidden, links["take"][:len(links["take"])-2]+"AA", nil)
	r.open(http.StatusForbidden, links["take"][:len(links["take"])-2]+"AA", url.Values{})
	r.open(http.StatusForbidden, links["take"], url.Values{"who": {"adm2"}}) // it was not sent to him

	r.open(http.StatusOK, links["take"], url.Values{})
	inc := r.the("machine=SRV-AD")
	if inc.Assignee != "sup" || inc.State != model.Taken {
		t.Fatalf("taken by %q, %s", inc.Assignee, inc.State)
	}
	for _, form := range []url.Values{nil, {}} {
		text, _ := r.open(http.StatusGone, links["take"], form)
		if !strings.Contains(text, "used already") || !strings.Contains(text, "vigie act take "+inc.ID) {
			t.Errorf("used once more:\n%s", text)
		}
	}
	lines, err := r.engine.Journal(t.Context(), inc.ID)
	if err != nil || !slices.ContainsFunc(lines, func(l store.Line) bool {
		return l.Kind == "act" && l.What == "take" && l.Actor == "sup" && strings.Contains(l.Reason, "by the link of")
	}) {
		t.Errorf("the journal does not say who acted, and how: %+v %v", lines, err)
	}

	r.open(http.StatusUnprocessableEntity, links["escalate"], url.Values{}) // a reason is required
	r.open(http.StatusOK, links["escalate"], url.Values{"reason": {"the disk is broken"}})
	r.open(http.StatusMethodNotAllowed, links["incident"], url.Values{})
	if text, _ := r.open(http.StatusOK, links["incident"], nil); !strings.Contains(text, "the disk is broken") {
		t.Errorf("the incident's page tells no history:\n%s", text)
	} else if !strings.Contains(text, "accepted by the server of sup@msp.example") {
		t.Errorf("the history does not say when a mail was accepted:\n%s", text)
	}
	r.set(r.now().Add(15 * 24 * time.Hour))
	text, _ := r.open(http.StatusGone, links["silence"], nil)
	if !strings.Contains(text, "stopped to work") {
		t.Errorf("expired:\n%s", text)
	}
	r.open(http.StatusGone, links["silence"], url.Values{"comment": {"late"}})
	if text, _ := r.open(http.StatusGone, links["incident"], nil); strings.Contains(text, "the disk is broken") {
		t.Errorf("a link that is too old tells the history:\n%s", text)
	}
}

// Whoever has left reads nothing by the links that he still has, of whatever purpose and age.
func TestLinksOfWhoLeft(t *testing.T) {
	r := newRig(t, 1, withLinks, func(r *rig) {
		r.edits = append(r.edits, "supervisor: {people: [sup]}", "supervisor: {rota: supervisor}")
		r.tune = onDuty(t, "sup")
	})
	a := backup("dupont", "SRV-AD", "primary")
	r.peers[0].change(func() { r.peers[0].alerts = append(r.peers[0].alerts, a) })
	r.fires(a)
	r.pass(70 * time.Second)
	links := r.links("opened")
	r.open(http.StatusOK, links["take"], url.Values{})
	onDuty(t, "adm2", "sup")(&r.reloadable)
	if err := r.engine.Reload(t.Context(), r.reloadable); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for purpose, path := range links {
			if text, _ := r.open(http.StatusGone, path, nil); strings.Contains(text, "SRV-AD") || strings.Contains(text, "used already") {
				t.Errorf("%s:\n%s", purpose, text)
			}
		}
		r.set(r.now().Add(15 * 24 * time.Hour)) // too old besides
	}
}

// onDuty has somebody on duty, and others gone.
func onDuty(t *testing.T, who string, gone ...string) func(*receiver.Reloadable) {
	return func(p *receiver.Reloadable) {
		dir := p.Book.Directory.Clone()
		dir.Rotas = []inventory.RotaEntry{{Role: "supervisor", Person: who}}
		for _, id := range gone {
			delete(dir.People, id)
		}
		book, err := rules.NewBook(dir, p.Book.Policies()...)
		if err != nil {
			t.Fatal(err)
		}
		p.Book = book
	}
}

// covers: T6, T8; a silence by link: in every Alertmanager or in none, once.
func TestSilenceByLink(t *testing.T) {
	r := newRig(t, 2, withLinks)
	a := backup("dupont", "SRV-AD", "primary")
	for _, p := range r.peers {
		p.change(func() { p.alerts = append(p.alerts, a) })
	}
	r.fires(a)
	r.pass(70 * time.Second)
	link := r.links("opened")["silence"]
	held := func(p *peer) (n int) {
		p.change(func() { n = len(p.silences) })
		return n
	}
	r.peers[1].change(func() { r.peers[1].refuses = true })
	form := url.Values{"comment": {"disk being replaced"}}
	if text, _ := r.open(http.StatusServiceUnavailable, link, form); !strings.Contains(text, "nothing was silenced") {
		t.Errorf("page:\n%s", text)
	}
	if n := held(r.peers[0]); n != 0 || len(r.the("machine=SRV-AD").Acts) != 0 {
		t.Fatalf("%d silences are left of a try that failed", n)
	}
	r.peers[1].change(func() { r.peers[1].refuses = false })
	r.open(http.StatusOK, link, form)
	for i, p := range r.peers {
		if n := held(p); n != 1 {
			t.Errorf("Alertmanager %d has %d silences", i, n)
		}
	}
	r.pass(61 * time.Second)
	inc := r.the("machine=SRV-AD")
	if !inc.Flags[model.FlagSilenced] || inc.Assignee != "sup" {
		t.Errorf("silenced by sup: assignee %q, flags %v", inc.Assignee, inc.Flags)
	}
	if act := inc.Acts[len(inc.Acts)-1]; act.Verb != "silence" || len(strings.Fields(act.Fields["silence"])) != 2 || act.Fields["until"] == "" {
		t.Errorf("act: %+v", act)
	}
	// Over the API once more, with another end: the same silences, changed.
	r.act(http.StatusOK, adm1Token, inc.ID, "silence", map[string]string{"comment": "mine"})
	r.act(http.StatusOK, adm1Token, inc.ID, "silence", map[string]string{"comment": "mine"})
	if n := held(r.peers[0]); n != 2 {
		t.Errorf("%d silences of two people", n)
	}
	r.act(http.StatusUnprocessableEntity, adm1Token, inc.ID, "silence", map[string]string{"until": r.now().AddDate(0, 0, 3).Format(time.RFC3339)})
	r.act(http.StatusUnprocessableEntity, adm1Token, inc.ID, "silence", map[string]string{"until": "soon"})
}

// covers: T8; a customer's link gives no other right than to answer, and one of a
// shared mailbox asks who acts.
func TestWhomALinkWasSentTo(t *testing.T) {
	r := newRig(t, 1, withLinks)
	a := backup("dupont", "SRV-AD", "primary")
	r.peers[0].change(func() { r.peers[0].alerts = append(r.peers[0].alerts, a) })
	r.fires(a)
	r.pass(2 * time.Second)
	keys, err := link.ReadKeys(filepath.Join(r.dir, "links.key"))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(purpose string, outside bool, persons ...string) string {
		return "/a/" + keys.Sign(link.Grant{Incident: "i1", Purpose: purpose, Persons: persons, Outside: outside,
			Notice: purpose, Expires: r.now().Add(time.Hour).Unix()})
	}
	stranger := "lea@dupont.example"
	for _, purpose := range []string{"take", "silence", "close", "assign", "resolve"} {
		r.open(http.StatusForbidden, sign(purpose, true, stranger), url.Values{"reason": {"duplicate"}, "to": {"sup"}, "note": {"x"}, "comment": {"x"}})
	}
	text, _ := r.open(http.StatusOK, sign("answer", true, stranger), nil)
	if strings.Contains(text, "Adrien") || strings.Contains(text, "acronis") || !strings.Contains(text, "SRV-AD") {
		t.Errorf("a customer reads:\n%s", text)
	}
	r.open(http.StatusUnprocessableEntity, sign("answer", true, stranger), url.Values{})
	r.open(http.StatusOK, sign("answer", true, stranger), url.Values{"note": {"the server was off"}, "verb": {"close"}})
	if inc := r.the("machine=SRV-AD"); len(inc.Acts) != 1 || inc.Acts[0].Verb != "note" || inc.Acts[0].By != stranger {
		t.Errorf("acts: %+v", inc.Acts)
	}
	// Two people read the same mail: each says who he is.
	both := sign("take", false, "adm1", "adm2")
	if text, _ := r.open(http.StatusOK, both, nil); !strings.Contains(text, "Awa Diallo") || !strings.Contains(text, `lang="fr"`) {
		t.Errorf("the page does not ask who acts:\n%s", text)
	}
	r.open(http.StatusUnprocessableEntity, both, url.Values{})
	r.open(http.StatusForbidden, both, url.Values{"who": {"vijay"}})
	r.open(http.StatusOK, both, url.Values{"who": {"adm2"}})
	if inc := r.the("machine=SRV-AD"); inc.Assignee != "adm2" {
		t.Errorf("taken by %q", inc.Assignee)
	}
	r.open(http.StatusGone, sign("take", false, "nobody-any-more"), nil)
	r.open(http.StatusForbidden, sign("dance", false, "adm1"), url.Values{}) // no act is asked for by it
	r.open(http.StatusNotFound, "/a/", nil)
}

// The page behind a link about what is no backup says which alert it is.
func TestLinkAboutNoBackup(t *testing.T) {
	r := newRig(t, 0, withLinks)
	r.fires(alert{"alertname": "HostOutOfMemory", "customer": "dupont", "machine": "SRV-AD"})
	r.pass(70 * time.Second)
	text, _ := r.open(http.StatusOK, r.links("opened")["take"], nil)
	if !strings.Contains(text, "HostOutOfMemory") || !strings.Contains(text, "SRV-AD") {
		t.Errorf("page:\n%s", text)
	}
}
