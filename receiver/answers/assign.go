package answers

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"vigie/receiver/store"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// Assignment is how a person brings a mail that waits to the incident that it is
// about.
type Assignment struct {
	Mail string
	// As is the act that it is: a note, or the customer's answer.
	As string
	By string
}

// AsNote and AsAnswer are what a mail can be for an incident.
const (
	AsNote   = "note"
	AsAnswer = "answer"
)

// Kinds are what a mail can be, the usual one first.
func Kinds() []string { return []string{AsNote, AsAnswer} }

// Assign keeps a mail's words with an incident, as an act of who brings it there, and
// takes the mail off the list, in one transaction. A refusal says why nothing was
// done.
func Assign(tx *store.Tx, b *incidents.Batch, inc *incidents.Tracked, a Assignment) (store.Mail, *incident.Refusal, error) {
	refuse := func(form string, parts ...string) (store.Mail, *incident.Refusal, error) {
		return store.Mail{}, incident.Refuse(http.StatusUnprocessableEntity, form, parts...).About("as"), nil
	}
	m, err := tx.Mail(a.Mail)
	if err != nil {
		return m, nil, err
	}
	if !m.Open {
		return store.Mail{}, SettledBefore(m), nil
	}
	if a.As = cmp.Or(a.As, AsNote); !slices.Contains(Kinds(), a.As) {
		return refuse("a mail is kept as note or answer, not as {quoted}", "quoted", a.As)
	}
	if p := b.Book.Directory.PersonByAddress(m.From); a.As == AsAnswer && p != nil && b.Book.Role(p.ID) == act.Customer && !b.Book.Concerns(&inc.Incident, p.ID) {
		return refuse("the incident is none of {who}: keep the mail as a note", "who", p.ID)
	}
	words := cmp.Or(strings.TrimSpace(m.Text), m.Subject, m.Reason)
	d, err := b.Apply(inc, incident.Acted{Act: incident.Act{Verb: a.As, By: a.By, Link: "mail:" + m.ID, Fields: model.Labels{"note": cmp.Or(m.From, "?") + ": " + words}, Via: "from the list of mails"}})
	if err != nil || d.Refusal != nil {
		return m, d.Refusal, err
	}
	m.Settle(b.Now, a.By)
	m.Incidents, m.Reason = []string{"i" + strconv.Itoa(inc.Number)}, "kept with the incident"
	return m, nil, tx.SaveMail(m)
}

// Mentions tells whether a text names an incident: by its number, or by its machine.
func Mentions(text string, number int, machine string) bool {
	for _, m := range numbered.FindAllStringSubmatch(text, -1) {
		if m[1] == strconv.Itoa(number) {
			return true
		}
	}
	return says(text, machine)
}
