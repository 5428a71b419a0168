package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vigie/receiver/faults/history"
	"vigie/receiver/smtpsink"
)

// soaking is how long faults are played: VIGIE_FAULT_SOAK, or a few seconds.
func soaking(t *testing.T) time.Duration {
	text := os.Getenv("VIGIE_FAULT_SOAK")
	if text == "" {
		return 6 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("VIGIE_FAULT_SOAK=%q is no duration such as 24h", text)
	}
	return d
}

var soakedMachine = regexp.MustCompile(`\bM-\d+-\d+\b`)

// soak is a receiver under faults and those who use it meanwhile.
type soak struct {
	*program
	out     *history.Writer
	at      atomic.Pointer[string] // the receiver's address
	present sync.Mutex
	known   []string // machines that were accepted
}

// K14: faults at random, one after the other, while deliveries and acts come in;
// afterwards everything is mended and the history is judged.
func TestFaultSoak(t *testing.T) {
	t.Parallel()
	s := &soak{program: newProgramOnFaultyDisk(t)}
	s.edit("policy/policy.yml", "lead: {people: [vijay]}", "lead: {people: [vijay, sup]}") // who is told of both
	s.edit("vigie.yml", "schema: 1", "schema: 1\ntimings: {retry_first: 1s, retry_most: 4s}")
	file, err := os.Create(filepath.Join(s.dir, "history.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s.out = history.NewWriter(file)
	s.begin()
	ctx, stop := context.WithTimeout(t.Context(), soaking(t))
	defer stop()
	var wg sync.WaitGroup
	for c := range 3 {
		wg.Go(func() { s.deliver(ctx, c) })
	}
	wg.Go(func() { s.escalate(ctx) })
	s.harm(ctx)
	wg.Wait()
	s.mend()
	if err := s.out.Err(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	v, err := history.Check(bytes.NewReader(text), history.Rules{Opening: "opened", OpenTo: []string{"sup@msp.example"},
		Escalated: "account_manager", ActTo: []string{"am.dupont@msp.example", "expert@msp.example", "vijay@msp.example", "sup@msp.example"}, AtOnce: 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range v.Broken {
		t.Error(b)
	}
	if len(v.Broken) > 0 {
		kept := filepath.Join(os.TempDir(), fmt.Sprintf("vigie-history-%d.jsonl", time.Now().Unix()))
		t.Logf("the history is kept in %s: %v", kept, os.WriteFile(kept, text, 0o600))
	}
	if v.Accepted == 0 || v.Acted == 0 || v.Faults == 0 {
		t.Errorf("nothing was played: %+v", v)
	}
	t.Logf("figure: soak of %s, %d faults at random: %d deliveries accepted, %d refused, %d acts, %d incidents, %d messages in %d mails, %d doubles with the same Message-ID; promises broken: %d",
		soaking(t), v.Faults, v.Accepted, v.Refused, v.Acted, v.Machines, v.Messages, v.Mails, v.Doubles, len(v.Broken))
}

// begin starts the receiver and tells the clients where it is.
func (s *soak) begin() {
	s.start()
	url := s.url
	s.at.Store(&url)
}

// deliver posts new machines and, more often, known ones again.
func (s *soak) deliver(ctx context.Context, c int) {
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 12 * time.Second}
	const most = 1500 // a client's machines; all incidents must fit one list
	for n := 0; ctx.Err() == nil; time.Sleep(10*time.Millisecond + rand.N(50*time.Millisecond)) {
		machine := fmt.Sprintf("M-%d-%d", c, n)
		s.present.Lock()
		again := len(s.known) > 0 && (n >= most || rand.N(3) == 0)
		if again {
			machine = s.known[rand.N(len(s.known))]
		} else {
			n++
		}
		s.present.Unlock()
		if err := s.postTo(hc, *s.at.Load(), machine); err != nil {
			s.out.Put(history.Event{What: history.Refused, Machine: machine, Name: err.Error()})
			continue
		}
		s.out.Put(history.Event{What: history.Accepted, Machine: machine})
		if !again {
			s.present.Lock()
			s.known = append(s.known, machine)
			s.present.Unlock()
		}
	}
}

// escalate has a person escalate some of what is open.
func (s *soak) escalate(ctx context.Context) {
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 12 * time.Second}
	done := map[string]bool{}
	for ; ctx.Err() == nil; time.Sleep(100*time.Millisecond + rand.N(200*time.Millisecond)) {
		s.present.Lock()
		var machine string
		if len(s.known) > 0 {
			machine = s.known[rand.N(len(s.known))]
		}
		s.present.Unlock()
		if machine == "" || done[machine] {
			continue
		}
		url := *s.at.Load() + "/api/v1/incidents"
		var found []struct {
			ID string `json:"id"`
		}
		if s.person(hc, http.MethodGet, url+"?machine="+machine, "", &found) != nil || len(found) != 1 {
			continue
		}
		done[machine] = true // without an answer it may have been done; once more could tell twice
		if s.person(hc, http.MethodPost, url+"/"+found[0].ID+"/acts", `{"verb":"escalate","fields":{"reason":"help"}}`, nil) == nil {
			s.out.Put(history.Event{What: history.Acted, Machine: machine})
		}
	}
}

// person asks or does something as a person.
func (s *soak) person(hc *http.Client, method, url, body string, answer any) error {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+personToken)
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// harm plays one fault after the other until ctx ends.
func (s *soak) harm(ctx context.Context) {
	pause := func(d time.Duration) {
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	}
	relay := func(f smtpsink.Faults) func() {
		return func() {
			if err := s.sink.SetFaults(f); err != nil {
				s.t.Error(err)
			}
			pause(500*time.Millisecond + rand.N(2*time.Second))
			if err := s.sink.SetFaults(smtpsink.Faults{}); err != nil {
				s.t.Error(err)
			}
		}
	}
	disk := func(order, mended string) func() {
		return func() {
			s.ordered("%s", order)
			pause(500*time.Millisecond + rand.N(time.Second))
			s.ordered("%s", mended)
		}
	}
	faults := []struct {
		name  string
		parts bool
		play  func()
	}{
		{"kill", true, func() { s.end(syscall.SIGKILL); s.begin() }},
		{"terminate", false, func() { s.end(syscall.SIGTERM); s.begin() }},
		{"freeze", true, func() { // a relay may give up on a frozen client after the dot
			_ = s.proc.Process.Signal(syscall.SIGSTOP)
			pause(rand.N(2 * time.Second))
			_ = s.proc.Process.Signal(syscall.SIGCONT)
		}},
		{"sync fails", true, func() {
			s.ordered("fail-sync vigie.db-wal")
			if code := s.ends(30 * time.Second); code != 1 {
				s.t.Errorf("exit code %d after a sync that failed:\n%s", code, s.said)
			}
			s.begin()
		}},
		{"read-only", true, disk("fail-writes on", "fail-writes off")}, // what was sent cannot be written down
		{"slow disk", false, disk(fmt.Sprintf("slow-sync %dms", 20+rand.N(300)), "slow-sync 0s")},
		{"relay down", true, relay(smtpsink.Faults{Down: true})},
		{"relay busy", false, relay(smtpsink.Faults{Greeting: smtpsink.Reply{Code: 421, Text: "busy"}})},
		{"relay refuses for now", false, relay(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"*": {Code: 451, Text: "later"}}})},
		{"relay refuses one for now", false, relay(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"sup@msp.example": {Code: 450, Text: "later"}}})},
		{"relay cuts before the dot", false, relay(smtpsink.Faults{Cut: smtpsink.BeforeDot})},
		{"relay cuts after the dot", true, relay(smtpsink.Faults{Cut: smtpsink.AfterDot, Connections: 8})},
		{"relay slow", false, relay(smtpsink.Faults{Slow: 30 * time.Millisecond})},
	}
	for order := rand.Perm(len(faults)); ; order = rand.Perm(len(faults)) {
		for _, n := range order {
			pause(rand.N(time.Second))
			if ctx.Err() != nil {
				return
			}
			f := faults[n]
			s.out.Put(history.Event{What: history.Fault, Name: f.name, Parts: f.parts})
			f.play()
		}
	}
}

