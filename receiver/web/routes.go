package web

import (
	"net/http"
	"strings"

	"vigie/internal/fleet"
	"vigie/receiver"
	"vigie/receiver/chain"
	"vigie/receiver/store"
	"vigie/receiver/web/fleetpages"
	"vigie/receiver/web/mailpages"
	"vigie/receiver/web/openapi"
	"vigie/receiver/web/query"
	"vigie/receiver/web/reportpages"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/report"
)

// route is one request that people make, and who may make it.
type route struct {
	path    string
	methods []string
	who     []act.Role
	do      handler
	// says, params, takes and gives tell of it in the description of the API; params
	// are also all that it may be given.
	says         string
	params       []query.Param
	takes, gives any
	// at is the address of the page that shows the same, page its template.
	at, page string
	menu     bool // it stands in the menu
	live     bool // it changes by itself
}

// maxIncidents bounds the incidents of one answer.
const maxIncidents = 10_000

// routes is the one table of what people may ask. A customer's own people are
// shown, beyond that, only what is theirs; who may do which act is told by the
// table of acts.
func (s *site) routes() []route {
	read, write := []string{http.MethodGet}, []string{http.MethodPost}
	staff := []act.Role{act.Viewer, act.Operator, act.Manager}
	workers := []act.Role{act.Customer, act.Operator, act.Manager}
	doers := []act.Role{act.Operator, act.Manager}
	all := []act.Role{act.Customer, act.Viewer, act.Operator, act.Manager}
	paged := func(path, at, page string, who []act.Role, do handler, gives any, says string, params ...query.Param) route {
		return route{path: path, methods: read, who: who, do: do, at: at, page: page, menu: !strings.Contains(at, "{"), live: true, gives: gives, says: says, params: params}
	}
	part := query.Param{Name: "page", Says: "which part of the list; past its end there is nothing", Most: query.MaxPage}
	search := query.Param{Name: "q", Says: "words to search for"}
	show := func(known []string) query.Param { return query.Param{Name: "show", OneOf: known} }
	customer, platform := query.Param{Name: "customer", Says: "of this one"}, query.Param{Name: "platform", Says: "of this one"}
	limit := func(most int) query.Param { return query.Param{Name: "limit", Says: "at most so many", Most: most} }
	month := query.Param{Name: "month", Says: "as 2026-03; the one before this without it"}
	language := func(says string) query.Param {
		return query.Param{Name: "language", Says: says, Among: func() []string { return s.o.Engine.Languages().Codes() }}
	}
	of := func(customer query.Param) []query.Param {
		return []query.Param{month, customer, platform, {Name: "format", OneOf: []string{"json", "csv"}}, language("what a csv file is written in")}
	}
	return []route{
		{path: "/api/v1/incidents", methods: read, who: all, do: s.incidents, gives: []receiver.Summary{}, says: "incidents, newest first; a header `Link` names what follows",
			params: []query.Param{{Name: "state", OneOf: words(model.States())}, customer, {Name: "machine"}, {Name: "backup_role"}, platform, {Name: "scenario"}, {Name: "key"},
				{Name: "ended", Says: "also those that are over", Flag: true}, limit(maxIncidents), part}},
		{path: "/api/v1/incidents/{id}", methods: read, who: all, do: s.incident, gives: receiver.Summary{}, says: "one incident as it is kept"},
		paged("/api/v1/incidents/{id}/overview", "/incidents/{id}", "incident", all, s.overview, &overview{}, "what its page shows: deadlines, plans, steps, history, messages"),
		{path: "/api/v1/incidents/{id}/explain", methods: read, who: staff, do: s.explain, gives: receiver.Explained{}, says: "why each step was or was not taken, and what comes next",
			params: []query.Param{language("what the reasons are said in; the reader's own without it")}},
		{path: "/api/v1/incidents/{id}/journal", methods: read, who: staff, do: s.journal, gives: []store.Line{}, says: "its journal, oldest first"},
		{path: "/api/v1/incidents/{id}/acts", methods: write, who: workers, do: s.act, takes: actBody{}, gives: acted{},
			says: "an act: `{\"verb\": \"take\", \"fields\": {\"note\": \"...\"}, \"force\": false}`; the verbs and their fields: [acts](../acts.md)"},
		{path: "/api/v1/signals", methods: write, who: workers, do: s.report, takes: reportBody{}, gives: incident.Incident{},
			says: "a report: `kind`, `platform` or `customer` and `machine`, `by`, `means`, `severity`, `scope`, `text`, `received_at`, `id` (twice the same id is one report)"},
		{path: "/api/v1/messages", methods: read, who: staff, do: s.messages, gives: []receiver.MessageSummary{}, says: "what was written and waits",
			params: []query.Param{{Name: "incident", Says: "about this one"}, {Name: "waiting", Says: "only what somebody has not got yet", Flag: true}, limit(receiver.MaxMessages)}},
		{path: "/api/v1/messages/retry", methods: write, who: doers, do: s.retry, takes: receiver.Retry{}, gives: retried{},
			says: "sends at once what waits: `{\"incident\": \"i12\", \"message\": \"...\", \"refused\": false}`"},
		{path: "/api/v1/mails/{id}/settle", methods: write, who: doers, do: s.mails.Settle, takes: mailpages.Settled{}, gives: store.Mail{}, says: "somebody is done with a mail: `{\"reason\": \"...\"}`"},
		{path: "/api/v1/mails/{id}/assign", methods: write, who: doers, do: s.mails.Assign, takes: mailpages.Assigned{}, gives: store.Mail{},
			says: "keeps a mail with an incident, as a note or as the customer's answer: `{\"incident\": \"12\", \"as\": \"note\"}`"},
		paged("/api/v1/today", "/today", "today", all, s.today, &todayData{}, "open incidents, the nearest deadline first", show(shows()), search, part),
		paged("/api/v1/queue", "/queue", "queue", staff, s.queue, &queueData{}, "what nobody has", search, part),
		paged("/api/v1/calls", "/calls", "calls", staff, s.calls, &callsData{}, "whom to phone", search, part, query.Param{Name: "note", Page: true}),
		paged("/api/v1/mails", "/mails", "mails", staff, s.mails.List, &mailpages.MailList{}, "mails that came back; `next` of an answer is `after` of the one that follows",
			query.Param{Name: "open", Says: "only those that wait for a person, as without it", Flag: true}, query.Param{Name: "after"}, limit(mailpages.MaxAtOnce)),
		paged("/api/v1/machines", "/machines", "machines", all, s.fleet.Machines, &fleetpages.Machines{}, "machines of the inventory", search, show(fleetpages.MachineShows()), customer, part),
		paged("/api/v1/calendar", "/calendar", "calendar", all, s.calendar, &calendarData{}, "machines by days", search, show(calendarShows()), customer, part),
		{path: "/api/v1/calendar/night", methods: read, who: all, do: s.night, at: "/calendar/night", page: "night", gives: &nightData{}, says: "one day of one machine",
			params: []query.Param{{Name: "customer", Must: true}, {Name: "machine", Must: true}, {Name: "day", Says: "as 2026-03-09", Must: true}}},
		paged("/api/v1/customers", "/customers", "customers", staff, s.fleet.Customers, &fleetpages.Customers{}, "customers, and what the inventory lacks", search, part),
		{path: "/api/v1/reports", methods: read, who: all, do: s.reports.Index, at: "/reports", page: "reports", menu: true, gives: &reportpages.Index{},
			says: "a month at a glance, by customer and platform", params: []query.Param{month, search}},
		{path: "/api/v1/reports/statement", methods: read, who: all, do: s.reports.Statement, at: "/reports/statement", page: "statement", gives: &reportpages.Statement{},
			says: "how a month's targets were kept; a customer's own people name what is theirs", params: of(customer)},
		{path: "/api/v1/reports/dossier", methods: read, who: all, do: s.reports.Dossier, at: "/reports/dossier", page: "dossier", gives: &reportpages.Dossier{},
			says: "a customer's month: its backups, incidents and restore tests", params: of(query.Param{Name: "customer", Says: customer.Says, Must: true})},
		{path: "/api/v1/reports/noise", methods: read, who: staff, do: s.reports.Noise, at: "/reports/noise", page: "noise", gives: &reportpages.Noise{},
			says: "mails and calls of each person, day by day", params: of(customer)},
		{path: "/api/v1/restore-tests", methods: read, who: staff, do: s.reports.Register, at: "/restore-tests", page: "restore-tests", gives: &reportpages.Register{},
			says: "by when restores are tried, and the register", params: []query.Param{customer}},
		{path: "/api/v1/restore-tests", methods: write, who: doers, do: s.reports.Record, takes: report.RestoreTest{}, gives: report.RestoreTest{},
			says: "records a test: `{\"customer\": \"dupont\", \"machine\": \"SRV-AD\", \"tested_on\": \"2026-03-09\", \"result\": \"ok\", \"took_minutes\": 35, \"scope\": \"...\", \"note\": \"...\"}`; " +
				"results are " + strings.Join(report.TestResults(), ", ")},
		{path: "/api/v1/signals", methods: read, at: "/signals", page: "signals", who: workers, do: s.signals, menu: true, gives: &signalsData{}, says: "what can be reported, and about what"},
		paged("/api/v1/policy", "/policy", "policy", staff, s.fleet.Policy, &fleetpages.Policy{}, "the scenarios in sentences, and who would hear when",
			query.Param{Name: "labels", Says: "of a failure that is tried: customer=dupont,machine=SRV-AD"}),
		paged("/api/v1/chain", "/chain", "chain", staff, s.chain, &chain.State{}, "what is read since when, what waits, what is silenced"),
		{path: "/-/reload", methods: []string{http.MethodPost, http.MethodPut}, who: doers, do: s.reload, gives: reloaded{},
			says: "reads the configuration again, whole or not at all; for the managers whom the inventory names"},
	}
}

