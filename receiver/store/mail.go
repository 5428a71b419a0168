package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"vigie/receiver/store/kept"
)

// Mail is a mail that was taken in, as far as people need it.
type Mail struct {
	ID       string    `json:"id"`
	Received time.Time `json:"received_at"`
	// Sort is what it was taken for.
	Sort string `json:"sort"`
	// Open says that a person has to look at it.
	Open    bool   `json:"open"`
	From    string `json:"from"`
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text,omitempty"`
	// Why it is open, or what became of it.
	Reason    string   `json:"reason,omitempty"`
	Incidents []string `json:"incidents,omitempty"`
	// SettledAt and SettledBy are when a person was done with it, and who.
	SettledAt time.Time `json:"settled_at,omitzero"`
	SettledBy string    `json:"settled_by,omitempty"`
}

// Settle says that a person is done with it.
func (m *Mail) Settle(at time.Time, by string) { m.Open, m.SettledAt, m.SettledBy = false, at, by }

// Letterbox holds the mails that came back.
type Letterbox struct{ *statements }

// KeepMail keeps a mail that was taken in. It reports whether that is news: the
// same mail may come twice.
func (tx Letterbox) KeepMail(m Mail) (bool, error) {
	value, err := json.Marshal(m)
	if err != nil {
		return false, fmt.Errorf("mail %s: %w", m.ID, err)
	}
	done, err := tx.q.Exec(`INSERT INTO mail (id, received_at, sort, open, value) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		m.ID, m.Received.UnixNano(), m.Sort, m.Open, value)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// SaveMail writes a mail anew that was kept before.
func (tx Letterbox) SaveMail(m Mail) error {
	was, err := tx.texts(`SELECT value FROM mail WHERE id = ?`, m.ID)
	if err != nil || len(was) == 0 {
		return err
	}
	value, err := kept.Over([]byte(was[0]), m)
	if err != nil {
		return fmt.Errorf("mail %s: %w", m.ID, err)
	}
	_, err = tx.q.Exec(`UPDATE mail SET sort = ?, open = ?, value = ? WHERE id = ?`, m.Sort, m.Open, value, m.ID)
	return err
}

// Mail returns one mail.
func (tx Letterbox) Mail(id string) (Mail, error) {
	all, err := tx.mails(`id = ?`, id)
	if err != nil || len(all) == 0 {
		if err == nil {
			err = fmt.Errorf("mail %q: %w", id, ErrNotFound)
		}
		return Mail{}, err
	}
	return all[0], nil
}

// Mails returns mails that were taken in, the newest first, from the one after a
// given one on; all without one. With open only those that a person has to look at.
func (tx Letterbox) Mails(open bool, after string, limit int) ([]Mail, error) {
	where, args := []string{`1 = 1`}, []any{}
	if open {
		where = append(where, `open = 1`)
	}
	if after != "" {
		last, err := tx.Mail(after)
		if err != nil {
			return nil, err
		}
		where = append(where, `(received_at < ? OR received_at = ? AND id < ?)`)
		args = append(args, last.Received.UnixNano(), last.Received.UnixNano(), after)
	}
	return tx.mails(strings.Join(where, ` AND `)+` ORDER BY received_at DESC, id DESC LIMIT ?`, append(args, limit)...)
}

func (tx Letterbox) mails(where string, args ...any) ([]Mail, error) {
	values, err := tx.texts(`SELECT value FROM mail WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	out := make([]Mail, len(values))
	for i, v := range values {
		if err := json.Unmarshal([]byte(v), &out[i]); err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
	}
	return out, nil
}

// OpenMails counts the mails that a person has to look at.
func (tx Letterbox) OpenMails() (int, error) {
	n, err := tx.number(`SELECT COUNT(*) FROM mail WHERE open = 1`)
	return int(n), err
}

// ForgetMails deletes what came before an instant and is done with.
func (tx Letterbox) ForgetMails(before time.Time) error {
	_, err := tx.q.Exec(`DELETE FROM mail WHERE open = 0 AND received_at < ?`, before.UnixNano())
	return err
}

// SentBy returns the transmission that a token names, and whether there is one.
func (tx Outbox) SentBy(token string) (Transmission, bool, error) {
	return tx.sent(`t.token = ? AND t.token <> ''`, token)
}

// SentTo returns the transmission of a message to an address, in whatever case it
// is written, and whether there is one.
func (tx Outbox) SentTo(message, address string) (Transmission, bool, error) {
	return tx.sent(`t.message = ? AND t.channel = '' AND LOWER(t.address) = LOWER(?)`, message, address)
}

func (tx Outbox) sent(where string, args ...any) (Transmission, bool, error) {
	ts, err := tx.transmissions(where+` LIMIT 1`, args...)
	if err != nil || len(ts) == 0 {
		return Transmission{}, false, err
	}
	return ts[0], true, nil
}
