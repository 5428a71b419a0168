package exposition

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"vigie/internal/atomicfile"
)

// textfileMode lets the exporter that collects the file read it.
const textfileMode = 0o644

// Textfile keeps a file for the textfile collector of node_exporter or
// windows_exporter, for hosts where no port may be opened.
type Textfile struct {
	path   string
	from   *Exposition
	wake   chan struct{}
	logger *slog.Logger
	errors prometheus.Counter
	failed bool
}

// NewTextfile checks the path; nothing is written before Run. The metrics
// that from adds of its own must be ones that the collecting exporter does not
// have itself. How often writing failed is counted in r.
func NewTextfile(path string, from *Exposition, r prometheus.Registerer, logger *slog.Logger) (*Textfile, error) {
	if !strings.HasSuffix(path, ".prom") {
		return nil, fmt.Errorf("%s: collectors read only files whose name ends in .prom; rename it", path)
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%w; make the folder that the collector reads", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", filepath.Dir(path))
	}
	return &Textfile{path: path, from: from, wake: make(chan struct{}, 1), logger: logger,
		errors: promauto.With(r).NewCounter(prometheus.CounterOpts{Name: "backup_exporter_textfile_write_errors_total",
			Help: "How often the file for the textfile collector could not be written."})}, nil
}

// Wake asks for the file to be written. It never blocks.
func (t *Textfile) Wake() {
	select {
	case t.wake <- struct{}{}:
	default: // a write that has not begun yet will take this in too
	}
}

// Run writes the file at each Wake until ctx ends. The file stays behind:
// backup_source_last_refresh_timestamp_seconds in it tells its age.
func (t *Textfile) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		err := t.Write()
		if err != nil {
			t.errors.Inc()
			if !t.failed {
				t.logger.Error("textfile not written, the old one stays", "err", err)
			}
		}
		t.failed = err != nil
	}
}

// Write replaces the file, so that a reader finds the old one or the new one.
func (t *Textfile) Write() error {
	own, err := t.from.ownText()
	if err != nil {
		return errors.New("the exporter's own metrics cannot be collected")
	}
	p := t.from.current(wholeExposition)
	return atomicfile.Replace(t.path, textfileMode, func(w io.Writer) error {
		if err := p.writeText(w); err != nil {
			return err
		}
		_, err := w.Write(own)
		return err
	})
}
