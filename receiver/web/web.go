// Package web is the receiver's HTTP side for people and for monitoring: the
// JSON API, the pages behind the links of mails, the health checks and the metrics.
package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	v1 "github.com/go-json-experiment/json/v1"
	"github.com/gorilla/mux"

	"vigie/internal/fleet"
	"vigie/receiver"
	"vigie/receiver/message/locale"
	"vigie/receiver/store"
	"vigie/receiver/web/about"
	"vigie/receiver/web/fleetpages"
	"vigie/receiver/web/linkpages"
	"vigie/receiver/web/mailpages"
	"vigie/receiver/web/manual"
	"vigie/receiver/web/openapi"
	"vigie/receiver/web/own"
	"vigie/receiver/web/query"
	"vigie/receiver/web/reportpages"
	"vigie/rules/act"
	"vigie/rules/explain"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// ZoneHeader names in each answer the zone in which the policy in force counts:
// whoever shows its instants to people shows them there.
const ZoneHeader = "Vigie-Time-Zone"

// maxBody bounds what a person sends.
const maxBody = 1 << 20

// Options is what the site is made of.
type Options struct {
	Engine *receiver.Engine
	// Webhook answers Alertmanager's deliveries; it checks them itself.
	Webhook http.Handler
	// Metrics answers GET /metrics.
	Metrics http.Handler
	// Person tells whose bearer token it is.
	Person func(token string) (string, bool)
	// Exporter tells whether a bearer token is that of an exporter, which may
	// fetch what Shared gives of the inventory.
	Exporter func(token string) bool
	Shared   func() fleet.Shared
	// Reload reads the configuration again.
	Reload func(context.Context) error
	// Login is how people come to the pages.
	Login LoginOptions
	// Stop ends what would otherwise go on for ever, when the server stops.
	Stop   <-chan struct{}
	Logger *slog.Logger
	Now    func() time.Time
}

// New returns the whole site. Nothing in it redirects a POST: Alertmanager
// would follow with a GET and take its answer for success.
func New(o Options) http.Handler {
	s := &site{o: o, reports: &reportpages.Pages{Engine: o.Engine, Now: o.Now}, mails: &mailpages.Pages{Engine: o.Engine, Named: func(r *http.Request) string { return mux.Vars(r)["id"] }},
		fleet: &fleetpages.Pages{Engine: o.Engine, Now: o.Now}}
	r := mux.NewRouter().SkipClean(true)
	r.Handle("/api/v1/alertmanager", o.Webhook).Methods(http.MethodPost)
	for _, x := range s.routes() {
		r.HandleFunc(x.path, s.person(x)).Methods(x.methods...)
	}
	r.HandleFunc("/api/v1/inventory", s.inventory).Methods(http.MethodGet)
	r.HandleFunc(openapi.Path, s.described()).Methods(http.MethodGet, http.MethodHead)
	r.Handle("/metrics", o.Metrics).Methods(http.MethodGet)
	r.HandleFunc("/-/healthy", s.healthy).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/-/ready", s.ready).Methods(http.MethodGet, http.MethodHead)
	links := newLinkPages(o)
	r.HandleFunc("/a/{token}", func(w http.ResponseWriter, r *http.Request) { links.Show(w, r, mux.Vars(r)["token"]) }).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/a/{token}", func(w http.ResponseWriter, r *http.Request) { links.Act(w, r, mux.Vars(r)["token"]) }).Methods(http.MethodPost)
	books := manual.New(manual.Runbooks{Style: links.Style, Send: links.Send, Failed: func(err error) {
		o.Logger.Error("a page of the manual could not be written", "err", err)
	}, Sorry: func(w http.ResponseWriter, language string, code int) {
		sorry(w, o.Engine.Languages().Find(language), code)
	}})
	r.HandleFunc("/runbooks/", books.List).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/runbooks/{alert}", func(w http.ResponseWriter, r *http.Request) { books.Show(w, r, mux.Vars(r)["alert"]) }).Methods(http.MethodGet, http.MethodHead)
	documentation := manual.Docs{Runbooks: books}
	r.HandleFunc("/docs/", documentation.List).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/docs/{page:[a-zA-Z0-9/_-]+}", func(w http.ResponseWriter, r *http.Request) { documentation.Show(w, r, mux.Vars(r)["page"]) }).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/docs/pictures/{name:[a-z0-9-]+}.png", func(w http.ResponseWriter, r *http.Request) { documentation.Picture(w, r, mux.Vars(r)["name"]) }).Methods(http.MethodGet, http.MethodHead)
	newPageSite(s, links).handle(r)
	return r
}

