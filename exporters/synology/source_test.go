package synology

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vigie/exporters"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
	"vigie/exporters/synology/synologysim"
)

const password = "p4ssw0rd-of-the-nas"

type bench struct {
	*sourcetest.Bench
	zone   *time.Location
	sim    *synologysim.Sim
	config *Config
	source *Source

	cloud, usb *synologysim.HyperTask
	pcs, vm    *synologysim.ActiveTask
}

func newBench(t *testing.T, o synologysim.Options) *bench {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	sourcetest.Check(t, err)
	b := &bench{Bench: sourcetest.New(t, time.Date(2026, 3, 9, 1, 0, 0, 0, time.UTC)), zone: zone}
	if o.Now == nil {
		o.Now = b.Clock.Now
	}
	o.Zone, o.Password = zone, password
	b.sim = synologysim.New(o)
	b.Serve(b.sim)
	b.cloud, b.usb = b.sim.AddHyper("Cloud"), b.sim.AddHyper("USB été “4 To”")
	b.pcs, b.vm = b.sim.AddActive("PC", 2, "PC-LEA", "PC-ATELIER"), b.sim.AddActive("VM", 1, "srv-ad")
	b.sim.EndHyper(b.cloud, "done")
	b.sim.EndActive(b.pcs, 1, 2, 3)
	b.sim.EndActive(b.vm, 1, 2, 3)
	b.sim.Do(func() { b.cloud.Next, b.vm.Next = b.Clock.Now().Add(24*time.Hour), b.Clock.Now().Add(24*time.Hour) })
	b.config = b.newConfig()
	b.restart()
	return b
}

func (b *bench) newConfig() *Config {
	b.T.Helper()
	return &Config{Address: b.Address(),
		Owner: exporters.Owner{Customer: "dupont", CustomerName: "Dupont SA"}, Account: "sim-user", PasswordFile: sourcetest.SecretFile(b.T, password),
		HyperBackup: &HyperBackup{Machine: "NAS-01", Timezone: "Europe/Paris", BackupRole: exporters.Primary}, ActiveBackup: &ActiveBackup{}}
}

func (b *bench) restart() {
	b.T.Helper()
	sourcetest.Check(b.T, b.config.Validate(""))
	var err error
	b.source, err = New(b.config, b.SourceOptions())
	sourcetest.Check(b.T, err)
	b.Poll(sourcetest.Options{Name: "nas-dupont", Engine: Engine, Source: b.source})
}

// job finds one by the end of its machine or plan.
func (b *bench) job(name string) exporters.Job {
	b.T.Helper()
	j := b.Find(func(j *exporters.Job) bool { return j.Machine == name || j.Plan == name })
	if j == nil {
		b.T.Fatalf("no job of %s", name)
	}
	return *j
}

func TestGoldenExposition(t *testing.T) {
	for name, o := range map[string]synologysim.Options{"DSM 7": {}, "an old DSM": {OldDSM: true}, "ids as text": {TextIDs: true}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, o)
			b.config.HyperBackup.Targets = true
			b.restart()
			b.Clock.Advance(24 * time.Hour)
			b.sim.Do(func() { b.usb.OffTarget, b.usb.Unscheduled, b.pcs.Devices[1].Agent = true, true, "offline" })
			b.sim.EndHyper(b.usb, "failed")
			b.sim.StartHyper(b.cloud)
			b.sim.EndActive(b.pcs, 1, 3, 3)
			b.sim.EndActive(b.vm, 1, 2, 3)
			b.Refresh()
			b.Golden("exposition.prom")
			if n := b.sim.Requests("refused"); n != 0 {
				t.Errorf("%d questions were not understood", n)
			}
		})
	}
}

