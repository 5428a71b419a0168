package receiver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"vigie/receiver/letter"
	"vigie/receiver/store"
	"vigie/rules/incident"
)

// MaxMessages bounds how many messages are listed at once.
const MaxMessages = 1000

// MessageFilter narrows which messages are asked for; empty fields do not.
type MessageFilter struct {
	Incident string // id or number
	Waiting  bool   // only what somebody has not got yet
	Limit    int    // 100 when 0
}

// What stands of a message in lists.
type (
	MessageSummary   = letter.Summary
	RecipientSummary = letter.Recipient
)

// Messages returns messages with how far they have come: those that wait oldest
// first, all others newest first, what is still held at the end that is newer.
// Of an incident that reader may not read nothing is shown.
func (q *reader) Messages(ctx context.Context, f MessageFilter, reader string) ([]MessageSummary, error) {
	out := []MessageSummary{}
	err := q.store.View(ctx, func(tx *store.Tx) error {
		p, err := q.post(tx, f)
		if err != nil {
			return err
		}
		all, err := q.messages(tx, p)
		if err != nil {
			return err
		}
		out, err = q.readable(tx, all, reader)
		return err
	})
	return out, err
}

func (q *reader) messages(tx *store.Tx, p store.Post) (out []MessageSummary, err error) {
	letters, err := tx.Letters(p)
	if err != nil {
		return nil, err
	}
	notices, err := tx.HeldBack(p)
	if err != nil {
		return nil, err
	}
	zone := q.Book().InForce(q.now()).Zone
	var waiting []MessageSummary
	for _, n := range notices {
		waiting = append(waiting, letter.OfHeld(n, zone))
	}
	for _, l := range letters {
		out = append(out, letter.Of(l, zone))
	}
	if p.Waiting {
		out = append(out, waiting...)
	} else {
		slices.Reverse(waiting)
		out = append(waiting, out...)
	}
	return out[:min(len(out), p.Limit)], nil
}

func (q *reader) post(tx *store.Tx, f MessageFilter) (store.Post, error) {
	p := store.Post{Waiting: f.Waiting, Limit: f.Limit}
	if p.Limit <= 0 {
		p.Limit = 100
	}
	p.Limit = min(p.Limit, MaxMessages)
	if f.Incident == "" {
		return p, nil
	}
	r, err := find(tx, f.Incident)
	if err != nil {
		return p, err
	}
	p.Incident = r.ID
	return p, nil
}

// readable leaves out what is about an incident that somebody may not read.
func (q *reader) readable(tx *store.Tx, all []MessageSummary, who string) ([]MessageSummary, error) {
	may := map[string]bool{}
	out := []MessageSummary{}
	for _, m := range all {
		ok := true
		for _, id := range m.Incidents {
			if _, asked := may[id]; !asked {
				r, err := tx.Incident(id)
				if err != nil {
					return nil, err
				}
				may[id] = q.Book().MayRead(&r.Incident, who)
			}
			ok = ok && may[id]
		}
		if ok {
			out = append(out, m)
		}
	}
	return out, nil
}

// Retry is what is to be sent without waiting for its time.
type Retry struct {
	Incident string `json:"incident"` // id or number; all when empty
	Message  string `json:"message"`  // its Message-ID; all when empty
	// Refused takes in what was refused for good, as a new try.
	Refused bool `json:"refused"`
}

// RetryMessages makes due at once what waits to be tried again, and returns how
// many transmissions that are.
func (a *acts) RetryMessages(ctx context.Context, what Retry, who string) (n int, err error) {
	if what.Refused && what.Incident == "" && what.Message == "" {
		return 0, incident.Refuse(422, "incident or message is missing: what was refused for good is sent again by name only").About("incident")
	}
	now := a.now()
	err = a.store.Update(ctx, func(tx *store.Tx) error {
		p, err := (&reader{a.core}).post(tx, MessageFilter{Incident: what.Incident})
		if err != nil {
			return err
		}
		message := strings.Trim(what.Message, "<>")
		if message != "" {
			if _, err := tx.Message(message); err != nil {
				return err
			}
		}
		if n, err = tx.Again(p, message, what.Refused, now); err != nil || n == 0 {
			return err
		}
		return tx.AppendSystem(incident.Entry{At: now, Kind: "act", What: "retry", Actor: who, Reason: fmt.Sprintf("%d transmissions are tried at once", n)})
	})
	return n, err
}
