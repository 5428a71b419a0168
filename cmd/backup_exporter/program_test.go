//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// programEnv makes the test program the exporter itself, with these arguments:
// a process that can be killed, and of which everything it says can be read.
const programEnv = "VIGIE_TEST_PROGRAM"

// TestProgram is the exporter of the tests below, not a test.
func TestProgram(t *testing.T) {
	text, ok := os.LookupEnv(programEnv)
	if !ok {
		t.Skip("runs as the exporter of other tests only")
	}
	var args []string
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		t.Fatal(err)
	}
	os.Exit(run(context.Background(), args, os.Stdout, os.Stderr))
}

// program is an exporter in a process of its own.
type program struct {
	t       *testing.T
	dir     string // its folder; the state is in data
	address string
	out     output
	cmd     *exec.Cmd
}

// newProgram writes the configuration and, if there is a password, the web
// server's.
func newProgram(t *testing.T, dir, config, password string) *program {
	t.Helper()
	write(t, dir, "backup_exporter.yml", config)
	if password != "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "web.yml", fmt.Sprintf("basic_auth_users:\n  prometheus: %s\n", hash))
	} else {
		write(t, dir, "web.yml", "")
	}
	return &program{t: t, dir: dir}
}

// command prepares the program with any arguments.
func (p *program) command(args ...string) *exec.Cmd {
	p.t.Helper()
	text, err := json.Marshal(args)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestProgram$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), programEnv+"="+string(text))
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	return cmd
}

// start runs it until it answers.
func (p *program) start(args ...string) {
	p.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.address = l.Addr().String()
	_ = l.Close()
	p.cmd = p.command(append([]string{"--config.file=" + filepath.Join(p.dir, "backup_exporter.yml"), "--storage.path=" + filepath.Join(p.dir, "data"),
		"--web.listen-address=" + p.address, "--web.config.file=" + filepath.Join(p.dir, "web.yml")}, args...)...)
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.kill)
	for range 600 {
		resp, err := http.Get("http://" + p.address + "/-/healthy")
		if err == nil {
			_ = resp.Body.Close()
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	p.t.Fatalf("the program does not answer\n%s", p.out.String())
}

// kill ends it as a loss of power does.
func (p *program) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// stop ends it as the service manager does.
func (p *program) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the program ended with %v\n%s", err, p.out.String())
	}
	p.cmd = nil
}

// files gives the text of every file below a folder.
func files(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s\n%s\n", path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Who asks for help finds the verb that sends, and an example of both.
func TestHelpNamesTheVerbs(t *testing.T) {
	p := newProgram(t, t.TempDir(), "", "")
	if err := p.command("--help").Run(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"backup_exporter --config.file=", "backup_exporter push --help", pushExample} {
		if !strings.Contains(strings.Join(strings.Fields(p.out.String()), " "), want) {
			t.Errorf("the help lacks %q:\n%s", want, p.out.String())
		}
	}
}

// The inventory is read with the configuration: a bad file is refused with its
// line, and the old one stays.
func TestInventoryInTheWholeExporter(t *testing.T) {
	p := newProcess(t)
	text, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	const inventory = "machines:\n  - {customer: dupont, name: AD, class: server, aliases: [srv-ad], plans: [{role: primary, engine: acronis}, {role: local, engine: %s}]}\n"
	write(t, p.dir, "inventory/all.yml", fmt.Sprintf(inventory, "veeam"))
	write(t, p.dir, "backup_exporter.yml", "inventory: [inventory/*.yml]\n"+string(text))
	p.start("--web.enable-lifecycle")
	has := func(lines ...string) func() bool {
		return func() bool {
			m := p.metrics()
			for _, l := range lines {
				if !strings.Contains(m, l) {
					return false
				}
			}
			return true
		}
	}
	const listed = `backup_inventory_plan_listed{customer="dupont",machine="AD",machine_class="server",backup_role=`
	p.eventually("both products' machine is the inventory's", has(listed+`"primary",engine="acronis",plan=""} 1`, listed+`"local",engine="veeam",plan=""} 1`,
		`backup_inventory_unmatched_machines{source="acronis-lab"} 0`, `machine="AD",machine_class="server",backup_role="local"`))
	write(t, p.dir, "inventory/all.yml", "machines:\n  - {customer: dupont, name: AD, class: laptop}\n")
	if code, body := p.request(http.MethodPost, "/-/reload", webPassword); code != http.StatusInternalServerError || !strings.Contains(body, `all.yml:2: machines.AD.class: "laptop" is no class; write one of`) {
		t.Errorf("%d %s", code, body)
	}
	if !has(listed+`"local",engine="veeam",plan=""} 1`, "backup_exporter_config_last_reload_successful 0")() {
		t.Error("the old inventory did not stay")
	}
	write(t, p.dir, "inventory/all.yml", fmt.Sprintf(inventory, "restic"))
	if code, body := p.request(http.MethodPost, "/-/reload", webPassword); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	p.eventually("the new inventory is compared", has(listed+`"local",engine="restic",plan=""} 0`))
	if code, _ := p.request(http.MethodGet, "/api/v1/inventory", ""); code != http.StatusUnauthorized {
		t.Errorf("without a password: %d", code)
	}
	if code, body := p.get("/api/v1/inventory"); code != http.StatusOK || !strings.Contains(body, `"missing":[{"customer":"dupont","machine":"AD","machine_class":"server","backup_role":"local","engine":"restic"}]`) {
		t.Errorf("%d %s", code, body)
	}
	p.end()
}
