package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vigie/receiver/store/pgtest"
)

// postgres starts a server of the test's own, or skips the test.
func postgres(t *testing.T) *pgtest.Server {
	t.Helper()
	return pgtest.For(t)
}

// receivers are several programs of one configuration on one database of a server.
func receivers(t *testing.T, s *pgtest.Server, n int) []*program {
	t.Helper()
	return receiversAt(t, s.URL("postgres"), n)
}

func receiversAt(t *testing.T, address string, n int) []*program {
	t.Helper()
	p := newProgram(t)
	p.edit("vigie.yml", "schema: 1", "schema: 1\ndatabase: "+address)
	all := []*program{p}
	for range n - 1 {
		other := *p
		all = append(all, &other)
	}
	for _, p := range all {
		p.start()
	}
	return all
}

// leads reports whether a receiver turns the loops, by what it has said last.
func (p *program) leads() bool {
	text := p.said.String()
	return strings.LastIndex(text, "this receiver turns the loops now") > strings.LastIndex(text, "another receiver turns the loops now")
}

// K9: of several receivers that get the same webhooks one after the other is
// killed, or paused for longer than its lease, under load. What any accepted is
// kept once and told once, and told again only with the same Message-ID.
func TestFaultReceiversKilled(t *testing.T) {
	t.Parallel()
	all := receivers(t, postgres(t), 2+long(0, 1))
	lasts := time.Duration(long(40, 600)) * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	urls := make([]atomic.Pointer[string], len(all))
	for i, p := range all {
		urls[i].Store(&p.url)
	}
	acked := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	most := 6000 / 3
	for c := range 3 {
		wg.Go(func() {
			hc := &http.Client{Transport: &http.Transport{}, Timeout: 12 * time.Second}
			defer hc.CloseIdleConnections()
			for n := 0; ctx.Err() == nil && n < most; n++ {
				machine := fmt.Sprintf("M-%d-%d", c, n)
				var both sync.WaitGroup // as an Alertmanager that knows all of them
				for i := range all {
					both.Go(func() {
						if (&program{t: t}).postTo(hc, *urls[i].Load(), machine) == nil {
							mu.Lock()
							defer mu.Unlock()
							acked[machine] = true
						}
					})
				}
				both.Wait()
				time.Sleep(lasts / time.Duration(2*most))
			}
		})
	}
	kills, pauses := 0, 0
	for turn := 0; ctx.Err() == nil; turn++ {
		time.Sleep(time.Second)
		i := rand.N(len(all))
		for n, p := range all { // who turns the loops is the one that matters
			if turn%2 == 0 && p.leads() {
				i = n
			}
		}
		p := all[i]
		if turn%3 == 1 {
			pauses++
			_ = p.proc.Process.Signal(syscall.SIGSTOP)
			time.Sleep(14 * time.Second) // its lease is over, and another's begun
			_ = p.proc.Process.Signal(syscall.SIGCONT)
			continue
		}
		kills++
		p.end(syscall.SIGKILL)
		time.Sleep(rand.N(3 * time.Second))
		p.start()
		urls[i].Store(&p.url)
	}
	wg.Wait()
	incidents, doubles := all[0].reckon(acked, (kills+pauses)*64)
	t.Logf("figure: %d receivers on PostgreSQL, %d killed and %d paused beyond their lease in %s: %d deliveries accepted, 0 lost, %d incidents each told by one message, %d doubles with the same Message-ID",
		len(all), kills, pauses, lasts, len(acked), incidents, doubles)
	for _, p := range all {
		p.end(syscall.SIGTERM)
	}
}

// Another receiver goes on within 15 s after the one that turns the loops is gone.
func TestFaultTakeOver(t *testing.T) {
	t.Parallel()
	all := receivers(t, postgres(t), 2)
	led := func(of []*program) func() bool {
		return func() bool {
			for _, p := range of {
				if p.leads() {
					return true
				}
			}
			return false
		}
	}
	all[0].until("somebody leads", 30*time.Second, led(all))
	if all[1].leads() {
		all[0], all[1] = all[1], all[0]
	}
	if all[1].leads() {
		t.Fatal("two turn the loops")
	}
	begun := time.Now()
	all[0].end(syscall.SIGKILL)
	all[1].until("the other leads", 15*time.Second, led(all[1:]))
	t.Logf("figure: taken over %.1f s after a kill", time.Since(begun).Seconds())
	all[0].start()
	begun = time.Now()
	all[1].end(syscall.SIGTERM) // it gives the lease up
	all[0].until("the first leads again", 6*time.Second, led(all[:1]))
	t.Logf("figure: taken over %.1f s after a stop", time.Since(begun).Seconds())
	all[0].end(syscall.SIGTERM)
}

// K12: the server stalls, and then crashes. Requests end within 10 s and nothing is
// accepted; both go on by themselves when it is back.
func TestFaultServerStalls(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	p := receivers(t, s, 1)[0]
	hc := &http.Client{Timeout: 30 * time.Second}
	acked := map[string]bool{}
	p.posted(hc, acked, "before", 5)
	for _, stall := range []struct {
		what       string
		begin, end func() error
	}{
		{"stalls", func() error { return s.Signal(syscall.SIGSTOP) }, func() error { return s.Signal(syscall.SIGCONT) }},
		{"is gone", s.Halt, s.Resume},
	} {
		if err := stall.begin(); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for n := range 5 {
			wg.Go(func() {
				begun := time.Now()
				err := p.post(hc, fmt.Sprintf("while-it-%s-%d", stall.what, n))
				if err == nil || !strings.Contains(err.Error(), "503") || time.Since(begun) > 10*time.Second {
					t.Errorf("while the server %s: %v after %s", stall.what, err, time.Since(begun))
				}
			})
		}
		wg.Wait()
		if err := stall.end(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		p.until("it takes in again", 20*time.Second, func() bool { return p.post(hc, "after-it-"+stall.what) == nil })
		acked["after-it-"+stall.what] = true
		t.Logf("figure: the server %s: refused within 10 s, taken in again %.1f s after", stall.what, time.Since(begun).Seconds())
	}
	kept := p.machines()
	for m := range acked {
		if kept[m] != 1 {
			t.Errorf("%s was accepted and is kept %d times", m, kept[m])
		}
	}
	p.end(syscall.SIGTERM)
}

// While nothing is due a receiver asks the server at most twice a second.
func TestFaultIdleReceivers(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	all := receivers(t, s, 2)
	if err := s.Set("log_statement=all", "log_line_prefix=%p "); err != nil {
		t.Fatal(err)
	}
	all[0].until("somebody leads", 30*time.Second, func() bool { return all[0].leads() || all[1].leads() })
	time.Sleep(3 * time.Second) // the first look at everything
	if _, err := s.SQL("postgres", "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		text, err := os.ReadFile(filepath.Join(s.Dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "LOG:  execute ") + strings.Count(string(text), "LOG:  statement: ")
	}
	before := count()
	const looked = 15
	time.Sleep(looked * time.Second)
	each := float64(count()-before) / looked / float64(len(all))
	t.Logf("figure: two idle receivers ask PostgreSQL %.1f times a second each", each)
	if each > 2 || each == 0 {
		t.Errorf("%.1f questions a second and receiver while nothing is due", each)
	}
	for _, p := range all {
		p.end(syscall.SIGTERM)
	}
}
