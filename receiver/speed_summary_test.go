package receiver_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// summary is the table that a run ends with: what was reached before, what
// should be, what is. The figures before are those of commit 7671a44.
type summary struct{ rows []string }

func (s *summary) add(what, was, aim, format string, reached float64) {
	s.rows = append(s.rows, fmt.Sprintf("| %s | %s | %s | "+format+" |", what, was, aim, reached))
}

func (s *summary) print(b *speed) {
	commit := "unknown"
	if out, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	b.say("")
	b.say("| commit %s | before | aim | reached |", commit)
	b.say("|---|---|---|---|")
	for _, r := range s.rows {
		b.say("%s", r)
	}
}

// answered is what came of many clients for a time.
type answered struct {
	kept, refused int
	last, slowest time.Duration // since the beginning; of any answer
}

// overload asks for more than can be done: a client for each of many groups of a
// thousand incidents, beside one client of them.
func (b *speed) overload() {
	l := newLoad(b.sizes[len(b.sizes)-1], true)
	r := newRig(b.T, 0)
	lasts := 15 * b.slice
	var ratio []float64
	var slowest time.Duration
	kept, refused := 0, 0
	for range min(b.rounds, 3) {
		one, all := b.insist(r.webhookURL(), 1, l, lasts), b.insist(r.webhookURL(), b.most, l, lasts)
		ratio = append(ratio, all.rate()/one.rate())
		slowest, kept, refused = max(slowest, all.slowest), kept+all.kept, refused+all.refused
	}
	b.say("")
	b.say("%d clients with %d alerts each: %d kept, %d refused, slowest answer %s", b.most, l.alerts, kept, refused, slowest.Round(time.Millisecond))
	b.summary.add(fmt.Sprintf("%d clients of %d alerts of as many incidents : one client", b.most, l.alerts), "1.0; 0 on a slower machine", "≥ 0.9", "%.2f", median(ratio))
	b.summary.add("slowest answer then, seconds", "9", "≤ 9", "%.1f", slowest.Seconds())
}

func (a answered) rate() float64 { return float64(a.kept) / a.last.Seconds() }

// insist lets clients post for a time; who is refused comes again when told to.
func (b *speed) insist(url string, clients int, l *load, lasts time.Duration) answered {
	b.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var sum answered
	begun := time.Now()
	for range clients {
		wg.Go(func() {
			hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			defer hc.CloseIdleConnections()
			var buf []byte
			for first := true; first || time.Since(begun) < lasts; first = false {
				buf = l.fill(buf)
				asked := time.Now()
				code, after, err := postOnce(hc, url, buf)
				b.check(err)
				mu.Lock()
				sum.slowest = max(sum.slowest, time.Since(asked))
				if code == http.StatusOK {
					sum.kept++
					sum.last = time.Since(begun)
				} else {
					sum.refused++
				}
				mu.Unlock()
				time.Sleep(max(0, min(after, lasts-time.Since(begun))))
			}
		})
	}
	wg.Wait()
	return sum
}

// retryAfter is when an answer tells to come again.
func retryAfter(resp *http.Response) time.Duration {
	n, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return time.Duration(n) * time.Second
}
