package alertingrules

import (
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"go.yaml.in/yaml/v3"

	"vigie/receiver/smtpsink"
)

// covers: S2.10, S2.11, S2.13, S2.14
// A Moodle whose pages fail and whose cron is late, watched by the real blackbox_exporter
// and node_exporter as deploy/moodle and docs/platforms.md say, as far as the alerts in
// a real Prometheus.
func TestPlatformsWithRealExporters(t *testing.T) {
	if os.Getenv("VIGIE_PLATFORMS") == "" {
		t.Skip("needs Debian's exporters; make platforms runs it")
	}
	blackbox, node, prometheus := os.Getenv("BLACKBOX_EXPORTER"), os.Getenv("NODE_EXPORTER"), os.Getenv("PROMETHEUS")
	needs(t, blackbox, node, prometheus)
	dir := t.TempDir()
	// The certificate ends within a month.
	certificate, _, err := smtpsink.NewCertificate(time.Now().AddDate(0, -11, -15), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	moodle := httptest.NewUnstartedServer(http.HandlerFunc(page))
	moodle.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	moodle.StartTLS()
	defer moodle.Close()

	database := filepath.Join(dir, "moodle.db")
	fillMoodle(t, database, time.Now())
	metrics := filepath.Join(dir, "textfile", "moodle.prom")
	if err := os.Mkdir(filepath.Dir(metrics), 0o700); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("../deploy/moodle/moodle-metrics", metrics, "mdl_", "sqlite3", database).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}

	probes, machine, address := freeAddress(t), freeAddress(t), freeAddress(t)
	modules := filepath.Join(dir, "blackbox.yml")
	text, err := os.ReadFile("../deploy/moodle/blackbox.yml")
	if err != nil {
		t.Fatal(err)
	}
	// The certificate of a test is nobody's.
	writeFile(t, modules, strings.ReplaceAll(string(text), "    http:\n", "    http:\n      tls_config: {insecure_skip_verify: true}\n"))
	prober := start(t, blackbox, "--config.file="+modules, "--web.listen-address="+probes, "--log.level=error")
	start(t, node, "--collector.disable-defaults", "--collector.textfile", "--collector.filesystem", "--collector.textfile.directory="+filepath.Dir(metrics), "--web.listen-address="+machine, "--log.level=error")
	config := filepath.Join(dir, "prometheus.yml")
	rules, err := filepath.Abs("platforms.yml")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, config, fmt.Sprintf("global: {scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 3s}\nrule_files: [%q]\nscrape_configs:\n", rules)+
		probeOf(probes, "lms-A", "host", freeAddress(t))+probeOf(probes, "lms-B", "host", moodle.Listener.Addr().String())+
		probeOf(probes, "lms-B", "login", moodle.URL+"/login/index.php")+probeOf(probes, "lms-B", "course", moodle.URL+"/course/view.php?id=2")+
		fmt.Sprintf("  - {job_name: node, static_configs: [{targets: [%q], labels: {platform: lms-B, site: site-1}}]}\n", machine))
	start(t, prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=error")

	await(t, address, "HostDown", "MoodlePageDown", "MoodleCronLate", "MoodleTasksFailed", "MoodleAdhocQueueLong", "PlatformExpiry")
	prober()
	await(t, address, "PlatformProbeAbsent", "HostDown", "MoodlePageDown")
}

// A module that does not say it probes by IPv6 and by nothing else as soon as a name
// has an address of that kind (findings/blackbox-fallback-does-not-fall-back.sh).
func TestProbesNameTheirKindOfAddress(t *testing.T) {
	text, err := os.ReadFile("../deploy/moodle/blackbox.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Modules map[string]map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil || len(file.Modules) == 0 {
		t.Fatalf("%d modules, %v", len(file.Modules), err)
	}
	for name, m := range file.Modules {
		prober, _ := m[fmt.Sprint(m["prober"])].(map[string]any)
		if prober["preferred_ip_protocol"] != "ip4" {
			t.Errorf("%s: %v", name, prober)
		}
	}
}

