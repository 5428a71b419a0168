package identity

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Tries bounds how often somebody may try to log in: by name, by address, and all
// together at the same time, as each try costs a quarter of a second of a core.
type Tries struct {
	mu     sync.Mutex
	by     map[string]*rate.Limiter
	atOnce chan struct{}
}

const (
	triesAtOnce  = 2
	triesBurst   = 8
	triesPerName = time.Minute / 4
	maxTries     = 10_000
)

// NewTries has seen nobody yet.
func NewTries() *Tries {
	return &Tries{by: map[string]*rate.Limiter{}, atOnce: make(chan struct{}, triesAtOnce)}
}

// Allowed counts a try for each of the names.
func (t *Tries) Allowed(now time.Time, names ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.by) > maxTries { // whoever has rested is forgotten
		for k, l := range t.by {
			if l.TokensAt(now) >= triesBurst {
				delete(t.by, k)
			}
		}
		if len(t.by) > maxTries {
			return false
		}
	}
	ok := true
	for _, n := range names {
		l := t.by[n]
		if l == nil {
			l = rate.NewLimiter(rate.Every(triesPerName), triesBurst)
			t.by[n] = l
		}
		ok = l.AllowN(now, 1) && ok
	}
	return ok
}

// Check runs a costly check, only a few at the same time.
func (t *Tries) Check(ctx context.Context, f func() bool) bool {
	select {
	case t.atOnce <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-t.atOnce }()
	return f()
}