func newLinkPages(o Options) *linkpages.Pages {
	return linkpages.New(linkpages.Options{Engine: o.Engine, Enters: o.Login.any, Sorry: sorry, Logger: o.Logger, Now: o.Now})
}

type site struct {
	o       Options
	reports *reportpages.Pages
	mails   *mailpages.Pages
	fleet   *fleetpages.Pages
	named   atomic.Pointer[about.Names]
}

// handler is a request of a known person; what it returns becomes JSON.
type handler func(r *http.Request, who string) (any, error)

// person lets only people through who have a token and the right.
func (s *site) person(x route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.o.known(bearer(r))
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer realm="vigie"`)
			s.answer(w, http.StatusUnauthorized, problem{"a valid bearer token is required: on the receiver's machine `vigie token new PERSON` makes one", http.StatusUnauthorized, ""})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		var v any
		err := s.may(x, who)
		if err == nil {
			err = query.Check(r.URL.RawQuery, query.OfAPI(x.params))
		}
		if err == nil {
			v, err = x.do(r, who)
		}
		if f, is := v.(interface{ Refused() error }); is && err == nil { // a page says it at its field
			err = f.Refused()
		}
		if err != nil {
			code := receiver.Status(err)
			if code >= http.StatusInternalServerError {
				s.o.Logger.Error("request failed", "path", r.URL.Path, "code", code, "err", err)
			}
			s.answer(w, code, problem{about.Said(err, s.o.Engine.Book().Directory), code, incident.FieldOf(err)})
			return
		}
		if f, is := v.(*reportpages.File); is {
			f.Serve(w)
			return
		}
		if p, is := v.(listPage); is {
			v = p.list
			p.link(w.Header(), r.URL)
		}
		s.answer(w, http.StatusOK, v)
	}
}

// inventory gives exporters what they need of the inventory: nothing of people.
func (s *site) inventory(w http.ResponseWriter, r *http.Request) {
	if s.o.Exporter == nil || !s.o.Exporter(bearer(r)) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="vigie inventory"`)
		s.answer(w, http.StatusUnauthorized, problem{"a token of inventory_token_file is required", http.StatusUnauthorized, ""})
		return
	}
	s.answer(w, http.StatusOK, s.o.Shared())
}

func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// problem is how an error is told.
type problem struct {
	Error  string `json:"error"`
	Status int    `json:"status"`
	// Field is the field or parameter that is at fault, when it is one.
	Field string `json:"field,omitempty"`
}

func (s *site) answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(ZoneHeader, s.o.Engine.Book().InForce(s.o.Now()).Zone.String())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	// A list or a map that holds nothing is empty: it is never null.
	whole := json.JoinOptions(v1.DefaultOptionsV1(), json.FormatNilSliceAsNull(false), json.FormatNilMapAsNull(false))
	if err := json.MarshalWrite(w, v, whole); err != nil {
		s.o.Logger.Debug("the client went away", "err", err)
	}
}

// reportBody is a person's report, as in a story.
type reportBody struct {
	Kind       model.SignalKind `json:"kind"`
	Platform   string           `json:"platform"`
	Customer   string           `json:"customer"`
	Machine    string           `json:"machine"`
	Alertname  string           `json:"alertname"`
	Severity   string           `json:"severity"`
	Scope      string           `json:"scope"`
	Domain     string           `json:"domain"`
	By         string           `json:"by"`
	Means      string           `json:"means"`
	Text       string           `json:"text"`
	ReceivedAt time.Time        `json:"received_at"`
	// RecentChange tells that something was changed there shortly before.
	RecentChange bool `json:"recent_change"`
	// ID makes sending it twice one report; one is made when it is missing.
	ID string `json:"id"`
}

