// Package outbox makes messages of what was decided to be told, and sends them: each is
// written and committed before any socket opens, and its outcome before it is forgotten.
package outbox

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/receiver/answers"
	"vigie/receiver/evidence"
	"vigie/receiver/loop"
	"vigie/receiver/memory"
	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/receiver/sending"
	"vigie/receiver/store"
	"vigie/rules"
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
	// LeaseFor is longer than any transmission takes, its fallback included.
	LeaseFor = 15 * time.Minute
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

// Settings are what a reload replaces.
type Settings struct {
	Book      *rules.Book
	Render    Render
	Sender    Sender
	Domain    string           // of the Message-IDs
	Mailbox   *answers.Mailbox // where answers and bounces arrive; nil for none that is read
	Exporters []evidence.Exporter
	// Channel carries mail to people, Channels whatever else reaches them, by name.
	Channel  notify.Channel
	Channels map[string]notify.Channel
	// Tick is how often the outbox looks for what is due, Pauses how long it waits between
	// attempts.
	Tick   time.Duration
	Pauses sending.Pauses
}

// Options is what an outbox works with.
type Options struct {
	Store *store.Store
	Log   *slog.Logger
	Turns *loop.Turns
	Now   func() time.Time
	// Settings are those in force.
	Settings func() Settings
	// Instance tells this installation's Message-IDs from any other's.
	Instance func() string
	// Due tells cheaply whether there is anything to do.
	Due func(now time.Time) (store.Work, error)
	// StillLeads returns an error once another receiver may be sending.
	StillLeads func() error
	// Update runs work in one transaction, in which it can let an incident know how far
	// a message has come.
	Update func(ctx context.Context, now time.Time, work func(tx *store.Tx, tell Tell) error) error
	// Sent counts transmissions by template and result.
	Sent *prometheus.CounterVec
}

// Tell lets an incident know how far a message about it has come.
type Tell func(id string, ev incident.Delivered) error

// Outbox makes messages of the notifications whose hold has ended, and sends
// them.
type Outbox struct {
	Options
	// Causes are why the latest attempts failed.
	Causes  memory.Causes
	unready memory.Unready
}

// New returns an outbox.
func New(o Options) *Outbox { return &Outbox{Options: o} }

// Run turns until ctx ends.
func (o *Outbox) Run(ctx context.Context) error {
	return o.Turns.Run(ctx, "outbox", o.Settings().Tick, nil, o.Turn)
}

// Turn sends what is due, until nothing is due and nothing is on its way.
func (o *Outbox) Turn(ctx context.Context) error {
	if w, err := o.Due(o.Now()); err != nil || !w.Bundles && !w.Transmissions {
		return err
	}
	s := session{
		Way: sending.New(len(o.Settings().Channels) > 0), ended: make(chan endedRun), news: true,
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
func (o *Outbox) composeBeside(ctx context.Context, s *session) {
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

func (o *Outbox) deliver(ctx context.Context, s *session) error {
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
func (o *Outbox) begin(ctx context.Context, s *session) (int, error) {
	now := o.Now()
	runs, err := o.startable(ctx, s, now)
	if err != nil || len(runs) == 0 {
		return 0, err
	}
	claimed := make([][]store.Transmission, len(runs))
	err = o.Store.Update(ctx, func(tx *store.Tx) error {
		for n, r := range runs {
			claimed[n] = slices.Clone(r.Transmissions) // this may be run again
			if err := tx.Lease(claimed[n], now.Add(LeaseFor)); err != nil {
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
func (o *Outbox) startable(ctx context.Context, s *session, now time.Time) ([]sending.Run, error) {
	if runs := s.Begin(); len(runs) > 0 || s.Waiting() > 0 && time.Since(s.looked) < pollWhileBusy {
		return runs, nil
	}
	s.looked = time.Now()
	for page := foundAtOnce; s.Free(); page *= 8 {
		var due []store.Transmission
		err := o.Store.View(ctx, func(tx *store.Tx) (err error) {
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

// ComposeAnew tries at once to write what could not be written before.
func (o *Outbox) ComposeAnew() { o.unready.Forget() }
