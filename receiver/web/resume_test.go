package web_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/receiver/store"
)

// loses ends a browser's session as time does: the browser still knows who it was.
func (b *browser) loses() {
	b.d.t.Helper()
	at, err := url.Parse(b.d.server.URL)
	if err != nil {
		b.d.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.d.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(at) {
		if c.Name != "vigie_session" {
			jar.SetCookies(at, []*http.Cookie{c})
		}
	}
	b.Jar = jar
}

// A form that comes after the session has ended does nothing, and whoever sent it, he
// alone, finds it filled in after the login, with what has changed meanwhile.
func TestFormAfterTheSession(t *testing.T) {
	const words = "l'agent a été redémarré"
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	d.came(store.Mail{ID: "m1", From: "x@elsewhere.example", Text: "hello", Reason: stray})
	inc, err := d.engine.Incident(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	forms := []struct {
		to   string
		form url.Values
		want []string
	}{
		{"/incidents/i1/attempt", url.Values{"seen": {fmt.Sprint(inc.Lines)}, "note": {words}}, []string{words, "rien n'a encore été fait", "Adrien Blanc"}},
		{"/signals", url.Values{"kind": {"user_assistance/"}, "machine": {"dupont/SRV-AD"}, "by": {"lea"}, "text": {words}, "report": {"r1"}}, []string{words, `value="dupont/SRV-AD"`, `value="r1"`}},
		{"/restore-tests", url.Values{"machine": {"dupont/SRV-AD"}, "day": {"2026-03-09"}, "result": {"ok"}, "note": {words}}, []string{words, `value="2026-03-09"`}},
		{"/today/acts", url.Values{"purpose": {"note"}, "id": {"i1"}, "text": {words}, "back": {"/today?q=SRV"}}, []string{words, `value="note" selected`, `id="pick-i1" checked`}},
		{"/mails/m1/settle", url.Values{"reason": {words}}, []string{words}},
	}
	d.acts("i1", "take", "adm1", nil)
	for _, x := range forms {
		d.mu.Lock()
		d.clock = d.clock.Add(10 * time.Minute) // tries to log in are bounded
		d.mu.Unlock()
		b := d.browser("sup")
		b.post("/preferences", url.Values{"language": {"fr"}})
		b.loses()
		code, text := b.post(x.to, x.form)
		must(t, code, html.UnescapeString(text), "ce que vous avez saisi", `value="sup"`)
		code, text = b.post("/login", url.Values{"person": {"sup"}, "password": {password}})
		must(t, code, html.UnescapeString(text), append(x.want, "session était terminée")...)
		if _, text = b.get("/incidents/i1"); strings.Contains(html.UnescapeString(text), words) {
			t.Errorf("%s was done, or is kept after it was shown", x.to)
		}
		other := d.browser("sup")
		other.loses()
		other.post(x.to, x.form)
		if _, text = other.post("/login", url.Values{"person": {"adm2"}, "password": {password}}); strings.Contains(html.UnescapeString(text), words) {
			t.Errorf("%s: somebody else reads what was typed", x.to)
		}
	}
	gone := d.browser("sup")
	gone.post("/logout", nil)
	gone.post("/signals", forms[1].form)
	if _, text := gone.post("/login", url.Values{"person": {"sup"}, "password": {password}}); strings.Contains(html.UnescapeString(text), words) {
		t.Error("a form is kept for somebody who has left")
	}
}

// An act on several rows of which one has changed is done to the others; what changed
// is said, and what was typed stays for it.
func TestStaleRow(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	d.fires(map[string]string{"machine": "NAS-01", "machine_class": "nas"}, nil)
	form := url.Values{"purpose": {"note"}, "text": {"disque commandé"}, "id": {"i1", "i2"}, "back": {"/today"}}
	for _, id := range form["id"] {
		inc, err := d.engine.Incident(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		form.Set("seen."+id, fmt.Sprint(inc.Lines))
	}
	d.acts("i2", "take", "adm1", nil)
	code, text := d.browser("sup").post("/today/acts", form)
	must(t, code, html.UnescapeString(text), "Fait pour 1 incident.", "#2 – il a changé entre-temps (Adrien Blanc", `value="disque commandé"`, `id="pick-i2" checked`)
	if strings.Contains(text, `id="pick-i1" checked`) {
		t.Error("the row to which it was done is still chosen")
	}
}

// What is kept for whoever has not logged in is little, and not for long.
func TestWhoHasNotLoggedInHoldsLittle(t *testing.T) {
	d := newDesk(t, "synomega", "")
	for asked, lead := range map[string]string{"/today?q=dupont": "/today?q=dupont", "/today?q=" + strings.Repeat("x", 60_000): "/"} {
		b := d.browser("")
		b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		lasts := func(resp *http.Response, err error) time.Duration {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			for _, c := range resp.Cookies() {
				if c.Name == "vigie_session" {
					return time.Until(c.Expires)
				}
			}
			t.Fatalf("%s begins no session", resp.Request.URL.Path)
			return 0
		}
		if left := lasts(b.Get(d.server.URL + asked)); left > time.Hour+time.Minute {
			t.Errorf("a visitor's session lasts %s", left)
		}
		resp, err := b.PostForm(d.server.URL+"/login", url.Values{"person": {"sup"}, "password": {password}})
		if left := lasts(resp, err); left < 11*time.Hour {
			t.Errorf("a person's session lasts %s", left)
		}
		if to := resp.Header.Get("Location"); to != lead {
			t.Errorf("the login leads to %.40s: want %s", to, lead)
		}
	}
}
