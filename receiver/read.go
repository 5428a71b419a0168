package receiver

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/explain"
	"vigie/rules/incident"
)

// Summary is an incident with what people ask first.
type Summary struct {
	incident.Incident
	// Deadline is the nearest target that still runs.
	Deadline time.Time `json:"deadline,omitzero"`
	// Thread is the Message-ID that the incident's mails hang on.
	Thread string `json:"thread,omitempty"`
	// Lines is how many lines its journal has: what a page that shows it has seen.
	Lines int64 `json:"journal_lines,omitempty"`
}

// summary writes the instants that people read in the zone of the policy.
func summary(r *store.Record, book *rules.Book) Summary {
	zone := book.InForce(r.OpenedAt).Zone
	if p := book.Policy(r.Policy); p != nil {
		zone = p.Zone
	}
	s := Summary{Incident: r.Incident, Thread: r.Root}
	s.Lines, _ = store.Head(r)
	s.OpenedAt, s.StartedAt = s.OpenedAt.In(zone), s.StartedAt.In(zone)
	for _, c := range r.Targets {
		if !c.Due.IsZero() && c.MetAt.IsZero() && !c.Paused && (s.Deadline.IsZero() || c.Due.Before(s.Deadline)) {
			s.Deadline = c.Due.In(zone)
		}
	}
	return s
}

// reader answers what people ask about incidents.
type reader struct{ *core }

// Incidents returns what a filter lets through, newest first.
func (q *reader) Incidents(ctx context.Context, f store.Filter) ([]Summary, error) {
	out := []Summary{}
	err := q.store.View(ctx, func(tx *store.Tx) error {
		rs, err := tx.Incidents(f)
		for _, r := range rs {
			out = append(out, summary(r, q.Book()))
		}
		return err
	})
	return out, err
}

// Incident returns one incident, by its id or by its number as people say it:
// i12, 12 or #12.
func (q *reader) Incident(ctx context.Context, name string) (Summary, error) {
	var s Summary
	err := q.store.View(ctx, func(tx *store.Tx) error {
		r, err := find(tx, name)
		if err != nil {
			return err
		}
		s = summary(r, q.Book())
		return nil
	})
	return s, err
}

func find(tx *store.Tx, name string) (*store.Record, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "#"))
	if err != nil {
		return tx.Incident(name)
	}
	rs, err := tx.Incidents(store.Filter{Number: n})
	if err != nil {
		return nil, err
	}
	if len(rs) == 0 {
		return nil, fmt.Errorf("incident %s: %w", name, store.ErrNotFound)
	}
	return rs[0], nil
}

// Journal returns what was recorded about an incident, oldest first.
func (q *reader) Journal(ctx context.Context, name string) ([]store.Line, error) {
	lines := []store.Line{}
	err := q.store.View(ctx, func(tx *store.Tx) error {
		r, err := find(tx, name)
		if err != nil {
			return err
		}
		found, err := tx.Journal(r.ID)
		lines = append(lines, found...)
		return err
	})
	return lines, err
}

// Explained is the story of an incident, with when which server accepted what.
type Explained struct {
	explain.Explanation
	// Messages are the newest of those about it, newest first.
	Messages []MessageSummary `json:"messages,omitempty"`
}

// Explain tells why each step was or was not taken, what comes next, and how far
// the messages about it have come.
func (q *reader) Explain(ctx context.Context, name string) (Explained, error) {
	var x Explained
	now := q.now()
	err := q.store.View(ctx, func(tx *store.Tx) error {
		r, err := find(tx, name)
		if err != nil {
			return err
		}
		b := q.batch(tx, now)
		t := b.Track(r)
		around, err := b.Circumstances(t)
		if err != nil {
			return err
		}
		x.Explanation = b.Book.Explain(t.Incident, around, now)
		x.Messages, err = q.messages(tx, store.Post{Incident: r.ID, Limit: MaxMessages})
		return err
	})
	return x, err
}
