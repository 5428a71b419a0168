package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver/evidence"
	"vigie/rules/model"
)

// fleetOfTwo is two backup_exporters that read the same product, each scraped for one
// half of the customers: by one Prometheus, or by an agent each that hands on to it.
type fleetOfTwo struct {
	*Lab
	t         *testing.T
	dir       string
	group     *Group
	exporters [2]Program
	ports     [2]*Port
	agents    [2]Program // none where one Prometheus scrapes both
	central   *Port      // which answers questions
	rules     *Port      // which says what fires
	second    *Port      // another Prometheus of a pair
	halves    [2]string  // a server of each, as customer/machine
}

// pace is that of scraping and evaluating here.
const pace = 3

// Two exporters share the customers, one is killed: what is told of its customers
// stands, somebody hears that it is gone, and the other's customers go on; when it is
// back all goes on. The same with Prometheus agents before a central Prometheus, with the
// configurations of deploy/prometheus.
func TestShards(t *testing.T) {
	if os.Getenv("VIGIE_FAULTS") != "long" {
		t.Skip("ten minutes long; VIGIE_FAULTS=long plays it")
	}
	for name, start := range map[string]func(*fleetOfTwo){"one Prometheus": (*fleetOfTwo).startPrometheus, "agents": (*fleetOfTwo).startAgents} {
		t.Run(name, func(t *testing.T) { t.Parallel(); newFleetOfTwo(t, start).exporterKilled() })
	}
}

// A killed agent: what is told of its customers stands, somebody hears of it, and the
// other's go on; when it is back with its log all goes on, and nothing is there twice. The same
// with vmagent before VictoriaMetrics, where `make engines` has built them.
func TestAgentKilled(t *testing.T) {
	if os.Getenv("VIGIE_FAULTS") != "long" {
		t.Skip("ten minutes long; VIGIE_FAULTS=long plays it")
	}
	for name, start := range map[string]func(*fleetOfTwo){"Prometheus": (*fleetOfTwo).startAgents, "VictoriaMetrics": (*fleetOfTwo).startVictoriaMetrics} {
		t.Run(name, func(t *testing.T) { t.Parallel(); newFleetOfTwo(t, start).agentKilled() })
	}
}

// Two exporters read the same whole, each scraped by two Prometheus: a failure is one
// alert and one failure; while one of the exporters is killed nothing but that is missing.
func TestPairOfExporters(t *testing.T) {
	if os.Getenv("VIGIE_FAULTS") != "long" {
		t.Skip("minutes long; VIGIE_FAULTS=long plays it")
	}
	newFleetOfTwo(t, (*fleetOfTwo).startPair).oneOfPairKilled()
}

func newFleetOfTwo(t *testing.T, start func(*fleetOfTwo)) *fleetOfTwo {
	t.Helper()
	f, l := files(t, "lab")
	f.Sources = slices.DeleteFunc(f.Sources, func(s SourceState) bool { return s.Kind != "acronis" })
	l.stopped = make(chan struct{})
	ca, err := l.serveProducts(t.Context())
	if err == nil {
		err = f.Write(ca)
	}
	if err != nil {
		t.Fatal(err)
	}
	x := &fleetOfTwo{Lab: l, t: t, dir: f.Data, group: NewGroup(f.Path("log"))}
	t.Cleanup(func() {
		x.group.Stop(context.Background())
		for _, s := range l.servers {
			_ = s.Close()
		}
		_ = l.Inbox.Close()
	})
	exporter := filepath.Join(t.TempDir(), "backup_exporter")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", exporter, "vigie/cmd/backup_exporter").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	text := x.read(f.ConfigFile("backup_exporter")) // the inventory names one exporter, which is neither of these
	x.write("exporter.yml", regexp.MustCompile(`(?m)^inventory:.*$`).ReplaceAllString(text, ""))
	x.central = x.take()
	for i := range 2 {
		x.ports[i] = x.take()
		x.exporters[i] = Program{Name: fmt.Sprint("exporter-", i), Path: exporter, Args: []string{"--config.file=" + x.path("exporter.yml"),
			"--storage.path=" + x.path(fmt.Sprint("state-", i)), "--web.listen-address=" + x.ports[i].Addr()}}
		x.run(x.exporters[i])
	}
	x.rules = x.central
	start(x)
	return x
}

