package calendar

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Severity is one entry of an incident's history: from At on it was of this
// rank. The higher the rank, the more severe.
type Severity struct {
	At   time.Time `json:"at,omitzero"`
	Rank int       `json:"rank"`
}

// Target is what one severity grants: a delay and the calendar it runs in.
type Target struct {
	Calendar *Calendar
	Duration Duration
}

// Anchored is a due instant together with what decided it.
type Anchored struct {
	Due    time.Time // in the zone of the deciding calendar; zero while paused
	Paused bool
	Rank   int       // the severity whose delay decided
	Anchor time.Time // the instant at which that delay began
}

// DueWithAnchors is the due instant of a target for an incident whose severity
// may have changed. It is computed afresh from the whole history, which begins
// with the severity at the start of the clock.
//
// Every severity up to the current one that grants the target has a claim. Its
// delay began when the incident was first at least as severe, and the earliest
// due instant wins. So aggravation gives a fresh delay but never a later end,
// relief grants the longer delay from the original start, and going down and
// up again buys nothing.
//
// ok is false if no severity up to the current one grants the target.
func DueWithAnchors(history []Severity, targets map[int]Target, pauses []Pause) (due Anchored, ok bool, err error) {
	if len(history) == 0 {
		return Anchored{}, false, errors.New("severity history: it is empty; begin it with the severity at the start")
	}
	history = slices.Clone(history)
	slices.SortStableFunc(history, func(a, b Severity) int { return a.At.Compare(b.At) })
	current := history[len(history)-1].Rank

	for _, rank := range slices.Sorted(maps.Keys(targets)) {
		if rank > current {
			break
		}
		target := targets[rank]
		claim := Anchored{Rank: rank, Anchor: firstAtLeast(history, rank)}
		claim.Due, claim.Paused, err = target.Calendar.Due(claim.Anchor, target.Duration, pauses)
		if err != nil {
			return Anchored{}, false, fmt.Errorf("severity %d: %w", rank, err)
		}
		if !ok || claim.precedes(due) {
			due, ok = claim, true
		}
	}
	return due, ok, nil
}

// firstAtLeast is the instant at which the incident first had at least a rank.
// The caller knows that it had.
func firstAtLeast(history []Severity, rank int) time.Time {
	i := slices.IndexFunc(history, func(s Severity) bool { return s.Rank >= rank })
	return history[i].At
}

// precedes orders claims: a due instant before a paused one, the earlier before
// the later, and between equals the more severe.
func (a Anchored) precedes(b Anchored) bool {
	switch {
	case a.Paused != b.Paused:
		return b.Paused
	case !a.Due.Equal(b.Due):
		return a.Due.Before(b.Due)
	default:
		return a.Rank > b.Rank
	}
}
