package loop

import (
	"context"
	"sync/atomic"
)

// Owed is work that was asked for and is not done yet.
type Owed struct{ asked atomic.Bool }

// Ask asks for it.
func (o *Owed) Ask() { o.asked.Store(true) }

// Do does it if it was asked for; while that fails it stays asked for.
func (o *Owed) Do(ctx context.Context, work func(context.Context) error) error {
	if !o.asked.Swap(false) {
		return nil
	}
	err := work(ctx)
	if err != nil {
		o.Ask()
	}
	return err
}
