package veeamem

import (
	"cmp"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
	"vigie/exporters/veeamem/veeamemsim"
)

const password = "p4ssw0rd-of-the-portal"

type bench struct {
	*sourcetest.Bench
	sim    *veeamemsim.Sim
	source *Source

	vms, offsite string // jobs
	pageSize     int    // 2 unless set
}

func newBench(t *testing.T, camel bool) *bench {
	t.Helper()
	b := &bench{Bench: sourcetest.New(t, time.Date(2026, 3, 8, 20, 0, 0, 0, time.UTC))}
	b.sim = veeamemsim.New(veeamemsim.Options{Now: b.Clock.Now, Password: password, Camel: camel})
	b.Serve(b.sim)
	b.vms, b.offsite = b.sim.NewID(), b.sim.NewID()
	b.sim.AddRepository("Default Backup Repository", "vbr01.dupont.example", 100<<30, 25<<30)
	b.sim.AddRepository("Default Backup Repository", "vbr02.dupont.example", 200<<30, 50<<30)
	b.sim.AddComputer("SRV-AGENT", "Online", "Installed")
	b.sim.AddComputer("PC-OFF", "Offline", "Installed")
	b.sim.AddComputer("PC-BARE", "Online", "NotInstalled")
	b.sim.AddRepository("s3", "vbr01.dupont.example", -1, -1)
	b.run(b.vms, "All VMs", false, "Success", "", map[string]string{"SRV-SQL": "Success", "SRV-WEB": "Success", "srv-é": "Success"})
	b.run(b.offsite, "Offsite", false, "Success", "", nil)
	b.restart()
	return b
}

// run lets a job run for ten minutes.
func (b *bench) run(job, name string, retry bool, result, message string, outcomes map[string]string) {
	se := b.sim.Start(job, name, retry)
	b.Clock.Advance(10 * time.Minute)
	b.sim.Finish(se, result, message, outcomes)
}

func (b *bench) restart() {
	b.T.Helper()
	c := &Config{Remote: httpclient.Remote{Address: b.Address()}, Login: exporters.Login{Username: "sim-user", PasswordFile: sourcetest.SecretFile(b.T, password)},
		Owner: exporters.Owner{Customer: "dupont", CustomerName: "Dupont SA"}, PageSize: cmp.Or(b.pageSize, 2)}
	sourcetest.Check(b.T, c.Validate(""))
	var err error
	b.source, err = New(c, b.SourceOptions())
	sourcetest.Check(b.T, err)
	b.Poll(sourcetest.Options{Name: "em-dupont", Engine: Key, Source: b.source})
}

// Both versions tell the same story in their own spelling.
func TestGoldenExposition(t *testing.T) {
	for name, camel := range map[string]bool{"version 12": false, "version 13": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, camel)
			b.Clock.Advance(24 * time.Hour)
			b.run(b.vms, "All VMs", false, "Failed", "1 of 3 failed", map[string]string{"SRV-SQL": "Failed:VSS writer failed", "SRV-WEB": "Warning:skipped", "srv-é": "Success"})
			b.sim.Start(b.offsite, "Offsite", false)
			b.Clock.Advance(5 * time.Minute)
			b.Refresh()
			b.Golden("exposition.prom")
		})
	}
}

// The tries of one night are one run, with the end of the last one.
func TestRetries(t *testing.T) {
	b := newBench(t, false)
	b.Refresh()
	b.Clock.Advance(23 * time.Hour)
	for i, want := range []exporters.Result{exporters.Failed, exporters.Failed, exporters.Success} {
		outcome := map[exporters.Result]string{exporters.Failed: "Failed:no space", exporters.Success: "Success"}[want]
		outcomes := map[string]string{"SRV-SQL": outcome}
		if i == 0 {
			outcomes["SRV-WEB"] = "Success"
		}
		word, _, _ := strings.Cut(outcome, ":")
		b.run(b.vms, "All VMs", i > 0, word, "", outcomes)
		b.Refresh()
		j := b.Job("SRV-SQL")
		if failures := map[bool]int{true: 1}[want == exporters.Failed]; j.LastResult != want || j.Failures != failures {
			t.Errorf("try %d: %s, %d failures", i+1, j.LastResult, j.Failures)
		}
		if j := b.Job("SRV-WEB"); j.LastResult != exporters.Success || j.Failures != 0 {
			t.Errorf("try %d: the neighbour: %s", i+1, j.LastResult)
		}
		b.Clock.Advance(10 * time.Minute)
	}
	if j := b.Job("SRV-SQL"); !j.LastSuccess.Equal(b.Clock.Now().Add(-10*time.Minute)) || !j.LastRun.Equal(j.LastSuccess) {
		t.Errorf("success %v, run %v, now %v", j.LastSuccess, j.LastRun, b.Clock.Now())
	}
	for range 2 { // two nights that fail are two failures
		b.Clock.Advance(24 * time.Hour)
		b.run(b.vms, "All VMs", false, "Failed", "repository offline", nil)
		b.Refresh()
	}
	for _, m := range []string{"SRV-SQL", "SRV-WEB"} {
		if j := b.Job(m); j.LastResult != exporters.Failed || j.Failures != 2 || j.Error != "repository offline" {
			t.Errorf("%s: %s, %d failures, %q; the job failed before it came to any machine", m, j.LastResult, j.Failures, j.Error)
		}
	}
}

