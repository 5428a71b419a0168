package story

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/incidents/memory"
)

// outbox stands in for the mail server, with the messages on their way to it.
type outbox struct {
	waiting   []*message // written, and not accepted yet because the server is down
	refusals  []*message // left, but some address refused it for good
	count     int
	downUntil time.Time
	refused   map[string]bool // addresses, in lower case
}

// message is one mail: the notifications of one bundle.
type message struct {
	id   string
	rows []row
	// missing are the addresses that have refused it and nothing replaced yet.
	missing  []string
	accepted []incident.Party
}

// row is one incident's share of a message.
type row struct {
	record *incidents.Record
	note   incident.Notification
}

// next is when the mail server takes again what waits for it; zero when nothing
// does.
func (o *outbox) next() time.Time {
	if len(o.waiting) == 0 {
		return time.Time{}
	}
	return o.downUntil
}

// deliver makes messages of what is due, and offers them to the mail server.
func (p *player) deliver() (sent bool, err error) {
	if err := p.compose(); err != nil || p.now.Before(p.mail.downUntil) {
		return false, err
	}
	due := p.mail.waiting
	p.mail.waiting = nil
	for _, m := range due {
		p.store.Offered(m.notes())
		if err := p.offer(m); err != nil {
			return true, err
		}
	}
	return len(due) > 0, nil
}

// wait puts a message among those on their way, before what is told later of its
// incidents.
func (o *outbox) wait(m *message) {
	at := slices.IndexFunc(o.waiting, func(w *message) bool {
		return slices.ContainsFunc(w.rows, func(later row) bool {
			return slices.ContainsFunc(m.rows, func(r row) bool {
				return r.record == later.record && later.note.HoldUntil.After(r.note.HoldUntil)
			})
		})
	})
	if at < 0 {
		at = len(o.waiting)
	}
	o.waiting = slices.Insert(o.waiting, at, m)
}

// notes are the notifications of a message.
func (m *message) notes() []incident.Notification {
	ns := make([]incident.Notification, len(m.rows))
	for i, r := range m.rows {
		ns[i] = r.note
	}
	return ns
}

// compose makes messages of the bundles whose hold has ended. One that leaves
// may let another leave.
func (p *player) compose() error {
	// What the world overtook while the server was away was taken back.
	p.mail.waiting = slices.DeleteFunc(p.mail.waiting, func(m *message) bool { return !p.store.Waits(m.rows[0].note.ID) })
	for made := true; made; {
		made = false
		err := incidents.InTurn(p.store.DueBundles(p.now), func(key string, inParts bool) (bool, error) {
			ns, whole := p.store.Bundle(key, p.now)
			if !whole && !inParts {
				return false, nil
			}
			made = made || len(ns) > 0
			return true, p.mail.write(p.store, ns)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// write makes a message of what leaves together.
func (o *outbox) write(store *memory.Store, ns []incident.Notification) error {
	if len(ns) == 0 {
		return nil
	}
	store.Leave(ns)
	o.count++
	m := &message{id: fmt.Sprintf("m%d@story", o.count)}
	for _, n := range ns {
		r, err := store.Incident(n.IncidentID)
		if err != nil {
			return err
		}
		m.rows = append(m.rows, row{r, n})
	}
	o.wait(m)
	return nil
}

func (p *player) offer(m *message) error {
	first := m.rows[0].note
	var accepted, refused []string
	for _, party := range slices.Concat(first.To, first.Cc) {
		if p.mail.refused[strings.ToLower(party.Address)] {
			refused = append(refused, party.Address)
			continue
		}
		accepted = append(accepted, party.Address)
		m.accepted = append(m.accepted, party)
	}
	m.missing = refused
	if original := p.replaces(m); original != nil {
		return p.replaced(original, m, accepted, refused)
	}
	if len(refused) == 0 {
		p.printMessage(m)
	} else {
		p.mail.refusals = append(p.mail.refusals, m)
	}
	return p.tellDelivery(m, accepted, refused)
}

func (p *player) tellDelivery(m *message, accepted, refused []string) error {
	d := incident.Delivered{MessageID: m.id, Accepted: accepted, Refused: refused, Complete: len(refused) == 0}
	if len(refused) > 0 {
		d.Detail = "550 no such mailbox"
	}
	return p.update(func(b *incidents.Batch) error {
		for _, r := range m.rows {
			d.NotificationID = r.note.ID
			if _, err := b.Tell(r.record.ID, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// replaces finds the message that a repeated transmission completes.
func (p *player) replaces(m *message) *message {
	n := m.rows[0].note
	if !n.Solo {
		return nil
	}
	for _, o := range p.mail.refusals {
		for _, r := range o.rows {
			if r.record == m.rows[0].record && strings.HasPrefix(n.ID, r.note.ID+"/") {
				return o
			}
		}
	}
	return nil
}

// replaced notes that a changed address has accepted what the old one refused.
func (p *player) replaced(original, again *message, accepted, refused []string) error {
	if len(refused) == 0 {
		original.accepted = append(original.accepted, again.accepted...)
	}
	if err := p.tellDelivery(again, accepted, refused); err != nil {
		return err
	}
	p.complete()
	return nil
}

// complete prints the messages whose every recipient has accepted by now, or
// was waived by a person.
func (p *player) complete() {
	p.mail.refusals = slices.DeleteFunc(p.mail.refusals, func(m *message) bool {
		for _, r := range m.rows {
			if !stepDone(r) {
				return false
			}
		}
		p.printMessage(m)
		return true
	})
}

func stepDone(r row) bool {
	for _, s := range r.record.Steps {
		if s.NotificationID == r.note.ID {
			return s.Status == incident.StepAccepted
		}
	}
	return false
}

// printMessage writes the line of a message that everybody has accepted.
func (p *player) printMessage(m *message) {
	slices.SortStableFunc(m.rows, func(a, b row) int { return a.record.Number - b.record.Number })
	first := m.rows[0]
	h := Happening{
		At: p.now, What: happenedNotification, Incident: first.record.ID, Key: first.record.Key, Episode: first.note.Episode,
		Step: first.note.Step, Template: first.note.Template, DecidedAt: first.note.DecidedAt.In(p.zone),
	}
	for _, r := range m.rows {
		if r.note.DecidedAt.Before(h.DecidedAt) {
			h.DecidedAt = r.note.DecidedAt.In(p.zone)
		}
		if !slices.Contains(h.Incidents, r.record.ID) {
			h.Incidents = append(h.Incidents, r.record.ID)
		}
	}
	if len(h.Incidents) == 1 {
		h.Incidents = nil
	}
	for _, party := range m.accepted {
		if party.Cc {
			h.Cc = append(h.Cc, party.Address)
		} else {
			h.Recipients = append(h.Recipients, party.Address)
		}
	}
	slices.Sort(h.Recipients)
	slices.Sort(h.Cc)
	h.Recipients, h.Cc = slices.Compact(h.Recipients), slices.Compact(h.Cc)
	if p.opt.Subject != nil {
		h.Subject = p.opt.Subject(m.notes())
	}
	p.out = append(p.out, h)
}
