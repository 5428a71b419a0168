package exposition

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	. "vigie/exporters"
)

func at(minute int) time.Time { return time.Date(2026, 3, 9, 22, minute, 0, 0, time.UTC) }

// fetch is a source made of a function.
type fetch func(context.Context) (Snapshot, error)

func (f fetch) Fetch(ctx context.Context) (Snapshot, error) { return f(ctx) }

func newPoller(t *testing.T, o PollerOptions) *Poller {
	t.Helper()
	o.Name, o.Engine, o.Timeout, o.Logger = cmp.Or(o.Name, "s"), "test", time.Minute, slog.New(slog.DiscardHandler)
	o.Now, o.Render = func() time.Time { return at(30) }, Render
	p, err := NewPoller(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func snapshotOf(jobs ...Job) fetch {
	return func(context.Context) (Snapshot, error) { return Snapshot{Jobs: slices.Clone(jobs)}, nil }
}

func refresh(t *testing.T, p *Poller) {
	t.Helper()
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// scraped gives the answer to one scrape, unpacked.
func scraped(t *testing.T, h http.Handler, query string, packed bool) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics"+query, nil)
	if packed {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", query, w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Length"); got != fmt.Sprint(w.Body.Len()) {
		t.Errorf("%s: %d bytes, announced %s", query, w.Body.Len(), got)
	}
	if !packed {
		return w.Body.String()
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z) // checks the sum
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fleet is what a source with so many customers says.
func fleet(customers int) Snapshot {
	var s Snapshot
	for i := range customers {
		c := fmt.Sprintf("customer-%d", i)
		for n := range 1 + i%3 {
			s.Jobs = append(s.Jobs, Job{ID: fmt.Sprint("j", n), Customer: c, Machine: fmt.Sprint("M", n), Runs: []Run{{ID: "1", End: at(1), Result: Success}}})
		}
		s.Agents = append(s.Agents, Agent{Customer: c, Machine: "M0", Online: true})
		s.Quotas = append(s.Quotas, Quota{Customer: c, Item: "storage", Unit: "bytes", Used: 1})
		s.Licenses = append(s.Licenses, License{Customer: c, Item: "trial", Expiry: at(59)})
		s.Repositories = append(s.Repositories, Repository{Customer: c, Name: "r", CapacityBytes: 2, FreeBytes: 1})
	}
	return s
}

// Every series is in exactly one shard, and the shards together are the whole.
func TestShardsAreThePartsOfTheWhole(t *testing.T) {
	few, many := fleet(5), fleet(300)
	a := newPoller(t, PollerOptions{Name: "a", Source: fetch(func(context.Context) (Snapshot, error) { return few, nil })})
	b := newPoller(t, PollerOptions{Name: "b", Source: fetch(func(context.Context) (Snapshot, error) { return many, nil })})
	refresh(t, a)
	refresh(t, b)
	own := prometheus.NewRegistry()
	own.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "own_total", Help: "h"}))
	e := New(Options{Sources: func() []*View { return []*View{a.View(), b.View()} }, Own: own})
	samples := func(text string) []string {
		var out []string
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "#") {
				out = append(out, line)
			}
		}
		return out
	}
	whole := samples(scraped(t, e, "", false))
	slices.Sort(whole)
	for _, n := range []int{1, 2, 3, 16, 64} {
		var all []string
		ups := 0
		for i := range n {
			query := fmt.Sprintf("?shard=%d/%d", i, n)
			text := scraped(t, e, query, i%2 == 0)
			parser := expfmt.NewTextParser(model.UTF8Validation)
			if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			if share := len(samples(text)); n == 16 && share > len(whole)/4 {
				t.Errorf("%s has %d of %d samples", query, share, len(whole))
			}
			for _, s := range samples(text) {
				if strings.HasPrefix(s, "backup_source_up{") && n > 1 {
					if !strings.Contains(s, fmt.Sprintf(`,shard="%d/%d"} 1`, i, n)) {
						t.Errorf("%s: %s", query, s)
					}
					ups++
					continue
				}
				all = append(all, s)
			}
		}
		if n > 1 {
			if ups != 2*n {
				t.Errorf("%d of %d shards tell of both sources", ups, n)
			}
			all = append(all, "backup_source_up{source=\"a\"} 1\n", "backup_source_up{source=\"b\"} 1\n")
		}
		slices.Sort(all)
		if !slices.Equal(all, whole) {
			t.Errorf("%d shards: %d samples together, %d in the whole", n, len(all), len(whole))
		}
	}
	for query, want := range map[string]string{"?shard=": "0 <= i < n <= 64", "?shard=3": "?shard=0/4", "?shard=4/4": "0 <= i", "?shard=-1/4": "0 <= i", "?shard=0/65": "<= 64", "?shard=0/0": "0 <= i",
		"?shard=01/4": "0 <= i", "?shard=1/4/": "0 <= i", "?shard=1/4&shard=2/4": "stands twice"} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics"+query, nil))
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

