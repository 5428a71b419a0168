package receiver

import (
	"context"
	"errors"
	"fmt"
)

// heartbeats sends the heartbeat at its pace.
type heartbeats struct{ *core }

// Run turns until ctx ends.
func (l *heartbeats) Run(ctx context.Context) error {
	return l.turns.Run(ctx, "heartbeat", l.live().Timings.Tick, nil, l.turn)
}

// turn sends the heartbeat when its time has come, unless a loop stalls or the
// store does not take anything: then its absence is the message.
func (l *heartbeats) turn(ctx context.Context) error {
	h := l.live().Heartbeat
	now := l.now()
	if h == nil || !h.Due(now) {
		return nil
	}
	if err := errors.Join(l.turns.Healthy(), l.ready(ctx)); err != nil {
		l.metrics.heartbeats.WithLabelValues("withheld").Inc()
		return fmt.Errorf("no heartbeat is sent: %w", err)
	}
	err := h.Send(ctx)
	l.seen.Answered("heartbeat", "heartbeat", err, now)
	if err != nil {
		l.metrics.heartbeats.WithLabelValues("failed").Inc()
		return fmt.Errorf("heartbeat: %w", err)
	}
	l.metrics.heartbeats.WithLabelValues("accepted").Inc()
	l.metrics.heartbeatAt.Set(seconds(now))
	return nil
}
