package acronis

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
)

// Checking or tidying an archive is a task of the backup's policy that ends
// well. It must not hide that the backup before it failed.
func TestOtherTasksOfThePolicyAreNoSuccess(t *testing.T) {
	failed := time.Date(2026, 3, 10, 22, 0, 0, 0, time.UTC)
	before := failed.Add(-24 * time.Hour)
	tidied := failed.Add(time.Hour)
	listed := func(run, success time.Time) resourceStatus {
		var r resourceStatus
		r.Context.ID, r.Context.Type = "R", "resource.machine"
		r.Policies = []policyStatus{{Type: "policy.backup.machine", Status: "idle", LastRun: momentOf(exporters.Instant{Time: run}), LastSuccessRun: momentOf(exporters.Instant{Time: success})}}
		return r
	}
	done := func(uuid, kind, code string, end time.Time) task {
		t := task{UUID: exporters.Text(uuid), Type: kind, StartedAt: exporters.Instant{Time: end.Add(-5 * time.Minute)}, CompletedAt: exporters.Instant{Time: end}}
		t.Resource.ID, t.Policy.Type, t.Result.Code = "r", "policy.backup.machine", code
		return t
	}
	for _, c := range []struct{ kind, code string }{{"5b3aa86b-0000-4000-8000-c1eaa0f1de00", "ok"}, {"BackupValidation", "ok"}, {"DeleteBackup", "warning"}} {
		known := newKnowledge()
		l := listing{statuses: []resourceStatus{listed(failed, before)}, tasks: []task{done("1", backupCommand, "error", failed), done("2", c.kind, c.code, tidied)}}
		jobs := build(l, &known, &Config{location: time.UTC}, tidied.Add(time.Minute)).Jobs
		for _, run := range jobs[0].Runs {
			if !run.Result.Failing() {
				t.Errorf("%s: %s at %v is told, though the status knows no success since %v", c.kind, run.Result, run.End, before)
			}
		}
		// The same task is believed once the status confirms it.
		l = listing{statuses: []resourceStatus{listed(tidied, tidied)}}
		jobs = build(l, &known, &Config{location: time.UTC}, tidied.Add(time.Hour)).Jobs
		if last := jobs[0].Runs[len(jobs[0].Runs)-1]; last.Result.Failing() || !last.End.Equal(tidied) {
			t.Errorf("%s: confirmed, and told as %s at %v", c.kind, last.Result, last.End)
		}
	}
}

// A listing of machines that is null is none: were it an empty one, every
// machine would look deleted.
func TestNullIsNoListOfMachines(t *testing.T) {
	for body, bad := range map[string]bool{
		`{"items":null,"paging":{"cursors":{}}}`:            true,
		`{"items":null,"paging":{"cursors":{"total":5}}}`:   true,
		`{"items":null,"paging":{"cursors":{"total":0}}}`:   false,
		`{"items":[],"paging":{"cursors":{}}}`:              false,
		`{"Items":null}`:                                    true,
		`{"items":null,"paging":{"cursors":{"total":-1}}}`:  false,
		`{"items":[null],"paging":{"cursors":{"total":1}}}`: false,
	} {
		var p page[resourceStatus]
		sourcetest.Check(t, json.Unmarshal([]byte(body), &p))
		q := query[resourceStatus]{endpoint: "resource_statuses", id: (*resourceStatus).key, solid: true}
		b := newBench(t, acronissim.Options{})
		server := http.NewServeMux()
		server.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == statusesPath {
				_, _ = io.WriteString(w, body)
				return
			}
			b.sim.ServeHTTP(w, r)
		})
		b.Server.Config.Handler = server
		q.path = statusesPath
		_, err := q.read(t.Context(), b.source.client)
		if (err != nil) != bad {
			t.Errorf("%s: %v", body, err)
		}
		if bad && exporters.ReasonOf(err) != exporters.ReasonIncomplete {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// An alert whose machine could not be asked for is asked for again, however
// late: nothing else may tell that the machine's status is another.
func TestAlertIsNotForgottenWhenItsMachineCannotBeRead(t *testing.T) {
	b := newBench(t, acronissim.Options{StillStamps: true})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "tasks", Fault: misbehave.Forbidden, Times: -1})
	b.sim.Orders.Add(misbehave.Order{Endpoint: "tasks_running", Fault: misbehave.Forbidden, Times: -1})
	b.Refresh()
	b.Clock.Advance(15 * time.Minute)
	b.Refresh()
	b.Clock.Advance(5 * time.Minute)
	b.sim.FailBackup(b.ad, "Disk D: cannot be read")
	// The question for changes goes well, that for the machine does not.
	b.sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.ServerError, Skip: 1, Times: 3})
	if err := b.Poller.Refresh(t.Context()); err == nil {
		t.Fatal("the refresh did not fail")
	}
	b.Clock.Advance(25 * time.Minute) // beyond the overlap, before the next full listing
	b.Refresh()
	if j := b.job("SRV-AD"); j.LastResult != exporters.Failed {
		t.Errorf("the failure is not seen: %s", j.LastResult)
	}
}

