// Package linkpages are the pages behind the links of mails: what a link is for, a form
// that does it, and what became of it.
package linkpages

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/receiver"
	"vigie/receiver/link"
	"vigie/receiver/message/locale"
	"vigie/receiver/store"
	"vigie/receiver/web/about"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/visible"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

//go:embed link.html
var html string

//go:embed link.css
var css string

// MaxForm bounds what a form of a link brings.
const MaxForm = 64 << 10

// Options is what the pages are made of.
type Options struct {
	Engine *receiver.Engine
	// Enters reports whether anybody can log in to see more.
	Enters func() bool
	// Sorry says in a line what no page can say any more.
	Sorry  func(http.ResponseWriter, *locale.Language, int)
	Logger *slog.Logger
	Now    func() time.Time
}

// Pages shows the pages. A page needs no script and nothing from elsewhere; to open
// one never changes anything.
type Pages struct {
	// Style is how pages look that stand by themselves.
	Style  template.CSS
	o      Options
	acts   ask.Acts
	html   *template.Template
	policy string // Content-Security-Policy
}

// New returns the pages.
func New(o Options) *Pages {
	style := strings.TrimSpace(css)
	sum := sha256.Sum256([]byte(style))
	return &Pages{Style: template.CSS(style), o: o, acts: ask.Acts{Engine: o.Engine, Now: o.Now}, html: ask.Template(template.Must(template.New("link.html").Parse(html))),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}
}

// page is what the template shows.
type page struct {
	locale.Locale
	Style        template.CSS
	Title, Mark  string
	Said, Tone   string // what became of it; good or bad
	Facts        []pair
	Form         *Form
	Notes        []string
	See, SeeText string // where the incident is seen, for those who log in
	CommandLabel string
	Command      string
	HistoryTitle string
	History      []pair
	over         map[string]string // of each row by which nothing can be done any more, why
}

// Lang is the code of the page's language.
func (p *page) Lang() string { return p.Code }

type pair struct{ Name, Value string }

// Form is what an act is told by.
type Form struct {
	As     string // in whose name it is done, when that is settled
	Fields []ask.Field
	Button string
	// Several is set on a page about all rows of a mail, Who once that is settled.
	Several *several
	Who     string
}

// Show answers GET: what the link is for, and a form that does it.
func (l *Pages) Show(w http.ResponseWriter, r *http.Request, token string) {
	o, err := l.o.Engine.OpenLink(r.Context(), token)
	p := l.page(r, o)
	if l.settled(w, p, o, err) {
		return
	}
	p.Form = l.Form(p.Locale, o, url.Values{})
	if len(o.Rows) > 0 {
		p.Form = l.choose(p, o, url.Values{})
	}
	l.write(w, http.StatusOK, p)
}

// settled answers where nothing can be done by a link, or nothing any more.
func (l *Pages) settled(w http.ResponseWriter, p *page, o receiver.Opened, err error) bool {
	switch {
	case err != nil:
		l.fail(w, p, o, err)
	case o.Used != nil:
		l.used(w, p, o)
	case over(o):
		l.over(w, p, o)
	case len(o.Rows) > 0 && len(p.over) == len(o.Rows):
		l.allOver(w, p, o)
	default:
		return false
	}
	return true
}

// Act answers POST: it does what the link is for.
func (l *Pages) Act(w http.ResponseWriter, r *http.Request, token string) {
	r.Body = http.MaxBytesReader(w, r.Body, MaxForm)
	o, err := l.o.Engine.OpenLink(r.Context(), token)
	p := l.page(r, o)
	if l.settled(w, p, o, err) {
		return
	}
	if err := r.ParseForm(); err != nil {
		l.fail(w, p, o, incident.Refuse(http.StatusBadRequest, "not readable"))
		return
	}
	if len(o.Rows) > 0 {
		l.rows(w, r, p, o)
		return
	}
	f := l.Form(p.Locale, o, r.PostForm)
	if l.incomplete(w, p, f) {
		return
	}
	d, err := l.o.Engine.FollowLink(r.Context(), token, r.PostForm.Get("who"), l.acts.Given(p.Locale, o, r.PostForm))
	code := receiver.Status(err)
	switch {
	case err == nil:
		p.Facts, p.History = nil, nil
		p.Said, p.Tone = ask.Done(p.Locale, o, d), "good"
		if !o.Outside && l.o.Enters() {
			p.See, p.SeeText = "/incidents/"+o.Grant.Incident, p.PageWord("see")
		}
		l.write(w, http.StatusOK, p)
	case code == http.StatusUnprocessableEntity, code == http.StatusConflict:
		p.Said, p.Tone, p.Form = l.mend(p, f, err), "bad", f
		l.write(w, code, p)
	case code == http.StatusGone:
		if again, openErr := l.o.Engine.OpenLink(r.Context(), token); openErr == nil && again.Used != nil {
			l.used(w, p, again)
			return
		}
		l.fail(w, p, o, err)
	default:
		if code == http.StatusServiceUnavailable { // it may go right next time, with what was typed
			p.Form = f
		}
		l.fail(w, p, o, err)
	}
}

