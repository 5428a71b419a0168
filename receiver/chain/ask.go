package chain

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"vigie/receiver/evidence"
)

const (
	// askWithin bounds what a page waits for, askedFor how long an answer counts.
	askWithin = 3 * time.Second
	askedFor  = 15 * time.Second
)

// Asker asks what is not known by itself: Prometheus and the exporters. It asks
// once for all who look at about the same time.
type Asker struct {
	Seen *Seen

	mu     sync.Mutex
	at     time.Time
	of     *evidence.Client
	answer Answer
}

// Answer is what was asked for.
type Answer struct {
	Sources   []Source
	Fault     string // why the sources are not known
	Unmatched []evidence.Unmatched
}

// Ask asks for the sources and for what is told of no backup in particular, and
// notes who answers.
func (a *Asker) Ask(ctx context.Context, prom *evidence.Client, exporters []evidence.Exporter, expected map[string]string, now time.Time) Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if age := now.Sub(a.at); a.of == prom && !a.at.IsZero() && age >= 0 && age < askedFor {
		return a.answer
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var g sync.WaitGroup
	lists := make([][]evidence.Unmatched, len(exporters))
	for i, e := range exporters {
		g.Go(func() {
			err := e.Alive(ctx)
			a.Seen.Answered("exporter", e.URL.Host, err, now)
			if err == nil {
				lists[i], _ = e.Unmatched(ctx) // who may not ask for results sees none
			}
		})
	}
	a.answer.Sources, a.answer.Fault = a.ask(ctx, prom, expected, now)
	g.Wait()
	a.answer.Unmatched = unmatched(lists)
	a.at, a.of = now, prom
	return a.answer
}

// unmatched joins what several exporters list, which may read the same source.
func unmatched(lists [][]evidence.Unmatched) []evidence.Unmatched {
	out := []evidence.Unmatched{}
	for _, u := range slices.Concat(lists...) {
		if !slices.ContainsFunc(out, func(o evidence.Unmatched) bool { return o.Source == u.Source && o.Open == u.Open && o.What == u.What }) {
			out = append(out, u)
		}
	}
	slices.SortStableFunc(out, func(a, b evidence.Unmatched) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.What, b.What))
	})
	return out
}

func (a *Asker) ask(ctx context.Context, prom *evidence.Client, expected map[string]string, now time.Time) ([]Source, string) {
	by := map[string]*Source{}
	for name, exporter := range expected {
		by[name] = &Source{Name: name, Exporter: exporter, Health: Unknown, Listed: true}
	}
	fault := a.read(ctx, prom, by, now)
	out := []Source{}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[name])
	}
	return out, fault
}

func (a *Asker) read(ctx context.Context, prom *evidence.Client, by map[string]*Source, now time.Time) string {
	if prom == nil {
		return "no Prometheus is configured"
	}
	found, err := prom.Sources(ctx, now)
	unsorted := map[string]int{}
	if err == nil {
		unsorted, err = prom.Unsorted(ctx, now)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer of Prometheus in time")
	}
	a.Seen.Answered("prometheus", "prometheus", err, now)
	if err != nil {
		return err.Error()
	}
	for _, s := range by { // what the inventory names and Prometheus does not know is not read
		s.Health = Down
	}
	for _, s := range found {
		x := by[s.Name]
		if x == nil {
			x = &Source{Name: s.Name}
			by[s.Name] = x
		}
		x.Read, x.Health, x.Unsorted = s.Read, Down, unsorted[s.Name]
		if s.Fresh {
			x.Health = Up
		}
	}
	return ""
}
