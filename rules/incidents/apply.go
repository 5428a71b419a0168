package incidents

import (
	"fmt"
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// Apply lets an event move an incident, and then lets the other incidents of
// the machine decide again when they may have to. Only an act can be refused.
func (b *Batch) Apply(t *Tracked, ev incident.Event) (incident.Outcome, error) {
	d, err := b.decide(t, ev)
	if err != nil || !d.Touches {
		return d, err
	}
	const turns = 2 // each sibling decides anew at most so often for one event
	times := map[string]int{t.ID: 1}
	for queue := []*Tracked{t}; len(queue) > 0; queue = queue[1:] {
		siblings, err := b.siblings(queue[0])
		if err != nil {
			return d, err
		}
		for _, s := range siblings {
			if times[s.ID] >= turns {
				continue
			}
			times[s.ID]++
			var also incident.Event = incident.Related{}
			if a, acted := ev.(incident.Acted); acted && a.Act.Verb == "decommission" && times[s.ID] == 1 {
				also = ev // the machine is gone, whatever of it fails
			}
			sd, err := b.decide(s, also)
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
func (b *Batch) decideRepeated(t *Tracked) error {
	ev := t.repeated
	if len(ev.Signals) == 0 {
		return nil
	}
	t.repeated, t.Again = incident.Repeated{}, append(t.Again, ev.Signals...)
	_, err := b.Apply(t, ev)
	return err
}

// maxAnswers bounds how often one decision may ask for evidence.
const maxAnswers = 8

// decide takes a decision, and those that answers to its questions make
// necessary.
func (b *Batch) decide(t *Tracked, ev incident.Event) (incident.Outcome, error) {
	d, err := b.decideOnce(t, ev)
	for n := 0; err == nil && d.Needs != nil && b.Answer != nil; n++ {
		if n == maxAnswers {
			return d, fmt.Errorf("incident %s (%s) keeps asking for the same evidence", t.ID, t.Key)
		}
		touched := d.Touches
		d, err = b.decideOnce(t, b.Answer(t, *d.Needs))
		d.Touches = d.Touches || touched
	}
	return d, err
}

// decideOnce takes one decision and keeps what follows from it.
func (b *Batch) decideOnce(t *Tracked, ev incident.Event) (incident.Outcome, error) {
	if err := b.decideRepeated(t); err != nil {
		return incident.Outcome{}, err
	}
	around, err := b.Circumstances(t)
	if err != nil {
		return incident.Outcome{}, err
	}
	var d incident.Outcome
	if _, act := ev.(incident.Acted); act {
		made := b.Book.Decide(t.Incident, ev, around, b.Now)
		if d = made.Outcome; d.Refusal != nil {
			return d, nil // a person is told, and the incident is as it was
		}
		if refusal, err := b.merging(t, ev); err != nil || refusal != nil {
			return incident.Outcome{Refusal: refusal}, err
		}
		t.Incident = made.Incident
	} else if d = b.Book.Advance(&t.Incident, ev, around, b.Now); d.Refusal != nil {
		return d, fmt.Errorf("incident %s: %w", t.ID, d.Refusal) // it must not get lost
	}
	if _, again := ev.(incident.Repeated); !again || d.From != t.State || len(d.Journal)+len(d.Notifications)+len(d.Rewrites)+len(d.Withdraw)+len(d.Breaches) > 0 {
		b.moved = true
	}
	_, answer := ev.(incident.Answered)
	t.dirty = true
	t.WakeAt, t.WakeWith, t.AskAt = b.wake(d), "", b.ask(d, answer)
	if !t.keepsPlace(ev) {
		b.index(t)
	}
	b.noteBlind(t)
	b.keep(t, d)
	if b.Decided != nil {
		b.Decided(t, d)
	}
	return d, nil
}

// noteBlind notes that an incident is about a source that cannot be read.
func (b *Batch) noteBlind(t *Tracked) {
	if p := b.Book.Policy(t.Policy); p != nil {
		if s := p.Scenario(t.Scenario); s != nil {
			t.Blinds = s.Blinds
		}
	}
	if t.Blinds && b.looked && !slices.ContainsFunc(b.blinding, func(r *Record) bool { return r.ID == t.ID }) {
		b.blinding = append(b.blinding, t.Record)
	}
}

// keep adds what a decision came to.
func (b *Batch) keep(t *Tracked, d incident.Outcome) {
	t.journal = append(t.journal, d.Journal...)
	t.Breaches = append(t.Breaches, d.Breaches...)
	b.notify = append(b.notify, d.Notifications...)
	for _, n := range d.Rewrites {
		if i := slices.IndexFunc(b.notify, func(o incident.Notification) bool { return o.ID == n.ID }); i >= 0 {
			b.notify[i] = n
			continue
		}
		t.rewrites = append(t.rewrites, n)
	}
	for _, id := range d.Withdraw {
		if i := slices.IndexFunc(b.notify, func(n incident.Notification) bool { return n.ID == id }); i >= 0 {
			b.notify = slices.Delete(b.notify, i, i+1)
			continue
		}
		t.withdraw = append(t.withdraw, id)
	}
}

// leastPause is the least time between two looks at one incident.
const leastPause = time.Second

func (b *Batch) wake(d incident.Outcome) time.Time {
	if !d.WakeAt.IsZero() && !d.WakeAt.After(b.Now) {
		return b.Now.Add(leastPause)
	}
	return d.WakeAt
}

// ask is when evidence is asked for next: at once when the decision needs it,
// but not again at once when the answer has just come.
func (b *Batch) ask(d incident.Outcome, answered bool) time.Time {
	at := d.PollAt
	if d.Needs != nil {
		at = b.Now
	}
	if answered && !at.IsZero() && !at.After(b.Now) {
		return b.Now.Add(5 * leastPause)
	}
	return at
}

// Wake lets time move an incident whose instant has come. It does nothing when
// somebody else was faster.
func (b *Batch) Wake(id string) error {
	t, err := b.Load(id)
	if err != nil || t.WakeAt.IsZero() || t.WakeAt.After(b.Now) {
		return err
	}
	var ev incident.Event = incident.Tick{}
	switch t.WakeWith {
	case WakeRelated:
		ev = incident.Related{}
	case WakeRefreshed:
		ev = incident.Refreshed{}
	}
	_, err = b.Apply(t, ev)
	return err
}

// Refresh lets an open incident look anew at what may have changed beside it:
// settings, the inventory, the clock.
func (b *Batch) Refresh(id string) error {
	t, err := b.Load(id)
	if err != nil || !t.open() {
		return err
	}
	_, err = b.Apply(t, incident.Refreshed{})
	return err
}

// Needs lets an incident look at what it has to ask for now; nil is nothing.
func (b *Batch) Needs(id string) (*incident.Need, error) {
	t, err := b.Load(id)
	if err != nil {
		return nil, err
	}
	d, err := b.Apply(t, incident.Tick{})
	return d.Needs, err
}

// Tell lets an event move the incident of that id.
func (b *Batch) Tell(id string, ev incident.Event) (incident.Outcome, error) {
	t, err := b.Load(id)
	if err != nil {
		return incident.Outcome{}, err
	}
	return b.Apply(t, ev)
}

// Flush writes everything that was decided.
func (b *Batch) Flush() error {
	for i := 0; i < len(b.tracked); i++ {
		if err := b.decideRepeated(b.tracked[i]); err != nil {
			return err
		}
	}
	for i := 0; i < len(b.tracked); i++ { // releasing members adds to the work
		t := b.tracked[i]
		if t.Entry == string(model.CorrelatedSignal) && t.State.Ended() && !t.Was.Ended() {
			if err := b.release(t); err != nil {
				return err
			}
		}
	}
	for _, t := range b.tracked {
		if t.Ended() {
			if err := b.lookAgain(t); err != nil {
				return err
			}
		}
		if t.dirty {
			if err := b.write(t); err != nil {
				return err
			}
		}
	}
	for _, n := range b.notify {
		if err := b.Store.Notify(n); err != nil {
			return err
		}
	}
	for _, t := range b.tracked {
		if t.dirty {
			if err := b.wakeBlinded(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookAgain has what still fires of an ended incident offered again later.
func (b *Batch) lookAgain(t *Tracked) error {
	firing, at := b.Book.StillFiring(t.Incident)
	for _, s := range firing {
		if _, err := b.Store.Ignore(s, "ended", at, b.Now); err != nil {
			return err
		}
	}
	return nil
}

func (b *Batch) write(t *Tracked) error {
	if err := b.Store.Append(t.Record, t.journal); err != nil {
		return err
	}
	if err := b.Store.Save(t.Record); err != nil {
		return err
	}
	for _, n := range t.rewrites {
		if err := b.Store.Rewrite(n); err != nil {
			return err
		}
	}
	for _, id := range t.withdraw {
		if err := b.Store.Withdraw(id); err != nil {
			return err
		}
	}
	return nil
}

// wakeBlinded lets the incidents look again whose source can be read again, or
// not any more.
func (b *Batch) wakeBlinded(t *Tracked) error {
	if !t.Blinds || t.open() == t.blinded {
		return nil
	}
	for _, a := range t.Alerts {
		if err := b.Store.WakeSource(a.Labels[model.LabelSource], b.Now); err != nil {
			return err
		}
	}
	return nil
}

// keepsPlace reports whether an event cannot change where an incident happens.
func (t *Tracked) keepsPlace(ev incident.Event) bool {
	switch ev := ev.(type) {
	case incident.Fired:
		return t.place.Says(PlaceOf(ev.Signal.Labels))
	case incident.Repeated, incident.Tick, incident.Related, incident.EndingUnconfirmed, incident.EndingDropped:
		return true
	}
	return false
}
