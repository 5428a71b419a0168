// Package loop keeps the loops of a process turning and knows when each last did.
package loop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Turns keeps loops turning.
type Turns struct {
	Log    *slog.Logger
	Errors *prometheus.CounterVec // by loop
	// Alone returns the context of a turn, and false where another process has the
	// turns; nil where there is none.
	Alone func(context.Context) (context.Context, bool)
	// Stalled is how long a turn may take beyond the loop's pace.
	Stalled time.Duration
	latest  sync.Map // of turn, by loop
}

// turn is a loop's latest turn, by the machine's own clock: it measures whether
// the process lives, not what it works on.
type turn struct {
	at   time.Time
	pace time.Duration
}

// Run runs a loop's work at its pace, and at once when hurried, until ctx ends.
// Work that fails is logged and tried again in its next turn: nothing here may
// end the receiver.
func (t *Turns) Run(ctx context.Context, name string, pace time.Duration, hurry <-chan struct{}, work func(context.Context) error) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		t.latest.Store(name, turn{time.Now(), pace})
		err := t.once(ctx, work)
		if ctx.Err() != nil {
			return nil // what was cut short is begun anew by whoever comes next
		}
		if err != nil {
			t.Errors.WithLabelValues(name).Inc()
			t.Log.Error("loop failed, will try again", "loop", name, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-hurry:
		}
	}
}

func (t *Turns) once(ctx context.Context, work func(context.Context) error) error {
	if t.Alone == nil {
		return work(ctx)
	}
	ctx, mine := t.Alone(ctx)
	if !mine {
		return nil
	}
	return work(ctx)
}

// Progress notes that a long turn gets on.
func (t *Turns) Progress(name string) {
	last, _ := t.latest.Load(name)
	known, _ := last.(turn)
	t.latest.Store(name, turn{time.Now(), known.pace})
}

// Healthy returns an error that names a loop which does not turn any more.
func (t *Turns) Healthy() error {
	var errs []error
	t.latest.Range(func(name, v any) bool {
		if last := v.(turn); time.Since(last.at) > last.pace+t.Stalled {
			errs = append(errs, fmt.Errorf("loop %s has not turned since %s", name, last.at.Format(time.RFC3339)))
		}
		return true
	})
	return errors.Join(errs...)
}

// Each calls f with each loop and when its latest turn began, or got on.
func (t *Turns) Each(f func(name string, at time.Time)) {
	t.latest.Range(func(name, v any) bool {
		f(name.(string), v.(turn).at)
		return true
	})
}
