package veeam

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

const (
	keptSessions = 32 // of a job
	keptRuns     = 16 // of an object
	// orphanLife is how long a task waits for the session it belongs to.
	orphanLife = 48 * time.Hour
	maxOrphans = 10_000
)

// listing is what one refresh read.
type listing struct {
	// begun is when the reading began by the server's clock.
	begun        time.Time
	jobs         []jobState
	some         bool // rows of the listing of jobs could not be read: what is not in it may be there
	sessions     []session
	tasks        []taskSession
	tasksRead    bool
	backups      []backup
	points       []restorePoint
	repositories []repositoryState
	licenses     []license
}

// knowledge is what earlier refreshes taught: sessions are read
// incrementally, and the server forgets them.
type knowledge struct {
	jobs    map[string]*jobHistory
	session map[string]sessionRef // by session id
	orphans map[string]taskSession
	odd     map[string]bool // unknown values that were counted
}

// sessionRef is what has to be known of a session to place its tasks.
type sessionRef struct {
	job   string
	begin time.Time
	loc   *time.Location // of the session's instants; nil if it told none
	at    time.Time
}

type jobHistory struct {
	sessions []session // finished, oldest first
	objects  map[string]*object
	machine  string // of a job with one object, remembered from before the start
}

// object is one machine, disk or share that a job protects.
type object struct {
	name   string
	runs   []objectRun // oldest first
	points []time.Time // its restore points, oldest first
	last   time.Time   // the end of the last run, or the last restore point
}

type objectRun struct {
	exporters.Run
	session string
	twins   bool // two objects of this name were in the session
}

func newKnowledge() knowledge {
	return knowledge{jobs: map[string]*jobHistory{}, session: map[string]sessionRef{}, orphans: map[string]taskSession{}, odd: map[string]bool{}}
}

// remember takes up what was known of jobs before the start.
func (k *knowledge) remember(jobs []exporters.Job) {
	for _, j := range jobs {
		id, name, several := strings.Cut(j.ID, "/")
		if k.jobs[id] == nil {
			k.jobs[id] = &jobHistory{objects: map[string]*object{}}
		}
		if several {
			k.jobs[id].objects[name] = &object{name: j.Machine, last: j.LastRun}
		} else if j.Machine != j.Plan {
			k.jobs[id].machine = j.Machine
		}
	}
}

type builder struct {
	listing
	known  *knowledge
	config *Config
	now    time.Time
	out    exporters.Snapshot
}

// build is a function of its arguments, except that it adds to known.
func build(l listing, known *knowledge, config *Config, now time.Time) exporters.Snapshot {
	b := &builder{listing: l, known: known, config: config, now: now}
	b.out.Incremental = l.some
	b.learnJobs()
	b.learnSessions()
	b.learnTasks()
	b.learnPoints()
	for i := range b.jobs {
		b.job(&b.jobs[i])
	}
	for _, r := range b.repositories {
		b.out.Repositories = append(b.out.Repositories, exporters.Repository{Customer: config.Customer, Name: string(r.Name),
			CapacityBytes: inBytes(r.CapacityGB), FreeBytes: inBytes(r.FreeGB), Online: r.IsOnline.Pointer()})
	}
	for _, lic := range b.licenses {
		expiry := lic.ExpirationDate.Time
		if expiry.IsZero() {
			expiry = lic.InstanceLicenseSummary.ExpirationDate.Time
		}
		b.out.Licenses = append(b.out.Licenses, exporters.License{Customer: config.Customer, Item: cmp.Or(string(lic.Edition), "license"), Expiry: expiry},
			exporters.License{Customer: config.Customer, Item: "support", Expiry: lic.SupportExpirationDate.Time})
	}
	return b.out
}

// inBytes gives bytes, or -1 for what the server does not tell.
func inBytes(gibibytes exporters.Number) float64 {
	if !gibibytes.Told {
		return -1
	}
	return gibibytes.Value * (1 << 30)
}

// unknown counts a value once per field and value, over all refreshes.
func (b *builder) unknown(field, value string) {
	key := field + "=" + strings.ToLower(value)
	if b.known.odd[key] || len(b.known.odd) > 1000 {
		return
	}
	b.known.odd[key] = true
	b.out.CountUnknown(field)
}

