package receiver

import (
	"context"
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
	// MinRetention is the least time for which evidence must be kept.
	MinRetention     = 365 * 24 * time.Hour
	defaultRetention = 730 * 24 * time.Hour
)

func (e *Engine) upkeepMetrics(r prometheus.Registerer) {
	promauto.With(r).NewGaugeFunc(prometheus.GaugeOpts{Name: "vigie_store_disk_full",
		Help: "Whether the disk was found full and has no room yet for the ballast to come back."}, func() float64 {
		if e.store.Full() != nil {
			return 1
		}
		return 0
	})
}

// Upkeep lets the store look after itself: it takes the ballast back aboard
// once the disk has room again, and deletes what has been kept long enough.
func (e *Engine) Upkeep(ctx context.Context) error {
	was := e.store.Full()
	err := e.store.Tend()
	if err == nil && was != nil {
		e.log.Info("the disk has room again")
	}
	now := e.o.Now()
	if last := time.Unix(0, e.retained.Load()); err != nil || !now.Before(last) && now.Sub(last) < retainEach {
		return err
	}
	if err := e.retain(ctx, now); err != nil {
		return err
	}
	e.retained.Store(now.UnixNano())
	return nil
}

func (e *Engine) retain(ctx context.Context, now time.Time) error {
	before := now.Add(-e.live().Timings.Retention)
	for ctx.Err() == nil {
		var c store.Cut
		err := e.store.Update(ctx, func(tx *store.Tx) (err error) {
			c, err = tx.Retain(before, now)
			return err
		})
		if err != nil || c.Seal.Number == 0 {
			return err
		}
		e.log.Info("journal cut", "seal", c.Seal.String(), "before", before.UTC().Format(time.RFC3339),
			"incidents", c.Incidents, "payloads", c.Payloads, "messages", c.Messages)
	}
	return ctx.Err()
}
