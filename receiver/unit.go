package receiver

import (
	"fmt"
	"slices"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
)

// unit is the work of one transaction. It loads an incident once, lets any
// number of events move it, and writes it once, so that a delivery of a
// hundred alerts about one incident costs one row.
type unit struct {
	e    *Engine
	tx   *store.Tx
	book *rules.Book
	now  time.Time

	entries  []*entry
	byID     map[string]*entry
	byPlace  map[handle][]*entry
	machines map[[2]string]bool // whose open incidents are loaded
	gathered map[gathered]bool  // for which signals candidates are loaded
	blinding []*entry           // open incidents about sources that cannot be read
	looked   bool               // blinding is loaded
}

// entry is an incident at work, with what has been decided about it so far.
type entry struct {
	*store.Record
	position int // among the unit's entries
	was      rules.State
	blinded  bool
	place    store.Place    // where it happens
	repeated rules.Repeated // what waits to be decided together
	dirty    bool
	journal  []rules.Entry
	notify   []rules.Notification
	withdraw []string
	breaches []rules.Breach
}

func (e *Engine) unit(tx *store.Tx, now time.Time) *unit {
	return &unit{e: e, tx: tx, book: e.Book(), now: now, byID: map[string]*entry{}, byPlace: map[handle][]*entry{},
		machines: map[[2]string]bool{}, gathered: map[gathered]bool{}}
}

// handle is something by which an entry is found: its key, its machine ...
type handle struct{ kind, customer, name string }

func handles(key string, p store.Place) [4]handle {
	h := [4]handle{{kind: "key", name: key}}
	if p.Machine != "" {
		h[1] = handle{"machine", p.Customer, p.Machine}
	}
	if p.Platform != "" {
		h[2] = handle{kind: "platform", name: p.Platform}
	}
	if p.Host != "" {
		h[3] = handle{kind: "host", name: p.Host}
	}
	return h
}

// gathered is what candidates are looked up by.
type gathered struct {
	key   string
	place store.Place
}

// hold takes a loaded record into the unit, unless the unit already works on
// that incident.
func (u *unit) hold(r *store.Record) *entry {
	if en := u.byID[r.ID]; en != nil {
		return en
	}
	en := &entry{Record: r, position: len(u.entries), was: r.State, blinded: r.Blinds && r.State != "" && !r.State.Ended()}
	u.entries, u.byID[r.ID] = append(u.entries, en), en
	u.list(en)
	return en
}

// list makes an entry findable by its place, which changes only with a decision.
func (u *unit) list(en *entry) {
	en.place = en.Place()
	for _, h := range handles(en.Key, en.place) {
		if h.kind != "" && !slices.Contains(u.byPlace[h], en) {
			u.byPlace[h] = append(u.byPlace[h], en)
		}
	}
}

// at returns the entries that are found by any of the handles, in the order in
// which they came.
func (u *unit) at(hs ...handle) []*entry {
	var out []*entry
	for _, h := range hs {
		for _, en := range u.byPlace[h] {
			if h.kind != "" && slices.Contains(handlesOf(en), h) && !slices.Contains(out, en) {
				out = append(out, en)
			}
		}
	}
	slices.SortFunc(out, func(a, b *entry) int { return a.position - b.position })
	return out
}

func handlesOf(en *entry) []handle {
	h := handles(en.Key, en.place)
	return h[:]
}

func (u *unit) load(id string) (*entry, error) {
	if en := u.byID[id]; en != nil {
		return en, nil
	}
	r, err := u.tx.Incident(id)
	if err != nil {
		return nil, err
	}
	return u.hold(r), nil
}

// begin opens the entry of a new incident.
func (u *unit) begin(c rules.Classified) (*entry, error) {
	n, err := u.tx.NextNumber()
	if err != nil {
		return nil, err
	}
	return u.hold(store.NewRecord(u.book.Begin(c, fmt.Sprintf("i%d", n), n, u.now))), nil
}