// A tenant without a name is not the one that a nameless number means.
func TestNamelessTenantIsNobody(t *testing.T) {
	d := newDirectory([]tenant{{ID: "aaaa", Name: "", Kind: "customer"}, {ID: "bbbb", Name: "Dupont", Kind: "customer"}},
		map[string]tenantRef{"17": {ID: "17"}}, map[string]string{"aaaa": "martin"})
	if c := d.customer("17"); c.id != "" || c.key != "17" {
		t.Errorf("tenant 17 is %+v", c)
	}
}

// A panic in a part reaches the caller, who recovers from it; in a goroutine
// of its own it would end the whole exporter.
func TestPanicOfAPartIsTheCallers(t *testing.T) {
	defer func() {
		if p := recover(); p != "a fault" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = together(t.Context(), func(context.Context) (exporters.Endpoint, error) { panic("a fault") },
		func(ctx context.Context) (exporters.Endpoint, error) {
			<-ctx.Done()
			return exporters.Endpoint{}, ctx.Err()
		})
	t.Error("no panic")
}

// A tenant that the configuration does not name never becomes the customer
// that it names, though both are called the same.
func TestNamesakeOfAConfiguredCustomer(t *testing.T) {
	b := newBench(t, acronissim.Options{}) // names one tenant dupont
	other := b.sim.AddCustomer("Dupont")
	plan := b.sim.AddPlan(acronissim.Plan{Tenant: other, Name: "daily", Hour: 21})
	m := b.sim.AddMachine(acronissim.Machine{Tenant: other, Name: "SRV-OTHER", Class: acronissim.Server, Plans: []string{plan}})
	b.sim.SucceedBackup(m)
	b.Refresh()
	if j := b.job("SRV-OTHER"); j.Customer != "dupont-"+other || j.CustomerName != "Dupont" {
		t.Errorf("the namesake is customer %q (%q)", j.Customer, j.CustomerName)
	}
	if j := b.job("SRV-AD"); j.Customer != "dupont" {
		t.Errorf("the configured one is %q", j.Customer)
	}
	for _, a := range b.Poller.View().Agents {
		if a.Machine == "SRV-OTHER" && a.Customer != "dupont-"+other {
			t.Errorf("its agent is of customer %q", a.Customer)
		}
	}
}

// A task of which the status has told since is no longer held: it is most of what
// would be kept of a machine. What it told stays, and the next reading of everything
// changes nothing of it.
func TestTaskIsForgottenOnceTheStatusTellsIt(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	plan := b.sim.AddPlan(acronissim.Plan{Tenant: b.dupont, Name: "daily", Hour: 21})
	id := b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: "SRV-SETTLED", Class: acronissim.Server, Plans: []string{plan}})
	b.sim.FailBackup(id, "The backup location is full.")
	b.Refresh()
	told := b.job("SRV-SETTLED")
	if told.LastResult != exporters.Failed || told.Error == "" || told.LastDuration == 0 {
		t.Fatalf("%+v", told)
	}
	held := func() int {
		n := 0
		for _, list := range b.source.known.tasks {
			n += len(list)
		}
		return n
	}
	for range 2 {
		b.Clock.Advance(2 * time.Hour) // the next full reading
		b.Refresh()
		if now := b.job("SRV-SETTLED"); now.LastResult != told.LastResult || now.Error != told.Error || now.LastDuration != told.LastDuration || !now.LastRun.Equal(told.LastRun) || now.Failures != 1 {
			t.Errorf("%+v\nwas\n%+v", now, told)
		}
	}
	if n := held(); n != 0 {
		t.Errorf("%d tasks are held", n)
	}
}
