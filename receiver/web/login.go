package web

import (
	"net"
	"net/http"
	"strings"
	"time"
)

// loginData is what the page of the login shows.
type loginData struct {
	Person    string
	Passwords bool
	Provider  bool
	Wrong     string
}

func (p *pageSite) loginData() loginData {
	return loginData{Passwords: p.passwords() != nil, Provider: p.o.Login.Provider != nil}
}

func (p *pageSite) loginPage(w http.ResponseWriter, r *http.Request) {
	if p.visitor(r) != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	p.show(w, http.StatusOK, "login", p.view(r, nil), p.loginData())
}

// login takes a name and a password.
func (p *pageSite) login(w http.ResponseWriter, r *http.Request) {
	v := p.view(r, nil)
	d := p.loginData()
	if !p.readForm(w, r, v) {
		return
	}
	name, password := strings.TrimSpace(r.PostForm.Get("person")), r.PostForm.Get("password")
	d.Person = name
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	if !p.tries.Allowed(p.o.Now(), "name "+strings.ToLower(name), "address "+address) {
		w.Header().Set("Retry-After", "60")
		d.Wrong = v.T("login.too_often")
		p.o.Logger.Warn("too many tries to log in")
		p.show(w, http.StatusTooManyRequests, "login", v, d)
		return
	}
	id := name
	if known := p.o.Engine.Book().Directory.Person(name); known != nil {
		id = known.ID
	}
	passwords := p.passwords()
	good := p.tries.Check(r.Context(), func() bool { return passwords.Check(id, password) })
	if good && useful(p.o.Engine.Book().Directory.People[id]) == nil {
		good = false
		p.o.Logger.Warn("a password is right, but its person is not in the inventory, or is a shared mailbox", "person", id)
	}
	if !good {
		d.Wrong = v.T("login.wrong")
		p.show(w, http.StatusUnauthorized, "login", v, d)
		return
	}
	next := wanted(p.sessions.PopString(r.Context(), keyWanted))
	if err := p.enter(r.Context(), id, passwords.Mark(id)); err != nil {
		p.trouble(w, v, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (p *pageSite) logout(w http.ResponseWriter, r *http.Request) {
	if err := p.sessions.Destroy(r.Context()); err != nil {
		p.trouble(w, p.view(r, nil), err)
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// ask sends somebody to the provider.
func (p *pageSite) ask(w http.ResponseWriter, r *http.Request) {
	if p.o.Login.Provider == nil {
		p.missing(w, r)
		return
	}
	q, err := p.o.Login.Provider.Ask(r.Context())
	if err != nil {
		p.trouble(w, p.view(r, nil), err)
		return
	}
	p.sessions.Put(r.Context(), keyState, q.State)
	p.sessions.Put(r.Context(), keyNonce, q.Nonce)
	p.sessions.Put(r.Context(), keyVerifier, q.Verifier)
	http.Redirect(w, r, q.URL, http.StatusSeeOther)
}

// told takes the provider's answer.
func (p *pageSite) told(w http.ResponseWriter, r *http.Request) {
	if p.o.Login.Provider == nil {
		p.missing(w, r)
		return
	}
	ctx, v := r.Context(), p.view(r, nil)
	state, nonce, verifier := p.sessions.PopString(ctx, keyState), p.sessions.PopString(ctx, keyNonce), p.sessions.PopString(ctx, keyVerifier)
	d := p.loginData()
	if state == "" || r.URL.Query().Get("state") != state {
		d.Wrong = v.T("login.again")
		p.show(w, http.StatusBadRequest, "login", v, d)
		return
	}
	said, err := p.o.Login.Provider.Told(ctx, r.URL.Query().Get("code"), nonce, verifier)
	if err != nil {
		p.o.Logger.Warn("the identity provider's answer was not accepted", "err", err)
		d.Wrong = v.T("login.again")
		p.show(w, http.StatusBadGateway, "login", v, d)
		return
	}
	person := useful(p.o.Engine.Book().Directory.Person(said))
	if person == nil {
		d.Wrong = v.T("login.unknown")
		p.show(w, http.StatusForbidden, "login", v, d)
		return
	}
	next := wanted(p.sessions.PopString(ctx, keyWanted))
	if err := p.enter(ctx, person.ID, ""); err != nil {
		p.trouble(w, v, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// prefer keeps how a browser wants the pages: the language, and dark or light.
func (p *pageSite) prefer(w http.ResponseWriter, r *http.Request) {
	v := p.view(r, p.visitor(r))
	if !p.readForm(w, r, v) {
		return
	}
	if code := r.PostForm.Get("language"); p.o.Engine.Languages().Has(code) {
		p.keep(w, cookieLanguage, code)
	}
	switch theme := r.PostForm.Get("theme"); theme {
	case "light", "dark", "system":
		p.keep(w, cookieTheme, theme)
	}
	http.Redirect(w, r, wanted(r.PostForm.Get("back")), http.StatusSeeOther)
}

func (p *pageSite) keep(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		HttpOnly: true, Secure: p.o.Login.Secure, SameSite: http.SameSiteLaxMode})
}