// incomplete shows a form again when something is missing in it, and says what at its
// fields.
func (l *Pages) incomplete(w http.ResponseWriter, p *page, f *Form) bool {
	if f == nil || !ask.Incomplete(p.Locale, f.Fields) {
		return false
	}
	p.Said, p.Tone, p.Form = ask.T(p.Locale, "field.mend"), "bad", f
	l.write(w, http.StatusUnprocessableEntity, p)
	return true
}

// mend says why something was not done: at the field that is at fault, or else above.
func (l *Pages) mend(p *page, f *Form, err error) string {
	return ask.Mend(p.Locale, f.Fields, err, ask.Refusal(p.Locale, err), p.PageWord("refused")+" "+ask.Refusal(p.Locale, err))
}

// used says that a link was used already; what is to be done more is done with
// the command, or by the link of a newer mail.
func (l *Pages) used(w http.ResponseWriter, p *page, o receiver.Opened) {
	p.Said, p.Tone = l.usedText(p.Locale, o), "good"
	p.otherwise(o)
	l.write(w, http.StatusGone, p)
}

func (l *Pages) usedText(p locale.Locale, o receiver.Opened) string {
	return p.PageSay("used", "when", p.PageMoment(o.Used.At), "who", l.name(o.Used.By))
}

// over reports whether what a link is for has no meaning any more: the incident ended.
func over(o receiver.Opened) bool {
	row, acts := act.Of(o.Verb)
	return acts && o.Incident.State.Ended() && (!row.Ended || slices.Contains(row.Not, string(o.Incident.State)))
}

func (l *Pages) over(w http.ResponseWriter, p *page, o receiver.Opened) {
	p.Said, p.Tone = overText(p.Locale, o), "bad"
	if !o.Outside {
		p.CommandLabel, p.Command = p.PageWord("over.reopen"), act.Command("reopen", o.Grant.Incident)
	}
	l.write(w, http.StatusConflict, p)
}

func overText(p locale.Locale, o receiver.Opened) string {
	at := p.PageMoment(o.Incident.ResolvedAt)
	if o.Outside {
		return p.PageSay("over.outside", "when", at)
	}
	return p.PageSay("over", "state", p.PageWord("state."+string(o.Incident.State)), "when", at)
}

func (l *Pages) fail(w http.ResponseWriter, p *page, o receiver.Opened, err error) {
	code := receiver.Status(err)
	p.Tone = "bad"
	switch {
	case errors.Is(err, link.ErrForged):
		p.Title, p.Said = p.PageWord("forged_title"), p.PageWord("forged")
	case errors.Is(err, link.ErrExpired):
		p.Said, p.History = p.PageSay("expired", "when", p.PageMoment(time.Unix(o.Expires, 0))), nil
		p.otherwise(o)
	case errors.Is(err, store.ErrNotFound):
		p.Title, p.Said = p.PageWord("gone_title"), p.PageWord("gone")
	case code >= http.StatusInternalServerError:
		l.o.Logger.Error("a link could not be followed", "incident", o.Grant.Incident, "purpose", o.Purpose, "err", err)
		p.Said = p.PageWord("later") + " " + err.Error()
		w.Header().Set("Retry-After", "30")
	default:
		p.Said = p.PageWord("refused") + " " + ask.Refusal(p.Locale, err)
		p.otherwise(o)
	}
	if o.Outside { // our own people's matters are not the customer's
		p.History, p.Command = nil, ""
	}
	l.write(w, code, p)
}

