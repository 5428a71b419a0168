package receiver

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/receiver/notify"
	"vigie/receiver/store"
)

// Alarm reaches a person by a second channel when messages do not leave by the
// first: mail about dead mail would wait in the same queue.
type Alarm struct {
	Channel notify.Channel
	// To is whom the channel shall reach, in its own words; may be empty.
	To string
	// After is how old the outbox may grow before somebody is called, 15 min
	// when 0; Every is how often that is repeated while it lasts, 1 h when 0.
	After, Every time.Duration
}

const (
	alarmAfter = 15 * time.Minute
	alarmEvery = time.Hour
	// alarmRetry is until a call that failed is tried again.
	alarmRetry = time.Minute
	// alarmFact remembers the latest call, so that a restart calls nobody twice.
	alarmFact = "alarm_called"
)

// calls paces the calls of one process.
type calls struct {
	mu    sync.Mutex
	next  time.Time
	cause string // why the latest transmission did not succeed
}

// blame keeps why a transmission was not accepted; nil is a success.
func (c *calls) blame(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cause = ""
	if err != nil {
		c.cause = err.Error()
		if words := notify.SubjectOf(err).Words(); len(words) > 0 {
			c.cause = strings.Join(words, "\n") + "\n" + c.cause
		}
	}
}

// CallOut calls a person when the outbox has not emptied for too long.
func (e *Engine) CallOut(ctx context.Context) error {
	a := e.live().Alarm
	if a == nil {
		return nil
	}
	now := e.o.Now()
	var backlog store.Backlog
	var called string
	err := e.store.View(ctx, func(tx *store.Tx) (err error) {
		if backlog, err = tx.Backlog(now); err != nil {
			return err
		}
		called, err = tx.Fact(alarmFact)
		return err
	})
	if err != nil {
		return err
	}
	late := !backlog.Oldest.IsZero() && now.Sub(backlog.Oldest) >= orDefault(a.After, alarmAfter)
	if !late {
		if called != "" {
			return e.store.Update(ctx, func(tx *store.Tx) error { return tx.SetFact(alarmFact, "") })
		}
		return nil
	}
	e.calls.mu.Lock()
	next, cause := e.calls.next, e.calls.cause
	e.calls.mu.Unlock()
	if n, err := strconv.ParseInt(called, 10, 64); err == nil && within(time.Unix(0, n), now, orDefault(a.Every, alarmEvery)) ||
		within(next.Add(-alarmRetry), now, alarmRetry) {
		return nil
	}
	return e.call(ctx, a, backlog, cause, now)
}

func (e *Engine) call(ctx context.Context, a *Alarm, b store.Backlog, cause string, now time.Time) error {
	id, err := notify.NewMessageID(e.live().Domain, e.instance, "alarm", strconv.FormatInt(now.UnixNano(), 10))
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d messages have not left, the oldest since %s. Check the mail relay and Vigie's log; nothing is lost, everything is sent once it works.",
		b.Pending, b.Oldest.UTC().Format(time.RFC3339))
	if cause != "" {
		text += "\nThe latest attempt: " + cause
	}
	m := notify.Message{ID: id, From: e.live().Sender.From, Subject: "Vigie: mail does not leave", Text: text, Language: "en", Date: now}
	if err := a.Channel.Deliver(ctx, m, a.To); err != nil {
		e.metrics.alarms.WithLabelValues("failed").Inc()
		e.calls.mu.Lock()
		e.calls.next = now.Add(alarmRetry)
		e.calls.mu.Unlock()
		return fmt.Errorf("mail does not leave and the second channel does not work either: %w", err)
	}
	e.metrics.alarms.WithLabelValues("accepted").Inc()
	return e.store.Update(ctx, func(tx *store.Tx) error { return tx.SetFact(alarmFact, strconv.FormatInt(now.UnixNano(), 10)) })
}

// within reports whether something happened at most that long ago. What lies
// ahead happened before the clock was set back, nobody knows when.
func within(at, now time.Time, limit time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < limit
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
