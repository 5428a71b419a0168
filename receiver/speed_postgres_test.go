package receiver_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/store/pgtest"
)

// postgresServer starts a server of the test's own, or skips the test.
func postgresServer(t testing.TB, settings ...string) *pgtest.Server {
	t.Helper()
	return pgtest.For(t, settings...)
}

// leads lets an engine turn its loops, until it is stopped.
func leads(t testing.TB, e *receiver.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- e.Keep(ctx) }()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, ok := e.Alone(ctx); ok {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nobody turns the loops")
		}
	}
	return func() {
		cancel()
		if err := <-gone; err != nil {
			t.Error(err)
		}
	}
}

// on has a rig keep everything in a database of a server.
func on(address string) func(*rig) { return func(r *rig) { r.database = address } }

// postgres compares deliveries on PostgreSQL with those on SQLite, and two receivers
// on one database with one; then again where each commit takes as long as on a slow disk,
// which tells whether they wait for each other where processors are scarce.
func (b *speed) postgres() {
	b.onServer("", postgresServer(b))
	b.onServer(", commits of 30 ms", postgresServer(b, "commit_delay=30000", "commit_siblings=0"))
}

func (b *speed) onServer(how string, s *pgtest.Server) {
	l := newLoad(10, true)
	address := func() string {
		url, err := s.New()
		b.ok(err)
		return url
	}
	shared := address()
	file, one, two := newRig(b.T, 0), newRig(b.T, 0, on(address())), []*rig{newRig(b.T, 0, on(shared)), newRig(b.T, 0, on(shared))}
	var floor, alone, both []float64
	for range b.rounds {
		floor = append(floor, b.post(file.webhookURL(), b.most, l.fill).rate())
		alone = append(alone, b.post(one.webhookURL(), b.most, l.fill).rate())
		rates := make([]float64, len(two))
		var wg sync.WaitGroup
		for i, r := range two {
			wg.Go(func() { rates[i] = b.post(r.webhookURL(), b.most/2, l.fill).rate() })
		}
		wg.Wait()
		both = append(both, rates[0]+rates[1])
	}
	ratios := func(of, by []float64) (out []float64) {
		for i := range of {
			out = append(out, of[i]/by[i])
		}
		return out
	}
	b.say("")
	b.say("| deliveries of 10 alerts, %d clients%s | figure | aim |", b.most, how)
	b.say("|---|---|---|")
	b.say("| SQLite, PostgreSQL, two receivers on PostgreSQL | %.0f/s, %.0f/s, %.0f/s | |", median(floor), median(alone), median(both))
	if how == "" { // SQLite's commits take as long as ever
		b.summary.add("PostgreSQL : SQLite, deliveries of 10 alerts, 64 clients", "not measured", "≥ 0.6", "%.2f", median(ratios(alone, floor)))
	}
	b.summary.add("two receivers : one on the same PostgreSQL"+how, "not measured", "≥ 1.3", "%.2f", median(ratios(both, alone)))
}
