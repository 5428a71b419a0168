package memory

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Endings names the incidents that hold an ending.
type Endings struct {
	mu  sync.Mutex
	ids map[string]bool
	// judged is what was known of Prometheus when they were last judged.
	judged time.Time
}

// News reports whether anything has become known since the last judgement.
func (h *Endings) News(alive time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ids) > 0 && !h.judged.Equal(alive)
}

// JudgedWith notes what was known of Prometheus at a judgement.
func (h *Endings) JudgedWith(alive time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.judged = alive
}

// Set notes whether an incident holds an ending.
func (h *Endings) Set(id string, holds bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]bool{}
	}
	if holds {
		h.ids[id] = true
	} else {
		delete(h.ids, id)
	}
}

// All are the ids of the incidents that do, sorted.
func (h *Endings) All() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.ids))
}
