package receiver

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules/classify"
	"vigie/rules/incident"
	"vigie/rules/model"
)

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
	w.alive = incident.Later(w.alive, at)
}

// livedAfter reports whether Prometheus is proven to have lived later than that.
func (w *watch) livedAfter(at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alive.After(at)
}

const watchdogKey = "watchdog_last_received"

// heard notes that the watchdog fires.
func (w *watch) heard(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = false
	w.last = now
	// That it fires now proves only that it has not lapsed yet.
	w.alive = incident.Later(w.alive, now.Add(-spread))
}

// stopped notes that the watchdog is said to fire no more. It always fires
// while Prometheus lives: whatever else ends at the same time is not believed.
func (w *watch) stopped() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// hearWatchdog notes that the watchdog fires, and keeps when.
func (b *batch) hearWatchdog() error {
	now := b.Now
	b.tx.AfterCommit(func() { b.core.watch.heard(now) })
	if err := b.shareEnded(""); err != nil {
		return err
	}
	return b.tx.SetValue(watchdogKey, strconv.FormatInt(now.UnixNano(), 10))
}

// shareEnded tells other receivers whether the watchdog is said to fire.
func (b *batch) shareEnded(ended string) error {
	if !b.core.store.Shared() {
		return nil
	}
	return b.tx.SetValue(endedKey, ended)
}

// watchdog raises an incident while the watchdog alert is missing, and judges
// the endings that wait for a proof that Prometheus lives.
type watchdog struct {
	*core
	reconciler *reconciler
}

// Run turns until ctx ends.
func (w *watchdog) Run(ctx context.Context) error {
	return w.turns.Run(ctx, "watchdog", w.live().Timings.Tick, nil, w.turn)
}

// recall takes over when an earlier process last heard the watchdog.
func (w *watchdog) recall(ctx context.Context) error {
	return w.store.View(ctx, func(tx *store.Tx) error {
		text, err := tx.Value(watchdogKey)
		if err != nil || text == "" {
			return err
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err == nil {
			w.watch.last = time.Unix(0, n).UTC()
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

// missing reports whether the watchdog should have been heard by now. After a
// start it is given its whole time anew.
func (w *watch) missing(now time.Time, limit time.Duration) bool {
	since := w.last
	if w.started.After(since) {
		since = w.started
	}
	return now.Sub(since) > limit
}

// blindSignal says that the watchdog is missing.
func blindSignal(now time.Time) model.Signal {
	labels := model.Labels{model.LabelAlertname: blindAlert, model.LabelKind: "blind", model.LabelSource: classify.SelfSource, model.LabelSeverity: "critical"}
	return alertmanager.Alert{Labels: labels, StartsAt: now}.Signal()
}

// turn raises an incident while the watchdog is missing, and ends it when the
// watchdog is heard again.
func (w *watchdog) turn(ctx context.Context) error {
	now := w.now()
	s := blindSignal(now)
	w.watch.mu.Lock()
	w.watch.clamp(now)
	missing, last := w.watch.missing(now, w.live().Timings.Watchdog), w.watch.last
	w.watch.mu.Unlock()
	if !last.IsZero() {
		s.Annotations["last_refresh"] = strconv.FormatInt(last.Unix(), 10)
	}
	// That a restart gives it its time anew proves nothing: only hearing it does.
	work, err := w.Due(now)
	known := w.store.Shared() && work.Fires == missing
	if err == nil && !known && (missing || now.Sub(last) <= w.live().Timings.Watchdog) {
		err = w.reconciler.intake.raise(ctx, s, missing, now)
	}
	w.reconciler.hurryAtSilenceEnd(now)
	return errors.Join(err, w.judgeEndings(ctx, now))
}

// raise lets a signal of the engine's own fire, or end.
func (i *intake) raise(ctx context.Context, s model.Signal, fire bool, now time.Time) error {
	var fires bool
	err := i.store.View(ctx, func(tx *store.Tx) error {
		ids, err := tx.WithAlert(s)
		fires = len(ids) > 0
		return err
	})
	switch {
	case err != nil || fires == fire:
		return err
	case fire:
		return i.Receive(ctx, Alerts{Fired: []model.Signal{s}, Confirmed: true})
	}
	return i.Receive(ctx, Alerts{Cleared: []Cleared{{Signal: s, EndsAt: now}}})
}

// own reports whether the engine raised an alert itself: it is in no
// Alertmanager, and its ending needs no belief.
func own(l model.Labels) bool {
	switch l[model.LabelAlertname] {
	case blindAlert, unreachableAlert, classify.RefusedReport:
		return true
	}
	return false
}
