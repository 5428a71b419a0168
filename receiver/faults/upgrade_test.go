package faults

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// earlier is a commit whose receiver must get along with today's on one database: one
// of the same schema, as an older one ends when a newer has changed that. A build of it can be named instead: VIGIE_EARLIER=FILE.
const earlier = "44f3dd9"

// earlierProgram builds the program of an earlier commit, or skips the test.
func earlierProgram(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("VIGIE_EARLIER"); named != "" {
		return named
	}
	if long(0, 1) == 0 {
		t.Skip("an earlier build takes long to make: VIGIE_FAULTS=long makes it, VIGIE_EARLIER=FILE names one")
	}
	dir := t.TempDir()
	archive := exec.Command("git", "archive", "--format=tar", earlier)
	archive.Dir = "../.."
	unpack := exec.Command("tar", "-x", "-C", dir)
	var said strings.Builder
	var err error
	archive.Stderr = &said
	if unpack.Stdin, err = archive.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := unpack.Start(); err != nil {
		t.Skip("no tar: ", err)
	}
	bad := archive.Run()
	if err := errors.Join(bad, unpack.Wait()); err != nil {
		t.Skipf("%s is not in this copy of the repository: %v %s", earlier, err, &said)
	}
	binary := filepath.Join(dir, "vigie-earlier")
	make := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "vigie/cmd/vigie")
	make.Dir = dir
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", earlier, err, out)
	}
	return binary
}

// A rolling upgrade: an earlier receiver works beside today's on one database, each is
// killed and started again in turn, both get everything. Nothing is lost or told twice, the
// journal verifies, and what a newer policy decided stays under the older one.
func TestFaultRollingUpgrade(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	old := newProgram(t)
	old.binary = earlierProgram(t)
	old.edit("vigie.yml", "schema: 1", "schema: 1\ndatabase: "+s.URL("postgres"))
	today := *old
	today.binary, today.dir = build(t, "vigie"), t.TempDir()
	if err := os.CopyFS(today.dir, os.DirFS(old.dir)); err != nil {
		t.Fatal(err)
	}
	today.edit("policy/policy.yml", "hold: 1s", "hold: 2s") // a newer policy
	both := []*program{old, &today}
	acked := map[string]bool{}
	old.start()
	old.until("the earlier one leads", 30*time.Second, old.leads)
	postBeside(t, both[:1], acked, "earlier", 15)
	today.start()
	postBeside(t, both, acked, "both", 40)
	old.end(syscall.SIGKILL)
	postBeside(t, both[1:], acked, "today", 15)
	today.until("today's leads", 20*time.Second, today.leads)
	pinned := func() string {
		out, err := s.SQL("postgres", "SELECT DISTINCT policy FROM incident WHERE machine LIKE 'today-%'")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	newer := pinned()
	old.start()
	postBeside(t, both[:1], acked, "today", 15) // again, to the one that has the older policy
	postBeside(t, both, acked, "again", 40)
	today.end(syscall.SIGKILL)
	old.until("the earlier one leads again", 20*time.Second, old.leads)
	postBeside(t, both[:1], acked, "back", 15)
	today.start()
	postBeside(t, both, acked, "last", 40)
	if now := pinned(); now != newer || strings.Count(now, "\n") != 1 {
		t.Errorf("incidents opened under policy %s are under %s", newer, now)
	}
	incidents, doubles := today.reckon(acked, 128)
	t.Logf("figure: a receiver of %s beside today's, each killed in turn: %d incidents each told by one message, %d doubles with the same Message-ID", earlier, incidents, doubles)
	old.end(syscall.SIGTERM)
	today.end(syscall.SIGTERM)
	verifies(t, &today, s.URL("postgres"))
}

// newerProgram builds the program as it may be tomorrow: its policy knows one key more.
func newerProgram(t *testing.T) string {
	t.Helper()
	const of, key = "../../rules/policy/scenario.go", "type scenarioDoc struct {\n"
	text, err := os.ReadFile(of)
	if err != nil || strings.Count(string(text), key) != 1 {
		t.Fatal("the keys of a scenario are not there any more: ", err)
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "scenario.go"), filepath.Join(dir, "overlay.json")
	old, err := filepath.Abs(of)
	if err != nil {
		t.Fatal(err)
	}
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {old: file}})
	newer := strings.Replace(string(text), key, key+"\tTomorrow bool `yaml:\"key_of_tomorrow\"`\n", 1)
	if err := errors.Join(err, os.WriteFile(file, []byte(newer), 0o600), os.WriteFile(overlay, replaced, 0o600)); err != nil {
		t.Fatal(err)
	}
	return build(t, "vigie-newer", "build", "-buildvcs=false", "-overlay="+overlay)
}

