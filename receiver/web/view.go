package web

import (
	"bytes"
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/receiver"
	"vigie/receiver/message/locale"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/linkpages"
	"vigie/receiver/web/own"
	"vigie/receiver/web/sentence"
	"vigie/receiver/web/visible"
	"vigie/rules"
	"vigie/rules/act"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// view is what every page shows beside its own data, and how it speaks.
type view struct {
	sentence.Speaker
	site *pageSite
	ctx  context.Context // of the request
	book *rules.Book
	now  time.Time

	Who   *inventory.Person // nil before the login
	Role  act.Role
	Path  string // the page's own address
	Here  string // with its query
	Theme string
	// Data is the page's own; Flash says what became of the last act.
	Data        any
	Flash, Tone string
	Live        bool // it changes by itself
	Many        many // what was chosen on a list, when nothing came of it
}

// refreshHeader marks what a page asks for by itself, to follow what happens.
const refreshHeader = "X-Vigie-Refresh"

// view begins a page for somebody, in his language.
func (p *pageSite) view(r *http.Request, who *inventory.Person) *view {
	book, now := p.o.Engine.Book(), p.o.Now()
	zone := book.InForce(now).Zone
	v := &view{site: p, ctx: r.Context(), book: book, now: now, Who: who, Path: r.URL.Path, Here: r.URL.RequestURI(), Theme: "system",
		Speaker: sentence.Speaker{Locale: locale.Locale{Language: p.language(r, who).Tied(), Zone: zone, Ref: now.In(zone)}}}
	v.Called = v.called
	if who != nil {
		v.Role = book.Role(who.ID)
	}
	if c, err := r.Cookie(cookieTheme); err == nil && (c.Value == "dark" || c.Value == "light") {
		v.Theme = c.Value
	}
	if p.hasSession(r) && r.Header.Get(refreshHeader) == "" { // a page in the background must not take it from the one that comes
		v.Flash, v.Tone = p.sessions.PopString(r.Context(), keyFlash), p.sessions.PopString(r.Context(), keyTone)
		v.Many = p.keptMany(r)
	}
	return v
}

// language is the one chosen in this browser, else the person's own, else the
// browser's.
func (p *pageSite) language(r *http.Request, who *inventory.Person) *locale.Language {
	all := p.o.Engine.Languages()
	if c, err := r.Cookie(cookieLanguage); err == nil && all.Has(c.Value) {
		return all.Find(c.Value)
	}
	if who != nil && who.Language != "" {
		return all.Find(who.Language)
	}
	return all.Accepting(r.Header.Get("Accept-Language"))
}

// Languages are those that can be chosen.
func (v *view) Languages() []ask.Option {
	var out []ask.Option
	all := v.site.o.Engine.Languages()
	for _, code := range all.Codes() {
		out = append(out, ask.Option{Value: code, Text: all.Find(code).Name(), Chosen: code == v.Code})
	}
	return out
}

// Themes are those that can be chosen.
func (v *view) Themes() []ask.Option {
	var out []ask.Option
	for _, t := range []string{"system", "light", "dark"} {
		out = append(out, ask.Option{Value: t, Text: v.T("theme." + t), Chosen: t == v.Theme})
	}
	return out
}

// navigation is one entry of the menu.
type navigation struct {
	Path, Text string
	Current    bool
}

// Menu are the pages that the person may see.
func (v *view) Menu() []navigation {
	if v.Who == nil {
		return nil
	}
	var out []navigation
	for _, x := range v.site.pages() {
		if x.at == "/signals" && len(v.book.Directory.Platforms)+len(v.book.Directory.Machines) == 0 {
			continue // there is nothing to report about
		}
		if v.IsCustomer() && (x.at == "/machines" || x.at == "/calendar") && !own.Machines(v.book, v.Who.ID) {
			continue // his is a platform
		}
		if x.menu && slices.Contains(x.who, v.Role) {
			current := v.Path == x.at || strings.HasPrefix(v.Path, x.at+"/") || x.at == "/today" && strings.HasPrefix(v.Path, "/incidents/")
			out = append(out, navigation{x.at, v.T("menu." + strings.TrimPrefix(x.at, "/")), current})
		}
	}
	return out
}

// Asset is the address of a file of the pages; it changes with its contents.
func (v *view) Asset(name string) string { return v.site.assets.Path(name) }

// Person is how somebody is called.
func (v *view) Person(id string) string {
	if id == model.UnknownReporter {
		return v.T("tag.unknown_reporter")
	}
	return v.book.Directory.PersonName(id)
}

// Customer is how a customer is called.
func (v *view) Customer(id string) string { return v.book.Directory.CustomerName(id) }

// Scenario is the title of a scenario.
func (v *view) Scenario(policy, name string) string {
	p := v.book.Policy(policy)
	if p == nil {
		p = v.book.InForce(v.now)
	}
	if s := p.Scenario(name); s != nil {
		if t := s.Title.In(v.Code); t != "" {
			return t
		}
	}
	return strings.ReplaceAll(name, "_", " ")
}

// With is the page's address with parameters changed, given as name and value;
// an empty value takes one out.
func (v *view) With(pairs ...string) string {
	u, err := url.Parse(v.Here)
	if err != nil {
		return v.Path
	}
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return v.Path
	}
	return v.Path + "?" + q.Encode()
}

