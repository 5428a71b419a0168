//go:build !windows

package exporters_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/acronis"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/exposition"
	"vigie/exporters/sourcetest"
)

// fleetEnv makes the test program the simulated data centre of a benchmark,
// in a process of its own so that its memory is not counted as the exporter's.
const fleetEnv = "VIGIE_BENCH_FLEET"

var fleetSizes = []int{1_000, 10_000, 100_000}

const (
	fleetPage   = 1000
	perCustomer = 25 // machines
)

// fleetStart is when the simulated night is over.
var fleetStart = time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC)

// TestFleet is the data centre of the benchmarks, not a test.
func TestFleet(t *testing.T) {
	machines, err := strconv.Atoi(os.Getenv(fleetEnv))
	if err != nil {
		t.Skip("runs as the data centre of the benchmarks only")
	}
	clock := sourcetest.NewClock(fleetStart.Add(-9 * time.Hour))
	if os.Getenv(fleetEnv+"_NOW") != "" {
		clock = sourcetest.NewClock(time.Now().Add(-10 * time.Hour)) // changes may not lie in the future
	}
	sim := acronissim.New(acronissim.Options{Now: clock.Now, PageSize: fleetPage, TokenLife: 1000 * time.Hour})
	classes := []acronissim.Class{acronissim.Server, acronissim.Workstation, acronissim.Workstation, acronissim.NAS}
	for c := 0; c*perCustomer < machines; c++ {
		tenant := sim.AddCustomer(fmt.Sprintf("Customer %d", c))
		plan := sim.AddPlan(acronissim.Plan{Tenant: tenant, Name: "daily", Hour: 21})
		for n := range min(perCustomer, machines-c*perCustomer) {
			sim.AddMachine(acronissim.Machine{Tenant: tenant, Name: fmt.Sprintf("SRV-%d-%02d.customer-%d.example", c, n, c), Class: classes[n%len(classes)], Plans: []string{plan}})
		}
	}
	ids := sim.Machines()
	// The night's backups end over two hours; one in a hundred fails.
	for i, id := range ids {
		if i%(machines/100) == 0 {
			clock.Advance(time.Minute)
		}
		if i%100 == 7 {
			sim.FailBackup(id, "The backup location is full.")
		} else {
			sim.SucceedBackup(id)
		}
	}
	clock.Advance(fleetStart.Sub(fleetStart.Add(-9 * time.Hour).Add(time.Duration(len(ids)/(machines/100)) * time.Minute)))
	next := 0
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.HandleFunc("/bench/change", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("machines"))
		clock.Advance(5 * time.Minute)
		for range n {
			sim.SucceedBackup(ids[next%len(ids)])
			next += 97 // over many customers
		}
		clock.Advance(time.Second)
	})
	mux.HandleFunc("/bench/requests", func(w http.ResponseWriter, _ *http.Request) {
		counts := map[string]int{}
		for _, e := range []string{"token", "client", "tenants", "usages", "pricing", "resource_statuses", "policies", "applications", "tasks", "alerts", "agents"} {
			counts[e] = sim.Requests(e)
		}
		_ = json.NewEncoder(w).Encode(counts)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("listening", l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // the benchmark went away
		_ = l.Close()
	}()
	_ = (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// centre is the simulated data centre as a benchmark sees it.
type centre struct {
	tb  testing.TB
	url string
}

func startFleet(tb testing.TB, machines int, realTime bool) *centre {
	tb.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestFleet$", "-test.timeout=0", "-test.bench=^$")
	cmd.Env = append(os.Environ(), fleetEnv+"="+strconv.Itoa(machines))
	if realTime {
		cmd.Env = append(cmd.Env, fleetEnv+"_NOW=1")
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return &centre{tb, "http://" + strings.TrimSpace(strings.TrimPrefix(line, "listening "))}
}

func (c *centre) get(path string) []byte {
	c.tb.Helper()
	resp, err := http.Get(c.url + path)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.tb.Fatal(err)
	}
	return body
}

func (c *centre) requests() int {
	c.tb.Helper()
	var counts map[string]int
	if err := json.Unmarshal(c.get("/bench/requests"), &counts); err != nil {
		c.tb.Fatal(err)
	}
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// poller reads the data centre as the exporter does, without its usual caps
// on the load.
func (c *centre) poller(dir string, now func() time.Time) *exporters.Poller {
	c.tb.Helper()
	config := &acronis.Config{ClientID: "sim-client", ClientSecretFile: filepath.Join(dir, "secret"), PageSize: fleetPage}
	config.RequestsPerSecond = 1e6
	if err := os.WriteFile(config.ClientSecretFile, []byte("sim-secret"), 0o600); err != nil {
		c.tb.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodGet, c.url, nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	config.URL.URL = req.URL
	if err := config.Validate(""); err != nil {
		c.tb.Fatal(err)
	}
	source, err := acronis.New(config, exporters.SourceOptions{Now: now, UserAgent: "bench"})
	if err != nil {
		c.tb.Fatal(err)
	}
	p, err := exporters.NewPoller(exporters.PollerOptions{Name: "acronis-eu2", Engine: acronis.Engine, Source: source, Interval: 5 * time.Minute, Timeout: 10 * time.Minute,
		WarningIsSuccess: true, StateFile: filepath.Join(dir, "state.json"), Render: exposition.Render, Now: now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.tb.Fatal(err)
	}
	return p
}

// cpu is the processor time of this process so far. Beside the time by the
// clock it tells what is ours on a machine that others share.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFleet measures refreshes and scrapes by the size of the fleet, and
// beside each scrape the writing of the same bytes from memory.
func BenchmarkFleet(b *testing.B) {
	for _, machines := range fleetSizes {
		b.Run(fmt.Sprintf("machines=%d", machines), func(b *testing.B) { benchFleet(b, machines) })
	}
}

func benchFleet(b *testing.B, machines int) {
	c := startFleet(b, machines, false)
	clock := sourcetest.NewClock(fleetStart.Add(time.Minute))
	refresh := func(b *testing.B, p *exporters.Poller) {
		if err := p.Refresh(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("refresh=full", func(b *testing.B) {
		before, used := c.requests(), cpu(b)
		for b.Loop() {
			p := c.poller(b.TempDir(), clock.Now)
			refresh(b, p)
			if got := len(p.View().Jobs); got != machines {
				b.Fatalf("%d jobs", got)
			}
		}
		b.ReportMetric(float64(cpu(b)-used)/1e6/float64(b.N), "cpu-ms/op")
		b.ReportMetric(float64(c.requests()-before)/float64(b.N), "calls/op")
	})
	p := c.poller(b.TempDir(), clock.Now)
	refresh(b, p)
	for _, percent := range []int{0, 1, 10} {
		b.Run(fmt.Sprintf("refresh=incremental/changed=%d%%", percent), func(b *testing.B) {
			before, used, n := c.requests(), time.Duration(0), 0
			for b.Loop() {
				b.StopTimer()
				c.get("/bench/change?machines=" + strconv.Itoa(machines*percent/100))
				clock.Advance(5*time.Minute + time.Second)
				at := cpu(b)
				b.StartTimer()
				refresh(b, p)
				used += cpu(b) - at
				n++
			}
			b.ReportMetric(float64(used)/1e6/float64(n), "cpu-ms/op")
			b.ReportMetric(float64(c.requests()-before)/float64(n), "calls/op")
		})
	}
	served := exposition.New(exposition.Options{Sources: func() []*exporters.View { return []*exporters.View{p.View()} }})
	for _, coding := range []string{"identity", "gzip"} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept-Encoding", coding)
		w := httptest.NewRecorder()
		served.ServeHTTP(w, r)
		page := w.Body.Bytes()
		b.Run("scrape="+coding, func(b *testing.B) { scrapes(b, served, "/metrics", coding, len(page)) })
		b.Run("write="+coding, func(b *testing.B) {
			scrapes(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(page)))
				w.Header().Set("Content-Type", "text/plain")
				_, _ = w.Write(page)
			}), "/metrics", coding, len(page))
		})
	}
	b.Run("scrape=gzip/shard=3of16", func(b *testing.B) { scrapes(b, served, "/metrics?shard=3/16", "gzip", 0) })
}

// scrapes reads a handler's page over loopback.
func scrapes(b *testing.B, h http.Handler, path, coding string, size int) {
	s := httptest.NewServer(h)
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", coding)
	buffer := make([]byte, 256<<10)
	once := func() int64 {
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, buffer)
		if err != nil || size != 0 && n != int64(size) {
			b.Fatalf("%d bytes, %v", n, err)
		}
		return n
	}
	n := once()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := cpu(b)
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64(cpu(b)-used)/1e6/float64(b.N), "cpu-ms/op")
	runtime.ReadMemStats(&after)
	b.SetBytes(n)
	b.ReportMetric(float64(n), "page-bytes")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/float64(n), "allocated/page")
}