// A damaged destination keeps "done" as its last result. What it says of that run is
// no success until it is mended.
func TestDamagedDestination(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.Refresh()
	if j := b.job("Cloud"); j.LastResult != exporters.Success || !j.LastRun.Equal(b.Clock.Now()) || !j.LastSuccess.Equal(b.Clock.Now()) {
		t.Fatalf("%s, run %v, success %v", j.LastResult, j.LastRun, j.LastSuccess)
	}
	good := b.job("Cloud").LastSuccess
	b.Clock.Advance(time.Hour)
	b.sim.Do(func() {
		b.cloud.State, b.cloud.Error, b.cloud.ErrorCode = "restore_only", "SYNO.SDS.Backup.Application:error:status_target_broken", 4467
	})
	for range 3 {
		b.Refresh()
		j := b.job("Cloud")
		if j.LastResult != exporters.Failed || j.Failures != 1 || !j.LastSuccess.Before(good) || !strings.Contains(j.Error, "damaged") || !strings.Contains(j.Error, "4467") {
			t.Errorf("%s, %d failures, success %v, %q", j.LastResult, j.Failures, j.LastSuccess, j.Error)
		}
	}
	b.sim.Do(func() { b.cloud.State, b.cloud.Error, b.cloud.ErrorCode = "backupable", "", 4401 })
	b.Refresh()
	if j := b.job("Cloud"); j.LastResult != exporters.Success || j.Failures != 0 || j.Error != "" {
		t.Errorf("mended: %s, %d failures, %q", j.LastResult, j.Failures, j.Error)
	}
	// One that never ran has no instant: its failure is told once.
	b.sim.Do(func() { b.usb.State = "unauth" })
	for range 2 {
		b.Clock.Advance(time.Hour)
		b.Refresh()
	}
	if j := b.job("USB été “4 To”"); j.LastResult != exporters.Failed || j.Failures != 1 || !j.LastSuccess.IsZero() {
		t.Errorf("never ran: %s, %d failures", j.LastResult, j.Failures)
	}
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		state, status, result, text, code string
		want                              exporters.Result
		telling                           telling
		counted                           string
	}{
		{"backupable", "none", "done", "", "4401", exporters.Success, told, ""},
		{"BACKUPABLE", "None", "Done", "", "4401", exporters.Success, told, ""},
		{"backupable", "waiting", "done", "", "", exporters.Success, told, ""},
		{"backupable", "none", "done", "some_error", "4401", exporters.Warning, told, ""},
		{"backupable", "none", "done", "", "4467", exporters.Failed, told, ""},
		{"restore_only", "none", "done", "", "4401", exporters.Failed, told, ""},
		{"broken", "none", "done", "", "", exporters.Failed, told, ""},
		{"endofservice", "none", "done", "", "", exporters.Failed, told, ""},
		{"error_detect", "none", "done", "", "", exporters.Failed, told, ""},
		{"error_detect", "detect_waiting", "done", "", "", exporters.Unknown, nothing, ""},
		{"backupable", "backup", "done", "", "", exporters.Unknown, nowRunning, ""},
		{"backupable", "none", "backingup", "", "", exporters.Unknown, nowRunning, ""},
		{"backupable", "none", "none", "", "", exporters.Unknown, nothing, ""},
		{"backupable", "none", "partial", "", "", exporters.Failed, told, ""},
		{"backupable", "none", "suspend", "", "", exporters.Cancelled, told, ""},
		{"backupable", "none", "cancel", "", "", exporters.Cancelled, told, ""},
		{"backupable", "none", "error", "", "", exporters.Failed, told, ""},
		{"backupable", "none", "splendid", "", "", exporters.Unknown, told, "last_bkp_result"},
		{"backupable", "dancing", "done", "", "", exporters.Unknown, nothing, "status"},
		{"relinkable", "none", "done", "", "", exporters.Unknown, told, "state"},
	} {
		task := hyperTask{State: exporters.Text(c.state), Status: exporters.Text(c.status), Result: exporters.Text(c.result), Error: exporters.Text(c.text), ErrorCode: exporters.Text(c.code)}
		counted := ""
		r, text, how := task.outcome(func(field, _ string) { counted = field })
		if r != c.want || how != c.telling || counted != c.counted {
			t.Errorf("%+v: %s, %v, counted %q", c, r, how, counted)
		}
		if how == told && (text == "") != (r == exporters.Success) {
			t.Errorf("%+v: the explanation is %q", c, text)
		}
	}
}

