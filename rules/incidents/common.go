package incidents

import (
	"slices"
	"time"

	"vigie/rules"
	"vigie/rules/classify"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Shared is what a look for failures common to several incidents found.
type Shared struct {
	Looked int // how many incidents it had to look at
	found  []classify.Correlated
	common []*Record // the common failures that are open
}

// Nothing reports whether nothing follows from the look.
func (s Shared) Nothing() bool { return len(s.found) == 0 && len(s.common) == 0 }

// FindShared looks for failures common to several incidents. Unless incidents
// have changed since the last look, it looks only for the sake of common
// failures that are open.
func FindShared(store Store, book *rules.Book, changed bool, now time.Time) (s Shared, err error) {
	if s.common, err = store.Common(); err != nil || !changed && len(s.common) == 0 {
		return s, err
	}
	if len(book.InForce(now).Correlations) == 0 {
		return s, nil
	}
	look := book.Look(now)
	err = store.Lately(now.Add(-book.CorrelatedWithin(now)), func(r *Record) error {
		if s.Looked++; r.Entry != string(model.CorrelatedSignal) {
			look.Add(r.Incident)
		}
		return nil
	})
	s.found = look.Found()
	return s, err
}

// Correlate raises what was found, ends what is over, and tells members what
// they are a part of.
func (b *Batch) Correlate(s Shared) error {
	holds := map[string]bool{}
	for _, c := range s.found {
		c.Signal.StartsAt = b.Now
		for _, r := range s.common {
			if a := r.Alerts[c.Signal.Fingerprint]; a != nil && a.Firing {
				c.Signal.StartsAt = a.StartsAt // it is the same failure still
			}
		}
		classified := Classify(b.Book, c.Signal, b.Now)
		t, err := b.Take(c.Signal, &classified, true)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		holds[t.ID] = true
		if err := b.join(c, t.ID); err != nil {
			return err
		}
	}
	for _, r := range s.common {
		if t := b.Track(r); !holds[t.ID] {
			if err := b.over(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// join makes incidents members of a common one.
func (b *Batch) join(c classify.Correlated, common string) error {
	for _, key := range c.Members {
		rs, err := b.Store.OpenWithKey(key)
		if err != nil {
			return err
		}
		for _, r := range rs {
			t := b.Track(r)
			if t.Outage == common && t.OutageMarks == c.Marks {
				continue
			}
			t.Outage, t.OutageMarks, t.dirty = common, c.Marks, true
			if _, err := b.Apply(t, incident.Related{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// over ends a common failure once what still fails of it is common to several
// no more. That no new ones join says nothing about the old ones.
func (b *Batch) over(common *Tracked) error {
	rs, err := b.Store.MembersOf(common.ID)
	if err != nil {
		return err
	}
	var failing []incident.Incident
	for _, r := range rs {
		if t := b.Track(r); !t.State.Ended() {
			failing = append(failing, t.Incident)
		}
	}
	if b.Book.StillCommon(common.Incident, failing, b.Now) {
		return nil
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
	_, err = b.Apply(common, incident.Cleared{Fingerprints: firing, At: b.Now, Trusted: true, Left: left(failing)})
	return err
}

// left names the machines that still fail.
func left(failing []incident.Incident) []string {
	var names []string
	for _, i := range failing {
		names = append(names, i.Identity[model.LabelCustomer]+"/"+i.Identity[model.LabelMachine])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// release lets the members of a common failure that has ended go on by
// themselves.
func (b *Batch) release(common *Tracked) error {
	rs, err := b.Store.MembersOf(common.ID)
	if err != nil {
		return err
	}
	for _, r := range rs {
		t := b.Track(r)
		t.Outage, t.OutageMarks, t.dirty = "", false, true
		if t.State.Ended() {
			continue
		}
		if _, err := b.Apply(t, incident.Related{}); err != nil {
			return err
		}
	}
	return nil
}