// BenchmarkResident runs the real program on the simulated data centre and
// reads from the system what memory it took: at most, and after some minutes
// of refreshes and scrapes.
func BenchmarkResident(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	program := filepath.Join(b.TempDir(), "backup_exporter")
	build := exec.Command("go", "build", "-o", program, "vigie/cmd/backup_exporter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, machines := range fleetSizes {
		b.Run(fmt.Sprintf("machines=%d", machines), func(b *testing.B) {
			for b.Loop() {
				resident(b, program, machines)
			}
		})
	}
}

func resident(b *testing.B, program string, machines int) {
	c := startFleet(b, machines, true)
	dir := b.TempDir()
	config := fmt.Sprintf("sources:\n  - name: acronis-eu2\n    poll_interval: 2s\n    timeout: 10m\n"+
		"    acronis: {url: %q, client_id: sim-client, client_secret_file: secret, page_size: %d, requests_per_second: 1000000}\n", c.url, fleetPage)
	for name, text := range map[string]string{"secret": "sim-secret", "backup_exporter.yml": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "backup_exporter.yml"), "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }()
	metrics := func() string {
		resp, err := http.Get("http://" + address + "/metrics") // gzip, as Prometheus does
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return string(text)
	}
	refreshes := func() string {
		_, rest, _ := strings.Cut(metrics(), "\nbackup_source_last_refresh_timestamp_seconds{source=\"acronis-eu2\"} ")
		at, _, _ := strings.Cut(rest, "\n")
		return at
	}
	last, seen := "", 0
	for tries := 0; seen < 5; tries++ {
		if tries > 3000 {
			b.Fatal("no five refreshes")
		}
		time.Sleep(200 * time.Millisecond)
		if at := refreshes(); at != "" && at != last {
			last = at
			seen++
			c.get("/bench/change?machines=" + strconv.Itoa(machines/100))
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	kib := func(key string) float64 {
		_, rest, _ := strings.Cut(string(status), "\n"+key+":")
		n, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		if err != nil {
			b.Fatal(err)
		}
		return n / 1024
	}
	heap := 0.0
	for line := range strings.Lines(metrics()) {
		if v, ok := strings.CutPrefix(line, "go_memstats_heap_alloc_bytes "); ok {
			heap, _ = strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	b.ReportMetric(kib("VmHWM"), "MiB-peak")
	b.ReportMetric(kib("VmRSS"), "MiB-resident")
	b.ReportMetric(heap/(1<<20), "MiB-heap")
	b.ReportMetric(float64(len(metrics())), "page-bytes")
}
