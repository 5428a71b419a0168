package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"vigie/exporters"
)

// hub runs the pollers of the current configuration.
type hub struct {
	stateDir string
	now      func() time.Time
	logger   *slog.Logger
	// published is called after each refresh of a source.
	published func()

	mu      sync.Mutex
	running []*runner // in the order of the configuration
}

type runner struct {
	instance
	poller *exporters.Poller
	stop   context.CancelFunc
	done   chan struct{}
}

// views gives what every source currently stands for.
func (h *hub) views() []*exporters.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*exporters.View, len(h.running))
	for i, r := range h.running {
		out[i] = r.poller.View()
	}
	return out
}

// apply runs the given sources. Those whose configuration did not change go
// on undisturbed; the others are stopped and begin anew with what they knew.
func (h *hub) apply(ctx context.Context, instances []instance) error {
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
	for _, r := range old {
		if !stay[r] {
			r.end()
		}
	}
	var next []*runner
	var started []*runner
	for _, in := range instances {
		if r := keep[in.Name]; r != nil && stay[r] {
			next = append(next, r)
			continue
		}
		p, err := exporters.NewPoller(h.options(in))
		if err != nil {
			for _, r := range started {
				r.end()
			}
			return fmt.Errorf("source %s: %w; move the file away to begin without remembered results", in.Name, err)
		}
		r := start(ctx, in, p)
		started = append(started, r)
		next = append(next, r)
	}
	h.mu.Lock()
	h.running = next
	h.mu.Unlock()
	return nil
}

func (h *hub) options(in instance) exporters.PollerOptions {
	warning := true
	if in.WarningIsSuccess != nil {
		warning = *in.WarningIsSuccess
	}
	return exporters.PollerOptions{
		Name: in.Name, Engine: in.engine, Source: in.source,
		Interval: time.Duration(in.PollInterval), Timeout: time.Duration(in.Timeout),
		WarningIsSuccess: warning, Machines: in.Machines, Classes: in.MachineClasses,
		StateFile: filepath.Join(h.stateDir, in.Name+".json"),
		Published: h.published, Now: h.now, Logger: h.logger,
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
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.running {
		r.stop()
	}
	for _, r := range h.running {
		<-r.done
	}
}
