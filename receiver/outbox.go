package receiver

import (
	"context"
	"errors"
	"time"

	"vigie/receiver/memory"
	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules"
)

// Render makes the words of one message of the notifications of a bundle.
type Render func([]rules.Notification) (message.Rendered, error)

const (
	bundlesAtOnce = 100
	// draftsAtOnce messages at most are made in one transaction.
	draftsAtOnce = 32
	leasedAtOnce = 64
	// senders transmit at the same time, perAddress of them at most to one
	// address: one that is slow to take its mail holds back nobody else.
	senders    = 8
	perAddress = 2
	// perChannel of them at most use one channel when there are several, so that a
	// gateway that hangs holds back no mail.
	perChannel = senders - 2
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
	way := onTheWay{ended: make(chan ended, senders), to: map[string]int{}, by: map[string]int{}, busy: map[transmissionKey]bool{}, perChannel: senders}
	if len(o.live().Channels) > 0 {
		way.perChannel = perChannel
	}
	err := o.deliver(ctx, &way)
	for way.n > 0 { // what was begun is finished: otherwise it would be sent twice
		err = errors.Join(err, way.wait())
	}
	return err
}

// onTheWay are the transmissions that are being made.
type onTheWay struct {
	ended      chan ended
	n          int
	to         map[string]int // transmissions, by address
	by         map[string]int // and by channel, at most perChannel of each
	perChannel int
	// busy keeps one from being begun twice when the clock jumps past its lease.
	busy map[transmissionKey]bool
	// next are due and not begun. An earlier message never comes up meanwhile, so
	// they need not be looked for anew for each of them.
	next []store.Transmission
	// composed and looked are when messages were last made, and transmissions looked
	// for, by the machine's own clock.
	composed, looked time.Time
}

// fitting takes those of next for which there is a free sender.
func (w *onTheWay) fitting() []store.Transmission {
	var out, left []store.Transmission
	more, moreBy := map[string]int{}, map[string]int{}
	for i, t := range w.next {
		if w.n+len(out) == senders {
			left = append(left, w.next[i:]...)
			break
		}
		switch {
		case w.busy[transmissionKey{t.Message, t.Address}]:
		case w.to[t.Address]+more[t.Address] < perAddress && w.by[t.Channel]+moreBy[t.Channel] < w.perChannel:
			out = append(out, t)
			more[t.Address]++
			moreBy[t.Channel]++
		default:
			left = append(left, t)
		}
	}
	w.next = left
	return out
}

type transmissionKey struct{ message, address string }

type ended struct {
	transmissionKey
	channel string
	err     error
}

// wait takes note of one that has ended.
func (w *onTheWay) wait() error { return w.note(<-w.ended) }

func (w *onTheWay) note(x ended) error {
	w.n--
	w.by[x.channel]--
	delete(w.busy, x.transmissionKey)
	if w.to[x.address]--; w.to[x.address] == 0 {
		delete(w.to, x.address)
	}
	return x.err
}

func (o *outbox) deliver(ctx context.Context, way *onTheWay) error {
	for ctx.Err() == nil {
		if len(way.next) == 0 || time.Since(way.composed) >= pollWhileBusy {
			way.composed = time.Now()
			if err := o.composeDue(ctx); err != nil {
				return err
			}
		}
		begun, err := o.begin(ctx, way)
		if err != nil {
			return err
		}
		if begun > 0 && way.n < senders {
			continue
		}
		if way.n == 0 {
			return nil
		}
		select {
		case x := <-way.ended:
			o.turns.Progress("outbox")
			if err := way.note(x); err != nil {
				return err
			}
		case <-time.After(pollWhileBusy):
		}
	}
	return nil
}

// begin starts as many due transmissions as may be made now.
func (o *outbox) begin(ctx context.Context, way *onTheWay) (int, error) {
	now := o.now()
	ts, err := o.startable(ctx, way, now)
	if err != nil || len(ts) == 0 {
		return 0, err
	}
	err = o.store.Update(ctx, func(tx *store.Tx) error { return tx.Lease(ts, now.Add(leaseFor)) })
	if err != nil {
		return 0, err
	}
	for _, t := range ts {
		way.n++
		way.to[t.Address]++
		way.by[t.Channel]++
		k := transmissionKey{t.Message, t.Address}
		way.busy[k] = true
		// A stop does not interrupt what was begun.
		go func() { way.ended <- ended{k, t.Channel, o.transmit(context.WithoutCancel(ctx), t)} }()
	}
	return len(ts), nil
}

// startable returns due transmissions for which there is a free sender. It looks
// further than one page only when a page is all for addresses that are slow.
func (o *outbox) startable(ctx context.Context, way *onTheWay, now time.Time) ([]store.Transmission, error) {
	if out := way.fitting(); len(out) > 0 || len(way.next) > 0 && time.Since(way.looked) < pollWhileBusy {
		return out, nil
	}
	way.looked = time.Now()
	for page := leasedAtOnce; way.n < senders; page *= 8 {
		err := o.store.View(ctx, func(tx *store.Tx) (err error) {
			way.next, err = tx.DueTransmissions(now, page)
			return err
		})
		if err != nil {
			return nil, err
		}
		full := len(way.next) == page
		if out := way.fitting(); len(out) > 0 || !full {
			return out, nil
		}
	}
	return nil, nil
}
