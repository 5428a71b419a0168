// Package letter is a message between its words and its way: as it is kept until
// every recipient has it, and as lists show it.
package letter

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/inventory"
)

// Kept is a message with its words in every language that its recipients read, by
// the language, or by the address of whoever reads other facts, and what each of those
// reads who read another than most.
type Kept struct {
	notify.Message
	Translations map[string]message.Rendered `json:",omitempty"`
	Reads        map[string]string           `json:",omitempty"` // key of Translations, by address
}

// Speaking is the message in the words of one recipient.
func (k *Kept) Speaking(address string) notify.Message {
	m := k.Message
	if w, ok := k.Translations[k.Reads[strings.ToLower(address)]]; ok {
		m.Subject, m.Text, m.HTML, m.Language = w.Subject, w.Text, w.HTML, w.Language
	}
	return m
}

// Mailboxes are the mailboxes that a header names; whoever is told by another
// channel has none.
func Mailboxes(ps []incident.Party) []string {
	var out []string
	for _, p := range ps {
		if channel, _ := inventory.SplitAddress(p.Address); channel == "" {
			out = append(out, notify.Address{Name: p.Name, Addr: p.Address}.String())
		}
	}
	return out
}

// Recipients are the addresses of To and Cc, each once.
func Recipients(n incident.Notification) []string {
	var out []string
	for _, p := range slices.Concat(n.To, n.Cc) {
		if !slices.ContainsFunc(out, func(a string) bool { return strings.EqualFold(a, p.Address) }) {
			out = append(out, p.Address)
		}
	}
	return out
}

// Summary is a message, or what will become one, with how far it has come.
type Summary struct {
	// ID is its Message-ID; empty while it is held for others to leave with it.
	ID        string    `json:"id,omitempty"`
	Template  string    `json:"template"`
	Subject   string    `json:"subject,omitempty"`
	Incidents []string  `json:"incidents"`
	Decided   time.Time `json:"decided_at,omitzero"`
	// HeldUntil is when it leaves, of one that is held.
	HeldUntil  time.Time   `json:"held_until,omitzero"`
	Recipients []Recipient `json:"recipients"`
}

// Recipient is how far a message has come with one recipient.
type Recipient struct {
	Address  string `json:"address"`
	Channel  string `json:"channel,omitempty"` // empty for e-mail
	Status   string `json:"status"`            // held, pending, sending, accepted, refused
	Attempts int    `json:"attempts"`
	// AcceptedAt is when the recipient's server took it, RefusedAt when it was
	// refused for good, NextAt when it is tried next.
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	RefusedAt  time.Time `json:"refused_at,omitzero"`
	NextAt     time.Time `json:"next_at,omitzero"`
	Detail     string    `json:"detail,omitempty"` // why it was not accepted
}

// held is the status of what has not left yet.
const held = "held"

// OfHeld is what lists show of a notification that is no message yet.
func OfHeld(n incident.Notification, zone *time.Location) Summary {
	m := Summary{Template: n.Template, Incidents: incidentsOf(n.IncidentID), Decided: n.DecidedAt.In(zone), HeldUntil: n.HoldUntil.In(zone)}
	for _, p := range slices.Concat(n.To, n.Cc) {
		channel, _ := inventory.SplitAddress(p.Address)
		m.Recipients = append(m.Recipients, Recipient{Address: p.Address, Channel: channel, Status: held, NextAt: m.HeldUntil})
	}
	return m
}

func incidentsOf(id string) []string {
	if id == "" {
		return []string{}
	}
	return []string{id}
}

// Of is what lists show of a message.
func Of(l store.Letter, zone *time.Location) Summary {
	var words struct{ Subject string }
	_ = json.Unmarshal(l.Value, &words) // an erased message has no subject any more
	m := Summary{ID: l.ID, Template: l.Template, Subject: words.Subject, Decided: l.Created.In(zone), Incidents: []string{}}
	for _, id := range l.Incidents {
		m.Incidents = append(m.Incidents, incidentsOf(id)...)
	}
	at := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.In(zone)
	}
	for _, t := range l.Transmissions {
		r := Recipient{Address: t.Address, Channel: t.Channel, Status: t.Status, Attempts: t.Attempts, NextAt: at(t.Next), Detail: t.Detail}
		switch t.Status {
		case store.Accepted:
			r.AcceptedAt, r.Detail = at(t.Ended), ""
		case store.Refused:
			r.RefusedAt = at(t.Ended)
		}
		m.Recipients = append(m.Recipients, r)
	}
	return m
}