// Number writes a number into an attribute.
func (v *view) Number(n int) string { return strconv.Itoa(n) }

// show writes a page.
func (p *pageSite) show(w http.ResponseWriter, code int, name string, v *view, data any) {
	v.Data = data
	t := p.templates[name]
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", v); err != nil {
		p.o.Logger.Error("a page could not be written", "page", name, "err", err)
		sorry(w, v.Language, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	p.guard(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Code)
	w.WriteHeader(code)
	_, _ = w.Write(visible.Bytes(b.Bytes())) // the browser went away
}

func (v *view) Refusal(err error) string { return ask.Refusal(v.Locale, err) }

// sorry says in a line what no page can say any more.
func sorry(w http.ResponseWriter, l *locale.Language, code int) {
	w.Header().Set("Content-Language", l.Code)
	http.Error(w, l.Word(locale.Site+"error.trouble"), code)
}

// guard sets what keeps browsers from doing more than to show a page.
func (p *pageSite) guard(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Vary", "Cookie, Accept-Language")
	if p.o.Login.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// problemData is what the page of an error shows.
type problemData struct {
	Title, Text string
	Code        int
}

// refusedPage says why something was not done.
func (p *pageSite) refusedPage(w http.ResponseWriter, v *view, err error) {
	code := receiver.Status(err)
	d := problemData{Title: v.T("error.refused"), Text: v.Refusal(err), Code: code}
	switch {
	case code == http.StatusForbidden:
		d.Title, d.Text = v.T("error.forbidden"), v.T("error.forbidden_text")
	case code == http.StatusNotFound:
		d.Title, d.Text = v.T("error.missing"), v.T("error.missing_text")
	case code >= http.StatusInternalServerError:
		p.trouble(w, v, err)
		return
	}
	p.show(w, code, "problem", v, d)
}

// trouble says that something went wrong on our side.
func (p *pageSite) trouble(w http.ResponseWriter, v *view, err error) {
	p.o.Logger.Error("a page failed", "path", v.Path, "err", err)
	w.Header().Set("Retry-After", "30")
	p.show(w, http.StatusServiceUnavailable, "problem", v, problemData{v.T("error.trouble"), v.T("error.trouble_text"), http.StatusServiceUnavailable})
}

func (p *pageSite) missing(w http.ResponseWriter, r *http.Request) {
	v := p.view(r, p.visitor(r))
	p.show(w, http.StatusNotFound, "problem", v, problemData{v.T("error.missing"), v.T("error.missing_text"), http.StatusNotFound})
}

// readForm reads what a form brought, within bounds; what it cannot read it says.
func (p *pageSite) readForm(w http.ResponseWriter, r *http.Request, v *view) bool {
	r.Body = http.MaxBytesReader(w, r.Body, linkpages.MaxForm)
	if err := r.ParseForm(); err != nil {
		p.show(w, http.StatusBadRequest, "problem", v, problemData{v.T("error.refused"), v.T("error.unreadable"), http.StatusBadRequest})
		return false
	}
	return true
}

// say keeps what became of an act for the next page.
func (p *pageSite) say(r *http.Request, tone, text string) {
	if p.hasSession(r) {
		p.sessions.Put(r.Context(), keyFlash, clip.Runes(text, 2000))
		p.sessions.Put(r.Context(), keyTone, tone)
	}
}

// parse reads the templates: each page with the layout and the shared parts.
func parsePages() map[string]*template.Template {
	out := map[string]*template.Template{}
	base := ask.Template(template.Must(template.New("").Funcs(pageFuncs()).ParseFS(sitePages, "site/layout.html", "site/partials.html")))
	names, err := sitePages.ReadDir("site")
	if err != nil {
		panic(err) // they are compiled in
	}
	for _, e := range names {
		name := strings.TrimSuffix(e.Name(), ".html")
		if name == "layout" || name == "partials" {
			continue
		}
		out[name] = template.Must(template.Must(base.Clone()).ParseFS(sitePages, "site/"+e.Name()))
	}
	return out
}

// pageFuncs are what templates do beside asking the view: hand another template two
// things, and say a delay that was promised.
func pageFuncs() template.FuncMap {
	type two struct {
		V    *view
		A, B any
	}
	return template.FuncMap{
		"two": func(v *view, a, b any) two { return two{v, a, b} },
		"within": func(v *view, d *policy.Delay) string {
			if d == nil {
				return "–"
			}
			return v.Delay(*d)
		},
	}
}
