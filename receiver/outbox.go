package receiver

import (
	"context"
	"errors"
	"slices"
	"time"

	"vigie/receiver/memory"
	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/receiver/sending"
	"vigie/receiver/store"
	"vigie/rules/incident"
)

// Render makes the words of one message of the notifications of a bundle.
type Render func([]incident.Notification) (message.Rendered, error)

const (
	bundlesAtOnce = 100
	// draftsAtOnce messages at most are made in one transaction.
	draftsAtOnce = 32
	// fewWaiting transmissions or less let more messages be made.
	fewWaiting = 128
	// foundAtOnce transmissions at most are looked up together.
	foundAtOnce = 1024
	// runFor is how long a sender goes on with what it was given together: what is
	// left then goes back, for others wait for a sender.
	runFor = 10 * time.Second
	// pollWhileBusy is how often the outbox is looked at while all that was due is
	// on its way.
	pollWhileBusy = time.Second
	// leaseFor is longer than any transmission takes, its fallback included.
	leaseFor = 15 * time.Minute
	// explainWithin bounds the question to an exporter for its error texts.
	explainWithin = 5 * time.Second
	// rerender is until a bundle that could not be rendered is tried again.
	rerender = time.Minute
)

// Sender is who messages come from.
type Sender struct {
	From    notify.Address
	ReplyTo string
}

// outbox makes messages of the notifications whose hold has ended, and sends
// them.
type outbox struct {
	*core
	unready memory.Unready
	causes  memory.Causes
}

// Run turns until ctx ends.
func (o *outbox) Run(ctx context.Context) error {
	return o.turns.Run(ctx, "outbox", o.live().Timings.Tick, nil, o.turn)
}

// turn sends what is due, until nothing is due and nothing is on its way.
func (o *outbox) turn(ctx context.Context) error {
	if w, err := o.Due(o.now()); err != nil || !w.Bundles && !w.Transmissions {
		return err
	}
	s := session{
		Way: sending.New(len(o.live().Channels) > 0), ended: make(chan endedRun), news: true,
		composed: make(chan composed, 1), kept: make(chan struct{}, 1),
	}
	err := o.deliver(ctx, &s)
	if s.composing {
		c := <-s.composed
		err = errors.Join(err, c.err)
	}
	for s.Running() > 0 { // what was begun is finished: otherwise it would be sent twice
		err = errors.Join(err, s.note(<-s.ended))
	}
	return err
}

// session is one turn of the outbox.
type session struct {
	*sending.Way
	ended chan endedRun
	// composing says that messages are being made, beside what is being sent; kept
	// that some of them may leave, composed that it is over.
	composing bool
	composed  chan composed
	kept      chan struct{}
	// news says that there may be more to make.
	news bool
	// begun and looked are when messages were last begun to be made, and
	// transmissions looked for, by the machine's own clock.
	begun, looked time.Time
}

type composed struct {
	messages int
	err      error
}

type endedRun struct {
	sending.Run
	failed bool // one of its attempts
	err    error
}

// note takes in that a run has ended. What it reached may let others leave.
func (s *session) note(x endedRun) error {
	s.news = true
	s.Ended(x.Run, x.failed)
	return x.err
}

// compose begins to make messages, while few wait to be sent.
func (o *outbox) composeBeside(ctx context.Context, s *session) {
	late := time.Since(s.begun) >= pollWhileBusy
	if s.composing || !late && (!s.news || s.Waiting() >= fewWaiting) {
		return
	}
	s.composing, s.news, s.begun = true, false, time.Now()
	go func() {
		n, err := o.composeDue(ctx, s.kept)
		s.composed <- composed{n, err}
	}()
}

func (o *outbox) deliver(ctx context.Context, s *session) error {
	for ctx.Err() == nil {
		o.composeBeside(ctx, s)
		begun, err := o.begin(ctx, s)
		if err != nil {
			return err
		}
		if begun > 0 && s.Free() {
			continue
		}
		if s.Running() == 0 && !s.composing {
			return nil
		}
		select {
		case x := <-s.ended:
			err = s.note(x)
		case c := <-s.composed:
			s.composing, err = false, c.err
			s.news = s.news || c.messages > 0
		case <-s.kept:
		case <-time.After(pollWhileBusy):
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin starts as many due transmissions as may be made now.
func (o *outbox) begin(ctx context.Context, s *session) (int, error) {
	now := o.now()
	runs, err := o.startable(ctx, s, now)
	if err != nil || len(runs) == 0 {
		return 0, err
	}
	claimed := make([][]store.Transmission, len(runs))
	err = o.store.Update(ctx, func(tx *store.Tx) error {
		for n, r := range runs {
			claimed[n] = slices.Clone(r.Transmissions) // this may be run again
			if err := tx.Lease(claimed[n], now.Add(leaseFor)); err != nil {
				return err
			}
		}
		return nil
	})
	for n, r := range runs {
		if err != nil {
			s.Ended(r, false)
			continue
		}
		mine := slices.DeleteFunc(claimed[n], func(t store.Transmission) bool { return t.Status != store.Sending })
		// A stop does not interrupt what was begun.
		go func() {
			failed, err := o.run(context.WithoutCancel(ctx), mine)
			s.ended <- endedRun{r, failed, err}
		}()
	}
	return len(runs), err
}

// startable returns due transmissions for which there is a free sender. It looks
// further than one page only when a page is all for addresses that are slow.
func (o *outbox) startable(ctx context.Context, s *session, now time.Time) ([]sending.Run, error) {
	if runs := s.Begin(); len(runs) > 0 || s.Waiting() > 0 && time.Since(s.looked) < pollWhileBusy {
		return runs, nil
	}
	s.looked = time.Now()
	for page := foundAtOnce; s.Free(); page *= 8 {
		var due []store.Transmission
		err := o.store.View(ctx, func(tx *store.Tx) (err error) {
			due, err = tx.DueTransmissions(now, page)
			return err
		})
		if err != nil {
			return nil, err
		}
		s.Offer(due)
		if runs := s.Begin(); len(runs) > 0 || len(due) < page {
			return runs, nil
		}
	}
	return nil, nil
}
