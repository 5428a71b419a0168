package exporters

import (
	"net/http"
	"time"
)

// InventoryAnswer is the body of GET /api/v1/inventory: where the inventory
// and the products disagree. Each list is bounded by limit; the counts are of
// all.
type InventoryAnswer struct {
	Machines  int                `json:"machines"` // of the inventory
	Missing   []MissingPlan      `json:"missing"`  // plans that no source lists
	Without   []MissingPlan      `json:"without"`  // machines without any job, whatever is expected of them
	Vanished  []VanishedItem     `json:"vanished"`
	Unmatched []UnmatchedMachine `json:"unmatched"`

	MissingTotal   int `json:"missing_total"`
	WithoutTotal   int `json:"without_total"`
	VanishedTotal  int `json:"vanished_total"`
	UnmatchedTotal int `json:"unmatched_total"`
}

// MissingPlan is a plan of the inventory that no source lists, or a machine.
type MissingPlan struct {
	Customer     string `json:"customer"`
	Machine      string `json:"machine"`
	MachineClass Class  `json:"machine_class"`
	BackupRole   Role   `json:"backup_role,omitempty"`
	Engine       string `json:"engine,omitempty"`
	Plan         string `json:"plan,omitempty"`
}

// VanishedItem is a job that its source no longer lists.
type VanishedItem struct {
	Source string `json:"source"`
	Vanished
}

// InventoryHandler answers GET /api/v1/inventory?customer=&source=&limit=.
// Source narrows what the products tell.
func InventoryHandler(inventory func() *Inventory, assessed func() *Assessment, sources func() []*View) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, limit, ok := question(w, r, "customer", "source", "limit")
		if !ok {
			return
		}
		v := assessed()
		if inventory() == nil {
			http.Error(w, "no inventory is configured; name its files under inventory: in the configuration", http.StatusNotFound)
			return
		}
		if v == nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "the inventory is being compared; ask again in a second", http.StatusServiceUnavailable)
			return
		}
		answer := v.disagreements(sources(), q.Get("customer"), q.Get("source"), limit)
		answer.Machines = inventory().Len()
		writeJSON(w, answer)
	})
}

func (v *Assessment) disagreements(views []*View, customer, source string, limit int) InventoryAnswer {
	a := InventoryAnswer{Missing: []MissingPlan{}, Without: []MissingPlan{}, Vanished: []VanishedItem{}, Unmatched: []UnmatchedMachine{}}
	for _, m := range v.Expected {
		if customer != "" && m.Customer != customer {
			continue
		}
		bare := MissingPlan{Customer: m.Customer, Machine: m.Name, MachineClass: m.Class}
		if m.Jobs == 0 {
			a.Without = bounded(a.Without, &a.WithoutTotal, limit, bare)
		}
		for i, p := range m.Plans {
			if !m.Listed[i] {
				bare.BackupRole, bare.Engine, bare.Plan = m.Told(i), p.Engine, p.Plan
				a.Missing = bounded(a.Missing, &a.MissingTotal, limit, bare)
			}
		}
	}
	for _, s := range views {
		for _, j := range s.Vanished {
			if (customer == "" || j.Customer == customer) && (source == "" || s.Source == source) {
				j.Since = j.Since.UTC().Truncate(time.Second)
				a.Vanished = bounded(a.Vanished, &a.VanishedTotal, limit, VanishedItem{s.Source, j})
			}
		}
	}
	for _, s := range v.Unmatched {
		for _, m := range s.Machines {
			if (customer == "" || m.Customer == customer) && (source == "" || m.Source == source) {
				a.Unmatched = bounded(a.Unmatched, &a.UnmatchedTotal, limit, m)
			}
		}
	}
	return a
}

func bounded[T any](list []T, total *int, limit int, item T) []T {
	if *total++; len(list) < limit {
		list = append(list, item)
	}
	return list
}
