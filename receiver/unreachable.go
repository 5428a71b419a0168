package receiver

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules"
)

// outages remembers since when something does not answer.
type outages struct {
	mu    sync.Mutex
	since map[string]time.Time
	why   map[string]error
}

// note keeps what came of asking name.
func (o *outages) note(name string, err error, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since == nil {
		o.since, o.why = map[string]time.Time{}, map[string]error{}
	}
	if err == nil {
		delete(o.since, name)
		return
	}
	if _, known := o.since[name]; !known {
		o.since[name] = now
	}
	o.why[name] = err
}

// over returns since when name does not answer, and why, once that lasts longer
// than limit.
func (o *outages) over(name string, limit time.Duration, now time.Time) (since time.Time, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at, out := o.since[name]; out && now.Sub(at) >= limit {
		return at, o.why[name]
	}
	return time.Time{}, nil
}

// out reports whether name does not answer at the moment.
func (o *outages) out(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, out := o.since[name]
	return out
}

// forgetUnreachable ends what was raised about Alertmanagers that are not asked
// any more: they went, or have another name now.
func (r *reconciler) forgetUnreachable(ctx context.Context, asked []rules.Labels, now time.Time) error {
	var gone []Cleared
	err := r.store.View(ctx, func(tx *store.Tx) error {
		blind, err := tx.Blinding()
		for _, rec := range blind {
			for fp, a := range rec.Alerts {
				known := slices.ContainsFunc(asked, func(l rules.Labels) bool { return l[rules.LabelSource] == a.Labels[rules.LabelSource] })
				if a.Firing && a.Labels[rules.LabelAlertname] == unreachableAlert && !known {
					gone = append(gone, Cleared{Signal: rules.Signal{Fingerprint: fp, Labels: a.Labels, StartsAt: a.StartsAt}, EndsAt: now})
				}
			}
		}
		return err
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	return r.intake.Receive(ctx, Alerts{Cleared: gone, Confirmed: true})
}

// tellUnreachable raises an incident for each Alertmanager that does not answer,
// because nothing ends while one is silent, and ends it when it answers again.
func (r *reconciler) tellUnreachable(ctx context.Context, now time.Time) error {
	var errs []error
	var asked []rules.Labels
	for _, am := range r.live().Alertmanagers {
		// The source makes each Alertmanager an incident of its own.
		labels := rules.Labels{rules.LabelAlertname: unreachableAlert, rules.LabelKind: "blind",
			rules.LabelSource: "alertmanager/" + am.Name(), rules.LabelSeverity: "critical"}
		s := alertmanager.Alert{Labels: labels, StartsAt: now}.Signal()
		since, why := r.unreachable.over(am.Name(), r.live().Timings.Unreachable, now)
		if why != nil {
			s.Annotations["error"] = why.Error()
			if !since.IsZero() {
				s.Annotations["last_refresh"] = strconv.FormatInt(since.Unix(), 10)
			}
		}
		asked = append(asked, labels)
		if why == nil && r.unreachable.out(am.Name()) {
			continue // for too short a time to tell of it, and it is not back either
		}
		errs = append(errs, r.intake.raise(ctx, s, why != nil, now))
	}
	errs = append(errs, r.forgetUnreachable(ctx, asked, now))
	return errors.Join(errs...)
}