// mend ends all faults, waits until everything is told, and writes down what
// arrived and what is kept.
func (s *soak) mend() {
	s.t.Helper()
	if err := s.sink.SetFaults(smtpsink.Faults{}); err != nil {
		s.t.Fatal(err)
	}
	s.end(syscall.SIGTERM)
	s.begin()
	s.until("the outbox is empty", 3*time.Minute, func() bool {
		time.Sleep(200 * time.Millisecond)
		told, _ := s.told()
		return told >= len(s.machines()) && s.metric("vigie_notification_outbox_pending") == "0"
	})
	kept := s.machines()
	s.end(syscall.SIGTERM)
	for _, m := range s.sink.Messages() {
		sum := sha256.Sum256([]byte(m.Subject + m.Text + m.HTML))
		seen := map[string]bool{}
		var machines []string
		for _, name := range soakedMachine.FindAllString(m.Text, -1) {
			if !seen[name] {
				seen[name] = true
				machines = append(machines, name)
			}
		}
		s.out.Put(history.Event{At: m.Received, What: history.Mail, Step: m.Header("X-Vigie-Step"), Message: m.MessageID, To: m.Recipients[0],
			Text: hex.EncodeToString(sum[:8]), Machines: machines})
	}
	for m, n := range kept {
		for range n {
			s.out.Put(history.Event{What: history.Kept, Machine: m})
		}
	}
	if out, err := s.command("journal", "verify").CombinedOutput(); err != nil {
		s.t.Errorf("the journal does not verify: %v\n%s", err, out)
	}
}
