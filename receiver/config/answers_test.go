package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/internal/remote"
)

const goodAnswers = "answers:\n  replies: Backups <answers@msp.example>\n  bounces: bounce@msp.example\n  imap: {address: mail.msp.example, username: answers, password_file: answers.password, after: \"move:Read\"}\n"

// A mailbox is described in few words, and mails then invite answers.
func TestAnswersAreConfigured(t *testing.T) {
	setup, err := loadWith(t, filepath.Join(t.TempDir(), "config"), goodAnswers)
	if err != nil {
		t.Fatal(err)
	}
	m, err := setup.Config.Mailbox()
	if err != nil || m == nil {
		t.Fatal(err)
	}
	if got := m.Reply("tok"); got != "answers+tok@msp.example" {
		t.Errorf("reply address %s", got)
	}
	if got := m.Bounce("tok"); got != "bounce+tok@msp.example" {
		t.Errorf("envelope sender %s", got)
	}
	if !m.Due(time.Now()) {
		t.Error("is not looked into at first")
	}
	if _, err := setup.Config.Secrets(); err == nil {
		t.Error("a password's file that is missing does not show at the start")
	}
}

// What cannot work is refused with its key, its line and the cure.
func TestAnswersAreStrict(t *testing.T) {
	for name, x := range map[string]struct{ from, to, want string }{
		"no address":             {"replies: Backups <answers@msp.example>", "replies: nobody", "answers"},
		"a token already":        {"answers@msp.example>", "answers+x@msp.example>", "holds the separator"},
		"another separator":      {"  imap:", "  separator: \"%\"\n  imap:", "separator"},
		"too often":              {"  imap:", "  every: 1s\n  imap:", "answers.every"},
		"no server":              {"address: mail.msp.example, ", "", "answers.imap.address"},
		"in clear text":          {"username:", "security: none, username:", "answers.imap.security"},
		"unknown security":       {"username:", "security: ssl, username:", "answers.imap.security"},
		"nobody":                 {"username: answers, ", "", "answers.imap.username"},
		"no login":               {"password_file: answers.password, ", "", "password_file or oauth2"},
		"two logins":             {"after:", "oauth2: {token_url: \"https://login.example/t\", client_id: x, client_secret_file: y}, after:", "exclude each other"},
		"a token from nowhere":   {"password_file: answers.password, ", "oauth2: {client_id: x, client_secret_file: y}, ", "answers.imap.oauth2.token_url"},
		"a token without secret": {"password_file: answers.password, ", "oauth2: {token_url: \"https://login.example/t\", client_id: x}, ", "client_secret_file"},
		"moved to itself":        {"\"move:Read\"", "\"move:\"", "answers.imap.after"},
		"two authorities":        {"username:", "ca_file: a.pem, tls: {ca_file: b.pem}, username:", "exclude each other"},
		"unknown key":            {"username:", "user: x, username:", "user"},
	} {
		_, err := loadWith(t, filepath.Join(t.TempDir(), "config"), strings.Replace(goodAnswers, x.from, x.to, 1))
		if err == nil || !strings.Contains(err.Error(), x.want) || !strings.Contains(err.Error(), "vigie.yml:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, key := range []string{"reply_to", "envelope_from"} {
		dir := filepath.Join(t.TempDir(), "config")
		_, err := loadWith(t, dir, "  "+key+": x@msp.example\n"+goodAnswers) // the test configuration ends with mail
		if err == nil || !strings.Contains(err.Error(), "mail."+key) {
			t.Errorf("%s beside answers: %v", key, err)
		}
	}
}

// The mail server is recognised as other servers are; the key of former builds goes on.
func TestTheMailServerIsRecognised(t *testing.T) {
	c := &Config{path: "/etc/vigie/vigie.yml"}
	short := c.tlsOf(&IMAPConfig{CAFile: "ca.pem"})
	if long := c.tlsOf(&IMAPConfig{TLS: remote.TLS{CAFile: "ca.pem"}}); short != long || long.CAFile != "/etc/vigie/ca.pem" {
		t.Errorf("ca_file %+v, tls.ca_file %+v", short, long)
	}
	own := c.tlsOf(&IMAPConfig{CAFile: "/ca.pem", TLS: remote.TLS{CertFile: "me.pem", KeyFile: "me.key", ServerName: "mail.msp.example"}})
	if own != (remote.TLS{CAFile: "/ca.pem", CertFile: "/etc/vigie/me.pem", KeyFile: "/etc/vigie/me.key", ServerName: "mail.msp.example"}) {
		t.Errorf("%+v", own)
	}
}
