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
	"vigie/rules"
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
	agents    [2]Program
	central   *Port
	halves    [2]string // a server of each, as customer/machine
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
	t.Run("one Prometheus", func(t *testing.T) { t.Parallel(); newFleetOfTwo(t, false).play() })
	t.Run("agents", func(t *testing.T) { t.Parallel(); newFleetOfTwo(t, true).play() })
}

func newFleetOfTwo(t *testing.T, agents bool) *fleetOfTwo {
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
	x.startPrometheus(agents)
	return x
}

// startPrometheus runs what is shipped, at another pace and other addresses.
func (x *fleetOfTwo) startPrometheus(agents bool) {
	prometheus := tool(x.t, "prometheus")
	folder := filepath.Join(x.Files.Root, "deploy", "prometheus")
	quick := func(text string) string {
		return strings.NewReplacer("scrape_interval: 1m", fmt.Sprintf("scrape_interval: %ds", pace), "evaluation_interval: 30s", fmt.Sprintf("evaluation_interval: %ds", pace),
			"../../alerting-rules", filepath.Join(x.Files.Root, "alerting-rules")).Replace(text)
	}
	// What is left behind is seen for a minute instead of five.
	arguments := []string{"--config.file=" + x.path("central.yml"), "--storage.tsdb.path=" + x.path("central"), "--web.listen-address=" + x.central.Addr(), "--query.lookback-delta=1m"}
	central := quick(x.read(filepath.Join(folder, "central.yml")))
	for i := range 2 {
		agent := quick(x.read(filepath.Join(folder, "agent.yml")))
		for was, now := range map[string]string{
			"https://prometheus.msp.example": x.central.URL("http"), "127.0.0.1:9891": x.ports[i].Addr(), "[1/2]": fmt.Sprintf("[%d/2]", i), "exporter-1": fmt.Sprint("exporter-", i)} {
			if !strings.Contains(agent, was) {
				x.t.Fatalf("agent.yml does not say %q any more", was)
			}
			agent = strings.ReplaceAll(agent, was, now)
		}
		if !agents { // its jobs are the other's
			job := agent[strings.Index(agent, "scrape_configs:\n")+len("scrape_configs:\n"):]
			central += "\n" + strings.Replace(job, "job_name: backup_exporter", fmt.Sprintf("job_name: exporter_%d\n    relabel_configs: [{target_label: job, replacement: backup_exporter}]", i), 1)
			continue
		}
		name := fmt.Sprintf("agent-%d", i)
		x.write(name+".yml", agent)
		x.agents[i] = Program{Name: name, Path: prometheus, Args: []string{"--agent", "--config.file=" + x.path(name+".yml"), "--storage.agent.path=" + x.path(name), "--web.listen-address=" + x.free()}}
	}
	x.write("central.yml", central)
	if agents {
		arguments = append(arguments, "--web.enable-remote-write-receiver")
	}
	x.run(Program{Name: "central", Path: prometheus, Args: arguments})
	for _, a := range x.agents {
		if a.Path != "" {
			x.run(a)
		}
	}
}

func (x *fleetOfTwo) play() {
	x.find()
	zero, one := x.halves[0], x.halves[1]
	x.t.Logf("figure: %s is in part 0, %s in part 1", zero, one)
	for _, m := range x.halves {
		x.happens(m, FailPrimary)
	}
	x.within("both are told", 4*time.Minute, func() bool { return x.fires("BackupFailed", zero) && x.fires("BackupFailed", one) })
	x.group.Kill(x.exporters[1].Name)
	x.away("exporter-1 was killed", zero, one)
	x.run(x.exporters[1])
	x.within("it is back, and what was repaired is over", 4*time.Minute, func() bool {
		return !x.fires("BackupExporterAbsent", "") && !x.fires("BackupFailed", one) && x.proven(one)
	})
}

// away is the time without the second half: both machines are repaired, and only that
// of the first half is known to be.
func (x *fleetOfTwo) away(what, zero, one string) {
	x.t.Helper()
	begun := time.Now()
	for _, m := range []string{zero, one} {
		x.happens(m, Repair)
	}
	told := false
	x.within(what+": somebody hears of it, and the other half goes on", 6*time.Minute, func() bool {
		if !x.fires("BackupFailed", one) {
			x.t.Fatalf("%s, and what fails there counts as over: %v", what, x.alerts())
		}
		if x.fires("BackupMachineVanished", "") {
			x.t.Errorf("%s, and machines count as vanished: %v", what, x.alerts())
		}
		if !told && x.fires("BackupExporterAbsent", "") {
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
	return err == nil && other.Other != nil && other.Other.State == rules.EvidenceOK && other.Other.LastSuccess.After(x.machine(key).Primary.LastGood.Add(-time.Second))
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
	ask := &asker{ports: Ports{Prometheus: x.central}, http: http.DefaultClient}
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
	p, err := Take(0, true)
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
