package memory

import (
	"maps"
	"sync"
	"time"
)

// Absences remembers since when something is so of an alert that may pass by itself: that
// no Alertmanager has it, or that one does which may still mute it.
type Absences struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// At returns since when an alert has been absent, beginning now.
func (a *Absences) At(fp string, now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since == nil {
		a.since = map[string]time.Time{}
	}
	if _, known := a.since[fp]; !known {
		a.since[fp] = now
	}
	return a.since[fp]
}

// Keep forgets the alerts that are not absent any more.
func (a *Absences) Keep(gone map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.since, func(fp string, _ time.Time) bool { return !gone[fp] })
}

// Forget starts every absence anew: for a while nobody could tell.
func (a *Absences) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.since)
}
