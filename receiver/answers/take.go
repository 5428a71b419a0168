package answers

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// MaxOpen bounds how many mails wait for a person; further ones stay in the
// mailbox.
const MaxOpen = 1000

// NotTakenError says that a mail changes no incident, and why: a person has to
// look at it.
type NotTakenError struct{ Reason string }

func (e *NotTakenError) Error() string { return e.Reason }

// refused is what a server that gave a mail back had something against.
func refused(words, address string) string {
	switch notify.OfReturned(words, address) {
	case notify.KindRecipient:
		return incident.RefusedAddress
	case notify.KindMessage:
		return incident.RefusedMessage
	}
	return incident.RefusedTrouble
}

func leave(format string, args ...any) error { return &NotTakenError{fmt.Sprintf(format, args...)} }

// Take takes in a mail in one transaction. With a [NotTakenError] the transaction
// must be given up, and the mail be kept with [Keep].
func Take(tx *store.Tx, b *incidents.Batch, in Incoming) error {
	if _, err := tx.Mail(in.ID); err == nil {
		return nil // it came before
	}
	t := taking{tx: tx, Batch: b, in: in}
	kept := store.Mail{ID: in.ID, Received: b.Now, Sort: string(in.Sort), From: in.From, Subject: in.Subject}
	if err := t.sent(); err != nil {
		return err
	}
	var err error
	switch {
	case in.Sort == Receipt || in.Sort == Own:
		kept.Subject, kept.Reason = "", "nothing follows from it"
	case in.Sort == Unread:
		return leave("%s", in.Detail)
	case t.found == nil && in.Sort == Absence:
		kept.Reason = "a machine's answer to nothing that was sent"
	case t.found == nil:
		return leave("it names no message that was sent")
	case in.Sort == Reply:
		kept.Reason, kept.Text = "kept with the incident", in.Text
		err = t.reply()
	default:
		kept.Reason = in.Detail
		err = t.returned()
	}
	if err != nil {
		return err
	}
	kept.Incidents = t.about
	_, err = tx.KeepMail(kept)
	return err
}

// Keep keeps a mail that nothing could be done with for a person to look at. It
// reports whether there is no room for it.
func Keep(tx *store.Tx, in Incoming, reason string, now time.Time) (full bool, err error) {
	if n, err := tx.OpenMails(); err != nil || n >= MaxOpen {
		return n >= MaxOpen, err
	}
	_, err = tx.KeepMail(store.Mail{ID: in.ID, Received: now, Sort: string(in.Sort), Open: true, From: in.From, Subject: in.Subject, Text: cmp.Or(in.Text, in.Whole), Reason: reason})
	return false, err
}

// taking is one mail that is taken in.
type taking struct {
	*incidents.Batch
	tx      *store.Tx
	in      Incoming
	found   *store.Transmission
	notices []incident.Notification // what the message told
	about   []string                // numbers of the incidents that it came to
}

// sent finds the transmission that the mail is about.
func (t *taking) sent() error {
	found, is, err := t.tx.SentBy(t.in.Token)
	if err == nil && !is {
		found, is, err = t.byIdentifier()
	}
	if err != nil || !is {
		return err
	}
	t.found = &found
	t.notices, err = t.tx.Notifications(found.Message)
	return err
}

// byIdentifier finds it by Message-ID and address: the key of a bounce without a
// token, and of an answer whose address was changed. An answer's address is its
// sender's, since nobody answers for another.
func (t *taking) byIdentifier() (found store.Transmission, is bool, err error) {
	addresses := t.in.Addresses
	if t.in.Sort == Reply || t.in.Sort == Absence {
		addresses = []string{t.in.From}
	}
	for _, id := range t.in.Answers {
		for _, a := range addresses {
			if found, is, err = t.tx.SentTo(id, a); err != nil || is {
				return found, is, err
			}
		}
	}
	return found, false, nil
}

// returned tells incidents of a bounce, a delay or an absence.
func (t *taking) returned() error {
	if t.in.Sort == Bounced {
		if err := t.tx.Finish(t.found.Message, t.found.Address, store.Refused, "given back: "+t.in.Detail, t.Now); err != nil {
			return err
		}
	}
	for _, n := range t.notices {
		if n.IncidentID == "" {
			continue // a digest
		}
		if _, err := t.Tell(n.IncidentID, incident.Returned{NotificationID: n.ID, Address: t.found.Address, What: string(t.in.Sort), Detail: t.in.Detail, Refused: refused(t.in.Detail, t.found.Address)}); err != nil {
			return err
		}
		if err := t.name(n.IncidentID); err != nil {
			return err
		}
	}
	return nil
}