func TestRunningKeepsThePreviousResult(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.sim.EndHyper(b.cloud, "failed")
	b.sim.EndActive(b.pcs, 1, 4, 0)
	b.Refresh()
	b.Clock.Advance(time.Hour)
	b.sim.StartHyper(b.cloud)
	b.sim.Do(func() { b.pcs.Status = "backingup" })
	since := b.Clock.Now()
	for i := range 3 {
		b.Refresh()
		for _, name := range []string{"Cloud", "PC-LEA"} {
			if j := b.job(name); !j.Running || !j.RunningSince.Equal(since) || j.LastResult != exporters.Failed || j.Failures != 1 {
				t.Errorf("%s: running %v since %v, %s, %d failures", name, j.Running, j.RunningSince, j.LastResult, j.Failures)
			}
		}
		b.Clock.Advance(time.Hour)
		if i == 1 { // a restart does not make it younger
			sourcetest.Check(t, b.Poller.Save())
			b.restart()
		}
	}
	b.sim.EndHyper(b.cloud, "done")
	b.sim.EndActive(b.pcs, 1, 2, 3)
	b.Refresh()
	for _, name := range []string{"Cloud", "PC-LEA"} {
		if j := b.job(name); j.Running || j.LastResult != exporters.Success || !j.LastSuccess.Equal(b.Clock.Now()) {
			t.Errorf("%s: running %v, %s, success %v", name, j.Running, j.LastResult, j.LastSuccess)
		}
	}
}

// The last result may be that of a restore or a deletion, and a run that went
// wrong may leave a version behind.
func TestActiveBackupVersions(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.Refresh()
	good := b.job("srv-ad").LastSuccess
	b.Clock.Advance(24 * time.Hour)
	b.sim.EndActive(b.vm, 1, 3, 3) // partial, with a version
	b.Refresh()
	for i, action := range []int{128, 131072, 131072} {
		if j := b.job("srv-ad"); j.LastResult != exporters.Failed || !j.LastSuccess.Equal(good) || j.Failures != 1 {
			t.Errorf("before job %d: %s, success %v, %d failures", i, j.LastResult, j.LastSuccess, j.Failures)
		}
		b.Clock.Advance(time.Hour)
		if i == 1 {
			sourcetest.Check(t, b.Poller.Save())
			b.restart()
		}
		b.sim.EndActive(b.vm, action, 2, 0)
		b.Refresh()
	}
	// A backup that only its version tells of, since a deletion followed.
	b.Clock.Advance(24 * time.Hour)
	b.sim.EndActive(b.vm, 1, 2, 3)
	end := b.Clock.Now()
	b.Clock.Advance(time.Hour)
	b.sim.EndActive(b.vm, 131072, 2, 0)
	b.Refresh()
	if j := b.job("srv-ad"); j.LastResult != exporters.Success || !j.LastSuccess.Equal(end) || j.Failures != 0 {
		t.Errorf("%s, success %v, %d failures", j.LastResult, j.LastSuccess, j.Failures)
	}
	for status, want := range map[int]exporters.Result{2: exporters.Success, 3: exporters.Failed, 4: exporters.Failed, 5: exporters.Cancelled, 6: exporters.Failed, 9: exporters.Unknown} {
		b.Clock.Advance(24 * time.Hour)
		b.sim.EndActive(b.vm, 1, status, 7)
		b.Refresh()
		if j := b.job("srv-ad"); j.LastResult != want || (want == exporters.Success) != j.LastSuccess.Equal(b.Clock.Now()) || !j.LastRun.Equal(b.Clock.Now()) {
			t.Errorf("status %d: %s, success %v", status, j.LastResult, j.LastSuccess)
		}
	}
	for _, field := range []string{"result_status", "version_status"} {
		if !strings.Contains(b.Metrics(), `backup_source_unknown_values_total{source="nas-dupont",field="`+field+`"} 1`) {
			t.Errorf("%s is not counted once", field)
		}
	}
}

