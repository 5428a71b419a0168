package receiver

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"vigie/receiver/store"
)

// Paces of the store's own upkeep.
const (
	sealEach   = time.Minute
	upkeepEach = time.Minute
	// retainEach is how often old incidents are looked for.
	retainEach = time.Hour
)

// upkeep lets the store look after itself.
type upkeep struct {
	*core
	retained atomic.Int64 // when old incidents were last looked for
}

func newUpkeep(c *core, r prometheus.Registerer) *upkeep {
	promauto.With(r).NewGaugeFunc(prometheus.GaugeOpts{Name: "vigie_store_disk_full",
		Help: "Whether the disk was found full and has no room yet for the ballast to come back."}, func() float64 {
		if c.store.Full() != nil {
			return 1
		}
		return 0
	})
	return &upkeep{core: c}
}

// Run turns until ctx ends.
func (u *upkeep) Run(ctx context.Context) error {
	return u.turns.Run(ctx, "upkeep", upkeepEach, nil, u.turn)
}

// turn takes the ballast back aboard once the disk has room again, and deletes
// what has been kept long enough.
func (u *upkeep) turn(ctx context.Context) error {
	was := u.store.Full()
	err := u.store.Tend()
	if err == nil && was != nil {
		u.log.Info("the disk has room again")
	}
	now := u.now()
	if last := time.Unix(0, u.retained.Load()); err != nil || !now.Before(last) && now.Sub(last) < retainEach {
		return err
	}
	if err := u.retain(ctx, now); err != nil {
		return err
	}
	u.retained.Store(now.UnixNano())
	return nil
}

func (u *upkeep) retain(ctx context.Context, now time.Time) error {
	before := now.Add(-u.live().Timings.Retention)
	if err := u.store.Update(ctx, func(tx *store.Tx) error { return tx.ForgetMails(before) }); err != nil {
		return err
	}
	for ctx.Err() == nil {
		var c store.Cut
		err := u.store.Update(ctx, func(tx *store.Tx) (err error) {
			c, err = tx.Retain(before, now)
			return err
		})
		if err != nil || c.Seal.Number == 0 {
			return err
		}
		u.log.Info("journal cut", "seal", c.Seal.String(), "before", before.UTC().Format(time.RFC3339),
			"incidents", c.Incidents, "payloads", c.Payloads, "messages", c.Messages)
	}
	return ctx.Err()
}
