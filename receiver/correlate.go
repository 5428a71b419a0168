package receiver

import (
	"context"
	"slices"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
)

// lately is how far back incidents are looked at for a common failure.
const lately = 24 * time.Hour

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
		if common, err = tx.ByEntry(rules.CorrelatedSignal); err != nil || !changed && len(common) == 0 {
			return err
		}
		all, err = tx.Open(now.Add(-lately))
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

// correlate raises what was found, ends what holds no more, and tells members
// what they are a part of.
func (u *unit) correlate(found []rules.Correlated, common []*store.Record) error {
	still := map[string]bool{}
	member := map[string]string{} // key of an incident: id of its common one
	for _, c := range found {
		still[c.Signal.Fingerprint] = true
		en, err := u.fire(c.Signal, true)
		if err != nil {
			return err
		}
		if en == nil || !c.Marks {
			continue
		}
		for _, key := range c.Members {
			member[key] = en.ID
		}
	}
	for _, r := range common {
		en := u.hold(r)
		var over []string
		for fp, a := range en.Alerts {
			if a.Firing && !still[fp] {
				over = append(over, fp)
			}
		}
		if len(over) == 0 {
			continue
		}
		slices.Sort(over)
		if _, err := u.apply(en, rules.Cleared{Fingerprints: over, At: u.now, Trusted: true}); err != nil {
			return err
		}
	}
	return u.members(member, common)
}

func (u *unit) members(member map[string]string, common []*store.Record) error {
	for _, r := range common {
		rs, err := u.tx.MembersOf(r.ID)
		if err != nil {
			return err
		}
		for _, m := range rs {
			if en := u.hold(m); member[en.Key] == "" && u.byID[r.ID].State.Ended() {
				if err := u.partOf(en, ""); err != nil {
					return err
				}
			}
		}
	}
	for key, id := range member {
		rs, err := u.tx.Incidents(store.Filter{Key: key})
		if err != nil {
			return err
		}
		for _, m := range rs {
			if en := u.hold(m); en.Outage != id {
				if err := u.partOf(en, id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (u *unit) partOf(en *entry, common string) error {
	en.Outage, en.dirty = common, true
	_, err := u.apply(en, rules.Related{})
	return err
}
