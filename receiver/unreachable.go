package receiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vigie/receiver/alertmanager"
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

// tellUnreachable raises an incident for each Alertmanager that does not answer,
// because nothing ends while one is silent, and ends it when it answers again.
func (e *Engine) tellUnreachable(ctx context.Context, now time.Time) error {
	var errs []error
	for _, am := range e.live().Alertmanagers {
		// The source makes each Alertmanager an incident of its own.
		labels := rules.Labels{rules.LabelAlertname: unreachableAlert, rules.LabelKind: "blind",
			rules.LabelSource: "alertmanager/" + am.Name(), rules.LabelSeverity: "critical"}
		s := alertmanager.Alert{Labels: labels, StartsAt: now}.Signal()
		since, why := e.unreachable.over(am.Name(), e.live().Timings.Unreachable, now)
		if why != nil {
			s.Annotations["error"] = fmt.Sprintf("Alertmanager %s has not answered since %s; nothing is closed meanwhile: %v", am.Name(), heard(since), why)
		}
		errs = append(errs, e.raise(ctx, s, why != nil, now))
	}
	return errors.Join(errs...)
}
