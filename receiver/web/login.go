package web

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/receiver/identity"
	"vigie/receiver/web/ask"
)

// loginData is what the page of the login shows.
type loginData struct {
	Person    string
	Passwords bool
	Provider  bool
	// Wrong is why nobody came in, Missing that a field was left empty.
	Wrong   string
	Missing bool
	// Leave is where a session with the provider is ended, after a logout here.
	Leave string
	// Kept says that a form waits for the login.
	Kept bool
}

// LoginFields are what somebody logs in with.
func (v *view) LoginFields(d loginData) []ask.Field { return ask.Login(v.Locale, d.Person, d.Missing) }

func (p *pageSite) loginData() loginData {
	return loginData{Passwords: p.passwords() != nil, Provider: p.o.Login.Provider != nil}
}

func (p *pageSite) loginPage(w http.ResponseWriter, r *http.Request) {
	if p.visitor(r) != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	d, v := p.loginData(), p.view(r, nil)
	if f := p.kept.Look(p.sessions.GetString(r.Context(), keyKept), p.o.Now()); f != nil {
		d.Person, d.Kept = f.Who, true
	}
	if d.Provider && r.URL.Query().Get(`left`) != "" {
		d.Leave = p.o.Login.Provider.LeaveURL()
	}
	p.show(w, http.StatusOK, "login", v, d)
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
	if d.Missing = name == "" || password == ""; d.Missing { // that is no try
		p.show(w, http.StatusUnprocessableEntity, "login", v, d)
		return
	}
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
	if err := p.enter(r.Context(), w, id, passwords.Mark(id)); err != nil {
		p.trouble(w, v, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// logout ends the session here. One with a provider is not ours to end: its page
// offers that, since whoever comes next at this screen would be let in unasked.
func (p *pageSite) logout(w http.ResponseWriter, r *http.Request) {
	to := "/login"
	if p.sessions.GetBool(r.Context(), keyProvided) {
		to = "/login?left=yes"
	}
	p.remember(w, "")
	if err := p.sessions.Destroy(r.Context()); err != nil {
		p.trouble(w, p.view(r, nil), err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// ask sends somebody to the provider.
func (p *pageSite) ask(w http.ResponseWriter, r *http.Request) {
	if p.o.Login.Provider == nil {
		p.missing(w, r)
		return
	}
	v := p.view(r, nil)
	q, err := p.o.Login.Provider.Ask(r.Context())
	if err != nil {
		p.o.Logger.Error("the identity provider cannot be asked", "err", err)
		w.Header().Set("Retry-After", "30")
		p.loginFails(w, v, http.StatusServiceUnavailable, v.T("login.provider_away"))
		return
	}
	p.visit(r.Context())
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
	ctx, answer, v := r.Context(), r.URL.Query(), p.view(r, nil)
	state, nonce, verifier := p.sessions.PopString(ctx, keyState), p.sessions.PopString(ctx, keyNonce), p.sessions.PopString(ctx, keyVerifier)
	if state == "" || answer.Get("state") != state {
		p.loginFails(w, v, http.StatusBadRequest, v.T("login.again"))
		return
	}
	if refused := answer.Get("error"); refused != "" {
		p.o.Logger.Warn("the identity provider let nobody in", "error", clip.Runes(refused, 100), "description", clip.Runes(answer.Get("error_description"), 300))
		why := v.T("login.again")
		if refused == "access_denied" {
			why = v.T("login.cancelled")
		}
		p.loginFails(w, v, http.StatusUnauthorized, why)
		return
	}
	said, err := p.o.Login.Provider.Told(ctx, answer.Get("code"), nonce, verifier)
	if err != nil {
		p.o.Logger.Warn("the identity provider's answer was not accepted", "err", err)
		if errors.Is(err, identity.ErrUnproven) {
			p.loginFails(w, v, http.StatusForbidden, v.T("login.unverified"))
			return
		}
		p.loginFails(w, v, http.StatusBadGateway, v.T("login.again"))
		return
	}
	person := useful(p.o.Engine.Book().Directory.Person(said))
	if person == nil {
		p.loginFails(w, v, http.StatusForbidden, v.T("login.unknown"))
		return
	}
	next := wanted(p.sessions.PopString(ctx, keyWanted))
	if err := p.enter(ctx, w, person.ID, ""); err != nil {
		p.trouble(w, v, err)
		return
	}
	p.sessions.Put(ctx, keyProvided, true)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// loginFails shows the page of the login with why nobody came in.
func (p *pageSite) loginFails(w http.ResponseWriter, v *view, code int, why string) {
	d := p.loginData()
	d.Wrong = why
	p.show(w, code, "login", v, d)
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
