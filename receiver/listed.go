package receiver

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
)

// Listed is an alert that fires and that is only listed, by the policy or because
// nothing is owed yet: it opens no incident and writes to nobody.
type Listed struct {
	Alertname string    `json:"alertname"`
	Customer  string    `json:"customer,omitempty"`
	Machine   string    `json:"machine,omitempty"`
	Platform  string    `json:"platform,omitempty"`
	Source    string    `json:"source,omitempty"`
	Plan      string    `json:"plan,omitempty"`
	Item      string    `json:"item,omitempty"`
	Since     time.Time `json:"since"`
	// OwedFrom is when it opens an incident if it still fires; zero for never.
	OwedFrom time.Time `json:"owed_from,omitzero"`
}

// Listed returns what is only listed, what opens an incident soonest before the rest.
func (q *reader) Listed(ctx context.Context) (out []Listed, err error) {
	err = q.store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = listed(tx, q.Book(), q.now())
		return err
	})
	return out, err
}

// listed leaves out what people know of: what is out of service for good, or announced.
func listed(tx *store.Tx, book *rules.Book, now time.Time) ([]Listed, error) {
	p := book.InForce(now)
	all, err := tx.Ignored()
	if err != nil {
		return nil, err
	}
	out := []Listed{}
	for _, x := range all {
		l := x.Labels
		owed, lists := book.Lists(x.Reason, l, now)
		if !lists {
			continue
		}
		out = append(out, Listed{Alertname: l[rules.LabelAlertname], Customer: l[rules.LabelCustomer], Machine: l[rules.LabelMachine], Platform: l[rules.LabelPlatform],
			Source: l[rules.LabelSource], Plan: l[rules.LabelPlan], Item: l["item"], Since: x.Since.In(p.Zone), OwedFrom: owed})
	}
	slices.SortStableFunc(out, func(a, b Listed) int {
		return cmp.Or(cmp.Compare(uint64(a.OwedFrom.Unix()), uint64(b.OwedFrom.Unix())), // the zero time comes last
			strings.Compare(a.Alertname, b.Alertname), strings.Compare(a.Customer, b.Customer), strings.Compare(a.Machine, b.Machine), a.Since.Compare(b.Since))
	})
	return out, nil
}

// endListed forgets what was only listed and fires no more: a webhook that told
// so may have been lost.
func (r *reconciler) endListed(ctx context.Context, t *observed, gone map[string]bool, now time.Time) error {
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
		if _, fires := t.firing[x.Fingerprint]; fires || own(x.Labels) {
			continue
		}
		gone[x.Fingerprint] = true
		since := r.absent.At(x.Fingerprint, now)
		if now.Sub(since) < r.live().Timings.AbsentFor || t.quiet && !r.watch.livedAfter(since) {
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
func (c *core) called(l rules.Labels) string {
	who := l[rules.LabelCustomer]
	if x := c.Book().Directory.Customers[who]; x != nil && x.Name != "" {
		who = x.Name
	}
	parts := slices.DeleteFunc([]string{who, cmp.Or(l[rules.LabelMachine], l[rules.LabelPlatform], l[rules.LabelSource])},
		func(s string) bool { return s == "" })
	return strings.Join(parts, " – ")
}
