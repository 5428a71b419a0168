package memory

import (
	"context"
	"time"

	"vigie/receiver/evidence"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Why adds to an answer why the runs failed of which that is not known yet: people
// read it on the pages, and failures may have it in common. It reports whether it
// did.
func (w *Words) Why(ctx context.Context, exporters []evidence.Exporter, need *incident.Need, answered incident.Answered, now time.Time) (found bool) {
	ctx, cancel := context.WithTimeout(ctx, WordsWithin)
	defer cancel()
	for fp, alert := range need.Alerts {
		source, job := alert.Labels[model.LabelSource], alert.Labels[model.LabelJobID]
		if !alert.Firing || alert.Says("error") != "" || source == "" || job == "" {
			continue
		}
		for _, x := range exporters {
			r, known := w.Ask(ctx, x, source, alert.Labels[model.LabelCustomer], now)[job]
			// An alert tells whole seconds, the nearest.
			if !known || r.Error == "" || r.LastRun.Before(alert.Run.Add(-time.Second)) {
				continue // of an earlier run, or of none
			}
			p := answered.Plans[fp]
			p.Error = Clipped(r.Error)
			answered.Plans[fp], found = p, true
		}
	}
	return found
}
