//go:build !windows

package push

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/exporters"
)

// The test program is also the receiver that is killed: with this variable
// it serves from the folder named, and kills itself at the instant named.
const killEnv = "VIGIE_TEST_KILL_AT"

// TestVictim is the process of TestKilledBeforeTheAnswer, not a test.
func TestVictim(t *testing.T) {
	instant, dir, ok := strings.Cut(os.Getenv(killEnv), ":")
	if !ok {
		t.Skip("runs as the victim of TestKilledBeforeTheAnswer only")
	}
	config := &Config{Folder: "push", Customers: map[string]*Customer{"dupont": {TokenFile: "dupont"}}}
	if err := config.Validate(dir); err != nil {
		t.Fatal(err)
	}
	s, err := New(config, exporters.SourceOptions{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.journal.hook = func(name string, f *os.File, at int64, line []byte) {
		switch {
		case instant == "half" && name == "write":
			_, _ = f.WriteAt(line[:len(line)/2], at)
		case instant == "zeros" && name == "write":
			// The length reached the disk, a part of the text did not.
			torn := append([]byte(nil), line...)
			clear(torn[len(torn)/3 : len(torn)/2])
			_, _ = f.WriteAt(torn, at)
		case instant == name:
		default:
			return
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("listening", l.Addr())
	_ = (&http.Server{Handler: Handler(func() []*Source { return []*Source{s} })}).Serve(l)
}

// A receiver killed between write and answer has the report once, and exactly
// once after the sender asks again.
func TestKilledBeforeTheAnswer(t *testing.T) {
	for _, instant := range []string{"write", "half", "zeros", "written", "synced"} {
		t.Run(instant, func(t *testing.T) {
			b := newBench(t, Limits{})
			earlier := b.Clock.Now().Add(-time.Hour)
			b.send(dupontToken, report("0", "failed", earlier, ""))
			_ = b.source.Close()

			cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$")
			cmd.Env = append(os.Environ(), killEnv+"="+instant+":"+b.dir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			scan := bufio.NewScanner(out)
			address := ""
			for address == "" && scan.Scan() {
				address, _ = strings.CutPrefix(scan.Text(), "listening ")
			}
			if address == "" {
				t.Fatal("the victim does not listen")
			}
			one := report("1", "failed", b.Clock.Now(), "")
			req, err := http.NewRequest(http.MethodPost, "http://"+address+Path, strings.NewReader(one))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer "+dupontToken)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
				t.Fatalf("answered %d", resp.StatusCode)
			}
			if state := cmd.Wait(); state == nil || !strings.Contains(state.Error(), "killed") {
				t.Fatalf("the victim ended otherwise: %v", state)
			}

			b.restart()
			want := 1
			if instant == "written" || instant == "synced" {
				want = 2 // on disk though nobody was told
			}
			b.want(metric("consecutive_failures", want))
			b.send(dupontToken, one)
			b.want(metric("consecutive_failures", 2), metric("last_run_timestamp_seconds", b.Clock.Now()))
			b.send(dupontToken, report("2", "success", b.Clock.Now().Add(time.Second), ""))
			b.restart()
			b.want(metric("last_result", 1), metric("consecutive_failures", 0))
		})
	}
}

// Damage that is not the end of a cut-off write is told, not passed over.
func TestDamageInTheMiddle(t *testing.T) {
	b := newBench(t, Limits{})
	for i := range 3 {
		b.send(dupontToken, report(fmt.Sprint(i), "success", b.Clock.Now().Add(time.Duration(i)*time.Minute), ""))
	}
	_ = b.source.Close()
	path := b.source.journal.path()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[20] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	b.restart()
	if err := b.Poller.Refresh(t.Context()); exporters.ReasonOf(err) != exporters.ReasonState || !strings.Contains(err.Error(), "damaged at byte 0") {
		t.Errorf("%v", err)
	}
	if code, _ := b.post(dupontToken, report("9", "success", b.Clock.Now(), "")); code != http.StatusServiceUnavailable {
		t.Errorf("%d", code)
	}
}
