package receiver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
)

// Delivery is what came in at once, from a webhook or from reconciliation.
type Delivery struct {
	Fired   []rules.Signal
	Cleared []Cleared
	// Confirmed says that Alertmanager was asked and says so now.
	Confirmed bool
	// Raw is the delivery as received, to be kept; nil when nothing was.
	Raw []byte
}

// Cleared is an alert that does not fire any more.
type Cleared struct {
	Signal rules.Signal
	EndsAt time.Time
}

// receiveAtOnce is how many signals are taken in per transaction. A delivery of
// more, cut short by its deadline, has got further when it is sent again.
const receiveAtOnce = 500

// Receive takes in a delivery. Nil means that it is durably kept and that
// everything that follows from it has been decided.
func (e *Engine) Receive(ctx context.Context, d Delivery) error {
	var body *store.Body
	if d.Raw != nil {
		packed, err := e.store.NewBody(d.Raw, len(d.Fired)+len(d.Cleared))
		if err != nil {
			return err
		}
		body = &packed
	}
	if len(d.Fired)+len(d.Cleared) <= receiveAtOnce {
		return e.receive(ctx, d, body)
	}
	part := Delivery{Confirmed: d.Confirmed}
	for fired := range slices.Chunk(d.Fired, receiveAtOnce) {
		part.Fired = fired
		if err := e.receive(ctx, part, body); err != nil {
			return err
		}
		body = nil
	}
	part.Fired = nil
	for cleared := range slices.Chunk(d.Cleared, receiveAtOnce) {
		part.Cleared = cleared
		if err := e.receive(ctx, part, body); err != nil {
			return err
		}
		body = nil
	}
	return nil
}

func (e *Engine) receive(ctx context.Context, d Delivery, body *store.Body) error {
	now := e.o.Now()
	if err := e.store.Full(); err != nil {
		return err // Alertmanager repeats it; the room that is left is for what nobody repeats
	}
	book := e.Book()
	fired := classify(book, d.Fired, now) // outside the writer, which has the most to do
	return e.store.Update(ctx, func(tx *store.Tx) error {
		u := e.unit(tx, now)
		if body != nil {
			if err := tx.KeepBody(*body, now); err != nil {
				return err
			}
		}
		for i, s := range d.Fired {
			var err error
			if fired != nil && u.book == book {
				_, err = u.take(s, fired[i], d.Confirmed)
			} else {
				_, err = u.fire(s, d.Confirmed)
			}
			if err != nil {
				return err
			}
		}
		if err := u.clear(d.Cleared); err != nil {
			return err
		}
		return u.flush()
	})
}

// fire takes in one signal that fires. It returns nil when no incident is kept
// for it.
func (u *unit) fire(s rules.Signal, confirmed bool) (*entry, error) {
	return u.take(s, classifyOne(u.book, s, u.now), confirmed)
}

// take takes in a signal that has been classified by the unit's book.
func (u *unit) take(s rules.Signal, c rules.Classified, confirmed bool) (*entry, error) {
	u.tx.AfterCommit(func() { u.e.issues.set(s.Fingerprint, c.Issues) })
	if c.Refusal != nil {
		return nil, &RefusedError{*c.Refusal}
	}
	if c.Ignored != "" {
		return nil, u.ignore(c)
	}
	en, err := u.choose(&c)
	if err != nil {
		return nil, err
	}
	if en == nil {
		return nil, u.ignore(c)
	}
	if s.IsReport() && slices.ContainsFunc(en.Reports, func(r rules.Signal) bool { return r.Fingerprint == s.Fingerprint }) {
		return en, nil
	}
	if u.book.Repeats(&en.Incident, c.Signal) {
		en.repeated.Signals, en.repeated.Confirmed = append(en.repeated.Signals, c.Signal), confirmed
		return en, nil
	}
	_, err = u.apply(en, rules.Fired{Signal: c.Signal, Confirmed: confirmed})
	return en, err
}

// classify classifies the signals of a delivery. Nil is that it failed: the
// store's writer, where a panic harms nobody else, will meet the reason again.
func classify(book *rules.Book, signals []rules.Signal, now time.Time) (out []rules.Classified) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	out = make([]rules.Classified, len(signals))
	for i, s := range signals {
		out[i] = classifyOne(book, s, now)
	}
	return out
}

