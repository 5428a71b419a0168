package veeamevents

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"vigie/exporters"
)

const (
	objectJob    = "backup_job"
	objectAgent  = "agent_job"
	objectMember = "backup_job_object"
	objectHost   = "veeam_agent"
	// undecided is how long a failed task waits for the end of its session,
	// which tells whether it is tried again, and a failure for the try that was
	// promised: the machine may have been switched off before it.
	undecided = 24 * time.Hour
	// toldTwice is within what two ends without a start between them are one: 190 and 191.
	toldTwice = time.Minute
)

// build is a function of the state.
func build(f *state, c *Config, now time.Time, unknown counter) []exporters.Job {
	var out []exporters.Job
	for _, id := range slices.Sorted(maps.Keys(f.jobs)) {
		j := f.jobs[id]
		unit := exporters.Job{Customer: c.Customer, CustomerName: c.CustomerName, ID: id, Machine: cmp.Or(j.name, id), Plan: cmp.Or(j.name, id),
			Class: exporters.Server, Role: c.BackupRole, Engine: Engine, ObjectType: objectJob, Enabled: true}
		switch {
		case j.host:
			unit.Machine, unit.Class, unit.ObjectType = c.Machine, c.MachineClass, objectHost
			unit.Runs, unit.RunningSince = j.agentRuns(now)
		case j.agent:
			unit.Class, unit.ObjectType = exporters.Other, objectAgent // a server or a workstation: nobody tells
		}
		unit.ExpectedInterval = c.ExpectedInterval.Of(unit.Class)
		if !j.host {
			unit.RunningSince = f.runningSince(id)
		}
		unit.Running = !unit.RunningSince.IsZero()
		if j.host || len(j.objects) == 0 {
			if !j.host {
				unit.Runs = f.jobRuns(id, now)
			}
			out = append(out, unit)
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(j.objects)) {
			one := unit
			one.ID, one.Machine, one.ObjectType = id+"/"+key, j.objects[key].name, objectMember
			one.Runs = f.objectRuns(id, key, now, unknown)
			out = append(out, one)
		}
	}
	return out
}

// twins tells the machines of which two of one name were in the last session
// that came to them.
func (f *state) twins() []exporters.Unmatched {
	type place struct{ job, object, session string }
	count, last := map[place]int{}, map[[2]string]task{}
	for _, t := range f.tasks {
		count[place{t.job, t.object, t.session}]++
		if of := [2]string{t.job, t.object}; t.end.After(last[of].end) {
			last[of] = t
		}
	}
	var out []exporters.Unmatched
	for of, t := range last {
		j := f.jobs[of[0]]
		if count[place{t.job, t.object, t.session}] > 1 && j != nil && j.objects[of[1]] != nil {
			out = append(out, exporters.Unmatched{Open: exporters.OpenObject, What: j.name + "/" + j.objects[of[1]].name, Jobs: []string{of[0] + "/" + of[1]}})
		}
	}
	return out
}

// final tells whether a session's end is the last word. Next is when something
// was last heard of what it worked on.
func (s *session) final(next, now time.Time) bool {
	if s.end.IsZero() || !s.result.Failing() || !s.willRetry {
		return !s.end.IsZero()
	}
	return !next.After(s.end) && now.Sub(s.end) >= undecided
}

func (s *session) run(id string) exporters.Run {
	r := exporters.Run{ID: id, Start: s.begin, End: s.end, Result: s.result}
	if s.result != exporters.Success {
		r.Error = s.text
	}
	return r
}

func (f *state) jobRuns(job string, now time.Time) []exporters.Run {
	var runs []exporters.Run
	next := f.lastSession(job)
	for id, s := range f.sessions {
		if s.job == job && s.final(next, now) {
			runs = append(runs, s.run(id))
		}
	}
	return sorted(runs)
}

