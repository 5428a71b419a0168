package story

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"vigie/rules"
)

// outbox holds messages until their hold ends, joins what belongs to one
// bundle, and stands in for the mail server.
type outbox struct {
	waiting   []*message // by decision
	refusals  []*message // left, but some address refused it for good
	count     int
	downUntil time.Time
	refused   map[string]bool // addresses, in lower case
}

// message is one mail: the notifications of one bundle.
type message struct {
	id    string
	key   string
	leave time.Time
	rows  []row
	// missing are the addresses that have refused it and nothing replaced yet.
	missing  []string
	accepted []rules.Party
}

// row is one incident's share of a message.
type row struct {
	entry *entry
	note  rules.Notification
}

func (o *outbox) add(e *entry, n rules.Notification) {
	if n.BundleKey != "" && !n.Solo {
		for _, m := range o.waiting {
			if m.key == n.BundleKey && !o.overtakes(e, n, m) {
				m.rows = append(m.rows, row{e, n})
				return
			}
		}
	}
	o.count++
	m := &message{id: fmt.Sprintf("m%d@story", o.count), key: n.BundleKey, rows: []row{{e, n}}}
	if n.Solo {
		m.key = ""
	}
	m.leave = wholeSecond(n.HoldUntil)
	o.waiting = append(o.waiting, m)
}

// overtakes reports whether a notification that joined a message would leave
// before an earlier one about its incident that is due no later than itself.
func (o *outbox) overtakes(e *entry, n rules.Notification, joined *message) bool {
	for _, m := range o.waiting {
		if m.leave.After(joined.leave) && slices.ContainsFunc(m.rows, func(r row) bool { return r.entry == e && !r.note.HoldUntil.After(n.HoldUntil) }) {
			return true
		}
	}
	return false
}

// withdraw takes notifications back that have not left.
func (o *outbox) withdraw(ids []string) {
	if len(ids) == 0 {
		return
	}
	for _, m := range o.waiting {
		m.rows = slices.DeleteFunc(m.rows, func(r row) bool { return slices.Contains(ids, r.note.ID) })
		if len(m.rows) > 0 {
			m.leave = wholeSecond(m.rows[0].note.HoldUntil)
		}
	}
	o.waiting = slices.DeleteFunc(o.waiting, func(m *message) bool { return len(m.rows) == 0 })
}

// next is when the next message can be accepted; zero when none waits.
func (o *outbox) next() time.Time {
	var at time.Time
	for _, m := range o.waiting {
		if at.IsZero() || m.leave.Before(at) {
			at = m.leave
		}
	}
	if !at.IsZero() && at.Before(o.downUntil) {
		return o.downUntil
	}
	return at
}

// due takes out the messages that leave now, in the order of their holds.
func (o *outbox) due(now time.Time) []*message {
	if now.Before(o.downUntil) {
		return nil
	}
	var due []*message
	o.waiting = slices.DeleteFunc(o.waiting, func(m *message) bool {
		if m.leave.After(now) {
			return false
		}
		due = append(due, m)
		return true
	})
	sort.SliceStable(due, func(i, j int) bool { return due[i].leave.Before(due[j].leave) })
	return due
}

// deliver offers every message that is due to the mail server.
func (p *player) deliver() (sent bool, err error) {
	for _, m := range p.mail.due(p.now) {
		sent = true
		if err := p.offer(m); err != nil {
			return sent, err
		}
	}
	return sent, nil
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
	d := rules.Delivered{MessageID: m.id, Accepted: accepted, Refused: refused, Complete: len(refused) == 0}
	if len(refused) > 0 {
		d.Detail = "550 no such mailbox"
	}
	for _, r := range m.rows {
		d.NotificationID = r.note.ID
		if err := p.decide(r.entry, d); err != nil {
			return err
		}
	}
	return nil
}

// replaces finds the message that a repeated transmission completes.
func (p *player) replaces(m *message) *message {
	n := m.rows[0].note
	if !n.Solo {
		return nil
	}
	for _, o := range p.mail.refusals {
		for _, r := range o.rows {
			if r.entry == m.rows[0].entry && strings.HasPrefix(n.ID, r.note.ID+"/") {
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
	for _, s := range r.entry.inc.Steps {
		if s.NotificationID == r.note.ID {
			return s.Status == rules.StepAccepted
		}
	}
	return false
}

// printMessage writes the line of a message that everybody has accepted.
func (p *player) printMessage(m *message) {
	slices.SortStableFunc(m.rows, func(a, b row) int { return a.entry.number - b.entry.number })
	first := m.rows[0]
	h := Happening{
		At: p.now, What: happenedNotification, Incident: first.entry.name, Key: first.entry.inc.Key, Episode: first.note.Episode,
		Step: first.note.Step, Template: first.note.Template, DecidedAt: first.note.DecidedAt.In(p.zone),
	}
	notes := make([]rules.Notification, len(m.rows))
	for i, r := range m.rows {
		notes[i] = r.note
		if r.note.DecidedAt.Before(h.DecidedAt) {
			h.DecidedAt = r.note.DecidedAt.In(p.zone)
		}
		if !slices.Contains(h.Incidents, r.entry.name) {
			h.Incidents = append(h.Incidents, r.entry.name)
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
		h.Subject = p.opt.Subject(notes)
	}
	p.out = append(p.out, h)
}