// learnJobs forgets the jobs that are gone and notes the current sessions.
func (b *builder) learnJobs() {
	listed := map[string]bool{}
	for i := range b.jobs {
		id := b.jobs[i].ID.Lower()
		listed[id] = true
		if b.known.jobs[id] == nil {
			b.known.jobs[id] = &jobHistory{objects: map[string]*object{}}
		}
		if sid := b.jobs[i].SessionID.Lower(); sid != "" {
			b.noteSession(sid, id, b.jobs[i].LastRun)
		}
	}
	for id := range b.known.jobs {
		if !listed[id] && !b.some {
			delete(b.known.jobs, id)
		}
	}
	for id, ref := range b.known.session {
		if b.now.Sub(ref.at) > time.Duration(b.config.Lookback) || !listed[ref.job] && !b.some {
			delete(b.known.session, id)
		}
	}
}

func (b *builder) noteSession(id, job string, at exporters.Instant) {
	ref := sessionRef{job: job, at: b.now}
	if !at.IsZero() && !at.Zoneless {
		ref.begin, ref.loc = at.Time, at.Location()
		// An offset alone does not know when the clocks change.
		if ours := at.Time.In(b.config.location); ours.Format(time.DateTime) == at.Time.Format(time.DateTime) {
			ref.loc = b.config.location
		}
	}
	b.known.session[id] = ref
}

func (b *builder) learnSessions() {
	for _, s := range b.sessions {
		history := b.known.jobs[s.job()]
		if history == nil || !b.finished(&s) {
			continue // of something that is no job, or still running
		}
		if s.CreationTime.Bad || s.EndTime.Bad {
			b.unknown("session_time", s.ID.Lower())
		}
		b.noteSession(s.ID.Lower(), s.job(), s.CreationTime)
		at := slices.IndexFunc(history.sessions, func(o session) bool { return o.ID.Lower() == s.ID.Lower() })
		if at >= 0 {
			history.sessions[at] = s
			continue
		}
		history.sessions = append(history.sessions, s)
		slices.SortStableFunc(history.sessions, func(x, y session) int { return b.end(&x).Compare(b.end(&y)) })
		history.sessions = history.sessions[max(0, len(history.sessions)-keptSessions):]
	}
}

func (b *builder) end(s *session) time.Time {
	if s.EndTime.IsZero() {
		return s.CreationTime.In(b.config.location)
	}
	return s.EndTime.In(b.config.location)
}

func (b *builder) finished(s *session) bool {
	switch s.State.Lower() {
	case "stopped":
		return true
	case "starting", "stopping", "working", "pausing", "resuming", "waitingtape", "idle", "postprocessing",
		"waitingrepository", "waitingslot", "actionrequired":
		return false
	default:
		b.unknown("session_state", string(s.State))
		return !s.EndTime.IsZero() && s.Result.Result.Lower() != "none"
	}
}

// learnTasks files the results by object. A task ends before its session, so
// its session may become known only at a later refresh.
func (b *builder) learnTasks() {
	pending := b.tasks
	for _, t := range b.known.orphans {
		pending = append(pending, t)
	}
	clear(b.known.orphans)
	for _, t := range pending {
		if !strings.EqualFold(string(t.State), "stopped") || t.Name == "" {
			continue
		}
		ref, ok := b.known.session[t.SessionID.Lower()]
		history := b.known.jobs[ref.job]
		if !ok || history == nil {
			if b.now.Sub(t.EndTime.In(b.config.location)) < orphanLife && len(b.known.orphans) < maxOrphans {
				b.known.orphans[t.ID.Lower()] = t
			}
			continue
		}
		b.file(history, t, ref)
	}
}

