// Package board knows the open incidents without asking the store for each look at
// a list, and tells pages when one has changed.
package board

import (
	"cmp"
	"context"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Row is what lists sort, search and count of an open incident.
type Row struct {
	ID       string
	Number   int
	Identity model.Labels
	Scenario string
	Policy   string
	State    model.State
	Assignee string
	// Deadline is that of the nearest target that still runs.
	Deadline time.Time
	// Running are the targets that still run, with the instant at which each is due.
	Running  map[string]time.Time
	Silenced bool
	Double   bool // no backup of the machine works
	// Platforms and Reporters say whom it concerns.
	Platforms, Reporters []string
	words                string // what a search looks in, in lower case
}

// numbered is an incident's number as mails and pages write it: #12, INC-12.
var numbered = regexp.MustCompile(`^(?i:\[?(?:#|INC-))?(\d+)\]?$`)

// Has reports whether the row says a text, in whatever case: its number as it is
// written, and what it is about by ids or by the names that people know.
func (r *Row) Has(text string, dir *inventory.Directory) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	if n := numbered.FindStringSubmatch(text); n != nil && n[1] == strconv.Itoa(r.Number) {
		return true
	}
	says := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if says(r.words) {
		return true
	}
	if c := dir.Customers[r.Identity[model.LabelCustomer]]; c != nil && says(c.Name) {
		return true
	}
	if p := dir.Person(r.Assignee); says(r.Assignee) || p != nil && says(p.Name) {
		return true
	}
	return slices.ContainsFunc(r.Platforms, func(id string) bool {
		p := dir.Platforms[id]
		return says(id) || p != nil && says(p.Name)
	})
}

// Outside is the row as a customer's own person sees it, who finds nothing by what he is
// not shown: who has it, and which platforms it hits that are not his.
func (r *Row) Outside(his func(platform string) bool) *Row {
	out := *r
	out.Assignee, out.Silenced, out.Double = "", false, false
	out.Platforms = slices.DeleteFunc(slices.Clone(r.Platforms), func(id string) bool { return !his(id) })
	return &out
}

// Incident is as much of the incident as tells whom it concerns.
func (r *Row) Incident() incident.Incident {
	i := incident.Incident{ID: r.ID, Identity: r.Identity, Policy: r.Policy, Scenario: r.Scenario}
	for _, by := range r.Reporters {
		i.Reports = append(i.Reports, model.Signal{By: by})
	}
	for _, p := range r.Platforms {
		i.Reports = append(i.Reports, model.Signal{Labels: model.Labels{model.LabelPlatform: p}})
	}
	return i
}

// RowOf is the row of an incident.
func RowOf(i *incident.Incident) *Row {
	r := &Row{ID: i.ID, Number: i.Number, Identity: i.Identity, Scenario: i.Scenario, Policy: i.Policy,
		State: i.State, Assignee: i.Assignee, Silenced: i.Flags[model.FlagSilenced],
		Double: i.Flags[model.FlagDoubleFailure], Platforms: i.Platforms()}
	for name, c := range i.Targets {
		if c.Due.IsZero() || !c.MetAt.IsZero() || c.Paused {
			continue
		}
		if r.Running == nil {
			r.Running = map[string]time.Time{}
		}
		r.Running[name] = c.Due
		if r.Deadline.IsZero() || c.Due.Before(r.Deadline) {
			r.Deadline = c.Due
		}
	}
	for _, x := range i.Reports {
		r.Reporters = append(r.Reporters, x.By)
	}
	words := []string{i.Scenario, string(i.State)}
	for _, k := range slices.Sorted(maps.Keys(i.Identity)) {
		words = append(words, i.Identity[k])
	}
	r.words = strings.ToLower(strings.Join(words, " "))
	return r
}

// maxFollowers bounds the pages that are told of changes at the same time.
const maxFollowers = 512

