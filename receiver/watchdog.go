package receiver

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules"
)

// ignoredWatchdog is why a watchdog opens no incident.
const ignoredWatchdog = "watchdog"

// The signals that the engine raises itself.
const (
	blindAlert       = "VigieMonitoringBlind"
	unreachableAlert = "VigieAlertmanagerUnreachable"
)

// watch knows when the watchdog alert was last heard. While it is missing,
// nothing proves that Alertmanager hears Prometheus, and no ending is believed.
type watch struct {
	mu      sync.Mutex
	started time.Time
	last    time.Time // zero before the first
	ended   bool      // its latest word was that it does not fire
	// alive is the latest instant at which Prometheus is proven to have spoken.
	alive time.Time
}

// spread is how far apart a dying Prometheus's alerts lapse at most: each was
// last repeated at another moment within its resend delay of a minute.
const spread = 90 * time.Second

// spoke notes that Prometheus is proven to have lived at an instant.
func (w *watch) spoke(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alive = later(w.alive, at)
}

// livedAfter reports whether Prometheus is proven to have lived later than that.
func (w *watch) livedAfter(at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alive.After(at)
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
		w.last = now
		// That it fires now proves only that it has not lapsed yet.
		w.alive = later(w.alive, now.Add(-spread))
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

// clamp takes back what seems to lie ahead, after the clock was set back:
// otherwise the watchdog could be missing for as long before anybody noticed.
func (w *watch) clamp(now time.Time) {
	for _, t := range []*time.Time{&w.started, &w.last, &w.alive} {
		if t.After(now) {
			*t = now
		}
	}
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
	e.watch.clamp(now)
	missing, last := e.watch.missing(now, e.live().Timings.Watchdog), e.watch.last
	e.watch.mu.Unlock()
	s.Annotations["error"] = "the watchdog alert has not been received since " + heard(last)
	var err error
	// That a restart gives it its time anew proves nothing: only hearing it does.
	if missing || now.Sub(last) <= e.live().Timings.Watchdog {
		err = e.raise(ctx, s, missing, now)
	}
	e.hurryAtSilenceEnd(now)
	return errors.Join(err, e.judgeEndings(ctx, now))
}

// raise lets a signal of the engine's own fire, or end.
func (e *Engine) raise(ctx context.Context, s rules.Signal, fire bool, now time.Time) error {
	var fires bool
	err := e.store.View(ctx, func(tx *store.Tx) error {
		ids, err := tx.WithAlert(s.Fingerprint)
		fires = len(ids) > 0
		return err
	})
	switch {
	case err != nil || fires == fire:
		return err
	case fire:
		return e.Receive(ctx, Delivery{Fired: []rules.Signal{s}, Confirmed: true})
	}
	return e.Receive(ctx, Delivery{Cleared: []Cleared{{s, now}}})
}

// own reports whether the engine raised an alert itself: it is in no
// Alertmanager, and its ending needs no belief.
func own(l rules.Labels) bool {
	switch l[rules.LabelAlertname] {
	case blindAlert, unreachableAlert, rules.RefusedReport:
		return true
	}
	return false
}

func heard(t time.Time) string {
	if t.IsZero() {
		return "the start"
	}
	return t.UTC().Format(time.RFC3339)
}
