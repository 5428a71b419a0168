package alertingrules

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// turn is how often rules are evaluated here; a run of them all is thirty times as
// long where they run for people.
const turn = 6 * time.Second

// A failed backup is told, goes on while its exporter is away, and ends with a
// success: in a Prometheus of Debian 12, in the pinned one, and in vmalert with
// VictoriaMetrics, each with the rules that are meant for it.
func TestEngines(t *testing.T) {
	if os.Getenv("VIGIE_ENGINES") == "" {
		t.Skip("long; make engines runs it")
	}
	ours, err := filepath.Abs("*.yml")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("Prometheus of Debian 12", func(t *testing.T) { t.Parallel(); onPrometheus(t, os.Getenv("PROMETHEUS_DEBIAN"), ours) })
	t.Run("Prometheus as pinned", func(t *testing.T) { t.Parallel(); onPrometheus(t, os.Getenv("PROMETHEUS"), ours) })
	t.Run("VictoriaMetrics and vmalert", func(t *testing.T) { t.Parallel(); onVictoriaMetrics(t) })
}

// away is an exporter that can fail.
type away struct {
	result atomic.Int64
	gone   atomic.Bool
}

func (a *away) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if a.gone.Load() {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	now, id := time.Now().Unix(), `source="s",customer="dupont",job_id="j"`
	success := now - 40000
	if a.result.Load() == 1 {
		success = now - 10
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "backup_source_up{source=\"s\"} 1\nbackup_source_last_refresh_timestamp_seconds{source=\"s\"} %d\nbackup_source_poll_interval_seconds{source=\"s\"} 300\n", now)
	// Two names of one job: a fault of a source, which must not make it flutter.
	for _, machine := range []string{"SRV-AD", "srv-ad"} {
		fmt.Fprintf(w, "backup_job_info{%s,machine=%q,machine_class=\"server\",backup_role=\"primary\",engine=\"acronis\",plan=\"daily\"} 1\n", id, machine)
	}
	fmt.Fprintf(w, "backup_job_last_result{%s} %d\nbackup_job_enabled{%s} 1\nbackup_job_running{%s} 0\nbackup_job_last_success_timestamp_seconds{%s} %d\nbackup_job_expected_interval_seconds{%s} 86400\n",
		id, a.result.Load(), id, id, id, success, id)
}

// play plays the story against what tells the alerts at an address.
func play(t *testing.T, exporter *away, alerts string) {
	t.Helper()
	firing := func() []string { return firingMachines(t, alerts) }
	within := func(limit time.Duration, what string, want func([]string) bool) {
		t.Helper()
		for end := time.Now().Add(limit); !want(firing()); time.Sleep(time.Second) {
			if time.Now().After(end) {
				t.Fatalf("%s: firing for %q after %s", what, firing(), limit)
			}
		}
	}
	one := func(found []string) bool { return len(found) == 1 }
	within(5*time.Minute, "a failed backup", one)
	name := firing()[0]
	exporter.gone.Store(true)
	for end := time.Now().Add(8 * turn); time.Now().Before(end); time.Sleep(time.Second) {
		if found := firing(); !one(found) || found[0] != name {
			t.Fatalf("the exporter is away, and BackupFailed fires for %q, before that for %q", found, name)
		}
	}
	exporter.gone.Store(false)
	for end := time.Now().Add(4 * turn); time.Now().Before(end); time.Sleep(time.Second) {
		if found := firing(); !one(found) {
			t.Fatalf("the exporter is back and tells of the same failure, and BackupFailed fires for %q", found)
		}
	}
	exporter.result.Store(1)
	within(2*time.Minute, "a success", func(found []string) bool { return len(found) == 0 })
}

// firingMachines are those for which BackupFailed fires.
func firingMachines(t *testing.T, address string) []string {
	t.Helper()
	a, err := http.Get("http://" + address + "/api/v1/alerts")
	if err != nil {
		return nil // not up yet
	}
	defer a.Body.Close()
	var answer struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels map[string]string
			}
		}
	}
	if err := json.NewDecoder(a.Body).Decode(&answer); err != nil {
		return nil
	}
	var found []string
	for _, x := range answer.Data.Alerts {
		if x.State == "firing" && x.Labels["alertname"] == "BackupFailed" {
			found = append(found, x.Labels["machine"])
		}
	}
	return found
}

func startExporter(t *testing.T) (*away, string) {
	t.Helper()
	exporter := &away{}
	exporter.result.Store(3)
	s := httptest.NewServer(exporter)
	t.Cleanup(s.Close)
	return exporter, s.Listener.Addr().String()
}

func onPrometheus(t *testing.T, program, rules string) {
	needs(t, program)
	exporter, target := startExporter(t)
	address, dir := freeAddress(t), t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	writeFile(t, config, fmt.Sprintf("global: {scrape_interval: 3s, evaluation_interval: %s}\nrule_files: [%q]\n%s", turn, rules, scraped(target)))
	start(t, program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=error")
	play(t, exporter, address)
}

func onVictoriaMetrics(t *testing.T) {
	database, vmalert := os.Getenv("VICTORIAMETRICS"), os.Getenv("VMALERT")
	needs(t, database, vmalert)
	exporter, target := startExporter(t)
	address, store, dir := freeAddress(t), freeAddress(t), t.TempDir()
	config := filepath.Join(dir, "scrape.yml")
	writeFile(t, config, "global: {scrape_interval: 3s}\n"+scraped(target))
	start(t, database, "-storageDataPath="+filepath.Join(dir, "data"), "-httpListenAddr="+store, "-promscrape.config="+config, "-search.latencyOffset=0s",
		"-inmemoryDataFlushInterval=1s", "-search.disableCache", "-loggerLevel=ERROR", "-memory.allowedBytes=256MB")
	start(t, vmalert, "-rule="+filepath.Join(os.Getenv("VMALERT_RULES"), "*.yml"), "-datasource.url=http://"+store, "-remoteWrite.url=http://"+store, "-remoteRead.url=http://"+store,
		"-remoteWrite.flushInterval=500ms", "-notifier.blackhole", "-httpListenAddr="+address, "-evaluationInterval="+turn.String(), "-rule.evalDelay=4s", "-disableAlertgroupLabel", "-loggerLevel=ERROR")
	play(t, exporter, address)
}

func scraped(target string) string {
	return fmt.Sprintf("scrape_configs:\n  - {job_name: backup_exporter, honor_labels: true, static_configs: [{targets: [%q]}]}\n", target)
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := os.Stat(p); err != nil {
			t.Fatalf("not there; make engines fetches it: %v", err)
		}
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// start runs a program until the test ends, or stop is called.
func start(t *testing.T, program string, arguments ...string) (stop func()) {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, program, arguments...)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() { end(); _ = c.Wait() })
	t.Cleanup(stop)
	return stop
}