// page is a Moodle whose courses cannot be shown.
func page(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/login/") {
		fmt.Fprint(w, `<form><input type="hidden" name="logintoken" value="x"></form>`)
		return
	}
	http.Error(w, "Error reading from database", http.StatusInternalServerError)
}

func probeOf(prober, platform, probe, target string) string {
	return fmt.Sprintf(`  - job_name: %[4]s-%[2]s
    metrics_path: /probe
    params: {module: [%[2]s]}
    static_configs: [{targets: [%[3]q], labels: {platform: %[4]s, site: site-1, probe: %[2]s}}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: target}
      - {target_label: __address__, replacement: %[1]q}
`, prober, probe, target, platform)
}

// fillMoodle makes the three tables as Moodle has them, as far as they are asked.
func fillMoodle(t *testing.T, file string, now time.Time) {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf(`
		CREATE TABLE mdl_config_plugins (plugin TEXT, name TEXT, value TEXT);
		CREATE TABLE mdl_task_scheduled (lastruntime INTEGER, faildelay INTEGER, disabled INTEGER);
		CREATE TABLE mdl_task_adhoc (nextruntime INTEGER, faildelay INTEGER);
		INSERT INTO mdl_config_plugins VALUES ('tool_task', 'lastcronstart', '%d'), ('tool_task', 'lastcroninterval', '60');
		INSERT INTO mdl_task_scheduled VALUES (%[1]d, 0, 0), (%[1]d, 60, 0), (0, 86400, 1);
		INSERT INTO mdl_task_adhoc VALUES (%[2]d, 0), (%[3]d, 0);`, now.Unix()-2000, now.Unix()-7200, now.Unix()+600)); err != nil {
		t.Fatal(err)
	}
}

// await waits until all these alerts are there, waiting or firing, and no others of a
// Moodle that works.
func await(t *testing.T, address string, want ...string) {
	t.Helper()
	var found []string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		found = alertNames(address)
		if !slices.ContainsFunc(want, func(name string) bool { return !slices.Contains(found, name) }) {
			for _, wrong := range []string{"MoodleIndicatorsAbsent", "VolumeGrowth", "NetworkDown", "MoodleSlowPages"} {
				if slices.Contains(found, wrong) {
					t.Fatalf("%s among %q", wrong, found)
				}
			}
			return
		}
	}
	t.Fatalf("alerts %q, want %q", found, want)
}

func alertNames(address string) (names []string) {
	a, err := http.Get("http://" + address + "/api/v1/alerts")
	if err != nil {
		return nil // not up yet
	}
	defer a.Body.Close()
	var answer struct {
		Data struct {
			Alerts []struct{ Labels map[string]string }
		}
	}
	if json.NewDecoder(a.Body).Decode(&answer) != nil {
		return nil
	}
	for _, x := range answer.Data.Alerts {
		names = append(names, x.Labels["alertname"])
	}
	return names
}

// The script says what is true, and nothing where it could not ask.
func TestMoodleMetrics(t *testing.T) {
	client, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("no sqlite3 on this machine")
	}
	dir := t.TempDir()
	database, file := filepath.Join(dir, "moodle.db"), filepath.Join(dir, "moodle.prom")
	now := time.Now()
	fillMoodle(t, database, now)
	if said, err := exec.Command("../deploy/moodle/moodle-metrics", file, "mdl_", client, database).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{fmt.Sprintf("moodle_cron_last_run_timestamp_seconds %d\n", now.Unix()-2000), "moodle_failed_tasks 1\n", fmt.Sprintf("moodle_adhoc_oldest_task_timestamp_seconds %d\n", now.Unix()-7200)} {
		if !strings.Contains(string(text), want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	for _, fault := range [][]string{{file, "mdl_", client, filepath.Join(dir, "none", "moodle.db")}, {file, "mdl_", "echo", "access denied"},
		{file, "mdl_", "true"}, // psql after an error, such as a missing right
		{file, "other_", client, database}} {
		writeFile(t, file, "old")
		if err := exec.Command("../deploy/moodle/moodle-metrics", fault...).Run(); err == nil {
			t.Errorf("%q: no error", fault)
		}
		if left, _ := filepath.Glob(file + "*"); left != nil {
			t.Errorf("%q: %q is left", fault, left)
		}
	}
}