// onMachine returns the open incidents of a machine, those of this unit included.
func (u *unit) onMachine(p store.Place) ([]*entry, error) {
	if p.Machine == "" {
		return nil, nil
	}
	k := [2]string{p.Customer, p.Machine}
	if !u.machines[k] {
		rs, err := u.tx.OnMachine(p.Customer, p.Machine)
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			u.hold(r)
		}
		u.machines[k] = true
	}
	return slices.DeleteFunc(u.at(handle{"machine", p.Customer, p.Machine}), func(en *entry) bool {
		return en.State == "" || en.State.Ended()
	}), nil
}

// facts are what a decision about an incident must know beside it.
func (u *unit) facts(en *entry) (rules.Facts, error) {
	var f rules.Facts
	siblings, err := u.siblings(en)
	if err != nil {
		return f, err
	}
	for _, s := range siblings {
		f.Siblings = append(f.Siblings, rules.SiblingOf(s.Incident))
	}
	if f.SourceDown, err = u.sourceDown(en); err != nil {
		return f, err
	}
	if en.Outage != "" && en.OutageMarks {
		common, err := u.load(en.Outage)
		if err != nil {
			return f, err
		}
		if !common.State.Ended() {
			f.Outage, f.OutageID = common.Key, fmt.Sprint(common.Number)
		}
	}
	return f, nil
}

func (u *unit) siblings(en *entry) ([]*entry, error) {
	all, err := u.onMachine(en.place)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s *entry) bool { return s.ID == en.ID || s.Key == en.Key }), nil
}

// sourceDown reports whether what reads the incident's backups is blind.
func (u *unit) sourceDown(en *entry) (bool, error) {
	if !u.looked {
		rs, err := u.tx.Blinding()
		if err != nil {
			return false, err
		}
		for _, r := range rs {
			u.blinding = append(u.blinding, u.hold(r))
		}
		u.looked = true
	}
	for _, b := range u.blinding {
		if b.ID != en.ID && en.BlindedBy(b.Incident) {
			return true, nil
		}
	}
	return false, nil
}

// apply lets an event move an incident, and then lets the other incidents of
// the machine decide again when they may have to.
func (u *unit) apply(en *entry, ev rules.Event) (rules.Decision, error) {
	d, err := u.decide(en, ev)
	if err != nil || !d.Touches {
		return d, err
	}
	const turns = 2 // each sibling decides anew at most so often for one event
	times := map[string]int{en.ID: 1}
	for queue := []*entry{en}; len(queue) > 0; queue = queue[1:] {
		siblings, err := u.siblings(queue[0])
		if err != nil {
			return d, err
		}
		for _, s := range siblings {
			if times[s.ID] >= turns {
				continue
			}
			times[s.ID]++
			sd, err := u.decide(s, rules.Related{})
			if err != nil {
				return d, err
			}
			if sd.Touches {
				queue = append(queue, s)
			}
		}
	}
	return d, nil
}

// decideRepeated decides about what came in again and has waited for more.
func (u *unit) decideRepeated(en *entry) error {
	ev := en.repeated
	if len(ev.Signals) == 0 {
		return nil
	}
	en.repeated = rules.Repeated{}
	_, err := u.apply(en, ev)
	return err
}

// decide takes one decision and keeps what follows from it.
func (u *unit) decide(en *entry, ev rules.Event) (rules.Decision, error) {
	if err := u.decideRepeated(en); err != nil {
		return rules.Decision{}, err
	}
	facts, err := u.facts(en)
	if err != nil {
		return rules.Decision{}, err
	}
	var d rules.Decision
	if _, act := ev.(rules.Acted); act {
		if d = u.book.Decide(en.Incident, ev, facts, u.now); d.Refusal != nil {
			return d, nil // a person is told, and the incident is as it was
		}
		en.Incident = d.Incident
	} else if d = u.book.Advance(&en.Incident, ev, facts, u.now); d.Refusal != nil {
		return d, fmt.Errorf("incident %s: %s", en.ID, d.Refusal.Reason) // it must not get lost
	}
	_, answer := ev.(rules.Answered)
	en.dirty = true
	en.WakeAt, en.WakeWith, en.AskAt = u.wake(d), "", u.ask(d, answer)
	if !keepsPlace(en, ev) {
		u.list(en)
	}
	if p := u.book.Policy(en.Policy); p != nil {
		if s := p.Scenario(en.Scenario); s != nil {
			en.Blinds = s.Blinds
		}
	}
	if en.Blinds && u.looked && !slices.Contains(u.blinding, en) {
		u.blinding = append(u.blinding, en)
	}
	en.journal = append(en.journal, d.Journal...)
	en.breaches = append(en.breaches, d.Breaches...)
	en.notify = append(en.notify, d.Notifications...)
	for _, id := range d.Withdraw {
		if i := slices.IndexFunc(en.notify, func(n rules.Notification) bool { return n.ID == id }); i >= 0 {
			en.notify = slices.Delete(en.notify, i, i+1)
			continue
		}
		en.withdraw = append(en.withdraw, id)
	}
	return d, nil
}

