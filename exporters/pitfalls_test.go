package exporters_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vigie/exporters"
	"vigie/exporters/acronis"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/exposition"
	"vigie/exporters/httpclient"
	"vigie/exporters/misbehave"
	"vigie/exporters/push"
	"vigie/exporters/sourcetest"
	"vigie/exporters/veeam"
	"vigie/exporters/veeam/veeamsim"
	"vigie/exporters/veeamem"
	"vigie/exporters/veeamem/veeamemsim"
)

// The ways in which programs that watch backups are known to go wrong, one
// story each, from what a product says to what Prometheus reads. What is
// peculiar to a product is tested beside its code.

const pitfallSecret = "p1tf4ll-s3cr3t"

// yard is a source with its poller, on a hand-driven clock.
type yard struct {
	t      *testing.T
	clock  *sourcetest.Clock
	log    bytes.Buffer
	dir    string
	poller *exporters.Poller
	slept  int
}

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{t: t, clock: sourcetest.NewClock(time.Date(2026, 3, 9, 22, 0, 0, 0, time.UTC)), dir: t.TempDir()}
	y.file("secret", pitfallSecret+"\n")
	return y
}

func (y *yard) file(name, text string) string {
	y.t.Helper()
	path := filepath.Join(y.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		y.t.Fatal(err)
	}
	return path
}

func (y *yard) env() exporters.SourceOptions {
	return exporters.SourceOptions{Now: y.clock.Now, UserAgent: "test", Sleep: func(context.Context, time.Duration) error { y.slept++; return nil }}
}

func (y *yard) poll(engine string, source exporters.Source, err error) {
	y.t.Helper()
	y.pollWith(exporters.PollerOptions{Engine: engine, Source: source, WarningIsSuccess: true}, err)
}

func (y *yard) pollWith(o exporters.PollerOptions, err error) {
	y.t.Helper()
	if err == nil {
		o.Name, o.Interval, o.Timeout, o.Now, o.Logger = "s", time.Minute, time.Minute, y.clock.Now, slog.New(slog.NewTextHandler(&y.log, nil))
		o.StateFile = filepath.Join(y.dir, "state.json")
		y.poller, err = exporters.NewPoller(o)
	}
	if err != nil {
		y.t.Fatal(err)
	}
}

// acronis lets the poller read a simulated data centre.
func (y *yard) acronis(o acronissim.Options) *acronissim.Sim {
	y.t.Helper()
	if o.Now == nil {
		o.Now = y.clock.Now
	}
	o.ClientSecret = pitfallSecret
	sim := acronissim.New(o)
	source, err := y.acronisSource(sim)
	y.poll(acronis.Engine, source, err)
	return sim
}

func (y *yard) acronisSource(sim http.Handler) (exporters.Source, error) {
	c := &acronis.Config{ClientID: "sim-client", ClientSecretFile: filepath.Join(y.dir, "secret")}
	c.URL, c.RequestsPerSecond = y.serve(sim), 1e6
	if err := c.Validate(""); err != nil {
		return nil, err
	}
	return acronis.New(c, y.env())
}

// veeam lets the poller read a simulated backup server.
func (y *yard) veeam(warningIsSuccess bool) *veeamsim.Sim {
	y.t.Helper()
	sim := veeamsim.New(veeamsim.Options{Now: y.clock.Now, Password: pitfallSecret})
	c := &veeam.Config{}
	c.Remote.URL, c.RequestsPerSecond, c.Username, c.PasswordFile, c.Customer = y.serve(sim), 1e6, "sim-viewer", filepath.Join(y.dir, "secret"), "dupont"
	if err := c.Validate(""); err != nil {
		y.t.Fatal(err)
	}
	source, err := veeam.New(c, y.env())
	y.pollWith(exporters.PollerOptions{Engine: veeam.Engine, Source: source, WarningIsSuccess: warningIsSuccess}, err)
	return sim
}

func (y *yard) serve(h http.Handler) exporters.URL {
	y.t.Helper()
	server := httptest.NewServer(h)
	y.t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		y.t.Fatal(err)
	}
	return exporters.URL{URL: u}
}

