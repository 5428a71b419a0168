package web

import (
	"context"
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/mux"

	"vigie/receiver/identity"
	"vigie/receiver/web/asset"
	"vigie/receiver/web/kept"
	"vigie/receiver/web/linkpages"
	"vigie/receiver/web/query"
	"vigie/receiver/web/reportpages"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/inventory"
)

//go:embed site
var sitePages embed.FS

//go:embed static
var staticFiles embed.FS

// pageSite are the pages for people who have logged in. Each page shows what its
// twin of the API answers: the same function gives both their data.
type pageSite struct {
	*site
	sessions  *scs.SessionManager
	templates map[string]*template.Template
	assets    *asset.Files
	links     *linkpages.Pages
	tries     *identity.Tries
	kept      *kept.Forms
	stop      <-chan struct{}
	streams   streams
}

// pages are the routes that have a page.
func (p *pageSite) pages() []route {
	return slices.DeleteFunc(p.routes(), func(x route) bool { return x.at == "" })
}

// form is what a page's form may send.
type formRoute struct {
	at  string
	who []act.Role // nobody named: whoever comes, logged in or not
	do  http.HandlerFunc
}

func (p *pageSite) forms() []formRoute {
	workers := []act.Role{act.Customer, act.Operator, act.Manager}
	return []formRoute{
		{"/login", nil, p.login},
		{"/logout", nil, p.logout},
		{"/preferences", nil, p.prefer},
		{"/incidents/{id}/{purpose}", workers, p.actOne},
		{"/signals", workers, p.signal},
		{"/restore-tests", []act.Role{act.Operator, act.Manager}, p.restoreTest},
		{"/mails/{id}/assign", []act.Role{act.Operator, act.Manager}, p.mailForm},
		{"/mails/{id}/settle", []act.Role{act.Operator, act.Manager}, p.mailForm},
		{"/today/acts", []act.Role{act.Operator, act.Manager}, p.actMany},
	}
}

func newPageSite(s *site, links *linkpages.Pages) *pageSite {
	p := &pageSite{site: s, sessions: newSessions(s.o.Login), templates: parsePages(), assets: asset.New(staticFiles, "static"), links: links, tries: identity.NewTries(), kept: kept.New(), stop: s.o.Stop}
	p.sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		p.o.Logger.Error("a session could not be kept", "err", err)
		sorry(w, p.language(r, nil), http.StatusServiceUnavailable)
	}
	return p
}

// handle adds the pages to a router.
func (p *pageSite) handle(r *mux.Router) {
	get := []string{http.MethodGet, http.MethodHead}
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := p.view(r, nil)
		p.show(w, http.StatusForbidden, "problem", v, problemData{v.T("error.refused"), v.T("error.foreign"), http.StatusForbidden})
	}))
	wrap := func(h http.HandlerFunc) http.Handler { return p.sessions.LoadAndSave(guard.Handler(h)) }
	r.Handle("/", wrap(p.front)).Methods(get...)
	r.Handle("/login", wrap(p.loginPage)).Methods(get...)
	r.Handle("/login/provider", wrap(p.ask)).Methods(get...)
	r.Handle("/login/answer", wrap(p.told)).Methods(get...)
	for _, x := range p.pages() {
		r.Handle(x.at, wrap(p.page(x))).Methods(get...)
	}
	for _, f := range p.forms() {
		r.Handle(f.at, wrap(p.form(f))).Methods(http.MethodPost)
	}
	r.HandleFunc("/static/{name}", func(w http.ResponseWriter, r *http.Request) { p.assets.Serve(w, r, mux.Vars(r)["name"]) }).Methods(get...)
	r.HandleFunc("/changes", p.changes).Methods(http.MethodGet)
	p.astray(r, wrap(p.missing))
}

// streams counts the pages of each person that are told of changes.
type streams struct {
	mu sync.Mutex
	of map[string]int
}

// open takes one more, unless the person has as many as one may have.
func (s *streams) open(who string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]int{}
	}
	if s.of[who] >= maxStreams {
		return false
	}
	s.of[who]++
	return true
}

func (s *streams) close(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[who]--; s.of[who] <= 0 {
		delete(s.of, who)
	}
}

// hasSession tells whether a request came through the sessions.
func (p *pageSite) hasSession(r *http.Request) bool {
	return r.Context().Value(sessionKey{}) != nil
}

type sessionKey struct{}

