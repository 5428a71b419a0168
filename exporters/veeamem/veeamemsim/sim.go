// Package veeamemsim is a simulated Veeam Backup Enterprise Manager: an HTTP
// handler with the wire shapes of versions 12 and 13, and a Go interface to
// steer what happens on it. It was written from published captures, not from
// the client that reads it.
package veeamemsim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/exporters/misbehave"
)

// Options configure a simulator.
type Options struct {
	Now      func() time.Time // required
	Username string           // default "sim-user"
	Password string           // default "sim-password"
	// Camel writes keys as version 13 does.
	Camel bool
	// PageSize caps the items of a page, whatever is asked for; 3.
	PageSize int
}

// Sim is one server. It is safe for concurrent use.
//
// Its endpoints, for orders and counts: login, logout, sessions, taskSessions,
// repositories, agents; refused is whatever else would change something.
type Sim struct {
	misbehave.Controls
	o Options

	mu           sync.Mutex
	serial       int
	logins       map[string]string // secret -> id of the session
	sessions     []*Session
	repositories []object
	computers    []object
}

// Session is a run of a job, or one try of it.
type Session struct {
	ID, JobID, JobName, JobType string
	Retry                       bool
	Start, End                  time.Time
	State, Result, Message      string
	Tasks                       []Task
	Parent                      string // of a session for one machine of a job of agents
}

// Task is the part of a session for one machine.
type Task struct {
	ID, Machine            string
	Start, End             time.Time
	State, Result, Message string
	Size                   int64
}

type object = map[string]any

// New builds a server without sessions.
func New(o Options) *Sim {
	if o.Username == "" {
		o.Username = "sim-user"
	}
	if o.Password == "" {
		o.Password = "sim-password"
	}
	if o.PageSize == 0 {
		o.PageSize = 3
	}
	return &Sim{o: o, logins: map[string]string{}}
}

func (s *Sim) uuid(kind byte) string {
	s.serial++
	return misbehave.UUID(kind, s.serial)
}

// NewID gives an id, for a job.
func (s *Sim) NewID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uuid(0x30)
}

// Start lets a job run until Finish.
func (s *Sim) Start(jobID, name string, retry bool) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	se := &Session{ID: s.uuid(0xc9), JobID: jobID, JobName: name, JobType: "Backup", Retry: retry, Start: s.o.Now(), State: "Working", Result: "None"}
	s.sessions = append(s.sessions, se)
	return se
}

// StartAgent lets the backup of one machine run within the session of a job of agents:
// as a session and a job of its own, called after both.
func (s *Sim) StartAgent(parent *Session, jobID, machine string) *Session {
	se := s.Start(jobID, parent.JobName+" - "+machine, parent.Retry)
	s.mu.Lock()
	defer s.mu.Unlock()
	parent.JobType, se.JobType, se.Parent = "AgentBackup", "AgentManagement", parent.ID
	return se
}

// Finish ends a session with a result; outcomes are the results by machine,
// each perhaps with an explanation after a colon.
func (s *Sim) Finish(se *Session, result, message string, outcomes map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	se.End, se.State, se.Result, se.Message = s.o.Now(), "Stopped", result, message
	var machines []string
	for m := range outcomes {
		machines = append(machines, m)
	}
	slices.Sort(machines)
	for _, m := range machines {
		word, text, _ := strings.Cut(outcomes[m], ":")
		se.Tasks = append(se.Tasks, Task{ID: s.uuid(0x69), Machine: m, Start: se.Start, End: se.End, State: "Completed", Result: word, Message: text, Size: 214748364800})
	}
}

// AddTask adds a result of its own to a session: two machines may have one name.
func (s *Sim) AddTask(se *Session, t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.ID = s.uuid(0x69)
	se.Tasks = append(se.Tasks, t)
}

// Forget drops the sessions that began before t, as the server's retention does.
func (s *Sim) Forget(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = slices.DeleteFunc(s.sessions, func(se *Session) bool { return se.Start.Before(t) })
}