// name notes that the mail came to an incident.
func (t *taking) name(id string) error {
	inc, err := t.Load(id)
	if err != nil {
		return err
	}
	if number := "i" + strconv.Itoa(inc.Number); !slices.Contains(t.about, number) {
		t.about = append(t.about, number)
	}
	return nil
}

// reply keeps an answer with the incidents that it is about.
func (t *taking) reply() error {
	switch {
	case len(t.in.Answers) == 0:
		return leave("it names no mail that it answers, as a machine's note does: it may be none")
	case t.in.From == "":
		return leave("it has no sender")
	case strings.TrimSpace(t.in.Text) == "":
		return leave("nothing in it is the sender's own words")
	}
	ids, err := t.meant()
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return leave("the message that it answers is about no incident")
	}
	for _, id := range ids {
		inc, err := t.Load(id)
		if err != nil {
			return err
		}
		who, outside, known := t.sender(inc)
		if !known {
			return leave("its sender is none of those to whom the message went, and the incident is none of theirs")
		}
		// The incident tells by the name of the mail that it was taken in.
		d, err := t.Apply(inc, incident.Acted{Act: incident.Act{Verb: t.verb(inc, outside), By: who, External: outside, Link: "mail:" + t.in.ID,
			Fields: model.Labels{"note": t.in.Text}, Via: "by mail, in answer to <" + t.found.Message + ">"}})
		if err != nil {
			return err
		}
		if d.Refusal != nil {
			return leave("%s", d.Refusal.Error())
		}
		if err := t.name(id); err != nil {
			return err
		}
	}
	return nil
}

// sender is who wrote an answer: one of those to whom the message went, or else
// somebody of ours, or of the customer's whom the incident concerns.
func (t *taking) sender(inc *incidents.Tracked) (id string, outside, known bool) {
	p := t.Book.Directory.PersonByAddress(t.in.From)
	for _, n := range t.notices {
		for _, party := range slices.Concat(n.To, n.Cc) {
			if !strings.EqualFold(party.Address, t.in.From) {
				continue
			}
			if p != nil {
				return p.ID, t.Book.Role(p.ID) == act.Customer, true
			}
			return t.in.From, party.Outside, true
		}
	}
	if p == nil || p.Shared {
		return "", false, false
	}
	if t.Book.Role(p.ID) == act.Customer {
		return p.ID, true, t.Book.Concerns(&inc.Incident, p.ID)
	}
	return p.ID, false, true
}

// verb is what an answer does: it is the customer's word where somebody would
// phone otherwise, and a remark anywhere else.
func (t *taking) verb(inc *incidents.Tracked, outside bool) string {
	if p := t.Book.Policy(inc.Policy); outside && p != nil && !inc.State.Ended() {
		if s := p.Scenario(inc.Scenario); s != nil && s.Calls != nil {
			return "answer"
		}
	}
	return "note"
}

var numbered = regexp.MustCompile(`#(\d{1,9})\b`)

// meant are the incidents that an answer is about: all of its message, unless it
// names some of them by number or machine.
func (t *taking) meant() ([]string, error) {
	var all, named []string
	numbers := map[string]bool{}
	for _, m := range numbered.FindAllStringSubmatch(t.in.Text, -1) {
		numbers[m[1]] = true
	}
	for _, n := range t.notices {
		if n.IncidentID == "" || slices.Contains(all, n.IncidentID) {
			continue
		}
		all = append(all, n.IncidentID)
		inc, err := t.Load(n.IncidentID)
		if err != nil {
			return nil, err
		}
		if numbers[strconv.Itoa(inc.Number)] || says(t.in.Text, inc.Identity[model.LabelMachine]) {
			named = append(named, n.IncidentID)
		}
	}
	if len(named) > 0 {
		return named, nil
	}
	return all, nil
}

// says tells whether a text has a name as a word of its own.
func says(text, name string) bool {
	if len(name) < 3 {
		return false
	}
	found, err := regexp.MatchString(`(?i)(^|[^\pL\pN_-])`+regexp.QuoteMeta(name)+`($|[^\pL\pN_-])`, text)
	return err == nil && found
}