func (l *Pages) write(w http.ResponseWriter, code int, p *page) {
	var b bytes.Buffer
	if err := l.html.Execute(&b, p); err != nil {
		l.o.Logger.Error("a page could not be written", "err", err)
		l.o.Sorry(w, p.Language, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Language", p.Code)
	l.Send(w, code, &b)
}

// Send sends a page with what keeps browsers from doing more than to show it.
func (l *Pages) Send(w http.ResponseWriter, code int, b *bytes.Buffer) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", l.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(code)
	_, _ = w.Write(visible.Bytes(b.Bytes())) // the browser went away
}

// page begins a page in the reader's language.
func (l *Pages) page(r *http.Request, o receiver.Opened) *page {
	p := &page{Locale: l.speaking(l.language(r, o), o.Incident.Incident), Style: l.Style, Mark: "Vigie"}
	t := &p.Locale
	p.Title = t.PageWord("title." + o.Purpose)
	if o.Incident.ID == "" {
		return p
	}
	if len(o.Rows) > 0 {
		t.Zone, t.Ref = o.Incident.OpenedAt.Location(), l.o.Now()
		p.Title, p.over = t.PageWord("title.several"), l.rowsOver(r, t, o)
		return p
	}
	book, inc := l.o.Engine.Book(), o.Incident
	if !l.named(o) {
		inc.Incident = book.Seen(inc.Incident, "")
	}
	t.Zone, t.Ref = inc.OpenedAt.Location(), l.o.Now()
	p.Mark = fmt.Sprintf("Vigie #%d", inc.Number)
	add := func(key, value string) {
		if value != "" {
			p.Facts = append(p.Facts, pair{t.PageWord("fact." + key), value})
		}
	}
	add("customer", l.customer(inc.Identity[model.LabelCustomer]))
	add("machine", inc.Identity[model.LabelMachine])
	add("platform", t.PlatformName(book.Directory.PlatformName(inc.Identity[model.LabelPlatform])))
	if o.Outside {
		return p
	}
	add("role", t.NameOf("backup_role", inc.Identity[model.LabelBackupRole]))
	add("alert", l.alerts(*t, &inc.Incident))
	add("state", t.PageWord("state."+string(inc.State)))
	add("assignee", l.name(inc.Assignee))
	add("since", t.PageMoment(inc.StartedAt))
	if !inc.Deadline.IsZero() && !inc.State.Ended() {
		add("deadline", t.PageMoment(inc.Deadline))
	}
	add("error", inc.LastErr)
	for _, s := range inc.Silences {
		add("silence", t.PageSay("silence_by", "who", l.name(s.By), "when", t.PageMoment(s.EndsAt)))
	}
	if o.Purpose == "incident" {
		p.HistoryTitle = t.PageWord("history")
		p.History = l.history(r, *t, o)
	}
	return p
}

// history is what was done and what was written, oldest first: a message stands
// at the instant at which the recipient's server accepted it.
func (l *Pages) history(r *http.Request, t locale.Locale, o receiver.Opened) []pair {
	type event struct {
		at   time.Time
		text string
	}
	var all []event
	shown := o.Incident.Incident
	if !l.named(o) {
		shown = l.o.Engine.Book().Seen(shown, "")
	}
	for _, a := range shown.Acts {
		all = append(all, event{a.At, l.did(t, a)})
	}
	if len(o.Persons) > 0 && l.named(o) {
		ms, err := l.o.Engine.Messages(r.Context(), receiver.MessageFilter{Incident: o.Incident.ID, Limit: receiver.MaxMessages}, o.Persons[0])
		if err != nil {
			l.o.Logger.Error("the history of an incident lacks its messages", "incident", o.Incident.ID, "err", err)
		}
		for _, m := range ms {
			for _, to := range m.Recipients {
				if !to.AcceptedAt.IsZero() {
					all = append(all, event{to.AcceptedAt, t.PageSay("history.accepted", "subject", m.Subject, "who", to.Address)})
				}
				if !to.RefusedAt.IsZero() {
					all = append(all, event{to.RefusedAt, t.PageSay("history.refused", "subject", m.Subject, "who", to.Address)})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	var out []pair
	for _, e := range all {
		out = append(out, pair{t.PageMoment(e.at), e.text})
	}
	return out
}

// did says in words what somebody did.
func (l *Pages) did(t locale.Locale, a incident.ActRecord) string {
	result := ""
	if r := a.Fields["result"]; r != "" {
		result = cmp.Or(t.PageWord(a.Verb+"."+r), r)
	}
	parts := []string{result, cmp.Or(a.Fields["note"], a.Fields["text"]), a.Fields["reason"], a.Fields["comment"]}
	said := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " – ")
	return strings.TrimSpace(l.name(a.By) + " " + t.PageWord("verb."+a.Verb) + " " + said)
}

// named reports whether all whom a link was sent to may read of its incident.
func (l *Pages) named(o receiver.Opened) bool {
	book := l.o.Engine.Book()
	return !slices.ContainsFunc(o.Persons, func(id string) bool { return !book.MayRead(&o.Incident.Incident, id) })
}

// language is that of the only person who can be meant, or else the browser's.
func (l *Pages) language(r *http.Request, o receiver.Opened) string {
	book := l.o.Engine.Book()
	if len(o.Persons) > 0 {
		if p := book.Directory.Person(o.Persons[0]); p != nil && p.Language != "" {
			return p.Language
		}
	}
	if c := book.Directory.Customers[o.Incident.Identity[model.LabelCustomer]]; c != nil && c.Language != "" && o.Outside {
		return c.Language
	}
	return strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language")))
}

// called is what a refusal calls somebody by.
func (l *Pages) name(id string) string { return l.o.Engine.Book().Directory.PersonName(id) }

// Form is what a link's act needs to know, as far as it is not settled.
func (l *Pages) Form(p locale.Locale, o receiver.Opened, given url.Values) *Form {
	if o.Verb == "" {
		return nil
	}
	f := &Form{Button: p.PageWord("button." + o.Purpose)}
	l.actors(p, f, o, given.Get("who"))
	asked := l.acts.Fields(p, o)
	for i := range asked {
		x := &asked[i]
		x.Label = p.PageWord("field." + x.Name)
		if special := p.PageWord("field." + o.Purpose + "." + x.Name); special != "" {
			x.Label = special
		}
		if v, sent := given[x.Name]; sent && len(v) > 0 {
			x.Value = v[0]
		}
		for k := range x.Options {
			x.Options[k].Chosen = x.Options[k].Value == x.Value
		}
	}
	f.Fields = append(f.Fields, asked...)
	return f
}

// actors says in whose name it is done, or asks for it.
func (l *Pages) actors(p locale.Locale, f *Form, o receiver.Opened, chosen string) {
	if len(o.Actors) == 1 {
		f.As = p.PageSay("as", "who", l.name(o.Actors[0]))
		return
	}
	who := ask.Field{Name: "who", Kind: "select", Label: p.PageWord("who"), Required: true, Value: chosen, Options: []ask.Option{{Text: p.PageWord("choose")}}}
	for _, id := range o.Actors {
		who.Options = append(who.Options, ask.Option{Value: id, Text: l.name(id), Chosen: chosen == id})
	}
	f.Fields = append(f.Fields, who)
}

// Given are the fields of an act as somebody filled them in.
func (l *Pages) Given(p locale.Locale, o receiver.Opened, given url.Values) model.Labels {
	return l.acts.Given(p, o, given)
}

// Speaking is how to speak to somebody whose language, or whose browser's list
// of them, is known; English when none of ours is among them.
func (l *Pages) Speaking(language string) locale.Locale {
	return l.speaking(language, incident.Incident{})
}

func (l *Pages) speaking(language string, inc incident.Incident) locale.Locale {
	words := l.o.Engine.Languages().Accepting(language).Tied()
	return locale.Locale{Language: words, Zone: time.UTC, Called: about.Called(words, l.o.Engine, inc, l.o.Now())}
}

// otherwise says how to do it without this link.
func (p *page) otherwise(o receiver.Opened) {
	if o.Outside {
		p.Notes = append(p.Notes, p.PageWord("otherwise.outside"))
		return
	}
	p.Notes = append(p.Notes, p.PageWord("otherwise"))
	if o.Grant.Incident != "" {
		p.CommandLabel = p.PageWord("otherwise.command")
		p.Command = act.Command(o.Purpose, o.Grant.Incident)
		if o.Verb == "" {
			p.Command = "vigie explain " + o.Grant.Incident
		}
	}
}
