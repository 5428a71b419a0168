package reports

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vigie/receiver/letter"
	"vigie/receiver/loop"
	"vigie/receiver/message"
	"vigie/receiver/message/locale"
	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/report"
)

// What the store remembers: the latest month whose reports were sent, and the latest
// week in which overdue restore tests were told.
const (
	monthKey  = "reports_month"
	weekKey   = "restore_tests_week"
	sendEvery = time.Minute
	// patience is how long a dossier waits for a Prometheus that does not answer; then it
	// leaves and says what is not known.
	patience = 24 * time.Hour
)

// Sender sends the reports of each month, and reminds of restore tests.
type Sender struct {
	*Maker
	Turns *loop.Turns
	Now   func() time.Time
	// Letter makes of a notification and its words what the outbox keeps.
	Letter func(incident.Notification, message.Rendered) (id string, value []byte, err error)
	// Speaks are the languages in use, Pages the address of the pages; empty for none.
	Speaks func() *locale.Catalog
	Pages  func() string
}

// Run turns until ctx ends.
func (o *Sender) Run(ctx context.Context) error {
	return o.Turns.Run(ctx, "reports", sendEvery, nil, o.Turn)
}

// Turn sends what is due and has not been sent.
func (o *Sender) Turn(ctx context.Context) error {
	return errors.Join(o.monthly(ctx, o.Now()), o.remind(ctx, o.Now()))
}

// monthly sends the reports of the month before when their hour has come, once: the
// month and the messages are kept together, so that no restart sends them twice, and
// a receiver that was down on that day sends them when it is up again.
func (o *Sender) monthly(ctx context.Context, now time.Time) error {
	due, is := o.Book().Monthly(now)
	if !is {
		return nil
	}
	fresh := false
	sent, err := o.sent(ctx, monthKey, func(past store.Past) error {
		begun, err := past.Begun()
		fresh = !begun.Before(due.Month.To)
		return err
	})
	if err != nil || sent >= due.Month.Name {
		return err
	}
	var out []posted
	var waits error
	maker := o.forOneTurn()
	counted := map[string]int{}
	for _, x := range due.Mails {
		if fresh && sent == "" {
			break // it did not watch yet: there is nothing to tell
		}
		// Counted, as one report may go to several readers in mails of their own; each
		// for itself, as an inventory may change while some of them wait.
		about := fmt.Sprintf("%s/%s/%s/%s", x.Report, x.Scope.Customer, x.Scope.Platform, x.Language)
		n := incident.Notification{ID: fmt.Sprintf("report/%s/%d/%s", due.Month.Name, counted[about], about), Step: "report", Template: "monthly-report", DecidedAt: now, To: x.To, Language: x.Language}
		counted[about]++
		if left, err := o.left(ctx, n); err != nil || left {
			if err != nil {
				return err
			}
			continue
		}
		words, err := maker.Mail(ctx, due.Month, x, o.Speaks(), o.Pages())
		unread := errors.Is(err, errUnread)
		if unread && o.Nights.Prometheus() != nil && now.Before(due.Due.Add(patience)) {
			waits = fmt.Errorf("report %s of %s waits: %w", x.Report, due.Month.Name, err)
			continue
		}
		if err != nil && !unread {
			return fmt.Errorf("report %s of %s: %w", x.Report, due.Month.Name, err)
		}
		out = append(out, posted{n, words})
	}
	return errors.Join(o.post(ctx, monthKey, due.Month.Name, out, now, waits == nil), waits)
}

// remind tells once a week who must know which restore tests are overdue.
func (o *Sender) remind(ctx context.Context, now time.Time) error {
	week, is := o.Book().Remind(now)
	if !is {
		return nil
	}
	sent, err := o.sent(ctx, weekKey, func(store.Past) error { return nil })
	if err != nil || sent >= week.Week {
		return err
	}
	all, err := o.Due(ctx, now)
	if err != nil {
		return err
	}
	var readers []incident.Party
	theirs := map[string][]report.TestDue{}
	for _, d := range all {
		if !d.Overdue {
			continue
		}
		for _, p := range o.Book().Reminded(d.Customer, d.Machine, now) {
			if theirs[p.Address] == nil {
				readers = append(readers, p)
			}
			theirs[p.Address] = append(theirs[p.Address], d)
		}
	}
	var out []posted
	for _, p := range readers {
		words, err := o.reminder(theirs[p.Address], p.Language, now)
		if err != nil {
			return err
		}
		out = append(out, posted{incident.Notification{ID: "restore-tests/" + week.Week + "/" + p.Address, Step: "restore_tests", Template: "restore-tests-due", DecidedAt: now,
			To: []incident.Party{p}, Language: p.Language}, words})
	}
	return o.post(ctx, weekKey, week.Week, out, now, true)
}

// left reports whether a mail is in the outbox already.
func (o *Sender) left(ctx context.Context, n incident.Notification) (is bool, err error) {
	id, _, err := o.Letter(n, message.Rendered{})
	if err != nil {
		return false, err
	}
	err = o.Store.View(ctx, func(tx *store.Tx) error {
		ts, err := tx.Transmissions(id)
		is = len(ts) > 0
		return err
	})
	return is, err
}

// sent is what the store remembers; where it remembers nothing, first is asked.
func (o *Sender) sent(ctx context.Context, key string, first func(store.Past) error) (sent string, err error) {
	err = o.Store.View(ctx, func(tx *store.Tx) (err error) {
		if sent, err = tx.Value(key); err != nil || sent != "" {
			return err
		}
		return first(store.Past{Tx: tx})
	})
	return sent, err
}

// posted is a mail that is to leave.
type posted struct {
	n     incident.Notification
	words message.Rendered
}

// post puts mails into the outbox, unless they were sent already; complete says that
// no more of them will come.
func (o *Sender) post(ctx context.Context, key, value string, mails []posted, now time.Time, complete bool) error {
	return o.Store.Update(ctx, func(tx *store.Tx) error {
		if sent, err := tx.Value(key); err != nil || sent >= value {
			return err
		}
		fresh := 0
		for _, m := range mails {
			id, text, err := o.Letter(m.n, m.words)
			if err != nil {
				return err
			}
			// Others waited, or the clock was set back.
			ts, err := tx.Transmissions(id)
			if err != nil {
				return err
			}
			if len(ts) > 0 {
				continue
			}
			if _, err := tx.CreateMessage(id, m.n.Template, nil, text, letter.Recipients(m.n), now); err != nil {
				return err
			}
			fresh++
		}
		if complete {
			if err := tx.SetValue(key, value); err != nil {
				return err
			}
		}
		if fresh == 0 {
			return nil
		}
		return tx.AppendSystem(incident.Entry{At: now, Kind: "message", What: key, Reason: fmt.Sprintf("of %s, %d mails", value, fresh)})
	})
}

// reminder is the words that tell of overdue tests.
func (o *Sender) reminder(all []report.TestDue, language string, now time.Time) (message.Rendered, error) {
	zone := o.Zone(now)
	l := reminded{letter: mailed{Locale: locale.Locale{Language: o.Speaks().Find(language), Zone: zone, Ref: now.In(zone)}, called: o.Name}, Due: slices.Clone(all)}
	if base := o.Pages(); base != "" {
		l.Link = base + "/restore-tests"
	}
	return l.render()
}