// Of a run of several devices each has its own outcome.
func TestRunOfSeveralDevices(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.Refresh()
	check := func(want map[string]exporters.Result, open int) {
		t.Helper()
		b.Refresh()
		for machine, result := range want {
			if j := b.job(machine); j.LastResult != result || result == exporters.Success && (!j.LastSuccess.Equal(j.LastRun) || j.Failures != 0) || result.Failing() && j.Failures == 0 {
				t.Errorf("%s: %s, success %v, %d failures, %s", machine, j.LastResult, j.LastSuccess, j.Failures, j.Error)
			}
		}
		if u := b.Poller.View().Unmatched; len(u) != open {
			t.Errorf("listed: %+v", u)
		}
	}
	run := func(task, lea, atelier int) {
		b.Clock.Advance(24 * time.Hour)
		b.sim.Do(func() { b.pcs.Devices[0].Fate, b.pcs.Devices[1].Fate = lea, atelier })
		b.sim.EndActive(b.pcs, 1, task, 3)
	}
	run(3, 2, 4)
	good := map[string]exporters.Result{"PC-LEA": exporters.Success, "PC-ATELIER": exporters.Failed}
	check(good, 0)
	if n, _ := b.job("PC-LEA").LastSize.Get(); n != 1061400576 {
		t.Errorf("size %d is not that of the device", n)
	}
	// While it cannot be read what was told stays.
	b.sim.Orders.Add(misbehave.Order{Endpoint: "overview", Fault: misbehave.Forbidden, Times: -1})
	check(good, 0)
	b.sim.Orders.Clear()
	run(4, 5, 2)
	check(map[string]exporters.Result{"PC-LEA": exporters.Cancelled, "PC-ATELIER": exporters.Success}, 0)
	// The NAS tells, too, where the run does not list its devices.
	run(3, 2, 6)
	b.sim.Do(func() { delete(b.pcs.Last, "task_config") })
	check(good, 0)
	run(2, 2, 2)
	b.sim.Do(func() { delete(b.pcs.Last, "task_config") })
	check(map[string]exporters.Result{"PC-LEA": exporters.Success, "PC-ATELIER": exporters.Success}, 0)
}

// A backup of one device, started by hand, says nothing of the task's others.
func TestActiveBackupOfOneDevice(t *testing.T) {
	b := newBench(t, synologysim.Options{Without: []string{"overview"}})
	b.Refresh()
	good := b.job("PC-LEA").LastSuccess
	b.Clock.Advance(24 * time.Hour)
	b.sim.EndActive(b.pcs, 1, 4, 0)
	b.Refresh()
	b.Clock.Advance(time.Hour)
	b.sim.EndActive(b.pcs, 1, 2, 3, b.pcs.Devices[1])
	for range 2 {
		b.Refresh()
		if j := b.job("PC-LEA"); j.LastResult != exporters.Failed || j.Failures != 1 || !j.LastSuccess.Equal(good) {
			t.Errorf("PC-LEA: %s, %d failures, success %v", j.LastResult, j.Failures, j.LastSuccess)
		}
		if j := b.job("PC-ATELIER"); j.LastResult != exporters.Success || !j.LastSuccess.Equal(b.Clock.Now()) {
			t.Errorf("PC-ATELIER: %s, success %v", j.LastResult, j.LastSuccess)
		}
		sourcetest.Check(t, b.Poller.Save())
		b.restart()
	}
	// A version is of some device; after a restore nothing else is told.
	b.Clock.Advance(24 * time.Hour)
	b.sim.EndActive(b.pcs, 1, 2, 3, b.pcs.Devices[1])
	b.Clock.Advance(time.Hour)
	b.sim.EndActive(b.pcs, 128, 2, 0)
	b.Refresh()
	if j := b.job("PC-LEA"); j.LastResult != exporters.Failed || !j.LastSuccess.Equal(good) {
		t.Errorf("by a version: %s, success %v", j.LastResult, j.LastSuccess)
	}
	if u := b.Poller.View().Unmatched; len(u) != 0 {
		t.Errorf("listed: %+v", u)
	}
	// Without a list of devices a good run proves nothing for each of several.
	for status, want := range map[int]exporters.Result{2: exporters.Unknown, 4: exporters.Failed} {
		b.Clock.Advance(24 * time.Hour)
		b.sim.EndActive(b.pcs, 1, status, 0)
		b.sim.Do(func() { delete(b.pcs.Last, "task_config") })
		b.Refresh()
		if j := b.job("PC-LEA"); j.LastResult != want || !j.LastSuccess.Equal(good) {
			t.Errorf("status %d without devices: %s, success %v", status, j.LastResult, j.LastSuccess)
		}
		if u := b.Poller.View().Unmatched; len(u) != 1 || u[0].Open != exporters.OpenDevice || len(u[0].Jobs) != len(b.pcs.Devices) || u[0].Jobs[0] == u[0].Jobs[1] {
			t.Errorf("status %d without devices, listed: %+v", status, u)
		}
	}
}

