package resticrepo

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// maxID is how long a job_id may be before it is shortened.
const maxID = 200

// knowledge is what earlier readings taught: a job whose snapshots were all
// forgotten is not in the list.
type knowledge struct{ jobs map[string]*known }

type known struct {
	machine, plan string
	seen          time.Time // its last run
}

// remember takes up the jobs that were known before the start.
func (k *knowledge) remember(jobs []exporters.Job, now time.Time) {
	for i := range jobs {
		j := &jobs[i]
		k.jobs[j.ID] = &known{machine: j.Machine, plan: j.Plan, seen: j.LastSeen(now)}
	}
}

// job_id of a group, and its name for people. The tag of success is no part of
// it: the snapshots with and without it are one job's.
func (c *Config) name(key groupKey) (id, plan string) {
	var parts []string
	tags := slices.DeleteFunc(slices.Clone(key.Tags), func(t string) bool { return t == c.SuccessTag })
	slices.Sort(tags)
	if slices.Contains(c.GroupBy, "tags") && len(tags) > 0 {
		parts = append(parts, strings.Join(tags, ","))
	}
	if slices.Contains(c.GroupBy, "paths") {
		parts = append(parts, strings.Join(key.Paths, ","))
	}
	id = strings.Join(append([]string{strings.ToLower(key.Host)}, parts...), "/")
	if len(id) > maxID {
		sum := sha256.Sum256([]byte(id))
		id = strings.ToValidUTF8(id[:maxID], "") + "-" + hex.EncodeToString(sum[:8])
	}
	return id, cmp.Or(strings.Join(parts, " "), "restic")
}

// newest collects the newest snapshot of each job. One that lies in the future, as of a
// clock that was ahead, is the newest only where there is no other.
func (c *Config) newest(groups []group, own map[string]time.Duration, now time.Time, note func(id string, g *known)) map[string]*snapshot {
	out := map[string]*snapshot{}
	for i := range groups {
		g := &groups[i]
		id, plan := c.name(g.Key)
		if _, apart := own[id]; c.byTurns && !apart {
			id, plan = strings.ToLower(g.Key.Host), "restic"
		}
		note(id, &known{machine: g.Key.Host, plan: plan})
		for n := range g.Snapshots.Items {
			s, best := &g.Snapshots.Items[n], out[id]
			if !s.Time.IsZero() && (best == nil || later(s, best, now)) {
				out[id] = s
			}
		}
	}
	return out
}

// later tells whether a snapshot is newer than the newest so far.
func later(s, best *snapshot, now time.Time) bool {
	if ahead := s.Time.After(now); ahead != best.Time.After(now) {
		return !ahead
	}
	return s.Time.After(best.Time.Time)
}

// build is a function of the two readings and of what was known: all holds
// the newest snapshots, tagged the newest of those that carry the tag.
func (k *knowledge) build(c *Config, all, tagged []group, now time.Time) []exporters.Job {
	for _, groups := range [][]group{all, tagged} {
		for i := range groups {
			groups[i].Key.Host = cmp.Or(strings.TrimSpace(groups[i].Key.Host), "unknown")
		}
	}
	var own map[string]time.Duration
	if c.byTurns {
		own = k.turns(c, all, now)
	}
	note := func(id string, fresh *known) {
		if before := k.jobs[id]; before != nil {
			fresh.seen = before.seen
		}
		k.jobs[id] = fresh
	}
	last, good := c.newest(all, own, now, note), c.newest(tagged, own, now, note)
	for _, found := range []map[string]*snapshot{last, good} {
		for id, s := range found {
			if s.end().After(k.jobs[id].seen) {
				k.jobs[id].seen = s.end()
			}
		}
	}
	maps.DeleteFunc(k.jobs, func(id string, j *known) bool {
		return last[id] == nil && good[id] == nil && now.Sub(j.seen) > time.Duration(c.ForgetAfter)
	})
	var out []exporters.Job
	for _, id := range slices.Sorted(maps.Keys(k.jobs)) {
		if c.ignored(id) {
			continue
		}
		j := exporters.Job{Customer: c.Customer, CustomerName: c.CustomerName, ID: id, Machine: k.jobs[id].machine, Class: c.MachineClass, Role: c.BackupRole,
			Engine: Engine, Plan: k.jobs[id].plan, ObjectType: "snapshots", Enabled: true, ExpectedInterval: cmp.Or(own[id], c.ExpectedInterval.Of(c.MachineClass))}
		if s := good[id]; s != nil && s.tagged(c.SuccessTag) {
			j.Runs = append(j.Runs, s.run(exporters.Success, ""))
		}
		if s := last[id]; s != nil {
			j.Runs = append(j.Runs, c.judge(s, now)...)
		}
		out = append(out, j)
	}
	return out
}

// judge tells what a snapshot proves: that restic ran, and no more, unless the
// configuration says otherwise. An incomplete backup leaves a snapshot too.
func (c *Config) judge(s *snapshot, now time.Time) []exporters.Run {
	switch {
	case c.SnapshotIsSuccess, c.SuccessTag != "" && s.tagged(c.SuccessTag):
		return []exporters.Run{s.run(exporters.Success, "")}
	case c.SuccessTag == "":
		return []exporters.Run{s.run(exporters.Unknown, "there is a snapshot; whether it is complete is not told")}
	case now.Sub(s.end()) < time.Duration(c.TagWithin):
		return nil // the wrapper may be about to tag it
	default:
		return []exporters.Run{s.run(exporters.Failed, "the last snapshot does not carry the tag "+c.SuccessTag+": the backup was incomplete, or nobody told that it was not")}
	}
}

func (s *snapshot) run(r exporters.Result, words string) exporters.Run {
	run := exporters.Run{ID: s.id(), Start: s.Time.Time, End: s.end(), Result: r, Error: words}
	if s.Summary != nil {
		run.Size, run.Files = exporters.ParseAmount(string(s.Summary.Bytes)), exporters.ParseAmount(string(s.Summary.Files))
	}
	return run
}
