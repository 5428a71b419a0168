package receiver

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"vigie/receiver/config"
	"vigie/receiver/notify"
	"vigie/receiver/outbox"
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
	// alarmRetry is until a call that failed is tried again.
	alarmRetry = time.Minute
	// alarmKey remembers the latest call, so that a restart calls nobody twice.
	alarmKey = "alarm_called"
)

// alarm calls a person when the outbox has not emptied for too long.
type alarm struct {
	*core
	outbox *outbox.Outbox
	idle   atomic.Bool  // nothing waited when it was last looked for
	retry  atomic.Int64 // when a call that failed is tried again, in nanoseconds
}

// Run turns until ctx ends.
func (a *alarm) Run(ctx context.Context) error {
	return a.turns.Run(ctx, "alarm", a.live().Timings.Tick, nil, a.turn)
}

// turn calls somebody if it is time to.
func (a *alarm) turn(ctx context.Context) error {
	to := a.live().Alarm
	if to == nil {
		return nil
	}
	now := a.now()
	if w, err := a.Due(now); err != nil || !w.Unsent && !w.Bundles && a.idle.Load() {
		return err
	}
	var backlog store.Backlog
	var called string
	err := a.store.View(ctx, func(tx *store.Tx) (err error) {
		if backlog, err = tx.Backlog(now); err != nil {
			return err
		}
		called, err = tx.Value(alarmKey)
		return err
	})
	if err != nil {
		return err
	}
	a.idle.Store(backlog.Pending == 0 && called == "")
	late := !backlog.Oldest.IsZero() && now.Sub(backlog.Oldest) >= orDefault(to.After, config.AlarmAfter)
	if !late {
		if called != "" {
			return a.store.Update(ctx, func(tx *store.Tx) error { return tx.SetValue(alarmKey, "") })
		}
		return nil
	}
	if n, err := strconv.ParseInt(called, 10, 64); err == nil && within(time.Unix(0, n), now, orDefault(to.Every, config.AlarmEvery)) ||
		within(time.Unix(0, a.retry.Load()).Add(-alarmRetry), now, alarmRetry) {
		return nil
	}
	return a.call(ctx, to, backlog, now)
}

func (a *alarm) call(ctx context.Context, to *Alarm, b store.Backlog, now time.Time) error {
	id, err := notify.NewMessageID(a.live().Domain, a.instance, "alarm", strconv.FormatInt(now.UnixNano(), 10))
	if err != nil {
		return err
	}
	what, check := "mail does not leave", "the mail relay"
	failing, why := a.outbox.Causes.Get()
	if len(failing) > 0 && failing[0] != "" { // mail is not among them
		what = "messages by " + strings.Join(failing, ", ") + " do not leave"
		check = "what stands under channels in vigie.yml"
	}
	text := fmt.Sprintf("%d messages have not left, the oldest since %s. Check %s and Vigie's log; nothing is lost, everything is sent once it works.",
		b.Pending, b.Oldest.UTC().Format(time.RFC3339), check)
	for _, w := range why {
		text += "\nThe latest attempt: " + w
	}
	m := notify.Message{ID: id, From: a.live().Sender.From, Subject: "Vigie: " + what, Text: text, Language: "en", Date: now}
	if err := to.Channel.Deliver(ctx, m, to.To); err != nil {
		a.metrics.alarms.WithLabelValues("failed").Inc()
		a.retry.Store(now.Add(alarmRetry).UnixNano())
		return fmt.Errorf("%s and the second channel does not work either: %w", what, err)
	}
	a.metrics.alarms.WithLabelValues("accepted").Inc()
	return a.store.Update(ctx, func(tx *store.Tx) error { return tx.SetValue(alarmKey, strconv.FormatInt(now.UnixNano(), 10)) })
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