// breath is the least time between two looks at one incident.
const breath = time.Second

func (u *unit) wake(d rules.Decision) time.Time {
	if !d.WakeAt.IsZero() && !d.WakeAt.After(u.now) {
		return u.now.Add(breath)
	}
	return d.WakeAt
}

// ask is when evidence is asked for next: at once when the decision needs it,
// but not again at once when the answer has just come.
func (u *unit) ask(d rules.Decision, answered bool) time.Time {
	at := d.PollAt
	if d.Needs != nil {
		at = u.now
	}
	if answered && !at.IsZero() && !at.After(u.now) {
		return u.now.Add(5 * breath)
	}
	return at
}

// flush writes everything that was decided.
func (u *unit) flush() error {
	for i := 0; i < len(u.entries); i++ {
		if err := u.decideRepeated(u.entries[i]); err != nil {
			return err
		}
	}
	for i := 0; i < len(u.entries); i++ { // releasing members adds to the work
		en := u.entries[i]
		if en.Entry == string(rules.CorrelatedSignal) && en.State.Ended() && !en.was.Ended() {
			if err := u.release(en); err != nil {
				return err
			}
		}
	}
	for _, en := range u.entries {
		if !en.dirty {
			continue
		}
		if err := u.tx.Append(en.Record, en.journal); err != nil {
			return err
		}
		if err := u.tx.Save(en.Record); err != nil {
			return err
		}
		for _, id := range en.withdraw {
			if err := u.tx.Withdraw(id); err != nil {
				return err
			}
		}
		for _, n := range en.notify {
			if err := u.tx.Notify(n); err != nil {
				return err
			}
		}
	}
	for _, en := range u.entries {
		if !en.dirty {
			continue
		}
		if err := u.consequences(en); err != nil {
			return err
		}
	}
	return nil
}

// consequences reach beyond the incident and its machine.
func (u *unit) consequences(en *entry) error {
	open := en.State != "" && !en.State.Ended()
	if en.Blinds && open != en.blinded {
		for _, a := range en.Alerts {
			if err := u.tx.WakeSource(a.Labels[rules.LabelSource], u.now); err != nil {
				return err
			}
		}
	}
	opened := open && (en.was == "" || en.was.Ended())
	ended := !open && en.was != "" && !en.was.Ended()
	breaches, scenario := en.breaches, en.Scenario
	if !opened && !ended && len(breaches) == 0 {
		return nil
	}
	u.tx.AfterCommit(func() {
		if opened || ended {
			u.e.correlate.Store(true)
		}
		if opened {
			u.e.metrics.opened.WithLabelValues(scenario).Inc()
		}
		for _, b := range breaches {
			u.e.metrics.breaches.WithLabelValues(scenario, b.Target).Inc()
		}
	})
	return nil
}

// keepsPlace reports whether an event cannot change where an incident happens.
func keepsPlace(en *entry, ev rules.Event) bool {
	switch ev := ev.(type) {
	case rules.Fired:
		return en.place.Says(store.PlaceOf(ev.Signal.Labels))
	case rules.Repeated, rules.Tick, rules.Related, rules.EndingHeld, rules.EndingDropped:
		return true
	}
	return false
}