// front leads to the first page that somebody may see.
func (p *pageSite) front(w http.ResponseWriter, r *http.Request) {
	who := p.visitor(r)
	to := "/login"
	if who != nil {
		role := p.o.Engine.Book().Role(who.ID)
		for _, x := range p.pages() {
			if x.menu && slices.Contains(x.who, role) {
				to = x.at
				break
			}
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// page shows a page to whom it is for.
func (p *pageSite) page(x route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, true))
		who := p.visitor(r)
		if who == nil {
			p.want(r.Context(), r.URL.RequestURI())
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		v := p.view(r, who)
		v.Live = x.live
		err := p.may(x, who.ID)
		if err == nil {
			err = query.Check(r.URL.RawQuery, x.params)
		}
		var data any
		if err == nil {
			data, err = x.do(r, who.ID)
		}
		if p, is := data.(interface{ Last() int }); err == nil && is && p.Last() > 0 {
			data, err = x.do(onPage(r, p.Last()), who.ID)
		}
		if err != nil {
			p.refusedPage(w, v, err)
			return
		}
		if f, is := data.(*reportpages.File); is {
			f.Serve(w)
			return
		}
		if f := p.resumed(r, who.ID); f != nil {
			p.show(w, http.StatusOK, x.page, v, p.resume(v, data, f))
			return
		}
		p.show(w, http.StatusOK, x.page, v, p.dressed(v, data))
	}
}

// onPage is a request for another page of its list.
func onPage(r *http.Request, page int) *http.Request {
	r = r.Clone(r.Context())
	q := r.URL.Query()
	q.Set("page", strconv.Itoa(page))
	r.URL.RawQuery = q.Encode()
	return r
}

// dressed adds what only the page shows, such as its forms.
func (p *pageSite) dressed(v *view, data any) any {
	if d, ok := data.(reportpages.Report); ok { // it is the same whenever it is read
		v.Ref = d.AsOf().In(v.Zone)
	}
	if o, ok := data.(*overview); ok {
		return &incidentPage{overview: o, Line: o.line, Acts: p.acts(v, o, "", nil, "")}
	}
	if d, ok := data.(*signalsData); ok {
		return p.signalsForm(v, d, &signalsForm{Report: rand.Text()})
	}
	if d, ok := data.(*callsData); ok {
		return p.callsForm(v, d)
	}
	return data
}

// form lets through what a person's role gives.
func (p *pageSite) form(f formRoute) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, true))
		if f.who != nil {
			who := p.visitor(r)
			if who == nil {
				p.keepForm(w, r)
				http.Redirect(w, r, "/login", http.StatusSeeOther)
				return
			}
			if err := p.may(route{who: f.who}, who.ID); err != nil {
				p.refusedPage(w, p.view(r, who), err)
				return
			}
		}
		f.do(w, r)
	}
}

const (
	// changesEvery is how long changes are gathered before a page is told.
	changesEvery = time.Second
	// changesAlive keeps a quiet stream open.
	changesAlive = 20 * time.Second
	changesWrite = 10 * time.Second
)

// maxStreams bounds the pages of one person that are told of changes at a time, so
// that nobody can take them all.
const maxStreams = 24

// watcher is who follows changes by a request; nil for nobody, also once a session
// is over.
func (p *pageSite) watcher(r *http.Request) (*inventory.Person, error) {
	token := ""
	if c, err := r.Cookie(p.sessions.Cookie.Name); err == nil {
		token = c.Value
	}
	ctx, err := p.sessions.Load(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return p.visitor(r.WithContext(ctx)), nil
}

// wants tells of which changes somebody hears: a customer's own people of what is
// theirs alone, since even that something happens is not for everybody.
func (p *pageSite) wants(who string) func(*incident.Incident) bool {
	return func(inc *incident.Incident) bool {
		book := p.o.Engine.Book()
		return book.Role(who) != act.Customer || book.Concerns(inc, who)
	}
}

// changes tells a page, by server-sent events, that incidents have changed. What
// has changed it then asks for like any other page, with the same rights.
func (p *pageSite) changes(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	who, err := p.watcher(r)
	if err != nil {
		sorry(w, p.language(r, nil), http.StatusServiceUnavailable)
		return
	}
	if who == nil {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	var changed <-chan struct{}
	end := func() {}
	if p.streams.open(who.ID) {
		defer p.streams.close(who.ID)
		changed, end = p.o.Engine.Follow(p.wants(who.ID))
	}
	defer end()
	if changed == nil {
		w.Header().Set("Retry-After", "60")
		sorry(w, p.language(r, nil), http.StatusServiceUnavailable)
		return
	}
	p.guard(w.Header())
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	stream := http.NewResponseController(w)
	send := func(text string) bool {
		if still, err := p.watcher(r); err != nil || still == nil || still.ID != who.ID {
			return false // logged out, or no more in the inventory
		}
		_ = stream.SetWriteDeadline(time.Now().Add(changesWrite)) // by the machine's own clock, where the server can
		_, err := w.Write([]byte(text))
		return err == nil && stream.Flush() == nil
	}
	if !send("retry: 5000\n\n") {
		return
	}
	alive := time.NewTicker(changesAlive)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.stop:
			return
		case <-alive.C:
			if !send(": alive\n\n") {
				return
			}
		case <-changed:
			if !send("event: changed\ndata: .\n\n") {
				return
			}
			select { // what follows at once is told with the next
			case <-time.After(changesEvery):
			case <-ctx.Done():
				return
			case <-p.stop:
				return
			}
		}
	}
}