// words are values as texts.
func words[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// operations are the requests as the API is described.
func (s *site) operations() []openapi.Operation {
	var out []openapi.Operation
	for _, x := range s.routes() {
		for _, m := range x.methods {
			out = append(out, openapi.Operation{Method: m, Path: x.path, Who: words(x.who), Says: x.says, Params: x.params, Takes: x.takes, Gives: x.gives,
				File: strings.Contains(x.path, "/reports/")})
		}
	}
	return out
}

// machineOperations are those for machines and for whoever comes.
func machineOperations() []openapi.Operation {
	return []openapi.Operation{
		{Method: http.MethodPost, Path: "/api/v1/alertmanager", Token: true, Takes: map[string]any{}, Gives: map[string]any{}, Says: "Alertmanager's deliveries, version 4, with a token of `webhook_token_file`"},
		{Method: http.MethodGet, Path: "/api/v1/inventory", Token: true, Gives: fleet.Shared{}, Says: "what exporters need of the inventory, with a token of `inventory_token_file`"},
		{Method: http.MethodGet, Path: openapi.Path, Gives: map[string]any{}, Says: "this description, as OpenAPI 3.1"},
		{Method: http.MethodGet, Path: "/-/healthy", Plain: true, Says: "200, or 503 with the reason"},
		{Method: http.MethodGet, Path: "/-/ready", Plain: true, Says: "200, or 503 with the reason"},
	}
}