// Board knows the open incidents without asking the store. It is filled when
// somebody first looks, and then follows what is committed.
type Board struct {
	store   *store.Store
	filling sync.Mutex // held by whoever fills it
	mark    int64      // up to where what other processes changed is known

	mu        sync.Mutex
	rows      map[string]*Row // nil before the first look
	waiting   []*Row          // committed while it was being filled
	begun     bool
	sorted    []*Row // nil when something has changed since
	followers map[chan struct{}]func(*incident.Incident) bool
}

// New returns a board that follows a store.
func New(of *store.Store) *Board {
	b := &Board{store: of}
	of.Watch(b.saved)
	return b
}

// saved takes note of an incident that was committed.
func (b *Board) saved(i *incident.Incident) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for f, wants := range b.followers {
		if !wants(i) {
			continue
		}
		select {
		case f <- struct{}{}:
		default: // it knows already
		}
	}
	switch {
	case b.rows != nil:
		b.put(RowOf(i))
	case b.begun:
		b.waiting = append(b.waiting, RowOf(i))
	}
}

func (b *Board) put(r *Row) {
	b.sorted = nil
	if r.State.Ended() {
		delete(b.rows, r.ID)
		return
	}
	b.rows[r.ID] = r
}

// Rows are the open incidents, the nearest deadline first and what has none
// last; of one deadline, where no backup works first. Nobody may change them.
func (b *Board) Rows(ctx context.Context) ([]*Row, error) {
	if err := b.fill(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sorted == nil {
		b.sorted = slices.SortedFunc(maps.Values(b.rows), func(x, y *Row) int {
			if x.Deadline.IsZero() != y.Deadline.IsZero() {
				if x.Deadline.IsZero() {
					return 1
				}
				return -1
			}
			if x.Double != y.Double && x.Deadline.Equal(y.Deadline) {
				if x.Double {
					return -1
				}
				return 1
			}
			return cmp.Or(x.Deadline.Compare(y.Deadline), x.Number-y.Number)
		})
	}
	return b.sorted, nil
}

func (b *Board) fill(ctx context.Context) error {
	b.filling.Lock()
	defer b.filling.Unlock()
	b.mu.Lock()
	filled := b.rows != nil
	b.begun = true
	b.mu.Unlock()
	if filled {
		return nil
	}
	rows := map[string]*Row{}
	err := b.store.View(ctx, func(tx *store.Tx) (err error) {
		if b.store.Shared() {
			if _, b.mark, err = tx.ChangedSince(math.MaxInt64); err != nil {
				return err
			}
		}
		return tx.EachOpen(func(r *store.Record) error {
			rows[r.ID] = RowOf(&r.Incident)
			return nil
		})
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = rows
	for _, r := range b.waiting { // what was committed meanwhile is newer
		b.put(r)
	}
	b.waiting = nil
	return nil
}

// Anew reads what other processes have changed, if anybody has looked yet, and
// tells pages.
func (b *Board) Anew(ctx context.Context) error {
	b.filling.Lock()
	defer b.filling.Unlock()
	b.mu.Lock()
	filled := b.rows != nil
	b.mu.Unlock()
	if !filled {
		return nil
	}
	var changed []*store.Record
	err := b.store.View(ctx, func(tx *store.Tx) (err error) {
		changed, b.mark, err = tx.ChangedSince(b.mark)
		return err
	})
	for _, r := range changed {
		b.saved(&r.Incident)
	}
	return err
}

// Follow returns a channel that is told whenever an incident has changed that the
// follower wants to hear of, and how to stop; nil when too many follow already.
// wants is asked while nobody else can look: it must be quick.
func (b *Board) Follow(wants func(*incident.Incident) bool) (changed <-chan struct{}, stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.followers) >= maxFollowers {
		return nil, func() {}
	}
	if b.followers == nil {
		b.followers = map[chan struct{}]func(*incident.Incident) bool{}
	}
	c := make(chan struct{}, 1)
	b.followers[c] = wants
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, c)
	}
}
