package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/receiver"
	"vigie/receiver/board"
	"vigie/receiver/web/own"
	"vigie/receiver/web/query"
	"vigie/rules/act"
	"vigie/rules/book"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// callsData is what the page Calls shows: whom to phone, the nearest deadline first.
type callsData struct {
	paging
	Query string    `json:"q,omitempty"`
	Calls []callRow `json:"calls"`
	// Duty is who is on duty, for each role that a rota fills.
	Duty []book.DutyRole `json:"duty"`
	open string
}

type callRow struct {
	incidentRow
	Contact *callContact `json:"contact,omitempty"` // nobody: whom to phone is not in the inventory
	// Same is the incident above it about which the same person is phoned.
	Same     string    `json:"same_call_as,omitempty"`
	Tries    int       `json:"missed_calls"` // in a row
	Most     int       `json:"tries"`        // after which somebody else is told
	Attempts []callTry `json:"attempts"`
	// Trace is "waiting" while a call is noted and its written trace is not
	// accepted yet: the task ends with that.
	Trace   string `json:"trace,omitempty"`
	Offline bool   `json:"offline,omitempty"`
	// Answer is the customer's newest word.
	Answer *callAnswer `json:"answer,omitempty"`
	Form   *actForm    `json:"-"`
}

// callAnswer is what a customer answered: done, away, call_me or not_mine, and in words.
type callAnswer struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Result string    `json:"result,omitempty"`
	Until  string    `json:"until,omitempty"` // the day on which who is away is back
	Note   string    `json:"note,omitempty"`
}

type callContact struct {
	Person string `json:"person"`
	Name   string `json:"name"`
	Phone  string `json:"phone,omitempty"`
	Email  string `json:"email,omitempty"`
}

// callTry is one call that was made.
type callTry struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Outcome string    `json:"outcome"`
	Person  string    `json:"person,omitempty"`
	Agreed  string    `json:"agreed,omitempty"` // the customer reads it
	Note    string    `json:"note,omitempty"`   // for the team alone
	Next    string    `json:"next_date,omitempty"`
}

// calls lists the phone calls that are due.
func (s *site) calls(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	rows, err := own.Rows(r.Context(), s.o.Engine, who)
	if err != nil {
		return nil, err
	}
	d := &callsData{Query: clip.Bytes(q.Get("q"), 100), Calls: []callRow{}, Duty: s.o.Engine.Book().Duties(s.o.Now()), open: q.Get("note")}
	var due []*board.Row
	for _, row := range rows {
		if row.State() == model.CallDue && (d.Query == "" || row.Has(d.Query, s.o.Engine.Book().Directory)) {
			due = append(due, row)
		}
	}
	due = s.together(due)
	var part []*board.Row
	d.paging, part = query.Cut(q, due, perPage)
	ids := make([]string, len(part))
	for i, row := range part {
		ids[i] = row.ID()
	}
	details, err := s.o.Engine.Details(r.Context(), ids)
	for _, detail := range details {
		x := s.call(detail, who)
		if n := len(d.Calls); n > 0 && x.Contact != nil && d.Calls[n-1].Contact != nil && *x.Contact == *d.Calls[n-1].Contact {
			x.Same = cmp.Or(d.Calls[n-1].Same, d.Calls[n-1].ID)
		}
		d.Calls = append(d.Calls, x)
	}
	return d, err
}

// together puts the calls to one person one after the other, the nearest deadline first.
func (s *site) together(due []*board.Row) []*board.Row {
	first := map[*inventory.Person]int{}
	at := func(row *board.Row) int {
		return first[s.contact(row.Label(model.LabelCustomer), row.Label(model.LabelMachine))]
	}
	for i, row := range due {
		if p := s.contact(row.Label(model.LabelCustomer), row.Label(model.LabelMachine)); first[p] == 0 {
			first[p] = i + 1
		}
	}
	slices.SortStableFunc(due, func(a, b *board.Row) int { return cmp.Compare(at(a), at(b)) })
	return due
}

