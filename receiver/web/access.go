package web

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"vigie/receiver"
	"vigie/receiver/web/query"
	"vigie/rules"
	"vigie/rules/act"
)

// route is one request that people make, and who may make it.
type route struct {
	path    string
	methods []string
	who     []act.Role
	do      handler
	// at is the address of the page that shows the same, page its template.
	at, page string
	menu     bool // it stands in the menu
	live     bool // it changes by itself
}

// routes is the one table of what people may ask. A customer's own people are
// shown, beyond that, only what is theirs; who may do which act is told by the
// table of acts.
func (s *site) routes() []route {
	read, write := []string{http.MethodGet}, []string{http.MethodPost}
	staff := []act.Role{act.Viewer, act.Operator, act.Manager}
	workers := []act.Role{act.Customer, act.Operator, act.Manager}
	all := []act.Role{act.Customer, act.Viewer, act.Operator, act.Manager}
	paged := func(path, at, page string, who []act.Role, do handler) route {
		return route{path: path, methods: read, who: who, do: do, at: at, page: page, menu: !strings.Contains(at, "{"), live: true}
	}
	return []route{
		paged("/api/v1/today", "/today", "today", all, s.today),
		paged("/api/v1/incidents/{id}/overview", "/incidents/{id}", "incident", all, s.overview),
		paged("/api/v1/queue", "/queue", "queue", staff, s.queue),
		paged("/api/v1/calls", "/calls", "calls", staff, s.calls),
		paged("/api/v1/machines", "/machines", "machines", all, s.machines),
		paged("/api/v1/calendar", "/calendar", "calendar", all, s.calendar),
		{path: "/api/v1/calendar/night", methods: read, who: all, do: s.night, at: "/calendar/night", page: "night"},
		paged("/api/v1/customers", "/customers", "customers", staff, s.customers),
		{path: "/api/v1/reports", methods: read, who: all, do: s.reports.Index, at: "/reports", page: "reports", menu: true},
		{path: "/api/v1/reports/statement", methods: read, who: all, do: s.reports.Statement, at: "/reports/statement", page: "statement"},
		{path: "/api/v1/reports/dossier", methods: read, who: all, do: s.reports.Dossier, at: "/reports/dossier", page: "dossier"},
		{path: "/api/v1/reports/noise", methods: read, who: staff, do: s.reports.Noise, at: "/reports/noise", page: "noise"},
		{path: "/api/v1/restore-tests", methods: read, who: staff, do: s.reports.Register, at: "/restore-tests", page: "restore-tests"},
		{path: "/api/v1/restore-tests", methods: write, who: []act.Role{act.Operator, act.Manager}, do: s.reports.Record},
		{at: "/signals", page: "signals", who: workers, do: s.signals, menu: true},
		paged("/api/v1/policy", "/policy", "policy", staff, s.policy),
		paged("/api/v1/chain", "/chain", "chain", staff, s.chain),
		{path: "/api/v1/signals", methods: write, who: workers, do: plain(s.report)},
		{path: "/api/v1/incidents", methods: read, who: all, do: s.incidents},
		{path: "/api/v1/incidents/{id}", methods: read, who: all, do: plain(s.incident)},
		{path: "/api/v1/incidents/{id}/journal", methods: read, who: staff, do: plain(s.journal)},
		{path: "/api/v1/incidents/{id}/explain", methods: read, who: staff, do: plain(s.explain)},
		{path: "/api/v1/incidents/{id}/acts", methods: write, who: workers, do: plain(s.act)},
		{path: "/api/v1/messages", methods: read, who: staff, do: s.messages},
		{path: "/api/v1/messages/retry", methods: write, who: []act.Role{act.Operator, act.Manager}, do: plain(s.retry)},
		{path: "/api/v1/mails", methods: read, who: staff, do: s.mails},
		{path: "/api/v1/mails/{id}/settle", methods: write, who: []act.Role{act.Operator, act.Manager}, do: plain(s.settleMail)},
		{path: "/-/reload", methods: []string{http.MethodPost, http.MethodPut}, who: []act.Role{act.Operator, act.Manager}, do: plain(s.reload)},
	}
}

// plain is a request without parameters: one that it is given all the same would
// be passed over in silence.
func plain(do handler) handler {
	return func(r *http.Request, who string) (any, error) {
		if err := query.Known(r.URL.Query()); err != nil {
			return nil, err
		}
		return do(r, who)
	}
}

// known tells whose token it is. A token counts only while its person is in the
// inventory.
func (o Options) known(token string) (string, bool) {
	who, ok := o.Person(token)
	if !ok || o.Engine.Book().Directory.People[who] == nil {
		return "", false
	}
	return who, true
}

// may refuses a request that a person's role does not give.
func (s *site) may(x route, who string) error {
	role := s.o.Engine.Book().Role(who)
	for _, r := range x.who {
		if r == role {
			return nil
		}
	}
	return refuse(http.StatusForbidden, "%s may not ask for this: role %s", who, role)
}

// own returns the incident of a request; a customer's own person has no business
// with another one's.
func (s *site) own(r *http.Request, who string) (receiver.Summary, error) {
	inc, err := s.o.Engine.Incident(r.Context(), mux.Vars(r)["id"])
	book := s.o.Engine.Book()
	if err == nil && book.Role(who) == act.Customer && !book.Concerns(&inc.Incident, who) {
		return receiver.Summary{}, refuse(http.StatusForbidden, "this incident is none of %s", who)
	}
	return inc, err
}

// mayRead refuses what was written about a confidential incident to whoever is
// not named for it.
func (s *site) mayRead(r *http.Request, who string) error {
	inc, err := s.own(r, who)
	if err == nil && !s.o.Engine.Book().MayRead(&inc.Incident, who) {
		return refuse(http.StatusForbidden, "incident %s is confidential: its journal is for those named under access.confidential in the inventory", inc.ID)
	}
	return err
}

// seen leaves out of a list what is not a person's, and of the rest what he may
// not know.
func (s *site) seen(all []receiver.Summary, who string) []receiver.Summary {
	book := s.o.Engine.Book()
	out := []receiver.Summary{}
	for _, inc := range all {
		if book.Role(who) != act.Customer || book.Concerns(&inc.Incident, who) {
			out = append(out, s.shown(inc, who))
		}
	}
	return out
}

func (s *site) shown(inc receiver.Summary, who string) receiver.Summary {
	book := s.o.Engine.Book()
	inc.Incident = book.Seen(inc.Incident, who)
	if book.Role(who) == act.Customer {
		inc.Thread = ""
	}
	return inc
}

// mayReport refuses a customer's own person who reports in another's name or
// about what is another's. Whether he may report at that level at all, and who
// hears of a report that was refused, is for the rules.
func (s *site) mayReport(b reportBody, who string) error {
	book := s.o.Engine.Book()
	if book.Role(who) != act.Customer {
		return nil
	}
	if p := book.Directory.Person(b.By); p == nil || p.ID != who {
		return refuse(http.StatusForbidden, "%s may not report in the name of somebody else", who)
	}
	if b.Kind == rules.Level2Voluntary && b.Customer == "" && b.Machine == "" {
		return nil // refused by the rules, which tell of it
	}
	if !book.Directory.Answers(who, b.Customer, b.Machine, b.Platform) {
		return refuse(http.StatusForbidden, "%s may report only what is his own: his platform, his company or his machine", who)
	}
	return nil
}