func TestRunningKeepsThePreviousResult(t *testing.T) {
	b := newBench(t, true)
	b.Clock.Advance(time.Hour)
	b.run(b.offsite, "Offsite", false, "Failed", "link down", nil)
	b.Clock.Advance(time.Hour)
	se := b.sim.Start(b.offsite, "Offsite", false)
	since := b.Clock.Now()
	b.Clock.Advance(72 * time.Hour)
	b.run(b.vms, "All VMs", false, "Success", "", map[string]string{"SRV-SQL": "Success"})
	for range 2 {
		b.Refresh()
		j := b.Job("Offsite")
		if !j.Running || !j.RunningSince.Equal(since) || j.LastResult != exporters.Failed || j.Failures != 1 || j.Error != "link down" {
			t.Errorf("running %v since %v, %s, %d failures, %q", j.Running, j.RunningSince, j.LastResult, j.Failures, j.Error)
		}
	}
	b.sim.Finish(se, "Success", "", nil)
	b.Refresh()
	if j := b.Job("Offsite"); j.Running || j.LastResult != exporters.Success || !j.LastSuccess.Equal(b.Clock.Now()) {
		t.Errorf("a session that began days ago ended: running %v, %s", j.Running, j.LastResult)
	}
}

func TestUnknownWords(t *testing.T) {
	b := newBench(t, false)
	b.Refresh()
	b.Clock.Advance(time.Hour)
	b.run(b.offsite, "Offsite", false, "Splendid", "", nil)
	b.Refresh()
	b.Refresh()
	if j := b.Job("Offsite"); j.LastResult != exporters.Unknown || j.LastSuccess.Equal(b.Clock.Now()) {
		t.Errorf("%s, success %v", j.LastResult, j.LastSuccess)
	}
	if !strings.Contains(b.Metrics(), `backup_source_unknown_values_total{source="em-dupont",field="session_result"} 1`) {
		t.Error("the word is not counted once")
	}
}

func TestSession(t *testing.T) {
	b := newBench(t, false)
	b.Refresh()
	b.Refresh()
	if n := b.sim.Requests("login"); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
	b.sim.Orders.Add(misbehave.Order{Endpoint: "taskSessions", Fault: misbehave.ExpireTokens, Skip: 1, Times: 1})
	b.Refresh()
	if n := b.sim.Requests("login"); n != 2 {
		t.Errorf("%d logins after an expiry, want 2", n)
	}
	sourcetest.Check(t, b.source.Close())
	if left := b.sim.Secrets(); b.sim.Requests("logout") != 1 || len(left) != 0 || b.sim.Requests("refused") != 0 {
		t.Errorf("%d logouts, open sessions %v", b.sim.Requests("logout"), left)
	}
	// Nothing but the two goes through the door.
	for _, r := range []struct{ method, path string }{{http.MethodPost, "/api/jobs/" + b.vms + "?action=start"}, {http.MethodDelete, "/api/jobs/" + b.vms}, {http.MethodDelete, "/api/logonSessions/"}} {
		req, err := http.NewRequest(r.method, b.Server.URL+r.path, nil)
		sourcetest.Check(t, err)
		if _, err := b.source.client.door.Do(req); err == nil || !strings.Contains(err.Error(), "only reads") {
			t.Errorf("%s %s: %v", r.method, r.path, err)
		}
	}
}

