package veeam

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// samples finds the folder of published records, which is not part of the
// project; without it the tests that read it are skipped.
func samples(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("VIGIE_SAMPLES")
	if dir == "" {
		dir = "../../../shared/samples"
	}
	found, err := filepath.Glob(filepath.Join(dir, "veeam-rest", "1.*"))
	sourcetest.Check(t, err)
	if len(found) == 0 {
		t.Skipf("no published records below %s; set VIGIE_SAMPLES to their folder", dir)
	}
	return found
}

// read decodes one published answer; ok is false if the revision has none.
func read[T any](t *testing.T, dir, file string) (T, bool) {
	t.Helper()
	var out T
	raw, err := os.ReadFile(filepath.Join(dir, file))
	if os.IsNotExist(err) {
		return out, false
	}
	sourcetest.Check(t, err)
	sourcetest.Check(t, json.Unmarshal(raw, &out))
	return out, true
}

func TestPublishedAnswersOfEveryRevision(t *testing.T) {
	for _, dir := range samples(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			jobs, ok := read[page[jobState]](t, dir, "jobs_states.200.json")
			if !ok || len(jobs.Items) != jobs.total || jobs.total == 0 {
				t.Fatalf("%d jobs of %d", len(jobs.Items), jobs.total)
			}
			sessions, ok := read[page[session]](t, dir, "sessions.200.json")
			if !ok || len(sessions.Items) != 1 || sessions.Items[0].job() != "c05dfa57-f59a-4e90-8065-b7f5d3276406" || sessions.Items[0].EndTime.Zoneless {
				t.Fatalf("%+v", sessions)
			}
			repositories, ok := read[page[repositoryState]](t, dir, "repositories_states.200.json")
			if !ok || len(repositories.Items) != 2 || repositories.Items[0].CapacityGB.Value != 299.4 {
				t.Fatalf("%+v", repositories)
			}
			l := listing{jobs: jobs.Items, sessions: sessions.Items, repositories: repositories.Items}
			// The session of the example is of a job of its own.
			l.jobs = append(l.jobs, jobState{ID: "c05dfa57-f59a-4e90-8065-b7f5d3276406", Name: "Backup Job 1", Status: "Inactive", Workload: "Vm", LastResult: "Failed"})
			known := newKnowledge()
			s := build(l, &known, &Config{Owner: exporters.Owner{Customer: "dupont"}, location: time.UTC}, time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC))
			if len(s.UnknownValues) != 0 {
				t.Errorf("words that are not known: %v", s.UnknownValues)
			}
			if len(s.Jobs) != len(l.jobs) || len(s.Repositories) != 2 {
				t.Errorf("%d jobs, %d repositories", len(s.Jobs), len(s.Repositories))
			}
			running := 0
			for _, j := range s.Jobs {
				if j.Running {
					running++
					if len(j.Runs) != 0 || j.RunningSince.IsZero() {
						t.Errorf("%s is running since %v and has %d runs", j.Plan, j.RunningSince, len(j.Runs))
					}
				}
				if j.Plan == "Backup Job 1" && (len(j.Runs) != 1 || j.Runs[0].Result != exporters.Failed || !strings.Contains(j.Runs[0].Error, "synthetic full")) {
					t.Errorf("%s: %+v", j.Plan, j.Runs)
				}
			}
			if running == 0 {
				t.Error("no running job was recognised")
			}
			if lic, ok := read[license](t, dir, "license.200.json"); ok && lic.ExpirationDate.IsZero() && lic.InstanceLicenseSummary.ExpirationDate.IsZero() {
				t.Error("the licence's end was not found")
			}
			if info, ok := read[serverInfo](t, dir, "serverInfo.200.json"); ok {
				if _, err := revisionOf(string(info.BuildVersion)); err != nil {
					t.Error(err)
				}
			}
			token, _ := read[struct {
				AccessToken string  `json:"access_token"`
				ExpiresIn   float64 `json:"expires_in"`
			}](t, dir, "oauth2_token.200.json")
			if token.AccessToken == "" || token.ExpiresIn != 900 {
				t.Errorf("token of %v s", token.ExpiresIn)
			}
		})
	}
}

