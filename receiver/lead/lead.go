// Package lead decides which of several receivers that share a database turns the
// loops.
package lead

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"vigie/receiver/store"
	"vigie/rules/model"
)

// Of several receivers that share a database all take in webhooks, acts and looks;
// one alone turns the loops: it wakes, asks, sends, seals and polls. It holds a
// lease, whose token is checked wherever one of its loops writes: one that was
// paused, and wakes up after another has taken over, writes nothing any more.
const (
	loopsLease = "loops"
	// leaseLasts is how long a receiver that says nothing keeps the lease. With a
	// pulse until it is asked for again, others take over within 15 s.
	leaseLasts = 10 * time.Second
	pulseEach  = 3 * time.Second
	// workKnownFor is for how long loops believe that nothing is due.
	workKnownFor = 900 * time.Millisecond
)

// Leader knows whether this receiver turns the loops.
type Leader struct {
	Options
	holder string
	mu     sync.Mutex
	lease  store.Lease
	until  time.Time // by the machine's own clock
	last   store.Pulse
	known  bool // last is

	work    store.Work
	workAt  time.Time // when that was found out, by the machine's own clock
	workFor time.Time // for which instant
	commits int64     // of the store by then
}

// Options are what a leader works with.
type Options struct {
	Store *store.Store
	Log   *slog.Logger
	// Values are what it hears of the others.
	Values []string
	// Alert is the one whose incident is looked for with what is due.
	Alert model.Signal
	// Hear is called with each pulse; of what changed since the one before it tells
	// policies and incidents.
	Hear func(ctx context.Context, p store.Pulse, policies, incidents bool) error
	// TakeOver is called before the loops turn under a new lease.
	TakeOver func(context.Context, store.Lease) error
}

// New returns a leader of nobody yet.
func New(o Options) *Leader { return &Leader{Options: o, holder: rand.Text()} }

// leads reports whether this receiver may turn the loops, and under which lease.
func (l *Leader) leads() (store.Lease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lease, time.Now().Before(l.until)
}

// Alone lets a loop turn where this receiver leads.
func (l *Leader) Alone(ctx context.Context) (context.Context, bool) {
	if !l.Store.Shared() {
		return ctx, true
	}
	lease, ok := l.leads()
	return store.Under(ctx, lease), ok
}

// StillLeads returns an error when the work of a context has gone to another.
func (l *Leader) StillLeads() error {
	if !l.Store.Shared() {
		return nil
	}
	if _, ok := l.leads(); !ok {
		return store.ErrLeaseLost
	}
	return nil
}

// Keep asks for the lease, keeps it, and hears what other receivers did, until
// ctx ends.
func (l *Leader) Keep(ctx context.Context) error {
	if !l.Store.Shared() {
		return nil
	}
	tick := time.NewTicker(pulseEach)
	defer tick.Stop()
	said := ""
	for {
		err := l.pulse(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != said {
			l.Log.Error("the lease is not kept", "err", err)
		}
		if said = ""; err != nil {
			said = err.Error()
		}
		select {
		case <-ctx.Done():
			return l.giveUp(context.WithoutCancel(ctx))
		case <-tick.C:
		}
	}
}

func (l *Leader) giveUp(ctx context.Context) error {
	lease, ok := l.leads()
	if !ok {
		return nil
	}
	l.mu.Lock()
	l.until = time.Time{}
	l.mu.Unlock()
	return l.Store.GiveUp(ctx, lease, l.holder)
}

// handBack gives up a lease that this receiver has been given and cannot work under, as
// when it is too old to read a policy that another has brought: another may be able to.
func (l *Leader) handBack(ctx context.Context, p store.Pulse, why error) error {
	if !p.Held {
		return why
	}
	l.mu.Lock()
	l.until = time.Time{}
	l.mu.Unlock()
	return errors.Join(fmt.Errorf("this receiver cannot turn the loops: %w", why), l.Store.GiveUp(ctx, p.Lease, l.holder))
}

// pulse renews the lease, or takes it when nobody has it any more.
func (l *Leader) pulse(ctx context.Context) error {
	begun := time.Now()
	p, err := l.Store.Pulse(ctx, loopsLease, l.holder, leaseLasts, l.Values...)
	if err != nil {
		return err
	}
	l.mu.Lock()
	was, known, before := l.last, l.known, l.lease
	l.last, l.known = p, true
	l.mu.Unlock()
	if err := l.Hear(ctx, p, !known || was.Policies != p.Policies, !known || was.Changed != p.Changed); err != nil {
		return l.handBack(ctx, p, err)
	}
	if !p.Held {
		if _, led := l.leads(); led {
			l.Log.Warn("another receiver turns the loops now")
		}
		l.mu.Lock()
		l.until = time.Time{}
		l.mu.Unlock()
		return nil
	}
	if p.Lease != before {
		if err := l.TakeOver(ctx, p.Lease); err != nil {
			return l.handBack(ctx, p, err)
		}
		l.Log.Info("this receiver turns the loops now", "token", p.Token)
	}
	l.mu.Lock()
	l.lease, l.until = p.Lease, begun.Add(leaseLasts)
	l.mu.Unlock()
	return nil
}

// Due tells what loops have to do by an instant; everything may be due where the
// database is not shared, for there a look costs nothing.
func (l *Leader) Due(now time.Time) (store.Work, error) {
	if !l.Store.Shared() {
		return store.Work{Alerts: true, Incidents: true, Questions: true, Bundles: true, Transmissions: true, Unsent: true}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	commits := l.Store.Commits()
	if age := now.Sub(l.workFor); time.Since(l.workAt) < workKnownFor && age >= 0 && age < time.Second && l.commits == commits {
		return l.work, nil
	}
	begun := time.Now()
	var w store.Work
	err := l.Store.Peek(func(tx *store.Tx) (err error) {
		w, err = tx.AnyWork(now, l.Alert)
		return err
	})
	if err == nil {
		l.work, l.workAt, l.workFor, l.commits = w, begun, now, commits
	}
	return w, err
}
