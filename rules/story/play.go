package story

import (
	"container/heap"
	"fmt"
	"slices"
	"sort"
	"time"

	"vigie/rules"
	"vigie/rules/strict"
)

// Options say how a story is played.
type Options struct {
	// Journal adds the journal's lines.
	Journal bool
	// Subject renders the subject of a message from the notifications that it
	// bundles; nil leaves subjects empty.
	Subject func([]rules.Notification) string
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

	incidents []*entry
	open      []*entry // not ended, by opening
	index     map[string][]*entry
	owner     map[string]*entry // the incident that an alert went to last, by fingerprint
	wakes     wakeHeap
	moved     bool     // incidents have opened or ended since common failures were looked for
	following []*entry // to decide again because of another incident

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

	mail outbox
}

// entry is one incident of the story.
type entry struct {
	number   int
	name     string // i1, i2 ...
	inc      rules.Incident
	wake     time.Time
	woken    time.Time // last time, and how often at that instant
	turns    int
	outage   *entry   // the common failure that it is part of
	marked   bool     // and whether that is told instead of it
	members  []*entry // of a common failure
	silences string   // those it has been told of, joined
	answered int      // the change that the newest evidence reflects
}

func newPlayer(book *rules.Book, s *Story, opt Options) *player {
	p := &player{
		opt: opt, book: book, index: map[string][]*entry{}, owner: map[string]*entry{}, alerts: map[string]*alert{},
		dirty: map[machineID]int{}, minutes: map[int64]bool{},
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

// script is the story's events in the order in which they happen, and the span
// of time that it tells of.
func (p *player) script(s *Story) (events []*event, start, until time.Time, err error) {
	start, until = s.Start.in(p.zone), s.Until.endIn(p.zone)
	if until.Before(start) {
		return nil, start, until, fault(s.At, "until lies before start: mend the dates")
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
	if len(p.wakes) > 0 {
		consider(p.wakes[0].at)
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
		woken, err := p.wakeOne()
		if err != nil {
			return err
		}
		if !sent && !woken && !p.moved {
			return nil
		}
	}
}

// Bounds on what may follow from one instant; beyond them the rules do not
// come to rest, which is their fault and not the story's.
const (
	maxTurns  = 100     // of one incident
	maxRounds = 100_000 // of incidents that move each other
)

// wakeOne lets time pass for the first incident that waits for this instant.
func (p *player) wakeOne() (bool, error) {
	for len(p.wakes) > 0 && !p.wakes[0].at.After(p.now) {
		w := heap.Pop(&p.wakes).(wake)
		if !w.entry.wake.Equal(w.at) {
			continue
		}
		w.entry.wake = time.Time{}
		if !w.entry.woken.Equal(p.now) {
			w.entry.woken, w.entry.turns = p.now, 0
		}
		if w.entry.turns++; w.entry.turns > maxTurns {
			return false, fmt.Errorf("at %s incident %s (%s) makes itself due again at once", p.now.Format(time.RFC3339), w.entry.name, w.entry.inc.Key)
		}
		return true, p.decide(w.entry, rules.Tick{})
	}
	return false, nil
}

// maxAnswers bounds how often one decision may ask for evidence.
const maxAnswers = 8

// decide applies an event, answers what the decision asks for, and lets the
// incidents that it touches follow.
func (p *player) decide(e *entry, ev rules.Event) error {
	if err := p.decideAlone(e, ev); err != nil {
		return err
	}
	for range maxRounds {
		if len(p.following) == 0 {
			return nil
		}
		next := p.following[0]
		p.following = p.following[1:]
		if err := p.decideAlone(next, rules.Related{}); err != nil {
			return err
		}
	}
	return fmt.Errorf("at %s incidents keep moving each other", p.now.Format(time.RFC3339))
}

// follow has incidents decide again once this decision is through, as what
// they know of others has changed.
func (p *player) follow(entries ...*entry) {
	for _, e := range entries {
		if !e.inc.State.Ended() && !slices.Contains(p.following, e) {
			p.following = append(p.following, e)
		}
	}
}

func (p *player) decideAlone(e *entry, ev rules.Event) error {
	for range maxAnswers {
		d := p.book.Decide(e.inc, ev, p.facts(e), p.now)
		p.apply(e, d)
		if d.Needs == nil {
			return nil
		}
		ev = p.answer(e, *d.Needs)
	}
	return fmt.Errorf("at %s incident %s (%s) keeps asking for the same evidence", p.now.Format(time.RFC3339), e.name, e.inc.Key)
}

// answer is what Prometheus says, at once.
func (p *player) answer(e *entry, n rules.Need) rules.Answered {
	e.answered = p.changes
	a := rules.Answered{AskedAt: p.now, Plans: map[string]rules.PlanEvidence{}}
	for f, alert := range n.Alerts {
		a.Plans[f] = p.truth.planEvidence(alert.Labels)
	}
	if n.Other != nil {
		other := p.truth.otherEvidence(*n.Other, p.now)
		a.Other = &other
	}
	return a
}

// apply keeps what a decision came to, as the store would.
func (p *player) apply(e *entry, d rules.Decision) {
	if d.Refusal != nil {
		p.tell(e, Happening{What: happenedRefused, Status: d.Refusal.Status, Reason: d.Refusal.Reason})
		return
	}
	wasOpen := e.inc.State != "" && !e.inc.State.Ended()
	e.inc = d.Incident
	if isOpen := !e.inc.State.Ended(); isOpen != wasOpen {
		p.setOpen(e, isOpen)
		p.moved = p.moved || e.inc.Entry != string(rules.CorrelatedSignal)
		if !isOpen {
			p.release(e)
		}
		if p.blinds(e) {
			p.follow(p.open...)
		}
	}
	if d.From != e.inc.State {
		p.tell(e, Happening{What: happenedState, From: d.From, To: e.inc.State})
	}
	if p.opt.Journal {
		for _, j := range d.Journal {
			p.tell(e, Happening{What: happenedJournal, Kind: j.Kind, Entry: j.What, Actor: j.Actor, Reason: j.Reason})
		}
	}
	for _, b := range d.Breaches {
		p.tell(e, Happening{What: happenedBreach, Target: b.Target, Due: b.Due.In(p.zone)})
	}
	for _, t := range d.Tasks {
		p.tell(e, Happening{What: happenedTask, Kind: t.Kind, Due: t.Due.In(p.zone)})
	}
	p.mail.withdraw(d.Withdraw)
	for _, n := range d.Notifications {
		p.mail.add(e, n)
	}
	if d.Touches {
		p.follow(p.siblings(e)...)
	}
	p.setWake(e, d.WakeAt)
}

// setWake remembers when time alone may change the incident.
func (p *player) setWake(e *entry, at time.Time) {
	if !at.IsZero() {
		at = wholeSecond(at).In(p.zone)
	}
	if at.Equal(e.wake) {
		return
	}
	e.wake = at
	if !at.IsZero() {
		heap.Push(&p.wakes, wake{at, e})
	}
}

// wholeSecond is the first whole second at or after an instant.
func wholeSecond(t time.Time) time.Time {
	if up := t.Truncate(time.Second); !up.Equal(t) {
		return up.Add(time.Second)
	}
	return t
}

func (p *player) setOpen(e *entry, open bool) {
	i, found := slices.BinarySearchFunc(p.open, e.number, func(o *entry, n int) int { return o.number - n })
	switch {
	case open && !found:
		p.open = slices.Insert(p.open, i, e)
	case !open && found:
		p.open = slices.Delete(p.open, i, i+1)
	}
}

func (p *player) tell(e *entry, h Happening) {
	h.At, h.Incident, h.Key, h.Episode = p.now, e.name, e.inc.Key, e.inc.Episode
	p.out = append(p.out, h)
}

// receive takes in a signal as the receiver's door does: which incident, an
// old one or a new one.
func (p *player) receive(s rules.Signal, confirmed bool) (rules.Classified, error) {
	c := p.book.Classify(s, p.now)
	if c.Refusal != nil {
		p.out = append(p.out, Happening{At: p.now, What: happenedRefused, Status: c.Refusal.Status, Reason: c.Refusal.Reason})
		if c.Instead != nil {
			_, err := p.receive(*c.Instead, true)
			return c, err
		}
		return c, nil
	}
	if c.Ignored != "" {
		return c, nil
	}
	candidates := p.candidates(c)
	list := make([]rules.Incident, len(candidates))
	for i, e := range candidates {
		list[i] = e.inc
	}
	var e *entry
	switch i := p.book.Choose(c, list, p.now); {
	case i == rules.Ignore:
		return c, nil
	case i >= 0:
		e = candidates[i]
	default:
		number := len(p.incidents) + 1
		e = &entry{number: number, name: fmt.Sprintf("i%d", number)}
		e.inc = p.book.Begin(c, e.name, number, p.now)
		p.incidents = append(p.incidents, e)
	}
	p.file(e, c)
	p.owner[s.Fingerprint] = e
	return c, p.decide(e, rules.Fired{Signal: c.Signal, Confirmed: confirmed})
}

// file enters an incident under everything that a later signal, or another
// incident of the machine, finds it by.
func (p *player) file(e *entry, c rules.Classified) {
	for _, k := range p.fileKeys(c.Key, c.Identity, c.Signal.Labels) {
		if !slices.Contains(p.index[k], e) {
			p.index[k] = append(p.index[k], e)
		}
	}
}

// fileKeys are the incident's key, its machine, its platform and the
// platform's host.
func (p *player) fileKeys(key string, identity, labels rules.Labels) []string {
	keys := []string{"key " + key}
	get := func(name string) string {
		if v := identity[name]; v != "" {
			return v
		}
		return labels[name]
	}
	if m := get(rules.LabelMachine); m != "" {
		keys = append(keys, machineFile(get(rules.LabelCustomer), m))
	}
	if pl := get(rules.LabelPlatform); pl != "" {
		keys = append(keys, "platform "+pl)
		if known := p.book.Directory.Platforms[pl]; known != nil && known.Host != "" {
			keys = append(keys, "host "+known.Host)
		}
	}
	for _, name := range [...]string{rules.LabelHost, "site"} {
		if h := get(name); h != "" {
			keys = append(keys, "host "+h)
		}
	}
	return keys
}

func machineFile(customer, machine string) string { return "machine " + customer + "/" + machine }

// candidates are the incidents of a signal's key, machine, platform or host,
// by opening.
func (p *player) candidates(c rules.Classified) []*entry {
	var found []*entry
	for _, k := range p.fileKeys(c.Key, c.Identity, c.Signal.Labels) {
		for _, e := range p.index[k] {
			if !slices.Contains(found, e) {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, func(a, b *entry) int { return a.number - b.number })
	return found
}

// correlate looks for failures that many incidents share, whenever incidents
// have opened or ended.
func (p *player) correlate() error {
	if !p.moved {
		return nil
	}
	p.moved = false
	if len(p.book.InForce(p.now).Correlations) == 0 {
		return nil
	}
	var open []rules.Incident
	for _, e := range p.open {
		if e.inc.Entry != string(rules.CorrelatedSignal) {
			open = append(open, e.inc)
		}
	}
	holds := map[*entry]bool{}
	for _, c := range p.book.Correlate(open, p.now) {
		if _, err := p.receive(c.Signal, true); err != nil {
			return err
		}
		if common := p.owner[c.Signal.Fingerprint]; common != nil {
			holds[common] = true
			if err := p.join(common, c); err != nil {
				return err
			}
		}
	}
	for _, e := range slices.Clone(p.open) {
		if e.inc.Entry == string(rules.CorrelatedSignal) && !holds[e] {
			if err := p.over(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// join makes incidents members of a common failure.
func (p *player) join(common *entry, c rules.Correlated) error {
	for _, key := range c.Members {
		for _, e := range p.index["key "+key] {
			if e.outage == common || e.inc.State.Ended() {
				continue
			}
			e.outage, e.marked = common, c.Marks
			common.members = append(common.members, e)
			if err := p.decide(e, rules.Related{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// over ends a common failure once none of its members is open any more. That
// no new ones join says nothing about the old ones.
func (p *player) over(common *entry) error {
	if slices.ContainsFunc(common.members, func(m *entry) bool { return m.outage == common && !m.inc.State.Ended() }) {
		return nil
	}
	var firing []string
	for f, a := range common.inc.Alerts {
		if a.Firing {
			firing = append(firing, f)
		}
	}
	if len(firing) == 0 {
		return nil
	}
	slices.Sort(firing)
	return p.decide(common, rules.Cleared{Fingerprints: firing, At: p.now, Trusted: true})
}

// release lets the members of a common failure that has ended go on by
// themselves.
func (p *player) release(common *entry) {
	for _, m := range common.members {
		if m.outage == common {
			m.outage, m.marked = nil, false
			p.follow(m)
		}
	}
	common.members = nil
}

// refresh goes on with a changed directory.
func (p *player) refresh(dir *rules.Directory, at strict.Position) error {
	book, err := rules.NewBook(dir, p.book.Policies()...)
	if err != nil {
		return fault(at, "%s", err)
	}
	p.book, p.truth.dir = book, dir
	for _, e := range slices.Clone(p.open) {
		if err := p.decide(e, rules.Refreshed{}); err != nil {
			return err
		}
	}
	return nil
}

func fault(at strict.Position, format string, args ...any) error {
	return strict.Faults{{Position: at, What: fmt.Sprintf(format, args...)}}
}

// wake is when an incident waits for time to pass.
type wake struct {
	at    time.Time
	entry *entry
}

// wakeHeap orders by instant, then by opening.
type wakeHeap []wake

func (h wakeHeap) Len() int { return len(h) }
func (h wakeHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].entry.number < h[j].entry.number
	}
	return h[i].at.Before(h[j].at)
}
func (h wakeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *wakeHeap) Push(x any)   { *h = append(*h, x.(wake)) }
func (h *wakeHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	*h = (*h)[:last]
	return w
}