// lastSession is the latest instant of the job's sessions.
func (f *state) lastSession(job string) time.Time {
	var last time.Time
	for _, s := range f.sessions {
		if at := latest(s); s.job == job && at.After(last) {
			last = at
		}
	}
	return last
}

// runningSince is the start of the last session, if it has no end.
func (f *state) runningSince(job string) time.Time {
	var last *session
	for _, s := range f.sessions {
		if s.job == job && (last == nil || latest(s).After(latest(last))) {
			last = s
		}
	}
	if last == nil || !last.end.IsZero() {
		return time.Time{}
	}
	return last.begin
}

func latest(s *session) time.Time {
	if s.end.After(s.begin) {
		return s.end
	}
	return s.begin
}

// objectRuns gives the runs of one machine of a job. A session that failed
// before it came to any machine failed for all of them.
func (f *state) objectRuns(job, object string, now time.Time, unknown counter) []exporters.Run {
	var runs []exporters.Run
	touched := map[string]bool{}
	bySession := map[string]int{} // its place in runs
	var next time.Time            // when the machine was last worked on
	for _, t := range f.tasks {
		if t.job == job && t.object == object && t.end.After(next) {
			next = t.end
		}
	}
	for id, t := range f.tasks {
		if t.job != job {
			continue
		}
		touched[t.session] = true
		if t.object != object {
			continue
		}
		r := exporters.Run{ID: id, End: t.end, Result: t.result, Size: t.size}
		s := f.sessions[t.session]
		if s != nil {
			r.Start = s.begin
		}
		if t.result != exporters.Success {
			r.Error = t.text
		}
		if t.result.Failing() {
			switch {
			case s == nil || s.end.IsZero():
				if now.Sub(t.end) < undecided {
					continue
				}
			case s.willRetry && (next.After(t.end) || now.Sub(t.end) < undecided):
				continue
			default:
				r.Error = cmp.Or(s.text, t.text)
			}
		}
		if at, twice := bySession[t.session]; twice {
			// Two machines of one name in one job: nobody can say whose success it is.
			unknown("object_name_twice", job+"/"+object)
			if r.Result.Worse(runs[at].Result) || r.Result == runs[at].Result && r.End.After(runs[at].End) {
				runs[at] = r
			}
			continue
		}
		bySession[t.session] = len(runs)
		runs = append(runs, r)
	}
	whole := f.lastSession(job)
	for id, s := range f.sessions {
		if s.job == job && !touched[id] && s.final(whole, now) && s.result.Failing() {
			runs = append(runs, s.run(id))
		}
	}
	return sorted(runs)
}

// agentRuns pairs what Veeam Agent wrote: a start, perhaps tries that failed
// and will be repeated, and an end.
func (j *job) agentRuns(now time.Time) (runs []exporters.Run, since time.Time) {
	var begin time.Time
	keys := slices.Sorted(maps.Keys(j.runs))
	for n, key := range keys {
		a := j.runs[key]
		if last := len(runs) - 1; !a.start && begin.IsZero() && last >= 0 && a.at.Sub(runs[last].End) < toldTwice {
			if !a.retry && a.result.Worse(runs[last].Result) {
				runs[last].Result, runs[last].Error = a.result, a.text
			}
			continue
		}
		if a.retry && n == len(keys)-1 && now.Sub(a.at) >= undecided {
			a.retry, a.result = false, exporters.Failed // nobody tried again
		}
		switch {
		case a.start:
			since = a.at
			if begin.IsZero() {
				begin = a.at
			}
		case a.retry:
			since = time.Time{} // between two tries nothing runs
		default:
			r := exporters.Run{ID: key, Start: begin, End: a.at, Result: a.result}
			if a.result != exporters.Success {
				r.Error = a.text
			}
			runs = append(runs, r)
			begin, since = time.Time{}, time.Time{}
		}
	}
	return runs, since
}

func sorted(runs []exporters.Run) []exporters.Run {
	slices.SortFunc(runs, func(a, b exporters.Run) int { return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.ID, b.ID)) })
	return runs
}
