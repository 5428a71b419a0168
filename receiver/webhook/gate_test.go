package webhook_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/receiver"
	"vigie/receiver/webhook"
)

// crowd is many clients that deliver large groups to one writer, which takes each
// in two parts and serves whoever comes first.
type crowd struct {
	handler *webhook.Handler
	writer  chan struct{}
	part    time.Duration // of the writer's time

	mu                sync.Mutex
	kept, turnedAway  int
	longest, soonest  time.Duration // answer; refusal
	withoutRetryAfter int
}

func newCrowd(part time.Duration) *crowd {
	c := &crowd{writer: make(chan struct{}, 1), part: part, soonest: time.Hour}
	c.handler = webhook.New(webhook.Options{Receive: c.receive, Hurry: func() {}, Authorized: func(string) bool { return true },
		Registry: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now})
	return c
}

func (c *crowd) receive(ctx context.Context, _ receiver.Alerts) error {
	for range 2 {
		select {
		case c.writer <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		time.Sleep(c.part)
		<-c.writer
	}
	return nil
}

func (c *crowd) deliver(body string) *http.Response {
	begun, w := time.Now(), httptest.NewRecorder()
	c.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
	took, got := time.Since(begun), w.Result()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, took)
	if got.StatusCode == http.StatusOK {
		c.kept++
		return got
	}
	c.turnedAway, c.soonest = c.turnedAway+1, min(c.soonest, took)
	if n, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || n < 1 {
		c.withoutRetryAfter++
	}
	return got
}

// run lets clients deliver for a time; polite ones come again when they are told to.
func (c *crowd) run(clients int, polite bool, body string, lasts time.Duration) {
	var wg sync.WaitGroup
	until := time.Now().Add(lasts)
	for range clients {
		wg.Go(func() {
			for time.Now().Before(until) {
				got := c.deliver(body)
				if n, _ := strconv.Atoi(got.Header.Get("Retry-After")); polite {
					time.Sleep(time.Duration(n) * time.Second)
				}
			}
		})
	}
	wg.Wait()
}

func delivery(size int) string {
	return fmt.Sprintf(`{"alerts":[{"status":"firing","labels":{"alertname":"A"},"annotations":{"error":%q}}]}`, strings.Repeat("x", size))
}

// However much is asked for, as much is done as for one client, nobody waits for
// longer than Alertmanager does, and whoever is refused is told when to come again.
func TestOverload(t *testing.T) {
	for _, part := range []time.Duration{100 * time.Millisecond, time.Second} { // the second is a machine that is ten times slower
		for _, polite := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s polite=%t", part, polite), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const lasts = 40 * time.Second
					c := newCrowd(part)
					c.run(64, polite, delivery(900_000), lasts)
					if most := float64(lasts / (2 * part)); float64(c.kept) < 0.9*most {
						t.Errorf("%d deliveries kept, %.0f are possible", c.kept, most)
					}
					if c.longest > 9*time.Second {
						t.Errorf("an answer took %s", c.longest)
					}
					if c.turnedAway == 0 || c.soonest > time.Second || c.withoutRetryAfter > 0 {
						t.Errorf("%d refused, the first within %s, %d without Retry-After", c.turnedAway, c.soonest, c.withoutRetryAfter)
					}
				})
			})
		}
	}
}

// A delivery with nothing ahead of it is never refused, however slow the latest were.
func TestNothingAheadIsLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(4 * time.Second)
		c.run(1, false, delivery(10), 20*time.Second)
		c.part = time.Millisecond
		c.run(1, false, delivery(3<<20), 10*time.Millisecond) // larger than all room at work
		if c.turnedAway > 0 {
			t.Errorf("%d refused", c.turnedAway)
		}
	})
}

// Small deliveries, of which many share a commit, do not wait for each other, and
// none is refused because one alone takes long.
func TestSmallDeliveriesGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(0)
		c.handler = webhook.New(webhook.Options{Receive: func(context.Context, receiver.Alerts) error { time.Sleep(time.Second); return nil },
			Hurry: func() {}, Authorized: func(string) bool { return true }, Registry: prometheus.NewRegistry(),
			Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now})
		c.run(1, true, delivery(9_000), 5*time.Second) // one a second is what this seems to come to
		c.run(64, true, delivery(9_000), time.Second)
		if c.kept != 5+64 || c.longest > time.Second {
			t.Errorf("%d kept, the last after %s", c.kept, c.longest)
		}
	})
}
