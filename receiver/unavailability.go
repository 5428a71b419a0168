package receiver

import (
	"context"

	"vigie/receiver/evidence"
	"vigie/receiver/probes"
	"vigie/receiver/store"
	"vigie/rules/incidents"
)

// measurer tells incidents how long platforms were down in their guaranteed hours.
type measurer struct {
	*core
	*probes.Measurer
}

func newMeasurer(c *core) *measurer {
	move := func(ctx context.Context, work func(*incidents.Batch, *store.Tx) error) error {
		return c.update(ctx, c.now(), func(b *batch) error { return work(b.Batch, b.tx) })
	}
	return &measurer{c, &probes.Measurer{Keeper: probes.Keeper{Prometheus: func() *evidence.Client { return c.live().Evidence }},
		Store: c.store, Book: c.Book, Now: c.now, Move: move}}
}

// Run turns until ctx ends.
func (m *measurer) Run(ctx context.Context) error {
	return m.turns.Run(ctx, "unavailability", probes.Each, nil, m.Turn)
}
