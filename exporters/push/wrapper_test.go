//go:build !windows

package push

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/exporters"
)

// Where backup_exporter is missing, as after an upgrade or under cron's PATH,
// the command runs as ever, and its result waits in the spool until it is sent.
func TestWrapperWithoutTheExporter(t *testing.T) {
	for name, c := range map[string]struct {
		arguments []string
		code      int
		want      exporters.Result
	}{
		"good":             {[]string{`nightly "été" \ dump`, "--", "sh", "-c", "cat; echo err >&2"}, 0, exporters.Success},
		"bad":              {[]string{"nightly", "--", "sh", "-c", "cat; exit 7"}, 7, exporters.Failed},
		"missing":          {[]string{"nightly", "--", "/nowhere/command"}, 127, exporters.Failed},
		"nobody can judge": {[]string{"--for=borg", "--hide-output", "nightly", "--", "sh", "-c", "cat; exit 1"}, 1, exporters.Unknown},
		"good, they say":   {[]string{"--for=borg", "nightly", "--", "cat"}, 0, exporters.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Limits{})
			s := b.sender(b.Server.URL)
			cmd := exec.CommandContext(t.Context(), "../../deploy/scripts/vigie-run", c.arguments...)
			cmd.Env = []string{"PATH=/usr/bin:/bin", "BACKUP_EXPORTER=/nowhere/backup_exporter", "VIGIE_SPOOL=" + s.Spool.Dir, "VIGIE_MACHINE=SRV-AD", "VIGIE_CLASS=server", "HOME=" + b.dir}
			cmd.Stdin = strings.NewReader("what it reads\n")
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			_ = cmd.Run() // its code tells
			if got := cmd.ProcessState.ExitCode(); got != c.code || c.code != 127 && out.String() != "what it reads\n" {
				t.Errorf("%d %q %q", got, out.String(), errs.String())
			}
			if n, err := s.Spool.Len(); err != nil || n != 1 {
				t.Fatalf("%d results wait, %v: %s", n, err, errs.String())
			}
			b.Clock.Advance(time.Since(b.Clock.Now()) + time.Minute)
			if sent, err := s.Flush(t.Context()); err != nil || sent.Sent != 1 {
				t.Fatalf("%+v %v", sent, err)
			}
			b.Refresh()
			jobs := b.Poller.View().Jobs
			if len(jobs) != 1 || jobs[0].LastResult != c.want || jobs[0].Machine != "SRV-AD" || jobs[0].ID != c.arguments[slices.Index(c.arguments, "--")-1] || c.want != exporters.Success && !jobs[0].LastSuccess.IsZero() {
				t.Errorf("%+v", jobs[0])
			}
		})
	}
}

// A signal to the wrapper reaches the command, and the result is told.
func TestWrapperPassesSignals(t *testing.T) {
	spool := &Spool{Dir: filepath.Join(t.TempDir(), "spool"), Now: time.Now}
	cmd := exec.CommandContext(t.Context(), "../../deploy/scripts/vigie-run", "nightly", "--", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "BACKUP_EXPORTER=/nowhere/backup_exporter", "VIGIE_SPOOL=" + spool.Dir, "VIGIE_MACHINE=SRV-AD"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait() // its code tells
	n, err := spool.Len()
	if got := cmd.ProcessState.ExitCode(); got != 9 || err != nil || n != 1 {
		t.Errorf("code %d, %d results wait, %v", got, n, err)
	}
	if _, err := os.Stat(filepath.Join(spool.Dir, "rejected")); err == nil {
		t.Error("rejected")
	}
}
