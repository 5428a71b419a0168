package inbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const hello = "From: Printer <printer@dupont.example>\r\nTo: expert@msp.example\r\nDate: Mon, 09 Mar 2026 22:00:00 +0100\r\nSubject: Sicherung von SRV-AD: gut\r\n\r\nErste Zeile\r\n\r\nZweite Zeile\r\n"

// What no rule reads waits, over restarts, until a rule reads it.
func TestUnsortedMailsAreTriedAgainByNewRules(t *testing.T) {
	b := mailboxBench(t)
	arrived := b.clock.Now()
	b.deliver(hello)
	b.refresh()
	m := b.unsorted(1)[0]
	if m.Subject != "Sicherung von SRV-AD: gut" || m.FirstLines != "Erste Zeile\nZweite Zeile" || m.Problem != "no rule reads it" ||
		len(m.From) != 1 || m.From[0] != "printer@dupont.example" || m.To[0] != "expert@msp.example" || !m.Received.Equal(arrived) {
		t.Errorf("%+v", m)
	}
	if m := b.metrics(); !strings.Contains(m, `backup_inbox_unsorted_messages{source="mails"} 1`) {
		t.Error("not counted")
	}
	b.clock.Add(48 * time.Hour)
	b.restart()
	b.refresh()
	b.unsorted(1)

	before := b.source.Fingerprint()
	b.write("german.yml", `schema: 1
rules:
  - name: german
    subject: '^Sicherung von (?P<machine>\S+): (?P<result>.+)$'
    results: {gut: success, schlecht: failed}
    set: {engine: robocopy}
    examples: [{mail: german.eml, results: [{machine: SRV-AD, result: success}]}]
`)
	b.write("german.eml", hello)
	b.config.Rules = append(b.config.Rules, "german.yml")
	b.restart()
	if b.source.Fingerprint() == before {
		t.Error("other rules, the same fingerprint")
	}
	b.refresh()
	b.unsorted(0)
	j := b.job("SRV-AD")
	if !j.Received.Equal(arrived) || !j.LastSuccess.Equal(time.Date(2026, 3, 9, 21, 0, 0, 0, time.UTC)) {
		t.Errorf("as if it had come now: %+v", j)
	}
	files, err := os.ReadDir(filepath.Join(b.dir, "inbox", "unsorted"))
	if err != nil || len(files) != 0 {
		t.Errorf("%v %v", files, err)
	}
}

// A rule whose pattern never fits as it was meant, which earlier versions took, is set
// aside: the others read on, and its mails wait with what is to be mended, whatever a
// looser rule behind would make of them.
func TestRuleThatIsSetAside(t *testing.T) {
	const nas = "From: nas@dupont.example\r\nDate: Mon, 09 Mar 2026 22:00:00 +0100\r\nSubject: NAS-01 %s\r\n\r\nÉtat : %s\r\n"
	b := mailboxBench(t, func(b *bench) {
		b.write("nas.yml", `schema: 1
rules:
  - name: nas
    subject: '^(?P<machine>NAS\S+) (?P<result>\S+)$'
    body: ['(?i)État : (?:fini|\béchec\b|\b(?:pas|été)\b)']
    results: {done: success}
    set: {engine: rsync}
    examples: [{mail: nas.eml, results: [{machine: NAS-01, result: success}]}]
  - name: looser
    subject: '^(?P<machine>\S+) done$'
    set: {engine: rsync, result: success}
    examples: [{mail: looser.eml, results: [{machine: SRV-AD, result: success}]}]
`)
		b.write("nas.eml", fmt.Sprintf(nas, "done", "fini"))
		b.write("looser.eml", "From: a@dupont.example\r\nDate: Mon, 09 Mar 2026 22:00:00 +0100\r\nSubject: SRV-AD done\r\n\r\n")
		b.config.Rules = append(b.config.Rules, "nas.yml")
	})
	faults := b.source.Faults()
	if len(faults) != 1 || !strings.Contains(faults[0].Error(), `nas.yml:5: rule nas: body: \b beside a letter with an accent never fits as meant`) {
		t.Fatalf("%v", faults)
	}
	b.deliver(fmt.Sprintf(nas, "done", "échec"))
	b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
	b.refresh()
	if m := b.unsorted(1)[0]; !strings.Contains(m.Problem, `its rule is set aside: `) || !strings.Contains(m.Problem, `write (?:^|[^\p{L}]) before it`) {
		t.Errorf("%s", m.Problem)
	}
	if b.job("SRV-AD") == nil || b.jobs() != 1 {
		t.Errorf("%d jobs", b.jobs())
	}
	if m := b.metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="mails",endpoint="rules"} 0`) {
		t.Error("nothing tells it")
	}
}

// When the list is full the count still grows, this is said, and the mail
// stays in the mailbox until there is room.
func TestFullListOverIMAP(t *testing.T) {
	b := mailboxBench(t, func(b *bench) {
		b.config.Limits.Unsorted = 2
		b.config.IMAP.After = "move:Read"
	})
	check(t, b.sim.Create("Read"))
	for i := range 5 {
		b.deliver(fmt.Sprintf("From: x@dupont.example\r\nSubject: hello %d\r\n\r\ntext\r\n", i))
	}
	b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
	b.refresh()
	if b.job("SRV-AD") == nil {
		t.Error("a full list keeps a report out")
	}
	list := b.unsorted(5)
	if len(list) != 2 {
		t.Errorf("%d kept", len(list))
	}
	if m := b.metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="mails",endpoint="unsorted"} 0`) || !strings.Contains(b.log.String(), "3 had to stay where they are") {
		t.Error("nothing says that the list is full")
	}
	b.restart()
	b.refresh()
	for range 2 { // makes room for two
		list = b.unsorted(5 - b.dismissed())
		check(t, b.source.Dismiss(list[0].ID))
		b.refresh()
	}
	if list = b.unsorted(3); len(list) != 2 {
		t.Errorf("%d kept", len(list))
	}
	// All that is done with was moved, and nothing else.
	all, _, err := b.sim.Count("INBOX")
	if err != nil || all != 3 {
		t.Errorf("%d mails are left in the mailbox, %v", all, err)
	}
}

