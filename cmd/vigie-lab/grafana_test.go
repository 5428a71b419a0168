package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"vigie/dashboards"
)

func read(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A Grafana that is named is started on loopback, with the boards, the lab's
// addresses in their links, and no other Grafana's settings.
func TestAGrafanaIsStartedWithTheBoards(t *testing.T) {
	t.Setenv("GF_SERVER_HTTP_ADDR", "0.0.0.0")
	data := t.TempDir()
	programs := idle(t, `env > env; echo "$*" > args; echo $$ > pid; exec sleep 600`)
	programs.Grafana = programs.Prometheus
	l, err := StartLab(t.Context(), Settings{Root: root(t), Data: data, Policy: "lab", Programs: programs})
	if err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, filepath.Join(data, "grafana", "pid"))
	env := map[string]string{}
	for e := range strings.Lines(read(t, data, "grafana", "env")) {
		name, value, _ := strings.Cut(strings.TrimSpace(e), "=")
		env[name] = value
	}
	args := read(t, data, "grafana", "args")
	p := l.Files.Ports
	at := l.links(false).Grafana
	l.Stop(t.Context())
	gone(t, pid)
	if _, ok := env["GF_SERVER_HTTP_ADDR"]; ok || env["VIGIE_PROMETHEUS"] != p.Prometheus.URL("http") || env["PATH"] == "" {
		t.Errorf("the environment is %v", env)
	}
	if want := "--config=" + l.Files.Path("config", "grafana.ini"); !strings.HasPrefix(args, want) {
		t.Errorf("started with %s, want %s", args, want)
	}
	if !strings.HasPrefix(at, p.Grafana.URL("http")) {
		t.Errorf("the page leads to %s", at)
	}
	ini := read(t, data, "config", "grafana.ini")
	for _, want := range []string{"http_addr = 127.0.0.1\n", "http_port = " + strings.TrimPrefix(p.Grafana.Addr(), "127.0.0.1:") + "\n",
		"provisioning = " + filepath.Join(root(t), "dashboards", "provisioning") + "\n", "admin_password = $__file{" + l.Files.SecretFile("grafana") + "}\n"} {
		if !strings.Contains(ini, want) {
			t.Errorf("the configuration lacks %q:\n%s", want, ini)
		}
	}
	checkProvisioning(t, env)
	var board dashboards.Dashboard
	if err := json.Unmarshal([]byte(read(t, env["VIGIE_DASHBOARDS"], "fr", "fleet.json")), &board); err != nil {
		t.Fatal(err)
	}
	for _, v := range board.Templating.List {
		if v.Name == "vigie" && v.Query != p.Vigie.URL("http") {
			t.Errorf("the boards lead to %v, Vigie is at %s", v.Query, p.Vigie.URL("http"))
		}
	}
	out, err := exec.Command(tool(t, "promtool"), "check", "config", l.Files.ConfigFile("prometheus")).CombinedOutput()
	if err != nil || !strings.Contains(read(t, l.Files.ConfigFile("prometheus")), "job_name: alertmanager") {
		t.Errorf("%v\n%s", err, out)
	}
}

// checkProvisioning reads the provisioning as Grafana does: variables in it come
// from the environment, and every folder is there.
func checkProvisioning(t *testing.T, env map[string]string) {
	t.Helper()
	expand := func(name string) string {
		return os.Expand(read(t, root(t), "dashboards", "provisioning", name, "vigie.yml"), func(v string) string {
			if v != "__rate_interval" && env[v] == "" {
				t.Errorf("%s: the variable %s is not set", name, v)
			}
			return env[v]
		})
	}
	var boards struct {
		Providers []struct {
			Options struct{ Path string }
		}
	}
	if err := yaml.Unmarshal([]byte(expand("dashboards")), &boards); err != nil {
		t.Fatal(err)
	}
	if len(boards.Providers) != len(dashboards.Languages()) {
		t.Errorf("%d providers", len(boards.Providers))
	}
	for _, p := range boards.Providers {
		if found, err := filepath.Glob(filepath.Join(p.Options.Path, "*.json")); err != nil || len(found) != 9 {
			t.Errorf("%s holds %d boards, %v", p.Options.Path, len(found), err)
		}
	}
	var sources struct {
		Datasources []struct{ Type, URL string }
	}
	if err := yaml.Unmarshal([]byte(expand("datasources")), &sources); err != nil {
		t.Fatal(err)
	}
	if len(sources.Datasources) != 1 || sources.Datasources[0].Type != "prometheus" || sources.Datasources[0].URL != env["VIGIE_PROMETHEUS"] {
		t.Errorf("%+v", sources)
	}
}

func TestAGrafanaThatIsMissing(t *testing.T) {
	p := idle(t, "")
	p.Grafana = "/nonexistent/grafana-server"
	if err := p.Find(t.TempDir()); err == nil || !strings.Contains(err.Error(), "/nonexistent/grafana-server") || !strings.Contains(err.Error(), "GRAFANA") {
		t.Errorf("got %v", err)
	}
}

// Newer packages have one program with a word for what it should do, and an
// archive has the pages above it.
func TestGrafanaOfAnArchive(t *testing.T) {
	home := t.TempDir()
	for _, f := range []string{"conf/defaults.ini", "bin/grafana"} {
		if err := os.MkdirAll(filepath.Join(home, filepath.Dir(f)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, f), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f, l := files(t, "lab")
	args := strings.Join(f.grafana(filepath.Join(home, "bin", "grafana")).Args, " ")
	if !strings.HasPrefix(args, "server --config=") || !strings.HasSuffix(args, "--homepath="+home) {
		t.Errorf("started with %s", args)
	}
	if l.links(false).Grafana != "" {
		t.Error("the page leads to a Grafana that is not there")
	}
}
