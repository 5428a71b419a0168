package web

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"vigie/receiver/web/kept"
	"vigie/receiver/web/linkpages"
	"vigie/receiver/web/mailpages"
	"vigie/receiver/web/reportpages"
)

// keepForm keeps a form whose session had ended for the person who had it, who finds
// it filled in after the login. Nobody else does.
func (p *pageSite) keepForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, linkpages.MaxForm)
	if r.ParseForm() != nil {
		return
	}
	page := r.URL.Path
	switch {
	case page == "/today/acts":
		page = wanted(r.PostForm.Get("back"))
	case strings.HasPrefix(page, "/incidents/"):
		page = path.Dir(page)
	case strings.HasPrefix(page, "/mails/"):
		page = "/mails"
	}
	ctx := r.Context()
	p.want(ctx, page)
	c, err := r.Cookie(p.lastCookie())
	if err != nil {
		return
	}
	who, err := url.QueryUnescape(c.Value)
	if err != nil {
		return
	}
	at, _, _ := strings.Cut(page, "?")
	p.sessions.SetDeadline(ctx, time.Now().Add(p.sessions.Lifetime)) // as long as the form waits
	p.sessions.Put(ctx, keyKept, p.kept.Put(kept.Form{Page: at, Of: mux.Vars(r)["id"], Do: path.Base(r.URL.Path), Values: r.PostForm, Who: who}, p.o.Now()))
}

// resumed is the form that somebody had sent after his session had ended, on the page
// on which it stood; nil for none.
func (p *pageSite) resumed(r *http.Request, who string) *kept.Form {
	key := p.sessions.GetString(r.Context(), keyKept)
	if key == "" || r.Header.Get(refreshHeader) != "" {
		return nil
	}
	f := p.kept.Look(key, p.o.Now())
	if f != nil && f.Who == who && f.Page != r.URL.Path {
		return nil // it waits for its page
	}
	p.sessions.Remove(r.Context(), keyKept)
	p.kept.Drop(key)
	if f == nil || f.Who != who {
		return nil
	}
	return f
}

// resume fills a page's form in again.
func (p *pageSite) resume(v *view, data any, f *kept.Form) any {
	again := v.T("kept.again")
	switch d := data.(type) {
	case *overview:
		seen := seenLines(f.Values.Get("seen"))
		x := &incidentPage{overview: d, Line: d.line, Acts: p.acts(v, d, f.Do, f.Values, again)}
		for _, h := range d.History {
			if seen > 0 && h.Line > seen && slices.Contains([]string{"act", "state", "signal", "silence"}, h.Kind) {
				x.Changes = append(x.Changes, h)
			}
		}
		if x.opened() == nil {
			v.Flash, v.Tone = v.Fill("kept.gone", "text", typedWords(f.Values)), "bad"
		}
		return x
	case *signalsData:
		x := typedSignal(f.Values)
		x.Said = again
		return p.signalsForm(v, d, x)
	case *reportpages.Register:
		d.Form = reportpages.Typed(f.Values)
	case *mailpages.MailList:
		d.Form = mailpages.Typed(f.Of, f.Do, f.Values)
	default:
		v.Many = manyOf(f.Values)
	}
	v.Flash, v.Tone = again, "note"
	return p.dressed(v, data)
}

// typedWords are what somebody wrote into a form that is not offered any more.
func typedWords(values url.Values) string {
	var out []string
	for _, name := range sortedNames(values) {
		if text := strings.TrimSpace(values.Get(name)); text != "" && name != "seen" && name != "back" {
			out = append(out, text)
		}
	}
	return strings.Join(out, " · ")
}

// lastCookie names the cookie that says who logged in here last.
func (p *pageSite) lastCookie() string {
	if p.o.Login.Secure {
		return "__Host-" + cookieLast
	}
	return cookieLast
}

// remember notes in the browser who has come, so that a form sent after the session
// has ended is given back to nobody else; without a person it forgets him.
func (p *pageSite) remember(w http.ResponseWriter, person string) {
	c := &http.Cookie{Name: p.lastCookie(), Value: url.QueryEscape(person), Path: "/", MaxAge: int((p.sessions.Lifetime + lastFor).Seconds()),
		HttpOnly: true, Secure: p.o.Login.Secure, SameSite: http.SameSiteLaxMode}
	if person == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