func (b *builder) file(h *jobHistory, t taskSession, ref sessionRef) {
	loc := cmp.Or(ref.loc, b.config.location)
	begin := t.CreationTime.From(loc, ref.begin.Add(-slack))
	run := objectRun{session: t.SessionID.Lower(), Run: exporters.Run{ID: t.ID.Lower(), Start: begin, End: t.EndTime.From(loc, begin), Size: t.Progress.ProcessedSize.Amount()}}
	run.Result, run.Error = b.result(t.Result, "task_result")
	switch {
	case run.End.IsZero():
		b.unknown("task_time", run.ID) // of a task that ended
		return
	case run.End.Before(run.Start) && loc != b.config.location:
		run.End = run.End.Add(time.Hour) // the clock went back meanwhile, which an offset alone does not know
	}
	key := objectKey(string(t.Name))
	o := h.objects[key]
	if o == nil {
		o = &object{}
		h.objects[key] = o
	}
	o.name = string(t.Name)
	if run.End.After(o.last) {
		o.last = run.End
	}
	if at := slices.IndexFunc(o.runs, func(r objectRun) bool { return r.ID == run.ID }); at >= 0 {
		run.twins = o.runs[at].twins
		o.runs[at] = run
		return
	}
	if at := slices.IndexFunc(o.runs, func(r objectRun) bool { return r.session == run.session }); at >= 0 {
		// Two machines of one name in one job: nobody can say whose success it is.
		b.unknown("object_name_twice", ref.job+"/"+key)
		if !run.Result.Worse(o.runs[at].Result) {
			run.Run = o.runs[at].Run
		}
		run.twins = true
		o.runs[at] = run
		return
	}
	o.runs = append(o.runs, run)
	slices.SortStableFunc(o.runs, func(x, y objectRun) int { return x.End.Compare(y.End) })
	o.runs = o.runs[max(0, len(o.runs)-keptRuns):]
}

