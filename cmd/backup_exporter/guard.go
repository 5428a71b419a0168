package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"

	"vigie/exporters"
)

// guarded keeps a fault of ours in one source from ending the others: a panic
// becomes a failed refresh, and what was known stays.
type guarded struct {
	source exporters.Source
	name   string
	logger *slog.Logger
}

// Fetch implements exporters.Source.
func (g guarded) Fetch(ctx context.Context) (s exporters.Snapshot, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The value may quote what the product sent; the trace holds addresses only.
			g.logger.Error("a source panicked", "source", g.name, "kind", fmt.Sprintf("%T", p), "trace", string(debug.Stack()))
			s, err = exporters.Snapshot{}, &exporters.SourceError{Endpoint: "source", Reason: exporters.ReasonOther,
				Err: fmt.Errorf("the exporter itself is at fault (%T), see its log", p)}
		}
	}()
	return g.source.Fetch(ctx)
}

// Remember implements exporters.Rememberer.
func (g guarded) Remember(jobs []exporters.Job) {
	if r, ok := g.source.(exporters.Rememberer); ok {
		r.Remember(jobs)
	}
}

// Close implements io.Closer.
func (g guarded) Close() error {
	if c, ok := g.source.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
