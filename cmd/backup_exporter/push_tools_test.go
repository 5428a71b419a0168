//go:build !windows

package main

import (
	"encoding/json"
	"net/http"
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
)

const pushToken = "t0k3n-of-dupont-0123456789"

// tools unpacks Debian packages into the cache, without root, or skips.
func tools(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: Debian's packages run on Linux only")
	}
	cache, err := filepath.Abs("../../.cache/debian")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "../../tools/debian", cache, "restic", "borg").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: restic and borg were not run: %v\n%s", err, out)
	}
	root := filepath.Join(cache, "root")
	return root
}

// site is a machine that backs up and an exporter that is told of it.
type site struct {
	*process
	root, work string
	env        []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	root := tools(t)
	p := &process{t: t, dir: t.TempDir()}
	write(t, p.dir, "token", pushToken+"\n")
	p.config = write(t, p.dir, "backup_exporter.yml", `sources:
  - name: push-fr
    poll_interval: 1s
    push: {folder: received, customers: {dupont: {name: Dupont SA, token_file: token}}}
`)
	p.start()
	t.Cleanup(p.end)
	binary := filepath.Join(p.dir, "backup_exporter")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	borg := write(t, p.dir, "borg", "#!/bin/sh\nPYTHONHOME="+root+"/usr PYTHONPATH="+root+"/usr/lib/python3/dist-packages LD_LIBRARY_PATH="+root+"/usr/lib/x86_64-linux-gnu exec "+root+"/usr/bin/python3.11 "+root+"/usr/bin/borg \"$@\"\n")
	if err := os.Chmod(borg, 0o700); err != nil {
		t.Fatal(err)
	}
	s := &site{process: p, root: root, work: filepath.Join(p.dir, "files")}
	if err := os.MkdirAll(s.work, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, s.work, "one", strings.Repeat("important\n", 1000))
	write(t, p.dir, "password", "r3p0-p4ssw0rd")
	write(t, p.dir, "wrong", "not it")
	write(t, p.dir, "webpassword", webPassword)
	s.env = append(os.Environ(), "RESTIC="+root+"/usr/bin/restic", "BORG="+borg, "BACKUP_EXPORTER="+binary, "HOME="+p.dir,
		"RESTIC_REPOSITORY="+p.dir+"/restic-repo", "RESTIC_PASSWORD_FILE="+p.dir+"/password", "RESTIC_CACHE_DIR="+p.dir+"/restic-cache",
		"BORG_REPO="+p.dir+"/borg-repo", "BORG_PASSPHRASE=b0rg-p4ssphr4se", "BORG_BASE_DIR="+p.dir+"/borg-base",
		"BACKUP_EXPORTER_URL=http://"+p.address, "BACKUP_EXPORTER_TOKEN_FILE="+p.dir+"/token", "VIGIE_SPOOL="+p.dir+"/spool", "VIGIE_MACHINE=SRV-AD", "VIGIE_CLASS=server",
		// The test's web server asks for a password and has one user.
		"VIGIE_USER=prometheus", "VIGIE_PASSWORD_FILE="+p.dir+"/webpassword")
	return s
}

