package veeamem

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// sameNight bounds how far a retry may lie from the try before.
const sameNight = 24 * time.Hour

// knowledge is what the readings so far taught: sessions are read
// incrementally, and there is no list of jobs beside them.
type knowledge struct {
	jobs     map[string]*job
	sessions map[string]session
	tasks    map[string]taskSession
	odd      map[string]bool // unknown words that were counted
}

type job struct {
	name, machine, kind string
	seen                time.Time
	objects             map[string]*object // by lower-case name
}

type object struct {
	name string
	last time.Time
}

func newKnowledge() *knowledge {
	return &knowledge{jobs: map[string]*job{}, sessions: map[string]session{}, tasks: map[string]taskSession{}, odd: map[string]bool{}}
}

func (k *knowledge) job(id string, at time.Time) *job {
	j := k.jobs[id]
	if j == nil {
		j = &job{objects: map[string]*object{}}
		k.jobs[id] = j
	}
	if at.After(j.seen) {
		j.seen = at
	}
	return j
}

// remember takes up jobs that were known before the start.
func (k *knowledge) remember(jobs []exporters.Job, now time.Time) {
	for i := range jobs {
		known := &jobs[i]
		seen := known.LastSeen(now)
		id, key, several := strings.Cut(known.ID, "/")
		j := k.job(id, seen)
		j.name, j.machine, j.kind = known.Plan, known.Machine, known.ObjectType
		if several {
			j.objects[key] = &object{name: known.Machine, last: seen}
		}
	}
}

// learn takes up what was read now.
func (k *knowledge) learn(sessions []session, tasks []taskSession, unknown counter) {
	listed := map[string]bool{}
	for _, s := range sessions {
		listed[bare(s.UID)] = true
	}
	for _, s := range sessions {
		id, owner := bare(s.UID), bare(s.JobUID)
		if id == "" || owner == "" {
			continue
		}
		if s.CreationTimeUTC.Bad || s.EndTimeUTC.Bad {
			unknown("session_time", id)
		}
		if _, known := k.sessions[s.parent()]; known || listed[s.parent()] {
			k.tasks[id] = s.task()
			delete(k.jobs, owner) // as which an earlier version knew it
			continue
		}
		s.Links = exporters.Rows[link]{} // nothing else is asked of them
		k.sessions[id] = s
		j := k.job(owner, s.CreationTimeUTC.Time)
		if at := s.CreationTimeUTC.Time; j.name == "" || !at.Before(j.seen) {
			j.name, j.machine = s.names()
			j.kind = string(s.JobType)
		}
	}
	for _, t := range tasks {
		if t.CreationTimeUTC.Bad || t.EndTimeUTC.Bad {
			unknown("task_time", bare(t.UID))
		}
		if id := bare(t.UID); id != "" && strings.TrimSpace(string(t.VMDisplayName)) != "" {
			k.tasks[id] = t
		}
	}
}

// forget drops what is older than the lookback and files the tasks' objects.
func (k *knowledge) forget(c *Config, now time.Time) {
	oldest := now.Add(-time.Duration(c.Lookback))
	for id, s := range k.sessions {
		if s.CreationTimeUTC.Before(oldest) && s.EndTimeUTC.Before(oldest) {
			delete(k.sessions, id)
		}
	}
	for id, t := range k.tasks {
		if t.CreationTimeUTC.Before(oldest) && t.EndTimeUTC.Before(oldest) {
			delete(k.tasks, id)
			continue
		}
		s, ok := k.sessions[bare(t.JobSessionUID)]
		j := k.jobs[bare(s.JobUID)]
		if !ok || j == nil {
			continue // its session is read at a later refresh
		}
		key := objectKey(string(t.VMDisplayName))
		o := j.objects[key]
		if o == nil {
			o = &object{}
			j.objects[key] = o
		}
		if at := exporters.Later(t.CreationTimeUTC.Time, t.EndTimeUTC.Time); !at.Before(o.last) {
			o.name, o.last = strings.TrimSpace(string(t.VMDisplayName)), at
		}
	}
	for id, j := range k.jobs {
		if j.seen.Before(oldest) {
			delete(k.jobs, id)
			continue
		}
		var newest time.Time
		for _, o := range j.objects {
			if o.last.After(newest) {
				newest = o.last
			}
		}
		for key, o := range j.objects {
			if newest.Sub(o.last) > time.Duration(c.ForgetObjectsAfter) {
				delete(j.objects, key)
			}
		}
	}
}

