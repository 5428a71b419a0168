package receiver

import (
	"context"
	"sync/atomic"
	"time"

	"vigie/receiver/store"
	"vigie/rules/incidents"
)

// lookAgain is how often an open common failure is looked at again.
const lookAgain = time.Minute

// lookRate is how many incidents a second are looked at: some twentieth of a
// processor, and at once as long as it is usual that they are few. A storm of ten
// thousand, each of which changes something, is looked at every ten seconds.
const lookRate = 1000

// correlator looks for failures common to several incidents, after incidents
// opened or ended and, each minute, as long as a common one is open.
type correlator struct {
	*core
	looked atomic.Int64 // when they were last looked for
	pause  atomic.Int64 // until they are looked for again, after as many as there were
}

// Run turns until ctx ends.
func (c *correlator) Run(ctx context.Context) error {
	return c.turns.Run(ctx, "correlation", c.live().Timings.Tick, nil, c.turn)
}

// turn looks for common failures if there is a reason to.
func (c *correlator) turn(ctx context.Context) error {
	now := c.now()
	if since := now.UnixNano() - c.looked.Load(); since >= 0 && since < c.pause.Load() {
		return nil
	}
	changed := c.changed.Swap(false)
	if !changed && now.UnixNano()-c.looked.Load() < int64(lookAgain) {
		return nil
	}
	if err := c.look(ctx, changed, now); err != nil {
		c.changed.Store(true)
		return err
	}
	return nil
}

func (c *correlator) look(ctx context.Context, changed bool, now time.Time) error {
	var shared incidents.Shared
	err := c.store.View(ctx, func(tx *store.Tx) (err error) {
		shared, err = incidents.FindShared(tx, c.Book(), changed, now)
		return err
	})
	if err != nil {
		return err
	}
	c.looked.Store(now.UnixNano())
	c.pause.Store(int64(min(time.Duration(shared.Looked/lookRate)*time.Second, lookAgain)))
	if shared.Nothing() {
		return nil
	}
	return c.update(ctx, now, func(b *batch) error { return b.Correlate(shared) })
}