// shipped is a configuration of deploy/prometheus, at another pace.
func (x *fleetOfTwo) shipped(name string) string {
	return strings.NewReplacer("scrape_interval: 1m", fmt.Sprintf("scrape_interval: %ds", pace), "evaluation_interval: 30s", fmt.Sprintf("evaluation_interval: %ds", pace),
		"../../alerting-rules", filepath.Join(x.Files.Root, "alerting-rules")).Replace(x.read(filepath.Join(x.Files.Root, "deploy", "prometheus", name)))
}

// agent is the configuration of the agent beside one of the exporters.
func (x *fleetOfTwo) agent(i int) string {
	agent := x.shipped("agent.yml")
	for was, now := range map[string]string{
		"https://prometheus.msp.example": x.central.URL("http"), "127.0.0.1:9891": x.ports[i].Addr(), "[1/2]": fmt.Sprintf("[%d/2]", i), "exporter-1": fmt.Sprint("exporter-", i)} {
		if !strings.Contains(agent, was) {
			x.t.Fatalf("agent.yml does not say %q any more", was)
		}
		agent = strings.ReplaceAll(agent, was, now)
	}
	return agent
}

// startPrometheus has one Prometheus scrape both.
func (x *fleetOfTwo) startPrometheus() {
	central := x.shipped("central.yml")
	for i := range 2 {
		_, job, _ := strings.Cut(x.agent(i), "scrape_configs:\n")
		central += "\n" + strings.Replace(job, "job_name: backup_exporter", fmt.Sprintf("job_name: exporter_%d\n    relabel_configs: [{target_label: job, replacement: backup_exporter}]", i), 1)
	}
	x.startCentral(central)
}

// startCentral runs the Prometheus with the rules. What is left behind is seen for a
// minute instead of five.
func (x *fleetOfTwo) startCentral(config string, more ...string) {
	x.write("central.yml", config)
	x.run(Program{Name: "central", Path: tool(x.t, "prometheus"), Args: append(more, "--config.file="+x.path("central.yml"), "--storage.tsdb.path="+x.path("central"),
		"--web.listen-address="+x.central.Addr(), "--query.lookback-delta=1m")})
}

// startAgents has an agent scrape each, and hand it on to a central Prometheus.
func (x *fleetOfTwo) startAgents() {
	x.startCentral(x.shipped("central.yml"), "--web.enable-remote-write-receiver")
	for i := range 2 {
		name := fmt.Sprintf("agent-%d", i)
		x.write(name+".yml", x.agent(i))
		x.agents[i] = Program{Name: name, Path: tool(x.t, "prometheus"), Args: []string{"--agent", "--config.file=" + x.path(name+".yml"), "--storage.agent.path=" + x.path(name), "--web.listen-address=" + x.free()}}
		x.run(x.agents[i])
	}
}

