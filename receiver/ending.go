package receiver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incidents"
)

// When Prometheus dies, Alertmanager lets every alert lapse and reports each as
// resolved, the probe's perhaps a moment before the watchdog's. Where the ending
// itself is the proof, it is therefore held until Prometheus is proven to have
// lived after it. It is kept with the incident, so that a restart forgets none.

// endingVar begins the name under which an incident keeps a held ending.
const endingVar = "ending:"

// endingsFact is set while some incident may hold an ending, so that a start
// need not read every incident to find out.
const endingsFact = "endings_held"

// endings names the incidents that hold an ending.
type endings struct {
	mu  sync.Mutex
	ids map[string]bool
	// judged is what was known of Prometheus when they were last judged.
	judged time.Time
}

// news reports whether anything has become known since the last judgement.
func (h *endings) news(alive time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ids) > 0 && !h.judged.Equal(alive)
}

func (h *endings) judgedWith(alive time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.judged = alive
}

func (h *endings) set(id string, holds bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]bool{}
	}
	if holds {
		h.ids[id] = true
	} else {
		delete(h.ids, id)
	}
}

func (h *endings) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.ids))
}

// ownAll reports whether the engine raised all these alerts of an incident.
func ownAll(t *incidents.Tracked, fps []string) bool {
	return !slices.ContainsFunc(fps, func(fp string) bool { return t.Alerts[fp] == nil || !own(t.Alerts[fp].Labels) })
}

// mustWait reports whether an ending is a proof that has to be confirmed first.
func (b *batch) mustWait(t *incidents.Tracked, ev rules.Cleared) bool {
	p := b.Book.Policy(t.Policy)
	if p == nil || t.State.Ended() || t.Entry == string(rules.CorrelatedSignal) || ownAll(t, ev.Fingerprints) {
		return false
	}
	s := p.Scenario(t.Scenario)
	return s != nil && s.Proof == rules.ProofCleared && !b.core.watch.livedAfter(ev.At)
}

func (b *batch) holdEnding(t *incidents.Tracked, ev rules.Cleared) error {
	if t.Vars == nil {
		t.Vars = rules.Labels{}
	}
	for _, fp := range ev.Fingerprints {
		if a := t.Alerts[fp]; a == nil || ev.At.Before(a.StartsAt) {
			continue // the end of an earlier run, told late
		}
		t.Vars[endingVar+fp] = ev.At.Format(time.RFC3339Nano)
		t.Touch()
	}
	id := t.ID
	b.tx.AfterCommit(func() { b.core.endings.set(id, true) })
	return b.tx.SetFact(endingsFact, "yes")
}

// recant forgets a held ending of an alert that fires again.
func (b *batch) recant(t *incidents.Tracked, s rules.Signal, confirmed bool) {
	if at, held := heldEndings(t.Incident)[s.Fingerprint]; held && (confirmed || s.StartsAt.After(at)) {
		delete(t.Vars, endingVar+s.Fingerprint)
		t.Touch()
	}
}

// heldEndings are the endings that an incident holds, by fingerprint.
func heldEndings(i rules.Incident) map[string]time.Time {
	var out map[string]time.Time
	for name, value := range i.Vars {
		fp, is := strings.CutPrefix(name, endingVar)
		if !is {
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, value); err == nil {
			if out == nil {
				out = map[string]time.Time{}
			}
			out[fp] = at
		}
	}
	return out
}

// recallEndings finds the incidents that an earlier process left with a held ending.
func (e *core) recallEndings(ctx context.Context) error {
	var fact string
	err := e.store.View(ctx, func(tx *store.Tx) (err error) {
		fact, err = tx.Fact(endingsFact)
		return err
	})
	if err != nil || fact == "" {
		return err
	}
	known, err := e.openRecords(ctx)
	for _, r := range known {
		if len(heldEndings(r.Incident)) > 0 {
			e.endings.set(r.ID, true)
		}
	}
	return err
}

// stillFiring forgets held endings of alerts that Prometheus has repeated since.
func (e *core) stillFiring(ctx context.Context, t *picture, now time.Time) error {
	for fp, s := range t.firing {
		if e.Book().Classify(s, now).Ignored == incidents.Watchdog {
			e.watch.spoke(t.updated[fp])
		}
	}
	var errs []error
	for _, id := range e.endings.all() {
		errs = append(errs, e.store.Update(ctx, func(tx *store.Tx) error {
			b := e.batch(tx, now)
			en, err := b.Load(id)
			if err != nil {
				return err
			}
			for fp, at := range heldEndings(en.Incident) {
				if t.updated[fp].After(at) {
					delete(en.Vars, endingVar+fp)
					en.Touch()
				}
			}
			return b.Flush()
		}))
	}
	return errors.Join(errs...)
}

// judgeEndings believes the held endings after which Prometheus is proven to
// have lived, and drops all of them once the watchdog itself has ended.
func (e *core) judgeEndings(ctx context.Context, now time.Time) error {
	trusted := e.trusted(now)
	e.watch.mu.Lock()
	alive := e.watch.alive
	e.watch.mu.Unlock()
	if trusted && !e.endings.news(alive) {
		return nil
	}
	var errs []error
	for _, id := range e.endings.all() {
		errs = append(errs, e.store.Update(ctx, func(tx *store.Tx) error { return e.judgeEnding(tx, id, trusted, now) }))
	}
	err := errors.Join(errs...)
	if err == nil && len(errs) > 0 && len(e.endings.all()) == 0 {
		err = e.store.Update(ctx, func(tx *store.Tx) error {
			if len(e.endings.all()) > 0 {
				return nil // one has come meanwhile
			}
			return tx.SetFact(endingsFact, "")
		})
	}
	if err == nil {
		e.endings.judgedWith(alive)
	}
	return err
}

func (e *core) judgeEnding(tx *store.Tx, id string, trusted bool, now time.Time) error {
	b := e.batch(tx, now)
	en, err := b.Load(id)
	if err != nil {
		return err
	}
	held := heldEndings(en.Incident)
	left := len(held)
	over := map[time.Time][]string{}
	for fp, at := range held {
		if !en.State.Ended() && trusted && !e.watch.livedAfter(at) {
			continue
		}
		delete(en.Vars, endingVar+fp)
		over[at] = append(over[at], fp)
		en.Touch()
		left--
	}
	if left == 0 {
		tx.AfterCommit(func() { e.endings.set(id, false) })
	}
	if en.State.Ended() {
		return b.Flush()
	}
	for _, at := range slices.SortedFunc(maps.Keys(over), time.Time.Compare) {
		slices.Sort(over[at])
		if _, err := b.Apply(en, rules.Cleared{Fingerprints: over[at], At: at, Trusted: trusted}); err != nil {
			return err
		}
	}
	return b.Flush()
}
