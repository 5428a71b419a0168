package web

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"vigie/receiver/identity"
	"vigie/receiver/web/kept"
	"vigie/rules/inventory"
)

// LoginOptions is how people come to the pages.
type LoginOptions struct {
	// Passwords are the local ones in use; nil for none.
	Passwords func() *identity.Passwords
	// Provider is an OpenID Connect provider; nil for none.
	Provider *identity.Provider
	// ProxyHeader holds who somebody is, in requests that come from ProxyNetworks.
	ProxyHeader   string
	ProxyNetworks []netip.Prefix
	// Session is how long a login lasts; 12 hours when 0.
	Session time.Duration
	// Secure says that browsers come by HTTPS.
	Secure bool
}

// any reports whether anybody can log in.
func (l LoginOptions) any() bool {
	return l.Passwords != nil && l.Passwords() != nil || l.Provider != nil || l.ProxyHeader != ""
}

// What a session keeps.
const (
	keyPerson   = "person"
	keyMark     = "mark" // of the password; "" when it was not by password
	keyLanguage = "language"
	keyTheme    = "theme"
	keyProvided = "provided" // a provider said who it is
	keyState    = "oidc_state"
	keyNonce    = "oidc_nonce"
	keyVerifier = "oidc_verifier"
	keyKept     = "kept"   // the form that came after the session before had ended
	keyWanted   = "wanted" // the page that was asked for before the login
	keyFlash    = "flash"
	keyTone     = "tone"
	keyMany     = "many" // what was chosen on a list for which nothing was done
)

// cookies that outlive a session: how a browser wants the pages.
const (
	cookieLanguage = "vigie_language"
	cookieTheme    = "vigie_theme"
	cookieLast     = "vigie_person" // who logged in last
)

// lastFor is how long after the end of a session it is known whose it was.
const lastFor = 24 * time.Hour

// What is kept for whoever has not logged in yet: for how long, and how long the
// address of the page may be that was asked for.
const (
	visitFor  = time.Hour
	maxWanted = 2000
)

func newSessions(l LoginOptions) *scs.SessionManager {
	m := scs.New()
	m.Store = &kept.Sessions{}
	m.Lifetime = cmp.Or(l.Session, 12*time.Hour)
	m.Cookie.Name = "vigie_session"
	if l.Secure {
		m.Cookie.Name = "__Host-vigie_session"
	}
	m.Cookie.Path = "/"
	m.Cookie.HttpOnly, m.Cookie.Secure, m.Cookie.SameSite = true, l.Secure, http.SameSiteLaxMode
	m.Cookie.Persist = true
	return m
}

// proxied is who a trusted proxy says that somebody is.
func (p *pageSite) proxied(r *http.Request) string {
	l := p.o.Login
	if l.ProxyHeader == "" || len(l.ProxyNetworks) == 0 {
		return ""
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	for _, n := range l.ProxyNetworks {
		if n.Contains(from.Addr().Unmap()) {
			if who := r.Header.Values(l.ProxyHeader); len(who) == 1 {
				return strings.TrimSpace(who[0])
			}
		}
	}
	return ""
}

// visitor is who asks for a page: somebody of the inventory, or nil.
func (p *pageSite) visitor(r *http.Request) *inventory.Person {
	dir := p.o.Engine.Book().Directory
	if who := p.proxied(r); who != "" {
		return useful(dir.Person(who))
	}
	id := p.sessions.GetString(r.Context(), keyPerson)
	if id == "" {
		return nil
	}
	if mark := p.sessions.GetString(r.Context(), keyMark); mark != "" && mark != p.passwords().Mark(id) {
		return nil // another password since, or none any more
	}
	return useful(dir.People[id])
}

// useful leaves out mailboxes that several people read: nobody acts in their name.
func useful(p *inventory.Person) *inventory.Person {
	if p == nil || p.Shared {
		return nil
	}
	return p
}

func (p *pageSite) passwords() *identity.Passwords {
	if p.o.Login.Passwords == nil {
		return nil
	}
	return p.o.Login.Passwords()
}

// want keeps the page that somebody asked for until the login; one with an address of
// no sensible length is forgotten.
func (p *pageSite) want(ctx context.Context, page string) {
	p.visit(ctx)
	if len(page) <= maxWanted {
		p.sessions.Put(ctx, keyWanted, page)
	}
}

// visit has the session of somebody who has not logged in yet end before others do.
func (p *pageSite) visit(ctx context.Context) {
	p.sessions.SetDeadline(ctx, time.Now().Add(min(visitFor, p.sessions.Lifetime)))
}

// enter begins a session for somebody who has proven who he is.
func (p *pageSite) enter(ctx context.Context, w http.ResponseWriter, person, mark string) error {
	if err := p.sessions.RenewToken(ctx); err != nil {
		return err
	}
	p.sessions.Put(ctx, keyPerson, person)
	p.sessions.Put(ctx, keyMark, mark)
	p.remember(w, person)
	return nil
}

// wanted is the page to show after a login: one of ours, or the first.
func wanted(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.Contains(path, `\`) || strings.HasPrefix(u.Path, "/login") || strings.HasPrefix(u.Path, "/api/") {
		return "/"
	}
	return u.RequestURI()
}