// call is one call that is due, with the tries so far.
func (s *site) call(d receiver.Detail, who string) callRow {
	book := s.o.Engine.Book()
	seen := book.Seen(d.Incident, who)
	x := callRow{incidentRow: s.row(d, who), Tries: seen.Progress.CallsMissed, Attempts: []callTry{}, Offline: seen.Flags[model.FlagOffline]}
	if p := s.contact(x.Customer, x.Machine); p != nil {
		x.Contact = &callContact{Person: p.ID, Name: cmp.Or(p.Name, p.ID), Phone: p.Phone, Email: p.Email}
	}
	if sc := s.scenarioOf(d.Incident); sc != nil && sc.Calls != nil {
		x.Most = sc.Calls.Tries
		x.Trace = traceOf(sc, d)
	}
	for _, a := range seen.Acts {
		switch a.Verb {
		case "answer":
			x.Answer = &callAnswer{At: a.At, By: a.By, Result: a.Fields["result"], Until: a.Fields["until"], Note: a.Fields["note"]}
			if x.Answer.Result != "away" {
				x.Answer.Until = "" // the day of the call itself
			}
		case "call":
			x.Attempts = append(x.Attempts, callTry{At: a.At, By: a.By, Outcome: a.Fields["outcome"], Person: a.Fields["person"], Agreed: a.Fields["agreed"],
				Note: cmp.Or(a.Fields["note"], a.Fields["reason"]), Next: a.Fields["next_date"]})
		}
	}
	return x
}

// traceOf is "waiting" while a step that writes the trace of a call is decided
// and not accepted by everybody's server.
func traceOf(sc *policy.Scenario, d receiver.Detail) string {
	for _, e := range d.Explanation.Steps {
		i := slices.IndexFunc(sc.Steps, func(st *policy.Step) bool { return st.Name == e.Name })
		if i >= 0 && e.Status == "decided" && slices.ContainsFunc(sc.Steps[i].When, func(t policy.Trigger) bool { return t.Kind == policy.WhenAct && t.Name == "call" }) {
			return "waiting"
		}
	}
	return ""
}

// contact is who is phoned about a machine: its user, else the company's contact.
func (s *site) contact(customer, machine string) *inventory.Person {
	dir := s.o.Engine.Book().Directory
	if m := dir.Machine(customer, machine); m != nil && m.User != "" {
		return dir.People[m.User]
	}
	if c := dir.Customers[customer]; c != nil {
		return dir.People[c.ITContact]
	}
	return nil
}

// callsForm adds the form of the call that is being noted.
func (p *pageSite) callsForm(v *view, d *callsData) *callsData {
	for i := range d.Calls {
		x := &d.Calls[i]
		if row, _ := act.Of("call"); x.ID != d.open || !row.May(v.Role) {
			continue
		}
		found, err := p.o.Engine.Incident(v.ctx, x.ID)
		if err != nil {
			continue
		}
		for _, f := range p.acts(v, &overview{incidentRow: x.incidentRow, summary: found}, "", nil, "") {
			if f.Purpose == "call" {
				f.Open, x.Form = true, &f
			}
		}
	}
	return d
}

// TryText counts the tries of a call.
func (v *view) TryText(x callRow) string {
	if x.Most == 0 {
		return ""
	}
	return v.Fill("calls.try", "n", strconv.Itoa(x.Tries%x.Most+1), "of", strconv.Itoa(x.Most))
}

// OutcomeText is how a call went.
func (v *view) OutcomeText(outcome string) string {
	return cmp.Or(v.PageWord("outcome."+outcome), strings.ReplaceAll(outcome, "_", " "))
}

// AsRow is the row of the incident itself.
func (x callRow) AsRow() incidentRow { return x.incidentRow }

// AnswerText is what a customer answered, with the day on which who is away is back.
func (v *view) AnswerText(a callAnswer) string {
	text := v.PageWord("answer." + a.Result)
	if a.Until != "" {
		text = strings.ReplaceAll(text, "…", v.Date(v.DayOf(a.Until)))
	}
	return text
}

// Bare is an incident's number as people say it.
func (v *view) Bare(id string) string { return strings.TrimPrefix(id, "i") }

func unixText(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
