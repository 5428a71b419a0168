package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

// asProgram makes the test binary behave as vigie itself.
const asProgram = "VIGIE_TEST_RUN_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		if err := obey(os.Getenv(withFaultyDisk)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		main()
	}
	os.Exit(m.Run())
}

const (
	hookToken = "token-of-alertmanager-0001"
	adm1Token = "token-of-adm1-0000000000001"
)

// install writes a configuration into a folder of its own.
type install struct {
	t    *testing.T
	dir  string
	sink *smtpsink.Server
	url  string
	out  *output
	proc *exec.Cmd
}

func newInstall(t *testing.T) *install {
	t.Helper()
	sink, err := smtpsink.Start(t.Context(), smtpsink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	i := &install{t: t, dir: t.TempDir(), sink: sink}
	if err := os.CopyFS(i.dir, os.DirFS("../../receiver/testdata")); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(sink.Addr())
	i.edit("vigie.yml", "{host: 127.0.0.1, port: 25, tls: none}", fmt.Sprintf("{host: %s, port: %s, tls: none}", host, port))
	i.edit("vigie.yml", "  from:", "  reply_to: Backups <backups@msp.example>\n  from:")
	i.edit("vigie.yml", "schema: 1", "schema: 1\nlisten: 127.0.0.1:0")
	i.edit("policy/policy.yml", "hold: 60s", "hold: 1s")
	i.write("webhook.token", hookToken+"\n")
	sum := sha256.Sum256([]byte(adm1Token))
	i.write("people.tokens", "adm1 "+hex.EncodeToString(sum[:])+"\n")
	i.write("adm1.token", adm1Token+"\n")
	return i
}

func (i *install) write(name, text string) {
	i.t.Helper()
	if err := os.WriteFile(filepath.Join(i.dir, name), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
}

func (i *install) edit(name, old, now string) {
	i.t.Helper()
	b, err := os.ReadFile(filepath.Join(i.dir, name))
	if err != nil {
		i.t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(old)) {
		i.t.Fatalf("%s does not contain %q", name, old)
	}
	i.write(name, strings.Replace(string(b), old, now, 1))
}

// output keeps what a child writes and waits for words in it.
type output struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func (o *output) read(r io.Reader) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		o.mu.Lock()
		o.lines = append(o.lines, s.Text())
		o.mu.Unlock()
		select {
		case o.more <- struct{}{}:
		default:
		}
	}
	close(o.more)
}

func (o *output) wait(t *testing.T, re *regexp.Regexp) []string {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		o.mu.Lock()
		for _, l := range o.lines {
			if m := re.FindStringSubmatch(l); m != nil {
				o.mu.Unlock()
				return m
			}
		}
		text := strings.Join(o.lines, "\n")
		o.mu.Unlock()
		select {
		case _, open := <-o.more:
			if !open {
				t.Fatalf("the child ended without %s:\n%s", re, text)
			}
		case <-limit:
			t.Fatalf("no %s within 30 s:\n%s", re, text)
		}
	}
}

var listening = regexp.MustCompile(`Listening on.*address=(\S+)`)

func (i *install) start() {
	i.t.Helper()
	i.proc = exec.Command(os.Args[0], "serve", "--config.file="+filepath.Join(i.dir, "vigie.yml"))
	i.proc.Env = append(os.Environ(), asProgram+"=1")
	stderr, err := i.proc.StderrPipe()
	if err != nil {
		i.t.Fatal(err)
	}
	if err := i.proc.Start(); err != nil {
		i.t.Fatal(err)
	}
	proc := i.proc
	i.t.Cleanup(func() { _ = proc.Process.Kill(); _ = proc.Wait() })
	i.out = &output{more: make(chan struct{}, 1)}
	go i.out.read(stderr)
	i.url = "http://" + i.out.wait(i.t, listening)[1]
}

// end sends a signal and waits until the program is gone.
func (i *install) end(sig os.Signal) error {
	if err := i.proc.Process.Signal(sig); err != nil {
		i.t.Fatal(err)
	}
	return i.proc.Wait()
}

func (i *install) post(machine string) error {
	body := fmt.Sprintf(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"BackupFailed","customer":"dupont","machine":%q,
		"machine_class":"server","backup_role":"primary","kind":"failed"},"annotations":{},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z"}]}`,
		machine, time.Now().UTC().Format(time.RFC3339))
	req, err := http.NewRequest(http.MethodPost, i.url+"/api/v1/alertmanager", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+hookToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}

