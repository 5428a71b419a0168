package receiver

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/board"
	"vigie/receiver/store"
	"vigie/rules/model"
)

// Listed is [board.Listed].
type Listed = board.Listed

// Listed returns what is only listed, what opens an incident soonest before the rest.
func (q *reader) Listed(ctx context.Context) (out []Listed, err error) {
	err = q.store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = board.ListedNow(tx, q.Book(), q.now())
		return err
	})
	return out, err
}

// endListed forgets what was only listed and fires no more: a webhook that told
// so may have been lost.
func (r *reconciler) endListed(ctx context.Context, t *alertmanager.Together, gone map[string]bool, now time.Time) error {
	var all []store.Ignored
	err := r.store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Ignored()
		return err
	})
	if err != nil {
		return err
	}
	var over []Cleared
	for _, x := range all {
		if _, fires := t.Firing[x.Fingerprint]; fires || own(x.Labels) {
			continue
		}
		gone[x.Fingerprint] = true
		since := r.absent.At(x.Fingerprint, now)
		if now.Sub(since) < r.live().Timings.AbsentFor || t.Quiet && !r.watch.livedAfter(since) {
			continue
		}
		over = append(over, Cleared{Signal: x.Signal, EndsAt: since})
	}
	if len(over) == 0 {
		return nil
	}
	return r.intake.Receive(ctx, Alerts{Cleared: over, Confirmed: true})
}

// called is how people call what labels name.
func (c *core) called(l model.Labels) string {
	parts := slices.DeleteFunc([]string{c.Book().Directory.CustomerName(l[model.LabelCustomer]), cmp.Or(l[model.LabelMachine], l[model.LabelPlatform], l[model.LabelSource])},
		func(s string) bool { return s == "" })
	return strings.Join(parts, " – ")
}
