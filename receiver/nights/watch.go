package nights

import (
	"context"
	"sync"
	"time"

	"vigie/receiver/loop"
	"vigie/rules"
	"vigie/rules/copies"
)

// Watch knows which copies of all machines are good, for whoever must not wait for
// Prometheus to say it, such as a scrape.
type Watch struct {
	*Keeper
	Book  func() *rules.Book
	Turns *loop.Turns
	Now   func() time.Time

	mu    sync.Mutex
	at    time.Time
	known map[[2]string]copies.Copies
}

const (
	watchEvery = 5 * time.Minute
	watchFor   = 3 * watchEvery // and no longer is it known
)

// Run turns until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	return w.Turns.Run(ctx, "copies", watchEvery, nil, w.Turn)
}

// Turn asks for all machines at once.
func (w *Watch) Turn(ctx context.Context) error {
	if w.Prometheus() == nil {
		return nil
	}
	now, dir := w.Now(), w.Book().Directory
	each, err := w.Copies(ctx, dir, dir.Machines, now, now)
	if err != nil {
		return err
	}
	known := map[[2]string]copies.Copies{}
	for i, m := range dir.Machines {
		known[[2]string{m.Customer, m.Name}] = each[i]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at, w.known = now, known
	return nil
}

// Known are the copies of each machine, by customer and name; none where nobody could
// say it lately.
func (w *Watch) Known() map[[2]string]copies.Copies {
	w.mu.Lock()
	defer w.mu.Unlock()
	if age := w.Now().Sub(w.at); age < 0 || age >= watchFor {
		return nil
	}
	return w.known
}
