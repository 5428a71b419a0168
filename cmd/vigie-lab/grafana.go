package main

import (
	"os"
	"path/filepath"
	"strings"

	"vigie/dashboards"
)

// Provisioning is the folder from which Grafana learns of data source and boards.
func (f *Files) Provisioning() string { return filepath.Join(f.Root, "dashboards", "provisioning") }

// writeGrafana writes Grafana's configuration and the boards, with the lab's own
// addresses in their links.
func (f *Files) writeGrafana() error {
	for _, d := range []string{"data", "log", "plugins"} {
		if err := os.MkdirAll(f.Path("grafana", d), 0o700); err != nil {
			return err
		}
	}
	if _, err := f.secret("grafana"); err != nil {
		return err
	}
	if err := f.fill("grafana.ini.tmpl", f.Path("config", "grafana.ini"), f); err != nil {
		return err
	}
	o := dashboards.Defaults(dashboards.English)
	o.Vigie, o.Alertmanager = f.Ports.Vigie.URL("http"), f.Ports.Alertmanager.URL("http")
	return dashboards.Write(f.Path("grafana", "dashboards"), o)
}

// grafana says how the Grafana that we were given is started.
func (f *Files) grafana(path string) Program {
	var args []string
	if filepath.Base(path) == "grafana" {
		args = append(args, "server") // newer packages have one program for all
	}
	args = append(args, "--config="+f.Path("config", "grafana.ini"))
	if home := grafanaHome(path); home != "" {
		args = append(args, "--homepath="+home)
	}
	return Program{Name: "grafana", Path: path, Args: args, Env: append(foreign(os.Environ()),
		"VIGIE_DASHBOARDS="+f.Path("grafana", "dashboards"), "VIGIE_PROMETHEUS="+f.Ports.Prometheus.URL("http"))}
}

// foreign leaves out settings of another Grafana: they would win over our file.
func foreign(env []string) (kept []string) {
	for _, e := range env {
		if !strings.HasPrefix(e, "GF_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// grafanaHome is the folder with Grafana's own pages: above the program in its
// archive, elsewhere in its packages. Empty leaves the search to Grafana.
func grafanaHome(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	for _, dir := range []string{filepath.Dir(filepath.Dir(path)), "/usr/share/grafana"} {
		if _, err := os.Stat(filepath.Join(dir, "conf", "defaults.ini")); err == nil {
			return dir
		}
	}
	return ""
}