// estate is a customer with machines of which each was saved once.
func estate(sim *acronissim.Sim, names ...string) (tenant, plan string, ids []string) {
	tenant = sim.AddCustomer("Dupont")
	plan = sim.AddPlan(acronissim.Plan{Tenant: tenant, Name: "daily", Hour: 21})
	for _, name := range names {
		id := sim.AddMachine(acronissim.Machine{Tenant: tenant, Name: name, Class: acronissim.Server, Plans: []string{plan}})
		sim.SucceedBackup(id)
		ids = append(ids, id)
	}
	return tenant, plan, ids
}

func (y *yard) refresh() {
	y.t.Helper()
	if err := y.poller.Refresh(y.t.Context()); err != nil {
		y.t.Fatal(err)
	}
}

// next lets time pass and refreshes.
func (y *yard) next(d time.Duration) { y.t.Helper(); y.clock.Advance(d); y.refresh() }

func (y *yard) exposition() *exposition.Exposition {
	return exposition.New(exposition.Options{Sources: func() []*exporters.View { return []*exporters.View{y.poller.View()} }})
}

// metrics scrapes as Prometheus does, and checks that it can read the answer.
func (y *yard) metrics() string {
	y.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	y.exposition().ServeHTTP(w, r)
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		y.t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		y.t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(bytes.NewReader(text)); err != nil {
		y.t.Fatal(err)
	}
	return string(text)
}

// value is the value of the only series of a metric that has these words.
func (y *yard) value(name string, words ...string) string {
	y.t.Helper()
	found := "absent"
	for line := range strings.Lines(y.metrics()) {
		if !strings.HasPrefix(line, name+"{") {
			continue
		}
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if !all {
			continue
		}
		if found != "absent" {
			y.t.Fatalf("%s%v has more than one series", name, words)
		}
		found = strings.TrimSpace(line[strings.LastIndexByte(line, ' '):])
	}
	return found
}

// is compares a metric with what it should say; "absent" if nothing.
func (y *yard) is(want, name string, words ...string) {
	y.t.Helper()
	if got := y.value(name, words...); got != want {
		y.t.Errorf("%s%v is %s, want %s", name, words, got, want)
	}
}

func (y *yard) job(machine string) exporters.Job {
	y.t.Helper()
	for _, j := range y.poller.View().Jobs {
		if j.Machine == machine {
			return *j
		}
	}
	y.t.Fatalf("no job of %s", machine)
	return exporters.Job{}
}

func seconds(t time.Time) string {
	text, _ := json.Marshal(float64(t.UnixMilli()) / 1000)
	var f float64
	_ = json.Unmarshal(text, &f)
	return fmt.Sprint(f)
}

// told is a source that says what a test tells it.
type told func(context.Context) (exporters.Snapshot, error)

func (f told) Fetch(ctx context.Context) (exporters.Snapshot, error) { return f(ctx) }

// 1: every spelling of a time, sentinels, clocks that run ahead, and the hours
// that a change of the clock repeats or skips.
func TestPitfall01Times(t *testing.T) {
	y := newYard(t)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	var jobs []exporters.Job
	y.poll("test", told(func(context.Context) (exporters.Snapshot, error) { return exporters.Snapshot{Jobs: jobs}, nil }), nil)
	end := time.Date(2026, 3, 9, 20, 0, 48, 0, time.UTC)
	spellings := []string{`"2026-03-09T20:00:48Z"`, `"2026-03-09T21:00:48.000000001+01:00"`, `"2026-03-09T20:00:48.123456789"`, `"Mon, 09 Mar 2026 20:00:48 +0000"`,
		`1773086448`, `1773086448000000000`, `"/Date(1773086448000)/"`, `"/Date(1773086448000+0100)/"`}
	add := func(id, spelling string, in *time.Location) {
		var at exporters.Instant
		if err := json.Unmarshal([]byte(spelling), &at); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, exporters.Job{ID: id, Machine: id, Runs: []exporters.Run{{ID: "1", End: at.In(in), Result: exporters.Success}}})
	}
	for i, s := range spellings {
		add(fmt.Sprint("spelling-", i), s, time.UTC)
	}
	for i, s := range []string{`"1900-01-01T00:00:00"`, `"1601-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`, `0`, `null`, `"yesterday"`} {
		add(fmt.Sprint("never-", i), s, time.UTC)
	}
	add("ahead", `"2027-03-09T20:00:48Z"`, time.UTC)
	add("repeated", `"2025/10/26 02:30"`, paris) // twice that night
	add("skipped", `"2025/03/30 02:30"`, paris)  // never that night
	add("winter", `"2023/12/18 14:51"`, paris)
	y.refresh()
	for i := range spellings {
		if got := y.job(fmt.Sprint("spelling-", i)).LastSuccess; got.Unix() != end.Unix() {
			t.Errorf("%s is %v", spellings[i], got)
		}
	}
	for i := range 6 {
		y.is("absent", "backup_job_last_success_timestamp_seconds", fmt.Sprintf(`"never-%d"`, i))
		y.is("absent", "backup_job_last_run_timestamp_seconds", fmt.Sprintf(`"never-%d"`, i))
	}
	y.is(seconds(y.clock.Now()), "backup_job_last_success_timestamp_seconds", `"ahead"`)
	y.is("1", "backup_source_unknown_values_total", "run_in_future")
	y.next(time.Hour) // the same claim does not grow younger
	y.is(seconds(y.clock.Now().Add(-time.Hour)), "backup_job_last_success_timestamp_seconds", `"ahead"`)
	for id, want := range map[string]time.Time{"repeated": time.Date(2025, 10, 26, 0, 30, 0, 0, time.UTC), "skipped": time.Date(2025, 3, 30, 1, 30, 0, 0, time.UTC), "winter": time.Date(2023, 12, 18, 13, 51, 0, 0, time.UTC)} {
		if got := y.job(id).LastSuccess; got.Sub(want).Abs() > time.Hour || id == "winter" && !got.Equal(want) {
			t.Errorf("%s: %v, want %v within the hour that is in doubt", id, got, want)
		}
	}
}