// A task whose schedule somebody paused is not overdue.
func TestPausedSchedule(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.sim.Do(func() { b.vm.Paused, b.cloud.Unscheduled = true, true })
	b.Refresh()
	if j := b.job("Cloud"); j.ExpectedInterval != exporters.OnDemand {
		t.Errorf("%+v", j)
	}
	for name, want := range map[string]bool{"srv-ad": false, "Cloud": true, "PC-LEA": true} {
		if j := b.job(name); j.Enabled != want {
			t.Errorf("%s: enabled %v", name, j.Enabled)
		}
	}
}

// The NAS writes its wall clock without a zone; some write seconds.
func TestWallClock(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	sourcetest.Check(t, err)
	for text, want := range map[string]string{
		`"2026/07/01 14:51"`: "2026-07-01T12:51:00Z", `"2026/01/01 14:51:09"`: "2026-01-01T13:51:09Z", `"2026-07-23 01:10"`: "2026-07-22T23:10:00Z",
		`"2026/10/25 02:30"`: "2026-10-25T00:30:00Z", // the first of two
		`"2026/03/29 02:30"`: "2026-03-29T01:30:00Z", // an hour that does not exist
		`1785590000`:         "2026-08-01T13:13:20Z", `""`: "0001-01-01T00:00:00Z", `"N/A"`: "0001-01-01T00:00:00Z", `null`: "0001-01-01T00:00:00Z", `"soon"`: "0001-01-01T00:00:00Z",
	} {
		var s stamp
		sourcetest.Check(t, json.Unmarshal([]byte(text), &s))
		if got := s.In(paris).UTC().Format(time.RFC3339); got != want || s.Bad != strings.Contains(text, "soon") {
			t.Errorf("%s: %s, want %s; bad %v", text, got, want, s.Bad)
		}
	}
	// On the night the clocks go back a run of the first 02:30 is not one hour ahead.
	b := newBench(t, synologysim.Options{})
	b.Clock.Advance(time.Date(2026, 10, 25, 0, 31, 0, 0, time.UTC).Sub(b.Clock.Now()))
	b.sim.EndHyper(b.cloud, "done")
	b.Refresh()
	if j := b.job("Cloud"); !j.LastSuccess.Equal(b.Clock.Now()) || strings.Contains(b.Metrics(), "run_in_future") {
		t.Errorf("success %v", j.LastSuccess)
	}
}

func TestSession(t *testing.T) {
	b := newBench(t, synologysim.Options{OldDSM: true})
	b.Refresh()
	b.Refresh()
	if n := b.sim.Requests("login"); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
	// The session is lost in the middle of the listing.
	for i, endpoint := range []string{"hyper", "hyperStatus", "active"} {
		b.sim.Orders.Add(misbehave.Order{Endpoint: endpoint, Fault: misbehave.ExpireTokens, Times: 1})
		b.Refresh()
		if n := b.sim.Requests("login"); n != i+2 {
			t.Errorf("%s: %d logins, want %d", endpoint, n, i+2)
		}
	}
	sourcetest.Check(t, b.source.Close())
	if left := b.sim.Secrets(); b.sim.Requests("logout") != 1 || len(left) != 0 || b.sim.Requests("refused") != 0 {
		t.Errorf("%d logouts, open sessions %v", b.sim.Requests("logout"), left)
	}
}

func TestLoginThatIsRefused(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	sourcetest.Check(t, os.WriteFile(b.config.PasswordFile, []byte("wrong\n"), 0o600))
	err := b.Poller.Refresh(t.Context())
	if exporters.ReasonOf(err) != exporters.ReasonAuth || !strings.Contains(err.Error(), "account or password") || b.sim.Requests("login") != 1 {
		t.Errorf("%v after %d logins", err, b.sim.Requests("login"))
	}
}

