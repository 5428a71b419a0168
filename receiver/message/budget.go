package message

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"text/template"
	"time"
)

// budget bounds the time and output of one rendering.
type budget struct {
	spent atomic.Bool
	timer *time.Timer
	ended chan struct{}
}

func newBudget() *budget {
	b := &budget{ended: make(chan struct{})}
	b.timer = time.AfterFunc(maxRenderTime, func() {
		b.spent.Store(true)
		close(b.ended)
	})
	return b
}

func (b *budget) stop() { b.timer.Stop() }

var errTooLong = errors.New("render: the template runs too long")

// run executes a template. One that loops without writing is left behind when
// the time is over; it can no longer reach anybody.
func (b *budget) run(execute func(*bounded) error) (string, error) {
	w := &bounded{budget: b}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("render: the template panics: %v", p)
			}
		}()
		done <- execute(w)
	}()
	select {
	case err := <-done:
		if err != nil {
			return "", fmt.Errorf("render: %w", err)
		}
		return w.buf.String(), nil
	case <-b.ended:
		return "", errTooLong
	}
}

// block executes one named block to a single line; a block that the template
// does not define is empty.
func (b *budget) block(t *template.Template, name string, v *view) (string, error) {
	if t.Lookup(name) == nil {
		return "", nil
	}
	s, err := b.run(func(w *bounded) error { return t.ExecuteTemplate(w, name, v) })
	return cleanOneLine(s), err
}

// bounded is where templates write: it refuses once the budget is spent.
type bounded struct {
	budget *budget
	buf    bytes.Buffer
}

func (w *bounded) Write(p []byte) (int, error) {
	if w.budget.spent.Load() {
		return 0, errTooLong
	}
	if w.buf.Len()+len(p) > maxRenderBytes {
		return 0, fmt.Errorf("the template writes more than %d bytes", maxRenderBytes)
	}
	return w.buf.Write(p)
}