// classifyOne classifies an alert whose label claims a kind that an alert cannot
// have as well: a report can be refused to the person who makes it, an alert
// must not get lost.
func classifyOne(book *rules.Book, s rules.Signal, now time.Time) rules.Classified {
	c := book.Classify(s, now)
	if c.Refusal == nil || s.IsReport() {
		return c
	}
	s.Kind = rules.BackupAlert
	if s.Labels[rules.LabelPlatform] != "" {
		s.Kind = rules.InfraProbe
	}
	c = book.Classify(s, now)
	c.Issues = append(c.Issues, "signal_kind_unknown")
	return c
}

// choose finds the incident that a signal belongs to, or begins one. It returns
// nil, and says why in c, when the signal is of something out of service.
func (u *unit) choose(c *rules.Classified) (*entry, error) {
	place := store.PlaceOf(c.Signal.Labels)
	key := c.Key
	if place.Machine != "" && c.Identity[rules.LabelMachine] == place.Machine && c.Identity[rules.LabelCustomer] == place.Customer {
		key = "" // whatever has this key is of this machine
	}
	if err := u.gather(key, place); err != nil {
		return nil, err
	}
	var entries []*entry
	var candidates []rules.Incident
	hs := handles(c.Key, place)
	for _, en := range u.at(hs[:]...) {
		if en.State != "" {
			entries, candidates = append(entries, en), append(candidates, en.Incident)
		}
	}
	switch i := u.book.Choose(*c, candidates, u.now); {
	case i == rules.Ignore:
		c.Ignored = "decommissioned"
		return nil, nil
	case i >= 0:
		return entries[i], nil
	}
	return u.begin(*c)
}

// gather loads the incidents that a signal of that key and place may belong to.
func (u *unit) gather(key string, p store.Place) error {
	k := gathered{key, p}
	if u.gathered[k] {
		return nil
	}
	rs, err := u.tx.Candidates(key, p, u.now.Add(-reopenable))
	if err != nil {
		return err
	}
	for _, r := range rs {
		u.hold(r)
	}
	u.gathered[k] = true
	if p.Machine != "" {
		u.machines[[2]string{p.Customer, p.Machine}] = true // its open ones are among them
	}
	return nil
}

// ignore notes a signal for which no incident is kept: a watchdog proves that
// monitoring lives, anything else is journalled once.
func (u *unit) ignore(c rules.Classified) error {
	if c.Ignored == ignoredWatchdog {
		return u.heartbeat(c.Signal)
	}
	news, err := u.tx.Ignore(c.Signal, c.Ignored, c.Again, u.now)
	if err != nil || !news {
		return err
	}
	u.tx.AfterCommit(func() { u.e.metrics.ignored.WithLabelValues(c.Ignored).Inc() })
	return u.tx.AppendSystem(rules.Entry{At: u.now, Kind: "signal", What: "ignored " + c.Signal.Labels[rules.LabelAlertname],
		Reason: "no incident is kept: " + c.Ignored, Personal: c.Signal.Labels.String()})
}

// clear takes in alerts that fire no more, those of one incident and instant
// together.
func (u *unit) clear(cleared []Cleared) error {
	type group struct {
		id string
		at int64
	}
	var order []group
	groups := map[group][]string{}
	for _, c := range cleared {
		fp := c.Signal.Fingerprint
		u.tx.AfterCommit(func() { u.e.issues.set(fp, nil) })
		if err := u.tx.Forget(fp); err != nil {
			return err
		}
		if u.book.Classify(c.Signal, u.now).Ignored == ignoredWatchdog {
			u.stopped()
			continue
		}
		ids, err := u.holders(fp)
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
	trusted := u.e.trusted(u.now)
	for _, g := range order {
		en, err := u.load(g.id)
		if err != nil {
			return err
		}
		ev := rules.Cleared{Fingerprints: groups[g], At: time.Unix(0, g.at).UTC(), Trusted: trusted || ownAll(en, groups[g])}
		if ev.Trusted && u.mustWait(en, ev) {
			if err := u.holdEnding(en, ev); err != nil {
				return err
			}
			continue
		}
		if _, err := u.apply(en, ev); err != nil {
			return err
		}
	}
	return nil
}

// holders returns the open incidents in which an alert fires.
func (u *unit) holders(fp string) ([]string, error) {
	ids, err := u.tx.WithAlert(fp)
	if err != nil {
		return nil, err
	}
	for _, en := range u.entries {
		if a := en.Alerts[fp]; a != nil && a.Firing && !en.State.Ended() && !slices.Contains(ids, en.ID) {
			ids = append(ids, en.ID)
		}
	}
	return ids, nil
}

// issues are the faults of the data that firing signals show.
type issues struct {
	mu sync.Mutex
	by map[string][]string // fingerprint: issues
}

// maxIssues bounds how many faulty signals are remembered.
const maxIssues = 100_000

func (i *issues) set(fingerprint string, found []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(found) == 0 {
		delete(i.by, fingerprint)
		return
	}
	if i.by == nil {
		i.by = map[string][]string{}
	}
	if len(i.by) < maxIssues {
		i.by[fingerprint] = slices.Clone(found)
	}
}

func (i *issues) counts() map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := map[string]int{}
	for _, found := range i.by {
		for _, issue := range found {
			n[issue]++
		}
	}
	return n
}

