package receiver

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/receiver/evidence"
	"vigie/receiver/store"
	"vigie/rules"
)

const (
	dueAtOnce  = 1000 // due incidents looked up together
	wakers     = 64   // of them decided at the same time: they share commits
	askAtOnce  = 200
	askers     = 8
	afterFault = time.Minute // until an incident whose decision failed is tried again
)

// Tick lets every incident decide whose time has come.
func (e *Engine) Tick(ctx context.Context) error {
	now := e.o.Now()
	if err := e.minded(ctx, now); err != nil {
		return err
	}
	var alerts, incidents bool
	err := e.store.Peek(func(tx *store.Tx) (err error) {
		alerts, incidents, err = tx.AnyDue(now)
		return err
	})
	if err != nil || !alerts && !incidents {
		return err
	}
	if alerts {
		if err := e.offerAgain(ctx, now); err != nil {
			return err
		}
	}
	for {
		var ids []string
		err := e.store.Peek(func(tx *store.Tx) (err error) {
			ids, err = tx.Due(now, dueAtOnce)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := e.each(ctx, ids, wakers, now, e.wakeUp); err != nil || len(ids) < dueAtOnce {
			return err
		}
	}
}

// offerAgain takes in alerts that were ignored for a time and still fire.
func (e *Engine) offerAgain(ctx context.Context, now time.Time) error {
	var signals []rules.Signal
	err := e.store.Peek(func(tx *store.Tx) (err error) {
		signals, err = tx.OfferedAgain(now, dueAtOnce)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range signals {
		err := e.store.Update(ctx, func(tx *store.Tx) error {
			if err := tx.Forget(s.Fingerprint); err != nil {
				return err
			}
			u := e.unit(tx, now)
			if _, err := u.fire(s, false); err != nil {
				return err
			}
			return u.flush()
		})
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			e.metrics.faults.Inc()
			e.log.Error("an alert could not be taken in; it will be offered again", "fingerprint", s.Fingerprint, "err", err)
			err = e.store.Update(ctx, func(tx *store.Tx) error { return tx.OfferLater(s.Fingerprint, now.Add(afterFault)) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each works on several incidents at a time. One that fails for a reason of
// its own is put off and told; a store that cannot write ends the turn.
func (e *Engine) each(ctx context.Context, ids []string, atOnce int, now time.Time, work func(context.Context, string, time.Time) error) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, id := range ids {
		g.Go(func() error {
			err := work(ctx, id, now)
			if err == nil || errors.Is(err, store.ErrUnavailable) {
				return err
			}
			e.fault(id, err)
			return e.store.Update(ctx, func(tx *store.Tx) error { return tx.Postpone(id, now.Add(afterFault)) })
		})
	}
	return g.Wait()
}

func (e *Engine) fault(id string, err error) {
	e.metrics.faults.Inc()
	attrs := []any{"incident", id, "err", err}
	var p *store.PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	e.log.Error("an incident could not be decided; it will be tried again", attrs...)
}

func (e *Engine) wakeUp(ctx context.Context, id string, now time.Time) error {
	return e.store.Update(ctx, func(tx *store.Tx) error {
		u := e.unit(tx, now)
		en, err := u.load(id)
		if err != nil {
			return err
		}
		if en.WakeAt.IsZero() || en.WakeAt.After(now) {
			return nil // somebody else was faster
		}
		var ev rules.Event = rules.Tick{}
		switch en.WakeWith {
		case store.WakeRelated:
			ev = rules.Related{}
		case store.WakeRefreshed:
			ev = rules.Refreshed{}
		}
		if _, err := u.apply(en, ev); err != nil {
			return err
		}
		return u.flush()
	})
}

// AskDue asks for the evidence that decisions wait for, outside of any
// transaction.
func (e *Engine) AskDue(ctx context.Context) error {
	now := e.o.Now()
	var ids []string
	err := e.store.Peek(func(tx *store.Tx) (err error) {
		ids, err = tx.Asking(now, askAtOnce)
		return err
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	return e.each(ctx, ids, askers, now, e.ask)
}

// ask finds out what one incident needs to know and lets it decide.
func (e *Engine) ask(ctx context.Context, id string, now time.Time) error {
	var need *rules.Need
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		u := e.unit(tx, now)
		en, err := u.load(id)
		if err != nil {
			return err
		}
		d, err := u.apply(en, rules.Tick{})
		if err != nil {
			return err
		}
		need = d.Needs
		return u.flush()
	})
	if err != nil || need == nil {
		return err
	}
	return e.answer(ctx, id, e.inquire(ctx, need, now))
}

func (e *Engine) answer(ctx context.Context, id string, a rules.Answered) error {
	return e.store.Update(ctx, func(tx *store.Tx) error {
		u := e.unit(tx, e.o.Now())
		en, err := u.load(id)
		if err != nil {
			return err
		}
		if _, err := u.apply(en, a); err != nil {
			return err
		}
		return u.flush()
	})
}

// inquire asks Prometheus. What is not answered in time is unknown.
func (e *Engine) inquire(ctx context.Context, need *rules.Need, now time.Time) rules.Answered {
	q := evidence.Question{Plans: make(map[string]rules.Labels, len(need.Alerts))}
	for fp, a := range need.Alerts {
		q.Plans[fp] = a.Labels
	}
	if o := need.Other; o != nil {
		q.Other = &evidence.Other{Customer: o.Customer, Role: o.Role, Expected: o.Expected, Names: e.names(o.Customer, o.Machine)}
	}
	if e.live().Evidence == nil {
		return evidence.Unknown(q, now, errors.New("no Prometheus is configured"))
	}
	ctx, cancel := context.WithTimeout(ctx, e.live().Timings.Ask)
	defer cancel()
	a, err := e.live().Evidence.Ask(ctx, q, now)
	result := "answered"
	if err != nil {
		result = "failed"
		e.log.Warn("evidence could not be asked for; it is unknown", "err", err)
	}
	e.metrics.evidence.WithLabelValues(result).Inc()
	return a
}

// names are all names under which the products may know a machine.
func (e *Engine) names(customer, machine string) []string {
	names := []string{machine}
	if m := e.Book().Directory.Machine(customer, machine); m != nil {
		for _, a := range m.Aliases {
			names = append(names, a, afterSource(a))
		}
	}
	return names
}

// afterSource drops the source that may stand before an alias.
func afterSource(alias string) string {
	for i := range alias {
		if alias[i] == ':' {
			return alias[i+1:]
		}
	}
	return alias
}
