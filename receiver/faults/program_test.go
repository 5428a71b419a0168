package faults

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

const (
	hookToken   = "token-of-alertmanager-0001"
	personToken = "token-of-adm1-0000000000001"
)

// program is the built receiver with a folder of its own.
type program struct {
	t      *testing.T
	dir    string
	binary string
	env    []string
	sink   *smtpsink.Server
	url    string
	proc   *exec.Cmd
	said   *said
	asking int // how many commands the relay had heard when its faults were set
}

// said is what the latest life wrote to its log.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
	done chan struct{} // closed when it says nothing more
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *said) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text.Len() < 1<<20 {
		fmt.Fprintln(&s.text, text)
	}
}

// binaries is the folder of the programs that were built, for all tests.
var (
	binaries string
	building sync.Mutex
)

func TestMain(m *testing.M) {
	var err error
	if binaries, err = os.MkdirTemp("", "vigie-faults"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(binaries)
	os.Exit(code)
}

// build makes a binary of the program, once.
func build(t *testing.T, name string, how ...string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	binary := filepath.Join(binaries, name)
	if _, err := os.Stat(binary); err == nil {
		return binary
	}
	if out, err := exec.Command("go", append(how, "-o", binary, "vigie/cmd/vigie")...).CombinedOutput(); err != nil {
		t.Fatalf("build vigie: %v\n%s", err, out)
	}
	return binary
}

func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{t: t, dir: t.TempDir(), binary: build(t, "vigie", "build", "-buildvcs=false")}
	return p.furnish()
}

// newProgramOnFaultyDisk is the same program in the form in which its own tests
// run it: its database lies on a disk that can be ordered to fail.
func newProgramOnFaultyDisk(t *testing.T) *program {
	t.Helper()
	p := &program{t: t, dir: t.TempDir(), binary: build(t, "vigie.test", "test", "-buildvcs=false", "-c")}
	p.env = []string{"VIGIE_TEST_RUN_AS_PROGRAM=1", "VIGIE_TEST_FAULTY_DISK=" + p.dir}
	return p.furnish()
}

// order has the disk do something, from the next start on when nothing runs.
func (p *program) order(format string, args ...any) {
	p.t.Helper()
	p.write("order.part", fmt.Sprintf(format, args...))
	if err := os.Rename(filepath.Join(p.dir, "order.part"), filepath.Join(p.dir, "order")); err != nil {
		p.t.Fatal(err)
	}
}

// ordered has the disk of a running program do something and returns when it
// does.
func (p *program) ordered(format string, args ...any) {
	p.t.Helper()
	p.order(format, args...)
	p.until("the disk obeys", 10*time.Second, func() bool {
		_, err := os.Stat(filepath.Join(p.dir, "order"))
		return err != nil
	})
}

// until waits for something.
func (p *program) until(what string, limit time.Duration, is func() bool) {
	p.t.Helper()
	for end := time.Now().Add(limit); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("not within %s: %s\n%s", limit, what, p.said)
		}
	}
}

// furnish gives the program its mail server and its configuration.
func (p *program) furnish() *program {
	t := p.t
	t.Helper()
	sink, err := smtpsink.Start(t.Context(), smtpsink.Options{MaxMessages: 1_000_000, MaxBytes: 4 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	p.sink = sink
	if err := os.CopyFS(p.dir, os.DirFS("../testdata")); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(sink.Addr())
	p.edit("vigie.yml", "{host: 127.0.0.1, port: 25, tls: none}", fmt.Sprintf("{host: %s, port: %s, tls: none}", host, port))
	p.edit("vigie.yml", "schema: 1", "schema: 1\nlisten: 127.0.0.1:0")
	p.edit("policy/policy.yml", "hold: 60s", "hold: 1s")
	p.write("webhook.token", hookToken+"\n")
	sum := sha256.Sum256([]byte(personToken))
	p.write("people.tokens", "adm1 "+hex.EncodeToString(sum[:])+"\n")
	return p
}

func (p *program) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) edit(name, old, now string) {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(old)) {
		p.t.Fatalf("%s does not contain %q", name, old)
	}
	p.write(name, strings.Replace(string(b), old, now, 1))
}

var listening = regexp.MustCompile(`Listening on.*address=(\S+)`)

// start runs the program and waits until it listens.
func (p *program) start() {
	p.t.Helper()
	if err := p.tryStart(); err != nil {
		p.t.Fatal(err)
	}
}

// command is the program with these arguments.
func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.binary, append(args, "--config.file="+filepath.Join(p.dir, "vigie.yml"))...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// tryStart runs the program until it listens, or has ended without.
func (p *program) tryStart() error {
	p.t.Helper()
	p.proc = p.command("serve")
	stderr, err := p.proc.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.proc.Start(); err != nil {
		p.t.Fatal(err)
	}
	proc := p.proc
	p.t.Cleanup(func() { _ = proc.Process.Kill() })
	found := make(chan string, 1)
	log := &said{done: make(chan struct{})}
	p.said = log
	go func() {
		defer close(log.done)
		listens := false
		for s := bufio.NewScanner(stderr); s.Scan(); {
			log.line(s.Text())
			if m := listening.FindStringSubmatch(s.Text()); m != nil && !listens {
				listens = true
				found <- m[1]
			}
		}
		close(found)
		_, _ = io.Copy(io.Discard, stderr) // a line too long for the scanner
	}()
	select {
	case at := <-found:
		if at == "" {
			_ = p.proc.Wait() // how it ended is in proc
			return fmt.Errorf("it ended without listening:\n%s", log)
		}
		p.url = "http://" + at
	case <-time.After(time.Minute):
		p.t.Fatal("it does not listen within a minute")
	}
	return nil
}

// ends waits until the program has ended by itself and returns its exit code,
// -1 for a signal.
func (p *program) ends(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.said.done:
	case <-time.After(limit):
		p.t.Fatalf("it has not ended within %s:\n%s", limit, p.said)
	}
	_ = p.proc.Wait() // how it ended is in proc
	return p.proc.ProcessState.ExitCode()
}

// end sends a signal and waits until the program is gone.
func (p *program) end(sig os.Signal) {
	p.t.Helper()
	if err := p.proc.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	<-p.said.done
	_ = p.proc.Wait() // it reports the signal
}

// post delivers one failed backup and returns nil once it is accepted.
func (p *program) post(hc *http.Client, machine string) error { return p.postTo(hc, p.url, machine) }

func (p *program) postTo(hc *http.Client, url, machine string) error {
	body := fmt.Sprintf(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"BackupFailed","customer":"dupont","machine":%q,
		"machine_class":"server","backup_role":"primary","kind":"failed"},"annotations":{},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z"}]}`,
		machine, time.Now().UTC().Format(time.RFC3339))
	req, err := http.NewRequest(http.MethodPost, url+"/api/v1/alertmanager", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+hookToken)
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// machines counts the incidents of each machine.
func (p *program) machines() map[string]int {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+"/api/v1/incidents?ended=true&limit=10000", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+personToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var list []struct {
		Identity map[string]string `json:"identity"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		p.t.Fatal(err)
	}
	if len(list) == 10_000 {
		p.t.Fatal("more incidents than one list holds: make the lives shorter")
	}
	times := map[string]int{}
	for _, x := range list {
		times[x.Identity["machine"]]++
	}
	return times
}

// metric returns a metric's value, "" when there is none.
func (p *program) metric(name string) string {
	p.t.Helper()
	resp, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), name+" "); ok {
			return value
		}
	}
	return ""
}
