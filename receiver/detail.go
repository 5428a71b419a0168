package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules/explain"
	"vigie/rules/incident"
)

// Detail is an incident with what comes next, and when.
type Detail struct {
	Summary
	Explanation explain.Explanation
}

// Details returns incidents by their ids, in that order; one that is not there
// any more is left out.
func (q *reader) Details(ctx context.Context, ids []string) ([]Detail, error) {
	out := make([]Detail, 0, len(ids))
	now := q.now()
	err := q.store.View(ctx, func(tx *store.Tx) error {
		b := q.batch(tx, now)
		for _, id := range ids {
			r, err := find(tx, id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			t := b.Track(r)
			around, err := b.Circumstances(t)
			if err != nil {
				return err
			}
			out = append(out, Detail{summary(r, b.Book), b.Book.Explain(t.Incident, around, now)})
		}
		return nil
	})
	return out, err
}

// Sent is one message about an incident, as it left.
type Sent struct {
	ID       string
	Template string
	Subject  string
	Text     string
	Language string
	To, Cc   []string
	At       time.Time
	Delivery []store.Transmission
}

// Mails returns the messages about an incident, oldest first, and which
// notifications have not become one yet.
func (q *reader) Mails(ctx context.Context, id string) (sent []Sent, held []incident.Notification, err error) {
	err = q.store.View(ctx, func(tx *store.Tx) error {
		ids, err := tx.MessagesOf(id)
		if err != nil {
			return err
		}
		for _, m := range ids {
			value, err := tx.Message(m)
			if err != nil {
				return err
			}
			var kept notify.Message
			if err := json.Unmarshal(value, &kept); err != nil {
				return fmt.Errorf("message %s: %w", m, err)
			}
			ts, err := tx.Transmissions(m)
			if err != nil {
				return err
			}
			s := Sent{ID: m, Subject: kept.Subject, Text: kept.Text, Language: kept.Language, To: kept.To, Cc: kept.Cc, At: kept.Date, Delivery: ts}
			if len(ts) > 0 {
				s.Template = ts[0].Template
			}
			sent = append(sent, s)
		}
		held, err = tx.Held(id)
		return err
	})
	return sent, held, err
}

// StaleError says that an incident changed after a page was shown, and how.
type StaleError struct{ Changes []store.Line }

func (e *StaleError) Error() string {
	return "it has changed since the page was shown: look again, nothing was done"
}

// matters are the kinds of line that may change what a person would do.
var matters = []string{"act", "state", "signal", "evidence", "silence"}

// changedSince returns what happened to an incident that somebody has not seen,
// beside what he did himself.
func changedSince(tx *store.Tx, r *store.Record, seen int64, who string) error {
	if length, _ := store.Head(r); seen <= 0 || length <= seen {
		return nil
	}
	lines, err := tx.Journal(r.ID)
	if err != nil {
		return err
	}
	lines = slices.DeleteFunc(lines, func(l store.Line) bool {
		return l.Line <= seen || l.Actor == who || !slices.Contains(matters, l.Kind)
	})
	if len(lines) > 0 {
		return &StaleError{lines}
	}
	return nil
}
