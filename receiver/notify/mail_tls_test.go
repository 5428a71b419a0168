package notify

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

func credentials(t *testing.T, r MailRelay) MailRelay {
	t.Helper()
	r.Username, r.PasswordFile = "vigie", secretFile(t, "s3cret\n")
	return r
}

var account = smtpsink.AuthOptions{Username: "vigie", Password: "s3cret"}

// refused asserts that neither credentials nor mail left, and nothing arrived.
func refused(t *testing.T, s *smtpsink.Server, verb ...string) {
	t.Helper()
	for _, v := range append(verb, "MAIL", "RCPT", "DATA") {
		if slices.Contains(verbs(s), v) {
			t.Errorf("%s was sent: %v", v, s.Commands())
		}
	}
	if n := len(s.Messages()); n != 0 {
		t.Errorf("%d messages arrived, want none", n)
	}
}

func TestMailRequiresStartTLS(t *testing.T) {
	for name, mode := range map[string]smtpsink.TLSMode{"not offered": smtpsink.TLSNone, "stripped on the way": smtpsink.TLSStartTLS} {
		t.Run(name, func(t *testing.T) {
			s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: mode}, Auth: account})
			if err := s.SetFaults(smtpsink.Faults{NoStartTLS: true}); err != nil {
				t.Fatal(err)
			}
			m := newMail(t, MailConfig{Relay: credentials(t, relayTo(t, s, TLSStartTLS))})
			err := deliver(t, m, "am@msp.example")
			wantKind(t, err, KindTLS, "starttls", 0)
			if !IsPermanent(err) || !IsConfiguration(err) {
				t.Errorf("%v is not a permanent configuration error", err)
			}
			refused(t, s, "AUTH")
		})
	}
}

func TestMailImplicitTLS(t *testing.T) {
	s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSImplicit}, Auth: account})
	m := newMail(t, MailConfig{Relay: credentials(t, relayTo(t, s, TLSImplicit))})
	if err := deliver(t, m, "am@msp.example"); err != nil {
		t.Fatal(err)
	}
	if got := s.Messages(); len(got) != 1 || !got[0].TLS || got[0].User != "vigie" {
		t.Errorf("messages = %+v", got)
	}
}

func TestMailChecksCertificate(t *testing.T) {
	elsewhere, ca, err := smtpsink.NewCertificate(time.Now(), "elsewhere.example")
	if err != nil {
		t.Fatal(err)
	}
	local, localCA, err := smtpsink.NewCertificate(time.Now(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	expired, expiredCA, err := smtpsink.NewCertificate(time.Now().AddDate(-3, 0, 0), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		cfg   *tls.Config
		ca    []byte
		cause any
	}{
		{"unknown authority", &tls.Config{Certificates: []tls.Certificate{local}}, ca, new(x509.UnknownAuthorityError)},
		{"another name", &tls.Config{Certificates: []tls.Certificate{elsewhere}}, ca, new(x509.HostnameError)},
		{"expired", &tls.Config{Certificates: []tls.Certificate{expired}}, expiredCA, new(x509.CertificateInvalidError)},
		{"tls 1.1 only", &tls.Config{Certificates: []tls.Certificate{local}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, localCA, nil},
	}
	for _, mode := range []struct {
		ours   TLSMode
		theirs smtpsink.TLSMode
		phase  string
	}{{TLSStartTLS, smtpsink.TLSStartTLS, "starttls"}, {TLSImplicit, smtpsink.TLSImplicit, "tls"}} {
		for _, tt := range tests {
			t.Run(string(mode.ours)+"/"+tt.name, func(t *testing.T) {
				s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: mode.theirs, Config: tt.cfg}, Auth: account})
				r := credentials(t, relayTo(t, s, mode.ours))
				r.CAFile = secretFile(t, string(tt.ca))
				err := deliver(t, newMail(t, MailConfig{Relay: r}), "am@msp.example")
				wantKind(t, err, KindTLS, mode.phase, 0)
				if tt.cause != nil && !errors.As(err, tt.cause) {
					t.Errorf("error = %v, want a cause %T", err, tt.cause)
				}
				refused(t, s, "AUTH")
			})
		}
	}
}

func TestMailBrokenCertificate(t *testing.T) {
	s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS}})
	if err := s.SetFaults(smtpsink.Faults{BrokenCertificate: true, Connections: 1}); err != nil {
		t.Fatal(err)
	}
	m := newMail(t, MailConfig{Relay: relayTo(t, s, TLSStartTLS)})
	wantKind(t, deliver(t, m, "am@msp.example"), KindTLS, "starttls", 0)
	if err := deliver(t, m, "am@msp.example"); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}

func TestMailConnectionLostInHandshakeIsTemporary(t *testing.T) {
	addr := scripted(t, func(c net.Conn, r *bufio.Reader) {
		say(c, "220 mail.example")
		hear(r)
		say(c, "250-mail.example", "250 STARTTLS")
		hear(r)
		say(c, "220 go ahead")
		hearByte(r) // the handshake begins, and the server goes away
	})
	err := deliver(t, newMail(t, MailConfig{Relay: relayAt(t, addr, TLSStartTLS)}), "am@msp.example")
	wantKind(t, err, KindTemporary, "starttls", 0)
}