// vigie runs the command line in this process.
func (i *install) vigie(want int, args ...string) string {
	i.t.Helper()
	var out, bad bytes.Buffer
	if code := run(i.t.Context(), args, &out, &bad); code != want {
		i.t.Fatalf("vigie %v: exit %d, want %d\n%s%s", args, code, want, &out, &bad)
	}
	return out.String() + bad.String()
}

func (i *install) client(args ...string) []string {
	return append(args, "--url="+i.url, "--token-file="+filepath.Join(i.dir, "adm1.token"))
}

// D1 and D2: what was answered with 200 survives kill -9, and its mail leaves at
// least once, a second time only with the same Message-ID.
func TestKilled(t *testing.T) {
	i := newInstall(t)
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	acked := map[string]bool{}
	var mu sync.Mutex
	for round := range rounds {
		i.start()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for c := range 8 {
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					m := fmt.Sprintf("M-%d-%d-%d", round, c, n)
					if i.post(m) == nil {
						mu.Lock()
						acked[m] = true
						mu.Unlock()
					}
				}
			})
		}
		time.Sleep(time.Duration(50+100*round) * time.Millisecond) // the moment of the kill is meant to be arbitrary
		_ = i.end(syscall.SIGKILL)                                 // it reports the signal
		cancel()
		wg.Wait()
	}
	if len(acked) == 0 {
		t.Fatal("nothing was accepted")
	}
	i.start()
	times := i.machines()
	for m := range acked {
		if times[m] != 1 {
			t.Errorf("%s was accepted and is kept %d times", m, times[m])
		}
	}
	// Each incident is told by exactly one message, however often it is sent.
	if _, err := i.sink.Wait(t.Context(), func(smtpsink.Message) bool { return i.told() >= len(times) }); err != nil {
		t.Fatal(err)
	}
	if told := i.told(); told != len(times) {
		t.Errorf("%d incidents are told of, %d are kept", told, len(times))
	}
	t.Logf("%d deliveries accepted in %d lives, %d incidents kept, %d transmissions", len(acked), rounds, len(times), len(i.sink.Messages()))
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Errorf("a graceful stop: %v", err)
	}
}