// Report is a failing state as a person tells it.
type Report struct {
	Kind     rules.SignalKind
	Labels   rules.Labels // platform, customer, severity, scope ...
	By       string       // who reports
	TypedBy  string       // who entered it, when that is somebody else
	Means    string       // phone, mail or sms
	Text     string
	Received time.Time // when it was received; zero is now
	// ID identifies the report, so that sending it twice reports once.
	ID string
}

// Report takes in a person's report and returns the incident it belongs to.
func (e *Engine) Report(ctx context.Context, r Report) (rules.Incident, error) {
	now := e.o.Now()
	s := rules.Signal{Kind: r.Kind, Fingerprint: "report:" + r.ID, Labels: maps.Clone(r.Labels), StartsAt: r.Received,
		By: r.By, Means: r.Means, Text: r.Text, Annotations: map[string]string{}}
	// One person is one reporter, by whatever name.
	if known := e.Book().Directory.Person(r.By); known != nil {
		s.By = known.ID
	} else {
		s.Unregistered = true
	}
	if r.TypedBy != "" && r.TypedBy != s.By {
		s.Annotations["typed_by"] = r.TypedBy
	}
	if !s.IsReport() {
		return rules.Incident{}, refused(422, "kind %q is not one of %s, %s, %s, %s", r.Kind,
			rules.Level2Voluntary, rules.Level3Emergency, rules.EmergencyMeans, rules.UserAssistance)
	}
	if s.StartsAt.IsZero() {
		s.StartsAt = now
	}
	if c := e.Book().Classify(s, now); c.Instead != nil {
		if err := e.Receive(ctx, Delivery{Fired: []rules.Signal{*c.Instead}, Confirmed: true}); err != nil {
			return rules.Incident{}, err
		}
		return rules.Incident{}, &RefusedError{*c.Refusal}
	}
	var inc rules.Incident
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		u := e.unit(tx, now)
		en, err := u.fire(s, true)
		if err != nil {
			return err
		}
		if en == nil {
			return refused(422, "no incident is kept for such a report at the moment")
		}
		if err := u.flush(); err != nil {
			return err
		}
		inc = en.Incident
		return nil
	})
	if err != nil {
		return rules.Incident{}, err
	}
	return inc, nil
}

func refused(status int, format string, args ...any) error {
	return &RefusedError{rules.Refusal{Status: status, Reason: fmt.Sprintf(format, args...)}}
}

// Act lets a person do something to an incident, named by id or number.
func (e *Engine) Act(ctx context.Context, name string, act rules.Act) (rules.Decision, error) {
	if act.Verb == rules.VerbSilence {
		return e.silence(ctx, name, act)
	}
	return e.act(ctx, name, act)
}

func (e *Engine) act(ctx context.Context, name string, act rules.Act) (rules.Decision, error) {
	now := e.o.Now()
	var d rules.Decision
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		r, err := find(tx, name)
		if err != nil {
			return err
		}
		u := e.unit(tx, now)
		en := u.hold(r)
		if d, err = u.apply(en, rules.Acted{Act: act}); err != nil {
			return err
		}
		if d.Refusal != nil {
			return &RefusedError{*d.Refusal}
		}
		return u.flush()
	})
	if err != nil {
		return rules.Decision{}, err
	}
	return d, nil
}
