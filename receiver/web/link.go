package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"vigie/receiver"
	"vigie/receiver/link"
	"vigie/receiver/store"
	"vigie/rules"
)

//go:embed pages
var pages embed.FS

// maxForm bounds what a form of a link brings.
const maxForm = 64 << 10

// linkPages shows the pages behind the links of mails. A page needs no script
// and nothing from elsewhere; to open one never changes anything.
type linkPages struct {
	o      Options
	html   *template.Template
	style  template.CSS
	policy string // Content-Security-Policy
}

func newLinkPages(o Options) *linkPages {
	css, err := pages.ReadFile("pages/link.css")
	if err != nil {
		panic(err) // it is compiled in
	}
	style := strings.TrimSpace(string(css))
	sum := sha256.Sum256([]byte(style))
	return &linkPages{o: o, html: template.Must(template.ParseFS(pages, "pages/link.html")), style: template.CSS(style),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}
}

// page is what the template shows.
type page struct {
	*speech
	Style        template.CSS
	Title, Mark  string
	Said, Tone   string // what became of it; good or bad
	Facts        []pair
	Form         *form
	Notes        []string
	CommandLabel string
	Command      string
	HistoryTitle string
	History      []pair
}

// Lang is the code of the page's language.
func (p *page) Lang() string { return p.Code }

type pair struct{ Name, Value string }

type form struct {
	WhoLabel, Choose, As string
	Persons              []option
	Fields               []field
	Button               string
}

type field struct {
	Name, Kind, Label, Value, Hint string
	Required                       bool
	Options                        []option
}

type option struct {
	Value, Text string
	Chosen      bool
}

// show answers GET: what the link is for, and a form that does it.
func (l *linkPages) show(w http.ResponseWriter, r *http.Request) {
	o, err := l.o.Engine.OpenLink(r.Context(), mux.Vars(r)["token"])
	p := l.page(r, o)
	switch {
	case err != nil:
		l.fail(w, p, o, err)
	case o.Used != nil:
		l.used(w, p, o)
	default:
		p.Form = l.form(p, o, url.Values{})
		l.write(w, http.StatusOK, p)
	}
}

// act answers POST: it does what the link is for.
func (l *linkPages) act(w http.ResponseWriter, r *http.Request) {
	token := mux.Vars(r)["token"]
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	o, err := l.o.Engine.OpenLink(r.Context(), token)
	p := l.page(r, o)
	if err != nil {
		l.fail(w, p, o, err)
		return
	}
	if err := r.ParseForm(); err != nil {
		l.fail(w, p, o, refuse(http.StatusBadRequest, "not readable"))
		return
	}
	d, err := l.o.Engine.FollowLink(r.Context(), token, r.PostForm.Get("who"), l.fields(p, o, r.PostForm))
	code := receiver.Status(err)
	switch {
	case err == nil:
		p.Facts, p.History = nil, nil
		p.Said, p.Tone = p.done(o, d), "good"
		l.write(w, http.StatusOK, p)
	case code == http.StatusUnprocessableEntity, code == http.StatusConflict && o.Purpose == "take":
		p.Said, p.Tone = p.word("refused")+" "+err.Error(), "bad"
		p.Form = l.form(p, o, r.PostForm)
		l.write(w, code, p)
	case code == http.StatusGone:
		if again, openErr := l.o.Engine.OpenLink(r.Context(), token); openErr == nil && again.Used != nil {
			l.used(w, p, again)
			return
		}
		l.fail(w, p, o, err)
	default:
		l.fail(w, p, o, err)
	}
}

// used says that a link was used already; what is to be done more is done with
// the command, or by the link of a newer mail.
func (l *linkPages) used(w http.ResponseWriter, p *page, o receiver.Opened) {
	p.Said, p.Tone = p.say("used", "when", p.moment(o.Used.At), "who", l.name(o.Used.By)), "good"
	p.otherwise(o)
	l.write(w, http.StatusGone, p)
}

func (l *linkPages) fail(w http.ResponseWriter, p *page, o receiver.Opened, err error) {
	code := receiver.Status(err)
	p.Tone = "bad"
	switch {
	case errors.Is(err, link.ErrForged):
		p.Title, p.Said = p.word("forged_title"), p.word("forged")
	case errors.Is(err, link.ErrExpired):
		p.Said = p.say("expired", "when", p.moment(time.Unix(o.Expires, 0)))
		p.otherwise(o)
	case errors.Is(err, store.ErrNotFound):
		p.Title, p.Said = p.word("gone_title"), p.word("gone")
	case code >= http.StatusInternalServerError:
		l.o.Logger.Error("a link could not be followed", "incident", o.Grant.Incident, "purpose", o.Purpose, "err", err)
		p.Said = p.word("later") + " " + err.Error()
		w.Header().Set("Retry-After", "30")
	default:
		p.Said = p.word("refused") + " " + err.Error()
		p.otherwise(o)
	}
	if o.Outside { // our own people's matters are not the customer's
		p.History, p.Command = nil, ""
	}
	l.write(w, code, p)
}

