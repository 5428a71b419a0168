// Package synologysim is a simulated Synology NAS: an HTTP handler with the
// wire shapes of DSM's web interface, and a Go interface to steer what happens
// on it. It was written from published answers, not from the client that
// reads it.
package synologysim

import (
	"cmp"
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
	Now      func() time.Time // required; the NAS's clock
	Zone     *time.Location   // of the NAS; UTC
	Account  string           // default "sim-user"
	Password string           // default "sim-password"
	// OldDSM does not know the parameter additional and has its own path for
	// signing in.
	OldDSM bool
	// TextIDs writes ids of tasks as strings.
	TextIDs bool
	// Without lists packages that are not installed: hyper, active; overview is the part of the
	// latter that tells of each device.
	Without []string
}

// Sim is one NAS. It is safe for concurrent use.
//
// Its endpoints, for orders and counts: info, login, logout, hyper,
// hyperStatus, target, active, overview; refused is whatever else was asked.
type Sim struct {
	misbehave.Controls
	o Options
	// Hook, if set, is called before a request is answered, without any lock.
	Hook func(endpoint string)

	mu       sync.Mutex
	serial   int
	sessions map[string]bool
	hyper    []*HyperTask
	active   []*ActiveTask
	shout    bool
}

// HyperTask is a task of Hyper Backup.
type HyperTask struct {
	ID                     int
	Name                   string
	State, Status, Result  string
	Error                  string
	ErrorCode              int
	Last, Success, Next    time.Time
	Seconds                bool // times with seconds
	Unscheduled, OffTarget bool
}

// ActiveTask is a task of Active Backup for Business.
type ActiveTask struct {
	ID       int
	Name     string
	Type     int // 1 vm, 2 pc, 3 physical server, 4 file server, 5 nas
	Devices  []*Device
	Status   string
	Next     time.Time
	Last     object
	Versions []object
	Paused   bool // its schedule
}

// Device is a machine that a task of Active Backup saves.
type Device struct {
	ID    int
	Host  string
	Agent string
	Fate  int // how the next runs go for it; as the run does if 0
	runs  []object
}

type object = map[string]any

// New builds a NAS without tasks.
func New(o Options) *Sim {
	if o.Account == "" {
		o.Account = "sim-user"
	}
	if o.Password == "" {
		o.Password = "sim-password"
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Sim{o: o, sessions: map[string]bool{}}
}

// Do runs f while no request is answered, for changing tasks.
func (s *Sim) Do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// AddHyper adds an idle task that never ran.
func (s *Sim) AddHyper(name string) *HyperTask {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	t := &HyperTask{ID: s.serial, Name: name, State: "backupable", Status: "none", Result: "none", ErrorCode: 4401}
	s.hyper = append(s.hyper, t)
	return t
}

// EndHyper ends a run of a task now.
func (s *Sim) EndHyper(t *HyperTask, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Status, t.Result, t.Last = "none", result, s.o.Now()
	if result == "done" {
		t.Success = t.Last.Add(-time.Minute)
	}
}

// StartHyper begins a run of a task.
func (s *Sim) StartHyper(t *HyperTask) { s.Do(func() { t.Status, t.Result = "backup", "backingup" }) }

// RemoveHyper deletes a task.
func (s *Sim) RemoveHyper(t *HyperTask) {
	s.Do(func() { s.hyper = slices.DeleteFunc(s.hyper, func(o *HyperTask) bool { return o == t }) })
}

// AddActive adds a task for machines, with connected agents.
func (s *Sim) AddActive(name string, kind int, hosts ...string) *ActiveTask {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	t := &ActiveTask{ID: s.serial, Name: name, Type: kind}
	for _, h := range hosts {
		s.serial++
		t.Devices = append(t.Devices, &Device{ID: s.serial, Host: h, Agent: "online"})
	}
	s.active = append(s.active, t)
	return t
}

// RemoveActive deletes a task.
func (s *Sim) RemoveActive(t *ActiveTask) {
	s.Do(func() { s.active = slices.DeleteFunc(s.active, func(o *ActiveTask) bool { return o == t }) })
}

// EndActive ends a job of ten minutes of a task now, of the given devices or of
// all; action is 1 for a backup, version the status of the version that it
// leaves, 0 for none. Results have the form that the published answers of an
// Active Backup 2.x have, with the devices of the run.
func (s *Sim) EndActive(t *ActiveTask, action, status, version int, devices ...*Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	end := s.o.Now().Unix()
	t.Status = ""
	list := []object{}
	if devices == nil {
		devices = t.Devices
	}
	for _, d := range devices {
		list = append(list, object{"device_id": d.ID, "host_name": d.Host})
		if action == 1 {
			d.runs = append(d.runs, object{"config_device_id": d.ID, "device_name": d.Host, "device_result_id": 1000 + s.serial, "processed_bytes": 0, "result_id": s.serial,
				"status": cmp.Or(d.Fate, status), "time_end": end, "time_start": end - 600, "transfered_bytes": 1061400576})
		}
	}
	t.Last = object{"backup_type": t.Type, "detail_path": "", "error_count": 0, "job_action": action, "none_count": 0, "result_id": s.serial,
		"status": status, "success_count": 0, "task_config": object{"device_list": list}, "task_id": t.ID, "task_name": t.Name, "time_end": end, "time_start": end - 600, "transfered_bytes": 2122801152, "warning_count": 0}
	if version != 0 {
		s.serial++
		t.Versions = append([]object{{"folder_name": "ActiveBackup_" + s.o.Now().Format("2006-01-02_150405"), "locked": false, "status": version,
			"time_end": end, "time_start": end - 600, "used_size": 0, "version_id": s.serial}}, t.Versions...)
	}
}

// Shout writes words in another case.
func (s *Sim) Shout() { s.Do(func() { s.shout = true }) }

// Secrets gives what must never come out: the open sessions.
func (s *Sim) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for id := range s.sessions {
		out = append(out, id)
	}
	return out
}

