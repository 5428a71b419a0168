package story

import (
	"fmt"
	"sort"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/availability"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/incidents/memory"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Options say how a story is played.
type Options struct {
	// Journal adds the journal's lines.
	Journal bool
	// Subject renders the subject of a message from the notifications that it
	// bundles; nil leaves subjects empty.
	Subject func([]incident.Notification) string
}

// Play plays a story and returns what happened, in order of time. An error
// says which line of the story could not be played.
func Play(book *rules.Book, s *Story, opt Options) ([]Happening, error) {
	p := newPlayer(book, s, opt)
	if err := p.play(s); err != nil {
		return nil, err
	}
	return p.out, nil
}

// player holds everything outside the rules: the clock, the incidents as the
// store would keep them, and the world around.
type player struct {
	opt  Options
	book *rules.Book
	zone *time.Location
	now  time.Time
	out  []Happening

	store *memory.Store
	moved bool // incidents have opened or ended since common failures were looked for
	// Of incidents, by id: the change that the newest evidence reflects, the
	// silences that they have been told of, and how often they woke at one instant.
	answered map[string]int
	silenced map[string]string
	woken    map[string]woken

	alerts    map[string]*alert
	firing    []*alert // in the order in which they began
	changes   int
	silences  []*silence
	truth     *truth
	late      []*alert          // of which the receiver has not heard yet
	dirty     map[machineID]int // machines of which there is news, and which change it was
	minutes   map[int64]bool    // full minutes at which something is to be noticed
	deaf      time.Time         // Alertmanager cannot be reached before
	reconnect bool              // what Alertmanager queued leaves at deaf
	reports   int

	silenceCount int

	probes map[string][]availability.Stretch // by platform; the last goes on

	mail outbox
}

// woken is how often an incident woke at one instant.
type woken struct {
	at    time.Time
	turns int
}

func newPlayer(book *rules.Book, s *Story, opt Options) *player {
	p := &player{
		opt: opt, book: book, store: memory.New(), alerts: map[string]*alert{},
		answered: map[string]int{}, silenced: map[string]string{}, woken: map[string]woken{},
		dirty: map[machineID]int{}, minutes: map[int64]bool{}, probes: map[string][]availability.Stretch{},
	}
	p.zone = book.InForce(s.Start.in(time.UTC)).Zone
	if p.zone == nil {
		p.zone = time.UTC
	}
	p.truth = learn(book.Directory, s)
	p.mail.refused = map[string]bool{}
	return p
}

// play goes from instant to instant at which anything happens.
func (p *player) play(s *Story) error {
	events, _, until, err := p.script(s)
	if err != nil {
		return err
	}
	for {
		at, some := p.next(events)
		if !some || at.After(until) {
			return nil
		}
		p.now = at
		for len(events) > 0 && events[0].At.in(p.zone).Equal(at) {
			if err := p.happen(events[0]); err != nil {
				return err
			}
			events = events[1:]
		}
		if err := p.instant(); err != nil {
			return err
		}
	}
}

// maxYears bounds a story: what nobody mends is told of again and again.
const maxYears = 20

// script is the story's events in the order in which they happen, and the span
// of time that it tells of.
func (p *player) script(s *Story) (events []*event, start, until time.Time, err error) {
	start, until = s.Start.in(p.zone), s.Until.endIn(p.zone)
	if until.Before(start) {
		return nil, start, until, fault(s.At, "until lies before start: mend the dates")
	}
	if until.After(start.AddDate(maxYears, 0, 0)) {
		return nil, start, until, fault(s.At, "until lies more than %d years after start: tell a shorter story", maxYears)
	}
	events = make([]*event, len(s.Events))
	for i := range s.Events {
		e := &s.Events[i]
		if at := e.At.in(p.zone); at.Before(start) || at.After(until) {
			return nil, start, until, fault(e.Where, "%s lies outside the story, which runs from %s until %s", at.Format(time.RFC3339), start.Format(time.RFC3339), until.Format(time.RFC3339))
		}
		events[i] = e
	}
	sort.SliceStable(events, func(i, j int) bool { return events[i].At.in(p.zone).Before(events[j].At.in(p.zone)) })
	return events, start, until, nil
}

// next is the earliest instant at which anything can happen.
func (p *player) next(events []*event) (at time.Time, some bool) {
	consider := func(t time.Time) {
		if !t.IsZero() && (!some || t.Before(at)) {
			at, some = t, true
		}
	}
	if len(events) > 0 {
		consider(events[0].At.in(p.zone))
	}
	for m := range p.minutes {
		consider(time.Unix(m, 0).In(p.zone))
	}
	if p.reconnect {
		consider(p.deaf)
	}
	consider(p.mail.next())
	for _, due := range []time.Time{p.store.NextHold(), p.store.NextOffer(), p.store.NextWake()} {
		if !due.IsZero() {
			consider(wholeSecond(due).In(p.zone))
		}
	}
	if some && at.Before(p.now) {
		at = p.now
	}
	return at, some
}

// instant does what follows the story's own events: what Alertmanager had
// queued, reconciliation, messages whose hold ended, due steps.
func (p *player) instant() error {
	if p.reconnect && !p.now.Before(p.deaf) {
		p.reconnect = false
		if err := p.catchUp(false); err != nil {
			return err
		}
	}
	if p.minutes[p.now.Unix()] {
		delete(p.minutes, p.now.Unix())
		if err := p.reconcile(); err != nil {
			return err
		}
	}
	for {
		if err := p.correlate(); err != nil {
			return err
		}
		sent, err := p.deliver()
		if err != nil {
			return err
		}
		if err := p.offerAgain(); err != nil {
			return err
		}
		woke, err := p.wakeOne()
		if err != nil {
			return err
		}
		if !sent && !woke && !p.moved {
			return nil
		}
	}
}

// update moves incidents as one transaction does.
func (p *player) update(work func(*incidents.Batch) error) error {
	b := p.batch()
	if err := work(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	for _, t := range b.Tracked() {
		p.moved = p.moved || t.Opened() || t.Ended()
	}
	return nil
}

func (p *player) batch() *incidents.Batch {
	return incidents.New(incidents.Options{Book: p.book, Store: p.store, Now: p.now, Endings: believed{}, Answer: p.answer, Decided: p.decided})
}

// believed takes every ending at its word: stories know nothing of the death of
// Prometheus.
type believed struct{}

func (believed) Judge(_ *incidents.Batch, _ *incidents.Tracked, ev incident.Cleared) (incident.Cleared, bool, error) {
	ev.Trusted = true
	return ev, false, nil
}

// maxTurns bounds how often an incident may wake at one instant; beyond it the
// rules do not come to rest, which is their fault and not the story's.
const maxTurns = 100

// wakeOne lets time pass for the first incident that waits for this instant.
func (p *player) wakeOne() (bool, error) {
	id := p.store.Due(p.now)
	if id == "" {
		return false, nil
	}
	w := p.woken[id]
	if !w.at.Equal(p.now) {
		w = woken{at: p.now}
	}
	if w.turns++; w.turns > maxTurns {
		return false, fmt.Errorf("at %s incident %s makes itself due again at once", p.now.Format(time.RFC3339), id)
	}
	p.woken[id] = w
	return true, p.update(func(b *incidents.Batch) error { return b.Wake(id) })
}

// offerAgain takes in alerts that were ignored for a time and still fire.
func (p *player) offerAgain() error {
	for _, s := range p.store.OfferedAgain(p.now) {
		err := p.update(func(b *incidents.Batch) error {
			if err := p.store.Forget(s.Fingerprint); err != nil {
				return err
			}
			return p.take(b, s, false)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// answer is what Prometheus says, at once.
func (p *player) answer(t *incidents.Tracked, n incident.Need) incident.Answered {
	p.answered[t.ID] = p.changes
	a := incident.Answered{AskedAt: p.now, Plans: map[string]incident.PlanEvidence{}}
	for f, alert := range n.Alerts {
		a.Plans[f] = p.truth.planEvidence(alert.Labels)
	}
	if n.Other != nil {
		other := p.truth.otherEvidence(*n.Other, p.now)
		a.Other = &other
	}
	return a
}

// decided tells what a decision came to.
func (p *player) decided(t *incidents.Tracked, d incident.Outcome) {
	if d.From != t.State {
		p.tell(t.Record, Happening{What: happenedState, From: d.From, To: t.State})
	}
	if p.opt.Journal {
		for _, j := range d.Journal {
			p.tell(t.Record, Happening{What: happenedJournal, Kind: j.Kind, Entry: j.What, Actor: j.Actor, Reason: j.Reason})
		}
	}
	for _, b := range d.Breaches {
		p.tell(t.Record, Happening{What: happenedBreach, Target: b.Target, Due: b.Due.In(p.zone)})
	}
	for _, task := range d.Tasks {
		p.tell(t.Record, Happening{What: happenedTask, Kind: task.Kind, Due: task.Due.In(p.zone)})
	}
}

func (p *player) tell(r *incidents.Record, h Happening) {
	h.At, h.Incident, h.Key, h.Episode = p.now, r.ID, r.Key, r.Episode
	p.out = append(p.out, h)
}

// wholeSecond is the first whole second at or after an instant.
func wholeSecond(t time.Time) time.Time {
	if up := t.Truncate(time.Second); !up.Equal(t) {
		return up.Add(time.Second)
	}
	return t
}

// take takes in a signal; a report that is refused may become another signal.
func (p *player) take(b *incidents.Batch, s model.Signal, confirmed bool) error {
	c := incidents.Classify(p.book, s, p.now)
	if c.Refusal != nil {
		p.out = append(p.out, Happening{At: p.now, What: happenedRefused, Status: c.Refusal.Status, Reason: c.Refusal.Error()})
		if c.Instead != nil {
			return p.take(b, *c.Instead, true)
		}
		return nil
	}
	_, err := b.Take(s, &c, confirmed)
	return err
}

// correlate looks for failures that many incidents share, whenever incidents
// have opened or ended.
func (p *player) correlate() error {
	if !p.moved {
		return nil
	}
	p.moved = false
	shared, err := incidents.FindShared(p.store, p.book, true, p.now)
	if err != nil || shared.Nothing() {
		return err
	}
	return p.update(func(b *incidents.Batch) error { return b.Correlate(shared) })
}

// refresh goes on with a changed directory.
func (p *player) refresh(dir *inventory.Directory, at strict.Position) error {
	book, err := rules.NewBook(dir, p.book.Policies()...)
	if err != nil {
		return fault(at, "%s", err)
	}
	p.book, p.truth.dir = book, dir
	p.store.WakeOpen(p.now)
	for {
		if woke, err := p.wakeOne(); err != nil || !woke {
			return err
		}
	}
}

func fault(at strict.Position, format string, args ...any) error {
	return strict.Faults{{Position: at, What: fmt.Sprintf(format, args...)}}
}
