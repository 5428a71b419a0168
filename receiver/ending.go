package receiver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// When Prometheus dies, Alertmanager lets every alert lapse and reports each as
// resolved, the probe's perhaps a moment before the watchdog's. Where the ending
// itself is the proof, it therefore stays unconfirmed until Prometheus is proven to
// have lived after it. It is kept with the incident, so that a restart forgets none.

// endingsKey is set while some incident may have an unconfirmed ending, so that a
// start need not read every incident to find out.
const endingsKey = "endings_held"

// ownAll reports whether the engine raised all these alerts of an incident.
func ownAll(t *incidents.Tracked, fps []string) bool {
	return !slices.ContainsFunc(fps, func(fp string) bool { return t.Alerts[fp] == nil || !own(t.Alerts[fp].Labels) })
}

// mustWait reports whether an ending is a proof that has to be confirmed first.
func (b *batch) mustWait(t *incidents.Tracked, ev incident.Cleared) bool {
	p := b.Book.Policy(t.Policy)
	if p == nil || t.State.Ended() || t.Entry == string(model.CorrelatedSignal) || ownAll(t, ev.Fingerprints) {
		return false
	}
	s := p.Scenario(t.Scenario)
	return s != nil && s.Proof == policy.ProofCleared && !b.core.watch.livedAfter(ev.At)
}

func (b *batch) deferEnding(t *incidents.Tracked, ev incident.Cleared) error {
	if _, err := b.Apply(t, incident.EndingUnconfirmed{Fingerprints: ev.Fingerprints, At: ev.At}); err != nil {
		return err
	}
	id := t.ID
	b.tx.AfterCommit(func() { b.core.endings.Set(id, true) })
	if b.core.store.Shared() { // whoever judges it may be another receiver
		if err := b.tx.SetValue(unconfirmedKey+"/"+id, "yes"); err != nil {
			return err
		}
	}
	return b.tx.SetValue(endingsKey, "yes")
}

// recallEndings finds the incidents that an earlier process left with an unconfirmed ending.
func (e *core) recallEndings(ctx context.Context) error {
	var some string
	err := e.store.View(ctx, func(tx *store.Tx) (err error) {
		some, err = tx.Value(endingsKey)
		return err
	})
	if err != nil || some == "" {
		return err
	}
	return e.eachOpen(ctx, func(r *store.Record) {
		if len(r.Progress.UnconfirmedEndings) > 0 {
			e.endings.Set(r.ID, true)
		}
	})
}

// stillFiring forgets unconfirmed endings of alerts that Prometheus has repeated since.
func (e *core) stillFiring(ctx context.Context, t *alertmanager.Together, now time.Time) error {
	for fp, s := range t.Firing {
		if e.Book().Classify(s, now).Ignored == incidents.Watchdog {
			e.watch.spoke(t.Updated[fp])
		}
	}
	var errs []error
	for _, id := range e.endings.All() {
		errs = append(errs, e.store.Update(ctx, func(tx *store.Tx) error {
			b := e.batch(tx, now)
			en, err := b.Load(id)
			if err != nil {
				return err
			}
			var dropped []string
			for fp, at := range en.Progress.UnconfirmedEndings {
				if t.Updated[fp].After(at) {
					dropped = append(dropped, fp)
				}
			}
			if len(dropped) > 0 {
				if _, err := b.Apply(en, incident.EndingDropped{Fingerprints: dropped}); err != nil {
					return err
				}
			}
			return b.Flush()
		}))
	}
	return errors.Join(errs...)
}

// judgeEndings believes the unconfirmed endings after which Prometheus is proven to
// have lived, and drops all of them once the watchdog itself has ended.
func (e *core) judgeEndings(ctx context.Context, now time.Time) error {
	trusted := e.trusted(now)
	e.watch.mu.Lock()
	alive := e.watch.alive
	e.watch.mu.Unlock()
	if trusted && !e.endings.News(alive) {
		return nil
	}
	var errs []error
	for _, id := range e.endings.All() {
		errs = append(errs, e.store.Update(ctx, func(tx *store.Tx) error { return e.judgeEnding(tx, id, trusted, now) }))
	}
	err := errors.Join(errs...)
	if err == nil && len(errs) > 0 && len(e.endings.All()) == 0 {
		err = e.store.Update(ctx, func(tx *store.Tx) error {
			if len(e.endings.All()) > 0 {
				return nil // one has come meanwhile
			}
			return tx.SetValue(endingsKey, "")
		})
	}
	if err == nil {
		e.endings.JudgedWith(alive)
	}
	return err
}

func (e *core) judgeEnding(tx *store.Tx, id string, trusted bool, now time.Time) error {
	b := e.batch(tx, now)
	en, err := b.Load(id)
	if err != nil {
		return err
	}
	unconfirmed := en.Progress.UnconfirmedEndings
	over := map[time.Time][]string{}
	judged := 0
	for fp, at := range unconfirmed {
		if en.State.Ended() || !trusted || e.watch.livedAfter(at) {
			over[at] = append(over[at], fp)
			judged++
		}
	}
	if judged == len(unconfirmed) {
		if e.store.Shared() {
			if err := tx.DropValue(unconfirmedKey + "/" + id); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { e.endings.Set(id, false) })
	}
	for _, at := range slices.SortedFunc(maps.Keys(over), time.Time.Compare) {
		slices.Sort(over[at])
		ev := incident.Event(incident.Cleared{Fingerprints: over[at], At: at, Trusted: trusted})
		if en.State.Ended() {
			ev = incident.EndingDropped{Fingerprints: over[at]} // it was ended otherwise meanwhile
		}
		if _, err := b.Apply(en, ev); err != nil {
			return err
		}
	}
	return b.Flush()
}