// ServeHTTP answers like DSM: with 200, whatever happened.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	name := endpoint(r)
	if s.Hook != nil {
		s.Hook(name)
	}
	s.mu.Lock()
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	order, down := s.Take(name)
	if down {
		s.mu.Unlock()
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
		return
	}
	if order.Fault == misbehave.ExpireTokens {
		clear(s.sessions)
	}
	data, code := s.answer(name, r, order.Fault)
	answer := object{"success": code == 0}
	if code != 0 {
		answer["error"] = object{"code": code}
	} else if data != nil {
		answer["data"] = data
	}
	body := misbehave.Encode(answer)
	s.mu.Unlock()
	misbehave.Write(w, r, order, http.StatusOK, body)
}

func endpoint(r *http.Request) string {
	switch r.Form.Get("api") + " " + r.Form.Get("method") {
	case "SYNO.API.Info query":
		return "info"
	case "SYNO.API.Auth login":
		return "login"
	case "SYNO.API.Auth logout":
		return "logout"
	case "SYNO.Backup.Task list":
		return "hyper"
	case "SYNO.Backup.Task status":
		return "hyperStatus"
	case "SYNO.Backup.Target get":
		return "target"
	case "SYNO.ActiveBackup.Task list":
		return "active"
	case "SYNO.ActiveBackup.Overview list_device_transfer_size":
		return "overview"
	}
	return "refused"
}

// The paths of an old and a new DSM.
func (s *Sim) authPath() string {
	if s.o.OldDSM {
		return "auth.cgi"
	}
	return "entry.cgi"
}

func (s *Sim) answer(name string, r *http.Request, f misbehave.Fault) (object, int) {
	switch name {
	case "info":
		if r.URL.Path != "/webapi/query.cgi" {
			return nil, 102
		}
		return s.info(), 0
	case "login":
		return s.login(r)
	case "refused":
		return nil, 103
	}
	want := "/webapi/entry.cgi"
	if name == "logout" {
		want = "/webapi/" + s.authPath()
	}
	if r.URL.Path != want {
		return nil, 102
	}
	sid := r.PostForm.Get("_sid")
	if !s.sessions[sid] {
		return nil, 119
	}
	switch name {
	case "logout":
		delete(s.sessions, sid)
		return nil, 0
	case "hyper":
		if slices.Contains(s.o.Without, "hyper") {
			return nil, 102
		}
		return s.list("task_list", len(s.hyper), f, func(i int) object { return s.hyperItem(s.hyper[i], false) }), 0
	case "active":
		if slices.Contains(s.o.Without, "active") {
			return nil, 102
		}
		return s.list("tasks", len(s.active), f, func(i int) object { return s.activeItem(s.active[i]) }), 0
	case "overview":
		if slices.Contains(s.o.Without, "overview") {
			return nil, 102
		}
		return s.overview(r), 0
	}
	if s.o.OldDSM && r.Form.Has("additional") {
		return nil, 402
	}
	for _, t := range s.hyper {
		if strconv.Itoa(t.ID) != r.Form.Get("task_id") {
			continue
		}
		if name == "hyperStatus" {
			if r.Form.Get("blOnline") != "false" {
				return nil, 408 // asking the other end takes minutes
			}
			return s.hyperItem(t, true), 0
		}
		return object{"data_comp": true, "format_type": "image", "host_name": "synology_nas", "is_online": !t.OffTarget, "uni_key": "001122AA66AAA"}, 0
	}
	return nil, 4400 // no such task
}

