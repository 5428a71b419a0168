package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules"
)

// transmit makes one transmission and keeps what became of it.
func (o *outbox) transmit(ctx context.Context, t store.Transmission) error {
	var m notify.Message
	err := o.store.View(ctx, func(tx *store.Tx) error {
		value, err := tx.Message(t.Message)
		if err != nil {
			return err
		}
		return json.Unmarshal(value, &m)
	})
	if err != nil {
		return fmt.Errorf("message %s: %w", t.Message, err)
	}
	sent := o.live().Channel.Deliver(ctx, m, t.Address)
	o.cause.set(sent)
	now := o.now()
	v := o.judge(t, sent, now)
	o.metrics.sent.WithLabelValues(t.Template, v.result).Inc()
	if sent != nil {
		o.log.Warn("message not accepted", "message", t.Message, "attempt", t.Attempts, "result", v.result, "err", sent)
	}
	return o.store.Update(ctx, func(tx *store.Tx) error {
		if v.status == store.Pending {
			return tx.Retry(t.Message, t.Address, v.detail, v.next)
		}
		if err := tx.Finish(t.Message, t.Address, v.status, v.detail, now); err != nil {
			return err
		}
		return o.tell(tx, t.Message, v.detail, now)
	})
}

// verdict is what an attempt comes to.
type verdict struct {
	status, result, detail string
	next                   time.Time
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
	case notify.IsPermanent(sent):
		return verdict{status: store.Refused, result: "refused", detail: sent.Error()}
	case now.Sub(t.Since) >= o.live().Timings.GiveUp:
		return verdict{status: store.Refused, result: "given_up",
			detail: fmt.Sprintf("not accepted for %s: %s", o.live().Timings.GiveUp, sent)}
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

// tell lets the incidents of a message know how far it has come.
func (o *outbox) tell(tx *store.Tx, message, detail string, now time.Time) error {
	ts, err := tx.Transmissions(message)
	if err != nil {
		return err
	}
	ns, err := tx.Notifications(message)
	if err != nil {
		return err
	}
	ev := rules.Delivered{MessageID: message, Complete: true, Detail: detail}
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
