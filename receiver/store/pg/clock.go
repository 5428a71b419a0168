package pg

import (
	"sync/atomic"
	"time"
)

// Clock is how far the server's clock is ahead of this machine's.
type Clock struct{ ahead atomic.Int64 }

// unsteady is how far the clocks may seem to differ by the time that a question
// takes.
const unsteady = 100 * time.Millisecond

// Set notes what the server's clock showed between two instants.
func (c *Clock) Set(begun, ended, showed time.Time) {
	ahead := showed.Sub(begun.Add(ended.Sub(begun) / 2))
	if was := time.Duration(c.ahead.Load()); (ahead - was).Abs() > max(unsteady, ended.Sub(begun)) {
		c.ahead.Store(int64(ahead))
	}
}

// Ahead is by how much.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }
