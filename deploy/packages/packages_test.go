package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../.."

// A package that names a file which is gone fails only where packages are
// built, which no other test does.
func TestWhatPackagesHoldIsThere(t *testing.T) {
	configs, _ := filepath.Glob("*/nfpm.yml")
	if len(configs) != 2 {
		t.Fatalf("packages: %v", configs)
	}
	for _, name := range configs {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Contents []struct{ Src, Dst, Type string }
			Scripts  map[string]string
		}
		if err := yaml.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		sources := []string{}
		for _, c := range p.Contents {
			if c.Type != "dir" && !strings.HasPrefix(c.Src, "${STAGE}") {
				sources = append(sources, c.Src)
			}
		}
		for _, s := range p.Scripts {
			sources = append(sources, s)
		}
		if len(sources) < 8 {
			t.Errorf("%s: only %v", name, sources)
		}
		for _, s := range sources {
			if _, err := os.Stat(filepath.Join(root, s)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Units may do only what the programs need: at most 1.5 of systemd's scale.
func TestUnitsAreClosed(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not here")
	}
	units, _ := filepath.Glob(filepath.Join(root, "deploy/systemd/*.service"))
	if len(units) < 3 {
		t.Fatalf("units: %v", units)
	}
	overall := regexp.MustCompile(`Overall exposure level for \S+: ([\d.]+)`)
	for _, u := range units {
		out, err := exec.Command(tool, "security", "--offline=true", "--no-pager", u).CombinedOutput()
		if err != nil && strings.Contains(string(out), "unrecognized option") {
			t.Skip("systemd-analyze is too old to look at a file")
		}
		m := overall.FindSubmatch(out)
		if m == nil {
			t.Fatalf("%s: %v\n%s", u, err, out)
		}
		if level, err := strconv.ParseFloat(string(m[1]), 64); err != nil || level > 1.5 {
			t.Errorf("%s: exposure %s", u, m[1])
		}
	}
}

// Scripts of packages run in any POSIX shell.
func TestScriptsParse(t *testing.T) {
	scripts, _ := filepath.Glob("*/p*[el]")
	if len(scripts) < 8 {
		t.Fatalf("scripts: %v", scripts)
	}
	for _, s := range scripts {
		if out, err := exec.Command("sh", "-n", s).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", s, err, out)
		}
	}
}

// What Windows PowerShell 5.1 and a Windows in French do otherwise than one
// would guess: a program's failure ends no script, quotes within an argument are
// lost, a stderr that is redirected is an error, groups have translated names, and
// a service that stopped with an error is not started again unless that is said.
func TestTheWindowsServiceScript(t *testing.T) {
	text, err := os.ReadFile("windows/install-service.ps1")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(string(text), "")
	for _, wrong := range []string{"binPath", "2>", "SYSTEM:", "Administrators:"} {
		if strings.Contains(code, wrong) {
			t.Errorf("it has %q", wrong)
		}
	}
	for line := range strings.SplitSeq(code, "\n") {
		if regexp.MustCompile(`^\s*(&\s*["']|\w+\.exe)`).MatchString(line) && !strings.HasPrefix(line, "Invoke-Program ") {
			t.Errorf("nobody asks how this ended: %s", line)
		}
	}
	if !strings.Contains(code, "@('failureflag', $name, '1')") {
		t.Error("a service that ended with an error would stay down")
	}
	if check, stop := strings.Index(code, "'--check'"), strings.Index(code, "Stop-Service"); check < 0 || stop < check {
		t.Error("the service is stopped before the configuration is known to be good")
	}
}