// machines counts the incidents of each machine.
func (i *install) machines() map[string]int {
	i.t.Helper()
	const most = 10_000
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v1/incidents?limit=%d", i.url, most), nil)
	if err != nil {
		i.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adm1Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	var list []struct {
		Identity map[string]string `json:"identity"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		i.t.Fatal(err)
	}
	if len(list) == most {
		i.t.Fatal("more incidents than one list holds: shorten the lives")
	}
	times := map[string]int{}
	for _, x := range list {
		times[x.Identity["machine"]]++
	}
	return times
}

// told adds up the incidents that distinct messages speak of.
func (i *install) told() int {
	rows := map[string]int{}
	for _, m := range i.sink.Messages() {
		n, err := strconv.Atoi(m.Header("X-Vigie-Bundle"))
		if err != nil {
			n = 1
		}
		rows[m.MessageID] = n
	}
	sum := 0
	for _, n := range rows {
		sum += n
	}
	return sum
}

// Whoever takes a call types it in.
func TestActReport(t *testing.T) {
	i := newInstall(t)
	i.start()
	out := i.vigie(0, i.client("act", "report", "via=phone", "platform=lms-A", "by=dean@lms-a.example", "text=nobody can log in")...)
	if !strings.Contains(out, "incident #1 ") || !strings.Contains(out, "its clocks run from ") {
		t.Errorf("a report by phone:\n%s", out)
	}
	// What the causes of a policy may match.
	if out := i.vigie(0, i.client("act", "report", "via=sms", "platform=lms-A", "by=dean@lms-a.example", "recent_change=yes", "text=again", "--output=json")...); !regexp.MustCompile(`"recent_change":\s*"true"`).MatchString(out) {
		t.Errorf("after a recent change:\n%s", out)
	}
	if out := i.vigie(1, i.client("act", "report", "via=phone", "platform=lms-A", "recent_change=maybe", "text=x")...); !strings.Contains(out, "write yes or no") {
		t.Errorf("a change that may be:\n%s", out)
	}
	if out := i.vigie(1, i.client("act", "report", "via=pigeon", "platform=lms-A", "text=x")...); !strings.Contains(out, "one of phone, mail, sms, level2, level3, assistance") {
		t.Errorf("a report by pigeon:\n%s", out)
	}
}

// The whole way as a person at the command line sees it.
func TestServe(t *testing.T) {
	i := newInstall(t)
	i.start()
	if err := i.post("SRV-AD"); err != nil {
		t.Fatal(err)
	}
	if _, err := i.sink.Wait(t.Context(), func(m smtpsink.Message) bool { return slices.Contains(m.Recipients, "sup@msp.example") }); err != nil {
		t.Fatal(err)
	}
	if out := i.vigie(0, i.client("incidents")...); !strings.Contains(out, "SRV-AD") {
		t.Errorf("incidents:\n%s", out)
	}
	out := i.vigie(0, i.client("act", "escalate", "customer=dupont,machine=SRV-AD", "reason=the disk is broken")...)
	if !strings.Contains(out, "am.dupont@msp.example") {
		t.Errorf("act:\n%s", out)
	}
	if _, err := i.sink.Wait(t.Context(), func(m smtpsink.Message) bool { return slices.Contains(m.Recipients, "am.dupont@msp.example") }); err != nil {
		t.Fatal(err)
	}
	i.vigie(1, i.client("act", "resolve", "77")...)
	if out := i.vigie(0, i.client("messages", "--incident=customer=dupont,machine=SRV-AD")...); !strings.Contains(out, "am.dupont@msp.example") || !strings.Contains(out, "accepted") {
		t.Errorf("messages:\n%s", out)
	}
	// The server has the mail before the receiver has written down that it does.
	waits := ""
	for end := time.Now().Add(20 * time.Second); waits != "[]" && time.Now().Before(end); {
		waits = strings.TrimSpace(i.vigie(0, i.client("messages", "--waiting", "--output=json")...))
	}
	if waits != "[]" {
		t.Errorf("what waits:\n%s", waits)
	}
	if out := i.vigie(0, i.client("messages", "retry")...); !strings.HasPrefix(out, "0 transmissions") {
		t.Errorf("retry:\n%s", out)
	}
	if out := i.vigie(0, i.client("explain", "1")...); !strings.Contains(out, "account_manager") || !strings.Contains(out, "accepted") ||
		!strings.Contains(out, "the next question to Prometheus") {
		t.Errorf("explain:\n%s", out)
	}
	if out := i.vigie(0, i.client("explain", "1", "--output=json")...); !json.Valid([]byte(out)) {
		t.Errorf("explain --output=json:\n%s", out)
	}

	key := regexp.MustCompile(`\S*customer\S*=\S*dupont\S*`).FindString(i.vigie(0, i.client("incidents")...))
	for _, name := range []string{"#1", "i1", "SRV-AD", key} {
		if out := i.vigie(0, i.client("explain", name)...); !strings.Contains(out, "account_manager") {
			t.Errorf("explain %s:\n%s", name, out)
		}
	}
	if out := i.vigie(1, i.client("explain", "SRV-NOBODY")...); !strings.Contains(out, "no open incident has SRV-NOBODY") {
		t.Errorf("explain of nothing:\n%s", out)
	}

	// A faulty file is refused whole; the old one stays.
	i.write("policy/second.yml", "schema: 1\neffective_from: 2023-01-01\nscenarioss: []\n")
	if err := i.proc.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.out.wait(t, regexp.MustCompile(`not taken over.*second\.yml:3`))
	if got := i.metrics()["vigie_config_last_reload_successful"]; got != "0" {
		t.Errorf("vigie_config_last_reload_successful is %s", got)
	}
	if err := os.Remove(filepath.Join(i.dir, "policy/second.yml")); err != nil {
		t.Fatal(err)
	}
	i.edit("inventory/inventory.yml", "sup@msp.example", "sup2@msp.example")
	if err := i.proc.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.out.wait(t, regexp.MustCompile(`configuration taken over`))
	if err := i.post("SRV-NEW"); err != nil {
		t.Fatal(err)
	}
	if _, err := i.sink.Wait(t.Context(), func(m smtpsink.Message) bool { return slices.Contains(m.Recipients, "sup2@msp.example") }); err != nil {
		t.Fatal(err)
	}
	// The first incident stays with the policy it opened under, also when that is
	// in no file any more.
	pinned := i.policyOf("1")
	i.edit("policy/policy.yml", "title: {en: Test policy}", "title: {en: Another policy}")
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Errorf("a graceful stop: %v", err)
	}
	i.start()
	if err := i.post("SRV-LATER"); err != nil {
		t.Fatal(err)
	}
	if got := i.policyOf("1"); got != pinned {
		t.Errorf("incident 1 moved from policy %s to %s", pinned, got)
	}
	if got := i.policyOf("machine=SRV-LATER"); got == pinned {
		t.Errorf("a new incident is under the old policy %s", got)
	}
	for name := range i.metrics() {
		if strings.Contains(name, "@") {
			t.Errorf("an address in the metrics: %s", name)
		}
	}
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Errorf("a graceful stop: %v", err)
	}
}

// policyOf is the policy by which an incident can be explained.
func (i *install) policyOf(incident string) string {
	i.t.Helper()
	var x struct {
		Policy string
		Steps  []any
	}
	out := i.vigie(0, i.client("explain", incident, "--output=json")...)
	if err := json.Unmarshal([]byte(out), &x); err != nil {
		i.t.Fatal(err)
	}
	if len(x.Steps) == 0 {
		i.t.Fatalf("incident %s cannot be explained: %s", incident, out)
	}
	return x.Policy
}

func (i *install) metrics() map[string]string {
	i.t.Helper()
	resp, err := http.Get(i.url + "/metrics")
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[string]string{}
	s := bufio.NewScanner(resp.Body)
	for s.Scan() {
		if name, value, ok := strings.Cut(s.Text(), " "); ok && name != "#" {
			out[name] = value
		}
	}
	return out
}

func TestCheck(t *testing.T) {
	i := newInstall(t)
	path := "--config.file=" + filepath.Join(i.dir, "vigie.yml")
	if out := i.vigie(0, "check", path); !strings.Contains(out, "four_hours") {
		t.Errorf("check:\n%s", out)
	}
	if out := i.vigie(0, "check", path, "--output=json"); !json.Valid([]byte(out)) {
		t.Errorf("check --output=json:\n%s", out)
	}
	for name, c := range map[string]struct{ file, old, now, want string }{
		"unknown key":      {"vigie.yml", "organisation:", "organization:", `vigie.yml:3: unknown key "organization": did you mean "organisation"?`},
		"bad address":      {"vigie.yml", "Vigie <vigie@msp.example>", "nobody", "mail.from"},
		"no policy":        {"vigie.yml", "policy/*.yml", "nowhere/*.yml", "names no file"},
		"unknown template": {"policy/policy.yml", "template: B1", "template: B11x", `policy.yml:39: template: there is no template "B11x"`},
		"in the inventory": {"inventory/inventory.yml", "account_manager: am", "account_manager: nobody", "inventory.yml"},
		"plain text":       {"vigie.yml", "host: 127.0.0.1", "host: mail.msp.example", "clear text"},
	} {
		bad := newInstall(t)
		bad.edit(c.file, c.old, c.now)
		if out := bad.vigie(1, "check", "--config.file="+filepath.Join(bad.dir, "vigie.yml")); !strings.Contains(out, c.want) {
			t.Errorf("%s: no %q in\n%s", name, c.want, out)
		}
	}
}

func TestHelpHasExamples(t *testing.T) {
	i := newInstall(t)
	for _, v := range []string{"serve", "check", "simulate", "due", "incidents", "explain", "act"} {
		if out := i.vigie(0, v, "--help"); !strings.Contains(out, "Example") || !strings.Contains(out, "vigie "+v) {
			t.Errorf("%s --help has no example:\n%s", v, out)
		}
	}
}

func TestSimulate(t *testing.T) {
	i := newInstall(t)
	i.write("story.yml", `start: 2026-03-09T07:10:00+01:00
until: 2026-03-09T09:00:00+01:00
events:
  - at: 2026-03-09T07:10:00+01:00
    fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}
`)
	out := i.vigie(0, "simulate", "--config.file="+filepath.Join(i.dir, "vigie.yml"), filepath.Join(i.dir, "story.yml"))
	kinds := map[string]int{}
	for line := range strings.Lines(out) {
		var h struct{ What, Subject string }
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		kinds[h.What]++
		if h.What == "notification" && h.Subject == "" {
			t.Error("a notification without subject")
		}
	}
	if kinds["notification"] != 1 || kinds["state"] == 0 {
		t.Errorf("happenings: %v", slices.Sorted(maps.Keys(kinds)))
	}
}