// AddRepository adds a repository of a backup server; amounts are in bytes.
func (s *Sim) AddRepository(name, server string, capacity, free int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repositories = append(s.repositories, object{"Capacity": capacity, "FreeSpace": free, "Kind": "WindowsLocal", "Name": name,
		"UID": "urn:veeam:Repository:" + s.uuid(0x88), "Links": []object{{"Rel": "Up", "Name": server, "Type": "BackupServerReference"}}, "Type": "Repository"})
}

// AddComputer adds a machine with an agent.
func (s *Sim) AddComputer(name, hostStatus, agentStatus string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.computers = append(s.computers, object{"HostStatus": hostStatus, "AgentVersion": "6.3.2.1307", "AgentStatus": agentStatus, "OsVersion": "Microsoft Windows Server 2022 (21H2, 64-bit)",
		"IpAddress": "192.0.2.4", "Name": name, "UID": "urn:veeam:DiscoveredComputer:" + s.uuid(0xdc), "Type": "DiscoveredComputer"})
}

// Secrets gives what must never come out: the open sessions.
func (s *Sim) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for secret := range s.logins {
		out = append(out, secret)
	}
	return out
}

// ServeHTTP answers like the server.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	order, status, answer := s.answer(w, r)
	body := misbehave.Encode(s.spell(answer))
	s.mu.Unlock()
	misbehave.Write(w, r, order, status, body)
}

func (s *Sim) endpoint(r *http.Request) string {
	switch {
	case r.URL.Path == "/api/sessionMngr/" && r.Method == http.MethodPost:
		return "login"
	case strings.HasPrefix(r.URL.Path, "/api/logonSessions/") && r.Method == http.MethodDelete:
		return "logout"
	case r.Method != http.MethodGet:
		return "refused"
	case r.URL.Path == "/api/repositories":
		return "repositories"
	case r.URL.Path == "/api/agents/discoveredComputers":
		return "agents"
	case r.URL.Path == "/api/query":
		return map[string]string{"BackupJobSession": "sessions", "BackupTaskSession": "taskSessions"}[r.URL.Query().Get("type")]
	}
	return ""
}

func (s *Sim) answer(w http.ResponseWriter, r *http.Request) (misbehave.Order, int, object) {
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	name := s.endpoint(r)
	order, down := s.Take(name)
	if down {
		return order, http.StatusServiceUnavailable, object{"Message": "Service Unavailable"}
	}
	fault := func(status int, text string) (misbehave.Order, int, object) {
		return order, status, object{"FirstChanceExceptionMessage": nil, "StackTrace": nil, "Message": text, "StatusCode": status}
	}
	if order.Fault == misbehave.ExpireTokens {
		clear(s.logins)
	}
	if name == "login" {
		user, password, _ := r.BasicAuth()
		if user != s.o.Username || password != s.o.Password {
			return fault(http.StatusUnauthorized, "Authentication failed")
		}
		id := s.uuid(0xb9)
		secret := base64.StdEncoding.EncodeToString([]byte(id))
		s.logins[secret] = id
		w.Header().Set("X-RestSvcSessionId", secret)
		return order, http.StatusCreated, object{"UserName": user, "SessionId": id, "Type": "LogonSession"}
	}
	secret := r.Header.Get("X-RestSvcSessionId")
	if s.logins[secret] == "" {
		return fault(http.StatusUnauthorized, "Session is not found")
	}
	q := r.URL.Query()
	switch {
	case name == "logout" && strings.HasSuffix(r.URL.Path, "/"+s.logins[secret]):
		delete(s.logins, secret)
		return order, http.StatusNoContent, nil
	case name == "repositories":
		return order, http.StatusOK, object{"Repositories": append([]object{}, s.repositories...)}
	case name == "agents":
		return order, http.StatusOK, object{"DiscoveredComputers": append([]object{}, s.computers...)}
	case name == "sessions" || name == "taskSessions":
		since, err := filter(q)
		if err != nil || q.Get("format") != "entities" {
			return fault(http.StatusBadRequest, "The query cannot be read")
		}
		return order, http.StatusOK, s.page(name, since, q, order.Fault)
	}
	return fault(http.StatusNotFound, "Not found")
}

func filter(q url.Values) (time.Time, error) {
	text, ok := strings.CutPrefix(q.Get("filter"), "CreationTime>=")
	if !ok {
		return time.Time{}, fmt.Errorf("no filter")
	}
	return time.Parse(time.RFC3339, strings.Trim(text, `"`))
}

