package veeamsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/exporters/misbehave"
)

type object = map[string]any

// revisions in the order in which they came, with the first build of each.
func revisions() []struct {
	name  string
	build [3]int
} {
	return []struct {
		name  string
		build [3]int
	}{
		{"1.1-rev0", [3]int{12, 0, 0}}, {"1.1-rev1", [3]int{12, 1, 0}}, {"1.1-rev2", [3]int{12, 2, 0}},
		{"1.2-rev0", [3]int{12, 3, 0}}, {"1.2-rev1", [3]int{12, 3, 1}},
		{"1.3-rev0", [3]int{13, 0, 0}}, {"1.3-rev1", [3]int{13, 0, 1}}, {"1.3-rev2", [3]int{13, 1, 0}},
	}
}

// speaks tells whether a server of this build knows a revision.
func (s *Sim) speaks(revision string) bool {
	var b [3]int
	_, _ = fmt.Sscanf(s.o.Build, "%d.%d.%d", &b[0], &b[1], &b[2])
	for _, r := range revisions() {
		if r.name == revision {
			return slices.Compare(b[:], r.build[:]) >= 0
		}
	}
	return false
}

// at tells whether revision is not older than other.
func at(revision, other string) bool {
	index := func(name string) int {
		for i, r := range revisions() {
			if r.name == name {
				return i
			}
		}
		return -1
	}
	return index(revision) >= index(other)
}

// ServeHTTP answers like the server.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	order, status, body := s.answer(w, r)
	s.mu.Unlock()
	misbehave.Write(w, r, order, status, body)
}

func (s *Sim) endpoint(path string) string {
	return map[string]string{
		"/api/oauth2/token": "token", "/api/oauth2/logout": "logout", "/api/v1/serverInfo": "serverInfo",
		"/api/v1/jobs/states": "jobs", "/api/v1/sessions": "sessions", "/api/v1/taskSessions": "taskSessions",
		"/api/v1/backupInfrastructure/repositories/states": "repositories", "/api/v1/license": "license",
		"/api/v1/backups": "backups", "/api/v1/restorePoints": "restorePoints",
	}[path]
}

func (s *Sim) answer(w http.ResponseWriter, r *http.Request) (misbehave.Order, int, []byte) {
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	name := s.endpoint(r.URL.Path)
	order, down := s.Take(name)
	if down {
		return misbehave.Order{}, http.StatusServiceUnavailable, []byte("<html>Service Unavailable</html>")
	}
	revision := r.Header.Get("x-api-version")
	if !s.speaks(revision) {
		return order, http.StatusBadRequest, fault("UnknownError", "The request could not be processed.")
	}
	if order.Fault == misbehave.ExpireTokens {
		clear(s.tokens)
	}
	if name == "token" {
		status, body := s.token(r)
		return order, status, body
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if end, known := s.tokens[token]; !known || !s.o.Now().Before(end) {
		return order, http.StatusUnauthorized, fault("ExpiredToken", "Access token has expired")
	}
	if name == "logout" && r.Method == http.MethodPost {
		delete(s.tokens, token)
		return order, http.StatusOK, []byte("{}")
	}
	if r.Method != http.MethodGet {
		return order, http.StatusMethodNotAllowed, fault("UnknownError", "The request could not be processed.")
	}
	status, body := s.get(name, revision, r.URL.Query(), order.Fault)
	return order, status, body
}

func (s *Sim) get(name, revision string, q url.Values, f misbehave.Fault) (int, []byte) {
	switch {
	case name == "serverInfo":
		return http.StatusOK, misbehave.Encode(object{"vbrId": "f2ef2bfd-e8e6-418a-8725-472e2e2d1efc", "name": "veeam.dupont.example",
			"buildVersion": s.o.Build, "patches": []string{}, "databaseVendor": "PostgreSQL"})
	case name == "jobs":
		return s.page(q, s.listJobs(revision), revision, f)
	case name == "sessions":
		return s.page(q, s.listSessions(revision, q), revision, f)
	case name == "taskSessions" && at(revision, "1.2-rev0"):
		return s.page(q, s.listTasks(revision, q), revision, f)
	case name == "backups":
		return s.page(q, s.listBackups(), revision, f)
	case name == "restorePoints" && at(revision, "1.2-rev0"):
		return s.page(q, s.listPoints(q), revision, f)
	case name == "repositories":
		return s.page(q, s.listRepositories(revision), revision, f)
	case name == "license" && s.o.Administrator:
		return http.StatusOK, misbehave.Encode(object{"status": "Valid", "type": "Subscription", "edition": "EnterprisePlus",
			"instanceLicenseSummary": object{"licensedInstancesNumber": 100, "usedInstancesNumber": 4}, "expirationDate": "2026-12-12T00:00:00Z"})
	case name == "license":
		return http.StatusForbidden, fault("AccessDenied", "Forbidden")
	default:
		return http.StatusNotFound, fault("NotFound", "Resource does not exist")
	}
}

func fault(code, message string) []byte {
	return misbehave.Encode(object{"errorCode": code, "message": message})
}

func (s *Sim) token(r *http.Request) (int, []byte) {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return http.StatusBadRequest, fault("UnknownError", "The request could not be processed.")
	}
	grant := r.PostForm.Get("grant_type")
	switch grant {
	case "password":
		if r.PostForm.Get("username") != s.o.Username || r.PostForm.Get("password") != s.o.Password {
			return http.StatusUnauthorized, fault("AccessDenied", "Invalid username or password")
		}
	case "refresh_token":
		old := r.PostForm.Get("refresh_token")
		if !s.refresh[old] {
			return http.StatusUnauthorized, fault("ExpiredToken", "Refresh token has expired")
		}
		delete(s.refresh, old) // single use
	default:
		return http.StatusBadRequest, fault("UnknownError", "The request could not be processed.")
	}
	s.grants[grant]++
	access, refresh := misbehave.Token("sim-access-"), misbehave.Token("sim-refresh-")
	now := s.o.Now()
	s.tokens[access] = now.Add(s.o.TokenLife)
	s.refresh[refresh] = true
	return http.StatusOK, misbehave.Encode(object{"access_token": access, "token_type": "bearer", "refresh_token": refresh,
		"expires_in": int(s.o.TokenLife / time.Second), ".issued": now.In(s.o.Zone).Format(time.RFC3339),
		".expires": now.Add(s.o.TokenLife).In(s.o.Zone).Format(time.RFC3339)})
}

