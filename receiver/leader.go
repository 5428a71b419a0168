package receiver

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/pinned"
	"vigie/receiver/store"

	"vigie/rules/incident"
)

const (
	// endedKey is set while the watchdog is said to fire no more, unconfirmedKey begins
	// the names of values that each name an incident with an unconfirmed ending.
	endedKey       = "watchdog_ended"
	unconfirmedKey = "ending_held"
)

// listen hears what other receivers did. What it cannot take in it tries again with
// each pulse.
func (e *Engine) listen(ctx context.Context, p store.Pulse, policies, incidents bool) error {
	e.hear(p)
	if policies {
		e.unread.Ask()
	}
	if incidents {
		e.changed.Store(true)
		e.unseen.Ask()
	}
	return errors.Join(e.unread.Do(ctx, e.learn), e.unseen.Do(ctx, e.Board.Anew))
}

// takeOver goes on with what the receiver before had begun, if it can read all that
// incidents are pinned to: what it sent of others it could not note as sent.
func (e *Engine) takeOver(ctx context.Context, l store.Lease) error {
	e.unread.Ask()
	if err := e.unread.Do(ctx, e.learn); err != nil {
		return err
	}
	now := e.now()
	err := e.store.Update(store.Under(ctx, l), func(tx *store.Tx) error {
		return errors.Join(tx.ReleaseLeases(now), tx.Hasten(now))
	})
	if err != nil {
		return err
	}
	e.reconciler.absent.Forget()
	e.changed.Store(true)
	e.scheduler.anew.begin()
	return nil
}

// hear takes over what other receivers were told of the watchdog, and which
// endings they hold.
func (e *Engine) hear(p store.Pulse) {
	e.watch.mu.Lock()
	if n, err := strconv.ParseInt(p.Values[watchdogKey], 10, 64); err == nil && time.Unix(0, n).After(e.watch.last) {
		e.watch.last = time.Unix(0, n).UTC()
		e.watch.alive = incident.Later(e.watch.alive, e.watch.last.Add(-spread))
	}
	e.watch.ended = p.Values[endedKey] != ""
	e.watch.mu.Unlock()
	for name := range p.Values {
		if id, found := strings.CutPrefix(name, unconfirmedKey+"/"); found {
			e.endings.Set(id, true)
		}
	}
}

// learn takes policies in that other receivers brought and incidents are pinned
// to: a receiver with an older policy goes on with the newer one's incidents as
// they were begun. What it can read it takes in, whatever it cannot.
func (e *Engine) learn(ctx context.Context) error {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	p := e.live()
	if p == nil {
		return nil
	}
	full, err := pinned.With(ctx, e.store, p.Book, e.now())
	if full == nil || len(full.Policies()) == len(p.Book.Policies()) {
		return err
	}
	next := *p
	next.Book = full
	e.current.Store(&next)
	return err
}
