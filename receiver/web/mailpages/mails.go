// Package mailpages shows the mails that came back and that no incident took, and
// lets people say what becomes of them: the same answers are the JSON of the API and
// the data of the page.
package mailpages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vigie/receiver"
	"vigie/receiver/answers"
	"vigie/receiver/board"
	"vigie/receiver/message/locale"
	"vigie/receiver/store"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/query"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Pages is where mails are asked for.
type Pages struct {
	Engine *receiver.Engine
	// Named is the mail that a request's path names.
	Named func(*http.Request) string
}

const (
	// MaxAtOnce bounds the mails of one answer.
	MaxAtOnce = 1000
	perPage   = 50
)

// MailList is a page of the mails that came back.
type MailList struct {
	Mails []SortedMail `json:"mails"`
	// Next is what after is to be for the page that follows; empty on the last.
	Next string `json:"next,omitempty"`
	// Open says that only those are listed that wait for a person.
	Open bool  `json:"-"`
	Form *Form `json:"-"`
}

// SortedMail is a mail with the incidents that it may be about.
type SortedMail struct {
	store.Mail
	// Person is who has the sender's address in the inventory.
	Person string `json:"person,omitempty"`
	// About are open incidents that its words name, or that are its sender's; only of
	// a mail that waits.
	About []About `json:"about,omitempty"`
}

// About is an incident that a mail may be about.
type About struct {
	ID       string `json:"id"`
	Number   int    `json:"number"`
	Customer string `json:"customer,omitempty"`
	Machine  string `json:"machine,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Named says that the mail names it.
	Named bool `json:"named"`
}

// List lists the mails that wait for a person, or all of them.
func (p *Pages) List(r *http.Request, _ string) (any, error) {
	q := r.URL.Query()
	open, limit := query.Yes(q, "open", true), query.Number(q, "limit", perPage)
	all, err := p.Engine.ReceivedMails(r.Context(), open, q.Get("after"), limit+1)
	if err != nil {
		return nil, err
	}
	rows, err := p.Engine.Rows(r.Context())
	if err != nil {
		return nil, err
	}
	out := &MailList{Mails: []SortedMail{}, Open: open, Form: &Form{}}
	for _, m := range all[:min(len(all), limit)] {
		out.Mails = append(out.Mails, p.mail(m, rows))
	}
	if len(all) > limit {
		out.Next = all[limit-1].ID
	}
	return out, nil
}

// maxAbout bounds the incidents that are offered for one mail.
const maxAbout = 5

func (p *Pages) mail(m store.Mail, rows []*board.Row) SortedMail {
	out, book := SortedMail{Mail: m}, p.Engine.Book()
	sender := book.Directory.PersonByAddress(m.From)
	if sender != nil {
		out.Person = sender.ID
	}
	if !m.Open {
		return out
	}
	theirs := sender != nil && book.Role(sender.ID) == act.Customer
	for _, row := range rows {
		named := answers.Mentions(m.Subject+"\n"+m.Text, row.Number(), row.Label(model.LabelMachine))
		if inc := row.Incident(); named || theirs && book.Concerns(&inc, sender.ID) {
			out.About = append(out.About, About{ID: row.ID(), Number: row.Number(), Customer: row.Label(model.LabelCustomer),
				Machine: row.Label(model.LabelMachine), Platform: strings.Join(row.Platforms(), ", "), Named: named})
		}
	}
	slices.SortStableFunc(out.About, func(a, b About) int {
		if a.Named != b.Named {
			return map[bool]int{true: -1, false: 1}[a.Named]
		}
		return cmp.Compare(b.Number, a.Number) // the newest first
	})
	out.About = out.About[:min(len(out.About), maxAbout)]
	return out
}

// Settled is what became of a mail.
type Settled struct {
	Reason string `json:"reason"`
}

// Settle says that somebody is done with a mail. What is settled already stays as it
// is.
func (p *Pages) Settle(r *http.Request, who string) (any, error) {
	var b Settled
	if err := query.Body(r, &b); err != nil {
		return nil, err
	}
	return p.Engine.SettleMail(r.Context(), p.Named(r), b.Reason, who)
}

// Assigned is the incident to which a mail is brought.
type Assigned struct {
	// Incident is its id or number.
	Incident string `json:"incident"`
	// As is note, or answer for the customer's word; note when left out.
	As string `json:"as"`
}

// Assign keeps a mail with an incident.
func (p *Pages) Assign(r *http.Request, who string) (any, error) {
	var b Assigned
	if err := query.Body(r, &b); err != nil {
		return nil, err
	}
	return p.assign(r, who, b)
}

func (p *Pages) assign(r *http.Request, who string, b Assigned) (store.Mail, error) {
	if b.Incident == "" {
		return store.Mail{}, incident.Refuse(http.StatusUnprocessableEntity, "incident is missing: its number or id").About("incident")
	}
	return p.Engine.AssignMail(r.Context(), b.Incident, answers.Assignment{Mail: p.Named(r), As: b.As, By: who})
}

// Form is what somebody typed about one mail, and why nothing came of it.
type Form struct {
	Mail, Do             string
	Incident, As, Reason string
	Err                  error
}

// Of is what was typed about a mail; nothing for any other.
func (l *MailList) Of(id string) Form {
	if l.Form != nil && l.Form.Mail == id {
		return *l.Form
	}
	return Form{}
}

// Typed reads the page's form about a mail.
func Typed(mail, do string, values url.Values) *Form {
	get := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	return &Form{Mail: mail, Do: do, Incident: strings.TrimPrefix(get("incident"), "#"), As: get("as"), Reason: get("reason")}
}

// Act does what a form asks for. Whoever comes second is told who was first, and
// changes nothing.
func (p *Pages) Act(r *http.Request, who string, f *Form) error {
	if f.Do == "assign" {
		// A list of suggestions writes words behind the number.
		number, _, _ := strings.Cut(f.Incident, " ")
		_, err := p.assign(r, who, Assigned{Incident: number, As: f.As})
		return err
	}
	m, err := p.Engine.SettleMail(r.Context(), f.Mail, f.Reason, who)
	if err == nil && m.SettledBy != who {
		return answers.SettledBefore(m)
	}
	return err
}

// Fields ask with which incident a mail is kept, and as what; f is what was typed,
// wrong what is wrong with it, and called says what an incident is about.
func (m SortedMail) Fields(l locale.Locale, f Form, wrong string, called func(About) string) []ask.Field {
	if f.Do != "assign" {
		f, wrong = Form{}, ""
		if len(m.About) == 1 {
			f.Incident = strconv.Itoa(m.About[0].Number)
		}
	}
	form := "assign-" + m.ID
	incident := ask.Field{Form: form, Name: "incident", Kind: "text", Label: ask.T(l, "mails.incident"), Value: f.Incident, Required: true, Most: 100, Complete: "off"}
	for _, a := range m.About {
		incident.Options = append(incident.Options, ask.Option{Value: strconv.Itoa(a.Number), Text: called(a)})
	}
	as := ask.Field{Form: form, Name: "as", Kind: "select", Label: ask.T(l, "mails.as"), Options: []ask.Option{
		{Value: "note", Text: ask.T(l, "mails.as.note")}, {Value: "answer", Text: ask.T(l, "mails.as.answer"), Chosen: f.As == "answer"}}}
	fields := []ask.Field{incident, as}
	if wrong != "" && !ask.Incomplete(l, fields) {
		ask.Mark(fields, ask.Faults{"incident": wrong})
	}
	return fields
}
