package receiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// turns keeps the engine's loops turning and knows when each last did.
type turns struct {
	log    *slog.Logger
	errors *prometheus.CounterVec // by loop
	// stalled is how long a turn may take beyond the loop's pace.
	stalled time.Duration
	latest  sync.Map // of turn, by loop
}

// turn is a loop's latest turn, by the machine's own clock: it measures whether
// the process lives, not what it works on.
type turn struct {
	at   time.Time
	pace time.Duration
}

// run runs a loop's work at its pace, and at once when hurried, until ctx ends.
// Work that fails is logged and tried again in its next turn: nothing here may
// end the receiver.
func (t *turns) run(ctx context.Context, name string, pace time.Duration, hurry <-chan struct{}, work func(context.Context) error) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		t.latest.Store(name, turn{time.Now(), pace})
		err := work(ctx)
		if ctx.Err() != nil {
			return nil // what was cut short is begun anew by whoever comes next
		}
		if err != nil {
			t.errors.WithLabelValues(name).Inc()
			t.log.Error("loop failed, will try again", "loop", name, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-hurry:
		}
	}
}

// progress notes that a long turn gets on.
func (t *turns) progress(name string) {
	last, _ := t.latest.Load(name)
	known, _ := last.(turn)
	t.latest.Store(name, turn{time.Now(), known.pace})
}

// healthy returns an error that names a loop which does not turn any more.
func (t *turns) healthy() error {
	var errs []error
	t.latest.Range(func(name, v any) bool {
		if last := v.(turn); time.Since(last.at) > last.pace+t.stalled {
			errs = append(errs, fmt.Errorf("loop %s has not turned since %s", name, last.at.Format(time.RFC3339)))
		}
		return true
	})
	return errors.Join(errs...)
}
