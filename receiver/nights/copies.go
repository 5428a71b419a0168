package nights

import (
	"context"
	"slices"
	"strings"
	"time"

	"vigie/receiver/evidence"
	"vigie/rules/copies"
	"vigie/rules/inventory"
)

// Copies are the copies of each machine, in their order, with what was recorded of them
// at an instant. With an error no copy is known to be good.
func (k *Keeper) Copies(ctx context.Context, dir *inventory.Directory, of []*inventory.Machine, at, now time.Time) ([]copies.Copies, error) {
	var customers []string
	for _, m := range of {
		customers = append(customers, m.Customer)
	}
	slices.Sort(customers)
	customers = slices.Compact(customers)
	var x kept
	var err error
	if len(customers) > 0 {
		key := "copies " + strings.Join(customers, "\x00")
		if !at.Equal(now) {
			key += "\x01" + at.UTC().Format(time.RFC3339)
		}
		x, err = k.once(ctx, key, now, func(ctx context.Context, c *evidence.Client) (x kept, err error) {
			x.jobs, err = c.Jobs(ctx, customers, at)
			return x, err
		})
	}
	jobs := map[*inventory.Machine][]copies.Job{}
	for _, j := range x.jobs {
		if m := dir.Canonical(j.Customer, j.Source, j.ID, j.Machine); m != nil {
			jobs[m] = append(jobs[m], j.Job)
		}
	}
	out := make([]copies.Copies, len(of))
	for i, m := range of {
		out[i] = copies.Of(m, jobs[m])
	}
	return out, err
}
