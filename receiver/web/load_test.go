package web_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"vigie/receiver"
	"vigie/rules/model"
)

// opened lets n machines fail, a few hundred at a time.
func (d *desk) opened(n int) {
	d.t.Helper()
	for from := 0; from < n; from += 250 {
		var fired []model.Signal
		for i := from; i < min(n, from+250); i++ {
			fired = append(fired, failing(i, d.now()))
		}
		if err := d.engine.Receive(d.t.Context(), receiver.Alerts{Fired: fired}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// failing is the alert of a server by its number.
func failing(i int, now time.Time) model.Signal {
	l := model.Labels{"alertname": "BackupFailed", "customer": "dupont", "machine": fmt.Sprintf("SRV-%05d", i), "machine_class": "server", "backup_role": "primary",
		"engine": "acronis", "plan": "daily", "kind": "failed", "severity": "warning", "source": "acronis-eu2", "job_id": fmt.Sprint("j", i)}
	return model.Signal{Kind: model.BackupAlert, Fingerprint: fmt.Sprintf("%016x", i), Labels: l, StartsAt: now.Add(-3 * time.Hour),
		Annotations: map[string]string{"error": "Cannot write to the vault: the disk is full (0x0154)"}}
}

// Ten thousand rows: the list stays a page, is searched and leafed through.
func TestManyRows(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand incidents take too long for the short tests")
	}
	d := newDesk(t, "synomega", "")
	d.opened(10_000)
	b := d.browser("sup")
	code, text := b.get("/today")
	must(t, code, text, "10000 incidents ouverts", "page 1 sur 200")
	if len(text) > 200_000 {
		t.Errorf("the page has %d bytes", len(text))
	}
	code, text = b.get("/today?page=200")
	must(t, code, text, "page 200 sur 200")
	code, text = b.get("/today?q=srv-07777")
	must(t, code, text, "SRV-07777")
	code, text = b.get("/queue?page=2")
	must(t, code, text, "page 2 sur 200")

	w := d.chromium(t)
	w.comes("sup", "fr")
	for _, path := range []string{"/today", "/today?page=200", "/queue"} {
		begun := time.Now()
		w.opens(path)
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s took %s to be there in a browser", path, took)
		}
		for _, width := range []int64{320, 1280} {
			w.size(width, 900)
			w.fits(fmt.Sprintf("%s of 10,000 at %d", path, width))
		}
	}
	w.opens("/today")
	w.presses(`.pages [rel=next]`)
	w.says("page 2 sur 200")
	w.does(chromedp.SendKeys("#q", "srv-07777"))
	w.presses(".search button")
	w.says("SRV-07777")
}

// Today with 10,000 open incidents while 100 deliveries a second are taken: the
// load generator ends with the measurement.
func BenchmarkToday10000(b *testing.B) {
	d := newDesk(b, "synomega", "")
	d.opened(10_000)
	who := d.browser("sup")
	ctx, stop := context.WithCancel(b.Context())
	var taken atomic.Int64
	var g sync.WaitGroup
	begun := time.Now()
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	g.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
			}
			g.Go(func() {
				if err := d.engine.Receive(context.WithoutCancel(ctx), receiver.Alerts{Fired: []model.Signal{failing(i%10_000, d.now())}}); err == nil {
					taken.Add(1)
				}
			})
		}
	})
	var took []time.Duration
	size := 0
	for b.Loop() {
		at := time.Now()
		code, text := who.get("/today")
		took, size = append(took, time.Since(at)), len(text)
		if code != http.StatusOK {
			b.Fatalf("answered %d", code)
		}
	}
	whole := time.Since(begun)
	stop()
	g.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
	b.ReportMetric(float64(size)/1000, "kB")
	b.ReportMetric(float64(taken.Load())/whole.Seconds(), "deliveries/s")
}
