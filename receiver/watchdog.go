package receiver

import (
	"context"
	"strconv"
	"sync"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules"
)

// ignoredWatchdog is why a watchdog opens no incident.
const ignoredWatchdog = "watchdog"

// blindAlert is the signal that the engine raises itself.
const blindAlert = "VigieMonitoringBlind"

// watch knows when the watchdog alert was last heard. While it is missing,
// nothing proves that Alertmanager hears Prometheus, and no ending is believed.
type watch struct {
	mu      sync.Mutex
	started time.Time
	last    time.Time // zero before the first
	ended   bool      // its latest word was that it does not fire
}

const watchdogFact = "watchdog_last_received"

// heartbeat notes that the watchdog fires.
func (u *unit) heartbeat(rules.Signal) error {
	now := u.now
	u.tx.AfterCommit(func() {
		w := &u.e.watch
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = false
		if now.After(w.last) {
			w.last = now
		}
	})
	return u.tx.SetFact(watchdogFact, strconv.FormatInt(now.UnixNano(), 10))
}

// stopped notes that the watchdog is said to fire no more. It always fires
// while Prometheus lives: whatever else ends at the same time is not believed.
func (u *unit) stopped() {
	w := &u.e.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

func (e *Engine) recallWatchdog(ctx context.Context) error {
	return e.store.View(ctx, func(tx *store.Tx) error {
		text, err := tx.Fact(watchdogFact)
		if err != nil || text == "" {
			return err
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err == nil {
			e.watch.last = time.Unix(0, n).UTC()
		}
		return nil
	})
}

// trusted reports whether endings are believed.
func (e *Engine) trusted(now time.Time) bool {
	w := &e.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.ended && !w.missing(now, e.live().Timings.Watchdog)
}

// missing reports whether the watchdog should have been heard by now. After a
// start it is given its whole time anew.
func (w *watch) missing(now time.Time, limit time.Duration) bool {
	since := w.last
	if w.started.After(since) {
		since = w.started
	}
	return now.Sub(since) > limit
}

// Watch raises an incident while the watchdog is missing, and ends it when the
// watchdog is heard again.
func (e *Engine) Watch(ctx context.Context) error {
	now := e.o.Now()
	labels := rules.Labels{rules.LabelAlertname: blindAlert, rules.LabelKind: "blind", rules.LabelSource: "vigie", rules.LabelSeverity: "critical"}
	s := alertmanager.Alert{Labels: labels, StartsAt: now}.Signal()
	e.watch.mu.Lock()
	missing, last := e.watch.missing(now, e.live().Timings.Watchdog), e.watch.last
	e.watch.mu.Unlock()

	var fires bool
	err := e.store.View(ctx, func(tx *store.Tx) error {
		ids, err := tx.WithAlert(s.Fingerprint)
		fires = len(ids) > 0
		return err
	})
	switch {
	case err != nil || fires == missing:
		return err
	case missing:
		s.Annotations["error"] = "the watchdog alert has not been received since " + heard(last)
		return e.Receive(ctx, Delivery{Fired: []rules.Signal{s}, Confirmed: true})
	}
	return e.Receive(ctx, Delivery{Cleared: []Cleared{{s, now}}})
}

func heard(t time.Time) string {
	if t.IsZero() {
		return "the start"
	}
	return t.UTC().Format(time.RFC3339)
}