// The tasks of the examples have no zone; their session tells it.
func TestPublishedTaskSessions(t *testing.T) {
	for _, dir := range samples(t) {
		tasks, ok := read[page[taskSession]](t, dir, "taskSessions.200.json")
		if !ok {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			const at = "2024-11-13T19:02:10.5+01:00"
			var s session
			sourcetest.Check(t, json.Unmarshal([]byte(`{"id":"9811FB69-b436-4198-b848-fb6eb42fba03","jobId":"J","state":"stopped","creationTime":"`+at+`","endTime":"`+at+`","result":{"result":"success"}}`), &s))
			known := newKnowledge()
			snapshot := build(listing{jobs: []jobState{{ID: "j", Name: "J", Status: "stopped", Workload: "vm", ObjectsCount: exporters.Number{Value: 1, Told: true}}}, sessions: []session{s}, tasks: tasks.Items, tasksRead: true},
				&known, &Config{Owner: exporters.Owner{Customer: "dupont"}, location: time.UTC, ForgetObjectsAfter: exporters.Duration(time.Hour), Lookback: exporters.Duration(time.Hour)},
				time.Date(2024, 11, 14, 0, 0, 0, 0, time.UTC))
			o := known.jobs["j"].objects["linbase01"]
			if o == nil || len(o.runs) != 1 || !o.runs[0].End.Equal(time.Date(2024, 11, 13, 17, 2, 2, 865537000, time.UTC)) || o.runs[0].Size != exporters.Told(21474836480) {
				t.Fatalf("%+v", o)
			}
			if len(snapshot.Jobs) != 1 || snapshot.Jobs[0].Machine != "linbase01" {
				t.Errorf("%+v", snapshot.Jobs)
			}
			if len(known.orphans) == 0 {
				t.Error("tasks of sessions that are not known yet were dropped")
			}
		})
	}
}

func TestPublishedErrors(t *testing.T) {
	for _, dir := range samples(t) {
		found, err := filepath.Glob(filepath.Join(dir, "*.40?.json"))
		sourcetest.Check(t, err)
		for _, file := range found {
			raw, err := os.ReadFile(file)
			sourcetest.Check(t, err)
			var p page[jobState]
			if err := json.Unmarshal(raw, &p); err == nil {
				t.Errorf("%s was read as a listing", file)
			}
		}
	}
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{"00:26:04": 26*time.Minute + 4*time.Second, "1.02:00:00": 26 * time.Hour, "00:00:23.5": 23 * time.Second,
		"": -1, "x": -1, "1:2": -1, "-1:00:00": -1} {
		got, err := parseSpan(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"J","sessionId":"S","name":"n","status":"Running","lastRun":"2025-07-28T10:44:39.694588+02:00","objectsCount":2}],"pagination":{"total":1}}`))
	f.Add([]byte(`{"data":[{"id":"S","jobId":"J","activityId":"J","sessionId":"S","state":"Stopped","name":"n","endTime":"2024-11-13T22:00:49.893878","result":{"result":"Failed"}}],"pagination":{"total":1}}`))
	f.Add([]byte(`{"data":[{"id":"J","jobId":"J","backupId":"J","type":"WindowsAgentBackup","sessionId":"S","name":"pc J","status":"Running","lastRun":"2025-07-28T10:44:39.694588+02:00","creationTime":"2025-07-28T10:44:39.694588+02:00","objectsCount":2}],"pagination":{"total":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var jobs page[jobState]
		var sessions page[session]
		var tasks page[taskSession]
		var repositories page[repositoryState]
		var backups page[backup]
		var points page[restorePoint]
		var lic license
		for _, into := range []any{&jobs, &sessions, &tasks, &backups, &points, &repositories, &lic} {
			_ = json.Unmarshal(data, into)
		}
		now := time.Date(2026, 3, 10, 22, 0, 0, 0, time.UTC)
		c := &Config{Owner: exporters.Owner{Customer: "c"}, location: time.UTC, Lookback: exporters.Duration(time.Hour), ForgetObjectsAfter: exporters.Duration(time.Hour)}
		known := newKnowledge()
		for range 2 {
			build(listing{jobs: jobs.Items, sessions: sessions.Items, tasks: tasks.Items, tasksRead: true, backups: backups.Items, points: points.Items, repositories: repositories.Items, licenses: []license{lic}}, &known, c, now)
		}
	})
}
