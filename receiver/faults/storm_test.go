package faults

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// K13: after an outage every group of three Alertmanagers is delivered at once,
// and again until it is accepted.
func TestFaultRecoveryStorm(t *testing.T) {
	t.Parallel()
	groups := long(300, 5000)
	const peers, each = 3, 64 // connections of each
	p := newProgram(t)
	p.start()
	var refused, posted atomic.Int64
	var slowest atomic.Int64
	acked := map[string]bool{}
	for g := range groups {
		acked[fmt.Sprintf("S-%d", g)] = true
	}
	begun := time.Now()
	var wg sync.WaitGroup
	for range peers {
		var next atomic.Int64
		hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: each}, Timeout: 10 * time.Second}
		for range each {
			wg.Go(func() {
				for g := next.Add(1) - 1; g < int64(groups); g = next.Add(1) - 1 {
					for try := 0; ; try++ {
						at := time.Now()
						err := p.post(hc, fmt.Sprintf("S-%d", g))
						slowest.Store(max(slowest.Load(), int64(time.Since(at))))
						if err == nil {
							posted.Add(1)
							break
						}
						if refused.Add(1); try > 30 {
							t.Errorf("group %d: %v", g, err)
							return
						}
						time.Sleep(500 * time.Millisecond) // as Alertmanager does at first
					}
				}
			})
		}
	}
	wg.Wait()
	took := time.Since(begun)
	kept, doubles := p.reckon(acked, 0)
	drained := time.Since(begun)
	if kept != groups || doubles != 0 || posted.Load() != int64(groups*peers) {
		t.Errorf("%d incidents of %d groups, %d doubles, %d deliveries accepted", kept, groups, doubles, posted.Load())
	}
	if drained > 5*time.Minute {
		t.Errorf("drained after %s, which is a group_interval", drained)
	}
	t.Logf("figure: recovery storm: %d groups from each of %d peers at once: %d accepted in %.1f s, %d answered 503 first, slowest answer %d ms; %d incidents, each told once; drained after %.0f s",
		groups, peers, posted.Load(), took.Seconds(), refused.Load(), time.Duration(slowest.Load()).Milliseconds(), kept, drained.Seconds())
	p.end(syscall.SIGTERM)
}
