package exporters

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	// settledRuns and settledFor are what makes a habit of a turn: what a person tries,
	// and what is called otherwise at each run, is no job of its own.
	settledRuns = 3
	settledFor  = 48 * time.Hour
	// rhythmOf is of how many pauses the longest is the time between two runs.
	rhythmOf = 4
)

// Turn is one of several things that a product tells under one name and that may be saved
// by turns, such as two sets of paths: the success of one says nothing of another.
type Turn struct {
	Name  string
	Known bool        // as a job of its own
	Times []time.Time // of its runs, in any order
}

func (t *Turn) settled() bool {
	return t.Known || len(t.Times) >= settledRuns && t.Times[len(t.Times)-1].Sub(t.Times[0]) >= settledFor
}

// besides tells whether two are saved by turns: each went on between two runs of the other.
// Of one that took over from another none lies before its end, and of what was saved
// otherwise for some nights none before or after them. Where that was seen once retention
// may hide it.
func (t *Turn) besides(other *Turn) bool {
	return other.Known || t.between(other) && other.between(t)
}

func (t *Turn) between(other *Turn) bool {
	first, last := other.Times[0], other.Times[len(other.Times)-1]
	return slices.ContainsFunc(t.Times, func(at time.Time) bool { return at.After(first) && at.Before(last) })
}

// Rhythm is the longest of the last pauses, and no shorter than what is expected. A single
// run has none, so that nobody knows when the next is due.
func (t *Turn) Rhythm(expected, unknown time.Duration) time.Duration {
	if len(t.Times) < 2 {
		return unknown
	}
	longest := expected
	for i := max(1, len(t.Times)-rhythmOf); i < len(t.Times); i++ {
		longest = max(longest, t.Times[i].Sub(t.Times[i-1]).Round(time.Hour))
	}
	return longest
}

// Often tells whether it mostly runs as often as is expected. A weekend makes no
// difference, or what stands for the whole would change with the day of the week.
func (t *Turn) Often(expected time.Duration) bool {
	var pauses []time.Duration
	for i := max(1, len(t.Times)-rhythmOf); i < len(t.Times); i++ {
		pauses = append(pauses, t.Times[i].Sub(t.Times[i-1]))
	}
	slices.Sort(pauses)
	return len(pauses) == 0 || pauses[len(pauses)/2] <= expected*3/2
}

// ByTurns gives those that are jobs of their own, beside what stands for the whole: of
// those that run as often as is expected the first by the alphabet, so that it stays the
// same. One that stopped is there until it has been late for as long as given.
func ByTurns(all []*Turn, expected time.Duration, now time.Time, late time.Duration) []*Turn {
	var there, turns []*Turn
	for _, t := range all {
		if len(t.Times) == 0 {
			continue
		}
		slices.SortFunc(t.Times, time.Time.Compare)
		until := t.Times[len(t.Times)-1].Add(late)
		if t.settled() {
			until = until.Add(t.Rhythm(expected, late))
		}
		if !until.Before(now) {
			there = append(there, t)
		}
	}
	for _, t := range there {
		if t.settled() && slices.ContainsFunc(there, func(other *Turn) bool { return other != t && (t.Known || other.settled() && t.besides(other)) }) {
			turns = append(turns, t)
		}
	}
	if len(turns) == 0 {
		return nil
	}
	rank := func(t *Turn) int {
		switch {
		case t.Known:
			return 2
		case !t.Often(expected):
			return 1
		}
		return 0
	}
	slices.SortFunc(turns, func(a, b *Turn) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a.Name, b.Name)) })
	if turns[0].Known && len(there) > len(turns) {
		return turns // what has no habit yet stands for the whole
	}
	return turns[1:]
}
