package outbox

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sync/errgroup"

	"vigie/receiver/letter"
	"vigie/receiver/notify"
	"vigie/receiver/sending"
	"vigie/receiver/store"
	"vigie/rules/incident"
)

// run makes the transmissions to one address one after the other. It stops at the first
// that fails and gives the rest back, so that no worker waits for an address in trouble.
// Outcomes are stored while the next attempts go on.
func (o *Outbox) run(ctx context.Context, ts []store.Transmission) (failed bool, err error) {
	var keeping errgroup.Group
	outcomes := make(chan outcome, len(ts))
	keeping.Go(func() error { return o.keepOutcomes(ctx, outcomes) })
	begun, left := time.Now(), ts
	for !failed && err == nil && len(left) > 0 && (len(left) == len(ts) || time.Since(begun) < runFor) {
		t := left[0]
		left = left[1:]
		var sent error
		if sent, err = o.attempt(ctx, t); err != nil {
			break
		}
		failed = sent != nil
		outcomes <- o.outcome(t, sent)
		o.Turns.Progress("outbox")
	}
	close(outcomes)
	return failed || err != nil, errors.Join(err, keeping.Wait(), o.giveBack(ctx, left))
}

// giveBack releases transmissions that were claimed and not begun.
func (o *Outbox) giveBack(ctx context.Context, ts []store.Transmission) error {
	if len(ts) == 0 {
		return nil
	}
	return o.Store.Update(ctx, func(tx *store.Tx) error { return tx.GiveBack(ts, o.Now()) })
}

// attempt makes one transmission; sent tells why it was not accepted.
func (o *Outbox) attempt(ctx context.Context, t store.Transmission) (sent, err error) {
	m, err := o.addressed(t)
	if err != nil {
		return nil, fmt.Errorf("message %s: %w", t.Message, err)
	}
	if err := o.StillLeads(); err != nil {
		return nil, fmt.Errorf("message %s: %w", t.Message, err)
	}
	return o.send(ctx, m, t), nil
}

// outcome is what became of an attempt.
type outcome struct {
	of store.Transmission
	sending.Verdict
	at time.Time
}

func (o *Outbox) outcome(t store.Transmission, sent error) outcome {
	o.Causes.Set(t.Channel, sent)
	now := o.Now()
	v := sending.Judge(t, sent, now, o.Settings().Pauses)
	o.Sent.WithLabelValues(t.Template, v.Result).Inc()
	if sent != nil {
		o.Log.Warn("message not accepted", "message", t.Message, "attempt", t.Attempts, "result", v.Result, "err", sent)
	}
	return outcome{t, v, now}
}

const (
	// At most keptAtOnce outcomes are committed together, and none waits for others
	// longer than keptWithin. After a crash, those not committed are sent again under
	// the same Message-ID.
	keptAtOnce = 32
	keptWithin = 100 * time.Millisecond
)

// keepOutcomes stores outcomes in batches.
func (o *Outbox) keepOutcomes(ctx context.Context, outcomes <-chan outcome) (err error) {
	for first := range outcomes {
		all := gathered(first, outcomes)
		one := o.record(ctx, all)
		if one != nil && len(all) > 1 && !errors.Is(one, store.ErrUnavailable) {
			one = nil
			for _, x := range all { // one that cannot be stored must not lose the others
				one = errors.Join(one, o.record(ctx, []outcome{x}))
			}
		}
		err = errors.Join(err, one)
	}
	return err
}

func gathered(first outcome, outcomes <-chan outcome) []outcome {
	all := []outcome{first}
	for over := time.After(keptWithin); len(all) < keptAtOnce; {
		select {
		case x, more := <-outcomes:
			if !more {
				return all
			}
			all = append(all, x)
		case <-over:
			return all
		}
	}
	return all
}

// record stores what became of attempts, in one transaction.
func (o *Outbox) record(ctx context.Context, all []outcome) error {
	return o.Update(ctx, all[len(all)-1].at, func(tx *store.Tx, tell Tell) error {
		for _, x := range all {
			var err error
			if x.Status == store.Pending {
				err = tx.Retry(x.of.Message, x.of.Address, x.Detail, x.Next)
			} else {
				err = tx.Finish(x.of.Message, x.of.Address, x.Status, x.Detail, x.at)
			}
			if err == nil && (x.Status != store.Pending || x.What != "") {
				err = told(tx, tell, x)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// numbers are incidents' numbers in a subject.
var numbers = regexp.MustCompile(`#(\d)`)

// addressed returns a message as one recipient gets it: in their language, in the
// thread of what they got before, and fit for a ticket tool where one reads it.
func (o *Outbox) addressed(t store.Transmission) (notify.Message, error) {
	var k letter.Kept
	var value []byte
	err := o.Store.Peek(func(tx *store.Tx) (err error) {
		value, err = tx.Message(t.Message)
		return err
	})
	if err == nil {
		err = json.Unmarshal(value, &k)
	}
	if err != nil {
		return k.Message, err
	}
	m := k.Speaking(t.Address)
	if b := o.Settings().Mailbox; b != nil && t.Channel == "" {
		m.EnvelopeFrom, m.ReplyTo = b.Bounce(t.Token), o.answerable(b.Reply(t.Token))
	}
	m.TicketIntake = t.Channel == "" && o.Settings().Book.TicketIntake(t.Address, o.Now())
	if p := o.Settings().Book.Directory.PersonByAddress(t.Address); p != nil && p.TicketMark != "" && t.Channel == "" {
		m.Subject = numbers.ReplaceAllString(m.Subject, p.TicketMark+"${1}")
	}
	m.InReplyTo, m.References = "", nil
	about := strings.Fields(m.IncidentID)
	if len(about) == 0 {
		return m, nil
	}
	var root string
	err = o.Store.Peek(func(tx *store.Tx) (err error) {
		root, err = tx.Thread(about[0], t.Message, t.Address)
		return err
	})
	if root != "" {
		m.InReplyTo, m.References = root, []string{root}
	}
	return m, err
}

// answerable gives the reply address of one transmission the display name of the
// configured one.
func (o *Outbox) answerable(address string) string {
	usual, _ := notify.ParseAddress(o.Settings().Sender.ReplyTo)
	return notify.Address{Name: usual.Name, Addr: address}.String()
}

// send hands a message to the channel of its transmission.
func (o *Outbox) send(ctx context.Context, m notify.Message, t store.Transmission) error {
	if t.Channel == "" {
		return o.Settings().Channel.Deliver(ctx, m, t.Address)
	}
	c := o.Settings().Channels[t.Channel]
	if c == nil {
		return &notify.Error{Kind: notify.KindConfig, Channel: t.Channel, Phase: "channel",
			Err: errors.New("the configuration names no such channel: name it under channels in vigie.yml, and the message leaves")}
	}
	return c.Deliver(ctx, m, strings.TrimPrefix(t.Address, t.Channel+":"))
}

// told lets the incidents of a message know how far it has come, and what became
// of it at one address.
func told(tx *store.Tx, tell Tell, x outcome) error {
	ts, err := tx.Transmissions(x.of.Message)
	if err != nil {
		return err
	}
	about, err := tx.Told(x.of.Message)
	if err != nil {
		return err
	}
	ev := incident.Delivered{MessageID: x.of.Message, Complete: true, Detail: x.Detail, What: x.What}
	if x.Status == store.Pending {
		ev.Deferred = []string{x.of.Address}
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
	for _, n := range about {
		ev.NotificationID = n[0]
		if err := tell(n[1], ev); err != nil {
			return err
		}
	}
	return nil
}
