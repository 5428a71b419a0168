package loop

import (
	"context"
	"sync/atomic"
)

// Owed is work that is owed from when it is asked for until it has succeeded.
type Owed struct{ asked atomic.Bool }

// Ask asks for it.
func (o *Owed) Ask() { o.asked.Store(true) }

// Do does the work if it was asked for. When it fails it is owed again.
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
