package receiver

import (
	"slices"
	"sync"
)

// issues are the faults of the data that firing signals show.
type issues struct {
	mu sync.Mutex
	by map[string][]string // fingerprint: issues
}

// maxIssues bounds how many faulty signals are remembered.
const maxIssues = 100_000

func (i *issues) set(fingerprint string, found []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(found) == 0 {
		delete(i.by, fingerprint)
		return
	}
	if i.by == nil {
		i.by = map[string][]string{}
	}
	if len(i.by) < maxIssues {
		i.by[fingerprint] = slices.Clone(found)
	}
}

func (i *issues) counts() map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := map[string]int{}
	for _, found := range i.by {
		for _, issue := range found {
			n[issue]++
		}
	}
	return n
}
