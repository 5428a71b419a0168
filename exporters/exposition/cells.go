package exposition

import (
	"maps"
	"slices"

	"vigie/exporters"
)

// jobsPerCell is how many jobs are rendered again at most because one of them
// changed, more or less; fewer would compress badly.
const jobsPerCell = 64

// cellKey names a cell. All that is in one belongs to one bucket.
type cellKey struct {
	bucket   int
	customer string // empty where there are more customers than buckets
	slice    int    // of those that the bucket or the customer is divided into
}

// cells divides a part: customer by customer in order where there are few,
// bucket by bucket where there are more customers than buckets, and either
// into slices where there are many jobs.
func (v *subset) cells() ([]cell, *placing) {
	d := v.divide()
	where := &placing{first: d.first, slices: d.slices, keys: make([]cellKey, len(d.cells))}
	for i := range d.cells {
		where.keys[i] = d.cells[i].cellKey
	}
	divide(d, v.Jobs, func(j *exporters.Job) (string, string) { return j.Customer, j.ID }, func(p *subset) *[]*exporters.Job { return &p.Jobs })
	spread(d, v.Vanished, func(j *exporters.Vanished) (string, string) { return j.Customer, j.ID }, func(p *subset) *[]exporters.Vanished { return &p.Vanished })
	divide(d, v.Agents, func(a *exporters.Agent) (string, string) { return a.Customer, a.Machine }, func(p *subset) *[]*exporters.Agent { return &p.Agents })
	spread(d, v.Repositories, func(r *exporters.Repository) (string, string) { return r.Customer, r.Name }, func(p *subset) *[]exporters.Repository { return &p.Repositories })
	spread(d, v.Quotas, func(q *exporters.Quota) (string, string) { return q.Customer, q.Item }, func(p *subset) *[]exporters.Quota { return &p.Quotas })
	spread(d, v.Licenses, func(l *exporters.License) (string, string) { return l.Customer, l.Item }, func(p *subset) *[]exporters.License { return &p.Licenses })
	spread(d, v.expected, func(m *exporters.ExpectedMachine) (string, string) { return m.Customer, m.Name }, func(p *subset) *[]exporters.ExpectedMachine { return &p.expected })
	return slices.Clip(slices.DeleteFunc(d.cells, func(c cell) bool { return c.subset.empty() })), where
}

// placing says which cell something belongs to.
type placing struct {
	first  map[string]int // the first cell of each customer
	slices int            // of each customer or bucket; a power of two
	keys   []cellKey
}

// of gives the place of the cell of something of a customer.
func (p *placing) of(customer, name string) int {
	at := p.first[customer]
	if p.slices > 1 {
		at += int(hashOf(name) & uint64(p.slices-1))
	}
	return at
}

func (v *subset) empty() bool {
	return len(v.Jobs)+len(v.Vanished)+len(v.Agents)+len(v.Repositories)+len(v.Quotas)+len(v.Licenses)+len(v.expected) == 0
}

// division holds the cells of all places.
type division struct {
	placing
	cells []cell
}

func (v *subset) divide() *division {
	first := map[string]int{}
	customersOf(first, v.Jobs, func(j **exporters.Job) string { return (*j).Customer })
	customersOf(first, v.Vanished, func(j *exporters.Vanished) string { return j.Customer })
	customersOf(first, v.Agents, func(a **exporters.Agent) string { return (*a).Customer })
	customersOf(first, v.Repositories, func(r *exporters.Repository) string { return r.Customer })
	customersOf(first, v.Quotas, func(q *exporters.Quota) string { return q.Customer })
	customersOf(first, v.Licenses, func(l *exporters.License) string { return l.Customer })
	customersOf(first, v.expected, func(m *exporters.ExpectedMachine) string { return m.Customer })
	d := &division{placing: placing{first: first, slices: 1}}
	groups := min(max(1, len(first)), buckets)
	for most := max(len(v.Jobs), len(v.Agents), len(v.expected)); most > groups*d.slices*jobsPerCell; {
		d.slices *= 2
	}
	add := func(bucket int, customer string) {
		for s := range d.slices {
			d.cells = append(d.cells, cell{cellKey: cellKey{bucket, customer, s}})
		}
	}
	if len(first) > buckets {
		for b := range buckets {
			add(b, "")
		}
		for customer := range first {
			first[customer] = bucketOf(customer) * d.slices
		}
		return d
	}
	for i, customer := range slices.Sorted(maps.Keys(first)) {
		add(bucketOf(customer), customer)
		first[customer] = i * d.slices
	}
	return d
}

func customersOf[T any](seen map[string]int, items []T, customer func(*T) string) {
	last := ""
	for i := range items {
		if c := customer(&items[i]); c != last || i == 0 { // most lists stand sorted
			seen[c], last = 0, c
		}
	}
}

func spread[T any](d *division, items []T, names func(*T) (customer, name string), list func(*subset) *[]T) {
	for i := range items {
		to := list(&d.cells[d.of(names(&items[i]))].subset)
		*to = append(*to, items[i])
	}
}

// divide is spread for what is held by reference.
func divide[T any](d *division, items []*T, names func(*T) (customer, name string), list func(*subset) *[]*T) {
	for _, item := range items {
		to := list(&d.cells[d.of(names(item))].subset)
		*to = append(*to, item)
	}
}
