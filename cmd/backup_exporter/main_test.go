//go:build !windows

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"golang.org/x/crypto/bcrypt"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/misbehave"
	"vigie/exporters/veeam/veeamsim"
	"vigie/internal/fleet"
)

const (
	clientSecret = "cl13nt-s3cr3t"
	userPassword = "us3r-p4ssw0rd"
	webPassword  = "w3b-p4ssw0rd"
)

// output collects what the process writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.b.Write(p) }
func (o *output) String() string              { o.mu.Lock(); defer o.mu.Unlock(); return o.b.String() }

// process is the whole exporter in front of two simulated products.
type process struct {
	t       *testing.T
	dir     string
	config  string
	address string
	out     output
	stop    context.CancelFunc
	code    chan int
	acronis *acronissim.Sim
	veeam   *veeamsim.Sim
	machine string
	seen    bytes.Buffer // every body that was fetched
}

func newProcess(t *testing.T) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir()}
	p.acronis = acronissim.New(acronissim.Options{Now: time.Now, ClientSecret: clientSecret})
	tenant := p.acronis.AddCustomer("Dupont")
	plan := p.acronis.AddPlan(acronissim.Plan{Tenant: tenant, Name: "daily", Hour: 21})
	p.machine = p.acronis.AddMachine(acronissim.Machine{Tenant: tenant, Name: "SRV-AD", Class: acronissim.Server, Plans: []string{plan}})
	p.acronis.SucceedBackup(p.machine)
	p.veeam = veeamsim.New(veeamsim.Options{Now: time.Now, Password: userPassword})
	p.veeam.SucceedJob(p.veeam.AddJob(veeamsim.Job{Name: "AD", Objects: []string{"srv-ad"}}))
	a, v := httptest.NewServer(p.acronis), httptest.NewServer(p.veeam)
	t.Cleanup(a.Close)
	t.Cleanup(v.Close)
	write(t, p.dir, "acronis", clientSecret+"\n")
	write(t, p.dir, "veeam", userPassword+"\n")
	p.config = write(t, p.dir, "backup_exporter.yml", fmt.Sprintf(`sources:
  - name: acronis-lab
    poll_interval: 1s
    acronis: {url: %q, client_id: sim-client, client_secret_file: acronis, customers: {%s: dupont}, requests_per_second: 1000}
  - name: veeam-dupont
    poll_interval: 1s
    machines: {srv-ad: SRV-AD}
    veeam: {url: %q, username: sim-viewer, password_file: veeam, customer: dupont, requests_per_second: 1000}
`, a.URL, tenant, v.URL))
	return p
}

// start runs the exporter with basic authentication on a free port.
func (p *process) start(args ...string) {
	p.t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(webPassword), bcrypt.MinCost)
	if err != nil {
		p.t.Fatal(err)
	}
	web := write(p.t, p.dir, "web.yml", fmt.Sprintf("basic_auth_users:\n  prometheus: %s\n", hash))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.address = l.Addr().String()
	_ = l.Close()
	ctx, cancel := context.WithCancel(p.t.Context())
	p.stop, p.code = cancel, make(chan int, 1)
	args = append([]string{"--config.file=" + p.config, "--storage.path=" + filepath.Join(p.dir, "data"), "--web.listen-address=" + p.address, "--web.config.file=" + web}, args...)
	go func() { p.code <- run(ctx, args, &p.out, &p.out) }()
	p.eventually("the exporter answers", func() bool { code, _ := p.get("/-/healthy"); return code == http.StatusOK })
}

func (p *process) end() {
	p.t.Helper()
	p.stop()
	if code := <-p.code; code != 0 {
		p.t.Fatalf("exit %d\n%s", code, p.out.String())
	}
}

