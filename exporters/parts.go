package exporters

import (
	"iter"
	"slices"
)

type cellKey struct {
	bucket   int
	customer string
}

// parts gives the view in pieces that each belong to one bucket: customer by
// customer in order where there are few, bucket by bucket where there are
// more customers than buckets. A piece is valid until the next one.
func (v *View) parts() iter.Seq2[cellKey, *View] {
	return func(yield func(cellKey, *View) bool) {
		keys, of := v.cellKeys()
		jobs := group(v.Jobs, of, len(keys), func(j *Job) string { return j.Customer })
		vanished := group(v.Vanished, of, len(keys), func(j *Vanished) string { return j.Customer })
		agents := group(v.Agents, of, len(keys), func(a *Agent) string { return a.Customer })
		repositories := group(v.Repositories, of, len(keys), func(r *Repository) string { return r.Customer })
		quotas := group(v.Quotas, of, len(keys), func(q *Quota) string { return q.Customer })
		licenses := group(v.Licenses, of, len(keys), func(l *License) string { return l.Customer })
		expected := group(v.expected, of, len(keys), func(m *expectedMachine) string { return m.Customer })
		out := &View{Source: v.Source, Engine: v.Engine}
		for i, key := range keys {
			out.Jobs = pick(out.Jobs, v.Jobs, jobs[i])
			out.Vanished = pick(out.Vanished, v.Vanished, vanished[i])
			out.Agents = pick(out.Agents, v.Agents, agents[i])
			out.Repositories = pick(out.Repositories, v.Repositories, repositories[i])
			out.Quotas = pick(out.Quotas, v.Quotas, quotas[i])
			out.Licenses = pick(out.Licenses, v.Licenses, licenses[i])
			out.expected = pick(out.expected, v.expected, expected[i])
			if !yield(key, out) {
				return
			}
		}
	}
}

// cellKeys divides the customers: the cells, and the cell of each customer.
func (v *View) cellKeys() ([]cellKey, map[string]int) {
	of := map[string]int{}
	customersOf(of, v.Jobs, func(j *Job) string { return j.Customer })
	customersOf(of, v.Vanished, func(j *Vanished) string { return j.Customer })
	customersOf(of, v.Agents, func(a *Agent) string { return a.Customer })
	customersOf(of, v.Repositories, func(r *Repository) string { return r.Customer })
	customersOf(of, v.Quotas, func(q *Quota) string { return q.Customer })
	customersOf(of, v.Licenses, func(l *License) string { return l.Customer })
	customersOf(of, v.expected, func(m *expectedMachine) string { return m.Customer })
	var keys []cellKey
	if len(of) > buckets {
		for b := range buckets {
			keys = append(keys, cellKey{bucket: b})
		}
		for customer := range of {
			of[customer] = bucketOf(customer)
		}
		return keys, of
	}
	names := make([]string, 0, len(of))
	for customer := range of {
		names = append(names, customer)
	}
	slices.Sort(names)
	for i, customer := range names {
		keys = append(keys, cellKey{bucketOf(customer), customer})
		of[customer] = i
	}
	return keys, of
}

func customersOf[T any](seen map[string]int, items []T, customer func(*T) string) {
	last := ""
	for i := range items {
		if c := customer(&items[i]); c != last || i == 0 { // most lists stand sorted
			seen[c], last = 0, c
		}
	}
}

// group gives the places of the items of each cell.
func group[T any](items []T, of map[string]int, cells int, customer func(*T) string) [][]int32 {
	out := make([][]int32, cells)
	for i := range items {
		c := of[customer(&items[i])]
		out[c] = append(out[c], int32(i))
	}
	return out
}

// pick copies the items at these places into the room that out already has.
func pick[T any](out, all []T, at []int32) []T {
	out = out[:0]
	for _, i := range at {
		out = append(out, all[i])
	}
	return out
}
