package receiver

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/receiver/store"
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
	// endedFact is set while the watchdog is said to fire no more, heldFact begins
	// the names of facts that each name an incident which holds an ending.
	endedFact = "watchdog_ended"
	heldFact  = "ending_held"
)

// leader knows whether this receiver turns the loops.
type leader struct {
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

func newLeader() leader { return leader{holder: rand.Text()} }

// leads reports whether this receiver may turn the loops, and under which lease.
func (l *leader) leads() (store.Lease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lease, time.Now().Before(l.until)
}

// alone lets a loop turn where this receiver leads.
func (c *core) alone(ctx context.Context) (context.Context, bool) {
	if !c.store.Shared() {
		return ctx, true
	}
	lease, ok := c.lead.leads()
	return store.Under(ctx, lease), ok
}

// stillLeads returns an error when the work of a context has gone to another.
func (c *core) stillLeads() error {
	if !c.store.Shared() {
		return nil
	}
	if _, ok := c.lead.leads(); !ok {
		return store.ErrLeaseLost
	}
	return nil
}

// keepLease asks for the lease, keeps it, and hears what other receivers did, until
// ctx ends.
func (e *Engine) keepLease(ctx context.Context) error {
	if !e.store.Shared() {
		return nil
	}
	tick := time.NewTicker(pulseEach)
	defer tick.Stop()
	for {
		if err := e.pulse(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("the database does not answer", "err", err)
		}
		select {
		case <-ctx.Done():
			return e.giveUp(context.WithoutCancel(ctx))
		case <-tick.C:
		}
	}
}

func (e *Engine) giveUp(ctx context.Context) error {
	lease, ok := e.lead.leads()
	if !ok {
		return nil
	}
	e.lead.mu.Lock()
	e.lead.until = time.Time{}
	e.lead.mu.Unlock()
	return e.store.GiveUp(ctx, lease, e.lead.holder)
}

// pulse renews the lease, or takes it when nobody has it any more.
func (e *Engine) pulse(ctx context.Context) error {
	begun := time.Now()
	p, err := e.store.Pulse(ctx, loopsLease, e.lead.holder, leaseLasts, watchdogFact, endedFact, heldFact)
	if err != nil {
		return err
	}
	e.lead.mu.Lock()
	was, known, before := e.lead.last, e.lead.known, e.lead.lease
	e.lead.last, e.lead.known = p, true
	e.lead.mu.Unlock()
	e.hear(p)
	if !known || was.Policies != p.Policies {
		if err := e.learn(ctx); err != nil {
			return err
		}
	}
	if !known || was.Changed != p.Changed {
		e.changed.Store(true)
		if err := e.Board.Anew(ctx); err != nil {
			return err
		}
	}
	if !p.Held {
		if _, led := e.lead.leads(); led {
			e.log.Warn("another receiver turns the loops now")
		}
		e.lead.mu.Lock()
		e.lead.until = time.Time{}
		e.lead.mu.Unlock()
		return nil
	}
	if p.Lease != before {
		if err := e.takeOver(ctx, p.Lease); err != nil {
			return err
		}
		e.log.Info("this receiver turns the loops now", "token", p.Token)
	}
	e.lead.mu.Lock()
	e.lead.lease, e.lead.until = p.Lease, begun.Add(leaseLasts)
	e.lead.mu.Unlock()
	return nil
}

// takeOver goes on with what the receiver before had begun.
func (e *Engine) takeOver(ctx context.Context, l store.Lease) error {
	now := e.now()
	err := e.store.Update(store.Under(ctx, l), func(tx *store.Tx) error {
		return errors.Join(tx.ReleaseLeases(now), tx.Hasten(now))
	})
	if err != nil {
		return err
	}
	e.reconciler.absent.forget()
	e.changed.Store(true)
	e.scheduler.anew.begin()
	return nil
}

// hear takes over what other receivers were told of the watchdog, and which
// endings they hold.
func (e *Engine) hear(p store.Pulse) {
	e.watch.mu.Lock()
	if n, err := strconv.ParseInt(p.Facts[watchdogFact], 10, 64); err == nil && time.Unix(0, n).After(e.watch.last) {
		e.watch.last = time.Unix(0, n).UTC()
		e.watch.alive = later(e.watch.alive, e.watch.last.Add(-spread))
	}
	e.watch.ended = p.Facts[endedFact] != ""
	e.watch.mu.Unlock()
	for name := range p.Facts {
		if id, held := strings.CutPrefix(name, heldFact+"/"); held {
			e.endings.set(id, true)
		}
	}
}

// learn takes policies in that other receivers brought and incidents are pinned
// to: a receiver with an older policy goes on with the newer one's incidents as
// they were begun.
func (e *Engine) learn(ctx context.Context) error {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	p := e.live()
	if p == nil {
		return nil
	}
	full, err := e.withPinned(ctx, p.Book, e.now())
	if err != nil {
		return err
	}
	if len(full.Policies()) == len(p.Book.Policies()) {
		return nil
	}
	next := *p
	next.Book = full
	e.parts.Store(&next)
	return nil
}

// due tells what loops have to do by an instant; everything may be due where the
// database is not shared, for there a look costs nothing.
func (c *core) due(now time.Time) (store.Work, error) {
	if !c.store.Shared() {
		return store.Work{Alerts: true, Incidents: true, Questions: true, Bundles: true, Transmissions: true, Unsent: true}, nil
	}
	l := &c.lead
	l.mu.Lock()
	defer l.mu.Unlock()
	commits := c.store.Commits()
	if age := now.Sub(l.workFor); time.Since(l.workAt) < workKnownFor && age >= 0 && age < time.Second && l.commits == commits {
		return l.work, nil
	}
	begun := time.Now()
	var w store.Work
	err := c.store.Peek(func(tx *store.Tx) (err error) {
		w, err = tx.AnyWork(now, blindSignal(now).Fingerprint)
		return err
	})
	if err == nil {
		l.work, l.workAt, l.workFor, l.commits = w, begun, now, commits
	}
	return w, err
}