// 2: a job that runs has no result; it keeps the one it had.
func TestPitfall02RunningJobKeepsItsResult(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{})
	_, _, ids := estate(sim, "SRV-AD")
	success := y.clock.Now()
	y.clock.Advance(time.Hour)
	sim.FailBackup(ids[0], "no space")
	y.refresh()
	y.clock.Advance(time.Hour)
	sim.StartBackup(ids[0])
	since := y.clock.Now()
	y.next(10 * time.Hour)
	y.is("1", "backup_job_running")
	y.is(seconds(since), "backup_job_running_since_timestamp_seconds")
	y.is("3", "backup_job_last_result")
	y.is(seconds(success), "backup_job_last_success_timestamp_seconds")
	sim.SucceedBackup(ids[0])
	y.next(time.Minute)
	y.is("0", "backup_job_running")
	y.is("absent", "backup_job_running_since_timestamp_seconds")
	y.is("1", "backup_job_last_result")

	// A product that says nothing of the run before while the next one runs.
	y = newYard(t)
	job := exporters.Job{ID: "j", Runs: []exporters.Run{{ID: "1", Start: y.clock.Now().Add(-time.Minute), End: y.clock.Now(), Result: exporters.Failed, Size: exporters.Told(7)}}}
	y.poll("test", told(func(context.Context) (exporters.Snapshot, error) {
		return exporters.Snapshot{Jobs: []exporters.Job{job}}, nil
	}), nil)
	y.refresh()
	ended := seconds(y.clock.Now())
	job.Runs, job.Running, job.RunningSince = nil, true, y.clock.Now()
	y.next(24 * time.Hour)
	y.is("1", "backup_job_running")
	y.is("3", "backup_job_last_result")
	y.is("1", "backup_job_consecutive_failures")
	y.is("7", "backup_job_last_size_bytes")
	y.is(ended, "backup_job_last_run_timestamp_seconds")
}

// 3: the tries of one night are one failure, whatever their number.
func TestPitfall03RetriesAreOneFailure(t *testing.T) {
	y := newYard(t)
	sim := veeamemsim.New(veeamemsim.Options{Now: y.clock.Now, Password: pitfallSecret})
	c := &veeamem.Config{}
	c.Remote.URL, c.RequestsPerSecond, c.Username, c.PasswordFile, c.Customer = y.serve(sim), 1e6, "sim-user", filepath.Join(y.dir, "secret"), "dupont"
	if err := c.Validate(""); err != nil {
		t.Fatal(err)
	}
	source, err := veeamem.New(c, y.env())
	y.poll("veeam", source, err)
	job := sim.NewID()
	run := func(retry bool, result string) {
		se := sim.Start(job, "All VMs", retry)
		y.clock.Advance(time.Minute)
		sim.Finish(se, result, "", map[string]string{"SRV-SQL": result})
		y.next(time.Minute)
	}
	run(false, "Success")
	y.clock.Advance(24 * time.Hour)
	for try := range 3 {
		run(try > 0, "Failed")
		y.is("1", "backup_job_consecutive_failures")
	}
	run(true, "Success")
	y.is("0", "backup_job_consecutive_failures")
	y.is("1", "backup_job_last_result")
}