func TestIncompleteListingKeepsTheOldSnapshot(t *testing.T) {
	for name, order := range map[string]misbehave.Order{
		"half a page":    {Fault: misbehave.HalfPage, Times: -1},
		"truncated JSON": {Fault: misbehave.TruncatedJSON, Skip: 1, Times: -1},
		"cut connection": {Fault: misbehave.CutConnection, Times: -1},
		"HTML with 200":  {Fault: misbehave.HTML, Times: -1},
		"repeated pages": {Fault: misbehave.RepeatCursor, Times: -1},
		"server error":   {Fault: misbehave.ServerError, Skip: 1, Times: -1},
		"forbidden":      {Fault: misbehave.Forbidden, Times: -1},
		"endless expiry": {Fault: misbehave.ExpireTokens, Times: -1},
	} {
		for _, endpoint := range []string{"sessions", "taskSessions"} {
			t.Run(name+" of "+endpoint, func(t *testing.T) {
				b := newBench(t, false)
				b.Refresh()
				before := b.Poller.View()
				for range 2 {
					b.Clock.Advance(time.Hour)
					b.run(b.vms, "All VMs", false, "Success", "", map[string]string{"SRV-SQL": "Success", "SRV-WEB": "Success"})
				}
				order.Endpoint = endpoint
				b.sim.Orders.Add(order)
				for range 3 {
					if err := b.Poller.Refresh(t.Context()); err == nil {
						t.Fatal("the refresh did not fail")
					}
				}
				after := b.Poller.View()
				if after.Up || !after.LastRefresh.Equal(before.LastRefresh) || len(after.Jobs) != len(before.Jobs) {
					t.Errorf("up %v, refreshed %v, %d jobs", after.Up, after.LastRefresh, len(after.Jobs))
				}
				b.sim.Orders.Clear()
				b.Refresh()
				if !b.Job("SRV-WEB").LastSuccess.Equal(b.Clock.Now()) {
					t.Error("the source did not recover")
				}
			})
		}
	}
}

func TestRepositoriesDegradeAlone(t *testing.T) {
	b := newBench(t, true)
	b.sim.Orders.Add(misbehave.Order{Endpoint: "repositories", Fault: misbehave.Forbidden, Times: -1})
	b.Refresh()
	if m := b.Metrics(); !strings.Contains(m, `backup_source_up{source="em-dupont"} 1`) || !strings.Contains(m, `backup_source_endpoint_up{source="em-dupont",endpoint="repositories"} 0`) {
		t.Error("the refusal of the repositories is not told alone")
	}
}

func TestRestartAfterTheServerForgot(t *testing.T) {
	b := newBench(t, false)
	b.Refresh()
	want, count := b.Job("SRV-SQL").LastSuccess, len(b.Poller.View().Jobs)
	sourcetest.Check(t, b.Poller.Save())
	b.Clock.Advance(20 * 24 * time.Hour)
	b.sim.Forget(b.Clock.Now())
	b.restart()
	for range exporters.DefaultGrace + 2 {
		b.Refresh()
	}
	if got := len(b.Poller.View().Jobs); got != count || !b.Job("SRV-SQL").LastSuccess.Equal(want) {
		t.Errorf("%d jobs of %d", got, count)
	}
	b.Clock.Advance(12 * 24 * time.Hour) // beyond the lookback
	for range exporters.DefaultGrace + 1 {
		b.Refresh()
	}
	if got := len(b.Poller.View().Jobs); got != 0 {
		t.Errorf("%d jobs without a session for a month", got)
	}
}

func TestNoSecretComesOut(t *testing.T) {
	b := newBench(t, false)
	b.CheckNoSecret(&b.sim.Orders, b.restart, func() []string { return append(b.sim.Secrets(), password) })
}

func TestConfigIsStrict(t *testing.T) {
	t.Setenv("EM_PASSWORD", "x")
	const good = "url: https://em.dupont.example:9398\nusername: u\npassword_env: EM_PASSWORD\n"
	sourcetest.CheckSettings[Config](t, Key, map[string]string{
		good: "customer", "username: u": "url", good + "customer: d\npage_size: 5000": "page_size", good + "customer: d\nlookback: 1h": "lookback",
		good + "customer: d\napi_version: 3": "unknown key", "url: http://em.dupont.example:9398": "plain http",
	})
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples(), "veeam-em", name))
	if os.IsNotExist(err) {
		t.Skip("the published samples are not on this machine")
	}
	sourcetest.Check(t, err)
	return data
}

