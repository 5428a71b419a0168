package veeamevents

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

// state is what the events read so far tell. Reading an event twice adds
// nothing.
type state struct {
	jobs     map[string]*job
	sessions map[string]*session // by session id
	tasks    map[string]task     // by task id
	odd      map[string]bool     // unknown values that were counted
}

// job is a job of the backup server or of the agent.
type job struct {
	name    string
	agent   bool // of a managed agent: the machine is the job's
	host    bool // of Veeam Agent on this machine
	seen    time.Time
	deleted time.Time
	objects map[string]*object // by lower-case name
	runs    map[string]attempt // of Veeam Agent, by instant
}

type object struct {
	name string
	last time.Time
}

type session struct {
	job       string
	begin     time.Time
	end       time.Time
	result    exporters.Result
	willRetry bool
	text      string
}

type task struct {
	job, session, object string
	end                  time.Time
	result               exporters.Result
	size                 exporters.Amount
	text                 string
}

// attempt is a start or an end that Veeam Agent told.
type attempt struct {
	at     time.Time
	start  bool
	retry  bool // it failed and will be tried again
	result exporters.Result
	text   string
}

func newState() *state {
	return &state{jobs: map[string]*job{}, sessions: map[string]*session{}, tasks: map[string]task{}, odd: map[string]bool{}}
}

// counter counts a value that is not known.
type counter func(field, value string)

func (f *state) counter(out *exporters.Snapshot) counter {
	return func(field, value string) {
		key := field + "=" + value
		if !f.odd[key] && len(f.odd) < 1000 {
			f.odd[key] = true
			out.CountUnknown(field)
		}
	}
}

func (f *state) job(id string, at time.Time) *job {
	j := f.jobs[id]
	if j == nil {
		j = &job{objects: map[string]*object{}, runs: map[string]attempt{}}
		f.jobs[id] = j
	}
	if at.After(j.seen) {
		j.seen = at
	}
	return j
}

func (f *state) session(id, job string) *session {
	s := f.sessions[id]
	if s == nil {
		s = &session{job: job}
		f.sessions[id] = s
	}
	return s
}

// learnBackup takes an event of Veeam Backup & Replication; false if its data
// are not the documented ones.
func (f *state) learnBackup(e *winevent.Event, unknown counter) bool {
	d, ok := read(e)
	if !ok {
		unknown("event_data", strconv.Itoa(e.ID))
		return false
	}
	id := d.id("jobid")
	if e.ID == jobDeleted {
		if j := f.jobs[id]; j != nil && e.Time.After(j.deleted) {
			j.deleted = e.Time
		}
		return true
	}
	j := f.job(id, e.Time)
	switch e.ID {
	case jobStarted, agentStarted:
		f.session(d.id("jobsessionid"), id).begin = e.Time
		j.agent = j.agent || e.ID == agentStarted
	case jobFinished, agentFinished:
		j.name, j.agent = cmp.Or(d["jobname"], j.name), e.ID == agentFinished
		if !boolean(d["willberetried"]) {
			unknown("will_be_retried", d["willberetried"])
		}
		s := f.session(d.id("jobsessionid"), id)
		s.end, s.willRetry, s.text = e.Time, strings.EqualFold(d["willberetried"], "true"), d["description"]
		if s.result, ok = jobResult(d["jobresult"]); !ok {
			unknown("job_result", d["jobresult"])
		}
	case taskFinished:
		f.learnTask(e, d, j, unknown)
	}
	return true
}

func (f *state) learnTask(e *winevent.Event, d fields, j *job, unknown counter) {
	result, finished, known := taskStatus(d["status"])
	if !known {
		unknown("task_status", d["status"])
	}
	name := strings.TrimSpace(d["vmname"])
	key := strings.ToLower(name)
	o := j.objects[key]
	if o == nil {
		o = &object{}
		j.objects[key] = o
	}
	o.name = name
	if e.Time.After(o.last) {
		o.last = e.Time
	}
	if !finished {
		return
	}
	size := exporters.Amount{} // 0 is a rounded number, and does not say that it was nothing
	gb, err := strconv.ParseFloat(strings.ReplaceAll(d["transferredgb"], ",", "."), 64)
	switch {
	case err != nil || !(gb >= 0 && gb <= 1e9):
		if d["transferredgb"] != "" {
			unknown("transferred_gb", d["transferredgb"])
		}
	case gb > 0:
		size = exporters.Told(int64(gb * (1 << 30)))
	}
	f.tasks[d.id("tasksessionid")] = task{job: d.id("jobid"), session: d.id("jobsessionid"), object: key, end: e.Time, result: result,
		size: size, text: d["description"]}
}

// learnAgent takes an event of Veeam Agent on this machine.
func (f *state) learnAgent(e *winevent.Event, machine string, unknown counter) {
	name, text := agentJob(e)
	if name == "" {
		unknown("agent_job_name", strconv.Itoa(e.ID))
		name = unknownJobLabel
	}
	id := agentID(machine, name)
	if e.ID == jobDeleted {
		if j := f.jobs[id]; j != nil && e.Time.After(j.deleted) {
			j.deleted = e.Time
		}
		return
	}
	j := f.job(id, e.Time)
	j.name, j.host = name, true
	a := attempt{at: e.Time, text: text}
	switch {
	case e.ID == jobStarted:
		a.start = true
	case promised(e, text):
		a.retry = true
	default:
		var ok bool
		if a.result, ok = agentResult(e.Level, text); !ok {
			unknown("agent_level", strconv.Itoa(e.Level))
		}
	}
	j.runs[e.Time.UTC().Format("2006-01-02T15:04:05.000000000Z")+"/"+strconv.Itoa(e.ID)] = a
}

const agentPrefix = "agent:"

func agentID(machine, name string) string {
	return agentPrefix + strings.ToLower(machine) + ":" + strings.ToLower(name)
}

// remember takes up jobs that were known before the start: the log may have
// lost their events.
func (f *state) remember(jobs []exporters.Job, now time.Time) {
	for i := range jobs {
		known := &jobs[i]
		seen := known.LastSeen(now)
		if strings.HasPrefix(known.ID, agentPrefix) {
			j := f.job(known.ID, seen)
			j.name, j.host = known.Plan, true
			continue
		}
		id, key, several := strings.Cut(known.ID, "/")
		j := f.job(id, seen)
		j.name, j.agent = known.Plan, known.ObjectType == objectAgent
		if several {
			j.objects[key] = &object{name: known.Machine, last: seen}
		}
	}
}

// forget drops what is older than the lookback, and jobs that were deleted.
func (f *state) forget(config *Config, now time.Time) {
	oldest := now.Add(-time.Duration(config.Lookback))
	for id, s := range f.sessions {
		if s.begin.Before(oldest) && s.end.Before(oldest) {
			delete(f.sessions, id)
		}
	}
	for id, t := range f.tasks {
		if t.end.Before(oldest) {
			delete(f.tasks, id)
		}
	}
	for id, j := range f.jobs {
		if j.seen.Before(oldest) || j.deleted.After(j.seen) {
			delete(f.jobs, id)
			continue
		}
		for key, a := range j.runs {
			if a.at.Before(oldest) {
				delete(j.runs, key)
			}
		}
		var newest time.Time
		for _, o := range j.objects {
			if o.last.After(newest) {
				newest = o.last
			}
		}
		for key, o := range j.objects {
			if newest.Sub(o.last) > time.Duration(config.ForgetObjectsAfter) {
				delete(j.objects, key)
			}
		}
	}
}