func (s *Sim) info() object {
	out := object{"SYNO.API.Auth": object{"path": s.authPath(), "minVersion": 1, "maxVersion": 7}}
	if !slices.Contains(s.o.Without, "hyper") {
		out["SYNO.Backup.Task"] = object{"path": "entry.cgi", "minVersion": 1, "maxVersion": 1}
		out["SYNO.Backup.Target"] = object{"path": "entry.cgi", "minVersion": 1, "maxVersion": 1}
	}
	if !slices.Contains(s.o.Without, "active") {
		out["SYNO.ActiveBackup.Task"] = object{"path": "entry.cgi", "minVersion": 1, "maxVersion": 1}
		if !slices.Contains(s.o.Without, "overview") {
			out["SYNO.ActiveBackup.Overview"] = object{"path": "entry.cgi", "minVersion": 1, "maxVersion": 1}
		}
	}
	return out
}

func (s *Sim) login(r *http.Request) (object, int) {
	if r.URL.Path != "/webapi/"+s.authPath() {
		return nil, 102
	}
	if r.PostForm.Get("account") != s.o.Account || r.PostForm.Get("passwd") != s.o.Password {
		return nil, 400
	}
	s.serial++
	sid := fmt.Sprintf("sim-sid-%08x", s.serial*7919)
	s.sessions[sid] = true
	return object{"sid": sid, "did": "sim-device"}, 0
}

func (s *Sim) list(key string, n int, f misbehave.Fault, item func(int) object) object {
	items := []object{}
	for i := range n {
		items = append(items, item(i))
	}
	if f == misbehave.HalfPage {
		items = items[:len(items)/2]
	}
	return object{key: items, "total": n, "is_data_restoring": false}
}

func (s *Sim) id(n int) any {
	if s.o.TextIDs {
		return strconv.Itoa(n)
	}
	return n
}

func (s *Sim) word(w string) string {
	if s.shout {
		return strings.ToUpper(w)
	}
	return w
}

// time writes the NAS's wall clock without its zone.
func (s *Sim) time(t time.Time, seconds bool) string {
	switch {
	case t.IsZero():
		return ""
	case seconds:
		return t.In(s.o.Zone).Format("2006/01/02 15:04:05")
	default:
		return t.In(s.o.Zone).Format("2006/01/02 15:04")
	}
}

func (s *Sim) hyperItem(t *HyperTask, status bool) object {
	o := object{"task_id": s.id(t.ID), "state": s.word(t.State), "status": s.word(t.Status), "last_bkp_result": s.word(t.Result),
		"last_bkp_time": s.time(t.Last, t.Seconds), "last_bkp_end_time": s.time(t.Last, t.Seconds)}
	if !status {
		o["name"], o["type"], o["target_type"], o["repo_id"] = t.Name, "image:image_remote", "image", t.ID
		return o
	}
	o["last_bkp_error"], o["last_bkp_error_code"], o["last_bkp_success_time"] = t.Error, t.ErrorCode, s.time(t.Success, t.Seconds)
	o["next_bkp_time"] = s.time(t.Next, false)
	o["schedule"] = object{"schedule_enable": !t.Unscheduled, "schedule": object{"hour": 13, "min": 0}}
	if t.Status == "backup" {
		o["progress"] = object{"step": "data_backup", "progress": 84, "processed_size": "1009875720", "total_size": "1202233000", "scan_file_count": "16699"}
	}
	return o
}

func (s *Sim) activeItem(t *ActiveTask) object {
	devices := []object{}
	for _, d := range t.Devices {
		devices = append(devices, object{"agent_status": s.word(d.Agent), "device_id": d.ID, "host_name": d.Host, "host_ip": "192.0.2.63", "os_name": "Windows 11(64-bit)", "login_password": ""})
	}
	o := object{"task_id": s.id(t.ID), "task_name": t.Name, "backup_type": t.Type, "device_count": len(t.Devices), "devices": devices,
		"sched_content": object{"is_continuous_paused": t.Paused, "repeat_type": "Weekly", "run_hour": 3, "run_min": 0, "run_weekday": []int{1, 2, 3, 4, 5}},
		"target_status": "online", "versions": append([]object{}, t.Versions...), "version_count": len(t.Versions)}
	if t.Status != "" {
		o["status"] = s.word(t.Status)
	}
	if t.Last != nil {
		o["last_result"] = t.Last
	}
	if !t.Next.IsZero() {
		o["next_trigger_time"] = t.Next.Unix()
	}
	return o
}

// overview tells the runs of each device that ended in the time asked for.
func (s *Sim) overview(r *http.Request) object {
	from, _ := strconv.ParseInt(r.PostForm.Get("time_start"), 10, 64)
	until, _ := strconv.ParseInt(r.PostForm.Get("time_end"), 10, 64)
	list := []object{}
	for _, t := range s.active {
		for _, d := range t.Devices {
			runs := slices.DeleteFunc(slices.Clone(d.runs), func(p object) bool { return p["time_end"].(int64) < from || p["time_end"].(int64) > until })
			list = append(list, object{"device": object{"device_id": d.ID, "host_name": d.Host, "backup_type": t.Type, "os_name": "Windows 11(64-bit)", "login_password": ""}, "transfer_list": runs})
		}
	}
	return object{"device_list": list, "total": len(list)}
}
