package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"vigie/internal/mailauth"
	"vigie/rules/mailbox"
)

// TLSMode says how the connection to a relay is encrypted.
type TLSMode string

const (
	// TLSStartTLS upgrades a connection opened in clear text and refuses to go on
	// when the server does not offer it. It is the default.
	TLSStartTLS TLSMode = "starttls"
	// TLSImplicit speaks TLS from the first byte (port 465).
	TLSImplicit TLSMode = "implicit"
	// TLSNone sends in clear text: only to this machine itself, unless
	// MailRelay.AllowPlaintext is set.
	TLSNone TLSMode = "none"
)

// MailConfig configures the mail channel.
type MailConfig struct {
	// Name is the channel's name; "mail" when empty.
	Name string
	// Hello is the fully qualified name this machine introduces itself with.
	Hello string
	// EnvelopeFrom is the address bounces go to; the message's From when empty.
	EnvelopeFrom string
	// Relay is the server mail leaves through.
	Relay MailRelay
	// Fallback, when it has a host, is tried at once when the relay cannot be
	// reached or refuses for now. It is not tried when the relay may already have
	// the message, nor for a fault of configuration, which it would hide.
	Fallback MailRelay
	// Timeouts bound every phase of a conversation.
	Timeouts MailTimeouts
}

// MailRelay is one SMTP server.
type MailRelay struct {
	// Host is a name or an IP address; the certificate must be valid for it.
	Host string
	// Port is 587 for starttls, 465 for implicit and 25 for none when 0.
	Port int
	// TLS is TLSStartTLS when empty.
	TLS TLSMode
	// AllowPlaintext permits TLSNone towards another machine. The password, if
	// there is one, then travels in clear text.
	AllowPlaintext bool
	// CAFile is a PEM file of the authorities to trust instead of the system's.
	// It is read again for each message.
	CAFile string
	// Username and PasswordFile are the credentials (PLAIN, LOGIN with the usual
	// English prompts, or CRAM-MD5); none when Username is empty. The file is
	// read again for each message, so a new password needs no restart; one final
	// newline is not part of the password.
	Username     string
	PasswordFile string
	// Tokens take the place of the password where the relay takes none (XOAUTH2,
	// OAUTHBEARER).
	Tokens *mailauth.Tokens
}

// MailTimeouts bounds the phases of a conversation. Zero values take the default.
type MailTimeouts struct {
	// Dial bounds the connection being established; 10 s.
	Dial time.Duration
	// Command bounds each of greeting, EHLO, STARTTLS with its handshake, AUTH,
	// MAIL, RCPT and DATA; 30 s.
	Command time.Duration
	// Data bounds the transfer of the message and the answer to it; 2 min.
	Data time.Duration
	// Quit bounds the farewell after a message was accepted; 2 s.
	Quit time.Duration
	// Total bounds one conversation as a whole; 4 min. With a fallback, Deliver
	// may take twice as long.
	Total time.Duration
}

func (t MailTimeouts) withDefaults() MailTimeouts {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&t.Dial, 10*time.Second)
	set(&t.Command, 30*time.Second)
	set(&t.Data, 2*time.Minute)
	set(&t.Quit, 2*time.Second)
	set(&t.Total, 4*time.Minute)
	return t
}

func (t MailTimeouts) validate() error {
	for _, d := range []time.Duration{t.Dial, t.Command, t.Data, t.Quit, t.Total} {
		if d < 0 {
			return fmt.Errorf("timeouts: %s is negative", d)
		}
	}
	return nil
}

// normalize checks the configuration and fills in what was left out.
func (c MailConfig) normalize() (MailConfig, error) {
	if c.Name == "" {
		c.Name = "mail"
	}
	hello, err := mailbox.Domain(c.Hello)
	if err != nil || !strings.Contains(hello, ".") {
		return c, fmt.Errorf("hello: %q is not a fully qualified host name: write the name of this machine as relays see it, such as vigie.msp.example", c.Hello)
	}
	c.Hello = hello
	if c.EnvelopeFrom != "" {
		a, err := ParseAddress(c.EnvelopeFrom)
		if err != nil {
			return c, fmt.Errorf("envelope_from: %w", err)
		}
		c.EnvelopeFrom = a.Addr
	}
	if err := c.Timeouts.validate(); err != nil {
		return c, err
	}
	c.Timeouts = c.Timeouts.withDefaults()
	if c.Relay, err = c.Relay.normalize(); err != nil {
		return c, fmt.Errorf("relay: %w", err)
	}
	if c.Fallback.Host != "" {
		if c.Fallback, err = c.Fallback.normalize(); err != nil {
			return c, fmt.Errorf("fallback: %w", err)
		}
	}
	return c, nil
}