// Only the named questions leave, whatever the method.
func TestOnlyReads(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	cl := b.source.client
	for _, q := range []url.Values{
		{"api": {hyperAPI}, "method": {"backup_now"}}, {"api": {hyperAPI}, "method": {"delete"}, "task_id": {"1"}}, {"api": {activeAPI}, "method": {"remove"}},
		{"api": {"SYNO.Core.System"}, "method": {"reboot"}}, {"api": {hyperAPI, "SYNO.Core.System"}, "method": {"list", "reboot"}}, {"method": {"list"}}, {},
	} {
		var out any
		if err := cl.http.PostJSON(t.Context(), "x", "/webapi/entry.cgi", q, &out); err == nil || !strings.Contains(err.Error(), "only reads") {
			t.Errorf("POST %v: %v", q, err)
		}
		if err := cl.http.GetJSON(t.Context(), "x", "/webapi/entry.cgi", q, nil, &out); err == nil || !strings.Contains(err.Error(), "only reads") {
			t.Errorf("GET %v: %v", q, err)
		}
	}
	var out any
	if err := cl.http.GetJSON(t.Context(), "x", "/webapi/entry.cgi", url.Values{"api": {hyperAPI}, "method": {"list"}}, nil, &out); err == nil {
		t.Error("a question with a session in its address got through")
	}
}

func TestIncompleteListingKeepsTheOldSnapshot(t *testing.T) {
	for name, order := range map[string]misbehave.Order{
		"half a list":       {Fault: misbehave.HalfPage, Times: -1},
		"truncated JSON":    {Fault: misbehave.TruncatedJSON, Times: -1},
		"cut connection":    {Fault: misbehave.CutConnection, Times: -1},
		"HTML with 200":     {Fault: misbehave.HTML, Times: -1},
		"too many requests": {Fault: misbehave.TooManyRequests, Times: -1, RetryAfter: time.Second},
		"unavailable":       {Fault: misbehave.Unavailable, Times: -1, RetryAfter: time.Second},
		"endless loss":      {Fault: misbehave.ExpireTokens, Times: -1},
	} {
		for _, endpoint := range []string{"hyper", "hyperStatus", "active", "info"} {
			if endpoint != "hyper" && endpoint != "active" && (order.Fault == misbehave.HalfPage || order.Fault == misbehave.ExpireTokens && endpoint == "info") {
				continue // they do not have that
			}
			t.Run(name+" of "+endpoint, func(t *testing.T) {
				b := newBench(t, synologysim.Options{})
				b.Refresh()
				before := b.Poller.View()
				b.Clock.Advance(time.Hour)
				b.sim.EndHyper(b.cloud, "done")
				b.sim.EndActive(b.vm, 1, 2, 3)
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
				if !b.job("Cloud").LastSuccess.Equal(b.Clock.Now()) || !b.job("srv-ad").LastSuccess.Equal(b.Clock.Now()) {
					t.Error("the source did not recover")
				}
			})
		}
	}
}

func TestPassingTrouble(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	for _, order := range []misbehave.Order{{Fault: misbehave.TooManyRequests, Times: 1, RetryAfter: time.Second}, {Fault: misbehave.Unavailable, Times: 1},
		{Fault: misbehave.SlowBody, Times: 1, Delay: 20 * time.Millisecond}} {
		b.sim.Orders.Add(order)
		b.Refresh()
	}
}

// A package that is stopped is not a NAS without tasks.
func TestPackageThatIsGone(t *testing.T) {
	for _, gone := range []string{"hyper", "active"} {
		b := newBench(t, synologysim.Options{Without: []string{gone}})
		err := b.Poller.Refresh(t.Context())
		if exporters.ReasonOf(err) != exporters.ReasonNotFound || !strings.Contains(err.Error(), "installed") {
			t.Errorf("%s: %v", gone, err)
		}
		if gone == "hyper" {
			b.config.HyperBackup = nil
		} else {
			b.config.ActiveBackup = nil
		}
		b.restart()
		b.Refresh()
	}
}