// Today's receiver beside a newer build whose policy it cannot read: what concerns the
// newer one's incidents, open or ended, it refuses for Alertmanager to repeat; it opens no
// second one and leaves the loops alone. What it takes in itself is told by the newer.
func TestFaultPolicyOfNewerBuild(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	old := newProgram(t)
	old.edit("vigie.yml", "schema: 1", "schema: 1\ndatabase: "+s.URL("postgres"))
	newer := *old
	newer.binary, newer.dir = newerProgram(t), t.TempDir()
	if err := os.CopyFS(newer.dir, os.DirFS(old.dir)); err != nil {
		t.Fatal(err)
	}
	newer.edit("policy/policy.yml", "  - name: server\n", "  - name: server\n    key_of_tomorrow: true\n")
	old.start()
	old.until("today's leads", 30*time.Second, old.leads)
	newer.start()
	hc := &http.Client{Timeout: 12 * time.Second}
	refused := func(machine string) {
		t.Helper()
		if err := old.post(hc, machine); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("today's receiver says %v of %s", err, machine)
		}
	}
	taken := func(p *program, machine string) {
		t.Helper()
		if err := p.post(hc, machine); err != nil {
			t.Error(err)
		}
	}
	taken(&newer, "of-newer")
	begun := time.Now()
	refused("of-newer")
	newer.until("the newer leads", 30*time.Second, newer.leads)
	told := func(n int) func() bool {
		return func() bool { incidents, _ := newer.told(); return incidents >= n }
	}
	newer.until("it is told", time.Minute, told(1))
	newer.closes("of-newer")
	newer.until("another run has failed", 5*time.Second, func() bool { return time.Now().Unix() > begun.Unix()+1 })
	refused("of-newer")
	taken(old, "of-today")
	newer.end(syscall.SIGKILL)
	refused("of-newer")
	taken(old, "of-today-alone")
	if leads, up := old.metric("vigie_leading"), old.metric("vigie_store_up"); leads != "0" || up != "1" {
		t.Errorf("nobody leads, and its metrics say %q of a store that is %q", leads, up)
	}
	newer.start()
	taken(&newer, "of-newer")
	newer.until("the newer leads again", 30*time.Second, func() bool { return newer.metric("vigie_leading") == "1" })
	refused("of-newer")
	if n := strings.Count(old.said.String(), "this receiver turns the loops now"); n != 1 {
		t.Errorf("today's has turned the loops %d times, and cannot since the newer's policy is there", n)
	}
	newer.until("all are told", time.Minute, told(3))
	if kept := newer.machines(); len(kept) != 3 || kept["of-newer"] != 1 {
		t.Errorf("kept are %v", kept)
	}
	old.end(syscall.SIGTERM)
	newer.end(syscall.SIGTERM)
	verifies(t, &newer, s.URL("postgres"))
}

// closes ends the incident of a machine, in the name of somebody.
func (p *program) closes(machine string) {
	p.t.Helper()
	token := filepath.Join(p.dir, "adm1.token")
	if err := os.WriteFile(token, []byte(personToken), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if out, err := exec.Command(p.binary, "act", "--url="+p.url, "--token-file="+token, "close", machine, "reason=mended by hand").CombinedOutput(); err != nil {
		p.t.Fatalf("close: %v\n%s", err, out)
	}
}
