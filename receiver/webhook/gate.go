package webhook

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// atWork is how many bytes of deliveries are decoded and written at the same
	// time: small ones enough to share a commit, large ones so few that each gets
	// through in its time.
	atWork = 2 << 20
	// perDelivery is what a delivery costs beside its size, in bytes.
	perDelivery = 2 << 10
	// maxWait is how long a delivery may wait for its turn. What then remains of the
	// sender's timeout is enough to write it.
	maxWait = 5 * time.Second
	// maxExpected is the longest expected wait with which a delivery is let in.
	maxExpected = 4 * time.Second
	// refuseAfter delays a refusal, so that a sender which repeats at once does not
	// take the processor from those whose turn it is.
	refuseAfter = 500 * time.Millisecond
	// rateWindow is over how much busy time the rate is measured.
	rateWindow = 2 * time.Second
)

// gate admits deliveries by what they cost, first come first served. One that would
// have to wait too long is refused before any work is done for it: otherwise all would
// be worked on for a while, and none finished before its timeout.
type gate struct {
	work *semaphore.Weighted

	mu    sync.Mutex
	ahead int64     // cost of what is at work and what waits
	since time.Time // until when busy is counted, while ahead is not 0
	done  float64   // cost of what was finished within busy
	busy  time.Duration
}

func newGate() *gate { return &gate{work: semaphore.NewWeighted(atWork)} }

// busyError refuses a delivery because too much is ahead of it.
type busyError struct{ after time.Duration }

func (e *busyError) Error() string {
	return fmt.Sprintf("more is delivered than can be taken in now; come again in %s", e.after)
}

// enter waits for the turn of a delivery of so many bytes. The caller must call
// leave, with whether the delivery was kept.
func (g *gate) enter(ctx context.Context, size int) (leave func(kept bool), err error) {
	cost := min(int64(size)+perDelivery, atWork)
	if err := g.join(cost); err != nil {
		select {
		case <-time.After(refuseAfter):
		case <-ctx.Done():
		}
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if g.work.Acquire(wait, cost) != nil {
		return nil, g.left(cost, false)
	}
	return func(kept bool) {
		g.work.Release(cost)
		_ = g.left(cost, kept)
	}, nil
}

// join takes a place in the queue, unless what is ahead takes too long.
func (g *gate) join(cost int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ahead+cost > atWork { // where there is room nobody waits, however slowly the disk syncs
		if err := g.expect(); err.after > maxExpected {
			return err
		}
	}
	if g.ahead == 0 {
		g.since = time.Now()
	}
	g.ahead += cost
	return nil
}

// left gives up a place in the queue, and returns the refusal of one that was not served.
func (g *gate) left(cost int64, kept bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.busy, g.since = g.busy+now.Sub(g.since), now
	g.ahead -= cost
	if kept {
		g.done += float64(cost)
	}
	if g.busy > rateWindow {
		share := float64(rateWindow) / float64(g.busy)
		g.busy, g.done = rateWindow, g.done*share
	}
	return g.expect()
}

// expect tells how long what is ahead takes at the recent rate, in whole seconds.
func (g *gate) expect() *busyError {
	if g.done == 0 {
		return &busyError{time.Second} // no rate is known yet
	}
	takes := float64(g.ahead) / g.done * g.busy.Seconds()
	return &busyError{time.Duration(min(max(takes, 0)+1, 60)) * time.Second}
}