// A customer must not move to another shard when the exporter is replaced.
func TestBucketsNeverChange(t *testing.T) {
	for customer, want := range map[string]int{"dupont": 43, "garage-martin": 45, "leroy": 62, "": 1} {
		if got := bucketOf(customer); got != want {
			t.Errorf("%q is in bucket %d, was in %d", customer, got, want)
		}
	}
	var filled [buckets]int
	for i := range 6400 {
		filled[bucketOf(fmt.Sprint("customer-", i))]++
	}
	for b, n := range filled {
		if n < 50 || n > 150 {
			t.Errorf("bucket %d has %d of 6400 customers, 100 are its share", b, n)
		}
	}
}

func TestGzipIsOneValidMember(t *testing.T) {
	jobs := make([]Job, 500)
	for i := range jobs {
		jobs[i] = Job{ID: strings.Repeat("x", i%50+1) + string(rune('a'+i%26)), Customer: Slug(strings.Repeat("y", i/50+1)), Runs: []Run{{End: at(1), Result: Success}}}
	}
	a := newPoller(t, PollerOptions{Name: "a", Source: snapshotOf(jobs...)})
	b := newPoller(t, PollerOptions{Name: "b", Source: snapshotOf(jobs...)})
	refresh(t, a)
	own := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "own_total", Help: "h"})
	own.MustRegister(c)
	e := New(Options{Sources: func() []*View { return []*View{a.View(), b.View()} }, Own: own})
	get := func(coding string) (string, http.Header) {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept-Encoding", coding)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w.Body.String(), w.Header()
	}
	for range 2 {
		plain, _ := get("identity, gzip;q=0")
		packed, h := get("gzip")
		z, err := gzip.NewReader(strings.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		text, err := io.ReadAll(z)
		if err != nil || string(text) != plain || h.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%v; %d and %d bytes", err, len(text), len(plain))
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		if _, err := parser.TextToMetricFamilies(strings.NewReader(plain)); err != nil {
			t.Fatal(err)
		}
		if strings.Count(plain, "# TYPE backup_source_up ") != 1 || !strings.Contains(plain, "own_total 0") {
			t.Error("families of two sources do not stand together")
		}
		refresh(t, b) // the next round shows it
	}
	r := httptest.NewRecorder()
	e.ServeHTTP(r, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if r.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", r.Code)
	}
}

// What did not change is not rendered and compressed again.
func TestUnchangedTextIsKept(t *testing.T) {
	s := fleet(200)
	p := newPoller(t, PollerOptions{Source: fetch(func(context.Context) (Snapshot, error) { return s, nil })})
	refresh(t, p)
	before := p.View().Rendered.(*page)
	s.Jobs = slices.Clone(s.Jobs)
	s.Jobs[0].Runs = []Run{{ID: "2", End: at(2), Result: Failed}}
	refresh(t, p)
	after := p.View().Rendered.(*page)
	renewed := 0
	for i := range after.cells {
		for k, seg := range after.cells[i].segments {
			if !seg.empty() && &seg.deflate()[0] != &before.cells[i].segments[k].deflate()[0] {
				renewed++
			}
		}
	}
	// The last run, its result and the count of failures of one cell.
	if renewed != 3 {
		t.Errorf("%d texts were made anew, 3 changed", renewed)
	}
	e := New(Options{Sources: func() []*View { return []*View{p.View()} }})
	if text := scraped(t, e, "", false); !strings.Contains(text, `backup_job_last_result{source="s",customer="customer-0",job_id="j0"} 3`) {
		t.Error("the change is not shown")
	}
}

