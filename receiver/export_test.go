package receiver

import "time"

// ProveAlive tells that Prometheus is proven to have lived later than that.
// Stories know nothing of its death, so nothing that they end has to wait.
func (e *Engine) ProveAlive(at time.Time) {
	e.watch.mu.Lock()
	defer e.watch.mu.Unlock()
	e.watch.alive = at.Add(time.Second)
}
