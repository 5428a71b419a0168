// Package proxmoxbackupsim is a simulated Proxmox Backup Server: an HTTP handler with
// the wire shapes of its interface, and a Go interface to steer what happens
// on it. It was written from the server's public interface, not from the
// client that reads it.
package proxmoxbackupsim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/exporters/misbehave"
)

// Options configure a simulator.
type Options struct {
	Now     func() time.Time // required
	TokenID string           // default "vigie@pbs!sim"
	Secret  string           // default "sim-secret"
	// Old has no namespaces, as before version 2.2.
	Old bool
	// TaskPage caps the tasks of a page, whatever is asked for; 3.
	TaskPage int
	// TotalLess leaves out how many tasks there are.
	TotalLess bool
}

// Sim is one server. It is safe for concurrent use.
//
// Its endpoints, for orders and counts: datastores, namespaces, snapshots,
// tasks, task_logs, jobs; refused is whatever else was asked.
//
// Tasks, their ids and the lines of their logs have the form that the published
// source of Proxmox Backup Server 3.2 gives them (src/api2/backup/mod.rs,
// src/api2/node/tasks.rs): a task's worker_id holds datastore, type and id, and
// only the log names the namespace.
type Sim struct {
	misbehave.Controls
	o Options
	// Hook, if set, is called before a request is answered, without any lock.
	Hook func(endpoint, namespace string)

	mu     sync.Mutex
	serial int
	stores []*store
	tasks  []*workerTask // newest first
	jobs   map[string][]map[string]any
	shout  bool
	skew   time.Duration
}

type store struct {
	name       string
	total, avl int64
	trouble    string
	broken     map[string]string // by namespace
	backend    string
	namespaces []string
	snapshots  []*Snapshot
	owners     map[string]string // by namespace
}

// Snapshot is a backup.
type Snapshot struct {
	Group, NS    string // "vm/100"
	Owner        string
	Time         time.Time
	Comment      string
	Size         int64 // 0 until it is finished
	Verification string
}

type workerTask struct {
	upid, worker, user, status string
	start, end                 time.Time
	log                        []string
}

// Run is a backup that runs.
type Run struct {
	store    *store
	snapshot *Snapshot
	task     *workerTask
}

type object = map[string]any

// New builds a server without datastores.
func New(o Options) *Sim {
	if o.TokenID == "" {
		o.TokenID = "vigie@pbs!sim"
	}
	if o.Secret == "" {
		o.Secret = "sim-secret"
	}
	if o.TaskPage == 0 {
		o.TaskPage = 3
	}
	return &Sim{o: o}
}

// AddStore adds a datastore with its namespaces; amounts are in bytes.
func (s *Sim) AddStore(name string, total, avail int64, namespaces ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stores = append(s.stores, &store{name: name, total: total, avl: avail, namespaces: namespaces, owners: map[string]string{}})
}

// Trouble closes a datastore with an explanation; an empty one opens it again.
func (s *Sim) Trouble(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(name).trouble = text
}

// Own has the backups in a namespace made by the given user or token from now
// on; root@pam until then.
func (s *Sim) Own(name, ns, owner string) { s.Do(func() { s.store(name).owners[ns] = owner }) }

func (s *Sim) store(name string) *store {
	for _, st := range s.stores {
		if st.name == name {
			return st
		}
	}
	return nil
}