// objectKey is the stable part of a job_id. Task results carry no id of their
// object, only its name, which is unique within a job.
func objectKey(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// result reads an outcome. What is not known is Unknown and counted.
func (b *builder) result(o outcome, field string) (exporters.Result, string) {
	text := string(o.Message)
	if strings.EqualFold(text, string(o.Result)) {
		text = ""
	}
	if o.IsCanceled.On {
		return exporters.Cancelled, text
	}
	switch o.Result.Lower() {
	case "success":
		return exporters.Success, ""
	case "warning":
		return exporters.Warning, text
	case "failed":
		return exporters.Failed, text
	case "none", "":
		return exporters.Unknown, text
	default:
		b.unknown(field, string(o.Result))
		return exporters.Unknown, text
	}
}

// job adds the protection units of one job: one for each object if the server
// tells of several, otherwise one for the job.
func (b *builder) job(j *jobState) {
	h := b.known.jobs[j.ID.Lower()]
	unit := exporters.Job{
		Customer: b.config.Customer, CustomerName: b.config.CustomerName, ID: j.ID.Lower(), Machine: string(j.Name), Plan: string(j.Name),
		Class: b.class(j), Role: b.config.BackupRole, Engine: Engine, ObjectType: string(j.Type),
		NextRun: j.NextRun.Coming(b.config.location, b.now),
	}
	unit.Enabled, unit.Running = b.status(j)
	if unit.Running {
		unit.RunningSince = j.LastRun.In(b.config.location)
	}
	unit.ExpectedInterval = b.config.ExpectedInterval.Of(unit.Class)
	if j.onDemand() {
		unit.ExpectedInterval = exporters.OnDemand
	}
	names := slices.Sorted(maps.Keys(h.objects))
	chains := b.chains(j, h)
	if j.verifies() {
		unit.Engine = Verifier
		unit.Runs = b.jobRuns(j, h, chains, unit.Running)
		b.out.Jobs = append(b.out.Jobs, unit)
		return
	}
	if len(names) == 0 || len(names) == 1 && j.ObjectsCount.Int() <= 1 {
		unit.Machine = cmp.Or(h.machine, unit.Machine)
		if len(names) == 1 {
			unit.Machine = h.objects[names[0]].name
		}
		unit.Runs = b.jobRuns(j, h, chains, unit.Running)
		if len(names) == 1 {
			unit.LastSuccess = h.objects[names[0]].proof(&unit, b.begun)
		}
		b.out.Jobs = append(b.out.Jobs, unit)
		return
	}
	sessions := bySession(chains)
	for _, name := range names {
		o := h.objects[name]
		one := unit
		one.ID = j.ID.Lower() + "/" + name
		one.Machine = o.name
		if j.ofAgents() {
			one.Runs = b.pointRuns(j, h, o)
		} else {
			one.Runs = b.objectRuns(o, chains, sessions, unit.Running)
		}
		one.LastSuccess = o.proof(&one, b.begun)
		b.out.Jobs = append(b.out.Jobs, one)
		if n := len(o.runs); n > 0 && o.runs[n-1].twins {
			b.out.Unmatched = append(b.out.Unmatched, exporters.Unmatched{Open: exporters.OpenObject, What: string(j.Name) + "/" + o.name, Jobs: []string{one.ID}})
		}
	}
	if j.ofAgents() && len(names) < j.ObjectsCount.Int() {
		// Some machine has no restore point and so no name: the job stands
		// for it.
		unit.Runs = b.jobRuns(j, h, chains, unit.Running)
		b.out.Jobs = append(b.out.Jobs, unit)
	}
}

// jobRuns gives the runs of a job, each as its last try went, explained by the
// tasks of that.
func (b *builder) jobRuns(j *jobState, h *jobHistory, chains []*chain, running bool) []exporters.Run {
	var runs []exporters.Run
	current := j.SessionID.Lower()
	listed := false
	for _, c := range chains {
		s := c.last()
		run := exporters.Run{ID: c.id(), Start: c.tries[0].CreationTime.In(b.config.location), End: b.end(s)}
		run.Result, run.Error = b.result(s.Result, "session_result")
		texts, size := explain(h, s.ID.Lower())
		if run.Result != exporters.Success && texts != "" {
			run.Error = texts
		}
		run.Size = size
		runs = append(runs, b.settle(run, running))
		for _, try := range c.tries {
			listed = listed || try.ID.Lower() == current
		}
	}
	// A session older than what is read back leaves its result in the job.
	if !running && !listed && !j.LastRun.IsZero() {
		result, _ := b.result(outcome{Result: j.LastResult}, "job_result")
		if result != exporters.Unknown || j.LastResult.Lower() != "none" {
			runs = append(runs, exporters.Run{ID: current, End: j.LastRun.In(b.config.location), Result: result, Coarse: true})
		}
	}
	return runs
}

// explain joins what a session's tasks said about failures, and their sizes.
func explain(h *jobHistory, session string) (string, exporters.Amount) {
	var texts []string
	var size exporters.Amount
	for _, name := range slices.Sorted(maps.Keys(h.objects)) {
		for _, run := range h.objects[name].runs {
			if run.session != session {
				continue
			}
			size = size.Plus(run.Size)
			if run.Error != "" {
				texts = append(texts, run.Error)
			}
		}
	}
	return strings.Join(texts, "; "), size
}

// objectRuns gives the runs of one object, each as the last try went that came
// to it. A run that failed before it came to any object failed for all of them.
func (b *builder) objectRuns(o *object, chains []*chain, of map[string]*chain, running bool) []exporters.Run {
	var runs []exporters.Run
	at := map[*chain]int{}
	for _, r := range o.runs {
		run := r.Run
		c := of[r.session]
		if c == nil { // of a session that is not remembered
			runs = append(runs, run)
			continue
		}
		run = b.settle(run, running)
		run.ID = c.id()
		if n, before := at[c]; before {
			runs[n] = run
			continue
		}
		at[c] = len(runs)
		runs = append(runs, run)
	}
	if !b.tasksRead {
		return runs
	}
	first := o.last
	if len(o.runs) > 0 {
		first = o.runs[0].End
	}
	for _, c := range chains {
		s := c.last()
		result, text := b.result(s.Result, "session_result")
		if c.touched || !result.Failing() || !b.end(s).After(first) {
			continue
		}
		runs = append(runs, b.settle(exporters.Run{ID: c.id(), Start: s.CreationTime.In(b.config.location), End: b.end(s), Result: result, Error: text}, running))
	}
	return runs
}

func (b *builder) status(j *jobState) (enabled, running bool) {
	switch j.Status.Lower() {
	case "running", "starting", "stopping":
		return true, true
	case "inactive", "enabled", "stopped", "idle":
		return true, false
	case "disabled":
		return false, false
	default:
		b.unknown("job_status", string(j.Status))
		return true, false
	}
}

func (b *builder) class(j *jobState) exporters.Class {
	if strings.Contains(j.Type.Lower(), "workstation") {
		return exporters.Workstation
	}
	switch j.Workload.Lower() {
	case "server", "vm", "cloudvm", "application":
		return exporters.Server
	case "workstation":
		return exporters.Workstation
	case "file":
		return exporters.Other
	default:
		b.unknown("workload", string(j.Workload))
		return exporters.Other
	}
}