func (b *bench) dismissed() int {
	files, err := os.ReadDir(filepath.Join(b.dir, "inbox", "dismissed"))
	check(b.t, err)
	return len(files)
}

// Bytes are bounded as mails are.
func TestFullListByBytes(t *testing.T) {
	b := mailboxBench(t, func(b *bench) { b.config.Limits.UnsortedBytes = 1 << 20 })
	for i := range 4 {
		b.deliver(fmt.Sprintf("From: x@dupont.example\r\nSubject: hello %d\r\n\r\n%s\r\n", i, strings.Repeat("text\r\n", 60000)))
	}
	b.refresh()
	if list := b.unsorted(4); len(list) != 2 {
		t.Errorf("%d kept", len(list))
	}
}

func TestUnsortedOverHTTP(t *testing.T) {
	b := mailboxBench(t)
	b.deliver(hello)
	b.refresh()
	var log bytes.Buffer
	server := httptest.NewServer(Handler(func() []Named { return []Named{{"mails", b.source}} }, slog.New(slog.NewTextHandler(&log, nil))))
	defer server.Close()
	ask := func(method, path, token string) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequest(method, server.URL+path, nil)
		check(t, err)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		check(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		check(t, err)
		return resp.StatusCode, string(body), resp.Header
	}
	code, body, _ := ask("GET", Path, "")
	var l Listing
	check(t, json.Unmarshal([]byte(body), &l))
	if code != 200 || len(l.Messages) != 1 || l.Messages[0].Source != "mails" || l.Messages[0].FirstLines != "Erste Zeile\nZweite Zeile" {
		t.Fatalf("%d %s", code, body)
	}
	one := Path + "/mails/" + l.Messages[0].ID
	code, body, h := ask("GET", one, "")
	if code != 200 || body != hello || h.Get("Content-Type") != "message/rfc822" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %q %v", code, body, h)
	}
	for _, c := range []struct {
		method, path, token string
		want                int
	}{
		{"DELETE", one, "", 401}, {"DELETE", one, "wrong", 401}, {"DELETE", one, simPassword, 401},
		{"POST", one, dismissToken, 405}, {"GET", one + "0", "", 404}, {"GET", Path + "/nowhere/" + l.Messages[0].ID, "", 404},
		{"GET", Path + "/mails/..%2f..%2fpassword", "", 404}, {"DELETE", Path + "/mails/..%2flock", dismissToken, 404},
		{"GET", Path + "?folder=x", "", 400}, {"GET", Path + "?source=other", "", 200},
		{"DELETE", one, dismissToken, 204}, {"DELETE", one, dismissToken, 404},
	} {
		if code, body, _ := ask(c.method, c.path, c.token); code != c.want {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, code, body, c.want)
		}
	}
	if !strings.Contains(log.String(), "mail dismissed") || strings.Contains(log.String(), dismissToken) {
		t.Errorf("log: %s", log.String())
	}
	b.refresh()
	b.unsorted(0)
	if b.dismissed() != 1 {
		t.Error("a mistake cannot be undone")
	}
	// Nothing brings it back.
	check(t, b.sim.Renumber("INBOX"))
	b.restart()
	b.refresh()
	b.unsorted(0)

	b.config.DismissTokenFile = ""
	b.restart()
	b.deliver("From: x@dupont.example\r\nSubject: other\r\n\r\ntext\r\n")
	b.refresh()
	if code, _, _ := ask("DELETE", Path+"/mails/"+b.unsorted(1)[0].ID, dismissToken); code != 403 {
		t.Errorf("without a token file: %d", code)
	}
}

// The customer is told by the rule, the recipient, the sender; who is not
// known is nobody's.
func TestCustomer(t *testing.T) {
	c := &Config{Customers: map[string]*Customer{
		"dupont": {To: []string{"dupont@backup.msp.example"}, From: []string{"@dupont.example"}, Called: []string{"Dupont  SA"}},
		"martin": {To: []string{"@martin.msp.example"}, From: []string{"nas@martin.example", "@shared.example"}},
		"durand": {From: []string{"@shared.example"}},
	}}
	for _, x := range []struct {
		told, to, from, want, problem string
	}{
		{"dupont sa", "", "", "dupont", ""},
		{"MARTIN", "dupont@backup.msp.example", "", "martin", ""},
		{"Nobody", "dupont@backup.msp.example", "", "", "called"},
		{"", "dupont@backup.msp.example", "nas@martin.example", "dupont", ""},
		{"", "x@martin.msp.example", "x@dupont.example", "martin", ""},
		{"", "expert@msp.example", "nas@martin.example", "martin", ""},
		{"", "expert@msp.example", "other@martin.example", "", "neither"},
		{"", "expert@msp.example", "x@shared.example", "", "durand or martin"},
		{"", "x@evildupont.example", "x@evil.dupont.example", "", "neither"},
	} {
		id, problem := c.customer(x.told, &Mail{To: []string{x.to}, From: []string{x.from}})
		if id != x.want || (problem == "") != (x.problem == "") || !strings.Contains(problem, x.problem) {
			t.Errorf("%+v: %q %q", x, id, problem)
		}
	}
}