// A task that is deleted between the list and its status costs nothing else.
func TestChangingList(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.Refresh()
	b.sim.Hook = func(endpoint string) {
		if endpoint == "hyperStatus" {
			b.sim.RemoveHyper(b.usb)
		}
	}
	b.Refresh()
	if m := b.Metrics(); !strings.Contains(m, `backup_source_up{source="nas-dupont"} 1`) || !strings.Contains(m, `endpoint="hyperBackupStatus"} 0`) {
		t.Error("the status that was refused is not told alone")
	}
	if j := b.job("Cloud"); j.LastResult != exporters.Success {
		t.Errorf("the neighbour: %s", j.LastResult)
	}
	for range exporters.DefaultGrace + 1 {
		b.Refresh()
	}
	for _, j := range b.Poller.View().Jobs {
		if j.Plan == b.usb.Name {
			t.Error("the deleted task is still shown")
		}
	}
}

func TestTargetsDegradeAlone(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.config.HyperBackup.Targets = true
	b.restart()
	b.Refresh()
	if m := b.Metrics(); !strings.Contains(m, `backup_repository_online{source="nas-dupont",customer="dupont",repository="Cloud"} 1`) || strings.Contains(m, "backup_repository_capacity_bytes{") {
		t.Error("the destination is not told, or has a size that nobody told")
	}
	b.sim.Orders.Add(misbehave.Order{Endpoint: "target", Fault: misbehave.ServerError, Times: -1})
	b.Refresh()
	if m := b.Metrics(); !strings.Contains(m, `backup_source_up{source="nas-dupont"} 1`) || strings.Contains(m, "backup_repository_online{") {
		t.Error("a destination that was not asked is shown")
	}
}

func TestWrongCaseAndClockSkew(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.sim.Shout()
	b.Refresh()
	if j := b.job("Cloud"); j.LastResult != exporters.Success {
		t.Errorf("%s", j.LastResult)
	}
	if len(b.Poller.View().UnknownValues) != 0 {
		t.Errorf("counted %v", b.Poller.View().UnknownValues)
	}
	// A NAS whose clock runs ahead by hours makes nothing look newer than now.
	b.sim.Do(func() { b.cloud.Last, b.cloud.Success = b.Clock.Now().Add(5*time.Hour), b.Clock.Now().Add(5*time.Hour) })
	b.Refresh()
	if j := b.job("Cloud"); j.LastSuccess.After(b.Clock.Now()) || j.LastRun.After(b.Clock.Now()) {
		t.Errorf("success %v, run %v", j.LastSuccess, j.LastRun)
	}
}

// The difference of the clocks is told.
func TestClockSkew(t *testing.T) {
	var b *bench
	ahead := func() time.Time {
		if b == nil {
			return time.Date(2026, 3, 9, 4, 0, 0, 0, time.UTC) // while the bench is built
		}
		return b.Clock.Now().Add(3 * time.Hour)
	}
	b = newBench(t, synologysim.Options{Now: ahead})
	b.Refresh()
	if m := b.Metrics(); !strings.Contains(m, `backup_source_clock_skew_seconds{source="nas-dupont"} 10800`) {
		t.Error("the difference is not told")
	}
	if j := b.job("Cloud"); j.LastSuccess.After(b.Clock.Now()) {
		t.Errorf("success %v, now %v", j.LastSuccess, b.Clock.Now())
	}
}

func TestNamesInEveryScript(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	names := []string{"Sauvegarde été", "резервная копия", "备份", "نسخة", "a\"b\\c\nd", strings.Repeat("長", 300), "Cloud"}
	for _, n := range names {
		b.sim.AddHyper(n)
		b.sim.AddActive(n, 5, n)
	}
	b.Refresh()
	if got, want := len(b.Poller.View().Jobs), 5+2*len(names); got != want {
		t.Errorf("%d jobs, want %d", got, want)
	}
	if _, err := promlint.New(strings.NewReader(b.Metrics())).Lint(); err != nil {
		t.Error(err)
	}
}

func TestNoSecretComesOut(t *testing.T) {
	b := newBench(t, synologysim.Options{})
	b.CheckNoSecret(&b.sim.Orders, b.restart, func() []string { return append(b.sim.Secrets(), password) })
}