func (s *Sim) page(q url.Values, all []object, revision string, f misbehave.Fault) (int, []byte) {
	skip, _ := strconv.Atoi(q.Get("skip"))
	size := s.o.PageSize
	if limit, err := strconv.Atoi(q.Get("limit")); err == nil && limit > 0 {
		size = min(size, limit)
	}
	if f == misbehave.RepeatCursor {
		skip = 0
	}
	if f == misbehave.MoveList && skip > 0 { // the first item went away
		all = all[1:]
	}
	from := min(skip, len(all))
	items := append([]object{}, all[from:min(from+size, len(all))]...)
	if f == misbehave.HalfPage {
		items = items[:len(items)/2]
	}
	pagination := object{"total": len(all), "count": len(items)}
	if !at(revision, "1.3-rev0") {
		pagination["skip"], pagination["limit"] = skip, size
	}
	return http.StatusOK, misbehave.Encode(object{"data": items, "pagination": pagination})
}

// word gives an enum its case: lower before 1.3-rev1, capitalised from then on.
func word(revision, w string) string {
	if at(revision, "1.3-rev1") && w != "" {
		return strings.ToUpper(w[:1]) + w[1:]
	}
	return w
}

func (s *Sim) zoned(t time.Time) string {
	return t.In(s.o.Zone).Format("2006-01-02T15:04:05.999999-07:00")
}

func (s *Sim) listJobs(revision string) []object {
	jobs := slices.Clone(s.jobs)
	slices.SortStableFunc(jobs, func(a, b *job) int { return strings.Compare(a.Name, b.Name) })
	var out []object
	for _, j := range jobs {
		kind := j.Type
		if kind == "" {
			kind = "Backup"
			if at(revision, "1.3-rev0") {
				kind = "VSphereBackup"
			}
		}
		status := "inactive"
		if at(revision, "1.3-rev0") {
			status = "stopped"
		}
		switch {
		case j.current != nil && j.current.state != "Stopped":
			status = "running"
		case !j.enabled:
			status = "disabled"
		}
		o := object{"type": kind, "status": word(revision, status), "lastResult": j.result, "workload": word(revision, j.Workload), "id": j.id,
			"name": j.Name, "description": "Created by .\\veeamadmin", "repositoryName": "Default Backup Repository", "objectsCount": len(j.Objects)}
		if !j.lastRun.IsZero() {
			o["lastRun"] = s.zoned(j.lastRun)
		}
		if j.enabled {
			o["nextRun"] = s.zoned(s.next(j))
		} else if !at(revision, "1.3-rev0") {
			o["nextRun"] = nil
		}
		if j.current != nil {
			o["sessionId"] = j.current.id
		}
		out = append(out, o)
	}
	return out
}

