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
func ownAll(en *entry, fps []string) bool {
	return !slices.ContainsFunc(fps, func(fp string) bool { return en.Alerts[fp] == nil || !own(en.Alerts[fp].Labels) })
}

// mustWait reports whether an ending is a proof that has to be confirmed first.
func (u *unit) mustWait(en *entry, ev rules.Cleared) bool {
	p := u.book.Policy(en.Policy)
	if p == nil || en.State.Ended() || en.Entry == string(rules.CorrelatedSignal) || ownAll(en, ev.Fingerprints) {
		return false
	}
	s := p.Scenario(en.Scenario)
	return s != nil && s.Proof == rules.ProofCleared && !u.e.watch.livedAfter(ev.At)
}

func (u *unit) holdEnding(en *entry, ev rules.Cleared) error {
	if en.Vars == nil {
		en.Vars = rules.Labels{}
	}
	for _, fp := range ev.Fingerprints {
		if a := en.Alerts[fp]; a == nil || ev.At.Before(a.StartsAt) {
			continue // the end of an earlier run, told late
		}
		en.Vars[endingVar+fp] = ev.At.Format(time.RFC3339Nano)
		en.dirty = true
	}
	id := en.ID
	u.tx.AfterCommit(func() { u.e.endings.set(id, true) })
	return u.tx.SetFact(endingsFact, "yes")
}

// recant forgets a held ending of an alert that fires again.
func (u *unit) recant(en *entry, s rules.Signal, confirmed bool) {
	if at, held := en.heldEndings()[s.Fingerprint]; held && (confirmed || s.StartsAt.After(at)) {
		delete(en.Vars, endingVar+s.Fingerprint)
		en.dirty = true
	}
}

// heldEndings are the endings that an incident holds, by fingerprint.
func (en *entry) heldEndings() map[string]time.Time { return heldEndings(en.Incident) }

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
func (e *Engine) recallEndings(ctx context.Context) error {
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
func (e *Engine) stillFiring(ctx context.Context, t *picture, now time.Time) error {
	for fp, s := range t.firing {
		if e.Book().Classify(s, now).Ignored == ignoredWatchdog {
			e.watch.spoke(t.updated[fp])
		}
	}
	var errs []error
	for _, id := range e.endings.all() {
		errs = append(errs, e.store.Update(ctx, func(tx *store.Tx) error {
			u := e.unit(tx, now)
			en, err := u.load(id)
			if err != nil {
				return err
			}
			for fp, at := range en.heldEndings() {
				if t.updated[fp].After(at) {
					delete(en.Vars, endingVar+fp)
					en.dirty = true
				}
			}
			return u.flush()
		}))
	}
	return errors.Join(errs...)
}

// judgeEndings believes the held endings after which Prometheus is proven to
// have lived, and drops all of them once the watchdog itself has ended.
func (e *Engine) judgeEndings(ctx context.Context, now time.Time) error {
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

func (e *Engine) judgeEnding(tx *store.Tx, id string, trusted bool, now time.Time) error {
	u := e.unit(tx, now)
	en, err := u.load(id)
	if err != nil {
		return err
	}
	held := en.heldEndings()
	left := len(held)
	over := map[time.Time][]string{}
	for fp, at := range held {
		if !en.State.Ended() && trusted && !e.watch.livedAfter(at) {
			continue
		}
		delete(en.Vars, endingVar+fp)
		over[at] = append(over[at], fp)
		en.dirty = true
		left--
	}
	if left == 0 {
		tx.AfterCommit(func() { e.endings.set(id, false) })
	}
	if en.State.Ended() {
		return u.flush()
	}
	for _, at := range slices.SortedFunc(maps.Keys(over), time.Time.Compare) {
		slices.Sort(over[at])
		if _, err := u.apply(en, rules.Cleared{Fingerprints: over[at], At: at, Trusted: trusted}); err != nil {
			return err
		}
	}
	return u.flush()
}