// run gives the exit code and everything written.
func (s *site) run(env []string, name string, args ...string) (int, string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), name, args...)
	cmd.Env = append(s.env, env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

const scripts = "../../deploy/scripts/"

// shows waits for the job's state in the metrics and the results.
func (s *site) shows(job string, result exporters.Result, failures int, text string) exporters.ResultItem {
	s.t.Helper()
	var item exporters.ResultItem
	s.eventually(job+" is shown as "+result.String(), func() bool {
		code, body := s.get("/api/v1/results?customer=dupont")
		var a exporters.ResultsAnswer
		if code != http.StatusOK || json.Unmarshal([]byte(body), &a) != nil {
			return false
		}
		for _, r := range a.Results {
			if r.JobID == job {
				item = r
			}
		}
		return item.LastResult == result.String() && item.ConsecutiveFailures == failures
	})
	if !strings.Contains(strings.ToLower(item.Error), text) {
		s.t.Errorf("%s: the error is %q, want %q in it", job, item.Error, text)
	}
	return item
}

func TestResticReally(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	restic := s.root + "/usr/bin/restic"
	if code, out := s.run(nil, restic, "init"); code != 0 {
		t.Fatal(out)
	}
	if code, out := s.run(nil, scripts+"restic.sh", "home", s.work); code != 0 || !strings.Contains(out, "1 sent") {
		t.Fatalf("%d %s", code, out)
	}
	good := s.shows("home", exporters.Success, 0, "")
	if m := s.metrics(); !strings.Contains(m, `backup_job_last_size_bytes{source="push-fr",customer="dupont",job_id="home"} 10000`) {
		t.Error("no size")
	}
	// A file that cannot be read: restic writes a snapshot of the rest and ends with 3.
	code, out := s.run(nil, scripts+"restic.sh", "home", s.work, "/proc/self/clear_refs")
	if code != 3 {
		t.Fatalf("%d %s", code, out)
	}
	s.shows("home", exporters.Failed, 1, "incomplete")
	if code, out := s.run([]string{"RESTIC_PASSWORD_FILE=" + s.dir + "/wrong"}, scripts+"restic.sh", "home", s.work); code == 0 || code == 3 {
		t.Fatalf("%d %s", code, out)
	}
	s.shows("home", exporters.Failed, 2, "wrong password")

	// Killed half-way: the input never ends until the kill.
	cmd := exec.CommandContext(t.Context(), scripts+"restic.sh", "home", "--stdin")
	cmd.Env, cmd.SysProcAttr = s.env, &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Write(make([]byte, 1<<20))
	victim := ""
	s.eventually("restic runs and holds its lock", func() bool {
		kids, _ := exec.Command("pgrep", "-P", strconv.Itoa(cmd.Process.Pid), "restic").Output()
		locks, _ := filepath.Glob(s.dir + "/restic-repo/locks/*")
		victim = strings.TrimSpace(string(kids))
		return victim != "" && len(locks) > 0
	})
	if err := exec.Command("kill", "-KILL", victim).Run(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 137 {
		t.Errorf("%v", err)
	}
	item := s.shows("home", exporters.Failed, 3, "killed")
	if !item.LastSuccess.Equal(good.LastSuccess) {
		t.Error("the last success moved")
	}
	// The killed run's lock is still there: what needs the repository for
	// itself alone is refused.
	if code, out := s.run(nil, scripts+"vigie-run", "check", "--", restic, "check"); code == 0 || !strings.Contains(out, "lock") {
		t.Errorf("%d %s", code, out)
	}
	s.shows("check", exporters.Failed, 1, "lock")
}

func TestBorgReally(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	borg := filepath.Join(s.dir, "borg")
	if code, out := s.run(nil, borg, "init", "--encryption=repokey"); code != 0 {
		t.Fatal(out)
	}
	if code, out := s.run(nil, scripts+"borg.sh", "home", s.work); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	s.shows("home", exporters.Success, 0, "")
	time.Sleep(time.Second) // the archive's name has seconds
	if code, out := s.run(nil, scripts+"borg.sh", "home", s.work, "/nowhere-at-all"); code != 1 {
		t.Fatalf("%d %s", code, out)
	}
	s.shows("home", exporters.Warning, 0, "nowhere-at-all")
	if code, out := s.run([]string{"BORG_PASSPHRASE=wrong"}, scripts+"borg.sh", "home", s.work); code != 2 {
		t.Fatalf("%d %s", code, out)
	}
	s.shows("home", exporters.Failed, 1, "passphrase")
	// Another borg holds the repository.
	holder := exec.CommandContext(t.Context(), borg, "with-lock", s.dir+"/borg-repo", "sleep", "60")
	holder.Env, holder.SysProcAttr = s.env, &syscall.SysProcAttr{Setpgid: true}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-holder.Process.Pid, syscall.SIGTERM)
		_ = holder.Wait()
	}()
	s.eventually("the repository is locked", func() bool { _, err := os.Stat(s.dir + "/borg-repo/lock.exclusive"); return err == nil })
	if code, out := s.run(nil, scripts+"borg.sh", "home", s.work); code != 2 {
		t.Fatalf("%d %s", code, out)
	}
	// Its result counts, not that of the one which found the door closed.
	s.eventually("home is shown as running", func() bool {
		return strings.Contains(s.metrics(), `backup_job_running{source="push-fr",customer="dupont",job_id="home"} 1`)
	})
	s.shows("home", exporters.Failed, 1, "passphrase")
}