// 4: a run with remarks counts as a success if so configured, and is seen to
// be one with remarks in any case.
func TestPitfall04Warning(t *testing.T) {
	for _, counts := range []bool{true, false} {
		y := newYard(t)
		sim := y.veeam(counts)
		sim.AddJob(veeamsim.Job{Name: "AD", Objects: []string{"srv-ad"}})
		sim.SucceedBackup("srv-ad")
		y.next(time.Minute)
		first := y.value("backup_job_last_success_timestamp_seconds")
		y.clock.Advance(24 * time.Hour)
		sim.WarnBackup("srv-ad", "a disk was skipped")
		y.next(time.Minute)
		y.is("2", "backup_job_last_result")
		if moved := y.value("backup_job_last_success_timestamp_seconds") != first; moved != counts {
			t.Errorf("the last success moved: %v, configured: %v", moved, counts)
		}
	}
}

// 5: a plan that is switched off stays visible, as switched off.
func TestPitfall05DisabledPlan(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{})
	_, plan, _ := estate(sim, "SRV-AD")
	y.refresh()
	y.is("1", "backup_job_enabled")
	sim.SetPlanEnabled(plan, false)
	for range 4 {
		y.next(2 * time.Hour)
	}
	y.is("0", "backup_job_enabled")
	y.is("1", "backup_job_info", `machine="SRV-AD"`)
}

// 6: what never ran has no time; 0 would be a success in 1970.
func TestPitfall06NeverRun(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{})
	_, plan, _ := estate(sim)
	tenant := sim.AddCustomer("Martin")
	sim.AddMachine(acronissim.Machine{Tenant: tenant, Name: "NEW", Class: acronissim.Server, Plans: []string{plan}})
	y.refresh()
	y.is("1", "backup_job_info", `machine="NEW"`)
	y.is("1", "backup_job_enabled")
	y.is("0", "backup_job_last_result")
	for _, name := range []string{"backup_job_last_success_timestamp_seconds", "backup_job_last_run_timestamp_seconds", "backup_job_last_duration_seconds"} {
		y.is("absent", name)
	}
}

// 7: a deleted machine goes, but only after complete listings, and is
// remembered as vanished.
func TestPitfall07DeletedMachine(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{})
	_, _, ids := estate(sim, "SRV-AD", "SRV-B")
	y.refresh()
	sim.DeleteMachine(ids[1])
	sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.HalfPage, Times: -1})
	for range 5 {
		y.clock.Advance(2 * time.Hour)
		if err := y.poller.Refresh(t.Context()); err == nil {
			t.Fatal("half a listing was taken for a whole one")
		}
	}
	y.is("1", "backup_job_info", `machine="SRV-B"`)
	sim.Orders.Clear()
	for range exporters.DefaultGrace {
		y.next(2 * time.Hour)
		y.is("1", "backup_job_info", `machine="SRV-B"`)
	}
	y.next(2 * time.Hour)
	y.is("absent", "backup_job_info", `machine="SRV-B"`)
	y.is("absent", "backup_job_last_result", "SRV-B")
	y.is("1", "backup_job_info", `machine="SRV-AD"`)
	if y.value("backup_vanished_timestamp_seconds", `machine="SRV-B"`) == "absent" {
		t.Error("nobody remembers the machine")
	}
}

// 8: a workstation that is switched off missed its backup; nothing failed.
func TestPitfall08PoweredOff(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{})
	tenant, plan, _ := estate(sim)
	pc := sim.AddMachine(acronissim.Machine{Tenant: tenant, Name: "PC-LEA", Class: acronissim.Workstation, Plans: []string{plan}})
	sim.SucceedBackup(pc)
	y.refresh()
	success, run := y.value("backup_job_last_success_timestamp_seconds"), y.value("backup_job_last_run_timestamp_seconds")
	y.is("1", "backup_agent_online")
	y.clock.Advance(24 * time.Hour)
	sim.MissBackup(pc)
	y.next(time.Minute)
	y.is("5", "backup_job_last_result")
	y.is("0", "backup_agent_online")
	y.is("1", "backup_job_info", `machine_class="workstation"`)
	y.is(success, "backup_job_last_success_timestamp_seconds")
	y.is(run, "backup_job_last_run_timestamp_seconds")
}