func (s *site) report(r *http.Request, who string) (any, error) {
	var b reportBody
	if err := query.Body(r, &b); err != nil {
		return nil, err
	}
	if b.By == "" {
		b.By = who
	}
	if err := s.mayReport(b, who); err != nil {
		return nil, err
	}
	if b.ID == "" {
		b.ID = rand.Text()
	}
	inc, err := s.accept(r, b, who)
	if err != nil {
		return nil, err
	}
	return s.o.Engine.Book().Seen(inc, who), nil
}

// accept takes in what somebody reports or types in.
func (s *site) accept(r *http.Request, b reportBody, who string) (incident.Incident, error) {
	labels := model.Labels{}
	for k, v := range map[string]string{
		model.LabelPlatform: b.Platform, model.LabelCustomer: b.Customer, model.LabelMachine: b.Machine,
		model.LabelAlertname: b.Alertname, model.LabelSeverity: b.Severity, "scope": b.Scope, "domain": b.Domain,
	} {
		if v != "" {
			labels[k] = v
		}
	}
	if b.RecentChange {
		labels["recent_change"] = "true"
	}
	return s.o.Engine.Report(r.Context(), receiver.Report{Kind: b.Kind, Labels: labels, By: b.By, TypedBy: who,
		Means: b.Means, Text: b.Text, Received: b.ReceivedAt, ID: b.ID})
}

func (s *site) incidents(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	f := store.Filter{State: q.Get("state"), Customer: q.Get("customer"), Platform: q.Get("platform"), Scenario: q.Get("scenario"), Key: q.Get("key")}
	f.Machine = s.o.Engine.Book().Directory.Called(f.Customer, q.Get("machine"))
	f.Ended = query.Yes(q, "ended", false) || model.State(f.State).Ended()
	out, role := listPage{page: query.Number(q, "page", 1)}, q.Get(model.LabelBackupRole)
	f.Limit = query.Number(q, "limit", usualIncidents)
	f.Skip = f.Limit * (out.page - 1)
	found, more, err := own.Incidents(r.Context(), s.o.Engine, who, f, role)
	if err == nil && len(found) == 0 { // of a name that nothing knows, or was there something?
		f = store.Filter{Customer: f.Customer, Platform: f.Platform, Scenario: f.Scenario, Ended: true, Limit: 1}
		var ever []receiver.Summary
		if ever, _, err = own.Incidents(r.Context(), s.o.Engine, who, f, role); err == nil && len(ever) == 0 {
			err = query.Named(q, s.o.Engine.Book(), who)
		}
	}
	out.list, out.more = s.seen(found, who), more
	return out, err
}

func (s *site) incident(r *http.Request, who string) (any, error) {
	inc, err := s.own(r, who)
	if err != nil {
		return nil, err
	}
	return s.shown(inc, who), nil
}

func (s *site) journal(r *http.Request, who string) (any, error) {
	if _, err := s.mayRead(r, who); err != nil {
		return nil, err
	}
	return s.o.Engine.Journal(r.Context(), mux.Vars(r)["id"])
}

func (s *site) explain(r *http.Request, who string) (any, error) {
	inc, err := s.mayRead(r, who)
	if err != nil {
		return nil, err
	}
	x, err := s.o.Engine.Explain(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return nil, err
	}
	l := locale.Locale{Language: s.speaks(r, who), Zone: s.zone()}
	if wanted := r.URL.Query().Get("language"); wanted != "" {
		l.Language = s.o.Engine.Languages().Find(wanted)
	}
	l.Called = about.Called(l.Language, s.o.Engine, inc.Incident, s.o.Now())
	x.Said = l.Reason(x.Summary)
	for i := range x.Wakes {
		x.Wakes[i].Said = l.NameOf("site.moment", x.Wakes[i].Moment)
	}
	for _, list := range [][]explain.Explained{x.Steps, x.Targets} {
		for i := range list {
			list[i].Said = l.Reason(list[i].Reason)
		}
	}
	return x, nil
}

