// Package sourcetest is what the tests of the sources share: a poller on a
// source with a hand-driven clock, and checks of what it shows. Only tests
// import it.
package sourcetest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/exposition"
	"vigie/exporters/httpclient"
)

// Clock is a hand-driven clock, safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock builds a clock that stands at t.
func NewClock(t time.Time) *Clock { return &Clock{t: t} }

// Now gives what the clock shows.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

// Advance puts the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Check ends the test on an error.
func Check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Bench is a poller on one source. The tests of a source embed it beside the
// simulated product.
type Bench struct {
	T      *testing.T
	Clock  *Clock
	State  string       // the file that outlives a restart
	Log    bytes.Buffer // of all pollers
	Server *httptest.Server
	Poller *exporters.Poller
}

// New builds a bench whose clock shows now.
func New(t *testing.T, now time.Time) *Bench {
	t.Helper()
	return &Bench{T: t, Clock: NewClock(now), State: filepath.Join(t.TempDir(), "state.json")}
}

// Serve lets a simulated product answer until the test ends.
func (b *Bench) Serve(product http.Handler) {
	b.Server = httptest.NewServer(product)
	b.T.Cleanup(b.Server.Close)
}

// Address is that of the product, with no limit that a test would feel.
func (b *Bench) Address() httpclient.Address {
	b.T.Helper()
	u, err := url.Parse(b.Server.URL)
	Check(b.T, err)
	return httpclient.Address{Target: httpclient.Target{URL: exporters.URL{URL: u}}, RequestsPerSecond: 100_000}
}

// SecretFile writes a secret as people do, with an end of line.
func SecretFile(t testing.TB, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	Check(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	return file
}

// SourceOptions give a source the clock, and no sleep.
func (b *Bench) SourceOptions() exporters.SourceOptions {
	return exporters.SourceOptions{Now: b.Clock.Now, UserAgent: "backup_exporter/test", Sleep: func(context.Context, time.Duration) error { return nil }}
}

// Options say how a source is polled.
type Options struct {
	Name, Engine string
	Source       exporters.Source
	Timeout      time.Duration // 10 s unless set
	Machines     map[string]string
}

// Poll puts a poller on the source, with what State holds, as a new process
// would.
func (b *Bench) Poll(o Options) {
	b.T.Helper()
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	var err error
	b.Poller, err = exporters.NewPoller(exporters.PollerOptions{Name: o.Name, Engine: o.Engine, Source: o.Source, Interval: time.Minute, Timeout: o.Timeout,
		WarningIsSuccess: true, StateFile: b.State, Render: exposition.Render, Now: b.Clock.Now, Logger: slog.New(slog.NewTextHandler(&b.Log, nil)), Machines: o.Machines})
	Check(b.T, err)
}

// Refresh reads the product, which has to go well.
func (b *Bench) Refresh() { b.T.Helper(); Check(b.T, b.Poller.Refresh(b.T.Context())) }

// Fails refreshes and gives the error.
func (b *Bench) Fails() error {
	b.T.Helper()
	err := b.Poller.Refresh(b.T.Context())
	if err == nil {
		b.T.Fatal("the refresh did not fail")
	}
	return err
}

// Find gives the first job that matches, or nil.
func (b *Bench) Find(match func(j *exporters.Job) bool) *exporters.Job {
	for _, j := range b.Poller.View().Jobs {
		if match(j) {
			return j
		}
	}
	return nil
}

// Has tells whether a machine has a job.
func (b *Bench) Has(machine string) bool {
	return b.Find(func(j *exporters.Job) bool { return j.Machine == machine }) != nil
}

// Job gives the first job of a machine.
func (b *Bench) Job(machine string) exporters.Job {
	b.T.Helper()
	j := b.Find(func(j *exporters.Job) bool { return j.Machine == machine })
	if j == nil {
		b.T.Fatalf("no job of %s in %+v", machine, b.Poller.View().Jobs)
	}
	return *j
}

// Metrics gives what a scrape reads.
func (b *Bench) Metrics() string { return Metrics(b.Poller) }

// Results gives what the interface for results tells.
func (b *Bench) Results() string {
	return body(exporters.ResultsHandler(views(b.Poller)), "/api/v1/results")
}

// Golden compares what a scrape reads with a file in testdata and with the
// conventions for metrics.
func (b *Bench) Golden(name string) { b.T.Helper(); GoldenMetrics(b.T, name, b.Metrics()) }
