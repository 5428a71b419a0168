package store

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/journal"
	"vigie/receiver/store/kept"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/inventory"
)

// The statuses of a transmission.
const (
	Pending  = "pending"
	Sending  = "sending"
	Accepted = "accepted"
	Refused  = "refused" // for good
	// Withdrawn is what the world overtook before any server accepted it.
	Withdrawn = "withdrawn"
)

// Notify puts a notification into the outbox. The same id twice is one
// notification.
func (tx Outbox) Notify(n incident.Notification) error {
	value, err := json.Marshal(n)
	if err == nil {
		value, err = tx.packer.PackMail(value)
	}
	if err != nil {
		return fmt.Errorf("notification %s: %w", n.ID, err)
	}
	_, err = tx.beside().q.Exec(`INSERT INTO notification (id, incident, position, bundle_key, hold_until, message, value)
		VALUES (?, ?, (SELECT COALESCE(MAX(position), 0) + 1 FROM notification WHERE incident = ?), ?, ?, '', ?)
		ON CONFLICT (id) DO NOTHING`,
		n.ID, n.IncidentID, n.IncidentID, n.BundleKey, n.HoldUntil.UnixNano(), value)
	return err
}

// Rewrite replaces a notification that is still held, in its place.
func (tx Outbox) Rewrite(n incident.Notification) error {
	own := tx.beside()
	was, err := own.unpacked(`SELECT id, value FROM notification WHERE id = ? AND message = ''`, n.ID)
	if err != nil || len(was) == 0 {
		return err
	}
	value, err := kept.Over([]byte(was[0][1]), n)
	if err == nil {
		value, err = tx.packer.PackMail(value)
	}
	if err == nil {
		_, err = own.q.Exec(`UPDATE notification SET value = ? WHERE id = ? AND message = ''`, value, n.ID)
	}
	return err
}

// Withdraw takes a notification back that is still held, or whose message nobody's server has
// seen yet: what that tells of other incidents is held again. Any other message leaves as it is.
func (tx Outbox) Withdraw(id string) error {
	own := tx.beside()
	if _, err := own.q.Exec(`DELETE FROM notification WHERE id = ? AND message = ''`, id); err != nil {
		return err
	}
	untouched, err := own.texts(`SELECT message FROM notification WHERE id = ? AND message <> '' AND NOT EXISTS (
		SELECT 1 FROM transmission sent WHERE sent.message = notification.message AND sent.status <> ?)`, id, Pending)
	if err != nil || len(untouched) == 0 {
		return err
	}
	if err := tx.lockedAll(); err != nil { // the message may tell of other incidents
		return err
	}
	if _, err := tx.q.Exec(`UPDATE transmission SET status = ?, next_at = NULL WHERE message = ?`, Withdrawn, untouched[0]); err != nil {
		return err
	}
	_, err = tx.q.Exec(`UPDATE notification SET message = '' WHERE message = ? AND message <> '' AND id <> ?`, untouched[0], id)
	return err
}

// DueBundles returns the keys of the bundles whose hold has ended, in the order
// in which they leave, see [incidents.InOrder].
func (tx Outbox) DueBundles(now time.Time, limit int) ([]string, error) {
	due, err := engine.All(tx.q, func(r *sql.Rows, b *incidents.DueBundle) error {
		var at int64
		err := r.Scan(&b.Key, &at, &b.Position)
		b.Due = time.Unix(0, at)
		return err
	}, `SELECT bundle_key, MIN(hold_until), MIN(rowid) FROM notification WHERE message = '' AND hold_until <= ?
		GROUP BY bundle_key`, now.UnixNano())
	return incidents.InOrder(due, limit), err
}

// BundleIncidents returns the incidents that a bundle's notifications which
// have not left yet are about.
func (tx Outbox) BundleIncidents(key string) ([]string, error) {
	return tx.texts(`SELECT DISTINCT incident FROM notification WHERE bundle_key = ? AND message = ''`, key)
}