// Start begins a backup of a group such as vm/100.
func (s *Sim) Start(storeName, ns, group, comment string) *Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	now, st := s.now(), s.store(storeName)
	owner := st.owners[ns]
	if owner == "" {
		owner = "root@pam"
	}
	path := group + "/" + now.UTC().Format("2006-01-02T15:04:05Z")
	for _, part := range slices.Backward(strings.Split(ns, "/")) {
		if part != "" {
			path = "ns/" + part + "/" + path
		}
	}
	worker := strings.ReplaceAll(strings.ReplaceAll(storeName+`\x3a`+group, "-", `\x2d`), "/", "-")
	r := &Run{store: st,
		snapshot: &Snapshot{Group: group, NS: ns, Owner: owner, Time: now, Comment: comment},
		task: &workerTask{upid: fmt.Sprintf("UPID:pbs:%08X:%08X:%08X:%08X:backup:%s:%s:", s.serial, s.serial, s.serial, now.Unix(), worker, owner),
			worker: storeName + ":" + group, user: owner, start: now.Add(time.Second),
			log: []string{fmt.Sprintf("%s: starting new backup on datastore '%s' from ::ffff:192.0.2.7: %q", now.Format(time.RFC3339), storeName, path)}}}
	r.store.snapshots = append(r.store.snapshots, r.snapshot)
	s.tasks = append([]*workerTask{r.task}, s.tasks...)
	return r
}

// AddUnfinished puts a snapshot without a manifest there of which no task tells, as a
// sync does while it fetches, and a crash.
func (s *Sim) AddUnfinished(storeName, ns, group string, at time.Time) {
	s.Do(func() {
		st := s.store(storeName)
		st.snapshots = append(st.snapshots, &Snapshot{Group: group, NS: ns, Owner: "root@pam", Time: at})
	})
}

// Finish ends a backup now. A failed one leaves no snapshot.
func (s *Sim) Finish(r *Run, status string) *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.task.end, r.task.status = s.now(), status
	if status == "OK" || strings.HasPrefix(status, "WARNINGS") {
		r.snapshot.Size = 34359738368
		return r.snapshot
	}
	r.store.snapshots = slices.DeleteFunc(r.store.snapshots, func(x *Snapshot) bool { return x == r.snapshot })
	return nil
}

// Break has the server refuse the snapshots of a namespace, as one group whose folder
// it cannot read makes it do; an empty explanation mends it.
func (s *Sim) Break(storeName, ns, text string) {
	s.Do(func() {
		if st := s.store(storeName); st.broken == nil {
			st.broken = map[string]string{ns: text}
		} else {
			st.broken[ns] = text
		}
	})
}

// SetBackend says on what a datastore lies, as servers since 4.1 tell it: filesystem, s3.
func (s *Sim) SetBackend(storeName, backend string) {
	s.Do(func() { s.store(storeName).backend = backend })
}

// SetJobs says what the list of the server's own jobs of a kind (verify, sync,
// prune, gc) holds, in the fields of the published VerificationJobStatus and its
// like (pbs-api-types/src/jobs.rs, datastore.rs of version 3.2), or as recorded of a 4.2.
func (s *Sim) SetJobs(kind string, jobs ...map[string]any) {
	s.Do(func() {
		if s.jobs == nil {
			s.jobs = map[string][]map[string]any{}
		}
		s.jobs[kind] = jobs
	})
}

// Vanish ends a backup's task and leaves its unfinished snapshot behind.
func (s *Sim) Vanish(r *Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.task.end, r.task.status = s.now(), "unknown"
}

// Do runs f while no request is answered, for changing snapshots.
func (s *Sim) Do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Prune deletes all snapshots of a group.
func (s *Sim) Prune(storeName, ns, group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.store(storeName)
	st.snapshots = slices.DeleteFunc(st.snapshots, func(x *Snapshot) bool { return x.NS == ns && x.Group == group })
}

// DeleteNamespace deletes one with all its snapshots.
func (s *Sim) DeleteNamespace(storeName, ns string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.store(storeName)
	st.namespaces = slices.DeleteFunc(st.namespaces, func(x string) bool { return x == ns })
	st.snapshots = slices.DeleteFunc(st.snapshots, func(x *Snapshot) bool { return x.NS == ns })
}

// ForgetTasks drops the log of tasks, as its rotation does.
func (s *Sim) ForgetTasks() { s.Do(func() { s.tasks = nil }) }

