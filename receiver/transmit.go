package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/receiver/letter"
	"vigie/receiver/notify"
	"vigie/receiver/sending"
	"vigie/receiver/store"
	"vigie/rules"
)

// run makes transmissions to one address one after the other, and reports whether
// an attempt failed: what is left goes back then, for others need not wait for an
// address that is in trouble. Each outcome is kept while the next is being made.
func (o *outbox) run(ctx context.Context, r sending.Run) (failed bool, err error) {
	var kept errgroup.Group
	begun, left := time.Now(), r.Transmissions
	for !failed && len(left) > 0 && (len(left) == len(r.Transmissions) || time.Since(begun) < runFor) {
		t := left[0]
		sent, err := o.attempt(ctx, t)
		if err != nil {
			return true, errors.Join(err, kept.Wait(), o.giveBack(ctx, left[1:]))
		}
		failed, left = sent != nil, left[1:]
		kept.Go(func() error { return o.record(ctx, t, sent) })
		o.turns.Progress("outbox")
	}
	return failed, errors.Join(kept.Wait(), o.giveBack(ctx, left))
}

// giveBack lets others make what was claimed and not begun.
func (o *outbox) giveBack(ctx context.Context, ts []store.Transmission) error {
	if len(ts) == 0 {
		return nil
	}
	return o.store.Update(ctx, func(tx *store.Tx) error { return tx.GiveBack(ts, o.now()) })
}

