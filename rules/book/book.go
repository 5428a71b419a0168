// Package book holds what decisions are made from, the policies and the live
// directory, and what both say of people: who is ours, who may see and do what.
package book

import (
	"errors"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"vigie/rules/act"
	"vigie/rules/calendar"
	"vigie/rules/inventory"
	"vigie/rules/policy"
)

// Book is what decisions are made from: the policies, of which open incidents
// may pin older ones, and the live directory. It is immutable; a reload makes
// a new one.
type Book struct {
	Directory *inventory.Directory
	policies  map[string]*policy.Policy
	ordered   []*policy.Policy // by effective_from
	// live caches calendars with the directory's closures; both never change.
	live sync.Map
}

// NewBook joins policies and directory. Policies that only pinned incidents
// still need are given as well.
func New(dir *inventory.Directory, policies ...*policy.Policy) (*Book, error) {
	if len(policies) == 0 {
		return nil, errors.New("no policy: give at least one file in the policy folder")
	}
	b := &Book{Directory: dir, policies: map[string]*policy.Policy{}}
	for _, p := range policies {
		if _, twice := b.policies[p.Hash]; !twice {
			b.policies[p.Hash] = p
			b.ordered = append(b.ordered, p)
		}
	}
	sort.SliceStable(b.ordered, func(i, j int) bool {
		return b.ordered[i].EffectiveFrom.Before(b.ordered[j].EffectiveFrom)
	})
	return b, nil
}

// InForce returns the policy in force at an instant: the newest that has
// become effective, or the oldest of all.
func (b *Book) InForce(at time.Time) *policy.Policy {
	p := b.ordered[0]
	for _, q := range b.ordered {
		if q.Retired || q.EffectiveFrom.After(at) {
			continue
		}
		p = q
	}
	return p
}

// Warnings lists what is allowed in the policy in force and in the inventory but
// most likely a mistake, see [policy.Policy.Warnings].
func (b *Book) Warnings(now time.Time) []string {
	return slices.Concat(b.InForce(now).Warnings(b.Directory, now), b.Directory.StrayRotas(rotas(b.ordered)), b.Directory.Slips)
}

// CheckTraces refuses what would keep written traces from ever being done, in the
// policy in force and in those to come, see [policy.Policy.CheckTraces].
func (b *Book) CheckTraces(now time.Time) error {
	var errs []error
	for _, p := range b.ordered {
		if !p.Retired && (p == b.InForce(now) || p.EffectiveFrom.After(now)) {
			if err := p.CheckTraces(b.Directory, now); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Policy returns the policy with that content hash; nil when unknown.
func (b *Book) Policy(hash string) *policy.Policy { return b.policies[hash] }

// Policies returns all policies, oldest first.
func (b *Book) Policies() []*policy.Policy { return b.ordered }

// Staff are the ids of the provider's own people who can act in their own name.
func (b *Book) Staff() []string {
	var out []string
	for id, p := range b.Directory.People {
		if role := b.Role(id); !p.Shared && (role == act.Operator || role == act.Manager) {
			out = append(out, id)
		}
	}
	sort.Strings(out)
	return out
}

// TicketIntake tells whether a ticket tool reads what is sent to an address: its
// person says so, or a role that the person fills in the policy in force.
func (b *Book) TicketIntake(address string, now time.Time) bool {
	p := b.Directory.PersonByAddress(address)
	if p == nil || p.TicketIntake {
		return p != nil
	}
	for _, r := range b.InForce(now).Roles {
		if r.TicketIntake && (slices.Contains(r.People, p.ID) || r.Rota != "" && slices.Contains(b.Directory.RotaPeople(r.Rota), p.ID)) {
			return true
		}
	}
	return false
}

// CheckClosures finds closed days, and customers, of calendars that none of the
// policies has, and calendar files of rotas that no role of theirs is filled by.
func CheckClosures(dir *inventory.Directory, policies []*policy.Policy) error {
	names := map[string]bool{}
	for _, p := range policies {
		for name := range p.Calendars {
			names[name] = true
		}
	}
	if err := dir.CheckRotas(rotas(policies)); err != nil {
		return err
	}
	return dir.CheckClosures(slices.Sorted(maps.Keys(names)))
}

// rotas are those that roles are filled by.
func rotas(policies []*policy.Policy) []string {
	names := map[string]bool{}
	for _, p := range policies {
		for _, role := range p.Roles {
			if role.Rota != "" {
				names[role.Rota] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Closures returns the calendar with the live dated exceptions of the
// directory and of the policy in force, or nil when there are none.
func (b *Book) Closures(p *policy.Policy, name string) *calendar.Calendar {
	base := p.Calendars[name]
	if base == nil {
		return nil
	}
	key := p.Hash + "/" + name
	if c, ok := b.live.Load(key); ok {
		return c.(*calendar.Calendar)
	}
	c := base
	if dates := b.Directory.ClosuresOf(name); len(dates) > 0 {
		if with, err := base.WithExceptions(dates); err == nil {
			c = with
		}
	}
	b.live.Store(key, c)
	return c
}

// CalendarOf is the calendar that a customer, or the customer of all of these
// platforms, has in the place of a scenario's; the scenario's own otherwise.
func (b *Book) CalendarOf(p *policy.Policy, name, customer string, platforms func() []string) string {
	owners := []string{customer}
	if customer == "" {
		owners = nil
		for _, id := range platforms() {
			if of := b.Directory.Platforms[id]; of != nil {
				owners = append(owners, of.Customer)
			}
		}
	}
	own := ""
	for n, id := range owners {
		c := b.Directory.Customers[id]
		if c == nil || n > 0 && c.Calendar != own {
			return name
		}
		own = c.Calendar
	}
	if p.Calendars[own] == nil {
		return name
	}
	return own
}

// LongestHold is how long the messages of any policy wait for others at most.
func (b *Book) LongestHold() (hold time.Duration) {
	for _, p := range b.Policies() {
		hold = max(hold, p.Hold)
	}
	return hold
}
