package faults

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// long chooses between the short form of a fault, for every run of the tests,
// and the long one of make faults.
func long(short, long int) int {
	if os.Getenv("VIGIE_FAULTS") == "long" {
		return long
	}
	return short
}

// lives is how often the program is killed: VIGIE_FAULT_LIVES, or 10.
func lives(t *testing.T) int {
	if text := os.Getenv("VIGIE_FAULT_LIVES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("VIGIE_FAULT_LIVES=%q is not a number of lives", text)
		}
		return n
	}
	if testing.Short() {
		return 3
	}
	return 10
}

// K1: the program is killed at random moments under load. What it accepted is
// kept, told once, and told again only with the same Message-ID.
func TestFaultKilled(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	total := lives(t)
	// A bounded load: all incidents must fit one list in the end.
	const clients = 4
	most := max(1, 8000/(total*clients))
	acked := map[string]bool{}
	var mu sync.Mutex
	for life := range total {
		p.start()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				hc := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
				defer hc.CloseIdleConnections()
				for n := 0; ctx.Err() == nil && n < most; n++ {
					machine := fmt.Sprintf("M-%d-%d-%d", life, c, n)
					if p.post(hc, machine) == nil {
						mu.Lock()
						acked[machine] = true
						mu.Unlock()
					}
				}
			})
		}
		time.Sleep(50*time.Millisecond + rand.N(250*time.Millisecond)) // any moment
		if life%3 == 2 {
			time.Sleep(rand.N(1200 * time.Millisecond)) // while mail is leaving
		}
		p.end(syscall.SIGKILL)
		cancel()
		wg.Wait()
	}
	p.start()
	incidents, doubles := p.reckon(acked, total*8)
	t.Logf("figure: kill -9 in %d lives: %d deliveries accepted, 0 lost, %d incidents each told by one message, %d doubles with the same Message-ID",
		total, len(acked), incidents, doubles)
	p.end(syscall.SIGTERM)
}

// reckon checks in the end that what was accepted is kept once, and that each
// incident is told by one message, sent again no more often than that.
func (p *program) reckon(acked map[string]bool, most int) (incidents, doubles int) {
	p.t.Helper()
	kept := p.machines()
	for m := range acked {
		if kept[m] != 1 {
			p.t.Errorf("%s was accepted and is kept %d times", m, kept[m])
		}
	}
	told := 0
	for limit := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if told, doubles = p.told(); told >= len(kept) {
			break
		}
		if time.Now().After(limit) {
			p.t.Fatalf("%d incidents are told of, %d are kept\n%s", told, len(kept), p.said)
		}
	}
	if told != len(kept) {
		p.t.Errorf("%d incidents are told of, %d are kept: some by two messages", told, len(kept))
	}
	if doubles > most {
		p.t.Errorf("%d doubled transmissions, at most %d can have been on their way", doubles, most)
	}
	if len(acked) == 0 {
		p.t.Error("nothing was accepted")
	}
	return len(kept), doubles
}

// told adds up the incidents that distinct messages speak of, and counts the
// transmissions that were doubled.
func (p *program) told() (incidents, doubles int) {
	p.t.Helper()
	rows, sent := map[string]int{}, map[string]int{}
	for _, m := range p.sink.Messages() {
		if m.Header("X-Vigie-Step") != "opened" {
			continue
		}
		if sent[m.MessageID+" "+m.Recipients[0]]++; sent[m.MessageID+" "+m.Recipients[0]] > 1 {
			doubles++
		}
		n, err := strconv.Atoi(m.Header("X-Vigie-Bundle"))
		if err != nil {
			n = 1 // one alone is no bundle
		}
		rows[m.MessageID] = n
	}
	for _, n := range rows {
		incidents += n
	}
	return incidents, doubles
}

// K11: clients that dribble their headers, and connections that say nothing,
// are cut off and do not slow honest ones down.
func TestFaultSlowClients(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the header's time limit")
	}
	p := newProgram(t)
	p.start()
	hc := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	idle := p.honest(hc, "I")
	const slow, silent = 300, 300
	addr := strings.TrimPrefix(p.url, "http://")
	var cut sync.WaitGroup
	var mu sync.Mutex
	var longest time.Duration
	for i := range slow + silent {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begun := time.Now()
		if i < slow {
			fmt.Fprintf(c, "POST /api/v1/alertmanager HTTP/1.1\r\nHost: vigie\r\nX-Slow: %d", i)
		}
		cut.Go(func() {
			_ = c.SetReadDeadline(begun.Add(30 * time.Second))
			_, err := io.Copy(io.Discard, c)
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Errorf("connection %d is still open after 30 s", i)
			}
			mu.Lock()
			defer mu.Unlock()
			longest = max(longest, time.Since(begun))
		})
	}
	busy := p.honest(hc, "B")
	cut.Wait()
	if err := p.post(hc, "afterwards"); err != nil {
		t.Error(err)
	}
	t.Logf("figure: %d slow and %d silent clients: all cut off within %.1f s; an honest delivery's p99 %d ms, %d ms when idle",
		slow, silent, longest.Seconds(), busy.Milliseconds(), idle.Milliseconds())
	p.end(syscall.SIGTERM)
}

// honest is the p99 of a hundred deliveries, one after the other.
func (p *program) honest(hc *http.Client, prefix string) time.Duration {
	p.t.Helper()
	var took []time.Duration
	for n := range 100 {
		begun := time.Now()
		if err := p.post(hc, fmt.Sprintf("%s-%d", prefix, n)); err != nil {
			p.t.Error(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[98]
}
