package resticrepo

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	// settledRuns and settledFor are what makes a habit of a set of paths: what a
	// person tries, and paths that hold a date, are no job of their own.
	settledRuns = 3
	settledFor  = 48 * time.Hour
	// rhythmOf is of how many pauses the longest is the time between two runs.
	rhythmOf = 4
)

// pathSet is what a machine saves in one call of restic.
type pathSet struct {
	id    string
	known bool // as a job of its own
	times []time.Time
}

func (s *pathSet) first() time.Time { return s.times[0] }
func (s *pathSet) last() time.Time  { return s.times[len(s.times)-1] }

func (s *pathSet) settled() bool {
	return s.known || len(s.times) >= settledRuns && s.last().Sub(s.first()) >= settledFor
}

// besides tells whether two sets are saved by turns: of one that took over from
// another none lies before its end. Where that was seen once retention may hide it.
func (s *pathSet) besides(other *pathSet) bool {
	return other.known || s.first().Before(other.last()) && other.first().Before(s.last())
}

// rhythm is the longest of the last pauses, and no shorter than what is expected. A
// single snapshot has none: then the job is late when it would be forgotten.
func (s *pathSet) rhythm(expected, unknown time.Duration) time.Duration {
	if len(s.times) < 2 {
		return unknown
	}
	longest := expected
	for i := max(1, len(s.times)-rhythmOf); i < len(s.times); i++ {
		longest = max(longest, s.times[i].Sub(s.times[i-1]).Round(time.Hour))
	}
	return longest
}

// turns finds the sets of paths that a machine saves beside its first one, by their
// job_ids, with the time between two runs: a complete backup of one says nothing of another.
func (k *knowledge) turns(c *Config, all []group, now time.Time) map[string]time.Duration {
	expected := c.ExpectedInterval.Of(c.MachineClass)
	byID, hosts := map[string]*pathSet{}, map[string][]*pathSet{}
	for i := range all {
		id, _ := c.name(all[i].Key)
		s := byID[id]
		if s == nil {
			s = &pathSet{id: id, known: k.jobs[id] != nil}
			byID[id] = s
			host := strings.ToLower(all[i].Key.Host)
			hosts[host] = append(hosts[host], s)
		}
		for _, shot := range all[i].Snapshots.Items {
			if !shot.Time.IsZero() && !shot.Time.After(now) {
				s.times = append(s.times, shot.Time.Time)
			}
		}
		slices.SortFunc(s.times, time.Time.Compare)
	}
	own := map[string]time.Duration{}
	for _, sets := range hosts {
		sets = slices.DeleteFunc(sets, func(s *pathSet) bool { return len(s.times) == 0 || now.Sub(s.last()) > time.Duration(c.ForgetAfter) })
		var turns []*pathSet
		for _, s := range sets {
			if s.settled() && slices.ContainsFunc(sets, func(other *pathSet) bool { return other != s && (s.known || other.settled() && s.besides(other)) }) {
				turns = append(turns, s)
			}
		}
		slices.SortFunc(turns, func(a, b *pathSet) int {
			first := func(yes bool) int {
				if yes {
					return 0
				}
				return 1
			}
			daily := func(s *pathSet) bool { return s.rhythm(expected, 0) <= expected*3/2 }
			return cmp.Or(first(!a.known)-first(!b.known), first(daily(a))-first(daily(b)), strings.Compare(a.id, b.id))
		})
		for i, s := range turns {
			if i > 0 || s.known && len(sets) > len(turns) {
				own[s.id] = s.rhythm(expected, time.Duration(c.ForgetAfter))
			} else {
				delete(k.jobs, s.id) // it stands for the machine now
			}
		}
	}
	return own
}
