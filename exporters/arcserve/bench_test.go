package arcserve

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vigie/exporters"
)

var update = flag.Bool("update", false, "write the golden files anew")

const password = "p4ssw0rd-of-the-console"

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bench polls one way to read.
type bench struct {
	t      *testing.T
	clock  *clock
	source *Source
	poller *exporters.Poller
	state  string
	log    bytes.Buffer
}

func newBench(t *testing.T) bench {
	return bench{t: t, clock: &clock{t: time.Date(2026, 3, 9, 6, 0, 0, 0, time.UTC)}, state: filepath.Join(t.TempDir(), "state.json")}
}

func noSleep(context.Context, time.Duration) error { return nil }

func (b *bench) options() exporters.SourceOptions {
	return exporters.SourceOptions{Now: b.clock.Now, UserAgent: "backup_exporter/test", Sleep: noSleep}
}

func (b *bench) poll(w way) {
	b.t.Helper()
	b.source = &Source{way: w, now: b.clock.Now}
	var err error
	b.poller, err = exporters.NewPoller(exporters.PollerOptions{Name: "udp-dupont", Engine: Engine, Source: b.source, Interval: time.Minute, Timeout: 10 * time.Second,
		WarningIsSuccess: true, StateFile: b.state, Now: b.clock.Now, Logger: slog.New(slog.NewTextHandler(&b.log, nil))})
	check(b.t, err)
}

func (b *bench) refresh() { b.t.Helper(); check(b.t, b.poller.Refresh(b.t.Context())) }

// fails refreshes and gives the error.
func (b *bench) fails() error {
	b.t.Helper()
	err := b.poller.Refresh(b.t.Context())
	if err == nil {
		b.t.Fatal("the refresh did not fail")
	}
	return err
}

func (b *bench) job(machine string) exporters.Job {
	b.t.Helper()
	for _, j := range b.poller.View().Jobs {
		if j.Machine == machine {
			return j
		}
	}
	b.t.Fatalf("no job of %s in %+v", machine, b.poller.View().Jobs)
	return exporters.Job{}
}

func (b *bench) metrics() string {
	w := httptest.NewRecorder()
	exporters.NewExposition(func() []*exporters.View { return []*exporters.View{b.poller.View()} }, nil).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// unknown gives the count of a field of values that are not known.
func (b *bench) unknown(field string) int { return b.poller.View().UnknownValues[field] }

func (b *bench) golden(name string) {
	b.t.Helper()
	got := b.metrics()
	file := filepath.Join("testdata", name)
	if *update {
		check(b.t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	check(b.t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		b.t.Errorf("run with -update and look at the change (-want +got):\n%s", d)
	}
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	check(b.t, err)
	for _, p := range problems {
		b.t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func secretFile(t testing.TB) string {
	file := filepath.Join(t.TempDir(), "password")
	check(t, os.WriteFile(file, []byte(password+"\n"), 0o600))
	return file
}
