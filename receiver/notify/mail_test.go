package notify

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

// noon is the instant every message of these tests was decided.
var noon = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

func message() Message {
	return Message{
		ID:         "i1.e1.b2@vigie.msp.example",
		InReplyTo:  "i1@vigie.msp.example",
		References: []string{"i1@vigie.msp.example"},
		From:       Address{Name: "Vigie", Addr: "vigie@msp.example"},
		To:         []string{"Gestionnaire Zoé <am@msp.example>"},
		Cc:         []string{"expert@msp.example", "Vijay <vijay@msp.example>"},
		ReplyTo:    "support@msp.example",
		Subject:    "[#123] [ACTION AUJOURD'HUI] Dupont – SRV-AD – sauvegarde non rétablie",
		Text:       "Bonjour,\n\nla sauvegarde n'est pas rétablie.\n.\nligne après un point seul\n",
		HTML:       "<p>la sauvegarde n'est <b>pas rétablie</b></p>",
		Language:   "fr",
		IncidentID: "123",
		Headers:    map[string]string{HeaderStep: "prevent-am"},
		Date:       noon,
	}
}

// short bounds every phase so that a hanging server is left within a second.
func short() MailTimeouts {
	return MailTimeouts{Dial: time.Second, Command: 300 * time.Millisecond, Data: 300 * time.Millisecond, Quit: 100 * time.Millisecond, Total: 5 * time.Second}
}

func sink(t *testing.T, opts smtpsink.Options) *smtpsink.Server {
	t.Helper()
	s, err := smtpsink.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// relayTo describes a sink as a relay, trusting its certificate.
func relayTo(t *testing.T, s *smtpsink.Server, mode TLSMode) MailRelay {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	r := MailRelay{Host: host, Port: n, TLS: mode}
	if s.CA() != nil {
		r.CAFile = secretFile(t, string(s.CA()))
	}
	return r
}

func newMail(t *testing.T, cfg MailConfig) *Mail {
	t.Helper()
	cfg.Hello = "vigie.msp.example"
	if cfg.Timeouts == (MailTimeouts{}) {
		cfg.Timeouts = short()
	}
	m, err := NewMail(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// plain is a mail channel to a sink without encryption, which most faults do not
// depend on.
func plain(t *testing.T, s *smtpsink.Server) *Mail {
	t.Helper()
	return newMail(t, MailConfig{Relay: relayTo(t, s, TLSNone)})
}

func deliver(t *testing.T, m *Mail, recipient string) error {
	t.Helper()
	start := time.Now()
	err := m.Deliver(t.Context(), message(), recipient)
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("Deliver took %s", took)
	}
	return err
}

func wantKind(t *testing.T, err error, kind Kind, phase string, code int) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error = %v, want a *notify.Error", err)
	}
	if e.Kind != kind || e.Phase != phase || e.Code != code {
		t.Errorf("error = %v: kind %s, phase %s, code %d; want %s, %s, %d", err, e.Kind, e.Phase, e.Code, kind, phase, code)
	}
}

func verbs(s *smtpsink.Server) []string {
	var out []string
	for _, c := range s.Commands() {
		verb, _, _ := strings.Cut(c.Line, " ")
		out = append(out, verb)
	}
	return out
}

func TestMailDelivers(t *testing.T) {
	s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS}, Auth: smtpsink.AuthOptions{Username: "vigie", Password: "s3cret", Required: true}})
	r := relayTo(t, s, "")
	r.Username, r.PasswordFile = "vigie", secretFile(t, "s3cret\n")
	m := newMail(t, MailConfig{Relay: r})
	if err := m.CheckFiles(); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"am@msp.example", "expert@msp.example", "vijay@msp.example"} {
		if err := deliver(t, m, to); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Messages()
	if len(got) != 3 {
		t.Fatalf("%d transmissions, want 3", len(got))
	}
	for i, to := range []string{"am@msp.example", "expert@msp.example", "vijay@msp.example"} {
		m := got[i]
		if !slices.Equal(m.Recipients, []string{to}) {
			t.Errorf("envelope recipients = %v, want only %s", m.Recipients, to)
		}
		if m.From != "vigie@msp.example" || m.User != "vigie" || !m.TLS || m.Hello != "vigie.msp.example" {
			t.Errorf("from %q, user %q, tls %t, hello %q", m.From, m.User, m.TLS, m.Hello)
		}
		if got := smtpsink.Bare(m.To); !slices.Equal(got, []string{"am@msp.example"}) {
			t.Errorf("To = %v", m.To)
		}
		if got := smtpsink.Bare(m.Cc); !slices.Equal(got, []string{"expert@msp.example", "vijay@msp.example"}) {
			t.Errorf("Cc = %v", m.Cc)
		}
		if m.To[0].Name != "Gestionnaire Zoé" {
			t.Errorf("To name = %q", m.To[0].Name)
		}
		if m.MessageID != message().ID {
			t.Errorf("Message-ID = %q", m.MessageID)
		}
		if m.Subject != message().Subject || m.Text != message().Text || m.HTML != message().HTML {
			t.Errorf("subject %q, text %q, html %q", m.Subject, m.Text, m.HTML)
		}
		if !m.Date.Equal(noon) {
			t.Errorf("Date = %s", m.Date)
		}
	}
	for name, want := range map[string]string{
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
		"Content-Language":         "fr",
		"X-Incident-ID":            "123",
		"In-Reply-To":              "<i1@vigie.msp.example>",
		"References":               "<i1@vigie.msp.example>",
		"Reply-To":                 "<support@msp.example>",
		HeaderStep:                 "prevent-am",
	} {
		if v := got[0].Header(name); v != want {
			t.Errorf("%s = %q, want %q", name, v, want)
		}
	}
	for _, c := range s.Commands() {
		clear := strings.HasPrefix(c.Line, "EHLO ") || c.Line == "STARTTLS"
		if !c.TLS && !clear {
			t.Errorf("%q left in clear text", c.Line)
		}
	}
}