// 9: units belong to their customer, a renamed customer keeps its series, and
// one that is refused does not fail the others.
func TestPitfall09Tenants(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{})
	tenant, plan, _ := estate(sim, "SRV-AD")
	unit := sim.AddUnit(tenant, "Agence Lyon")
	pc := sim.AddMachine(acronissim.Machine{Tenant: unit, Name: "PC-LYON", Class: acronissim.Workstation, Plans: []string{plan}})
	sim.SucceedBackup(pc)
	sim.HideTenant(sim.AddCustomer("Serves itself"))
	y.refresh()
	series := func() string {
		var b strings.Builder
		for line := range strings.Lines(y.metrics()) {
			if strings.HasPrefix(line, "backup_job_") && !strings.HasPrefix(line, "backup_job_info") {
				b.WriteString(line[:strings.LastIndexByte(line, ' ')+1])
			}
		}
		return b.String()
	}
	y.is("1", "backup_job_info", `customer="dupont"`, `machine="PC-LYON"`)
	before := series()
	sim.RenameTenant(tenant, "Dupont et Fils")
	for range 3 {
		y.next(2 * time.Hour)
	}
	y.is("1", "backup_job_info", `customer="dupont"`, `customer_name="Dupont et Fils"`, `machine="SRV-AD"`)
	if series() != before {
		t.Error("a new name of a customer changed more than backup_job_info")
	}
	sim.SetTenantEnabled(tenant, false)
	for range 3 {
		y.next(2 * time.Hour)
	}
	y.is("0", "backup_job_enabled", y.job("SRV-AD").ID)
}

// 10: names of any kind, and twice the same.
func TestPitfall10Names(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{})
	long := strings.Repeat("é", 400)
	_, _, ids := estate(sim, "SRV\\\"1\"\nx", "  blanks  ", "服务器 🖥", "SAME", "SAME", "caf\xe9", long)
	sim.FailBackup(ids[4], "only the second")
	y.next(time.Minute)
	m := y.metrics()
	for _, want := range []string{`machine="SRV\\\"1\"\nx"`, `machine="blanks"`, `machine="服务器 🖥"`, "machine=\"caf\uFFFD\"", `machine="` + strings.Repeat("é", 256) + `"`} {
		if !strings.Contains(m, want) {
			t.Errorf("no %s", want)
		}
	}
	if got := strings.Count(m, `machine="SAME",machine_class`); got != 2 {
		t.Errorf("%d jobs of the two machines of one name", got)
	}
	y.is("1", "backup_job_last_result", ids[3])
	y.is("3", "backup_job_last_result", ids[4])

	// What comes from files and event logs was never JSON.
	y = newYard(t)
	y.poll("test", told(func(context.Context) (exporters.Snapshot, error) {
		return exporters.Snapshot{Jobs: []exporters.Job{{ID: "caf\xe9", Customer: "c\xe9", Machine: "Compta\x82", Plan: "\xff"}}}, nil
	}), nil)
	y.refresh()
	y.is("1", "backup_job_info", "job_id=\"caf\uFFFD\"", "machine=\"Compta\uFFFD\"", "plan=\"\uFFFD\"")
}

// 11: a token that ends in the middle of a listing is renewed once, and the
// same page is asked again; the second refusal is an error. No token is told.
func TestPitfall11TokenEndsInTheMiddle(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{PageSize: 2})
	estate(sim, "A", "B", "C", "D", "E")
	sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.ExpireTokens, Skip: 1, Times: 1})
	y.refresh()
	if got := len(y.poller.View().Jobs); got != 5 {
		t.Errorf("%d jobs, want 5", got)
	}
	if got := sim.Requests("token"); got != 2 {
		t.Errorf("%d tokens were asked for, want 2", got)
	}
	tokens := sim.Tokens()
	sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: misbehave.ExpireTokens, Times: -1})
	y.clock.Advance(2 * time.Hour)
	err := y.poller.Refresh(t.Context())
	if exporters.ReasonOf(err) != exporters.ReasonAuth {
		t.Fatalf("refused again and again: %v", err)
	}
	y.is("0", "backup_source_up")
	for _, secret := range append(append(tokens, sim.Tokens()...), pitfallSecret) {
		if strings.Contains(y.log.String()+err.Error()+y.metrics(), secret) {
			t.Errorf("%s is told", secret)
		}
	}
}

