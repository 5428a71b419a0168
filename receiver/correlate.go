package receiver

import (
	"context"
	"slices"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
)

// lookAgain is how often an open common failure is looked at again.
const lookAgain = time.Minute

// Correlate looks for failures common to several incidents, after incidents
// opened or ended and, each minute, as long as a common one is open.
func (e *Engine) Correlate(ctx context.Context) error {
	now := e.o.Now()
	changed := e.correlate.Swap(false)
	if err := e.correlateAll(ctx, now, changed); err != nil {
		e.correlate.Store(true)
		return err
	}
	return nil
}

func (e *Engine) correlateAll(ctx context.Context, now time.Time, changed bool) error {
	book := e.Book()
	again := now.UnixNano()-e.looked.Load() >= int64(lookAgain)
	if !changed && !again {
		return nil
	}
	var common, all []*store.Record
	err := e.store.View(ctx, func(tx *store.Tx) (err error) {
		if common, err = tx.Common(); err != nil || !changed && len(common) == 0 {
			return err
		}
		all, err = tx.Lately(now.Add(-book.CorrelatedWithin(now)))
		return err
	})
	if err != nil {
		return err
	}
	e.looked.Store(now.UnixNano())
	if !changed && len(common) == 0 {
		return nil
	}
	incidents := make([]rules.Incident, 0, len(all))
	for _, r := range all {
		if r.Entry != string(rules.CorrelatedSignal) {
			incidents = append(incidents, r.Incident)
		}
	}
	found := book.Correlate(incidents, now)
	if len(found) == 0 && len(common) == 0 {
		return nil
	}
	return e.store.Update(ctx, func(tx *store.Tx) error {
		u := e.unit(tx, now)
		if err := u.correlate(found, common); err != nil {
			return err
		}
		return u.flush()
	})
}

// correlate raises what was found, ends what is over, and tells members what
// they are a part of.
func (u *unit) correlate(found []rules.Correlated, common []*store.Record) error {
	holds := map[string]bool{}
	for _, c := range found {
		c.Signal.StartsAt = u.now
		for _, r := range common {
			if a := r.Alerts[c.Signal.Fingerprint]; a != nil && a.Firing {
				c.Signal.StartsAt = a.StartsAt // it is the same failure still
			}
		}
		en, err := u.fire(c.Signal, true)
		if err != nil {
			return err
		}
		if en == nil {
			continue
		}
		holds[en.ID] = true
		if err := u.join(c, en.ID); err != nil {
			return err
		}
	}
	for _, r := range common {
		en := u.hold(r)
		if holds[en.ID] {
			continue
		}
		if err := u.over(en); err != nil {
			return err
		}
	}
	return nil
}

// join makes incidents members of a common one.
func (u *unit) join(c rules.Correlated, common string) error {
	for _, key := range c.Members {
		rs, err := u.tx.Incidents(store.Filter{Key: key})
		if err != nil {
			return err
		}
		for _, r := range rs {
			en := u.hold(r)
			if en.Outage == common && en.OutageMarks == c.Marks {
				continue
			}
			en.Outage, en.OutageMarks, en.dirty = common, c.Marks, true
			if _, err := u.apply(en, rules.Related{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// over ends a common failure once none of its members is open any more. That
// no new ones join says nothing about the old ones.
func (u *unit) over(common *entry) error {
	rs, err := u.tx.MembersOf(common.ID)
	if err != nil {
		return err
	}
	for _, r := range rs {
		if !u.hold(r).State.Ended() {
			return nil
		}
	}
	var firing []string
	for fp, a := range common.Alerts {
		if a.Firing {
			firing = append(firing, fp)
		}
	}
	if len(firing) == 0 {
		return nil
	}
	slices.Sort(firing)
	_, err = u.apply(common, rules.Cleared{Fingerprints: firing, At: u.now, Trusted: true})
	return err
}

// release lets the members of a common failure that has ended go on by
// themselves.
func (u *unit) release(common *entry) error {
	rs, err := u.tx.MembersOf(common.ID)
	if err != nil {
		return err
	}
	for _, r := range rs {
		en := u.hold(r)
		en.Outage, en.OutageMarks, en.dirty = "", false, true
		if en.State.Ended() {
			continue
		}
		if _, err := u.apply(en, rules.Related{}); err != nil {
			return err
		}
	}
	return nil
}
