//go:build !windows

package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/resticrepo"
)

// resticSite is a repository that real restic writes, and a source that reads it.
type resticSite struct {
	t           *testing.T
	dir, restic string
	env         []string
	ahead       time.Duration // of the exporter's clock before restic's
}

func newResticSite(t *testing.T) *resticSite {
	t.Helper()
	s := &resticSite{t: t, restic: tools(t) + "/usr/bin/restic", dir: t.TempDir()}
	write(t, s.dir, "password", "r3p0-p4ssw0rd")
	write(t, s.dir, "wrong", "not it")
	write(t, s.dir, "files/one", strings.Repeat("important\n", 1000))
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	write(t, s.dir, "files/two", string(noise))
	s.env = append(os.Environ(), "HOME="+s.dir, "RESTIC_REPOSITORY="+s.dir+"/repo", "RESTIC_PASSWORD_FILE="+s.dir+"/password", "RESTIC_CACHE_DIR="+s.dir+"/cache")
	s.run(0, "init")
	return s
}

func (s *resticSite) run(want int, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.restic, args...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		s.t.Fatalf("restic %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (s *resticSite) now() time.Time { return time.Now().Add(s.ahead) }

// poller reads the repository by way of the configuration file.
func (s *resticSite) poller(settings string) *exporters.Poller {
	s.t.Helper()
	text := "sources:\n- name: repo\n  restic_repository: {binary: " + s.restic + ", customer: dupont, " + settings + "}\n"
	if !strings.Contains(settings, "repository:") {
		text = strings.Replace(text, "customer:", "repository: "+s.dir+"/repo, customer:", 1)
	}
	if !strings.Contains(settings, "password_file:") {
		text = strings.Replace(text, "customer:", "password_file: password, customer:", 1)
	}
	config, err := loadConfig(write(s.t, s.dir, "backup_exporter.yml", text), sourceTable(), exporters.SourceOptions{Now: s.now})
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := exporters.NewPoller(exporters.PollerOptions{Name: "repo", Engine: resticrepo.Key, Source: config.sources[0].source, Interval: time.Minute,
		Timeout: time.Minute, WarningIsSuccess: true, Now: s.now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// jobs refreshes and gives the jobs by id.
func (s *resticSite) jobs(p *exporters.Poller) map[string]exporters.Job {
	s.t.Helper()
	if err := p.Refresh(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	out := map[string]exporters.Job{}
	for _, j := range p.View().Jobs {
		out[j.ID] = *j
	}
	return out
}

// print gives a hash over every name and byte of the repository.
func (s *resticSite) print() string {
	s.t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(s.dir+"/repo", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d %s\n", path, len(data), data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func TestResticRepositoryReally(t *testing.T) {
	t.Parallel()
	s := newResticSite(t)
	if jobs := s.jobs(s.poller("snapshot_is_success: true")); len(jobs) != 0 {
		t.Errorf("an empty repository has jobs: %v", jobs)
	}
	s.run(0, "backup", "--host=SRV-AD", "--tag=daily", s.dir+"/files")
	s.run(0, "tag", "--add=ok", "--host=SRV-AD")
	plain, trusting := s.poller("group_by: [host, tags]"), s.poller("snapshot_is_success: true")
	tagged := s.poller("group_by: [host, tags], success_tag: ok, tag_within: 1h")
	good := s.jobs(tagged)["srv-ad/daily"]
	if good.LastResult != exporters.Success || time.Since(good.LastSuccess) > time.Hour || good.Machine != "SRV-AD" || good.Plan != "daily" {
		t.Errorf("a tagged snapshot: %+v", good)
	}
	// Exit code 3 writes a snapshot of what could be read.
	s.run(3, "backup", "--host=SRV-AD", "--tag=daily", s.dir+"/files", "/proc/self/clear_refs")
	s.run(0, "backup", "--host=srv-été", "--tag=daily,sql", s.dir+"/files/one")
	before := s.print()
	if j := s.jobs(tagged)["srv-ad/daily"]; j.LastResult != exporters.Success || !j.LastRun.Equal(good.LastRun) {
		t.Errorf("a snapshot that may still be tagged: %+v", j)
	}
	s.ahead = 2 * time.Hour
	jobs := s.jobs(tagged)
	bad := jobs["srv-ad/daily"]
	if bad.LastResult != exporters.Failed || bad.Failures != 1 || !bad.LastSuccess.Equal(good.LastSuccess) || !bad.LastRun.After(good.LastRun) || !strings.Contains(bad.Error, "incomplete") {
		t.Errorf("an incomplete snapshot: %+v", bad)
	}
	if j := jobs["srv-été/daily,sql"]; len(jobs) != 2 || j.LastResult != exporters.Failed || !j.LastSuccess.IsZero() {
		t.Errorf("one that nobody tagged: %+v", jobs)
	}
	for _, j := range s.jobs(plain) {
		if j.LastResult != exporters.Unknown || !j.LastSuccess.IsZero() || j.LastRun.IsZero() {
			t.Errorf("a snapshot proves nothing: %+v", j)
		}
	}
	if j := s.jobs(trusting)["srv-ad"]; j.LastResult != exporters.Success || !j.LastSuccess.Equal(bad.LastRun) {
		t.Errorf("as the configuration has it: %+v", j)
	}
	if s.print() != before {
		t.Error("reading changed the repository")
	}

	for settings, want := range map[string]struct {
		reason exporters.Reason
		text   string
	}{
		"password_file: wrong":                  {exporters.ReasonAuth, "wrong password"},
		"repository: " + s.dir + "/nowhere":     {exporters.ReasonNotFound, "nowhere"},
		"repository: 'rest:http://127.0.0.1:1'": {exporters.ReasonUnreachable, "refused"},
	} {
		err := s.poller(settings).Refresh(t.Context())
		if exporters.ReasonOf(err) != want.reason || err == nil || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: %v, want %s", settings, err, want.reason)
		}
	}

	s.killed(trusting)
	s.locked(trusting)
	s.damaged(trusting)
}

// killed ends a backup half-way: it leaves no snapshot, and a lock.
func (s *resticSite) killed(p *exporters.Poller) {
	t := s.t
	want := s.jobs(p)["srv-ad"].LastRun
	cmd := exec.CommandContext(t.Context(), s.restic, "backup", "--host=SRV-AD", "--stdin")
	cmd.Env = s.env
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Write(make([]byte, 1<<20))
	s.awaitLock()
	if j := s.jobs(p)["srv-ad"]; !j.LastRun.Equal(want) {
		t.Errorf("while it runs: run %v", j.LastRun)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if j := s.jobs(p)["srv-ad"]; !j.LastRun.Equal(want) || j.LastResult != exporters.Success {
		t.Errorf("killed half-way: run %v, %s", j.LastRun, j.LastResult)
	}
	s.run(0, "unlock", "--remove-all")
}

func (s *resticSite) awaitLock() {
	s.t.Helper()
	for range 400 {
		if locks, _ := filepath.Glob(s.dir + "/repo/locks/*"); len(locks) > 0 {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatal("restic took no lock")
}

// locked reads while another restic has the repository for itself alone.
func (s *resticSite) locked(p *exporters.Poller) {
	t := s.t
	// So slow that it holds its lock for as long as we like.
	cmd := exec.CommandContext(t.Context(), s.restic, "check", "--read-data", "--no-cache", "--limit-download=1")
	cmd.Env, cmd.SysProcAttr = s.env, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		s.run(0, "unlock", "--remove-all")
	}()
	s.awaitLock()
	if out := s.run(1, "snapshots"); !strings.Contains(out, "already locked exclusively") {
		t.Fatalf("the repository is not locked: %s", out)
	}
	before := s.print()
	if len(s.jobs(p)) != 2 {
		t.Error("not read while locked")
	}
	if s.print() != before {
		t.Error("reading changed the repository")
	}
}

// damaged spoils one snapshot: restic leaves it out, ends with 0, and the
// machine would look as if it had none.
func (s *resticSite) damaged(p *exporters.Poller) {
	t := s.t
	files, err := filepath.Glob(s.dir + "/repo/snapshots/*")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v %v", files, err)
	}
	if err := os.Chmod(files[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files[0], 50); err != nil {
		t.Fatal(err)
	}
	if err := p.Refresh(t.Context()); exporters.ReasonOf(err) != exporters.ReasonIncomplete {
		t.Errorf("%v", err)
	}
	if v := p.View(); v.Up || len(v.Jobs) != 2 {
		t.Errorf("up %v, %d jobs", v.Up, len(v.Jobs))
	}
}