// 12: whatever breaks in the middle of a listing, the last complete one stays.
func TestPitfall12PartialListing(t *testing.T) {
	for name, fault := range map[string]misbehave.Fault{"HTML": misbehave.HTML, "truncated": misbehave.TruncatedJSON, "cut": misbehave.CutConnection, "half a page": misbehave.HalfPage,
		"cursor loop": misbehave.RepeatCursor, "500": misbehave.ServerError, "429": misbehave.TooManyRequests} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			sim := y.acronis(acronissim.Options{PageSize: 2})
			estate(sim, "A", "B", "C", "D", "E")
			y.refresh()
			refreshed := y.value("backup_source_last_refresh_timestamp_seconds")
			sim.Orders.Add(misbehave.Order{Endpoint: "resource_statuses", Fault: fault, Skip: 1, Times: -1})
			for range exporters.DefaultGrace + 2 {
				y.clock.Advance(2 * time.Hour)
				if err := y.poller.Refresh(t.Context()); err == nil {
					t.Fatal("no error")
				}
			}
			y.is("0", "backup_source_up")
			y.is(refreshed, "backup_source_last_refresh_timestamp_seconds")
			if got := strings.Count(y.metrics(), "\nbackup_job_info{"); got != 5 {
				t.Errorf("%d jobs left", got)
			}
			sim.Orders.Clear()
			y.next(2 * time.Hour)
			y.is("1", "backup_source_up")
		})
	}
}

// 13: one service writes ids in upper case and another in lower case, and
// revisions spell the words of results differently.
func TestPitfall13CaseOfIDsAndWords(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{})
	_, _, ids := estate(sim, "SRV-AD", "SRV-B")
	y.refresh()
	y.clock.Advance(time.Hour)
	sim.MissBackup(ids[0]) // known from an alert alone, whose ids are in upper case
	y.next(time.Minute)
	y.is("5", "backup_job_last_result", ids[0])
	y.is("1", "backup_job_last_result", ids[1])

	y = newYard(t)
	server := y.veeam(true)
	good := server.AddJob(veeamsim.Job{Name: "A", Objects: []string{"srv-a"}})
	odd := server.AddJob(veeamsim.Job{Name: "B", Objects: []string{"srv-b"}})
	server.FinishJobWith(good, "sUCCESS")
	server.FinishJobWith(odd, "splendid")
	y.next(time.Minute)
	y.is("1", "backup_job_last_result", good)
	y.is("0", "backup_job_last_result", odd)
	y.is("absent", "backup_job_last_success_timestamp_seconds", odd)
	if !strings.Contains(y.metrics(), "\nbackup_source_unknown_values_total{source=\"s\",") {
		t.Error("the unknown word is not counted")
	}
}