func (l *linkPages) write(w http.ResponseWriter, code int, p *page) {
	var b bytes.Buffer
	if err := l.html.Execute(&b, p); err != nil {
		l.o.Logger.Error("a page could not be written", "err", err)
		http.Error(w, "the page could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Language", p.Code)
	l.send(w, code, &b)
}

// send sends a page with what keeps browsers from doing more than to show it.
func (l *linkPages) send(w http.ResponseWriter, code int, b *bytes.Buffer) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", l.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(code)
	_, _ = b.WriteTo(w) // the browser went away
}

// page begins a page in the reader's language.
func (l *linkPages) page(r *http.Request, o receiver.Opened) *page {
	t := l.speechIn(l.language(r, o))
	p := &page{speech: t, Style: l.style, Title: t.word("title." + o.Purpose), Mark: "Vigie"}
	if o.Incident.ID == "" {
		return p
	}
	book, inc := l.o.Engine.Book(), o.Incident
	t.Zone, t.Ref = inc.OpenedAt.Location(), l.o.Now()
	p.Mark = fmt.Sprintf("Vigie #%d", inc.Number)
	add := func(key, value string) {
		if value != "" {
			p.Facts = append(p.Facts, pair{t.word("fact." + key), value})
		}
	}
	customer := inc.Identity[rules.LabelCustomer]
	if c := book.Directory.Customers[customer]; c != nil && c.Name != "" {
		customer = c.Name
	}
	add("customer", customer)
	add("machine", inc.Identity[rules.LabelMachine])
	add("platform", inc.Identity[rules.LabelPlatform])
	if o.Outside {
		return p
	}
	add("role", t.word("role."+inc.Identity[rules.LabelBackupRole]))
	add("state", t.word("state."+string(inc.State)))
	add("assignee", l.name(inc.Assignee))
	add("since", t.moment(inc.StartedAt))
	if !inc.Deadline.IsZero() {
		add("deadline", t.moment(inc.Deadline))
	}
	add("error", inc.LastErr)
	for _, s := range inc.Silences {
		add("silence", t.say("silence_by", "who", l.name(s.By), "when", t.moment(s.EndsAt)))
	}
	if o.Purpose == "incident" {
		p.HistoryTitle = t.word("history")
		for _, a := range inc.Acts {
			text := a.Fields["note"]
			if text == "" {
				text = a.Fields["reason"]
			}
			p.History = append(p.History, pair{t.moment(a.At), strings.TrimSpace(l.name(a.By) + " " + t.word("verb."+a.Verb) + " " + text)})
		}
	}
	return p
}

// language is that of the only person who can be meant, or else the browser's.
func (l *linkPages) language(r *http.Request, o receiver.Opened) string {
	book := l.o.Engine.Book()
	if len(o.Persons) > 0 {
		if p := book.Directory.Person(o.Persons[0]); p != nil && p.Language != "" {
			return p.Language
		}
	}
	if c := book.Directory.Customers[o.Incident.Identity[rules.LabelCustomer]]; c != nil && c.Language != "" && o.Outside {
		return c.Language
	}
	return strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language")))
}

func (l *linkPages) name(id string) string {
	if p := l.o.Engine.Book().Directory.Person(id); p != nil && p.Name != "" {
		return p.Name
	}
	return id
}

// form is what a link's act needs to know, as far as it is not settled.
func (l *linkPages) form(p *page, o receiver.Opened, given url.Values) *form {
	if o.Verb == "" {
		return nil
	}
	f := &form{Button: p.word("button." + o.Purpose), WhoLabel: p.word("who"), Choose: p.word("choose")}
	if len(o.Actors) == 1 {
		f.As = p.say("as", "who", l.name(o.Actors[0]))
	} else {
		for _, id := range o.Actors {
			f.Persons = append(f.Persons, option{id, l.name(id), given.Get("who") == id})
		}
	}
	f.Fields = l.inputs(p, o)
	for i := range f.Fields {
		x := &f.Fields[i]
		x.Label = p.word("field." + x.Name)
		if special := p.word("field." + o.Purpose + "." + x.Name); special != "" {
			x.Label = special
		}
		if v, sent := given[x.Name]; sent && len(v) > 0 {
			x.Value = v[0]
		}
		for k := range x.Options {
			x.Options[k].Chosen = x.Options[k].Value == x.Value
		}
	}
	return f
}