func TestConfigIsStrict(t *testing.T) {
	t.Setenv("NAS_PASSWORD", "x")
	const good = "url: https://nas.dupont.example:5001\naccount: u\npassword_env: NAS_PASSWORD\n"
	const hyper = good + "customer: d\nhyper_backup: {machine: NAS-01, timezone: Europe/Paris"
	sourcetest.CheckSettings[Config](t, Engine, map[string]string{
		good: "customer", "account: u": "url", good + "customer: d\n": "active_backup: {}", hyper + "}\nversion: 7": "unknown key",
		good + "customer: d\nhyper_backup: {machine: NAS-01}": "timezone", good + "customer: d\nhyper_backup: {timezone: UTC}": "machine",
		hyper + ", backup_role: main}": "known are primary, local", good + "customer: d\nactive_backup: {backup_role: main}": "known are primary, local",
		hyper + ", online: true}": "unknown key", hyper + "}\nexpected_interval: {laptop: 1d}": "unknown machine class",
		"url: http://nas.dupont.example:5000": "plain http", hyper + "}": "", good + "customer: d\nactive_backup: {}": "",
	})
}

func FuzzHyperBackup(f *testing.F) {
	f.Add([]byte(`{"success":true,"data":{"total":1,"task_list":[{"task_id":4,"name":"Bad","status":"none","state":"restore_only","last_bkp_result":"done","last_bkp_end_time":"2022/10/19 13:40"}]}}`),
		[]byte(`{"task_id":"4","last_bkp_error":"x:status_target_broken","last_bkp_error_code":4467,"last_bkp_success_time":"2022/10/19 13:21","next_bkp_time":"","schedule":{"schedule_enable":false}}`))
	f.Add([]byte(`{"success":false,"error":{"code":119}}`), []byte(`{"last_bkp_time":"N/A"}`))
	f.Fuzz(func(t *testing.T, list, status []byte) {
		var a answer
		var l listing[hyperTask]
		if json.Unmarshal(list, &a) != nil || a.read("x", &l) != nil {
			return
		}
		tasks, err := l.whole(new(client), "x", "task_list", func(t *hyperTask) string { return string(t.ID) })
		if err != nil {
			return
		}
		var s hyperTask
		if json.Unmarshal(status, &s) == nil {
			for i := range tasks {
				tasks[i].merge(&s)
			}
		}
		now := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
		c := &Config{Owner: exporters.Owner{Customer: "c"}, HyperBackup: &HyperBackup{Machine: "n", zone: time.UTC}}
		facts := newFacts()
		var out exporters.Snapshot
		for range 2 {
			jobs := facts.hyperJobs(c, tasks, now, facts.counter(&out))
			facts.settle(now)
			if len(jobs) != len(tasks) {
				t.Fatalf("%d jobs of %d tasks", len(jobs), len(tasks))
			}
			for i, j := range jobs {
				for _, r := range j.Runs {
					if good := r.Result == exporters.Success || r.Result == exporters.Warning; good && word(tasks[i].Result) != "done" {
						t.Errorf("%+v became a success", tasks[i])
					}
				}
			}
		}
	})
}

func FuzzActiveBackup(f *testing.F) {
	f.Add([]byte(`{"tasks":[{"task_id":5,"task_name":"x","backup_type":2,"devices":[{"device_id":5,"host_name":"h","agent_status":"online"}],"last_result":{"job_action":1,"status":2,"result_id":593,"time_end":1741946439,"time_start":1741946267,"transfered_bytes":2122801152,"error_count":0,"warning_count":0},"next_trigger_time":1742176800,"versions":[{"status":3,"time_end":1741946439,"version_id":163}]}],"total":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var l listing[activeTask]
		if json.Unmarshal(data, &l) != nil {
			return
		}
		tasks, err := l.whole(new(client), "x", "tasks", func(t *activeTask) string { return string(t.ID) })
		if err != nil {
			return
		}
		c := &Config{Owner: exporters.Owner{Customer: "c"}, ActiveBackup: &ActiveBackup{}}
		facts := newFacts()
		var out exporters.Snapshot
		unknown := facts.counter(&out)
		for i := range tasks {
			for _, j := range facts.activeJobs(c, tasks[i:i+1], time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC), unknown) {
				if j.ID == "" || j.Machine == "" {
					t.Errorf("a job without a name: %+v", j)
				}
			}
		}
		agents(c, tasks, unknown)
	})
}