// 14: numbers above 2^53 keep all their digits, and sizes may be texts.
func TestPitfall14LargeNumbers(t *testing.T) {
	y := newYard(t)
	var answer []struct {
		ID   exporters.Text `json:"id"`
		Size exporters.Text `json:"size"`
	}
	api := y.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"id":9007199254740993,"size":"5497558138880"},{"id":9007199254740992,"size":2147942667},{"id":1634702033410387969,"size":null}]`)
	}))
	client := httpclient.New(httpclient.Options{BaseURL: api.URL, Now: y.clock.Now})
	y.poll("test", told(func(ctx context.Context) (s exporters.Snapshot, err error) {
		if err := client.GetJSON(ctx, "jobs", "/", nil, nil, &answer); err != nil {
			return s, err
		}
		for _, a := range answer {
			run := exporters.Run{ID: string(a.ID), End: y.clock.Now(), Result: exporters.Success}
			run.Size = exporters.ParseAmount(string(a.Size))
			s.Jobs = append(s.Jobs, exporters.Job{ID: string(a.ID), Runs: []exporters.Run{run}})
		}
		return s, nil
	}), nil)
	y.refresh()
	y.is("5.49755813888e+12", "backup_job_last_size_bytes", `"9007199254740993"`)
	y.is("2.147942667e+09", "backup_job_last_size_bytes", `"9007199254740992"`)
	y.is("absent", "backup_job_last_size_bytes", `"1634702033410387969"`)
	y.is("1", "backup_job_last_result", `"1634702033410387969"`)
}

// 15: the difference of the clocks is told.
func TestPitfall15ClockSkew(t *testing.T) {
	y := newYard(t)
	sim := y.acronis(acronissim.Options{Now: func() time.Time { return y.clock.Now().Add(-37 * time.Minute) }})
	estate(sim, "SRV-AD")
	y.refresh()
	y.is("-2220", "backup_source_clock_skew_seconds")
}

// 16: a product that hangs delays no scrape.
func TestPitfall16SlowProduct(t *testing.T) {
	y := newYard(t)
	hangs, release := make(chan struct{}), make(chan struct{})
	slow := false
	y.poll("test", told(func(ctx context.Context) (exporters.Snapshot, error) {
		if slow {
			close(hangs)
			<-release
		}
		return exporters.Snapshot{Jobs: []exporters.Job{{ID: "j", Machine: "M"}}}, nil
	}), nil)
	y.refresh()
	slow = true
	var wg sync.WaitGroup
	wg.Go(func() { _ = y.poller.Refresh(context.Background()) })
	<-hangs
	// The product answers only after this; a scrape that asked it would never end.
	y.is("1", "backup_job_info", `machine="M"`)
	y.is("1", "backup_source_up")
	close(release)
	wg.Wait()
}

// 17: pushed results come twice, late and from strangers, or not at all.
func TestPitfall17Push(t *testing.T) {
	y := newYard(t)
	const dupont, martin = "dupont-token-0123456789", "martin-token-0123456789"
	c := &push.Config{Folder: filepath.Join(y.dir, "push"), Customers: map[string]*push.Customer{
		"dupont": {TokenFile: y.file("dupont", dupont)}, "martin": {TokenFile: y.file("martin", martin)}}}
	if err := c.Validate(""); err != nil {
		t.Fatal(err)
	}
	source, err := push.New(c, y.env())
	y.poll(push.Engine, source, err)
	h := push.Handler(func() []*push.Source { return []*push.Source{source} })
	send := func(token, run, result string, ago time.Duration, extra string) int {
		body := fmt.Sprintf(`{"run_id":%q,"job_id":"home","machine":"SRV-AD","result":%q,"ended_at":%q%s}`, run, result, y.clock.Now().Add(-ago).Format(time.RFC3339), extra)
		r := httptest.NewRequest(http.MethodPost, push.Path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if got := send(dupont, "5", "failed", 2*time.Hour, ""); got != http.StatusOK {
		t.Fatal(got)
	}
	y.refresh()
	arrived := y.value("backup_job_received_timestamp_seconds")
	if arrived != seconds(y.clock.Now()) {
		t.Errorf("received %s", arrived)
	}
	// A replay, two late runs in the wrong order, and a late failure of old.
	y.clock.Advance(time.Minute)
	for _, r := range []struct {
		run, result string
		ago         time.Duration
	}{{"5", "failed", 2*time.Hour + time.Minute}, {"4", "failed", 3 * time.Hour}, {"2", "success", 5 * time.Hour}, {"3", "missed", 4 * time.Hour}, {"1", "failed", 6 * time.Hour}} {
		if got := send(dupont, r.run, r.result, r.ago, ""); got != http.StatusOK {
			t.Errorf("run %s: %d", r.run, got)
		}
		y.refresh()
	}
	y.is("3", "backup_job_consecutive_failures")
	y.is("3", "backup_job_last_result")
	y.is(seconds(y.clock.Now().Add(-5*time.Hour)), "backup_job_last_success_timestamp_seconds")
	// Silence: nothing is invented, and its age can be told.
	y.next(100 * time.Hour)
	y.is(arrived, "backup_job_received_timestamp_seconds")
	if got := send("stranger-token-0123456789", "6", "success", 0, ""); got != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", got)
	}
	if got := send(martin, "6", "success", 0, `,"customer":"dupont"`); got != http.StatusForbidden {
		t.Errorf("another customer: %d", got)
	}
	y.refresh()
	y.is("3", "backup_job_last_result", `customer="dupont"`)
}