// The source is gone, options stand before the paths, nothing but a rehearsal.
func TestBorgSavesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if code, out := s.run(nil, filepath.Join(s.dir, "borg"), "init", "--encryption=repokey"); code != 0 {
		t.Fatal(out)
	}
	if code, out := s.run(nil, scripts+"borg.sh", "home", "--exclude", "*.tmp", s.work); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	good := s.shows("home", exporters.Success, 0, "")
	if code, out := s.run(nil, scripts+"borg.sh", "home", s.work, "--dry-run"); code != 0 || !strings.Contains(out, "nothing to report") {
		t.Fatalf("%d %s", code, out)
	}
	time.Sleep(time.Second) // the archive's name has seconds
	if code, out := s.run(nil, scripts+"borg.sh", "home", s.dir+"/nosuch"); code != 1 {
		t.Fatalf("%d %s", code, out)
	}
	if item := s.shows("home", exporters.Failed, 1, "nothing was saved"); !item.LastSuccess.Equal(good.LastSuccess) {
		t.Error("the last success moved")
	}
	if code, out := s.run([]string{"BORG=/nowhere/borg"}, scripts+"borg.sh", "home", s.work); code != 127 {
		t.Fatalf("%d %s", code, out)
	}
	s.shows("home", exporters.Failed, 2, "not found")
}

// What the program writes, returns and is given is as without the wrapper.
func TestVigieRunChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct{ script, result string }{
		{"printf 'a\\000b\\n'; echo w >&2; printf c; exit 7", "failed"},
		{"cat; kill -TERM $$", "cancelled"},
		{"exit 0", "success"},
	} {
		plain, wrapped := exec.CommandContext(t.Context(), "sh", "-c", c.script), exec.CommandContext(t.Context(), scripts+"vigie-run", "same", "--", "sh", "-c", c.script)
		var out, errs [2]strings.Builder
		for i, cmd := range []*exec.Cmd{plain, wrapped} {
			cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.env, strings.NewReader("given\x00"), &out[i], &errs[i]
			_ = cmd.Run() // the state tells
		}
		want := plain.ProcessState.ExitCode()
		if want < 0 {
			want = 143 // as a shell tells it
		}
		if got := wrapped.ProcessState.ExitCode(); got != want || out[0].String() != out[1].String() || !strings.HasPrefix(errs[1].String(), errs[0].String()) {
			t.Errorf("%q: %d %q %q, want %d %q %q", c.script, got, out[1].String(), errs[1].String(), want, out[0].String(), errs[0].String())
		}
	}
	// A full disk is met by the program itself.
	if code, out := s.run(nil, "sh", "-c", scripts+"vigie-run full -- head -c 200000 /dev/zero >/dev/full"); code != 1 {
		t.Errorf("%d %s", code, out)
	}
	s.shows("full", exporters.Failed, 1, "no space left")
	// No folder for the spool and no exporter: it is said to be lost, and the command ran.
	if code, out := s.run([]string{"VIGIE_SPOOL=/proc/nowhere", "BACKUP_EXPORTER_URL=http://127.0.0.1:9", "VIGIE_PATIENCE=0s"}, scripts+"vigie-run", "x", "--", "echo", "ran"); code != 0 || !strings.Contains(out, "ran") || !strings.Contains(out, "NOT REPORTED") {
		t.Errorf("%d %s", code, out)
	}
	// No folder for the spool, but an exporter: it arrives.
	if code, out := s.run([]string{"VIGIE_SPOOL=/proc/nowhere"}, scripts+"vigie-run", "direct", "--", "true"); code != 0 {
		t.Errorf("%d %s", code, out)
	}
	s.shows("direct", exporters.Success, 0, "")
}