// Shout writes words in another case.
func (s *Sim) Shout() { s.Do(func() { s.shout = true }) }

// Skew lets the server's clock differ from now on.
func (s *Sim) Skew(d time.Duration) { s.Do(func() { s.skew = d }) }

// ServeHTTP answers like the server.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, storeName := endpoint(r)
	if s.Hook != nil {
		s.Hook(name, r.URL.Query().Get("ns"))
	}
	s.mu.Lock()
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	order, down := s.Take(name)
	status, answer := http.StatusServiceUnavailable, object{"data": nil}
	if !down {
		status, answer = s.answer(name, storeName, r, order.Fault)
	}
	body := misbehave.Encode(answer)
	s.mu.Unlock()
	misbehave.Write(w, r, order, status, body)
}

func (s *Sim) now() time.Time { return s.o.Now().Add(s.skew) }

func endpoint(r *http.Request) (name, storeName string) {
	if r.Method != http.MethodGet {
		return "refused", ""
	}
	switch r.URL.Path {
	case "/api2/json/status/datastore-usage":
		return "datastores", ""
	case "/api2/json/nodes/localhost/tasks":
		return "tasks", ""
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/api2/json/nodes/localhost/tasks/"); ok && strings.HasSuffix(rest, "/log") {
		return "task_logs", strings.TrimSuffix(rest, "/log")
	}
	switch kind, _ := strings.CutPrefix(r.URL.Path, "/api2/json/admin/"); kind {
	case "verify", "sync", "prune", "gc":
		return "jobs", kind
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/api2/json/admin/datastore/"); ok {
		storeName, what, _ := strings.Cut(rest, "/")
		switch what {
		case "namespace":
			return "namespaces", storeName
		case "snapshots":
			return "snapshots", storeName
		}
	}
	return "refused", ""
}

func (s *Sim) answer(name, storeName string, r *http.Request, f misbehave.Fault) (int, object) {
	if r.Header.Get("Authorization") != "PBSAPIToken="+s.o.TokenID+":"+s.o.Secret || f == misbehave.ExpireTokens {
		return http.StatusUnauthorized, object{"data": nil}
	}
	switch name {
	case "datastores":
		return http.StatusOK, object{"data": half(s.usage(), f)}
	case "tasks":
		return http.StatusOK, s.taskPage(r, f)
	case "task_logs":
		return s.taskLog(storeName)
	case "jobs":
		if s.o.Old && storeName != "verify" && storeName != "sync" {
			return http.StatusNotFound, object{"data": nil}
		}
		direction := r.URL.Query().Get("sync-direction")
		if s.o.Old && direction != "" {
			return http.StatusBadRequest, object{"data": nil, "message": "parameter verification failed - 'sync-direction': schema does not allow additional properties."}
		}
		return http.StatusOK, object{"data": slices.DeleteFunc(append([]object{}, s.jobs[storeName]...), func(j object) bool {
			return j["sync-direction"] == "push" && direction != "all"
		})}
	}
	st := s.store(storeName)
	switch {
	case st == nil:
		return http.StatusForbidden, object{"data": nil}
	case st.trouble != "":
		return http.StatusBadRequest, object{"data": nil, "message": st.trouble}
	case name == "namespaces" && !s.o.Old:
		out := []object{{"ns": ""}}
		for _, ns := range st.namespaces {
			out = append(out, object{"ns": ns})
		}
		return http.StatusOK, object{"data": out}
	case name == "snapshots":
		ns := r.URL.Query().Get("ns")
		if ns != "" && !slices.Contains(st.namespaces, ns) {
			return http.StatusBadRequest, object{"data": nil, "message": "namespace not found"}
		}
		if st.broken[ns] != "" {
			return http.StatusBadRequest, object{"data": nil, "message": st.broken[ns]}
		}
		return http.StatusOK, object{"data": half(s.snapshots(st, ns), f)}
	}
	return http.StatusNotFound, object{"data": nil}
}