// speaks is the language of a person of the inventory, else the one that is asked for.
func (s *site) speaks(r *http.Request, who string) *locale.Language {
	all := s.o.Engine.Languages()
	if p := s.o.Engine.Book().Directory.People[who]; p != nil && p.Language != "" {
		return all.Find(p.Language)
	}
	return all.Accepting(r.Header.Get("Accept-Language"))
}

// actBody is an act: who acts is told by the token.
type actBody struct {
	Verb   string         `json:"verb"`
	Fields map[string]any `json:"fields"`
	Force  bool           `json:"force"`
}

// acted is what became of an act.
type acted struct {
	Incident      string                  `json:"incident"`
	Number        int                     `json:"number"`
	From          model.State             `json:"from_state"`
	State         model.State             `json:"state"`
	Notifications []incident.Notification `json:"notifications,omitempty"`
	Journal       []incident.Entry        `json:"journal"`
	Tasks         []incident.Task         `json:"tasks,omitempty"`
	Flags         map[model.Flag]bool     `json:"flags,omitempty"`
	Deadlines     map[string]time.Time    `json:"deadlines,omitempty"`
}

func (s *site) act(r *http.Request, who string) (any, error) {
	var b actBody
	if err := query.Body(r, &b); err != nil {
		return nil, err
	}
	fields := model.Labels{}
	for k, v := range b.Fields {
		switch x := v.(type) {
		case string:
			fields[k] = x
		case bool, float64:
			fields[k] = fmt.Sprint(x)
		default:
			return nil, incident.Refuse(http.StatusUnprocessableEntity, "field {quoted} is not a text, a number, true or false", "quoted", k).About(k)
		}
	}
	if _, err := s.own(r, who); err != nil {
		return nil, err
	}
	book := s.o.Engine.Book()
	outside := book.Role(who) == act.Customer
	d, err := s.o.Engine.Act(r.Context(), mux.Vars(r)["id"], incident.Act{Verb: b.Verb, By: who, Fields: fields, Force: b.Force, External: outside})
	if err != nil {
		return nil, err
	}
	if outside { // whom we tell, and when, is our own matter
		return acted{Incident: d.Incident.ID, Number: d.Incident.Number, From: d.From, State: d.Incident.State}, nil
	}
	if !book.MayRead(&d.Incident, who) {
		d.Journal, d.Notifications = nil, nil
	}
	a := acted{Incident: d.Incident.ID, Number: d.Incident.Number, From: d.From, State: d.Incident.State,
		Notifications: d.Notifications, Journal: d.Journal, Tasks: d.Tasks, Flags: d.Incident.Flags, Deadlines: map[string]time.Time{}}
	for name, c := range d.Incident.Targets {
		if !c.Due.IsZero() {
			a.Deadlines[name] = c.Due
		}
	}
	return a, nil
}

func (s *site) reload(r *http.Request, who string) (any, error) {
	if !s.o.Engine.Book().Manages(who) {
		return nil, incident.Refuse(http.StatusForbidden, "{who} may not reload the configuration: that is for the managers whom the inventory names", "who", who)
	}
	if err := s.o.Reload(r.Context()); err != nil {
		return nil, incident.Refuse(http.StatusUnprocessableEntity, "the configuration was not taken over, the old one stays: {error}", "error", err.Error())
	}
	s.o.Logger.Info("configuration reloaded", "by", who)
	return reloaded{"reloaded"}, nil
}

// reloaded is what became of a reload.
type reloaded struct {
	Status string `json:"status"`
}

func (s *site) healthy(w http.ResponseWriter, r *http.Request) {
	s.say(w, s.o.Engine.Healthy(), "Vigie is healthy.\n")
}

// readyWithin bounds the trial write of the readiness check.
const readyWithin = 5 * time.Second

func (s *site) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	s.say(w, s.o.Engine.Ready(ctx), "Vigie is ready.\n")
}

func (s *site) say(w http.ResponseWriter, err error, good string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		s.o.Logger.Error("not healthy or not ready", "err", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		good = err.Error() + "\n"
	}
	_, _ = w.Write([]byte(good)) // the client went away
}
