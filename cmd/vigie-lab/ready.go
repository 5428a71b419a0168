package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// readyWithin bounds the start of everything.
const readyWithin = time.Minute

// Ready waits until every program says that it is ready, Prometheus has found
// Alertmanager, and the first results of all products have passed the rules.
func (l *Lab) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	p := l.Files.Ports
	jobs := 0
	for _, m := range l.Fleet.Machines() {
		for _, b := range m.backups() {
			if b.Condition != Gone {
				jobs++
			}
		}
	}
	healthy := func(port *Port, path string) func(context.Context) error {
		return func(ctx context.Context) error { return l.ask.get(ctx, port.URL("http"), path, nil, "", nil) }
	}
	type step struct {
		what string
		test func(context.Context) error
	}
	var receivers []step
	for _, r := range l.Files.Receivers {
		receivers = append(receivers, step{r.Name, healthy(r.Port, "/-/ready")})
	}
	if len(receivers) > 1 {
		receivers = append(receivers, step{"one of the receivers to turn the loops", l.led})
	}
	for _, step := range slices.Concat(receivers, []step{
		{"backup_exporter", healthy(p.Exporter, "/-/healthy")},
		{"Vigie", healthy(p.Vigie, "/-/ready")},
		{"Alertmanager", healthy(p.Alertmanager, "/-/ready")},
		{"Prometheus", healthy(p.Prometheus, "/-/ready")},
		{"Prometheus finding Alertmanager", l.ask.discovered},
		{"Grafana", func(ctx context.Context) error {
			if p.Grafana == nil {
				return nil
			}
			return healthy(p.Grafana, "/api/health")(ctx)
		}},
		{"the backups that are really run", func(context.Context) error { return l.begin() }},
		{"the results of all products", func(ctx context.Context) error {
			got, err := l.ask.value(ctx, "count(backup_job:info:listed and on (source) source:backup_source_up:whole)")
			if err == nil && int(got) < jobs {
				err = fmt.Errorf("%v of %d jobs", got, jobs)
			}
			return err
		}},
	}) {
		if err := l.until(ctx, 200*time.Millisecond, step.test); err != nil {
			return fmt.Errorf("waiting for %s: %w", step.what, err)
		}
	}
	return nil
}

// led tells whether one of several receivers turns the loops.
func (l *Lab) led(context.Context) error {
	if l.receivers.leader() == "" {
		return errors.New("none says so")
	}
	return nil
}

// begin lets the late products run, once.
func (l *Lab) begin() error {
	l.once.Do(func() { l.begun = l.Fleet.Begin() })
	return l.begun
}

// until repeats a test until it passes. It gives up when ctx ends or a program
// dies, with the last thing that was wrong.
func (l *Lab) until(ctx context.Context, every time.Duration, test func(context.Context) error) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		err := test(ctx)
		if err == nil {
			return nil
		}
		select {
		case died := <-l.Died():
			return died
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		case <-t.C:
		}
	}
}
