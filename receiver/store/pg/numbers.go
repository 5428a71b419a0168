package pg

import (
	"context"
	"fmt"

	"vigie/receiver/store/engine"
)

// Numbers gives out the running numbers of incidents where several receivers open
// some at the same time. Each takes a few for itself, more when it opens many: nobody
// waits for the other's commit. Those that it has left when it ends are never used.
type Numbers struct {
	next, last int
	reserve    func(count int) (last int, err error)
}

// mostNumbers is how many a receiver takes at once.
const mostNumbers = 256

// Take gives one out; opened is how many the transaction has had already.
func (n *Numbers) Take(opened int) (int, error) {
	if n.next == 0 || n.next > n.last {
		count := min(max(opened, 1), mostNumbers)
		last, err := n.reserve(count)
		if err != nil {
			return 0, err
		}
		n.next, n.last = last-count+1, last
	}
	n.next++
	return n.next - 1, nil
}

// Forget throws those away that are left.
func (n *Numbers) Forget() { n.next, n.last = 0, 0 }

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
