package receiver

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules/model"
)

// forgetUnreachable ends what was raised about Alertmanagers that are not asked
// any more: they went, or have another name now.
func (r *reconciler) forgetUnreachable(ctx context.Context, asked []model.Labels, now time.Time) error {
	var gone []Cleared
	err := r.store.View(ctx, func(tx *store.Tx) error {
		blind, err := tx.Blinding()
		for _, rec := range blind {
			for fp, a := range rec.Alerts {
				known := slices.ContainsFunc(asked, func(l model.Labels) bool { return l[model.LabelSource] == a.Labels[model.LabelSource] })
				if a.Firing && a.Labels[model.LabelAlertname] == unreachableAlert && !known {
					gone = append(gone, Cleared{Signal: model.Signal{Fingerprint: fp, Labels: a.Labels, StartsAt: a.StartsAt}, EndsAt: now})
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
	var asked []model.Labels
	for _, am := range r.live().Alertmanagers {
		// The source makes each Alertmanager an incident of its own.
		labels := model.Labels{model.LabelAlertname: unreachableAlert, model.LabelKind: "blind",
			model.LabelSource: "alertmanager/" + am.Name(), model.LabelSeverity: "critical"}
		s := alertmanager.Alert{Labels: labels, StartsAt: now}.Signal()
		since, why := r.unreachable.Over(am.Name(), r.live().Timings.Unreachable, now)
		if why != nil {
			s.Annotations["error"] = why.Error()
			if !since.IsZero() {
				s.Annotations["last_refresh"] = strconv.FormatInt(since.Unix(), 10)
			}
		}
		asked = append(asked, labels)
		if why == nil && r.unreachable.Out(am.Name()) {
			continue // for too short a time to tell of it, and it is not back either
		}
		errs = append(errs, r.intake.raise(ctx, s, why != nil, now))
	}
	errs = append(errs, r.forgetUnreachable(ctx, asked, now))
	return errors.Join(errs...)
}
