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
	"testing"
	"time"

	"vigie/receiver/notify/smtpsink"
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
	sink   *smtpsink.Server
	url    string
	proc   *exec.Cmd
}

func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{t: t, dir: t.TempDir()}
	p.binary = filepath.Join(p.dir, "vigie")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", p.binary, "vigie/cmd/vigie").CombinedOutput(); err != nil {
		t.Fatalf("build vigie: %v\n%s", err, out)
	}
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
	p.proc = exec.Command(p.binary, "serve", "--config.file="+filepath.Join(p.dir, "vigie.yml"))
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
	var said bytes.Buffer
	go func() {
		s := bufio.NewScanner(stderr)
		for s.Scan() {
			if m := listening.FindStringSubmatch(s.Text()); m != nil {
				found <- m[1]
				break
			}
			fmt.Fprintln(&said, s.Text())
		}
		close(found)
		_, _ = io.Copy(io.Discard, stderr)
	}()
	select {
	case at := <-found:
		if at == "" {
			p.t.Fatalf("it ended without listening:\n%s", &said)
		}
		p.url = "http://" + at
	case <-time.After(time.Minute):
		p.t.Fatal("it does not listen within a minute")
	}
}

// end sends a signal and waits until the program is gone.
func (p *program) end(sig os.Signal) {
	p.t.Helper()
	if err := p.proc.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	_ = p.proc.Wait() // it reports the signal
}

// post delivers one failed backup and returns nil once it is accepted.
func (p *program) post(hc *http.Client, machine string) error {
	body := fmt.Sprintf(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"BackupFailed","customer":"dupont","machine":%q,
		"machine_class":"server","backup_role":"primary","kind":"failed"},"annotations":{},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z"}]}`,
		machine, time.Now().UTC().Format(time.RFC3339))
	req, err := http.NewRequest(http.MethodPost, p.url+"/api/v1/alertmanager", strings.NewReader(body))
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
