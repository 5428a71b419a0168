package store

import (
	"database/sql"
	"strings"
	"time"

	"vigie/receiver/store/engine"
	"vigie/rules/incident"
)

// Letter is a message with how far it has come with each of its recipients.
type Letter struct {
	ID, Template  string
	Created       time.Time
	Incidents     []string // ids of what it is about
	Value         []byte   // its final form; empty once it was erased
	Transmissions []Transmission
}

// Post narrows which messages are listed.
type Post struct {
	// Incident is the id of one that they are about; empty for any.
	Incident string
	// Waiting leaves out what has ended with every recipient. What is left comes
	// oldest first, everything else newest first.
	Waiting bool
	Limit   int
}

// Letters returns messages with their transmissions.
func (tx *Tx) Letters(p Post) ([]Letter, error) {
	where, args, order := []string{`1 = 1`}, []any{}, `DESC`
	if p.Incident != "" {
		where, args = append(where, `m.id IN (SELECT message FROM notification WHERE incident = ? AND message <> '')`), append(args, p.Incident)
	}
	if p.Waiting {
		where, order = append(where, `m.id IN (SELECT message FROM transmission WHERE next_at IS NOT NULL)`), ``
	}
	all, err := tx.letters(strings.Join(where, ` AND `)+` ORDER BY m.position `+order+` LIMIT ?`, append(args, p.Limit)...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		l := &all[i]
		if l.Transmissions, err = tx.Transmissions(l.ID); err != nil {
			return nil, err
		}
		if l.Incidents, err = tx.texts(`SELECT DISTINCT incident FROM notification WHERE message = ? AND message <> '' ORDER BY incident`, l.ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (tx *Tx) letters(where string, args ...any) ([]Letter, error) {
	return engine.All(tx.q, func(r *sql.Rows, l *Letter) error {
		var created int64
		err := r.Scan(&l.ID, &l.Template, &created, &l.Value)
		l.Created = time.Unix(0, created).UTC()
		if err == nil {
			l.Value, err = tx.packer.UnpackMail(l.Value)
		}
		return err
	}, `SELECT m.id, m.template, m.created_at, m.value FROM message m WHERE `+where, args...)
}

// HeldBack returns the notifications that are no message yet, the next to leave
// first.
func (tx *Tx) HeldBack(p Post) ([]incident.Notification, error) {
	where, args := `message = ''`, []any{}
	if p.Incident != "" {
		where, args = where+` AND incident = ?`, append(args, p.Incident)
	}
	return tx.notifications(where+` ORDER BY hold_until, incident, position LIMIT ?`, append(args, p.Limit)...)
}

// Again makes due at once what waits of the messages that p lets through, or of
// one message; with refused also what was refused for good, as a new try. It
// returns how many transmissions that are.
func (tx *Tx) Again(p Post, message string, refused bool, now time.Time) (int, error) {
	where, args := []string{`status = ?`}, []any{Pending}
	if refused {
		where, args = []string{`status IN (?, ?)`}, append(args, Refused)
	}
	if message != "" {
		where, args = append(where, `message = ?`), append(args, message)
	}
	if p.Incident != "" {
		where, args = append(where, `message IN (SELECT message FROM notification WHERE incident = ? AND message <> '')`), append(args, p.Incident)
	}
	done, err := tx.q.Exec(`UPDATE transmission SET since = CASE WHEN status = ? THEN ? ELSE since END, status = ?, next_at = ?, ended_at = NULL
		WHERE `+strings.Join(where, ` AND `), append([]any{Refused, now.UnixNano(), Pending, now.UnixNano()}, args...)...)
	if err != nil {
		return 0, err
	}
	n, err := done.RowsAffected()
	return int(n), err
}

// Together returns the notifications that left in one message with the one of
// that id.
func (tx *Tx) Together(id string) ([]incident.Notification, error) {
	return tx.notifications(`id = ? OR message IN (SELECT message FROM notification WHERE id = ? AND message <> '') ORDER BY hold_until, incident, position`, id, id)
}
