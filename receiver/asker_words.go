package receiver

import (
	"context"
	"time"

	"vigie/receiver/memory"
	"vigie/rules"
)

// why adds to an answer why the runs failed of which that is not known yet: people
// read it on the pages, and failures may have it in common. It reports whether it
// did.
func (a *asker) why(ctx context.Context, need *rules.Need, answered rules.Answered, now time.Time) (found bool) {
	ctx, cancel := context.WithTimeout(ctx, memory.WordsWithin)
	defer cancel()
	for fp, alert := range need.Alerts {
		source, job := alert.Labels[rules.LabelSource], alert.Labels[rules.LabelJobID]
		if !alert.Firing || alert.Says("error") != "" || source == "" || job == "" {
			continue
		}
		for _, x := range a.live().Exporters {
			r, known := a.words.Ask(ctx, x, source, alert.Labels[rules.LabelCustomer], now)[job]
			// An alert tells whole seconds, the nearest.
			if !known || r.Error == "" || r.LastRun.Before(alert.Run.Add(-time.Second)) {
				continue // of an earlier run, or of none
			}
			p := answered.Plans[fp]
			p.Error = memory.Clipped(r.Error)
			answered.Plans[fp], found = p, true
		}
	}
	return found
}
