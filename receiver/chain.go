package receiver

import (
	"context"

	"vigie/receiver/chain"
)

// Chain says how the whole chain is, as far as somebody may read it.
func (e *Engine) Chain(ctx context.Context, who string) (*chain.State, error) {
	waiting, err := e.Messages(ctx, MessageFilter{Waiting: true, Limit: chain.MaxWaiting}, who)
	if err != nil {
		return nil, err
	}
	now, p := e.now(), e.live()
	e.watch.mu.Lock()
	dog, started := chain.Heard(e.watch.last, e.watch.ended || e.watch.missing(now, p.Timings.Watchdog), p.Timings.Watchdog), e.watch.started
	e.watch.mu.Unlock()
	return e.chains.State(ctx, chain.Inputs{Now: now, Store: e.store, Policy: e.Book().InForce(now), Duty: e.Book().Duties(now), Issues: e.issues.Counts(), Started: started, Watchdog: dog,
		Waiting: waiting, Turns: e.turns, Expected: e.Book().Directory.Sources, Prometheus: p.Evidence, Exporters: p.Exporters, Alertmanagers: p.Alertmanagers,
		Heartbeat: p.Heartbeat != nil, Mail: p.Channel, Channels: p.Channels})
}