func (s *Sim) page(name string, since time.Time, q url.Values, f misbehave.Fault) object {
	var all []object
	for _, se := range s.sessions {
		if name == "sessions" {
			if !se.Start.Before(since) {
				all = append(all, s.session(se))
			}
			continue
		}
		for i := range se.Tasks {
			if !se.Tasks[i].Start.Before(since) {
				all = append(all, s.task(se, &se.Tasks[i]))
			}
		}
	}
	if f == misbehave.MoveList && len(all) > 0 && q.Get("page") != "1" { // the first item went away
		all = all[1:]
	}
	size, number := s.o.PageSize, 1
	if n, err := strconv.Atoi(q.Get("pageSize")); err == nil && n > 0 {
		size = min(size, n)
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && f != misbehave.RepeatCursor {
		number = n
	}
	from := min((number-1)*size, len(all))
	items := append([]object{}, all[from:min(from+size, len(all))]...)
	if f == misbehave.HalfPage {
		items = items[:len(items)/2]
	}
	list := map[string]string{"sessions": "BackupJobSessions", "taskSessions": "BackupTaskSessions"}[name]
	return object{"Refs": nil, "Entities": object{"Jobs": nil, list: object{list: items}, "ReplicaJobSessions": nil},
		"PagingInfo": object{"Links": []object{}, "PageNum": number, "PageSize": size, "PagesCount": max(1, (len(all)+size-1)/size)}}
}

const wireTime = "2006-01-02T15:04:05.999999Z"

func (s *Sim) session(se *Session) object {
	o := object{"IsRetry": se.Retry, "JobUid": "urn:veeam:Job:" + se.JobID, "JobName": se.JobName, "JobType": se.JobType,
		"CreationTimeUTC": se.Start.UTC().Format(wireTime), "EndTimeUTC": se.End.UTC().Format(wireTime), "State": se.State, "Result": se.Result,
		"Progress": 100, "FailureMessage": nil, "Name": se.JobName + "@" + se.Start.UTC().Format("2006-01-02 15:04:05"),
		"UID": "urn:veeam:BackupJobSession:" + se.ID, "Links": []object{}, "Type": "BackupJobSession"}
	if se.Parent != "" {
		o["Links"] = []object{{"Rel": "Up", "Href": "https://em.example:9398/api/backupSessions/" + se.Parent, "Name": "Parent session", "Type": "BackupJobSessionReference"},
			{"Rel": "Alternate", "Href": "https://em.example:9398/api/backupSessions/" + se.ID, "Name": o["Name"], "Type": "BackupJobSessionReference"}}
	}
	if se.End.IsZero() {
		o["EndTimeUTC"], o["Progress"] = "1900-01-01T00:00:00Z", 20
	}
	if se.Message != "" {
		o["FailureMessage"] = se.Message
	}
	return o
}

func (s *Sim) task(se *Session, t *Task) object {
	return object{"JobSessionUid": "urn:veeam:BackupJobSession:" + se.ID, "CreationTimeUTC": t.Start.UTC().Format(wireTime), "EndTimeUTC": t.End.UTC().Format(wireTime),
		"State": t.State, "Result": t.Result, "Reason": t.Message, "TotalSize": t.Size, "VmUid": "urn:VMware:Vm:host.vm-1", "VmDisplayName": t.Machine,
		"Name": t.Machine + "@" + t.Start.UTC().Format("2006-01-02 15:04:05"), "UID": "urn:veeam:BackupTaskSession:" + t.ID, "Type": "BackupTaskSession"}
}

// spell gives keys the case of the version: 13 writes the first letter small,
// and "UID" as "uid".
func (s *Sim) spell(v any) any {
	if !s.o.Camel {
		return v
	}
	switch v := v.(type) {
	case object:
		out := object{}
		for k, e := range v {
			key := strings.ToLower(k[:1]) + k[1:]
			if k == "UID" {
				key = "uid"
			}
			out[key] = s.spell(e)
		}
		return out
	case []object:
		out := make([]any, len(v))
		for i := range v {
			out[i] = s.spell(v[i])
		}
		return out
	}
	return v
}