// startVictoriaMetrics is startAgents with vmagent, VictoriaMetrics and vmalert, whose
// step of a query is for how long it sees what is left behind.
func (x *fleetOfTwo) startVictoriaMetrics() {
	engine := func(name string) string {
		program := filepath.Join(x.Files.Root, ".cache", "engines", name)
		if _, err := os.Stat(program); err != nil {
			x.t.Skip("make engines builds it: ", err)
		}
		return program
	}
	convert := exec.Command("go", "-C", filepath.Join(x.Files.Root, "tools"), "run", "-buildvcs=false", "./vmalert", "-vigie", "https://vigie.msp.example", "-out", x.path("rules"), filepath.Join(x.Files.Root, "alerting-rules"))
	if out, err := convert.CombinedOutput(); err != nil {
		x.t.Fatalf("the rules for vmalert: %v\n%s", err, out)
	}
	store := x.central.URL("http")
	x.rules = x.take()
	x.run(Program{Name: "victoria-metrics", Path: engine("victoria-metrics"), Args: []string{"-storageDataPath=" + x.path("data"), "-httpListenAddr=" + x.central.Addr(), "-search.latencyOffset=0s",
		"-inmemoryDataFlushInterval=1s", "-search.disableCache", "-loggerLevel=ERROR", "-memory.allowedBytes=256MB"}})
	x.run(Program{Name: "vmalert", Path: engine("vmalert"), Args: []string{"-rule=" + x.path("rules/*.yml"), "-datasource.url=" + store, "-remoteWrite.url=" + store, "-remoteRead.url=" + store,
		"-remoteWrite.flushInterval=500ms", "-notifier.blackhole", "-httpListenAddr=" + x.rules.Addr(), fmt.Sprintf("-evaluationInterval=%ds", pace), "-datasource.queryStep=1m", "-rule.evalDelay=4s", "-disableAlertgroupLabel", "-loggerLevel=ERROR"}})
	for i := range 2 {
		name := fmt.Sprintf("agent-%d", i)
		global, scraped, _ := strings.Cut(x.agent(i), "remote_write:") // vmagent is told by a flag where to hand on
		x.write(name+".yml", global+scraped[strings.Index(scraped, "scrape_configs:"):])
		x.agents[i] = Program{Name: name, Path: engine("vmagent"), Args: []string{"-promscrape.config=" + x.path(name+".yml"), "-remoteWrite.url=" + store + "/api/v1/write",
			"-remoteWrite.tmpDataPath=" + x.path(name), "-httpListenAddr=" + x.free(), "-loggerLevel=ERROR"}}
		x.run(x.agents[i])
	}
}

// startPair has two Prometheus, told apart by an external label, scrape both exporters
// whole.
func (x *fleetOfTwo) startPair() {
	x.rules, x.second = x.central, x.take()
	for i, p := range []*Port{x.central, x.second} {
		config := strings.Replace(x.shipped("central.yml"), "global:\n", fmt.Sprintf("global:\n  external_labels: {prometheus_replica: prom-%d}\n", i), 1)
		for n := range 2 {
			_, job, _ := strings.Cut(x.agent(n), "scrape_configs:\n")
			job = strings.Replace(job, fmt.Sprintf("params: {shard: [%d/2]}", n), "", 1)
			config += "\n" + strings.Replace(job, "job_name: backup_exporter", fmt.Sprintf("job_name: exporter_%d\n    relabel_configs: [{target_label: job, replacement: backup_exporter}]", n), 1)
		}
		name := fmt.Sprintf("prometheus-%d", i)
		x.write(name+".yml", config)
		x.run(Program{Name: name, Path: tool(x.t, "prometheus"), Args: []string{"--config.file=" + x.path(name+".yml"), "--storage.tsdb.path=" + x.path(name),
			"--web.listen-address=" + p.Addr(), "--query.lookback-delta=1m"}})
	}
}

// onceEach makes sure that a machine's failure is one alert in each Prometheus, and as
// many failures in a row as each exporter says.
func (x *fleetOfTwo) onceEach(key string) {
	x.t.Helper()
	_, machine, _ := strings.Cut(key, "/")
	for _, p := range []*Port{x.central, x.second} {
		x.rules = p
		x.within("it is told", time.Minute, func() bool { return x.fires("BackupFailed", key) })
		if n := slices.DeleteFunc(x.alerts(), func(a string) bool { return a != "BackupFailed "+key }); len(n) != 1 {
			x.t.Errorf("%d alerts of %s", len(n), key)
		}
		ask := &asker{ports: Ports{Prometheus: p}, http: http.DefaultClient}
		said, err := ask.value(x.t.Context(), fmt.Sprintf("max(backup_job_consecutive_failures * on (source, customer, job_id, instance) group_left () backup_job_info{machine=%q,backup_role=\"primary\"})", machine))
		told, bad := ask.value(x.t.Context(), fmt.Sprintf("sum(backup_job:consecutive_failures:named{machine=%q,backup_role=\"primary\"})", machine))
		if err := errors.Join(err, bad); err != nil || said < 1 || told != said {
			x.t.Errorf("%v failures in a row are told of %s, an exporter says %v (%v)", told, key, said, err)
		}
	}
	x.rules = x.central
}

