package alertingrules

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The limits of 100,000 jobs: one evaluation of all groups within its interval.
const (
	scaleInterval = 30 * time.Second
	scaleMemory   = 3 << 30
)

// The rules in the real Prometheus, for as many jobs as VIGIE_RULE_JOBS says; one in
// twenty has failed. Figures mean something only within one run, on a machine that does nothing
// else.
func TestRulesAtScale(t *testing.T) {
	jobs, err := strconv.Atoi(os.Getenv("VIGIE_RULE_JOBS"))
	if err != nil {
		t.Skip("long; make bench-rules runs it")
	}
	text := manyJobs(jobs, time.Now())
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write(bytes.ReplaceAll(text, []byte("REFRESHED"), []byte(strconv.FormatInt(time.Now().Unix(), 10))))
	}))
	defer exporter.Close()
	p := startPrometheus(t, strings.TrimPrefix(exporter.URL, "http://"))
	wait := func(evaluations int) {
		for p.evaluations(t) < evaluations {
			time.Sleep(time.Second)
		}
	}
	wait(4) // the first ones wait for BackupFailed's minute
	before := p.processor(t)
	wait(6)
	processor := (p.processor(t) - before) / 2
	var total float64
	for group, took := range p.durations(t) {
		if took > 0.01 {
			t.Logf("figure: %6.2f s  %s", took, group)
		}
		total += took
	}
	for _, r := range p.dearest(t, 10) {
		t.Logf("figure: %6.2f s  %s", r.Seconds, r.Name)
	}
	memory := p.peak(t)
	t.Logf("figure: %d jobs: all groups %.2f s of %s, %.2f s of processor time an interval with its scrape, peak memory %.2f GiB, %d processors", jobs, total, scaleInterval, processor, float64(memory)/(1<<30), runtime.NumCPU())
	firing := p.count(t, `count(ALERTS{alertname="BackupFailed"})`)
	if want := jobs / 20; firing != want {
		t.Errorf("%d backups failed, %d are told", want, firing)
	}
	if total > scaleInterval.Seconds() {
		t.Errorf("one evaluation takes %.1f s, the interval is %s", total, scaleInterval)
	}
	if memory > scaleMemory {
		t.Errorf("%.2f GiB of memory, %.2f are allowed", float64(memory)/(1<<30), float64(scaleMemory)/(1<<30))
	}
}

// manyJobs is what an exporter tells of many jobs of ten sources.
func manyJobs(n int, now time.Time) []byte {
	var b bytes.Buffer
	const sources = 10
	for s := range sources {
		fmt.Fprintf(&b, "backup_source_up{source=\"s%d\"} 1\nbackup_source_last_refresh_timestamp_seconds{source=\"s%d\"} REFRESHED\nbackup_source_poll_interval_seconds{source=\"s%d\"} 300\n", s, s, s)
	}
	for i := range n {
		id := fmt.Sprintf(`source="s%d",customer="c%d",job_id="j%d"`, i%sources, i/50, i)
		success, result, failures := now.Add(-time.Duration(i%20)*time.Hour/2).Unix(), 1, 0
		if i%20 == 0 {
			result, failures = 3, 1
		}
		fmt.Fprintf(&b, "backup_job_info{%s,machine=\"M%d\",machine_class=\"server\",backup_role=\"primary\",engine=\"acronis\",plan=\"daily\",customer_name=\"C\",object_type=\"machine\"} 1\n", id, i)
		for name, v := range map[string]int64{"last_success_timestamp_seconds": success, "last_run_timestamp_seconds": success, "last_result": int64(result), "running": 0, "enabled": 1,
			"next_run_timestamp_seconds": success + 86400, "expected_interval_seconds": 86400, "last_duration_seconds": 1200, "last_size_bytes": 5e10, "consecutive_failures": int64(failures)} {
			fmt.Fprintf(&b, "backup_job_%s{%s} %d\n", name, id, v)
		}
	}
	return b.Bytes()
}

// prometheus is a real one with the shipped rules.
type prometheus struct {
	address string
	pid     int
}

func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	program := os.Getenv("PROMETHEUS")
	if program == "" {
		program = "../.cache/bin/prometheus"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("no Prometheus; make stack builds it")
	}
	rules, err := filepath.Abs("*.yml")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &prometheus{address: l.Addr().String()}
	l.Close()
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 30s, scrape_timeout: 29s, evaluation_interval: 30s}\nrule_files: [%q]\nscrape_configs:\n"+
		"  - {job_name: backup_exporter, honor_labels: true, static_configs: [{targets: [%q]}]}\n", rules, target)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+p.address, "--log.level=error")
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = c.Wait() })
	p.pid = c.Process.Pid
	return p
}

func (p *prometheus) get(t *testing.T, path string) []byte {
	t.Helper()
	a, err := http.Get("http://" + p.address + path)
	if err != nil {
		return nil // not up yet
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// evaluations is how often the group of the jobs was evaluated since it had any.
func (p *prometheus) evaluations(t *testing.T) int {
	return p.count(t, `max(count_over_time(source:backup_source_up:whole[1h]))`)
}

// durations are the last durations of the groups, in seconds.
func (p *prometheus) durations(t *testing.T) map[string]float64 {
	out := map[string]float64{}
	for _, m := range regexp.MustCompile(`prometheus_rule_group_last_duration_seconds\{rule_group="[^"]*;([^"]+)"\} (\S+)`).FindAllStringSubmatch(string(p.get(t, "/metrics")), -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		out[m[1]] = v
	}
	return out
}

// cost is how long the last evaluation of a rule took.
type cost struct {
	Name    string
	Seconds float64 `json:"evaluationTime"`
}

// dearest are the rules whose last evaluation took longest, as Prometheus says.
func (p *prometheus) dearest(t *testing.T, n int) []cost {
	var answer struct {
		Data struct {
			Groups []struct{ Rules []cost }
		}
	}
	if err := json.Unmarshal(p.get(t, "/api/v1/rules"), &answer); err != nil {
		t.Fatal(err)
	}
	var all []cost
	for _, g := range answer.Data.Groups {
		all = append(all, g.Rules...)
	}
	slices.SortFunc(all, func(a, b cost) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return all[:min(n, len(all))]
}

// count is the value of a query, 0 without one.
func (p *prometheus) count(t *testing.T, query string) int {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	text := p.get(t, "/api/v1/query?query="+strings.NewReplacer(" ", "%20", "{", "%7B", "}", "%7D", `"`, "%22", ">", "%3E", "=", "%3D", "+", "%2B").Replace(query))
	if json.Unmarshal(text, &answer) != nil || len(answer.Data.Result) == 0 {
		return 0
	}
	n, err := strconv.ParseFloat(answer.Data.Result[0].Value[1].(string), 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// peak is the most memory that it ever held, in bytes.
func (p *prometheus) peak(t *testing.T) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		t.Skip("the memory of a process is read on Linux only")
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// processor is the processor time that it used, in seconds.
func (p *prometheus) processor(t *testing.T) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		t.Skip("the processor time of a process is read on Linux only")
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // the name may hold blanks
	var sum float64
	for _, f := range fields[11:13] { // user and system, in hundredths
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n / 100
	}
	return sum
}
