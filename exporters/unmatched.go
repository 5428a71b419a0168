package exporters

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The parts of an identity that a product may leave open.
const (
	OpenNamespace = "namespace" // which namespace a task worked for
	OpenDevice    = "device"    // which devices a run saved
	OpenObject    = "object"    // which of two objects of one name is meant
)

// Unmatched is what a product tells of a backup without telling of which. It is
// given to none of those that may be meant, or to each only as far as it can do
// no harm there; a source says which.
type Unmatched struct {
	Open string `json:"open"` // what the product leaves open, one of the words above
	What string `json:"what"` // the product's own id or name of it
	// Jobs are the ids of those that may be meant; empty if none is known yet.
	Jobs []string `json:"jobs"`
}

// String is one line for people.
func (u Unmatched) String() string {
	const most = 5
	jobs := strings.Join(u.Jobs[:min(len(u.Jobs), most)], ", ")
	switch {
	case len(u.Jobs) == 0:
		jobs = "a job that is not known yet"
	case len(u.Jobs) > most:
		jobs += fmt.Sprintf(" and %d more", len(u.Jobs)-most)
	}
	return fmt.Sprintf("%s: its %s is not told; it may be of %s", CleanName(u.What), u.Open, jobs)
}

// sortedUnmatched puts what one reading found into a lasting order.
func sortedUnmatched(all []Unmatched) []Unmatched {
	out := slices.Clone(all)
	slices.SortFunc(out, func(a, b Unmatched) int { return cmp.Or(cmp.Compare(a.Open, b.Open), cmp.Compare(a.What, b.What)) })
	return out
}
