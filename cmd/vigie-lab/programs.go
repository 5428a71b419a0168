package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Programs are the paths of the real programs.
type Programs struct {
	Prometheus, Alertmanager, Vigie, BackupExporter string
	// Restic may be missing: then nothing is really backed up.
	Restic string
	// Grafana runs only when it is named; it is neither looked for nor fetched.
	Grafana string
}

// Find completes the paths that are not given: beside our own executable, then
// in .cache/bin below root, then in PATH. What is missing is said all at once.
func (p *Programs) Find(root string) error {
	var missing []string
	for _, w := range []struct {
		path      *string
		name, get string
	}{
		{&p.Prometheus, "prometheus", "`make tools` builds it, or name an installed one: --prometheus=PATH or PROMETHEUS=PATH"},
		{&p.Alertmanager, "alertmanager", "`make tools` builds it, or name an installed one: --alertmanager=PATH or ALERTMANAGER=PATH"},
		{&p.Vigie, "vigie", "`make build` builds it, or name it: --vigie=PATH"},
		{&p.BackupExporter, "backup_exporter", "`make build` builds it, or name it: --backup-exporter=PATH"},
	} {
		if *w.path != "" {
			abs, err := exec.LookPath(*w.path)
			if err == nil {
				abs, err = filepath.Abs(abs)
			}
			if err != nil {
				missing = append(missing, fmt.Sprintf("%s: %q cannot be run: %v; %s", w.name, *w.path, err, w.get))
				continue
			}
			*w.path = abs
			continue
		}
		found, ok := find(w.name, root)
		if !ok {
			missing = append(missing, fmt.Sprintf("%s: not found beside this program, in %s or in PATH; %s",
				w.name, filepath.Join(root, ".cache", "bin"), w.get))
		}
		*w.path = found
	}
	if p.Restic == "" {
		p.Restic, _ = exec.LookPath(filepath.Join(root, ".cache", "debian", "root", "usr", "bin", "restic"))
	}
	if p.Restic == "" {
		p.Restic, _ = exec.LookPath("restic")
	}
	if p.Grafana != "" {
		abs, err := exec.LookPath(p.Grafana)
		if err == nil {
			abs, err = filepath.Abs(abs)
		}
		if err != nil {
			missing = append(missing, fmt.Sprintf("grafana: %q cannot be run: %v; name an installed grafana-server, or leave --grafana and GRAFANA out", p.Grafana, err))
		}
		p.Grafana = abs
	}
	if missing != nil {
		return fmt.Errorf("programs are missing:\n  %s", strings.Join(missing, "\n  "))
	}
	return nil
}

func find(name, root string) (string, bool) {
	var dirs []string
	if self, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(self))
	}
	for _, d := range append(dirs, filepath.Join(root, ".cache", "bin")) {
		if path, err := exec.LookPath(filepath.Join(d, name)); err == nil {
			return path, true
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", false
	}
	abs, err := filepath.Abs(path)
	return abs, err == nil
}

// Root finds the project's folder above the working directory or the program:
// the folder whose rules, policies and inventory the lab runs with.
func Root() (string, error) {
	var from []string
	if wd, err := os.Getwd(); err == nil {
		from = append(from, wd)
	}
	if self, err := os.Executable(); err == nil {
		from = append(from, filepath.Dir(self))
	}
	for _, d := range from {
		for {
			if isRoot(d) {
				return d, nil
			}
			up := filepath.Dir(d)
			if up == d {
				break
			}
			d = up
		}
	}
	return "", fmt.Errorf("the project's folder (with alerting-rules/ and deploy/) is not above %s: name it with --root", strings.Join(from, " nor "))
}

func isRoot(dir string) bool {
	for _, want := range []string{"alerting-rules", filepath.Join("deploy", "examples", "synomega")} {
		if info, err := os.Stat(filepath.Join(dir, want)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}