// objectKey is the stable part of a job_id: names are unique within a job.
func objectKey(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// since is from when on sessions have to be read next: the oldest that is not
// finished, or shortly before the newest.
func (k *knowledge) since(c *Config, now time.Time) time.Time {
	oldest := now.Add(-time.Duration(c.Lookback))
	newest := oldest
	for _, s := range k.sessions {
		if at := s.CreationTimeUTC.Time; at.After(newest) && !at.After(now) {
			newest = at
		}
	}
	out := newest.Add(-sameNight)
	for _, s := range k.sessions {
		if at := s.CreationTimeUTC.Time; !s.finished(nil) && at.Before(out) {
			out = at
		}
	}
	if out.Before(oldest) {
		return oldest
	}
	return out.Add(-time.Minute)
}

// counter counts a word that is not known.
type counter func(field, word string)

func (k *knowledge) counter(out *exporters.Snapshot) counter {
	return func(field, word string) {
		key := field + "=" + strings.ToLower(word)
		if !k.odd[key] && len(k.odd) < 1000 {
			k.odd[key] = true
			out.CountUnknown(field)
		}
	}
}

func (s *session) finished(unknown counter) bool {
	return finished(s.State, s.Result, s.EndTimeUTC, "session_state", unknown)
}

func (t *taskSession) finished(unknown counter) bool {
	return finished(t.State, t.Result, t.EndTimeUTC, "task_state", unknown)
}

func finished(state, result exporters.Text, end exporters.Instant, field string, unknown counter) bool {
	switch state.Lower() {
	case "stopped", "completed":
		return !end.IsZero()
	case "starting", "stopping", "working", "pausing", "resuming", "waitingtape", "idle", "postprocessing", "waitingrepository", "pending", "inprogress":
		return false
	default:
		if unknown != nil {
			unknown(field, string(state))
		}
		return !end.IsZero() && result.Lower() != "none"
	}
}

// resultOf reads an outcome; what is not known is Unknown and counted.
func resultOf(word exporters.Text, field string, unknown counter) exporters.Result {
	switch word.Lower() {
	case "success":
		return exporters.Success
	case "warning":
		return exporters.Warning
	case "failed":
		return exporters.Failed
	case "none", "":
		return exporters.Unknown
	default:
		unknown(field, string(word))
		return exporters.Unknown
	}
}

// chain is a session and its retries: one run of the job in several tries.
type chain struct {
	id    string
	tries []session // oldest first
}

// chains puts retries to the session that they repeat.
func (k *knowledge) chains() map[string][]chain {
	byJob := map[string][]session{}
	for _, s := range k.sessions {
		byJob[bare(s.JobUID)] = append(byJob[bare(s.JobUID)], s)
	}
	out := map[string][]chain{}
	for id, sessions := range byJob {
		slices.SortFunc(sessions, func(a, b session) int {
			return cmp.Or(a.CreationTimeUTC.Compare(b.CreationTimeUTC.Time), cmp.Compare(a.UID, b.UID))
		})
		var all []chain
		for _, s := range sessions {
			if n := len(all); n > 0 && s.IsRetry.On {
				before := all[n-1].tries[len(all[n-1].tries)-1]
				if s.CreationTimeUTC.Sub(before.CreationTimeUTC.Time) < sameNight && before.Result.Lower() != "success" {
					all[n-1].tries = append(all[n-1].tries, s)
					continue
				}
			}
			all = append(all, chain{id: bare(s.UID), tries: []session{s}})
		}
		out[id] = all
	}
	return out
}

// build is a function of what is known.
func (k *knowledge) build(c *Config, unknown counter) []exporters.Job {
	chains := k.chains()
	tasks := map[string][]taskSession{} // by session
	for _, id := range slices.Sorted(maps.Keys(k.tasks)) {
		t := k.tasks[id]
		tasks[bare(t.JobSessionUID)] = append(tasks[bare(t.JobSessionUID)], t)
	}
	for _, all := range tasks {
		for i := range all { // the session of a machine leaves its size to tasks of its own
			for _, part := range tasks[bare(all[i].UID)] {
				if part.TotalSize.Told {
					all[i].TotalSize = exporters.Number{Value: all[i].TotalSize.Value + part.TotalSize.Value, Told: true}
				}
			}
		}
	}
	var out []exporters.Job
	for _, id := range slices.Sorted(maps.Keys(k.jobs)) {
		j := k.jobs[id]
		unit := exporters.Job{Customer: c.Customer, CustomerName: c.CustomerName, ID: id, Machine: cmp.Or(j.machine, id), Plan: cmp.Or(j.name, id),
			Class: exporters.Server, Role: c.BackupRole, Engine: Engine, ObjectType: j.kind, Enabled: true}
		unit.ExpectedInterval = c.ExpectedInterval.Of(unit.Class)
		if n := len(chains[id]); n > 0 {
			tries := chains[id][n-1].tries
			if last := &tries[len(tries)-1]; !last.finished(unknown) {
				unit.Running, unit.RunningSince = true, last.CreationTimeUTC.Time
			}
		}
		if len(j.objects) == 0 {
			for i := range chains[id] {
				unit.Runs = append(unit.Runs, chains[id][i].run(unknown)...)
			}
			out = append(out, unit)
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(j.objects)) {
			one := unit
			one.ID, one.Machine = id+"/"+key, j.objects[key].name
			for i := range chains[id] {
				one.Runs = append(one.Runs, chains[id][i].objectRun(key, tasks, unknown)...)
			}
			out = append(out, one)
		}
	}
	return out
}

// twins tells the machines of which two of one name were in the last session
// that came to them.
func (k *knowledge) twins(unknown counter) []exporters.Unmatched {
	type place struct{ job, machine string }
	type count struct {
		tasks int
		at    time.Time
		name  string
	}
	sessions := map[place]map[string]count{}
	for _, t := range k.tasks {
		s, ok := k.sessions[bare(t.JobSessionUID)]
		if !ok || !t.finished(unknown) {
			continue
		}
		p := place{bare(s.JobUID), objectKey(string(t.VMDisplayName))}
		if sessions[p] == nil {
			sessions[p] = map[string]count{}
		}
		c := sessions[p][bare(s.UID)]
		sessions[p][bare(s.UID)] = count{c.tasks + 1, s.CreationTimeUTC.Time, string(t.VMDisplayName)}
	}
	var out []exporters.Unmatched
	for p, all := range sessions {
		var last count
		for _, c := range all {
			if c.at.After(last.at) {
				last = c
			}
		}
		if j := k.jobs[p.job]; last.tasks > 1 && j != nil {
			out = append(out, exporters.Unmatched{Open: exporters.OpenObject, What: j.name + "/" + strings.TrimSpace(last.name), Jobs: []string{p.job + "/" + p.machine}})
		}
	}
	return out
}

// run gives the last finished try under the id of the first, so that the
// tries of one night are one run. A failure is marked as coarse: a later try
// may still replace it, with its own end.
func (c *chain) run(unknown counter) []exporters.Run {
	for i := len(c.tries) - 1; i >= 0; i-- {
		s := &c.tries[i]
		if !s.finished(unknown) {
			continue
		}
		r := exporters.Run{ID: c.id, Start: c.tries[0].CreationTimeUTC.Time, End: s.EndTimeUTC.Time, Result: resultOf(s.Result, "session_result", unknown)}
		r.Coarse = r.Result.Failing()
		if r.Result != exporters.Success {
			r.Error = string(s.FailureMessage)
		}
		return []exporters.Run{r}
	}
	return nil
}

// objectRun gives the last finished task of an object in the chain. Tries that
// failed before they came to any object failed for all of them.
func (c *chain) objectRun(key string, tasks map[string][]taskSession, unknown counter) []exporters.Run {
	touched := false
	var last *taskSession
	for i := range c.tries {
		all := tasks[bare(c.tries[i].UID)]
		var here *taskSession // of this try
		for n := range all {
			touched = true
			t := &all[n]
			if objectKey(string(t.VMDisplayName)) != key || !t.finished(unknown) {
				continue
			}
			if here != nil {
				// Two machines of one name in one job: nobody can say whose success it is.
				unknown("object_name_twice", bare(t.JobSessionUID)+"/"+key)
			}
			if here == nil || t.badness(unknown) > here.badness(unknown) {
				here = t
			}
		}
		if here != nil {
			last = here
		}
	}
	if !touched {
		runs := c.run(unknown)
		if len(runs) == 1 && runs[0].Result.Failing() {
			return runs
		}
		return nil
	}
	if last == nil {
		return nil
	}
	r := exporters.Run{ID: c.id, Start: last.CreationTimeUTC.Time, End: last.EndTimeUTC.Time, Size: last.TotalSize.Amount(), Result: resultOf(last.Result, "task_result", unknown)}
	r.Coarse = r.Result.Failing()
	if r.Result != exporters.Success {
		r.Error = string(last.Reason)
	}
	return []exporters.Run{r}
}

// badness orders results by how much they are to be feared.
func (t *taskSession) badness(unknown counter) int {
	return slices.Index([]exporters.Result{exporters.Success, exporters.Warning, exporters.Unknown, exporters.Failed}, resultOf(t.Result, "task_result", unknown))
}

// stores gives the repositories that tell their size, under names that are
// unique: each backup server has a default one of the same name.
func stores(all []repository, customer string) []exporters.Repository {
	count := map[string]int{}
	for i := range all {
		count[string(all[i].Name)]++
	}
	var out []exporters.Repository
	for i := range all {
		r := &all[i]
		if !r.Capacity.Told || !r.FreeSpace.Told || r.Capacity.Value < 0 || r.FreeSpace.Value < 0 {
			continue
		}
		name := string(r.Name)
		if count[name] > 1 {
			name += " (" + cmp.Or(r.server(), bare(r.UID)) + ")"
		}
		out = append(out, exporters.Repository{Customer: customer, Name: name, CapacityBytes: r.Capacity.Value, FreeBytes: r.FreeSpace.Value})
	}
	return out
}

// agents gives the machines with an agent, connected or not. A word that is
// not known says nothing.
func agents(all []computer, customer string, unknown counter) []exporters.Agent {
	var out []exporters.Agent
	for i := range all {
		c := &all[i]
		if strings.TrimSpace(string(c.Name)) == "" || c.AgentStatus.Lower() != "installed" {
			continue
		}
		online := c.HostStatus.Lower() == "online"
		if !online && c.HostStatus.Lower() != "offline" {
			unknown("host_status", string(c.HostStatus))
			continue
		}
		out = append(out, exporters.Agent{Customer: customer, Machine: string(c.Name), Online: online})
	}
	return out
}
