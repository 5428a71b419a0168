package receiver

import (
	"time"

	"vigie/receiver/store"
	"vigie/receiver/store/heard"
	"vigie/rules/classify"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// batch moves incidents in one transaction of the store, and counts what comes
// of it once that is kept.
type batch struct {
	*incidents.Batch
	core  *core
	tx    *store.Tx
	body  *store.Body      // the delivery that is taken in; nil for none that may come again
	leads []incidents.Lead // what its signals lead to
}

func (c *core) batch(tx *store.Tx, now time.Time) *batch {
	b := &batch{core: c, tx: tx}
	b.Batch = incidents.New(incidents.Options{Book: c.Book(), Store: tx, Now: now, Endings: b, Ignored: func(reason string) {
		tx.AfterCommit(func() { c.metrics.ignored.WithLabelValues(reason).Inc() })
	}, Strange: c.unread.Ask})
	return b
}

// fire takes in one signal that fires. It returns nil when no incident is kept
// for it.
func (b *batch) fire(s model.Signal, confirmed bool) (*incidents.Tracked, error) {
	return b.take(s, incidents.Classify(b.Book, s, b.Now), confirmed)
}

// take takes in a signal that has been classified by the batch's book.
func (b *batch) take(s model.Signal, c classify.Classified, confirmed bool) (*incidents.Tracked, error) {
	fingerprint, labels, issues := s.Fingerprint, c.Signal.Labels, c.Issues
	b.tx.AfterCommit(func() {
		name := ""
		if len(issues) > 0 {
			name = b.core.called(labels)
		}
		b.core.issues.Set(fingerprint, name, issues)
	})
	switch {
	case c.Refusal != nil:
		return nil, c.Refusal
	case c.Ignored == incidents.Watchdog:
		return nil, b.hearWatchdog()
	}
	return b.Take(s, &c, confirmed)
}

// clear takes in alerts that fire no more.
func (b *batch) clear(cleared []Cleared) error {
	ended := make([]Cleared, 0, len(cleared))
	for _, c := range cleared {
		fp := c.Signal.Fingerprint
		b.tx.AfterCommit(func() { b.core.issues.Set(fp, "", nil) })
		if b.Book.Classify(c.Signal, b.Now).Ignored == incidents.Watchdog {
			b.core.watch.stopped()
			if err := b.shareEnded("yes"); err != nil {
				return err
			}
			if err := b.tx.Forget(fp); err != nil {
				return err
			}
			continue
		}
		ended = append(ended, c)
	}
	return b.Clear(ended)
}

// Flush writes everything that was decided.
func (b *batch) Flush() error {
	if err := b.Batch.Flush(); err != nil {
		return err
	}
	if b.body != nil {
		if x, spots := heard.Of(b.Batch, b.leads); len(x.Incidents) > 0 {
			b.tx.Remember(*b.body, x, spots)
		}
	}
	for _, t := range b.Tracked() {
		if had := t.Had; had != "" && t.Assignee != had && b.Book.Directory.Left(had) {
			b.tx.AfterCommit(func() { b.core.left.Add(had, t.Number) })
		}
		opened, ended, breaches, scenario := t.Opened(), t.Ended(), t.Breaches, t.Scenario
		if !opened && !ended && len(breaches) == 0 {
			continue
		}
		b.tx.AfterCommit(func() {
			if opened || ended {
				b.core.changed.Store(true)
			}
			if opened {
				b.core.metrics.opened.WithLabelValues(scenario).Inc()
			}
			for _, breach := range breaches {
				b.core.metrics.breaches.WithLabelValues(scenario, breach.Target).Inc()
			}
		})
	}
	return nil
}

// Judge believes an ending while monitoring is proven to live; where the ending
// itself is the proof, it is deferred until that is proven for the time after it.
func (b *batch) Judge(_ *incidents.Batch, t *incidents.Tracked, ev incident.Cleared) (incident.Cleared, bool, error) {
	ev.Trusted = b.core.trusted(b.Now) || ownAll(t, ev.Fingerprints)
	if ev.Trusted && b.mustWait(t, ev) {
		return ev, true, b.deferEnding(t, ev)
	}
	return ev, false, nil
}
