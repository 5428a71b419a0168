package exporters

import (
	"compress/gzip"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

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
	e := NewExposition(func() []*View { return []*View{a.View(), b.View()} }, own)
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

// What did not change is not rendered and compressed again.
func TestUnchangedTextIsKept(t *testing.T) {
	s := fleet(200)
	p := newPoller(t, PollerOptions{Source: fetch(func(context.Context) (Snapshot, error) { return s, nil })})
	refresh(t, p)
	before := p.View()
	s.Jobs = slices.Clone(s.Jobs)
	s.Jobs[0].Runs = []Run{{ID: "2", End: at(2), Result: Failed}}
	refresh(t, p)
	after := p.View()
	renewed := 0
	for i := range after.cells {
		for k, seg := range after.cells[i].segments {
			if len(seg.text) > 0 && &seg.text[0] != &before.cells[i].segments[k].text[0] {
				renewed++
			}
		}
	}
	// The last run, its result and the count of failures of one cell.
	if renewed != 3 {
		t.Errorf("%d texts were made anew, 3 changed", renewed)
	}
	if text := exposed(after); !strings.Contains(text, `backup_job_last_result{source="s",customer="customer-0",job_id="j0"} 3`) {
		t.Error("the change is not shown")
	}
}

func TestCRCJoin(t *testing.T) {
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
		if got, want := crcJoin(crc32.ChecksumIEEE(text[:cut]), crc32.ChecksumIEEE(text[cut:]), len(text)-cut), crc32.ChecksumIEEE(text); got != want {
			t.Fatalf("%d and %d bytes: %08x, want %08x", cut, len(text)-cut, got, want)
		}
	}
	if got := crcJoin(7, 0, 0); got != 7 {
		t.Errorf("nothing added gives %d", got)
	}
}