func half(items []object, f misbehave.Fault) []object {
	if f == misbehave.HalfPage {
		return items[:len(items)/2]
	}
	return items
}

func (s *Sim) usage() []object {
	out := []object{}
	for _, st := range s.stores {
		if st.trouble != "" {
			out = append(out, object{"store": st.name, "total": -1, "used": -1, "avail": -1, "error": st.trouble})
			continue
		}
		o := object{"store": st.name, "total": st.total, "used": st.total - st.avl, "avail": st.avl, "gc-status": object{"disk-bytes": 1}}
		if st.backend != "" {
			o["backend-type"], o["mount-status"] = st.backend, "nonremovable"
		}
		out = append(out, o)
	}
	return out
}

func (s *Sim) word(w string) string {
	if s.shout {
		return strings.ToUpper(w)
	}
	return w
}

func (s *Sim) snapshots(st *store, ns string) []object {
	out := []object{}
	for _, x := range st.snapshots {
		if x.NS != ns {
			continue
		}
		kind, id, _ := strings.Cut(x.Group, "/")
		o := object{"backup-type": kind, "backup-id": id, "backup-time": x.Time.Unix(), "owner": x.Owner, "protected": false,
			"files": []object{{"filename": "drive-scsi0.img.fidx"}}}
		if x.Size > 0 {
			o["size"] = x.Size
			o["files"] = []object{{"filename": "index.json.blob", "crypt-mode": "none", "size": 511}, {"filename": "drive-scsi0.img.fidx", "crypt-mode": "none", "size": x.Size}}
			if x.Comment != "" {
				o["comment"] = x.Comment
			}
			if x.Verification != "" {
				o["verification"] = object{"state": s.word(x.Verification), "upid": "UPID:pbs:00000001:00000001:00000001:00000001:verify:x:root@pam:"}
			}
		}
		out = append(out, o)
	}
	return out
}

func (s *Sim) taskPage(r *http.Request, f misbehave.Fault) object {
	q := r.URL.Query()
	number := func(key string, unset int) int {
		if n, err := strconv.Atoi(q.Get(key)); err == nil {
			return n
		}
		return unset
	}
	since, until := int64(number("since", 0)), int64(number("until", 1<<60))
	start, limit := number("start", 0), min(number("limit", 50), s.o.TaskPage)
	if f == misbehave.RepeatCursor {
		start = 0
	}
	items := []object{}
	for _, t := range s.tasks {
		if at := t.start.Unix(); at < since || at > until || !strings.Contains("backup", q.Get("typefilter")) {
			continue
		}
		o := object{"upid": t.upid, "node": "localhost", "pid": 1, "pstart": 1, "starttime": t.start.Unix(), "worker_type": "backup", "worker_id": t.worker, "user": t.user}
		if !t.end.IsZero() {
			o["endtime"], o["status"] = t.end.Unix(), t.status
		}
		items = append(items, o)
	}
	total := len(items)
	from := min(start, total)
	out := object{"data": half(items[from:min(from+limit, total)], f), "total": total}
	if s.o.TotalLess {
		delete(out, "total")
	}
	return out
}

func (s *Sim) taskLog(upid string) (int, object) {
	at := slices.IndexFunc(s.tasks, func(t *workerTask) bool { return t.upid == upid })
	if at < 0 || s.tasks[at].log == nil {
		return http.StatusBadRequest, object{"data": nil, "message": "no such task"}
	}
	lines := []object{}
	for i, l := range s.tasks[at].log {
		lines = append(lines, object{"n": i + 1, "t": l})
	}
	return http.StatusOK, object{"data": lines, "total": len(lines), "success": 1}
}

// LoseLogs drops the logs of all tasks that ran so far.
func (s *Sim) LoseLogs() {
	s.Do(func() {
		for _, t := range s.tasks {
			t.log = nil
		}
	})
}