func TestMailRefusesDataInjectedBeforeHandshake(t *testing.T) {
	addr := scripted(t, func(c net.Conn, r *bufio.Reader) {
		say(c, "220 mail.example")
		hear(r)
		say(c, "250-mail.example", "250 STARTTLS")
		hear(r)
		say(c, "220 go ahead", "250 injected by somebody in the middle")
		hear(r)
	})
	err := deliver(t, newMail(t, MailConfig{Relay: relayAt(t, addr, TLSStartTLS)}), "am@msp.example")
	wantKind(t, err, KindTLS, "starttls", 0)
	if !errors.Is(err, errEarlyData) {
		t.Errorf("error = %v", err)
	}
}

func TestMailAuthentication(t *testing.T) {
	tests := []struct {
		name       string
		mechanisms []string
		faults     smtpsink.Faults
		password   string
		kind       Kind
		code       int
	}{
		{name: "not offered", faults: smtpsink.Faults{NoAuth: true}, password: "s3cret", kind: KindAuth},
		{name: "no common mechanism", mechanisms: []string{"XOAUTH2"}, password: "s3cret", kind: KindAuth},
		{name: "wrong password", password: "old", kind: KindAuth, code: 535},
		{name: "wrong password by login", mechanisms: []string{"LOGIN"}, password: "old", kind: KindAuth, code: 535},
		{name: "disabled", faults: smtpsink.Faults{Auth: smtpsink.Reply{Code: 550, Text: "account disabled"}}, password: "s3cret", kind: KindAuth, code: 550},
		{name: "for now", faults: smtpsink.Faults{Auth: smtpsink.Reply{Code: 454, Text: "directory unreachable"}}, password: "s3cret", kind: KindTemporary, code: 454},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			auth := account
			auth.Mechanisms = tt.mechanisms
			s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS}, Auth: auth})
			if err := s.SetFaults(tt.faults); err != nil {
				t.Fatal(err)
			}
			r := credentials(t, relayTo(t, s, TLSStartTLS))
			r.PasswordFile = secretFile(t, tt.password)
			err := deliver(t, newMail(t, MailConfig{Relay: r}), "am@msp.example")
			wantKind(t, err, tt.kind, "auth", tt.code)
			refused(t, s)
			if strings.Contains(err.Error(), tt.password) {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestMailAuthenticatesByLogin(t *testing.T) {
	auth := account
	auth.Mechanisms = []string{"LOGIN"}
	s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS}, Auth: auth})
	if err := deliver(t, newMail(t, MailConfig{Relay: credentials(t, relayTo(t, s, TLSStartTLS))}), "am@msp.example"); err != nil {
		t.Fatal(err)
	}
	if got := s.Messages(); len(got) != 1 || got[0].User != "vigie" {
		t.Errorf("messages = %+v", got)
	}
}

func TestMailReadsPasswordAgain(t *testing.T) {
	s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS}, Auth: account})
	r := credentials(t, relayTo(t, s, TLSStartTLS))
	m := newMail(t, MailConfig{Relay: r})
	for _, step := range []struct {
		password string
		kind     Kind
		ok       bool
	}{{"old\n", KindAuth, false}, {"s3cret\r\n", 0, true}, {"", KindConfig, false}, {"s3cret", 0, true}} {
		if err := os.WriteFile(r.PasswordFile, []byte(step.password), 0o600); err != nil {
			t.Fatal(err)
		}
		err := deliver(t, m, "am@msp.example")
		if step.ok != (err == nil) || err != nil && KindOf(err) != step.kind {
			t.Errorf("password %q: error = %v", step.password, err)
		}
	}
}

func TestMailUnauthenticatedWhereRequired(t *testing.T) {
	auth := account
	auth.Required = true
	s := sink(t, smtpsink.Options{Auth: auth})
	wantKind(t, deliver(t, plain(t, s), "am@msp.example"), KindAuth, "mail", 530)
}

func TestMailServerWithoutEHLO(t *testing.T) {
	server := func(c net.Conn, r *bufio.Reader) {
		say(c, "220 an old server")
		for {
			switch line := hear(r); {
			case line == "":
				return
			case strings.HasPrefix(line, "EHLO"):
				say(c, "502 what?")
			case line == "DATA":
				say(c, "354 go on")
				for l := hear(r); l != "." && l != ""; l = hear(r) {
				}
				say(c, "250 taken")
			default:
				say(c, "250 fine")
			}
		}
	}
	if err := deliver(t, newMail(t, MailConfig{Relay: relayAt(t, scripted(t, server), TLSNone)}), "am@msp.example"); err != nil {
		t.Errorf("without credentials: %v", err)
	}
	r := credentials(t, relayAt(t, scripted(t, server), TLSNone))
	wantKind(t, deliver(t, newMail(t, MailConfig{Relay: r}), "am@msp.example"), KindAuth, "auth", 0)
}

func TestMailHangsUpAfterRefusedAuthentication(t *testing.T) {
	addr := scripted(t, func(c net.Conn, r *bufio.Reader) {
		say(c, "220 mail.example")
		hear(r)
		say(c, "250-mail.example", "250 AUTH PLAIN")
		hear(r)
		say(c, "535 no")
		if line := hear(r); line != "" {
			t.Errorf("after the refusal the client said %q", line)
		}
	})
	timeouts := short()
	timeouts.Command = time.Minute
	m := newMail(t, MailConfig{Relay: credentials(t, relayAt(t, addr, TLSNone)), Timeouts: timeouts})
	wantKind(t, deliver(t, m, "am@msp.example"), KindAuth, "auth", 535)
}