// attempt makes one transmission; sent is why it was not accepted.
func (o *outbox) attempt(ctx context.Context, t store.Transmission) (sent, err error) {
	var m notify.Message
	err = o.store.View(ctx, func(tx *store.Tx) (err error) {
		m, err = o.addressed(tx, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("message %s: %w", t.Message, err)
	}
	if err := o.stillLeads(); err != nil {
		return nil, fmt.Errorf("message %s: %w", t.Message, err)
	}
	return o.send(ctx, m, t), nil
}

// record keeps what became of an attempt.
func (o *outbox) record(ctx context.Context, t store.Transmission, sent error) error {
	o.causes.Set(t.Channel, sent)
	now := o.now()
	v := o.judge(t, sent, now)
	o.metrics.sent.WithLabelValues(t.Template, v.result).Inc()
	if sent != nil {
		o.log.Warn("message not accepted", "message", t.Message, "attempt", t.Attempts, "result", v.result, "err", sent)
	}
	return o.store.Update(ctx, func(tx *store.Tx) error {
		if v.status == store.Pending {
			if err := tx.Retry(t.Message, t.Address, v.detail, v.next); err != nil || v.what == "" {
				return err
			}
			return o.tell(tx, t.Message, v, t.Address, now)
		}
		if err := tx.Finish(t.Message, t.Address, v.status, v.detail, now); err != nil {
			return err
		}
		return o.tell(tx, t.Message, v, t.Address, now)
	})
}

// addressed is a message as one recipient gets it: in their language, in the
// thread of what they had before, and fit for a ticket tool where one reads it.
func (o *outbox) addressed(tx *store.Tx, t store.Transmission) (notify.Message, error) {
	var k letter.Kept
	value, err := tx.Message(t.Message)
	if err != nil {
		return k.Message, err
	}
	if err := json.Unmarshal(value, &k); err != nil {
		return k.Message, err
	}
	m := k.Speaking(t.Address)
	if b := o.live().Mailbox; b != nil && t.Channel == "" {
		m.EnvelopeFrom, m.ReplyTo = b.Bounce(t.Token), o.answerable(b.Reply(t.Token))
	}
	m.TicketIntake = t.Channel == "" && o.Book().TicketIntake(t.Address, o.now())
	m.InReplyTo, m.References = "", nil
	about := strings.Fields(m.IncidentID)
	if len(about) == 0 {
		return m, nil
	}
	root, err := tx.Thread(about[0], t.Message, t.Address)
	if root != "" {
		m.InReplyTo, m.References = root, []string{root}
	}
	return m, err
}

// answerable is the reply address of one transmission, by the name of the usual one.
func (o *outbox) answerable(address string) string {
	usual, _ := notify.ParseAddress(o.live().Sender.ReplyTo)
	return notify.Address{Name: usual.Name, Addr: address}.String()
}

// send hands a message to the channel of its transmission.
func (o *outbox) send(ctx context.Context, m notify.Message, t store.Transmission) error {
	if t.Channel == "" {
		return o.live().Channel.Deliver(ctx, m, t.Address)
	}
	c := o.live().Channels[t.Channel]
	if c == nil {
		return &notify.Error{Kind: notify.KindConfig, Channel: t.Channel, Phase: "channel",
			Err: errors.New("the configuration names no such channel: name it under channels in vigie.yml, and the message leaves")}
	}
	return c.Deliver(ctx, m, strings.TrimPrefix(t.Address, t.Channel+":"))
}

// verdict is what an attempt comes to.
type verdict struct {
	status, result, detail string
	next                   time.Time
	what                   string // is refused, when it is not the address
}

func (o *outbox) judge(t store.Transmission, sent error, now time.Time) verdict {
	if sent == nil {
		return verdict{status: store.Accepted, result: "accepted"}
	}
	retry := verdict{status: store.Pending, result: "retry", detail: sent.Error(), next: now.Add(o.backoff(t.Attempts))}
	var problem *notify.Error
	if errors.As(sent, &problem) && problem.RetryAfter > 0 {
		retry.next = later(retry.next, now.Add(min(problem.RetryAfter, o.live().Timings.RetryMost)))
	}
	switch {
	case notify.IsConfiguration(sent):
		// Ours to mend: the message waits, however long, and does not hammer.
		retry.result, retry.next = "misconfigured", now.Add(o.live().Timings.RetryMost)
	case notify.KindOf(sent) == notify.KindRecipient:
		return verdict{status: store.Refused, result: "refused", detail: sent.Error()}
	case now.Sub(t.Since) >= o.live().Timings.GiveUp:
		v := verdict{status: store.Refused, result: "given_up", what: rules.RefusedTrouble,
			detail: fmt.Sprintf("not accepted for %s: %s", o.live().Timings.GiveUp, sent)}
		if notify.IsPermanent(sent) {
			v.what = rules.RefusedMessage
		}
		return v
	case notify.IsPermanent(sent):
		// This message alone is refused: a filter is mended, a second relay may take
		// it. It is told at once, and tried for as long as any other.
		retry.result, retry.what, retry.next = "message_refused", rules.RefusedMessage, now.Add(o.live().Timings.RetryMost)
	case errors.Is(sent, notify.ErrUnknown):
		retry.result = "unknown"
	}
	return retry
}

// backoff doubles from the first pause to the longest.
func (o *outbox) backoff(attempts int) time.Duration {
	d := o.live().Timings.RetryFirst
	for range attempts - 1 {
		if d *= 2; d >= o.live().Timings.RetryMost {
			return o.live().Timings.RetryMost
		}
	}
	return d
}

// tell lets the incidents of a message know how far it has come, and what became
// of it at one address.
func (o *outbox) tell(tx *store.Tx, message string, v verdict, address string, now time.Time) error {
	ts, err := tx.Transmissions(message)
	if err != nil {
		return err
	}
	ns, err := tx.Notifications(message)
	if err != nil {
		return err
	}
	ev := rules.Delivered{MessageID: message, Complete: true, Detail: v.detail, What: v.what}
	if v.status == store.Pending {
		ev.Held = []string{address}
	}
	for _, t := range ts {
		switch t.Status {
		case store.Accepted:
			ev.Accepted = append(ev.Accepted, t.Address)
		case store.Refused:
			ev.Refused = append(ev.Refused, t.Address)
			ev.Complete = false
		default:
			ev.Complete = false
		}
	}
	b := o.batch(tx, now)
	for _, n := range ns {
		ev.NotificationID = n.ID
		if _, err := b.Tell(n.IncidentID, ev); err != nil {
			return err
		}
	}
	return b.Flush()
}
