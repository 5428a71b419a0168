package incidents

import (
	"fmt"
	"slices"
	"time"

	"vigie/internal/fleet"
	"vigie/rules"
	"vigie/rules/classify"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Options is what a batch works with.
type Options struct {
	Book    *rules.Book
	Store   Store
	Now     time.Time
	Endings Endings
	// Answer is what Prometheus says to a question, where that is known at once;
	// nil where it has to be asked outside of the batch.
	Answer func(*Tracked, incident.Need) incident.Answered
	// Decided is told of each decision as it is taken; nil for none.
	Decided func(*Tracked, incident.Outcome)
	// Ignored is told why an alert is newly ignored; nil for none.
	Ignored func(reason string)
	// Strange is told that an incident is pinned to a policy that the book lacks;
	// nil for none.
	Strange func()
}

// Batch is the work of one transaction. It loads an incident once, lets any
// number of events move it, and writes it once, so that a delivery of a
// hundred alerts about one incident costs one row.
type Batch struct {
	Options

	tracked  []*Tracked
	byID     map[string]*Tracked
	byHandle map[Handle][]*Tracked
	machines map[[2]string]bool      // whose open incidents are loaded
	searched map[search]bool         // for which candidates are loaded
	blinding []*Record               // open incidents about sources that cannot be read; to be looked at
	looked   bool                    // blinding is loaded
	moved    bool                    // anything has come but repeats that change nothing
	notify   []incident.Notification // in the order in which they were decided

	candidates []incident.Incident // the latest, whose room is used again
}

// Tracked is an incident that a batch has loaded, with what has been decided
// about it so far.
type Tracked struct {
	*Record
	// Was is its state when it was loaded, Had who had it then.
	Was model.State
	Had string
	// Breaches are the targets that were missed in this batch.
	Breaches []incident.Breach

	// Again is what came in and said nothing new.
	Again    []model.Signal
	position int // among the batch's incidents
	blinded  bool
	place    Place             // where it happens
	repeated incident.Repeated // what waits to be decided together
	dirty    bool
	journal  []incident.Entry
	withdraw []string
	rewrites []incident.Notification
}

// Touch has the incident saved, as something beside it was changed.
func (t *Tracked) Touch() { t.dirty = true }

// Opened reports whether the incident opened in this batch, anew or again.
func (t *Tracked) Opened() bool {
	return t.dirty && t.open() && (t.Was == "" || t.Was.Ended())
}

// Ended reports whether the incident ended in this batch.
func (t *Tracked) Ended() bool {
	return t.dirty && !t.open() && t.Was != "" && !t.Was.Ended()
}

func (t *Tracked) open() bool { return t.State != "" && !t.State.Ended() }

// OnlyRepeated returns the incidents of a batch that has done nothing but say again
// all that fires in them; none when it did anything else.
func (b *Batch) OnlyRepeated() []*Tracked {
	if b.moved {
		return nil
	}
	var all []*Tracked
	for _, t := range b.tracked {
		if len(t.Again) > 0 {
			all = append(all, t)
		}
		for fp, a := range t.Alerts {
			if len(t.Again) > 0 && a.Firing && !slices.ContainsFunc(t.Again, func(s model.Signal) bool { return s.Fingerprint == fp }) {
				return nil
			}
		}
	}
	return all
}

// New begins a batch.
func New(o Options) *Batch {
	return &Batch{Options: o, byID: map[string]*Tracked{}, byHandle: map[Handle][]*Tracked{},
		machines: map[[2]string]bool{}, searched: map[search]bool{}}
}

// Tracked returns the incidents that the batch has loaded or begun.
func (b *Batch) Tracked() []*Tracked { return b.tracked }

// Handle is something by which an incident is found: its key, its machine ...
type Handle struct{ Kind, Customer, Name string }

// The kinds of handles that stand for all incidents of a machine, and of a key.
const (
	OfMachine = "machine"
	OfKey     = "key"
)

func handles(key string, p Place) (h [4]Handle) {
	if key != "" {
		h[0] = Handle{Kind: OfKey, Name: key}
	}
	if p.Machine != "" {
		h[1] = Handle{OfMachine, p.Customer, p.Machine}
	}
	if p.Platform != "" {
		h[2] = Handle{Kind: "platform", Name: p.Platform}
	}
	if p.Host != "" {
		h[3] = Handle{Kind: "host", Name: p.Host}
	}
	return h
}

// Handles returns by what incidents of a key and a place are found.
func Handles(key string, p Place) []Handle {
	found := make([]Handle, 0, 4)
	for _, h := range handles(key, p) {
		if h.Kind != "" {
			found = append(found, h)
		}
	}
	return found
}

// HandlesOf is [Handles] without the key where it names the machine: whatever has it is
// of this machine.
func HandlesOf(key string, identity model.Labels, p Place) []Handle {
	if namesMachine(identity, p) {
		key = ""
	}
	return Handles(key, p)
}

func namesMachine(identity model.Labels, p Place) bool {
	return p.Machine != "" && identity[model.LabelMachine] == p.Machine && identity[model.LabelCustomer] == p.Customer
}

// search is what candidates are looked up by.
type search struct {
	key   string
	place Place
}

// Track takes a loaded record into the batch, unless the batch already works on
// that incident.
func (b *Batch) Track(r *Record) *Tracked {
	if t := b.byID[r.ID]; t != nil {
		return t
	}
	t := &Tracked{Record: r, position: len(b.tracked), Was: r.State, Had: r.Assignee, blinded: r.Blinds && r.State != "" && !r.State.Ended()}
	b.tracked, b.byID[r.ID] = append(b.tracked, t), t
	b.index(t)
	if b.Strange != nil && b.Book.Policy(r.Policy) == nil {
		b.Strange()
	}
	return t
}

// Load returns an incident by its id.
func (b *Batch) Load(id string) (*Tracked, error) {
	if t := b.byID[id]; t != nil {
		return t, nil
	}
	r, err := b.Store.Incident(id)
	if err != nil {
		return nil, err
	}
	return b.Track(r), nil
}

// index makes an incident findable by its place, which changes only with a
// decision.
func (b *Batch) index(t *Tracked) {
	t.place = t.Place()
	for _, h := range handles(t.Key, t.place) {
		if h.Kind != "" && !slices.Contains(b.byHandle[h], t) {
			b.byHandle[h] = append(b.byHandle[h], t)
		}
	}
}

// at returns the incidents that are found by any of the handles, in the order in
// which they came.
func (b *Batch) at(hs ...Handle) []*Tracked {
	var out []*Tracked
	for _, h := range hs {
		if h.Kind == "" {
			continue
		}
		for _, t := range b.byHandle[h] {
			now := handles(t.Key, t.place)
			if slices.Contains(now[:], h) && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	slices.SortFunc(out, func(x, y *Tracked) int { return x.position - y.position })
	return out
}

// begin tracks a new incident.
func (b *Batch) begin(c classify.Classified) (*Tracked, error) {
	n, err := b.Store.NextNumber()
	if err != nil {
		return nil, err
	}
	return b.Track(b.Store.NewRecord(b.Book.Begin(c, fmt.Sprintf("i%d", n), n, b.Now))), nil
}

// onMachine returns the open incidents of a machine, those of this batch included.
func (b *Batch) onMachine(t *Tracked) ([]*Tracked, error) {
	p := t.place
	if p.Machine == "" {
		return nil, nil
	}
	k := [2]string{p.Customer, p.Machine}
	if !b.machines[k] {
		rs, err := b.Store.OnMachine(p.Customer, p.Machine, t.ID)
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			b.Track(r)
		}
		b.machines[k] = true
	}
	return slices.DeleteFunc(b.at(Handle{OfMachine, p.Customer, p.Machine}), func(t *Tracked) bool { return !t.open() }), nil
}

// Circumstances are what a decision about an incident must know beside it.
func (b *Batch) Circumstances(t *Tracked) (incident.Circumstances, error) {
	var f incident.Circumstances
	siblings, err := b.siblings(t)
	if err != nil {
		return f, err
	}
	for _, s := range siblings {
		if sibling := incident.SiblingOf(s.Incident); sibling.Role != "" && fleet.IsBackup(sibling.Role) {
			f.Siblings = append(f.Siblings, sibling)
		}
	}
	if f.SourceDown, err = b.sourceDown(t); err != nil {
		return f, err
	}
	if t.Outage != "" && t.OutageMarks {
		common, err := b.Load(t.Outage)
		if err != nil {
			return f, err
		}
		if !common.State.Ended() {
			f.Outage, f.OutageID = common.Key, fmt.Sprint(common.Number)
		}
	}
	return f, nil
}

// siblings are the other open incidents of the same machine.
func (b *Batch) siblings(t *Tracked) ([]*Tracked, error) {
	all, err := b.onMachine(t)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s *Tracked) bool { return s.ID == t.ID || s.Key == t.Key }), nil
}

// sourceDown reports whether what reads the incident's backups is blind.
func (b *Batch) sourceDown(t *Tracked) (bool, error) {
	if !b.looked {
		var err error
		if b.blinding, err = b.Store.Blinding(); err != nil {
			return false, err
		}
		b.blinding, b.looked = slices.Clip(b.blinding), true
	}
	for _, blind := range b.blinding {
		if now := b.byID[blind.ID]; now != nil {
			blind = now.Record
		}
		if blind.ID != t.ID && b.Book.Blinds(blind.Incident, t.Incident) {
			return true, nil
		}
	}
	return false, nil
}
