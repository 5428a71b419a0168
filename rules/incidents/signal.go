package incidents

import (
	"slices"
	"time"

	"vigie/rules"
	"vigie/rules/classify"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Watchdog is why the alert that proves monitoring alive opens no incident.
const Watchdog = "watchdog"

// Classify classifies an alert whose label claims a kind that an alert cannot
// have as well: a report can be refused to the person who makes it, an alert
// must not get lost.
func Classify(book *rules.Book, s model.Signal, now time.Time) classify.Classified {
	c := book.Classify(s, now)
	if c.Refusal == nil || s.IsReport() {
		return c
	}
	s.Kind = model.BackupAlert
	if s.Labels[model.LabelPlatform] != "" {
		s.Kind = model.InfraProbe
	}
	c = book.Classify(s, now)
	c.Issues = append(c.Issues, "signal_kind_unknown")
	return c
}

// ClassifyAll classifies signals with [Classify]. Nil is that it failed: whoever takes
// them in, where a panic harms nobody else, will meet the reason again.
func ClassifyAll(book *rules.Book, signals []model.Signal, now time.Time) (out []classify.Classified) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	out = make([]classify.Classified, len(signals))
	for n, s := range signals {
		out[n] = Classify(book, s, now)
	}
	return out
}

// Lead is what a signal leads to, and when what it tells of began, in nanoseconds
// since 1970, as far as that counts.
type Lead struct {
	Key   string
	Began int64
}

// Leads are those of signals for each of which an incident is kept; nil when one is
// not.
func Leads(all []classify.Classified) []Lead {
	leads := make([]Lead, len(all))
	for n, c := range all {
		if c.Refusal != nil || c.Ignored != "" || c.Signal.IsReport() {
			return nil
		}
		leads[n] = Lead{c.Key, c.Signal.StartsAt.UnixNano()}
	}
	return leads
}

// Take takes in a signal that fires, as the batch's book has classified it. It
// returns nil when no incident is kept for it, and c then says why: it is
// refused, or ignored. A watchdog is left to the caller.
func (b *Batch) Take(s model.Signal, c *classify.Classified, confirmed bool) (*Tracked, error) {
	if c.Refusal != nil {
		return nil, nil
	}
	if c.Ignored != "" {
		return nil, b.ignore(c)
	}
	t, err := b.choose(c)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, b.ignore(c)
	}
	if s.IsReport() && slices.ContainsFunc(t.Reports, func(r model.Signal) bool { return r.Fingerprint == s.Fingerprint }) {
		return t, nil
	}
	if b.Book.Repeats(&t.Incident, c.Signal) {
		t.repeated.Signals, t.repeated.Confirmed = append(t.repeated.Signals, c.Signal), confirmed
		return t, nil
	}
	_, err = b.Apply(t, incident.Fired{Signal: c.Signal, Confirmed: confirmed})
	return t, err
}

// choose finds the incident that a signal belongs to, or begins one. It returns
// nil, and says why in c, when the signal is of something out of service.
func (b *Batch) choose(c *classify.Classified) (*Tracked, error) {
	place := PlaceOf(c.Signal.Labels)
	key := c.Key
	if namesMachine(c.Identity, place) {
		key = ""
	}
	if err := b.gather(key, place); err != nil {
		return nil, err
	}
	var found []*Tracked
	candidates := b.candidates[:0]
	hs := handles(c.Key, place)
	for _, t := range b.at(hs[:]...) {
		if t.State != "" {
			found, candidates = append(found, t), append(candidates, t.Incident)
		}
	}
	b.candidates = candidates
	switch i := b.Book.Choose(*c, candidates, b.Now); {
	case i == classify.Ignore:
		c.Ignored = "decommissioned"
		return nil, nil
	case i >= 0:
		return found[i], nil
	}
	return b.begin(*c)
}

// gather loads the incidents that a signal of that key and place may belong to.
func (b *Batch) gather(key string, p Place) error {
	k := search{key, p}
	if b.searched[k] {
		return nil
	}
	rs, err := b.Store.Candidates(key, p, b.Now.Add(-Reopenable))
	if err != nil {
		return err
	}
	for _, r := range rs {
		b.Track(r)
	}
	b.searched[k] = true
	if p.Machine != "" {
		b.machines[[2]string{p.Customer, p.Machine}] = true // its open ones are among them
	}
	return nil
}

// ignore notes a signal for which no incident is kept; it is journalled once.
func (b *Batch) ignore(c *classify.Classified) error {
	b.moved = true
	if c.Ignored == Watchdog {
		return nil
	}
	news, err := b.Store.Ignore(c.Signal, c.Ignored, c.Again, b.Now)
	if err != nil || !news {
		return err
	}
	if b.Ignored != nil {
		b.Ignored(c.Ignored)
	}
	return b.Store.AppendSystem(incident.Entry{At: b.Now, Kind: "signal", What: "ignored " + c.Signal.Labels[model.LabelAlertname],
		Reason: "no incident is kept: " + c.Ignored, Personal: c.Signal.Labels.String()})
}

// Cleared is an alert that does not fire any more.
type Cleared struct {
	Signal model.Signal
	EndsAt time.Time
}

// Clear takes in alerts that fire no more, those of one incident and instant
// together.
func (b *Batch) Clear(cleared []Cleared) error {
	type group struct {
		id string
		at int64
	}
	var order []group
	groups := map[group][]string{}
	for _, c := range cleared {
		b.moved = true
		fp := c.Signal.Fingerprint
		if err := b.Store.Forget(fp); err != nil {
			return err
		}
		ids, err := b.holders(c.Signal)
		if err != nil {
			return err
		}
		for _, id := range ids {
			g := group{id, c.EndsAt.UnixNano()}
			if groups[g] == nil {
				order = append(order, g)
			}
			groups[g] = append(groups[g], fp)
		}
	}
	for _, g := range order {
		t, err := b.Load(g.id)
		if err != nil {
			return err
		}
		ev, deferred, err := b.Endings.Judge(b, t, incident.Cleared{Fingerprints: groups[g], At: time.Unix(0, g.at).UTC()})
		if err != nil {
			return err
		}
		if deferred {
			continue
		}
		if _, err := b.Apply(t, ev); err != nil {
			return err
		}
	}
	return nil
}

// holders returns the open incidents in which an alert fires.
func (b *Batch) holders(s model.Signal) ([]string, error) {
	ids, err := b.Store.WithAlert(s)
	if err != nil {
		return nil, err
	}
	for _, t := range b.tracked {
		if a := t.Alerts[s.Fingerprint]; a != nil && a.Firing && !t.State.Ended() && !slices.Contains(ids, t.ID) {
			ids = append(ids, t.ID)
		}
	}
	return ids, nil
}
