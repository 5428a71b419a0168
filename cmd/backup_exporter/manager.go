package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/exporters"
	"vigie/exporters/exposition"
)

// manager runs the pollers of the current configuration.
type manager struct {
	stateDir string
	now      func() time.Time
	logger   *slog.Logger
	// published is called when the metrics changed.
	published func()

	inventory atomic.Pointer[exporters.Inventory]
	assessed  atomic.Pointer[exporters.Assessment] // nil without an inventory
	changed   chan struct{}                        // something to assess

	mu      sync.Mutex
	running []*runner // in the order of the configuration
}

// assessPause bounds how often the inventory is compared with what many
// sources list.
const assessPause = 200 * time.Millisecond

func newManager(stateDir string, logger *slog.Logger) *manager {
	return &manager{stateDir: stateDir, now: time.Now, logger: logger, published: func() {}, changed: make(chan struct{}, 1)}
}

type runner struct {
	instance
	poller *exporters.Poller
	stop   context.CancelFunc
	done   chan struct{}
}

// views gives what every source currently stands for.
func (h *manager) views() []*exporters.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*exporters.View, len(h.running))
	for i, r := range h.running {
		out[i] = r.poller.View()
	}
	return out
}

// exposition is what the sources and the inventory tell, with the metrics of own.
func (h *manager) exposition(own prometheus.Gatherer) *exposition.Exposition {
	return exposition.New(exposition.Options{Sources: h.views, Assessed: h.assessed.Load, Own: own})
}

func (h *manager) note() {
	select {
	case h.changed <- struct{}{}:
	default: // it is waiting to be assessed already
	}
}

// assess compares the inventory with what the sources list, whenever one of
// them changed.
func (h *manager) assess(ctx context.Context) {
	for {
		select {
		case <-h.changed:
		case <-ctx.Done():
			return
		}
		if inventory := h.inventory.Load(); inventory == nil {
			h.assessed.Store(nil)
		} else {
			next := inventory.Assess(h.views(), h.now())
			next.Rendered = exposition.RenderAssessment(next, h.assessed.Load())
			h.assessed.Store(next)
		}
		h.published()
		paceMemory(os.Getenv)
		select {
		case <-time.After(assessPause):
		case <-ctx.Done():
			return
		}
	}
}

// apply runs the given configuration.
func (h *manager) apply(ctx context.Context, c configuration) error {
	// Before the sources start: what they show first has the right names already.
	before := h.inventory.Swap(c.inventory)
	began, err := h.applySources(ctx, c.sources)
	if err != nil && !began {
		h.inventory.Store(before)
	}
	h.note()
	return err
}

// setInventory takes another inventory, under the sources that run.
func (h *manager) setInventory(v *exporters.Inventory) {
	h.inventory.Store(v)
	h.note()
}

// applySources runs the given sources. Those whose configuration did not change go
// on undisturbed; the others are stopped and begin anew with what they knew.
// Before it began with that an error leaves all as it was.
func (h *manager) applySources(ctx context.Context, instances []instance) (began bool, err error) {
	h.mu.Lock()
	old := h.running
	h.mu.Unlock()
	keep := map[string]*runner{}
	for _, r := range old {
		keep[r.Name] = r
	}
	stay := map[*runner]bool{}
	for _, in := range instances {
		if r := keep[in.Name]; r != nil && r.text == in.text && r.engine == in.engine {
			stay[r] = true
		}
	}
	// A state that cannot be read is found before anything is stopped, so that
	// the old configuration really stays.
	for _, in := range instances {
		if r := keep[in.Name]; r == nil || !stay[r] {
			if _, err := h.poller(in); err != nil {
				return false, err
			}
		}
	}
	for _, r := range old {
		if !stay[r] {
			r.end()
		}
	}
	var next []*runner
	var failed error
	for _, in := range instances {
		if r := keep[in.Name]; r != nil && stay[r] {
			next = append(next, r)
			continue
		}
		// Anew: what was stopped has just saved what it knew.
		p, err := h.poller(in)
		if err != nil {
			failed = errors.Join(failed, err)
			continue // what was stopped must not look as if it were still read
		}
		next = append(next, start(ctx, in, p))
	}
	h.mu.Lock()
	h.running = next
	h.mu.Unlock()
	return true, failed
}

func (h *manager) poller(in instance) (*exporters.Poller, error) {
	p, err := exporters.NewPoller(h.options(in))
	if err != nil {
		return nil, fmt.Errorf("source %s: %w; move the file away to begin without remembered results", in.Name, err)
	}
	return p, nil
}

func (h *manager) options(in instance) exporters.PollerOptions {
	warning := true
	if in.WarningIsSuccess != nil {
		warning = *in.WarningIsSuccess
	}
	return exporters.PollerOptions{
		Name: in.Name, Engine: in.engine, Source: guarded{source: in.source, name: in.Name, logger: h.logger},
		Interval: time.Duration(in.PollInterval), Timeout: time.Duration(in.Timeout), CredentialEnds: in.CredentialEnds.End(time.UTC),
		WarningIsSuccess: warning, Machines: in.Machines, Classes: in.MachineClasses,
		StateFile: filepath.Join(h.stateDir, in.Name+".json"),
		Inventory: h.inventory.Load, Render: exposition.Render, Published: h.note,
		Now: h.now, Logger: h.logger,
	}
}

func start(ctx context.Context, in instance, p *exporters.Poller) *runner {
	ctx, cancel := context.WithCancel(ctx)
	r := &runner{instance: in, poller: p, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		p.Run(ctx)
	}()
	return r
}

func (r *runner) end() {
	r.stop()
	<-r.done
}

// close stops every poller and waits until each saved its state.
func (h *manager) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.running {
		r.stop()
	}
	for _, r := range h.running {
		<-r.done
	}
}
