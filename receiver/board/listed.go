package board

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/model"
)

// Listed is what fires and is only listed, by the policy or because nothing is owed
// yet: it opens no incident and writes to nobody.
type Listed struct {
	Alertname string `json:"alertname"`
	// Also are other alerts of a machine to which nothing is owed yet.
	Also     []string  `json:"also,omitempty"`
	Customer string    `json:"customer,omitempty"`
	Machine  string    `json:"machine,omitempty"`
	Platform string    `json:"platform,omitempty"`
	Source   string    `json:"source,omitempty"`
	Plan     string    `json:"plan,omitempty"`
	Item     string    `json:"item,omitempty"`
	Since    time.Time `json:"since"`
	// OwedFrom is when it opens an incident if it still fires; zero for never.
	OwedFrom time.Time `json:"owed_from,omitzero"`
}

// ListedNow are those of now, what opens an incident soonest before the rest. It
// leaves out what people know of: what is out of service for good, or announced.
func ListedNow(tx *store.Tx, book *rules.Book, now time.Time) ([]Listed, error) {
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
		out = append(out, Listed{Alertname: l[model.LabelAlertname], Customer: l[model.LabelCustomer], Machine: l[model.LabelMachine], Platform: l[model.LabelPlatform],
			Source: l[model.LabelSource], Plan: l[model.LabelPlan], Item: l["item"], Since: x.Since.In(p.Zone), OwedFrom: owed})
	}
	slices.SortStableFunc(out, func(a, b Listed) int {
		return cmp.Or(cmp.Compare(uint64(a.OwedFrom.Unix()), uint64(b.OwedFrom.Unix())), // the zero time comes last
			strings.Compare(a.Alertname, b.Alertname), strings.Compare(a.Customer, b.Customer), strings.Compare(a.Machine, b.Machine), a.Since.Compare(b.Since))
	})
	return joined(out), nil
}

// joined are the same lines, but one alone for each machine of which something fails
// that is not owed yet: that is one thing to mend, however many alerts tell of it.
func joined(all []Listed) []Listed {
	out := make([]Listed, 0, len(all))
	of := map[[2]string]int{}
	for _, x := range all {
		machine := [2]string{x.Customer, x.Machine}
		n, known := of[machine]
		if !known || x.Machine == "" {
			if !x.OwedFrom.IsZero() {
				of[machine] = len(out)
			}
			out = append(out, x)
			continue
		}
		one := &out[n]
		if x.Alertname != one.Alertname && !slices.Contains(one.Also, x.Alertname) {
			one.Also = append(one.Also, x.Alertname)
		}
		switch {
		case one.Plan == "":
			one.Plan = x.Plan
		case x.Plan != "" && !slices.Contains(strings.Split(one.Plan, ", "), x.Plan):
			one.Plan += ", " + x.Plan
		}
		if x.Since.Before(one.Since) {
			one.Since = x.Since
		}
	}
	return out
}
