package receiver

import (
	"context"
	"errors"
	"fmt"

	"vigie/internal/imapbox"
	"vigie/receiver/answers"
	"vigie/receiver/store"
)

// returns takes in what comes back for messages: answers, bounces, absence notes.
type returns struct {
	*core
	*answers.Shelf
	metrics *answers.Metrics
}

// Run turns until ctx ends.
func (r *returns) Run(ctx context.Context) error {
	return r.turns.Run(ctx, "mailbox", r.live().Timings.Tick, nil, r.turn)
}

// turn looks into the mailbox when its time has come.
func (r *returns) turn(ctx context.Context) error {
	now := r.now()
	if m := r.live().Mailbox; m != nil && m.Due(now) {
		return m.Visit(ctx, r, r.metrics, now)
	}
	return nil
}

// TakeMail implements [answers.Keeper]. What changes no incident waits for a person,
// and so does a mail that cannot be taken in for a fault of ours: it must bar the
// way of no other.
func (r *returns) TakeMail(ctx context.Context, in answers.Incoming) error {
	err := r.update(ctx, r.now(), func(b *batch) error { return answers.Take(b.tx, b.Batch, in) })
	if err == nil || errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	reason := err.Error()
	if !errors.As(err, new(*answers.NotTakenError)) {
		r.log.Error("a mail could not be taken in; it waits for a person", "mail", in.ID, "err", err)
		reason = "it could not be taken in: " + reason
	}
	return r.store.Update(ctx, func(tx *store.Tx) error {
		full, err := answers.Keep(tx, in, reason, r.now())
		if full {
			err = fmt.Errorf("%w: %d mails wait for a person", imapbox.ErrFull, answers.MaxOpen)
		}
		return err
	})
}
