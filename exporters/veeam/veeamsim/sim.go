// Package veeamsim is a simulated Veeam Backup & Replication server: an HTTP
// handler with the wire shapes of REST revisions 1.1 to 1.3, and a Go
// interface to steer what happens on it. It was written from the published
// examples of those revisions, not from the client that reads it.
package veeamsim

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/exporters/misbehave"
)

// Options configure a simulator.
type Options struct {
	Now      func() time.Time // required
	Username string           // default "sim-viewer"
	Password string           // default "sim-password"
	// Build is the server's version; default 12.3.1.1139. It decides which
	// revisions are spoken.
	Build string
	// PageSize caps the items of a page, whatever limit is asked for; 3.
	PageSize int
	// TokenLife is 15 minutes unless set.
	TokenLife time.Duration
	// Zone is the server's; default one hour east of UTC.
	Zone *time.Location
	// Administrator lets the account read the licence.
	Administrator bool
}

// Sim is one server. It is safe for concurrent use.
//
// Its endpoints, for orders and counts: token, logout, serverInfo, jobs,
// sessions, taskSessions, backups, restorePoints, repositories, license.
type Sim struct {
	misbehave.Controls
	o Options

	mu           sync.Mutex
	tokens       map[string]time.Time
	refresh      map[string]bool
	grants       map[string]int
	serial       int
	jobs         []*job
	sessions     []*session
	points       []point
	repositories []repository
}

// Job describes a backup job.
type Job struct {
	Name     string
	Workload string // vm, server, workstation, application or file; default vm
	// Type is the product's word, for example WindowsAgentBackup; default
	// that of a VM backup in the revision asked for.
	Type    string
	Objects []string // names of the machines it protects
	Hour    int      // of the daily start, in the server's zone
}

type job struct {
	Job
	id       string
	enabled  bool
	current  *session // running or last
	lastRun  time.Time
	result   string
	runStart time.Time
}

type session struct {
	id         string
	job        *job
	start, end time.Time
	state      string
	result     string
	message    string
	cancelled  bool
	tasks      []task
}

type task struct {
	id, name, result, message string
	start, end                time.Time
	size                      int64
}

// point is a restore point of one object.
type point struct {
	id   string
	job  *job
	name string
	at   time.Time
}

type repository struct {
	id, name       string
	capacity, free float64
	online         bool
}

// New builds a server without jobs.
func New(o Options) *Sim {
	if o.Username == "" {
		o.Username = "sim-viewer"
	}
	if o.Password == "" {
		o.Password = "sim-password"
	}
	if o.Build == "" {
		o.Build = "12.3.1.1139"
	}
	if o.PageSize == 0 {
		o.PageSize = 3
	}
	if o.TokenLife == 0 {
		o.TokenLife = 15 * time.Minute
	}
	if o.Zone == nil {
		o.Zone = time.FixedZone("", 3600)
	}
	return &Sim{o: o, tokens: map[string]time.Time{}, refresh: map[string]bool{}, grants: map[string]int{}}
}

// uuid is made of the serial number: runs of a test give the same ids.
func (s *Sim) uuid(kind byte) string {
	s.serial++
	return misbehave.UUID(kind, s.serial)
}

// AddJob adds a job that has never run and gives its id.
func (s *Sim) AddJob(j Job) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.Workload == "" {
		j.Workload = "vm"
	}
	j.Objects = slices.Clone(j.Objects)
	jb := &job{Job: j, id: s.uuid(0x30), enabled: true, result: "None"}
	s.jobs = append(s.jobs, jb)
	return jb.id
}

// AddObject adds a machine to a job.
func (s *Sim) AddObject(jobID, machine string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(jobID)
	j.Objects = append(j.Objects, machine)
}

// AddRepository adds a repository; amounts are in GB as the server counts.
func (s *Sim) AddRepository(name string, capacityGB, freeGB float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repositories = append(s.repositories, repository{id: s.uuid(0x88), name: name, capacity: capacityGB, free: freeGB, online: true})
}

// StartJob lets a job run until one of the other methods ends it.
func (s *Sim) StartJob(jobID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(s.find(jobID))
}

func (s *Sim) start(j *job) *session {
	if j.current != nil && j.current.state != "Stopped" {
		return j.current
	}
	now := s.o.Now()
	j.runStart, j.lastRun, j.result = now, now, "None"
	j.current = &session{id: s.uuid(0xc9), job: j, start: now, state: "Working", result: "None"}
	s.sessions = append(s.sessions, j.current)
	return j.current
}

// end is how a run ends, for each object.
type end struct {
	result, message string
}

func (s *Sim) finish(j *job, objects []string, of func(object string) end, whole end) {
	se := s.start(j)
	now := s.o.Now()
	if se.start.Equal(now) {
		se.start = now.Add(-90 * time.Second) // a run that was not started by hand took a while
		j.lastRun = se.start
	}
	for _, name := range objects {
		if r := of(name).result; r == "Success" || r == "Warning" {
			s.points = append(s.points, point{id: s.uuid(0xab), job: j, name: j.pointName(name), at: se.start})
		}
	}
	if j.tellsTasks() {
		for _, name := range objects {
			e := of(name)
			se.tasks = append(se.tasks, task{id: s.uuid(0x69), name: name, result: e.result, message: e.message,
				start: se.start, end: now, size: 21474836480})
		}
	}
	se.end, se.state, se.result, se.message = now, "Stopped", whole.result, whole.message
	j.result = whole.result
}

