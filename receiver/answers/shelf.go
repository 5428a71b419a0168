package answers

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"vigie/receiver/store"
	"vigie/rules/incident"
)

// Shelf is where mails that came back are kept, and the place in the mailbox.
type Shelf struct {
	Store *store.Store
	Now   func() time.Time
}

const placeKey = "place in the mailbox of answers"

// Place is the place in the mailbox; nothing at first.
func (s *Shelf) Place(ctx context.Context) (place []byte, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		text, err := tx.Value(placeKey)
		place = []byte(text)
		return err
	})
	return place, err
}

// KeepPlace keeps it.
func (s *Shelf) KeepPlace(ctx context.Context, place []byte) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error { return tx.SetValue(placeKey, string(place)) })
}

// ReceivedMails lists mails that came back, the newest first; with open only those
// that a person has to look at. After names the last one of the page before.
func (s *Shelf) ReceivedMails(ctx context.Context, open bool, after string, limit int) (out []store.Mail, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		out, err = tx.Mails(open, after, limit)
		return err
	})
	return out, err
}

// SettleMail says that a person is done with a mail. What is settled already stays
// as it is.
func (s *Shelf) SettleMail(ctx context.Context, id, reason, who string) (m store.Mail, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		if m, err = tx.Mail(id); err != nil || !m.Open {
			return err
		}
		m.Settle(s.Now(), who)
		if reason != "" {
			m.Reason = reason
		}
		return tx.SaveMail(m)
	})
	return m, err
}

// SettledBefore refuses to whoever comes second what is to become of a mail.
func SettledBefore(m store.Mail) *incident.Refusal {
	return incident.Refuse(http.StatusConflict, "{who} was done with it already: {why}", "who", cmp.Or(m.SettledBy, "Vigie"), "why", m.Reason)
}

// WaitingMails counts the mails that wait for a person.
func (s *Shelf) WaitingMails(ctx context.Context) (n int, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		n, err = tx.OpenMails()
		return err
	})
	return n, err
}