// Real captures of both versions go through the same parser.
func TestPublishedSamples(t *testing.T) {
	for version, want := range map[string]struct{ jobs, sessions, retries, tasks, repositories int }{"12": {3, 3, 1, 2, 1}, "13": {1, 2, 2, 4, 5}} {
		t.Run(version, func(t *testing.T) {
			var sessions, tasks page
			sourcetest.Check(t, json.Unmarshal(sample(t, "backup_jobs_sessions_metrics_v"+version+".json"), &sessions))
			sourcetest.Check(t, json.Unmarshal(sample(t, "backup_jobs_tasks_sessions_metrics_v"+version+".json"), &tasks))
			var r repositories
			sourcetest.Check(t, json.Unmarshal(sample(t, "veeam_repositories_overview_metrics_v"+version+".json"), &r))
			retries := 0
			for _, s := range sessions.sessions.Items {
				if s.IsRetry.On {
					retries++
				}
			}
			k := newKnowledge()
			var out exporters.Snapshot
			now := time.Date(2026, 6, 16, 12, 0, 0, 0, time.UTC)
			k.learn(sessions.sessions.Items, tasks.tasks.Items, k.counter(&out))
			c := &Config{Owner: exporters.Owner{Customer: "c"}, Lookback: exporters.Duration(31 * 24 * time.Hour), ForgetObjectsAfter: exporters.Duration(7 * 24 * time.Hour)}
			k.forget(c, now)
			jobs := k.build(c, k.counter(&out))
			if len(sessions.sessions.Items) != want.sessions || retries != want.retries || len(tasks.tasks.Items) != want.tasks || len(k.jobs) != want.jobs || len(stores(r.Items, "c")) != want.repositories {
				t.Errorf("%d jobs, %d sessions, %d retries, %d tasks, %d repositories with a size", len(k.jobs), len(sessions.sessions.Items), retries, len(tasks.tasks.Items), len(stores(r.Items, "c")))
			}
			if len(out.UnknownValues) > 0 {
				t.Errorf("words of a real server are unknown: %v", out.UnknownValues)
			}
			for _, j := range jobs {
				for _, run := range j.Runs {
					if run.Result == exporters.Unknown || run.End.IsZero() {
						t.Errorf("%s: %+v", j.ID, run)
					}
				}
			}
			for _, r := range stores(r.Items, "c") {
				if r.FreeBytes > r.CapacityBytes {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

func FuzzPages(f *testing.F) {
	f.Add([]byte(`{"Entities":{"BackupJobSessions":{"BackupJobSessions":[{"IsRetry":true,"JobUid":"urn:veeam:Job:1","UID":"urn:x:2","CreationTimeUTC":"2026-03-09T20:00:00Z","EndTimeUTC":"2026-03-09T20:10:00Z","State":"Stopped","Result":"Failed","FailureMessage":null}]}},"PagingInfo":{"PageNum":1,"PageSize":100,"PagesCount":1}}`),
		[]byte(`{"entities":{"backupTaskSessions":{"backupTaskSessions":[{"jobSessionUid":"urn:x:2","uid":"urn:x:3","vmDisplayName":"a","creationTimeUTC":"2026-03-09T20:00:00Z","endTimeUTC":"2026-03-09T20:10:00Z","state":"Completed","result":"Success"}]}},"pagingInfo":{"pageNum":1,"pageSize":100,"pagesCount":1}}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var sessions, tasks page
		if json.Unmarshal(a, &sessions) != nil || json.Unmarshal(b, &tasks) != nil {
			return
		}
		var r repositories
		_ = json.Unmarshal(a, &r)
		stores(r.Items, "c")
		var all computers
		_ = json.Unmarshal(a, &all)
		agents(all.Items, "c", func(string, string) {})
		c := &Config{Owner: exporters.Owner{Customer: "c"}, Lookback: exporters.Duration(48 * time.Hour), ForgetObjectsAfter: exporters.Duration(time.Hour)}
		k := newKnowledge()
		var out exporters.Snapshot
		now := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
		for range 2 {
			k.learn(sessions.sessions.Items, tasks.tasks.Items, k.counter(&out))
			k.forget(c, now)
			seen := map[string]bool{}
			for _, j := range k.build(c, k.counter(&out)) {
				if seen[j.ID] {
					t.Errorf("%q stands twice", j.ID)
				}
				seen[j.ID] = true
			}
			if k.since(c, now).After(now) {
				t.Error("nothing would be read")
			}
		}
	})
}

// samples is the folder of published records, which is not part of the project.
func samples() string {
	if dir := os.Getenv("VIGIE_SAMPLES"); dir != "" {
		return dir
	}
	return "../../../shared/samples"
}