// inputs are the fields of a link's form.
func (l *linkPages) inputs(p *page, o receiver.Opened) []field {
	engine := l.o.Engine
	book, inc := engine.Book(), o.Incident
	var scenario *rules.Scenario
	policy := book.Policy(inc.Policy)
	if policy != nil {
		scenario = policy.Scenario(inc.Scenario)
	}
	note := field{Name: "note", Kind: "area"}
	switch o.Purpose {
	case "take":
		if inc.Assignee != "" && !slices.Equal(o.Actors, []string{inc.Assignee}) {
			return []field{{Name: "force", Kind: "check"}}
		}
	case "assign":
		to := field{Name: "to", Kind: "select", Required: true, Options: []option{{Text: p.word("choose")}}}
		for _, id := range book.Staff() {
			to.Options = append(to.Options, option{Value: id, Text: l.name(id)})
		}
		return []field{to}
	case "escalate":
		return []field{{Name: "reason", Kind: "area", Required: true}}
	case "forecast_no":
		return []field{{Name: "reason", Kind: "area", Required: true}, {Name: "expected_date", Kind: "date", Required: true}}
	case "answer":
		if o.Verb != "answer" {
			note.Required = true
			return []field{note}
		}
		result := field{Name: "result", Kind: "select", Required: true, Options: []option{{Text: p.word("choose")}}}
		for _, v := range []string{"done", "away", "call_me", "not_mine"} {
			result.Options = append(result.Options, option{Value: v, Text: p.word("answer." + v)})
		}
		return []field{result, {Name: "until", Kind: "date", Hint: p.word("hint.away")}, note}
	case "call":
		outcome := field{Name: "outcome", Kind: "select", Required: true, Options: []option{{Text: p.word("choose")}}}
		if scenario != nil && scenario.Calls != nil {
			for _, v := range scenario.Calls.Outcomes {
				text := p.word("outcome." + v)
				if text == "" {
					text = v
				}
				outcome.Options = append(outcome.Options, option{Value: v, Text: text})
			}
		}
		return []field{outcome, {Name: "person", Kind: "text"}, note, {Name: "next_date", Kind: "date", Hint: p.word("hint.next_date")}}
	case "check_ok", "check_ko", "attempt", "note", "reopen":
		note.Required = o.Purpose == "note" || o.Purpose == "check_ok"
		return []field{note}
	case "silence":
		end := book.SilenceEnd(inc.Incident, l.o.Now()).In(inc.OpenedAt.Location())
		return []field{{Name: "until", Kind: "datetime-local", Value: end.Format("2006-01-02T15:04"), Required: true,
			Hint: p.say("hint.silence", "when", p.moment(end))}, {Name: "comment", Kind: "text", Required: true}}
	case "resolve":
		var fs []field
		if scenario != nil && scenario.Resolve.Cause {
			cause := field{Name: "cause", Kind: "select", Required: true, Options: []option{{Text: p.word("choose")}}}
			for _, code := range sortedCauses(policy) {
				cause.Options = append(cause.Options, option{Value: code, Text: code})
			}
			fs = append(fs, cause, field{Name: "data_loss", Kind: "text", Hint: p.word("hint.data_loss")})
		}
		note.Required = true
		return append(fs, note)
	case "close":
		reason := field{Name: "reason", Kind: "select", Required: true, Options: []option{{Text: p.word("choose")}}}
		for _, v := range rules.CloseReasons() {
			reason.Options = append(reason.Options, option{Value: v, Text: p.word("close." + v)})
		}
		return []field{reason}
	}
	return nil
}

func sortedCauses(p *rules.Policy) []string {
	out := []string{"unknown"}
	for code := range p.Causes {
		out = append(out, code)
	}
	slices.Sort(out[1:])
	return out
}

// fields are the act's fields of what a form brought: only those that its page
// asks for.
func (l *linkPages) fields(p *page, o receiver.Opened, given url.Values) rules.Labels {
	out := rules.Labels{}
	for _, f := range l.inputs(p, o) {
		if v := strings.TrimSpace(given.Get(f.Name)); v != "" {
			out[f.Name] = v
		}
	}
	if o.Verb != "answer" {
		return out
	}
	switch out["result"] {
	case "away":
	case "call_me": // somebody phones on the next service day
		out["until"] = l.o.Now().In(o.Incident.OpenedAt.Location()).AddDate(0, 0, 1).Format(time.DateOnly)
	default:
		delete(out, "until")
	}
	return out
}
