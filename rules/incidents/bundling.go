package incidents

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Waiting is a notification that has not left yet, as the outbox knows it.
type Waiting struct {
	ID, Incident, Bundle string
	HoldUntil            time.Time
	Position             int64 // in the order in which they came
}

// DueBundle is a bundle of which a notification is due: since when, and the first
// position among those that are.
type DueBundle struct {
	Key      string
	Due      time.Time
	Position int64
}

// DueBundles are the bundles of which a notification is due now, in no order.
func DueBundles(waiting []Waiting, now time.Time) []DueBundle {
	var due []DueBundle
	at := map[string]int{}
	for _, w := range waiting {
		if w.HoldUntil.After(now) {
			continue
		}
		i, known := at[w.Bundle]
		if !known {
			at[w.Bundle] = len(due)
			due = append(due, DueBundle{w.Bundle, w.HoldUntil, w.Position})
			continue
		}
		if w.HoldUntil.Before(due[i].Due) {
			due[i].Due = w.HoldUntil
		}
		due[i].Position = min(due[i].Position, w.Position)
	}
	return due
}

// InOrder returns the keys of at most so many bundles, in the order in which they
// leave: as they were due, and of one instant what came first.
func InOrder(due []DueBundle, limit int) []string {
	slices.SortFunc(due, func(a, b DueBundle) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Position, b.Position), strings.Compare(a.Key, b.Key))
	})
	keys := make([]string, min(len(due), limit))
	for i := range keys {
		keys[i] = due[i].Key
	}
	return keys
}

// InTurn has bundles leave, whole where that can be: one of which a part waits for another
// bundle that is due as well has its turn behind that. Where they wait for each other the
// first leaves in parts. The function is told whether that is allowed, and tells whether the
// bundle had its turn.
func InTurn(keys []string, leave func(key string, inParts bool) (had bool, err error)) error {
	for inParts := false; len(keys) > 0; {
		var later []string
		for _, key := range keys {
			had, err := leave(key, inParts)
			if err != nil {
				return err
			}
			if !had {
				later = append(later, key)
			}
			inParts = inParts && !had
		}
		inParts = len(later) == len(keys)
		keys = later
	}
	return nil
}

// Leaving are the notifications of a bundle that leave now, in the order in which
// they were due; none when none of them is due. One stays behind while an earlier
// one about its incident, which is due no later than itself, waits in another
// bundle, so that nobody reads a story backwards; for the bundles that are stuck
// nothing waits. Among the waiting must be all those of the bundle's incidents.
// Whole is false when one that is due stays behind.
func Leaving(bundle string, waiting []Waiting, now time.Time, stuck []string) (found []Waiting, whole bool) {
	before := map[string][]Waiting{}
	for _, w := range waiting {
		if w.Bundle != bundle && !slices.Contains(stuck, w.Bundle) {
			before[w.Incident] = append(before[w.Incident], w)
		}
	}
	some, whole := false, true
	for _, w := range waiting {
		if w.Bundle != bundle {
			continue
		}
		due := !w.HoldUntil.After(now)
		if slices.ContainsFunc(before[w.Incident], func(b Waiting) bool { return b.Position < w.Position && !b.HoldUntil.After(w.HoldUntil) }) {
			whole = whole && !due
			continue
		}
		found = append(found, w)
		some = some || due
	}
	if !some {
		return nil, whole
	}
	slices.SortFunc(found, func(a, b Waiting) int {
		return cmp.Or(a.HoldUntil.Compare(b.HoldUntil), strings.Compare(a.Incident, b.Incident), cmp.Compare(a.Position, b.Position))
	})
	return found, whole
}