// Port is the usual port of a way to secure a conversation.
func (m TLSMode) Port() int {
	switch m {
	case TLSImplicit:
		return 465
	case TLSNone:
		return 25
	}
	return 587
}

func (r MailRelay) normalize() (MailRelay, error) {
	host := strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]")
	if net.ParseIP(host) == nil {
		ascii, err := mailbox.Domain(host)
		if err != nil {
			return r, fmt.Errorf("host: %w", err)
		}
		host = ascii
	}
	r.Host = host
	if r.TLS == "" {
		r.TLS = TLSStartTLS
	}
	switch r.TLS {
	case TLSStartTLS, TLSImplicit:
	case TLSNone:
		if !r.AllowPlaintext && !loopbackHost(host) {
			return r, fmt.Errorf("tls: none sends everything to %s in clear text: use starttls or implicit, or allow plain text explicitly", host)
		}
	default:
		return r, fmt.Errorf("tls: %q is not one of starttls, implicit, none", r.TLS)
	}
	if r.Port == 0 {
		r.Port = r.TLS.Port()
	}
	if r.Port < 1 || r.Port > 65535 {
		return r, fmt.Errorf("port: %d is not a port", r.Port)
	}
	if r.Username != "" && r.PasswordFile == "" && r.Tokens == nil {
		return r, errors.New("a user name is set but no password file")
	}
	if r.PasswordFile != "" && r.Tokens != nil {
		return r, errors.New("a password file and oauth2 are set: keep the one that the relay wants")
	}
	if r.Username == "" && r.Tokens != nil {
		return r, errors.New("oauth2 is set but no user name: write the mailbox in whose name mail is sent")
	}
	if r.Username == "" && r.PasswordFile != "" {
		return r, errors.New("a password file is set but no user name")
	}
	if strings.ContainsAny(r.Username, "\x00\r\n") {
		return r, errors.New("user name: control characters are not allowed")
	}
	return r, nil
}

func loopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (r MailRelay) addr() string {
	return net.JoinHostPort(r.Host, strconv.Itoa(r.Port))
}

// password reads the password; it is "" without credentials.
func (r MailRelay) password() (string, error) {
	if r.Username == "" || r.Tokens != nil {
		return "", nil
	}
	pw, err := readSecret(r.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	return pw, nil
}

// access is a relay with what its files say at the moment.
type access struct {
	relay         MailRelay
	password, pem string
}

func (r MailRelay) access() (access, error) {
	password, err := r.password()
	if err != nil {
		return access{}, err
	}
	a := access{relay: r, password: password}
	if r.TLS == TLSNone {
		return a, nil
	}
	a.pem, err = readCA(r.CAFile)
	return a, err
}

// tlsConfig returns the client's settings, nil for plain text.
func (a access) tlsConfig() (*tls.Config, error) {
	if a.relay.TLS == TLSNone {
		return nil, nil
	}
	return trusting(a.relay.Host, a.relay.CAFile, a.pem)
}

func clientTLS(host, caFile string) (*tls.Config, error) {
	pem, err := readCA(caFile)
	if err != nil {
		return nil, err
	}
	return trusting(host, caFile, pem)
}

func readCA(caFile string) (string, error) {
	if caFile == "" {
		return "", nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return "", fmt.Errorf("ca file: %w", err)
	}
	return string(pem), nil
}

// trusting returns settings that trust the authorities of a file which has been
// read, the system's when there is none.
func trusting(host, caFile, pem string) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return cfg, nil
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM([]byte(pem)) {
		return nil, fmt.Errorf("ca file %s: no PEM certificate in it", caFile)
	}
	return cfg, nil
}

// readSecret reads a small one-line file. Its content is never part of an error.
func readSecret(path string) (string, error) {
	const limit = 16 << 10
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case s == "":
		return "", fmt.Errorf("%s is empty", path)
	case len(s) > limit:
		return "", fmt.Errorf("%s is larger than %d bytes", path, limit)
	case strings.ContainsAny(s, "\x00\r\n"):
		return "", fmt.Errorf("%s must hold one line", path)
	}
	return s, nil
}
