package exporters_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "vigie/exporters"
	"vigie/exporters/exposition"
	"vigie/exporters/httpclient"
	"vigie/exporters/misbehave"
)

// vendor is a product's interface with a paged list of jobs, and the source that
// reads it.
type vendor struct {
	*httptest.Server
	orders misbehave.Orders
	jobs   int
	skew   time.Duration

	client  *httpclient.Client
	reading atomic.Int32
	overlap atomic.Int32
}

const vendorPage = 500

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	order := v.orders.Take("jobs")
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	if order.Fault == misbehave.ExpireTokens {
		http.Error(w, "{}", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Date", time.Now().Add(v.skew).UTC().Format(http.TimeFormat))
	page := struct {
		Next  int      `json:"next"`
		Items []string `json:"items"`
	}{Next: from + vendorPage}
	for n := from; n < min(from+vendorPage, v.jobs); n++ {
		page.Items = append(page.Items, fmt.Sprintf("job-%05d", n))
	}
	switch order.Fault {
	case misbehave.RepeatCursor:
		page.Next = from
	case misbehave.HalfPage:
		page.Items = page.Items[:len(page.Items)/2]
	}
	body, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	misbehave.Write(w, r, order, http.StatusOK, body)
}

// Fetch reads all pages or fails.
func (v *vendor) Fetch(ctx context.Context) (Snapshot, error) {
	if v.reading.Add(1) > 1 {
		v.overlap.Add(1)
	}
	defer v.reading.Add(-1)
	var s Snapshot
	for from := 0; from < v.jobs; {
		var page struct {
			Next  int      `json:"next"`
			Items []string `json:"items"`
		}
		if err := v.client.GetJSON(ctx, "jobs", "/jobs", url.Values{"from": {strconv.Itoa(from)}}, nil, &page); err != nil {
			return Snapshot{}, err
		}
		if page.Next <= from || len(page.Items) < min(vendorPage, v.jobs-from) {
			return Snapshot{}, &SourceError{Endpoint: "jobs", Reason: ReasonIncomplete, Err: errors.New("the list does not go on")}
		}
		for _, id := range page.Items {
			s.Jobs = append(s.Jobs, Job{Customer: "dupont", ID: id, Machine: id, Class: Server, Role: Primary, Engine: "test", Plan: "daily", Enabled: true})
		}
		from = page.Next
	}
	s.ClockSkew = v.client.ClockSkew()
	return s, nil
}

// K16: whatever the product does, a scrape is answered from what is known, at
// once; the source says that it is down and since when; no job disappears, and no
// two collections overlap.
func TestFaultScrapeWhileTheProductMisbehaves(t *testing.T) {
	v := &vendor{jobs: 2000, skew: -7 * time.Minute}
	v.Server = httptest.NewServer(v)
	defer v.Close()
	base, err := url.Parse(v.URL)
	if err != nil {
		t.Fatal(err)
	}
	v.client = httpclient.New(httpclient.Options{BaseURL: base, UserAgent: "test", Now: time.Now, RequestsPerSecond: 10_000, Retries: -1,
		Authorize: func(context.Context, http.Header, bool) error { return nil }})
	defer v.client.Close()
	p, err := NewPoller(PollerOptions{Name: "s", Engine: "test", Source: v, Interval: 20 * time.Millisecond, Timeout: 400 * time.Millisecond,
		Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { p.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	until := func(what string, is func(*View) bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !is(p.View()); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not within 20 s: %s (%s)", what, p.View().Problem)
			}
		}
	}
	site := httptest.NewServer(exposition.New(exposition.Options{Sources: func() []*View { return []*View{p.View()} }}))
	defer site.Close()
	var took []time.Duration
	scrape := func() string {
		begun := time.Now()
		resp, err := http.Get(site.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begun))
		return string(text)
	}
	until("the first collection", func(v *View) bool { return v.Up })
	if skew := p.View().ClockSkew; skew == nil || *skew > -6*time.Minute {
		t.Errorf("a product's clock that is 7 minutes slow: %v", skew)
	}
	faults := []struct {
		name   string
		order  misbehave.Order
		reason Reason
	}{
		{"slow", misbehave.Order{Fault: misbehave.SlowBody, Delay: time.Hour}, ReasonTimeout},
		{"429", misbehave.Order{Fault: misbehave.TooManyRequests, RetryAfter: time.Minute}, ReasonThrottled},
		{"500", misbehave.Order{Fault: misbehave.ServerError}, ReasonServer},
		{"403", misbehave.Order{Fault: misbehave.Forbidden}, ReasonForbidden},
		{"expired token", misbehave.Order{Fault: misbehave.ExpireTokens}, ReasonAuth},
		{"garbage", misbehave.Order{Fault: misbehave.TruncatedJSON}, ReasonMalformed},
		{"HTML", misbehave.Order{Fault: misbehave.HTML}, ReasonMalformed},
		{"half a page", misbehave.Order{Fault: misbehave.HalfPage, Skip: 1}, ReasonIncomplete},
		{"a cursor in a circle", misbehave.Order{Fault: misbehave.RepeatCursor, Skip: 1}, ReasonIncomplete},
	}
	for _, f := range faults {
		had := p.View().Errors[f.reason]
		f.order.Times = -1
		v.orders.Add(f.order)
		var text string
		until(f.name, func(view *View) bool {
			text = scrape()
			return !view.Up && view.Errors[f.reason] > had
		})
		text = scrape()
		if !strings.Contains(text, `backup_source_up{source="s"} 0`) || !strings.Contains(text, fmt.Sprintf(`backup_source_errors_total{source="s",reason="%s"}`, f.reason)) {
			t.Errorf("%s: the source does not say that it is down and why", f.name)
		}
		if n := strings.Count(text, "\nbackup_job_info{"); n != v.jobs {
			t.Errorf("%s: %d jobs are shown, want %d", f.name, n, v.jobs)
		}
		if age := time.Since(p.View().LastRefresh); age <= 0 {
			t.Errorf("%s: the last complete collection is in the future", f.name)
		}
		v.orders.Clear()
		until("well after "+f.name, func(view *View) bool { return view.Up })
	}
	slices.Sort(took)
	// The median: a machine that is busy otherwise may hold up any one of them.
	if median := took[len(took)/2]; median > time.Second {
		t.Errorf("half of the scrapes took %s or more", median)
	}
	if n := v.overlap.Load(); n != 0 {
		t.Errorf("%d collections overlapped", n)
	}
	t.Logf("figure: %d faults of a product with %d jobs: %d scrapes, the slowest %d ms, all jobs in each, 0 collections overlapped",
		len(faults), v.jobs, len(took), took[len(took)-1].Milliseconds())
}
