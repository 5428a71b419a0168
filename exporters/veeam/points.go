package veeam

import (
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// keptPoints is how many of an object's last restore points are remembered.
const keptPoints = 32

// ofAgents tells whether a job is one of agents: those give no results by
// object, only restore points.
func (j *jobState) ofAgents() bool {
	kind := j.Type.Lower()
	return strings.Contains(kind, "agent") || strings.Contains(kind, "policy")
}

// learnPoints files restore points by object. In jobs of agents they are what
// tells the objects; elsewhere the tasks do.
func (b *builder) learnPoints() {
	backups := make(map[string]*backup, len(b.backups))
	for i := range b.backups {
		backups[b.backups[i].ID.Lower()] = &b.backups[i]
	}
	jobs := make(map[string]*jobState, len(b.jobs))
	for i := range b.jobs {
		jobs[b.jobs[i].ID.Lower()] = &b.jobs[i]
	}
	for i := range b.points {
		p := &b.points[i]
		chain := backups[p.BackupID.Lower()]
		if chain == nil || p.CreationTime.IsZero() {
			continue
		}
		j := jobs[chain.JobID.Lower()]
		if j == nil {
			continue // of a job that is no more
		}
		name := pointName(string(p.Name), string(chain.Name), string(j.Name))
		key := objectKey(name)
		h := b.known.jobs[j.ID.Lower()]
		o := h.objects[key]
		if key == "" || o == nil && !j.ofAgents() {
			continue
		}
		if o == nil {
			o = &object{}
			h.objects[key] = o
		}
		if o.name == "" {
			o.name = name
		}
		o.addPoint(p.CreationTime.In(b.config.location), b.now)
	}
	for id, h := range b.known.jobs {
		after := b.config.ForgetObjectsAfter
		if j := jobs[id]; j != nil && j.ofAgents() {
			after = max(after, b.config.Lookback)
		}
		h.forgetObjects(time.Duration(after))
	}
}

// pointName gives the machine of a restore point: those of agents carry the
// name of their job behind it.
func pointName(name string, jobs ...string) string {
	name = strings.TrimSpace(name)
	for _, job := range jobs {
		if rest, ok := strings.CutSuffix(name, " "+strings.TrimSpace(job)); ok && strings.TrimSpace(rest) != "" {
			return strings.TrimSpace(rest)
		}
	}
	return name
}

func (o *object) addPoint(at, now time.Time) {
	if n, known := slices.BinarySearchFunc(o.points, at, time.Time.Compare); !known {
		o.points = slices.Insert(o.points, n, at)
		o.points = o.points[max(0, len(o.points)-keptPoints):]
	}
	if at.After(o.last) && !at.After(now) {
		o.last = at
	}
}

// proof is the newest restore point of which no run tells more: what is not in
// the sessions any more, or never was. A point that is younger than the reading
// may be of a session that began after the jobs were listed.
func (o *object) proof(job *exporters.Job, begun time.Time) time.Time {
	for _, p := range slices.Backward(o.points) {
		if !p.Before(begun.Add(-slack)) {
			continue
		}
		told := slices.ContainsFunc(job.Runs, func(r exporters.Run) bool { return within(p, r.Start, r.End) })
		if !told && !(job.Running && within(p, job.RunningSince, p)) {
			return p
		}
	}
	return time.Time{}
}

// slack is how far a restore point may lie outside of its session.
const slack = 2 * time.Minute

func within(p, begin, end time.Time) bool {
	return !p.Before(begin.Add(-slack)) && !p.After(end.Add(slack))
}

// forgetObjects lets go of objects without which the job has gone on for
// long. A single session does not tell: a retry takes only what failed.
func (h *jobHistory) forgetObjects(after time.Duration) {
	var newest time.Time
	for _, o := range h.objects {
		if o.last.After(newest) {
			newest = o.last
		}
	}
	for key, o := range h.objects {
		if newest.Sub(o.last) > after {
			delete(h.objects, key)
		}
	}
}

// pointRuns gives the runs of one machine of an agent job: a session that left
// a restore point of it, or that failed without one.
func (b *builder) pointRuns(j *jobState, h *jobHistory, o *object) []exporters.Run {
	var runs []exporters.Run
	for i := range h.sessions {
		s := &h.sessions[i]
		if other := h.only(s, j); other != "" && other != objectKey(o.name) {
			continue
		}
		begin, end := s.CreationTime.In(b.config.location), b.end(s)
		saved := slices.ContainsFunc(o.points, func(p time.Time) bool { return within(p, begin, end) })
		run := exporters.Run{ID: s.ID.Lower(), Start: begin, End: end}
		run.Result, run.Error = b.result(s.Result, "session_result")
		switch {
		case saved && run.Result.Failing():
			run.Result = exporters.Warning // the failure was another's, or came after the point
		case !saved && !run.Result.Failing() && run.Result != exporters.Unknown:
			continue // the session went well without this machine
		}
		runs = append(runs, run)
	}
	return runs
}

// only finds the one machine that a session is about, if its name tells.
func (h *jobHistory) only(s *session, j *jobState) string {
	name := strings.ToLower(strings.TrimSpace(string(s.Name)))
	if name == "" || strings.EqualFold(name, strings.TrimSpace(string(j.Name))) {
		return ""
	}
	found := ""
	for key := range h.objects {
		if strings.HasSuffix(name, key) && len(key) > len(found) {
			found = key
		}
	}
	return found
}
