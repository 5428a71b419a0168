package httpclient

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/exporters"
)

// However many parts are read side by side, the product bears no more than is
// configured.
func TestLoadIsCapped(t *testing.T) {
	var now, most atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond) // so that others would come in between
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{BaseURL: u, Concurrency: 3, RequestsPerSecond: 200, Now: time.Now})
	defer c.Close()
	begin := time.Now()
	var wg sync.WaitGroup
	const requests = 260
	for range requests {
		wg.Go(func() {
			if err := c.GetJSON(t.Context(), "x", "/", nil, nil, new(struct{})); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := most.Load(); got != 3 {
		t.Errorf("%d requests at once, want 3", got)
	}
	// 200 may go at once, the rest at 200 a second.
	if took := time.Since(begin); took < 290*time.Millisecond {
		t.Errorf("%d requests took %v", requests, took)
	}
}

// What waits for the rate gives up with its refresh.
func TestWaitingForTheRateEnds(t *testing.T) {
	u, err := url.Parse("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{BaseURL: u, RequestsPerSecond: 0.001, Retries: -1, Now: time.Now})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for i := range 2 {
		err = c.GetJSON(ctx, "x", "/", nil, nil, new(struct{}))
		if want := map[int]exporters.Reason{0: exporters.ReasonUnreachable, 1: exporters.ReasonTimeout}[i]; exporters.ReasonOf(err) != want {
			t.Errorf("request %d: %v, want %s", i, err, want)
		}
	}
}
