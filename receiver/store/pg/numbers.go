package pg

import (
	"context"
	"fmt"
	"slices"

	"vigie/receiver/store/engine"
)

// Numbers gives out the running numbers of incidents where several receivers open
// some at the same time. Each takes a few for itself, more when it opens many: nobody
// waits for the other's commit. Those that it has left when it ends are never used.
type Numbers struct {
	next, last int
	reserve    func(count int) (last int, err error)
	// out are those that the transaction has had, back those that were undone.
	out, back []int
}

// mostNumbers is how many a receiver takes at once.
const mostNumbers = 256

// Next gives one out; opened is how many the transaction has had already.
func (n *Numbers) Next(opened int) (int, error) {
	if len(n.back) == 0 && (n.next == 0 || n.next > n.last) {
		count := min(max(opened, 1), mostNumbers)
		last, err := n.reserve(count)
		if err != nil {
			return 0, err
		}
		n.next, n.last = last-count+1, last
	}
	var number int
	if len(n.back) > 0 {
		number, n.back = n.back[0], n.back[1:]
	} else {
		number = n.next
		n.next++
	}
	n.out = append(n.out, number)
	return number, nil
}

// Begin begins a transaction: what the one before has had is its own for ever.
func (n *Numbers) Begin() {
	if n != nil {
		n.out = nil
	}
}

// Mark returns how many the transaction has had, for [Numbers.Undo].
func (n *Numbers) Mark() int {
	if n == nil {
		return 0
	}
	return len(n.out)
}

// Undo takes those back that the transaction has had since a mark: what was made with
// them has surely not been committed.
func (n *Numbers) Undo(mark int) {
	if n == nil || mark >= len(n.out) {
		return
	}
	n.back = append(n.back, n.out[mark:]...)
	n.out = n.out[:mark]
	slices.Sort(n.back)
}

// Forget throws those away that are left, and those of the transaction.
func (n *Numbers) Forget() { n.next, n.last, n.out, n.back = 0, 0, nil, nil }

// reserved numbers are counted in the table of leases, outside of any other
// transaction. An older version goes by what incidents have: neither falls behind the other.
const (
	numbersLease   = "numbers of incidents"
	reserveNumbers = `INSERT INTO lease AS counted (name, holder, token, until) VALUES (?, '', (SELECT COALESCE(MAX(number), 0) FROM incident) + ?, 0)
	ON CONFLICT (name) DO UPDATE SET token = GREATEST(counted.token, (SELECT COALESCE(MAX(number), 0) FROM incident)) + ? RETURNING token`
)

func (p *Database) reserve(count int) (last int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.within)
	defer cancel()
	err = p.Row(ctx, reserveNumbers, numbersLease, count, count).Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	return last, nil
}