// A part that was read before is not one that was read at the last refresh, which
// failed; what it told then stays.
func TestPartsOfASourceThatIsNotRead(t *testing.T) {
	var down error
	p := newPoller(t, PollerOptions{Source: fetch(func(context.Context) (Snapshot, error) {
		return Snapshot{Endpoints: []Endpoint{{Name: "jobs", Items: 3}, {Name: "names", Err: errors.New("forbidden")}}}, down
	})})
	e := New(Options{Sources: func() []*View { return []*View{p.View()} }})
	for _, want := range []string{"1", "0", "1"} {
		if down = nil; want == "0" {
			down = errors.New("jobs: HTTP 503")
		}
		if err := p.Refresh(t.Context()); !errors.Is(err, down) {
			t.Fatal(err)
		}
		text := scraped(t, e, "", false)
		for _, line := range []string{`up{source="s",endpoint="jobs"} ` + want, `up{source="s",endpoint="names"} 0`} {
			if !strings.Contains(text, "backup_source_endpoint_"+line) {
				t.Errorf("after %v: no %s", down, line)
			}
		}
		if !strings.Contains(text, `backup_source_items{source="s",endpoint="jobs"} 3`) {
			t.Errorf("after %v: what was read is forgotten", down)
		}
	}
}

// Of a large fleet only the cells of what changed are rendered, whether it is
// one customer's or thousands', and each series stands once.
func TestFewCellsFollowFewChanges(t *testing.T) {
	for name, customers := range map[string]int{"one customer": 1, "thousands": 4000} {
		var s Snapshot
		for i := range 8000 {
			s.Jobs = append(s.Jobs, Job{ID: fmt.Sprint("j", i), Customer: fmt.Sprint("c", i%customers), Machine: fmt.Sprint("M", i), Runs: []Run{{ID: "1", End: at(1), Result: Success}}})
		}
		p := newPoller(t, PollerOptions{Source: fetch(func(context.Context) (Snapshot, error) { return s, nil })})
		refresh(t, p)
		before := p.View().Rendered.(*page)
		s = Snapshot{Incremental: true, Jobs: []Job{s.Jobs[17]}}
		s.Jobs[0].Runs = []Run{{ID: "2", End: at(2), Result: Failed}}
		refresh(t, p)
		after := p.View().Rendered.(*page)
		renewed := 0
		for i := range after.cells {
			if &after.cells[i].segments[0] != &before.cells[i].segments[0] {
				renewed++
			}
		}
		if renewed != 1 || len(after.cells) < 8000/jobsPerCell/2 {
			t.Errorf("%s: %d of %d cells were rendered, one changed", name, renewed, len(after.cells))
		}
		e := New(Options{Sources: func() []*View { return []*View{p.View()} }})
		text := scraped(t, e, "", false)
		if n := strings.Count(text, "\nbackup_job_info{"); n != 8000 {
			t.Errorf("%s: %d jobs", name, n)
		}
		if n := strings.Count(text, "\nbackup_job_consecutive_failures{") - strings.Count(text, "} 0\nbackup_job_consecutive_failures"); n == 8000 {
			t.Errorf("%s: the failure is not counted", name)
		}
		if scraped(t, e, "", true) != text {
			t.Errorf("%s: gzip and plain text differ", name)
		}
	}
}

func TestJoinedSums(t *testing.T) {
	join := newJoiner().join
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		text := make([]byte, rnd.IntN(5000))
		for i := range text {
			text[i] = byte(rnd.Uint32())
		}
		cut := 0
		if len(text) > 0 {
			cut = rnd.IntN(len(text) + 1)
		}
		if got, want := join(crc32.ChecksumIEEE(text[:cut]), crc32.ChecksumIEEE(text[cut:]), len(text)-cut), crc32.ChecksumIEEE(text); got != want {
			t.Fatalf("%d and %d bytes: %08x, want %08x", cut, len(text)-cut, got, want)
		}
	}
	if got := join(7, 0, 0); got != 7 {
		t.Errorf("nothing added gives %d", got)
	}
}

// Veeam tells of a bucket that its capacity and its free space are 0: neither is known.
func TestBucketWithoutALimitIsNotFull(t *testing.T) {
	s := fleet(1)
	s.Repositories = append(s.Repositories, Repository{Customer: "c0", Name: "bucket"}, Repository{Customer: "c0", Name: "full", CapacityBytes: 2})
	p := newPoller(t, PollerOptions{Source: fetch(func(context.Context) (Snapshot, error) { return s, nil })})
	refresh(t, p)
	m := scraped(t, New(Options{Sources: func() []*View { return []*View{p.View()} }}), "", false)
	if strings.Contains(m, `repository="bucket"`) {
		t.Error("of a bucket more is told than is known")
	}
	if !strings.Contains(m, `repository="full"} 0`) {
		t.Error("nothing is told of a repository that is full")
	}
}