func (s *Sim) next(j *job) time.Time {
	now := s.o.Now().In(s.o.Zone)
	t := time.Date(now.Year(), now.Month(), now.Day(), j.Hour, 0, 0, 0, s.o.Zone)
	if !t.After(now) {
		t = t.AddDate(0, 0, 1)
	}
	return t
}

func endedAfter(q url.Values) time.Time {
	t, _ := time.Parse(time.RFC3339, q.Get("endedAfterFilter"))
	return t
}

func (s *Sim) listSessions(revision string, q url.Values) []object {
	after := endedAfter(q)
	var out []object
	for _, se := range s.sessions {
		if !after.IsZero() && !se.end.After(after) {
			continue
		}
		o := object{"sessionType": "BackupJob", "state": se.state, "id": se.id, "name": se.job.Name, "jobId": se.job.id,
			"creationTime": s.zoned(se.start), "endTime": s.zoned(se.end), "progressPercent": 100, "usn": 0,
			"result": object{"result": se.result, "message": se.message, "isCanceled": se.cancelled}}
		if se.end.IsZero() {
			delete(o, "endTime")
		}
		if !at(revision, "1.3-rev0") {
			o["sessionType"], o["parentSessionId"] = "Job", nil
		}
		if !at(revision, "1.2-rev0") {
			delete(o, "jobId")
			o["activityId"] = se.job.id
		}
		out = append(out, o)
	}
	return out
}

func (s *Sim) listTasks(revision string, q url.Values) []object {
	after := endedAfter(q)
	const zoneless = "2006-01-02T15:04:05.999999"
	var out []object
	for _, se := range s.sessions {
		for _, t := range se.tasks {
			if !after.IsZero() && !t.end.After(after) {
				continue
			}
			progress := object{"bottleneck": "Source", "duration": "00:01:30", "processingRate": "53.7 MB", "processedSize": t.size, "readSize": 881852416}
			if at(revision, "1.3-rev2") {
				progress["transferredSize"], progress["progressPercent"] = 343923660, 100
			} else {
				progress["transferedSize"] = 343923660
			}
			out = append(out, object{"algorithm": "Increment", "state": "Stopped", "name": t.name, "repositoryId": "88788f9e-d8f5-4eb4-bc4f-9b3f5403bcec",
				"usn": 1, "result": object{"result": t.result, "message": t.message, "isCanceled": false}, "progress": progress,
				"type": "Backup", "sessionType": "BackupJob", "id": t.id, "sessionId": se.id,
				"creationTime": t.start.In(s.o.Zone).Format(zoneless), "endTime": t.end.In(s.o.Zone).Format(zoneless)})
		}
	}
	return out
}

func (s *Sim) listBackups() []object {
	var out []object
	for _, j := range s.jobs {
		out = append(out, object{"platformName": "VMware", "id": chain(j), "jobId": j.id, "jobType": j.Type, "policyUniqueId": "", "name": j.Name,
			"platformId": "00000000-0000-0000-0000-000000000000", "creationTime": "2024-02-12T04:24:16.2+03:00", "repositoryId": "88788f9e-d8f5-4eb4-bc4f-9b3f5403bcec"})
	}
	return out
}

// chain is the id of a job's backup.
func chain(j *job) string { return "ba" + j.id[2:] }

func (s *Sim) listPoints(q url.Values) []object {
	after, _ := time.Parse(time.RFC3339, q.Get("createdAfterFilter"))
	var out []object
	for _, p := range s.points {
		if p.at.After(after) {
			out = append(out, object{"platformName": "VMware", "type": "Increment", "malwareStatus": "Clean", "id": p.id, "name": p.name,
				"platformId": "00000000-0000-0000-0000-000000000000", "creationTime": s.zoned(p.at), "backupId": chain(p.job), "sessionId": nil,
				"allowedOperations": []string{"StartFlrRestore"}, "backupFileId": "bf" + p.id[2:]})
		}
	}
	return out
}

func (s *Sim) listRepositories(revision string) []object {
	var out []object
	for _, r := range s.repositories {
		o := object{"type": "WinLocal", "id": r.id, "name": r.name, "path": "C:\\Backup", "capacityGB": r.capacity, "freeGB": r.free, "usedSpaceGB": r.capacity - r.free}
		if at(revision, "1.3-rev0") {
			o["isOnline"], o["isOutOfDate"] = r.online, false
		}
		out = append(out, o)
	}
	return out
}
