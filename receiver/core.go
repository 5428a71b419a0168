package receiver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"vigie/receiver/chain"
	"vigie/receiver/lead"
	"vigie/receiver/leavers"
	"vigie/receiver/loop"
	"vigie/receiver/memory"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incidents"
)

// core is what every part of the engine stands on: the store, the clock, the
// settings in use, what is known of whether monitoring lives, and the one way
// to move incidents.
type core struct {
	store     *store.Store
	log       *slog.Logger
	metrics   *metrics
	now       func() time.Time // the only clock
	current   atomic.Pointer[Reloadable]
	reloading sync.Mutex // held by whoever replaces them
	turns     *loop.Turns
	// instance tells this installation's Message-IDs from any other's.
	instance string

	*lead.Leader
	watch   watch
	left    leavers.Given
	endings memory.Endings
	issues  memory.Issues
	// seen remembers what came of asking others.
	seen chain.Seen
	// changed is set when incidents have opened or ended since common failures
	// were looked for.
	changed atomic.Bool
	// unread is that others brought policies, or an incident is pinned to one that the
	// book lacks; unseen that others changed incidents.
	unread, unseen loop.Owed
}

// live returns what a reload replaces; work that takes it once sees one reload or
// the other, never a mixture.
func (c *core) live() *Reloadable { return c.current.Load() }

// Book returns what decisions are made from at the moment.
func (c *core) Book() *rules.Book { return c.live().Book }

// update moves incidents in one transaction.
func (c *core) update(ctx context.Context, now time.Time, work func(*batch) error) error {
	return c.store.Update(ctx, func(tx *store.Tx) error {
		b := c.batch(tx, now)
		if err := work(b); err != nil {
			return err
		}
		return b.Flush()
	})
}

// about says of updates that they are about one incident.
func about(ctx context.Context, id string) context.Context {
	return store.About(ctx, store.Scope{Incidents: []string{id}})
}

// record returns one incident.
func (c *core) record(ctx context.Context, id string) (r *store.Record, err error) {
	err = c.store.View(ctx, func(tx *store.Tx) error {
		r, err = tx.Incident(id)
		return err
	})
	return r, err
}

// eachOpen shows all open incidents, one after the other: whoever looks keeps of
// them only what is needed.
func (c *core) eachOpen(ctx context.Context, show func(*store.Record)) error {
	return c.store.View(ctx, func(tx *store.Tx) error {
		return tx.EachOpen(func(r *store.Record) error { show(r); return nil })
	})
}

// trusted reports whether endings are believed.
func (c *core) trusted(now time.Time) bool {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	return !c.watch.ended && !c.watch.missing(now, c.live().Timings.Watchdog)
}

// ready returns an error while the store does not take anything, or will soon
// take nothing more.
func (c *core) ready(ctx context.Context) error {
	if err := c.store.Full(); err != nil {
		return err
	}
	const ready = "ready"
	ctx = store.About(ctx, store.Scope{Handles: []incidents.Handle{store.ValueHandle(ready)}})
	return c.store.Update(ctx, func(tx *store.Tx) error { return tx.SetValue(ready, c.now().UTC().Format(time.RFC3339)) })
}
