//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters/inbox"
	"vigie/exporters/inbox/inboxsim"
)

// A mail that no rule reads is listed for people, and read once somebody wrote
// a rule and had the configuration read anew.
func TestInboxInTheWholeExporter(t *testing.T) {
	t.Parallel()
	const token = "d1sm1ss-t0k3n-0123456789"
	p := newProcess(t)
	sim, err := inboxsim.New(inboxsim.Options{Password: userPassword}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	write(t, p.dir, "ca.pem", string(sim.CA()))
	write(t, p.dir, "dismiss", token+"\n")
	mail := "From: nas@dupont.example\nDate: " + time.Now().Format(time.RFC1123Z) + "\nSubject: SRV-AD saved\n\nfine\n"
	write(t, p.dir, "example.eml", mail)
	const rule = "schema: 1\nrules:\n- name: saved\n  subject: '^(?P<machine>\\S+) saved'\n  set: {engine: robocopy, result: success}\n  examples: [{mail: example.eml, results: [{machine: SRV-AD, result: success}]}]\n"
	write(t, p.dir, "rules.yml", strings.ReplaceAll(rule, "saved'", "kept'"))
	conf := fmt.Sprintf(`sources:
  - name: mails
    poll_interval: 1s
    inbox:
      folder: inbox
      rules: [rules.yml]
      customers: {dupont: {from: ["@dupont.example"]}}
      dismiss_token_file: dismiss
      imap: {address: %q, username: expert, password_file: veeam, tls: {ca_file: ca.pem}}
`, sim.Address())
	p.config = write(t, p.dir, "backup_exporter.yml", conf)
	if _, err := loadConfig(p.config, sourceTable(), env()); err == nil || !strings.Contains(err.Error(), "rules.yml:6: rule saved: examples: example 1 (example.eml): no rule reads it") {
		t.Fatalf("the rule does not read its example: %v", err)
	}
	write(t, p.dir, "rules.yml", strings.Replace(rule, " saved'", "(?: saved|\\béchec)'", 1))
	if _, err := loadConfig(p.config, sourceTable(), env()); err != nil {
		t.Errorf("a rule that is set aside stops the start: %v", err)
	}
	var said bytes.Buffer
	if code := run(t.Context(), []string{"--check", "--config.file=" + p.config}, io.Discard, &said); code != 1 || !strings.Contains(said.String(), `rules.yml:4: rule saved: subject: \b beside a letter`) {
		t.Errorf("--check: %d, %s", code, said.String())
	}
	write(t, p.dir, "example2.eml", strings.Replace(mail, "saved", "kept", 1))
	write(t, p.dir, "rules.yml", strings.ReplaceAll(strings.ReplaceAll(rule, "saved'", "kept'"), "example.eml", "example2.eml"))
	for _, m := range []string{mail, "From: x@dupont.example\nSubject: hello\n\nthere\n"} {
		if err := sim.Deliver("INBOX", []byte(m), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	p.start("--web.enable-lifecycle")
	p.eventually("both mails are listed", func() bool {
		return strings.Contains(p.metrics(), `backup_inbox_unsorted_messages{source="mails"} 2`)
	})
	listing := func() inbox.Listing {
		var l inbox.Listing
		code, body := p.get(inbox.Path)
		if err := json.Unmarshal([]byte(body), &l); err != nil || code != http.StatusOK {
			t.Fatalf("%d %s", code, body)
		}
		return l
	}
	l := listing()
	if len(l.Messages) != 2 || l.Messages[0].Source != "mails" {
		t.Fatalf("%+v", l)
	}
	for _, path := range []string{inbox.Path, inbox.Path + "/mails/" + l.Messages[0].ID} {
		if code, _ := p.request(http.MethodGet, path, ""); code != http.StatusUnauthorized {
			t.Errorf("%s without password: %d", path, code)
		}
	}
	write(t, p.dir, "rules.yml", rule)
	if code, body := p.request(http.MethodPost, "/-/reload", webPassword); code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	p.eventually("the new rule reads one of them", func() bool {
		m := p.metrics()
		return strings.Contains(m, `backup_inbox_unsorted_messages{source="mails"} 1`) && strings.Contains(m, `backup_job_last_result{source="mails",customer="dupont",job_id="robocopy/srv-ad/robocopy"} 1`)
	})
	left := listing().Messages[0]
	dismiss := func(token string) int {
		req, err := http.NewRequest(http.MethodDelete, "http://"+p.address+inbox.Path+"/mails/"+left.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("prometheus", webPassword)
		req.Header.Set("X-Vigie-Token", token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if code := dismiss("wrong"); code != http.StatusUnauthorized {
		t.Errorf("dismissed with a wrong token: %d", code)
	}
	if code := dismiss(token); code != http.StatusNoContent {
		t.Errorf("not dismissed: %d", code)
	}
	p.eventually("nothing is listed", func() bool {
		return strings.Contains(p.metrics(), `backup_inbox_unsorted_messages{source="mails"} 0`)
	})
	p.end()
	everything := p.out.String() + p.seen.String()
	for _, dir := range []string{"data", "inbox"} {
		_ = filepath.WalkDir(filepath.Join(p.dir, dir), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				b, _ := os.ReadFile(path)
				everything += string(b)
			}
			return nil
		})
	}
	for _, secret := range []string{userPassword, webPassword, token} {
		if strings.Contains(everything, secret) {
			t.Errorf("%q comes out of the process", secret)
		}
	}
}