// oneOfPairKilled: nobody misses it but those who are to start it.
func (x *fleetOfTwo) oneOfPairKilled() {
	zero, one := x.bothFail()
	x.onceEach(zero)
	x.onceEach(one)
	x.group.Kill(x.exporters[1].Name)
	for _, m := range []string{zero, one} {
		x.happens(m, Repair)
	}
	nothingVanishes := func() {
		if x.fires("BackupMachineVanished", "") || x.fires("BackupSourceDown", "") {
			x.t.Errorf("one of two exporters was killed: %v", x.alerts())
		}
	}
	x.within("both repairs are proven, and somebody hears of the exporter", 6*time.Minute, func() bool {
		nothingVanishes()
		return x.fires("BackupExporterAbsent", "") && !x.fires("BackupFailed", zero) && !x.fires("BackupFailed", one) && x.proven(zero) && x.proven(one)
	})
	x.run(x.exporters[1])
	x.within("it is back", 4*time.Minute, func() bool {
		nothingVanishes()
		return !x.fires("BackupExporterAbsent", "") && !x.fires("BackupFailed", "")
	})
}

// bothFail has a server of each half fail, and returns them.
func (x *fleetOfTwo) bothFail() (zero, one string) {
	x.find()
	zero, one = x.halves[0], x.halves[1]
	x.t.Logf("figure: %s is in part 0, %s in part 1", zero, one)
	for _, m := range x.halves {
		x.happens(m, FailPrimary)
	}
	x.within("both are told", 4*time.Minute, func() bool { return x.fires("BackupFailed", zero) && x.fires("BackupFailed", one) })
	return zero, one
}

func (x *fleetOfTwo) exporterKilled() {
	zero, one := x.bothFail()
	x.group.Kill(x.exporters[1].Name)
	x.away("exporter-1 was killed", "BackupExporterAbsent", zero, one)
	x.run(x.exporters[1])
	x.backAgain("BackupExporterAbsent", one)
}

func (x *fleetOfTwo) agentKilled() {
	zero, one := x.bothFail()
	series := x.count("count(backup_job_last_run_timestamp_seconds)")
	x.group.Kill(x.agents[1].Name)
	x.away("agent-1 was killed", "BackupSourceDown", zero, one)
	x.run(x.agents[1])
	x.backAgain("BackupSourceDown", one)
	if again := x.count("count(backup_job_last_run_timestamp_seconds)"); again != series {
		x.t.Errorf("%v jobs before the agent was killed, %v now that it is back", series, again)
	}
}

// backAgain is when the second half is read again.
func (x *fleetOfTwo) backAgain(absent, one string) {
	x.t.Helper()
	begun := time.Now()
	x.within("it is back, and what was repaired is over", 4*time.Minute, func() bool {
		if x.fires("BackupMachineVanished", "") {
			x.t.Errorf("it is back, and machines count as vanished: %v", x.alerts())
		}
		return !x.fires(absent, "") && !x.fires("BackupFailed", one) && x.proven(one)
	})
	x.t.Logf("figure: all is known again %.0f s after it is back: %v", time.Since(begun).Seconds(), x.alerts())
}

// count asks for the number that a query comes to.
func (x *fleetOfTwo) count(query string) float64 {
	x.t.Helper()
	n, err := (&asker{ports: Ports{Prometheus: x.central}, http: http.DefaultClient}).value(x.t.Context(), query)
	if err != nil || n == 0 {
		x.t.Errorf("%s: %v (%v)", query, n, err)
	}
	return n
}

// away is the time without the second half: both machines are repaired, and only that
// of the first half is known to be.
func (x *fleetOfTwo) away(what, absent, zero, one string) {
	x.t.Helper()
	begun := time.Now()
	for _, m := range []string{zero, one} {
		x.happens(m, Repair)
	}
	told := false
	x.within(what+": somebody hears of it, and the other half goes on", 10*time.Minute, func() bool {
		if !x.fires("BackupFailed", one) {
			x.t.Fatalf("%s, and what fails there counts as over: %v", what, x.alerts())
		}
		if x.fires("BackupMachineVanished", "") {
			x.t.Errorf("%s, and machines count as vanished: %v", what, x.alerts())
		}
		if !told && x.fires(absent, "") {
			told = true
			x.t.Logf("figure: %s: told after %.0f s", what, time.Since(begun).Seconds())
		}
		return told && !x.fires("BackupFailed", zero) && x.proven(zero)
	})
	if x.proven(one) {
		x.t.Errorf("%s, and a success that nobody could read is proven", what)
	}
	x.t.Logf("figure: %s: %v", what, x.alerts())
}