// Bundle returns the notifications of a bundle that leave now, see
// [incidents.Leaving]; stuck names the bundles for which nothing waits.
func (tx Outbox) Bundle(key string, now time.Time, stuck []string) (ns []incident.Notification, whole bool, err error) {
	values := map[string][]byte{}
	waiting, err := engine.All(tx.q, func(r *sql.Rows, w *incidents.Waiting) error {
		var until int64
		var value []byte
		err := r.Scan(&w.ID, &w.Incident, &w.Bundle, &until, &w.Position, &value)
		w.HoldUntil, values[w.ID] = time.Unix(0, until), value
		return err
	}, `SELECT id, incident, bundle_key, hold_until, rowid, value FROM notification
		WHERE message = '' AND incident IN (SELECT incident FROM notification WHERE bundle_key = ? AND message = '')`, key)
	if err != nil {
		return nil, false, err
	}
	leaving, whole := incidents.Leaving(key, waiting, now, stuck)
	for _, w := range leaving {
		text, err := tx.packer.Unpack(values[w.ID])
		var n incident.Notification
		if err == nil {
			err = json.Unmarshal(text, &n)
		}
		if err != nil {
			return nil, false, fmt.Errorf("notification %s: %w", w.ID, err)
		}
		ns = append(ns, n)
	}
	return ns, whole, nil
}

