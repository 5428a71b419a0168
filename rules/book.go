package rules

import (
	"errors"
	"sort"
	"sync"
	"time"
)

// Book is what decisions are made from: the policies, of which open incidents
// may pin older ones, and the live directory. It is immutable; a reload makes
// a new one.
type Book struct {
	Directory *Directory
	policies  map[string]*Policy
	ordered   []*Policy // by effective_from
	// live caches calendars with the directory's closures; both never change.
	live sync.Map
}

// NewBook joins policies and directory. Policies that only pinned incidents
// still need are given as well.
func NewBook(dir *Directory, policies ...*Policy) (*Book, error) {
	if len(policies) == 0 {
		return nil, errors.New("no policy: give at least one file in the policy folder")
	}
	b := &Book{Directory: dir, policies: map[string]*Policy{}}
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
func (b *Book) InForce(at time.Time) *Policy {
	p := b.ordered[0]
	for _, q := range b.ordered {
		if q.Retired || q.EffectiveFrom.After(at) {
			continue
		}
		p = q
	}
	return p
}

// Policy returns the policy with that content hash; nil when unknown.
func (b *Book) Policy(hash string) *Policy { return b.policies[hash] }

// Policies returns all policies, oldest first.
func (b *Book) Policies() []*Policy { return b.ordered }