// find finds a server of each half, by what the exporters say to a scrape of it.
func (x *fleetOfTwo) find() {
	x.t.Helper()
	for i := range 2 {
		x.within("a server in each half", time.Minute, func() bool {
			a, err := http.Get(x.ports[i].URL("http") + "/metrics?" + url.Values{"shard": {fmt.Sprintf("%d/2", i)}}.Encode())
			if err != nil {
				return false
			}
			defer a.Body.Close()
			text, err := io.ReadAll(a.Body)
			if err != nil {
				return false
			}
			for _, m := range x.Fleet.Machines() {
				if m.Class == "server" && m.Primary != nil && m.Primary.Engine == "acronis" && strings.Contains(string(text), fmt.Sprintf("customer=%q", m.Customer)) {
					x.halves[i] = m.Key()
					return true
				}
			}
			return false
		})
	}
}

// proven asks what the receiver asks: whether a machine's backup was a success after it
// failed.
func (x *fleetOfTwo) proven(key string) bool {
	c, err := evidence.New(evidence.Options{URL: x.central.URL("http"), HTTP: http.DefaultClient})
	if err != nil {
		x.t.Fatal(err)
	}
	customer, machine, _ := strings.Cut(key, "/")
	other, err := c.Ask(x.t.Context(), evidence.Question{Other: &evidence.Other{Customer: customer, Names: []string{machine}, Role: "local", Expected: true}}, time.Now())
	return err == nil && other.Other != nil && other.Other.State == model.EvidenceOK && other.Other.LastSuccess.After(x.machine(key).Primary.LastGood.Add(-time.Second))
}

func (x *fleetOfTwo) machine(key string) *Machine {
	for _, m := range x.Fleet.Machines() {
		if m.Key() == key {
			return &m
		}
	}
	x.t.Fatalf("no %s", key)
	return nil
}

func (x *fleetOfTwo) happens(key string, what Event) {
	x.t.Helper()
	if err := x.Fleet.Machine(key, what, ""); err != nil {
		x.t.Fatal(err)
	}
}

// fires reports whether an alert fires about a machine; about anything where none is named.
func (x *fleetOfTwo) fires(name, key string) bool {
	return slices.ContainsFunc(x.alerts(), func(a string) bool {
		return strings.HasPrefix(a, name+" ") && strings.HasSuffix(a, key)
	})
}

// alerts are those that fire, each with its machine.
func (x *fleetOfTwo) alerts() (out []string) {
	ask := &asker{ports: Ports{Prometheus: x.rules}, http: http.DefaultClient}
	all, err := ask.Alerts(x.t.Context())
	if err != nil {
		return nil
	}
	for _, a := range all {
		if a.State == "firing" {
			out = append(out, a.Labels["alertname"]+" "+a.Labels["customer"]+"/"+a.Labels["machine"])
		}
	}
	slices.Sort(out)
	return out
}

func (x *fleetOfTwo) within(what string, limit time.Duration, test func() bool) {
	x.t.Helper()
	for end := time.Now().Add(limit); !test(); time.Sleep(time.Second) {
		if time.Now().After(end) {
			x.t.Fatalf("not within %s: %s; alerts: %v", limit, what, x.alerts())
		}
	}
}

func (x *fleetOfTwo) take() *Port {
	p, err := Reserve(0, true)
	if err != nil {
		x.t.Fatal(err)
	}
	p.Free()
	return p
}

func (x *fleetOfTwo) free() string { return x.take().Addr() }

func (x *fleetOfTwo) path(name string) string { return filepath.Join(x.dir, name) }

func (x *fleetOfTwo) read(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		x.t.Fatal(err)
	}
	return string(text)
}

func (x *fleetOfTwo) write(name, text string) {
	if err := os.WriteFile(x.path(name), []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
}

func (x *fleetOfTwo) run(p Program) {
	x.t.Helper()
	p.Dir = x.dir
	if err := errors.Join(os.MkdirAll(p.Dir, 0o700), x.group.Start(p)); err != nil {
		x.t.Fatal(err)
	}
}