// tellsTasks: jobs of agents give no results by object.
func (j *job) tellsTasks() bool { return !strings.Contains(strings.ToLower(j.Type), "agent") }

// pointName: restore points of agents carry the job's name behind the machine's.
func (j *job) pointName(object string) string {
	if j.tellsTasks() {
		return object
	}
	return object + " " + j.Name
}

// ForgetSessions drops the sessions that ended before t, as the server's
// history does; restore points stay.
func (s *Sim) ForgetSessions(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = slices.DeleteFunc(s.sessions, func(se *session) bool { return !se.end.IsZero() && se.end.Before(t) })
}

// FinishAgents ends a run of a job: well for some machines, and for the others
// with an error.
func (s *Sim) FinishAgents(jobID string, well []string, errorText string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(jobID)
	s.finish(j, well, func(string) end { return end{"Success", "Success"} }, end{"Failed", errorText})
}

// SucceedJob ends a run of a job well.
func (s *Sim) SucceedJob(jobID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(jobID)
	s.finish(j, j.Objects, func(string) end { return end{"Success", "Success"} }, end{"Success", "Success"})
}

// FailJob ends a run of a job with an error before it came to any machine.
func (s *Sim) FailJob(jobID, errorText string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(s.find(jobID), nil, nil, end{"Failed", errorText})
}

// CancelJob ends a run of a job as a person does.
func (s *Sim) CancelJob(jobID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(jobID)
	s.finish(j, nil, nil, end{"Failed", "Canceled by user"})
	j.current.cancelled = true
}

// FinishJobWith ends a run with any word for its result.
func (s *Sim) FinishJobWith(jobID, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(jobID)
	s.finish(j, j.Objects, func(string) end { return end{result, ""} }, end{result, ""})
}

// FinishJobInTurn ends a run of a job with a result for each of its objects in
// turn, which may have one name.
func (s *Sim) FinishJobInTurn(jobID string, results []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(jobID)
	next := 0
	s.finish(j, nil, nil, end{"Failed", "see the objects"})
	for _, name := range j.Objects {
		j.current.tasks = append(j.current.tasks, task{id: s.uuid(0x69), name: name, result: results[next%len(results)],
			start: j.current.start, end: j.current.end, size: 21474836480})
		next++
	}
}

// FinishTry ends a try that takes only these objects again.
func (s *Sim) FinishTry(jobID string, results map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	whole := "Success"
	for _, r := range results {
		if r == "Failed" {
			whole = r
		}
	}
	s.finish(s.find(jobID), slices.Sorted(maps.Keys(results)), func(name string) end { return end{results[name], ""} }, end{whole, ""})
}

// SucceedBackup runs the jobs of a machine for this machine only, well.
func (s *Sim) SucceedBackup(machine string) { s.one(machine, "Success", "Success") }

// WarnBackup runs the jobs of a machine for this machine only, with remarks.
func (s *Sim) WarnBackup(machine, text string) { s.one(machine, "Warning", text) }

// FailBackup runs the jobs of a machine for this machine only, and fails.
func (s *Sim) FailBackup(machine, errorText string) { s.one(machine, "Failed", errorText) }

func (s *Sim) one(machine, result, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if slices.Contains(j.Objects, machine) {
			s.finish(j, []string{machine}, func(string) end { return end{result, text} }, end{result, text})
		}
	}
}

// SetJobEnabled switches a job on or off.
func (s *Sim) SetJobEnabled(jobID string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.find(jobID).enabled = on
}

// DeleteJob removes a job with its sessions.
func (s *Sim) DeleteJob(jobID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(jobID)
	s.jobs = slices.DeleteFunc(s.jobs, func(o *job) bool { return o == j })
	s.sessions = slices.DeleteFunc(s.sessions, func(o *session) bool { return o.job == j })
	s.points = slices.DeleteFunc(s.points, func(o point) bool { return o.job == j })
}

// DeleteMachine takes a machine out of every job; a job left without machines
// is deleted.
func (s *Sim) DeleteMachine(machine string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range slices.Clone(s.jobs) {
		if !slices.Contains(j.Objects, machine) {
			continue
		}
		j.Objects = slices.DeleteFunc(j.Objects, func(o string) bool { return o == machine })
		if len(j.Objects) == 0 {
			s.jobs = slices.DeleteFunc(s.jobs, func(o *job) bool { return o == j })
			s.sessions = slices.DeleteFunc(s.sessions, func(o *session) bool { return o.job == j })
		}
	}
}

// ExpireTokens ends every access token that was given out.
func (s *Sim) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Grants counts the tokens given for a grant type.
func (s *Sim) Grants(grant string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grants[grant]
}

// Tokens gives the tokens that are valid now, for tests that look for leaks.
func (s *Sim) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for t := range s.tokens {
		out = append(out, t)
	}
	for t := range s.refresh {
		out = append(out, t)
	}
	return out
}

func (s *Sim) find(id string) *job {
	for _, j := range s.jobs {
		if j.id == id {
			return j
		}
	}
	panic("veeamsim: no job " + id)
}
