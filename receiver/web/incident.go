package web

import (
	"cmp"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"vigie/internal/clip"
	"vigie/receiver"
	"vigie/receiver/store"
	"vigie/receiver/web/about"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/linkpages"
	"vigie/receiver/web/timeline"
	"vigie/rules/act"
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Overview is what the page of an incident shows, for programs.
type Overview = overview

// overview is what the page of an incident shows, and its twin answers.
type overview struct {
	incidentRow
	Cause         string                 `json:"cause,omitempty"`
	CauseProposed bool                   `json:"cause_proposed,omitempty"`
	DataLoss      string                 `json:"data_loss,omitempty"`
	Reporter      string                 `json:"reporter,omitempty"`
	Workaround    string                 `json:"workaround,omitempty"`
	Promise       string                 `json:"expected_date,omitempty"`
	Episode       int                    `json:"episode"`
	Guarantee     string                 `json:"guarantee,omitempty"`
	GuaranteeNext time.Time              `json:"guarantee_next,omitzero"`
	Plans         []planRow              `json:"plans"`
	Clocks        []clockRow             `json:"clocks"`
	Steps         []stepRow              `json:"steps"`
	History       []historyRow           `json:"history"`
	Messages      []messageRow           `json:"messages"`
	Held          int                    `json:"messages_held,omitempty"`
	Past          []incident.PastEpisode `json:"past_episodes,omitempty"`
	Confidential  bool                   `json:"confidential,omitempty"`

	summary receiver.Summary
	line    *timeline.Line
}

type planRow struct {
	Plan        string    `json:"plan"`
	Engine      string    `json:"engine,omitempty"`
	Kind        string    `json:"kind,omitempty"`
	Alert       string    `json:"alert,omitempty"`
	Firing      bool      `json:"firing"`
	Proven      bool      `json:"proven"`
	Since       time.Time `json:"since"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	Error       string    `json:"error,omitempty"`
	Runs        int       `json:"failed_runs,omitempty"`

	Trouble about.Trouble `json:"-"`
}

type clockRow struct {
	Target string    `json:"target"`
	Status string    `json:"status"` // met, late, paused, running, waiting
	Start  time.Time `json:"start,omitzero"`
	Due    time.Time `json:"due,omitzero"`
	MetAt  time.Time `json:"met_at,omitzero"`
	// Left is the working time that remains, in seconds.
	Left float64 `json:"remaining_working_seconds,omitempty"`
}

// Remaining is the working time that remains.
func (c clockRow) Remaining() time.Duration { return time.Duration(c.Left) * time.Second }

type stepRow struct {
	Step     string    `json:"step"`
	Template string    `json:"template,omitempty"`
	Status   string    `json:"status"`
	At       time.Time `json:"at,omitzero"`
	Due      time.Time `json:"due,omitzero"`
	Reason   string    `json:"reason,omitempty"`
	To       []string  `json:"to,omitempty"`
	Cc       []string  `json:"cc,omitempty"`
	step     *policy.Step
}

// Step0 is the step of the policy; nil when it is not known any more.
func (s stepRow) Rule() *policy.Step { return s.step }

type historyRow struct {
	Line   int64     `json:"line"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	What   string    `json:"what"`
	Actor  string    `json:"actor,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Text   string    `json:"text,omitempty"`
}

type messageRow struct {
	ID       string        `json:"message_id"`
	Template string        `json:"template"`
	Subject  string        `json:"subject"`
	Text     string        `json:"text"`
	Language string        `json:"language,omitempty"`
	At       time.Time     `json:"at"`
	To       []string      `json:"to"`
	Cc       []string      `json:"cc,omitempty"`
	Delivery []deliveryRow `json:"delivery"`
}

// Outcomes are what became of it with its recipients, each once.
func (m messageRow) Outcomes() (out []string) {
	for _, d := range m.Delivery {
		if !slices.Contains(out, d.Status) {
			out = append(out, d.Status)
		}
	}
	return out
}

type deliveryRow struct {
	Address  string `json:"address"`
	Status   string `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Attempts int    `json:"attempts"`
}

// PromisedAt is noon of the day that was promised; zero when it was said otherwise.
func (o *overview) PromisedAt() time.Time {
	at, err := time.Parse(time.DateOnly, o.Promise)
	if err != nil {
		return time.Time{}
	}
	return at.Add(12 * time.Hour)
}

// overview tells an incident whole, as far as somebody may read it.
func (s *site) overview(r *http.Request, who string) (any, error) {
	inc, err := s.own(r, who)
	if err != nil {
		return nil, err
	}
	details, err := s.o.Engine.Details(r.Context(), []string{inc.ID})
	if err != nil {
		return nil, err
	}
	if len(details) == 0 {
		return nil, store.ErrNotFound
	}
	d, book := details[0], s.o.Engine.Book()
	seen := book.Seen(d.Incident, who)
	o := &overview{incidentRow: s.row(d, who), Episode: seen.Episode, Reporter: seen.Reporter,
		Workaround: seen.Progress.Workaround, Promise: seen.Progress.ExpectedDate, DataLoss: seen.DataLoss, Past: seen.Past, summary: d.Summary,
		Plans: []planRow{}, Clocks: []clockRow{}, Steps: []stepRow{}, History: []historyRow{}, Messages: []messageRow{}}
	o.plans(seen)
	outside := book.Role(who) == act.Customer
	if outside && o.Platform == "" {
		return o, nil
	}
	o.Guarantee, o.GuaranteeNext = d.Explanation.Guarantee, d.Explanation.GuaranteeNext
	if s.clocks(o, d); outside { // what was promised to him, and no more
		o.line = s.timeline(o)
		return o, nil
	}
	if o.Confidential = !book.MayRead(&d.Incident, who); o.Confidential {
		return o, nil
	}
	o.Cause, o.CauseProposed = d.Explanation.Cause, d.Explanation.CauseProposed
	s.steps(o, d)
	if err := s.history(r, o, inc.ID); err != nil {
		return nil, err
	}
	o.line = s.timeline(o)
	return o, nil
}

func (o *overview) plans(inc incident.Incident) {
	for _, fp := range sortedNames(inc.Alerts) {
		a := inc.Alerts[fp]
		row := planRow{Plan: a.Labels[model.LabelPlan], Engine: a.Labels[model.LabelEngine], Kind: a.Labels[model.LabelKind], Alert: a.Labels[model.LabelAlertname], Trouble: about.Of(a),
			Firing: a.Firing, Proven: a.Proven, Since: a.StartsAt, LastSuccess: a.LastSuccess, Error: a.Says("error"), Runs: a.Runs}
		if row.LastSuccess.IsZero() {
			row.LastSuccess = a.SuccessBefore
		}
		o.Plans = append(o.Plans, row)
	}
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// clocks are the targets, the nearest first.
func (s *site) clocks(o *overview, d receiver.Detail) {
	now, cal := s.o.Now(), s.o.Engine.Book().Calendar(d.Policy, d.Scenario)
	for _, t := range d.Explanation.Targets {
		c := clockRow{Target: t.Name, Status: t.Status, Due: t.Due}
		if running := d.Targets[t.Name]; running != nil {
			c.Start, c.MetAt = running.Start, running.MetAt
			if t.Status == "breached" && !c.MetAt.IsZero() {
				c.Status = "met_late"
			}
			if t.Status == "running" && cal != nil && running.Due.After(now) {
				c.Left = cal.OpenTime(now, running.Due, d.Pauses).Seconds()
			}
		}
		if c.Status == "waiting" || c.Due.IsZero() && c.Status != "paused" && c.MetAt.IsZero() {
			continue // its clock has not begun, or it is measured and has none
		}
		o.Clocks = append(o.Clocks, c)
	}
}

// steps are what was done, and what comes, in the order of time.
func (s *site) steps(o *overview, d receiver.Detail) {
	var scenario *policy.Scenario
	if p := s.o.Engine.Book().Policy(d.Policy); p != nil {
		scenario = p.Scenario(d.Scenario)
	}
	names := s.names()
	for _, e := range d.Explanation.Steps {
		x := stepRow{Step: e.Name, Template: e.Template, Status: e.Status, At: e.At, Due: e.Due, Reason: e.Reason, To: names.All(e.To), Cc: names.All(e.Cc)}
		if scenario != nil {
			if i := slices.IndexFunc(scenario.Steps, func(st *policy.Step) bool { return st.Name == e.Name }); i >= 0 {
				x.step = scenario.Steps[i]
			}
		}
		o.Steps = append(o.Steps, x)
	}
	slices.SortStableFunc(o.Steps, func(a, b stepRow) int {
		x, y := firstSet(a.At, a.Due), firstSet(b.At, b.Due)
		if x.IsZero() || y.IsZero() { // what has no hour comes last
			return y.Compare(x)
		}
		return x.Compare(y)
	})
}

func firstSet(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// history reads the journal and the messages.
func (s *site) history(r *http.Request, o *overview, id string) error {
	lines, err := s.o.Engine.Journal(r.Context(), id)
	if err != nil {
		return err
	}
	for _, l := range lines {
		o.History = append(o.History, historyRow{Line: l.Line, At: l.At, Kind: l.Kind, What: l.What, Actor: l.Actor, Reason: l.Reason, Text: l.Personal})
	}
	sent, held, err := s.o.Engine.Mails(r.Context(), id)
	if err != nil {
		return err
	}
	o.Held = len(held)
	for _, m := range sent {
		row := messageRow{ID: m.ID, Template: m.Template, Subject: m.Subject, Text: m.Text, Language: m.Language, At: m.At, To: m.To, Cc: m.Cc, Delivery: []deliveryRow{}}
		for _, t := range m.Delivery {
			row.Delivery = append(row.Delivery, deliveryRow{t.Address, t.Status, t.Detail, t.Attempts})
		}
		o.Messages = append(o.Messages, row)
	}
	return nil
}

// about is the incident, on whatever page it stands.
func (o *overview) about() incident.Incident { return o.summary.Incident }

// actForm is one act that somebody may do now, with its form.
type actForm struct {
	*linkpages.Form
	Purpose, Title, Does string
	Main, Open, Danger   bool
	Said                 string
}

// mains are the acts that are offered first; the others stand under "more".
func mains() []string {
	return []string{"take", "unsilence", "silence", "attempt", "forecast_no", "escalate", "check_ok", "check_ko", "answer", "call", "qualify", "workaround", "cascade", "resolve", "note"}
}

// Acts are the forms of what somebody may do to the incident now.
func (p *pageSite) acts(v *view, o *overview, purpose string, given map[string][]string, said string) []actForm {
	var out []actForm
	scenario := p.scenarioOf(o.summary.Incident)
	for _, row := range act.Table() {
		if !row.May(v.Role) || o.State.Ended() && !row.Ended || slices.Contains(row.Not, string(o.State)) ||
			row.Platform && (scenario == nil || scenario.Immediate == nil) {
			continue
		}
		for _, f := range row.Forms {
			if !fitting(f.Purpose, o, v.Who.ID, scenario) {
				continue
			}
			opened := receiver.Opened{Incident: o.summary, Verb: row.Verb, Actors: []string{v.Who.ID}}
			opened.Purpose, opened.Grant.Incident = f.Purpose, o.ID
			var values map[string][]string
			if f.Purpose == purpose {
				values = given
			}
			x := actForm{Form: p.links.Form(v.Locale, opened, values), Purpose: f.Purpose, Title: v.PageWord("title." + f.Purpose),
				Main: slices.Contains(mains(), f.Purpose), Open: f.Purpose == purpose, Danger: row.Verb == "close" || row.Verb == "decommission"}
			if f.Purpose == "answer" && v.Role != act.Customer {
				x.Title = v.T("title.answer") // another's words
			}
			if x.Open {
				x.Said = said
			}
			for i := range x.Fields {
				in := &x.Fields[i]
				if in.Form = f.Purpose; !in.Required && in.Kind != "check" {
					in.Soft = v.T("field.optional")
				}
			}
			out = append(out, x)
		}
	}
	rank := func(x actForm) uint { return uint(slices.Index(mains(), x.Purpose)) } // none of them ranks last
	slices.SortStableFunc(out, func(a, b actForm) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

func (s *site) scenarioOf(inc incident.Incident) *policy.Scenario {
	if p := s.o.Engine.Book().Policy(inc.Policy); p != nil {
		return p.Scenario(inc.Scenario)
	}
	return nil
}

// fitting leaves out acts that mean nothing for this incident.
func fitting(purpose string, o *overview, who string, s *policy.Scenario) bool {
	switch purpose {
	case "take":
		return o.Assignee != who
	case "check_ok", "check_ko":
		return s != nil && s.OtherBackup != nil
	case "answer", "call":
		return s != nil && s.Calls != nil
	case "forecast_yes", "forecast_no":
		return s == nil || s.Immediate == nil
	case "escalate":
		return s != nil && s.Tells("escalate")
	case "promote":
		return o.summary.Entry == string(model.UserAssistance)
	case "resume":
		return slices.ContainsFunc(o.summary.Pauses, func(x calendar.Pause) bool { return x.To.IsZero() })
	case "waive":
		return len(o.summary.Progress.RefusedSeen) > 0
	case "restore_verified":
		return slices.ContainsFunc(o.summary.Acts, func(a incident.ActRecord) bool { return a.Verb == "restore" })
	case "release":
		return o.Assignee == who
	case "unsilence":
		return slices.ContainsFunc(slices.Collect(maps.Values(o.summary.Silences)), func(s incident.Silence) bool { return !s.Broad() })
	case "silence":
		return o.Platform == "" || o.Machine != ""
	}
	return true
}

// incidentPage is what the template of an incident is given.
type incidentPage struct {
	*overview
	Acts    []actForm
	Changes []historyRow // what somebody has not seen, when that kept him from acting
	Line    *timeline.Line
}

// incidentPage reads the incident for its page.
func (p *pageSite) incidentPage(r *http.Request, who string) (*incidentPage, error) {
	found, err := p.overview(r, who)
	if err != nil {
		return nil, err
	}
	o := found.(*overview)
	return &incidentPage{overview: o, Line: o.line}, nil
}

// actOne takes the form of one act.
func (p *pageSite) actOne(w http.ResponseWriter, r *http.Request) {
	who := p.visitor(r)
	v := p.view(r, who)
	v.Live = true
	if !p.readForm(w, r, v) {
		return
	}
	id, purpose := mux.Vars(r)["id"], mux.Vars(r)["purpose"]
	v.Path = "/incidents/" + id
	v.Here = v.Path
	row, form, known := act.For(purpose)
	x, err := p.incidentPage(r, who.ID)
	switch {
	case !known:
		p.missing(w, r)
		return
	case err != nil:
		p.refusedPage(w, v, err)
		return
	case !row.May(v.Role): // before what is missing is asked for
		p.refusedPage(w, v, incident.Refuse(http.StatusForbidden, "{who} may not do this: role {access}", "who", who.ID, "access", string(v.Role)))
		return
	}
	opened := receiver.Opened{Incident: x.summary, Verb: row.Verb, Actors: []string{who.ID}}
	opened.Purpose, opened.Grant.Incident = purpose, x.ID
	fields := p.links.Given(v.Locale, opened, r.PostForm)
	for i := 0; i+1 < len(form.Settled); i += 2 {
		fields[form.Settled[i]] = form.Settled[i+1]
	}
	x.Acts = p.acts(v, x.overview, purpose, r.PostForm, v.T("field.mend"))
	if filled := x.opened(); filled != nil && ask.Incomplete(v.Locale, filled.Fields) {
		p.show(w, http.StatusUnprocessableEntity, "incident", v, x)
		return
	}
	a := incident.Act{Verb: row.Verb, By: who.ID, Fields: fields, External: v.Role == act.Customer, Via: "on its page"}
	d, err := p.o.Engine.ActOn(r.Context(), x.ID, seenLines(r.PostForm.Get("seen")), a)
	if err != nil {
		p.notDone(w, r, v, x, purpose, err)
		return
	}
	p.say(r, "good", ask.Done(v.Locale, opened, d))
	back := r.PostForm.Get("back")
	if back == "" {
		back = "/incidents/" + x.ID
	}
	http.Redirect(w, r, wanted(back), http.StatusSeeOther)
}

// notDone shows the incident again as it is now, with the form as it was filled
// in, and why nothing was done.
func (p *pageSite) notDone(w http.ResponseWriter, r *http.Request, v *view, x *incidentPage, purpose string, err error) {
	code := receiver.Status(err)
	if code >= http.StatusInternalServerError && code != http.StatusServiceUnavailable || code == http.StatusNotFound {
		p.refusedPage(w, v, err)
		return
	}
	said := v.Fill("act.refused", "why", v.Refusal(err))
	if changes := staleLines(err); changes != nil {
		x.Changes, said = changes, v.T("act.stale")
	}
	x.Acts = p.acts(v, x.overview, purpose, r.PostForm, "")
	if filled := x.opened(); filled != nil {
		filled.Said = ask.Mend(v.Locale, filled.Fields, err, v.Refusal(err), said)
	} else {
		v.Flash, v.Tone = said, "bad"
		if typed := typedWords(r.PostForm); typed != "" {
			v.Flash += " " + v.Fill("kept.gone", "text", typed)
		}
	}
	p.show(w, code, "incident", v, x)
}

// opened is the form that is being filled in; nil when it is not offered any more.
func (x *incidentPage) opened() *actForm {
	if i := slices.IndexFunc(x.Acts, func(f actForm) bool { return f.Open }); i >= 0 {
		return &x.Acts[i]
	}
	return nil
}

func staleLines(err error) []historyRow {
	stale, ok := errors.AsType[*receiver.StaleError](err)
	if !ok {
		return nil
	}
	var out []historyRow
	for _, l := range stale.Changes {
		out = append(out, historyRow{Line: l.Line, At: l.At, Kind: l.Kind, What: l.What, Actor: l.Actor, Reason: l.Reason, Text: l.Personal})
	}
	return out
}

// maxMany bounds the incidents that one act of a list is for.
const maxMany = 200

// actMany does the same to several incidents of the list.
func (p *pageSite) actMany(w http.ResponseWriter, r *http.Request) {
	v := p.view(r, p.visitor(r))
	if !p.readForm(w, r, v) {
		return
	}
	ids := r.PostForm["id"]
	if one := r.PostForm.Get("take"); one != "" {
		r.PostForm.Set("purpose", "take")
		ids = []string{one}
	}
	a, field, wrong := manyAct(v, r.PostForm)
	if wrong == "" && (len(ids) == 0 || len(ids) > maxMany) {
		wrong = v.T("many.nothing")
	}
	if wrong != "" {
		p.say(r, "bad", wrong)
		r.PostForm.Set("wrong", field)
		p.keepMany(r)
	} else {
		tone, said, refused := p.doMany(r, v, ids, a)
		p.say(r, tone, said)
		if len(refused) > 0 && a.Verb != "take" { // what was typed is there for those that it was not done to
			r.PostForm["id"] = refused
			p.keepMany(r)
		}
	}
	http.Redirect(w, r, wanted(r.PostForm.Get("back")), http.StatusSeeOther)
}

// many is what was chosen on a list.
type many struct {
	Purpose, To, Text string
	ids               []string
	wrong             string // the field that is at fault
}

// Aria marks a field of the list's form when it is the one at fault.
func (m many) Aria(field string) template.HTMLAttr {
	if m.wrong != field {
		return ""
	}
	return ` aria-invalid="true" aria-describedby="many-wrong" autofocus`
}

// ManyWrong is what to say at the field that is at fault; "" for nothing.
func (v *view) ManyWrong() string {
	if v.Many.wrong == "" {
		return ""
	}
	_, _, wrong := manyAct(v, url.Values{"purpose": {v.Many.Purpose}, "to": {v.Many.To}, "text": {v.Many.Text}})
	return wrong
}

// Has reports whether a row was chosen.
func (m many) Has(id string) bool { return slices.Contains(m.ids, id) }

// keepMany keeps what was chosen and typed for the page that follows.
func (p *pageSite) keepMany(r *http.Request) {
	kept := url.Values{"purpose": {r.PostForm.Get("purpose")}, "to": {r.PostForm.Get("to")}, "text": {clip.Runes(r.PostForm.Get("text"), 500)}, "id": r.PostForm["id"][:min(len(r.PostForm["id"]), maxMany)], "wrong": {r.PostForm.Get("wrong")}}
	p.sessions.Put(r.Context(), keyMany, kept.Encode())
}

func (p *pageSite) keptMany(r *http.Request) many {
	kept, _ := url.ParseQuery(p.sessions.PopString(r.Context(), keyMany)) // our own
	return manyOf(kept)
}

// manyOf is what a form of a list says.
func manyOf(kept url.Values) many {
	return many{Purpose: kept.Get("purpose"), To: kept.Get("to"), Text: kept.Get("text"), ids: kept["id"], wrong: kept.Get("wrong")}
}

// manyAct is the act that the form of a list asks for, or which field is at fault and why.
func manyAct(v *view, form url.Values) (a incident.Act, field, wrong string) {
	a = incident.Act{Verb: form.Get("purpose"), By: v.Who.ID, Fields: model.Labels{}, Via: "on the list"}
	name, value := "", strings.TrimSpace(form.Get("text"))
	field = "text"
	switch a.Verb {
	case "take", "release":
		return a, "", ""
	case "note", "attempt":
		name = "note"
	case "silence":
		name = "comment"
	case "assign":
		name, value, field = "to", form.Get("to"), "to"
	default:
		return a, "purpose", v.T("many.no_act")
	}
	if value == "" && a.Verb != "attempt" {
		return a, field, v.T("many.needs." + a.Verb)
	}
	a.Fields[name] = value
	return a, "", ""
}

// doMany does an act to each of several incidents and says what came of it.
func (p *pageSite) doMany(r *http.Request, v *view, ids []string, a incident.Act) (tone, said string, refused []string) {
	done, refusals := 0, []string{}
	for _, id := range ids {
		one := a
		one.Fields = a.Fields.Clone()
		_, err := p.o.Engine.ActOn(r.Context(), id, seenLines(r.PostForm.Get("seen."+id)), one)
		if err == nil {
			done++
			continue
		}
		why := v.Refusal(err)
		switch {
		case receiver.Status(err) >= http.StatusInternalServerError:
			p.o.Logger.Error("an act of a list failed", "incident", id, "err", err)
			why = v.T("error.trouble")
		case receiver.Status(err) == http.StatusNotFound:
			why = v.T("error.missing")
		case staleLines(err) != nil:
			why = v.staleText(staleLines(err))
		}
		refused = append(refused, id)
		refusals = append(refusals, "#"+strings.TrimPrefix(id, "i")+" – "+why)
	}
	if tone = "good"; done > 0 {
		said = v.Count("many.done", done)
	}
	if len(refusals) > 0 {
		tone, said = "bad", strings.TrimSpace(said+" "+v.Fill("many.refused", "why", strings.Join(refusals[:min(len(refusals), 10)], "; ")))
	}
	return tone, said, refused
}

// staleText says in a line what happened last of what somebody has not seen.
func (v *view) staleText(changes []historyRow) string {
	last := changes[len(changes)-1]
	return v.Fill("act.stale_short", "what", strings.TrimSpace(v.Person(last.Actor)+" "+v.Happened(last)))
}
