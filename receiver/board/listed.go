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
	return out, nil
}
