package receiver

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/common/version"

	"vigie/receiver/chain"
	"vigie/receiver/store"
)

// maxChainWaiting bounds how much of the outbox the chain shows.
const maxChainWaiting = 100

// Chain says how the whole chain is, as far as somebody may read it.
func (e *Engine) Chain(ctx context.Context, who string) (*chain.State, error) {
	now, p := e.now(), e.live()
	zone := e.Book().InForce(now)
	s := &chain.State{Now: now, Issues: e.issues.Counts(),
		Version: chain.Version{Version: version.Version, Revision: version.Revision, Go: runtime.Version(), Started: e.watch.started},
		Policy:  chain.Policy{Hash: zone.Hash, Name: zone.Name, Effective: zone.EffectiveFrom}}
	s.Sources, s.SourcesFault = e.chains.Ask(ctx, p.Evidence, p.Exporters, e.Book().Directory.Sources, now)
	s.Links = e.seen.Links(p.Evidence != nil, p.Alertmanagers, p.Exporters, p.Heartbeat != nil)
	e.watch.mu.Lock()
	s.Watchdog = chain.Watchdog{Health: chain.Up, Last: e.watch.last, Limit: p.Timings.Watchdog}
	switch {
	case e.watch.ended || e.watch.missing(now, p.Timings.Watchdog):
		s.Watchdog.Health = chain.Down
	case e.watch.last.IsZero():
		s.Watchdog.Health = chain.Unknown
	}
	e.watch.mu.Unlock()
	s.Silences, s.SilencesAt = e.seen.Silences(now)
	s.Loops = chain.Loops(e.turns)
	if d, err := e.store.Disk(); err == nil {
		s.Disk = chain.Disk{Free: d.Free, Size: d.Size}
	}
	return s, e.chainKept(ctx, s, who, now)
}

// chainKept fills in what the store knows.
func (e *Engine) chainKept(ctx context.Context, s *chain.State, who string, now time.Time) error {
	waiting, err := e.Messages(ctx, MessageFilter{Waiting: true, Limit: maxChainWaiting}, who)
	if err != nil {
		return err
	}
	s.Outbox.Waiting = []chain.Waiting{}
	for _, m := range waiting {
		for _, r := range m.Recipients {
			if r.AcceptedAt.IsZero() && r.RefusedAt.IsZero() {
				s.Outbox.Waiting = append(s.Outbox.Waiting, chain.Waiting{Message: m.ID, Template: m.Template, Subject: m.Subject, Incidents: m.Incidents,
					Address: r.Address, Status: r.Status, Attempts: r.Attempts, Next: r.NextAt, Detail: r.Detail, Decided: m.Decided})
			}
		}
	}
	return e.store.View(ctx, func(tx *store.Tx) (err error) {
		backlog, err := tx.Backlog(now)
		if err != nil {
			return err
		}
		s.Outbox.Pending, s.Outbox.Oldest = backlog.Pending, backlog.Oldest
		s.Outbox.More = max(0, backlog.Pending-len(s.Outbox.Waiting))
		ways, err := tx.Ways()
		if err != nil {
			return err
		}
		s.Relays = chain.Relays(ways, e.live().Channel, e.live().Channels)
		if s.Reloads, err = chain.Reloads(tx); err != nil {
			return err
		}
		seal, found, err := tx.LatestSeal()
		if found {
			s.Seal, s.SealedAt = seal.String(), seal.At
		}
		return err
	})
}