func (p *process) request(method, path, password string) (int, string) {
	req, err := http.NewRequest(method, "http://"+p.address+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if password != "" {
		req.SetBasicAuth("prometheus", password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	p.seen.Write(body)
	return resp.StatusCode, string(body)
}

func (p *process) get(path string) (int, string) { return p.request(http.MethodGet, path, webPassword) }

func (p *process) metrics() string { _, m := p.get("/metrics"); return m }

// eventually waits for what other goroutines and real listeners do.
func (p *process) eventually(what string, ok func() bool) {
	p.t.Helper()
	for range 400 {
		if ok() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	p.t.Fatalf("it did not happen that %s\n%s", what, p.out.String())
}

func TestWholeExporter(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.start()
	p.eventually("both sources are read", func() bool {
		m := p.metrics()
		return strings.Contains(m, `backup_source_up{source="acronis-lab"} 1`) && strings.Contains(m, `backup_source_up{source="veeam-dupont"} 1`)
	})
	m := p.metrics()
	for _, want := range []string{`machine="SRV-AD",machine_class="server",backup_role="primary",engine="acronis",plan="daily"`,
		`machine="SRV-AD",machine_class="server",backup_role="local",engine="veeam",plan="AD"`,
		"backup_exporter_build_info{", "backup_exporter_config_last_reload_successful 1", "go_goroutines "} {
		if !strings.Contains(m, want) {
			t.Errorf("no %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(m)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}

	p.acronis.FailBackup(p.machine, "the cloud is full")
	p.eventually("the failure has its text", func() bool {
		_, body := p.get("/api/v1/results?customer=dupont&machine=srv-ad")
		var a exporters.ResultsAnswer
		if json.Unmarshal([]byte(body), &a) != nil || len(a.Results) != 2 {
			return false
		}
		return a.Results[0].LastResult == "failed" && strings.Contains(a.Results[0].Error, "the cloud is full") && a.Results[1].LastResult == "success"
	})

	for path, want := range map[string]int{"/": 200, "/metrics": 200, "/api/v1/results": 200, "/-/healthy": 200, "/nowhere": 404} {
		if code, _ := p.get(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
		if code, _ := p.request(http.MethodGet, path, ""); code != http.StatusUnauthorized {
			t.Errorf("%s without password: %d", path, code)
		}
		if code, _ := p.request(http.MethodGet, path, "wrong"); code != http.StatusUnauthorized {
			t.Errorf("%s with a wrong password: %d", path, code)
		}
	}
	if code, _ := p.request(http.MethodPost, "/-/reload", webPassword); code != http.StatusForbidden {
		t.Errorf("reload without the flag: %d", code)
	}

	p.acronis.Orders.Add(misbehave.Order{Fault: misbehave.HTML, Times: -1})
	p.veeam.SetDown(true)
	p.eventually("both sources are down", func() bool {
		m := p.metrics()
		return strings.Contains(m, `backup_source_up{source="acronis-lab"} 0`) && strings.Contains(m, `backup_source_up{source="veeam-dupont"} 0`) &&
			strings.Contains(m, `backup_job_info{source="veeam-dupont"`)
	})
	_, _ = p.get("/api/v1/results")
	_, _ = p.get("/")
	p.end()
	if got := p.veeam.Requests("logout"); got == 0 {
		t.Error("no goodbye to the server whose sessions are limited")
	}

	everything := p.out.String() + p.seen.String()
	state, err := filepath.Glob(filepath.Join(p.dir, "data", "*"))
	if err != nil || len(state) != 2 {
		t.Fatalf("state files %v, %v", state, err)
	}
	for _, f := range state {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		everything += string(b)
	}
	for _, secret := range []string{clientSecret, userPassword, webPassword, "sim-token-", "sim-access-", "sim-refresh-"} {
		if strings.Contains(everything, secret) {
			t.Errorf("%q comes out of the process", secret)
		}
	}
}

func TestReload(t *testing.T) {
	p := newProcess(t)
	p.start("--web.enable-lifecycle")
	p.eventually("both sources are read", func() bool { return strings.Count(p.metrics(), "\nbackup_job_info{") == 2 })
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.dir, "backup_exporter.yml", "sources: [{name: broken}]\n")
	if code, body := p.request(http.MethodPost, "/-/reload", webPassword); code != http.StatusInternalServerError || !strings.Contains(body, "no product") {
		t.Errorf("%d %s", code, body)
	}
	if m := p.metrics(); !strings.Contains(m, "backup_exporter_config_last_reload_successful 0") || strings.Count(m, "\nbackup_job_info{") != 2 {
		t.Error("the old configuration did not stay")
	}
	// Without the second source, and by signal.
	first, _, _ := strings.Cut(string(good), "  - name: veeam-dupont")
	write(t, p.dir, "backup_exporter.yml", first)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.eventually("the second source is gone", func() bool { return !strings.Contains(p.metrics(), `source="veeam-dupont"`) })
	if m := p.metrics(); !strings.Contains(m, `backup_source_up{source="acronis-lab"} 1`) || !strings.Contains(m, "backup_exporter_config_last_reload_successful 1") {
		t.Error("the first source did not go on undisturbed")
	}
	write(t, p.dir, "backup_exporter.yml", strings.Replace(string(good), "name: veeam-dupont\n    poll_interval: 1s", "name: veeam-dupont\n    poll_interval: 2s", 1))
	if code, body := p.request(http.MethodPost, "/-/reload", webPassword); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	p.eventually("the second source is back", func() bool { return strings.Contains(p.metrics(), `backup_source_up{source="veeam-dupont"} 1`) })
	p.end()
}

// A reload that is asked for while the exporter still starts, as systemd may, ends nothing.
func TestReloadWhileItStarts(t *testing.T) {
	p := newProcess(t)
	var asked atomic.Int32
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGHUP)
		}
		_ = json.NewEncoder(w).Encode(fleet.Shared{Version: "1", Files: []fleet.SharedFile{{Name: "machines.csv", Text: "customer,machine,class\ndupont,SRV-AD,server\n"}}})
	}))
	t.Cleanup(receiver.Close)
	write(t, p.dir, "token", "the-exporters-token\n")
	config, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.dir, "backup_exporter.yml", fmt.Sprintf("inventory_from: {url: %q, token_file: token}\n%s", receiver.URL, config))
	p.start()
	p.eventually("it is reloaded once it has started", func() bool { return asked.Load() == 2 })
	p.end()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	var out bytes.Buffer
	if code := run(t.Context(), []string{"--config.file=" + p.config, "--check"}, &out, &out); code != 0 || !strings.Contains(out.String(), "2 sources, the configuration is good") {
		t.Errorf("%d %s", code, out.String())
	}
	if p.acronis.Requests("token") != 0 || p.veeam.Requests("token") != 0 {
		t.Error("--check opened a connection")
	}
	out.Reset()
	p.veeam.SetDown(true)
	if code := run(t.Context(), []string{"--config.file=" + p.config, "--check.sources"}, &out, &out); code != 1 ||
		!strings.Contains(out.String(), "acronis-lab: acronis, every 1s: read, 1 jobs") || !strings.Contains(out.String(), "veeam-dupont: veeam, every 1s: not read: token: server (HTTP 503") {
		t.Errorf("%d %s", code, out.String())
	}
	out.Reset()
	write(t, p.dir, "backup_exporter.yml", "sources: {}\n")
	if code := run(t.Context(), []string{"--config.file=" + p.config, "--check"}, &out, &out); code != 1 || !strings.Contains(out.String(), "backup_exporter.yml") {
		t.Errorf("%d %s", code, out.String())
	}
	for _, args := range [][]string{{"--config.file=" + p.dir + "/nowhere.yml"}, {"--config.file=" + p.config, "--web.telemetry-path=metrics"}, {"--web.config.file=" + p.dir + "/nowhere"}} {
		if code := run(t.Context(), args, &out, &out); code != exConfig {
			t.Errorf("%v: exit %d", args, code)
		}
		if code := run(t.Context(), append(args, "--check"), &out, &out); code != 1 {
			t.Errorf("%v: a check exits %d", args, code)
		}
	}
	if code := run(t.Context(), []string{"--nonsense"}, &out, &out); code != 2 {
		t.Errorf("exit %d", code)
	}
}