func (tx Outbox) notifications(where string, args ...any) ([]incident.Notification, error) {
	values, err := tx.unpacked(`SELECT id, value FROM notification WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	ns := make([]incident.Notification, len(values))
	for i, v := range values {
		if err := json.Unmarshal([]byte(v[1]), &ns[i]); err != nil {
			return nil, fmt.Errorf("notification %s: %w", v[0], err)
		}
	}
	return ns, nil
}

// Notifications returns what a message tells.
func (tx Outbox) Notifications(message string) ([]incident.Notification, error) {
	return tx.notifications(`message = ? AND message <> '' ORDER BY hold_until, incident, position`, message)
}

// Told returns what a message tells: ids of notifications and of their incidents.
func (tx Outbox) Told(message string) ([][2]string, error) {
	return tx.pairs(`SELECT id, incident FROM notification WHERE message = ? AND message <> '' ORDER BY hold_until, incident, position`, message)
}

// MessagesOf returns the ids of the messages about an incident, oldest first.
func (tx *Tx) MessagesOf(incident string) ([]string, error) {
	return tx.texts(`SELECT id FROM message WHERE id IN (SELECT message FROM notification WHERE incident = ? AND message <> '') ORDER BY position`, incident)
}

// Held returns the notifications of an incident that have not become a message yet.
func (tx *Tx) Held(incident string) ([]incident.Notification, error) {
	return tx.notifications(`incident = ? AND message = '' ORDER BY position`, incident)
}

// toldLater finds messages that are still on their way and tell later of a new one's
// incidents, in an order as [dueTransmissions] has it.
const toldLater = `SELECT m.id FROM notification mine CROSS JOIN notification later CROSS JOIN message m
	WHERE mine.message = ? AND mine.message <> '' AND later.incident = mine.incident AND later.message NOT IN ('', ?) AND later.hold_until > mine.hold_until
		AND m.id = later.message AND EXISTS (SELECT 1 FROM transmission t WHERE t.message = m.id AND t.next_at IS NOT NULL)
	GROUP BY m.id, m.position ORDER BY m.position`

// CreateMessage turns notifications into a message: from now on it has its id and its
// final form, and begins the threads of those incidents that have none. It returns false, and changes nothing, when one of them is not
// waiting any more.
func (tx Outbox) CreateMessage(id, template string, ns []incident.Notification, value []byte, addresses []string, now time.Time) (bool, error) {
	for n := range ns {
		done, err := tx.q.Exec(`UPDATE notification SET message = ? WHERE id = ? AND message = ''`, id, ns[n].ID)
		if err != nil {
			return false, err
		}
		if took, err := done.RowsAffected(); err != nil || took == 0 {
			for _, n := range ns[:n] {
				_, undone := tx.q.Exec(`UPDATE notification SET message = '' WHERE id = ?`, n.ID)
				err = errors.Join(err, undone)
			}
			return false, err
		}
	}
	salt, err := newSalt()
	if err != nil {
		return false, err
	}
	packed, err := tx.packer.PackMail(value)
	if err != nil {
		return false, fmt.Errorf("message %s: %w", id, err)
	}
	if _, err := tx.q.Exec(`INSERT INTO message (id, template, created_at, position, value, salt)
		VALUES (?, ?, ?, (SELECT COALESCE(MAX(position), 0) + 1 FROM message), ?, ?)`, id, template, now.UnixNano(), packed, salt); err != nil {
		return false, err
	}
	// What was held again takes its place before what is told later of its incidents.
	later, err := tx.texts(toldLater, id, id)
	for _, l := range later {
		_, moved := tx.q.Exec(`UPDATE message SET position = (SELECT MAX(position) + 1 FROM message) WHERE id = ?`, l)
		err = errors.Join(err, moved)
	}
	if err := errors.Join(err, tx.unseal(journal.Message+id, 1, journal.Commit(salt, string(value)))); err != nil {
		return false, err
	}
	for _, a := range addresses {
		channel, _ := inventory.SplitAddress(a)
		token := ""
		if channel == "" {
			token = strings.ToLower(rand.Text())
		}
		if _, err := tx.q.Exec(`INSERT INTO transmission (message, channel, address, status, attempts, next_at, since, detail, token)
			VALUES (?, ?, ?, ?, 0, ?, ?, '', ?) ON CONFLICT (message, address) DO NOTHING`, id, channel, a, Pending, now.UnixNano(), now.UnixNano(), token); err != nil {
			return false, err
		}
	}
	if len(ns) == 0 {
		return true, nil
	}
	_, err = tx.q.Exec(`UPDATE incident SET root = ?`+tx.q.Stamp()+` WHERE root = '' AND id IN (SELECT incident FROM notification WHERE message = ? AND message <> '')`, id, id)
	return err == nil, err
}

// Transmission is one message on its way to one recipient.
type Transmission struct {
	Channel                          string // empty for e-mail
	Message, Address, Status, Detail string
	Template                         string
	// Token names it to whoever answers or gives it back; empty where nobody can.
	Token    string
	Attempts int
	Since    time.Time // when the message was made, or was begun anew
	// Next is when it is tried next, Ended when it was accepted or refused for good;
	// one of them is zero.
	Next, Ended time.Time
}

// dueTransmissions says CROSS JOIN to keep SQLite to this order: from one message
// to its few relatives. The other way round it goes through all that is pending
// for each that is.
const dueTransmissions = `t.next_at <= ? AND NOT EXISTS (
		SELECT 1 FROM notification mine CROSS JOIN notification other CROSS JOIN message before CROSS JOIN transmission ahead
		WHERE mine.message = t.message AND mine.message <> ''
			AND other.incident = mine.incident AND other.message <> mine.message AND other.message <> ''
			AND before.id = other.message AND before.position < m.position
			AND ahead.message = before.id AND ahead.address = t.address AND ahead.next_at IS NOT NULL)
	ORDER BY m.position, t.address LIMIT ?`

// DueTransmissions returns the transmissions to make now. One waits while an
// earlier message about one of its incidents has not reached the same
// recipient, so that nobody reads a story backwards.
func (tx Outbox) DueTransmissions(now time.Time, limit int) ([]Transmission, error) {
	return tx.transmissions(dueTransmissions, now.UnixNano(), limit)
}

// Lease claims transmissions before they are made and counts the attempt. What was
// taken back since it was found is left alone: what is claimed has [Sending], anything else [Withdrawn].
func (tx Outbox) Lease(ts []Transmission, until time.Time) error {
	for i := range ts {
		done, err := tx.q.Exec(`UPDATE transmission SET status = ?, next_at = ?, attempts = attempts + 1 WHERE message = ? AND address = ? AND next_at IS NOT NULL`,
			Sending, until.UnixNano(), ts[i].Message, ts[i].Address)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return err
		}
		if ts[i].Status = Withdrawn; n > 0 {
			ts[i].Status = Sending
			ts[i].Attempts++
		}
	}
	return nil
}

// GiveBack undoes [Outbox.Lease] for transmissions that were not begun.
func (tx Outbox) GiveBack(ts []Transmission, now time.Time) error {
	for _, t := range ts {
		if _, err := tx.q.Exec(`UPDATE transmission SET status = ?, next_at = ?, attempts = attempts - 1 WHERE message = ? AND address = ? AND status = ?`,
			Pending, now.UnixNano(), t.Message, t.Address, Sending); err != nil {
			return err
		}
	}
	return nil
}

// ReleaseLeases lets transmissions go on that a process which is no more had
// begun. What became of them is not known, so they are made again.
func (tx Outbox) ReleaseLeases(now time.Time) error {
	_, err := tx.q.Exec(`UPDATE transmission SET status = ?, next_at = ? WHERE status = ? AND next_at IS NOT NULL`, Pending, now.UnixNano(), Sending)
	return err
}

// Transmissions returns how far a message has come with each recipient.
func (tx Outbox) Transmissions(message string) ([]Transmission, error) {
	return tx.transmissions(`t.message = ? ORDER BY t.address`, message)
}

const selectTransmissions = `SELECT t.message, t.channel, t.address, t.status, t.detail, m.template, t.attempts, t.since, t.next_at, t.ended_at, t.token
	FROM transmission t JOIN message m ON m.id = t.message WHERE `

func (tx Outbox) transmissions(where string, args ...any) ([]Transmission, error) {
	return engine.All(tx.q, func(r *sql.Rows, t *Transmission) error {
		var since int64
		var next, ended sql.NullInt64
		err := r.Scan(&t.Message, &t.Channel, &t.Address, &t.Status, &t.Detail, &t.Template, &t.Attempts, &since, &next, &ended, &t.Token)
		t.Since, t.Next, t.Ended = time.Unix(0, since).UTC(), instant(next), instant(ended)
		return err
	}, selectTransmissions+where, args...)
}

// Message returns the final form of a message as it was sealed.
func (tx Outbox) Message(id string) ([]byte, error) {
	vs, err := tx.texts(`SELECT value FROM message WHERE id = ?`, id)
	if err != nil {
		return nil, err
	}
	if len(vs) == 0 {
		return nil, fmt.Errorf("message %q: %w", id, ErrNotFound)
	}
	text, err := tx.packer.UnpackMail([]byte(vs[0]))
	if err != nil {
		return nil, fmt.Errorf("message %s: %w", id, err)
	}
	return text, nil
}

// Thread returns the first message of an incident's thread that an address has
// accepted before the given message; "" for none. Of a message about several
// incidents the thread is that of the first, whose number its subject bears.
func (tx Outbox) Thread(incident, message, address string) (string, error) {
	// Most messages are the first about their incident.
	ids, err := tx.texts(`SELECT id FROM notification WHERE incident = ? AND message NOT IN ('', ?) LIMIT 1`, incident, message)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	ids, err = tx.texts(`SELECT m.id FROM notification n JOIN message m ON m.id = n.message JOIN transmission t ON t.message = m.id
		WHERE n.incident = ? AND n.message <> '' AND LOWER(t.address) = LOWER(?) AND t.status = ?
			AND m.position < (SELECT position FROM message WHERE id = ?)
			AND n.incident = (SELECT first.incident FROM notification first WHERE first.message = m.id AND first.message <> '' ORDER BY first.hold_until, first.incident, first.position LIMIT 1)
		ORDER BY m.position LIMIT 1`, incident, address, Accepted, message)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}

// Finish ends a transmission, accepted or refused for good.
func (tx Outbox) Finish(message, address, status, detail string, now time.Time) error {
	_, err := tx.q.Exec(`UPDATE transmission SET status = ?, detail = ?, next_at = NULL, ended_at = ? WHERE message = ? AND address = ?`,
		status, detail, now.UnixNano(), message, address)
	return err
}

// Retry puts a transmission off.
func (tx Outbox) Retry(message, address, detail string, next time.Time) error {
	_, err := tx.q.Exec(`UPDATE transmission SET status = ?, detail = ?, next_at = ? WHERE message = ? AND address = ?`,
		Pending, detail, next.UnixNano(), message, address)
	return err
}

// Hasten makes due at once what waits to be tried again. What is being sent stays
// with whoever sends it.
func (tx Outbox) Hasten(now time.Time) error {
	_, err := tx.q.Exec(`UPDATE transmission SET next_at = ? WHERE status = ? AND next_at > ?`, now.UnixNano(), Pending, now.UnixNano())
	return err
}

// Backlog is what the outbox has not got rid of yet.
type Backlog struct {
	Pending int
	// Oldest is since when the oldest of it could have left; zero without any.
	Oldest time.Time
}

// Backlog counts notifications whose hold has ended and transmissions that are
// not accepted. What is still held is not late.
func (tx Outbox) Backlog(now time.Time) (Backlog, error) {
	var b Backlog
	for _, q := range []string{
		`SELECT COUNT(*), MIN(hold_until) FROM notification WHERE message = '' AND hold_until <= ?`,
		`SELECT COUNT(*), MIN(since) FROM transmission WHERE next_at IS NOT NULL AND since <= ?`,
	} {
		err := engine.Each(tx.q, func(r *sql.Rows) error {
			var n int
			var oldest sql.NullInt64
			if err := r.Scan(&n, &oldest); err != nil {
				return fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			b.Pending += n
			if at := instant(oldest); !at.IsZero() && (b.Oldest.IsZero() || at.Before(b.Oldest)) {
				b.Oldest = at
			}
			return nil
		}, q, now.UnixNano())
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
