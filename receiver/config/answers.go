package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"vigie/internal/imapbox"
	"vigie/internal/mailauth"
	"vigie/internal/remote"
	"vigie/internal/strict"
	"vigie/receiver/answers"
	"vigie/receiver/notify"
	"vigie/receiver/token"
)

// AnswersConfig is the mailbox in which answers and bounces arrive.
type AnswersConfig struct {
	strict.Position
	// Replies stands as reply address in each mail, Bounces as its envelope sender;
	// in both a token is put before the @.
	Replies   string     `yaml:"replies"`
	Bounces   string     `yaml:"bounces"`
	Separator string     `yaml:"separator"`
	IMAP      IMAPConfig `yaml:"imap"`
	// Every is how often the mailbox is looked into; 1 min when 0.
	Every time.Duration `yaml:"every"`
}

// IMAPConfig is a mailbox.
type IMAPConfig struct {
	strict.Position
	Address      string        `yaml:"address"`
	Security     string        `yaml:"security"` // tls, starttls, none
	Username     string        `yaml:"username"`
	PasswordFile string        `yaml:"password_file"`
	OAuth2       *OAuth2Config `yaml:"oauth2"`
	Folder       string        `yaml:"folder"`
	// After is what becomes of mails that were taken in: keep, seen, or move:FOLDER.
	After string `yaml:"after"`
	// Lookback is how far back the mailbox is read for the first time; 7 days when 0.
	Lookback time.Duration `yaml:"lookback"`
	TLS      remote.TLS    `yaml:"tls"`
	CAFile   string        `yaml:"ca_file"` // as tls.ca_file
}

// OAuth2Config is how a token is had for a mail server that takes no password.
type OAuth2Config struct {
	strict.Position
	TokenURL         string   `yaml:"token_url"`
	ClientID         string   `yaml:"client_id"`
	ClientSecretFile string   `yaml:"client_secret_file"`
	RefreshTokenFile string   `yaml:"refresh_token_file"`
	Scopes           []string `yaml:"scopes"`
	CAFile           string   `yaml:"ca_file"` // of the token's server
}

const (
	answersEvery    = time.Minute
	minAnswersEvery = 10 * time.Second
	maxAnswersEvery = time.Hour
	answersLookback = 7 * 24 * time.Hour
	// maxAnswer is the size of a mail of which only the beginning is looked at.
	maxAnswer = 10 << 20
)

// addresses returns those at which answers and bounces arrive.
func (a *AnswersConfig) addresses() (answers.Addresses, error) {
	replies, err := notify.ParseAddress(a.Replies)
	if err != nil {
		return answers.Addresses{}, fmt.Errorf("replies: %w", err)
	}
	bounces, err := notify.ParseAddress(cmp.Or(a.Bounces, a.Replies))
	if err != nil {
		return answers.Addresses{}, fmt.Errorf("bounces: %w", err)
	}
	out := answers.Addresses{Replies: replies.Addr, Bounces: bounces.Addr, Separator: cmp.Or(a.Separator, "+")}
	return out, out.Check()
}

// check finds what is wrong beyond single values.
func (a *AnswersConfig) check(mail *MailConfig, add func(at strict.Position, path, format string, args ...any)) {
	if a == nil {
		return
	}
	if _, err := a.addresses(); err != nil {
		add(a.Position, "answers", "%v: write it like Backups <answers@msp.example>", err)
	}
	if a.Every != 0 && (a.Every < minAnswersEvery || a.Every > maxAnswersEvery) {
		add(a.Position, "answers.every", "%s is not from %s to %s", a.Every, minAnswersEvery, maxAnswersEvery)
	}
	if mail != nil && mail.ReplyTo != "" {
		add(mail.Position, "mail.reply_to", "reply_to and answers.replies exclude each other: keep answers.replies")
	}
	if mail != nil && mail.EnvelopeFrom != "" {
		add(mail.Position, "mail.envelope_from", "envelope_from and answers.bounces exclude each other: keep answers.bounces")
	}
	a.IMAP.check("answers.imap", a.Position, add)
}

func (m *IMAPConfig) check(path string, at strict.Position, add func(at strict.Position, path, format string, args ...any)) {
	if m.Line != 0 {
		at = m.Position
	}
	host, _, err := net.SplitHostPort(m.address())
	if m.Address == "" || err != nil {
		add(at, path+".address", "%q is not a host with a port: write it like mail.msp.example:993", m.Address)
	}
	switch m.Security {
	case "", "tls", "starttls":
	case "none":
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
			add(at, path+".security", "none would show the password to the network: write tls or starttls; none is for 127.0.0.1 and localhost")
		}
	default:
		add(at, path+".security", "%q is not one of tls, starttls, none", m.Security)
	}
	if m.Username == "" {
		add(at, path+".username", "missing: write the name of the mailbox's account")
	}
	switch {
	case m.PasswordFile == "" && m.OAuth2 == nil:
		add(at, path+".password_file", "missing: name password_file or oauth2, as the mail server wants it")
	case m.PasswordFile != "" && m.OAuth2 != nil:
		add(at, path+".password_file", "password_file and oauth2 exclude each other: keep the one that the mail server wants")
	}
	m.OAuth2.check(path+".oauth2", add)
	if to, move := strings.CutPrefix(m.After, "move:"); !(m.After == "" || m.After == "keep" || m.After == "seen" || move && to != "" && to != m.Folder) {
		add(at, path+".after", "%q is unknown: write keep, seen, or move: and another folder, such as move:Read", m.After)
	}
	if m.CAFile != "" && m.TLS.CAFile != "" {
		add(at, path+".ca_file", "ca_file and tls.ca_file exclude each other: keep tls.ca_file")
	}
	if m.Lookback < 0 {
		add(at, path+".lookback", "%s is less than nothing", m.Lookback)
	}
}

func (o *OAuth2Config) check(path string, add func(at strict.Position, path, format string, args ...any)) {
	if o == nil {
		return
	}
	if _, err := BaseURL(o.TokenURL); err != nil {
		add(o.Position, path+".token_url", "%v, such as https://login.microsoftonline.com/TENANT/oauth2/v2.0/token", err)
	}
	if o.ClientID == "" {
		add(o.Position, path+".client_id", "missing: write the id of the application that was registered with the provider")
	}
	if o.ClientSecretFile == "" && o.RefreshTokenFile == "" {
		add(o.Position, path+".client_secret_file", "missing: name the file that holds the application's secret")
	}
}

func (m *IMAPConfig) address() string {
	if _, _, err := net.SplitHostPort(m.Address); err == nil {
		return m.Address
	}
	port := "993"
	if m.Security == "starttls" {
		port = "143"
	}
	return net.JoinHostPort(m.Address, port)
}

// Mailbox makes the reader of the mailbox; nil for none. Nothing is asked, and no
// secret read, before its first visit.
func (c *Config) Mailbox() (*answers.Mailbox, error) {
	a := c.Answers
	if a == nil {
		return nil, nil
	}
	addresses, err := a.addresses()
	if err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	m := &a.IMAP
	o := imapbox.Options{Address: m.address(), Security: cmp.Or(m.Security, "tls"), Username: m.Username, Folder: cmp.Or(m.Folder, "INBOX"),
		MarkSeen: m.After == "seen", Lookback: cmp.Or(m.Lookback, answersLookback), Limit: maxAnswer,
		TLS: c.tlsOf(m).Build, Password: c.secretFile(m.PasswordFile)}
	if to, move := strings.CutPrefix(m.After, "move:"); move {
		o.MoveTo = to
	}
	if m.OAuth2 != nil {
		tokens, err := c.mailTokens(m.OAuth2)
		if err != nil {
			return nil, fmt.Errorf("answers.imap.oauth2: %w", err)
		}
		o.Bearer = tokens.Get
	}
	return answers.NewMailbox(addresses, o, cmp.Or(a.Every, answersEvery)), nil
}

// mailTokens gives the tokens of a mail server.
func (c *Config) mailTokens(o *OAuth2Config) (*mailauth.Tokens, error) {
	hc, err := c.HTTPClient(EndpointConfig{CAFile: o.CAFile}, "mail_token")
	if err != nil {
		return nil, err
	}
	return mailauth.NewTokens(mailauth.TokenOptions{URL: o.TokenURL, ClientID: o.ClientID, Secret: c.secretFile(o.ClientSecretFile),
		Refresh: c.secretFile(o.RefreshTokenFile), Scopes: o.Scopes, HTTP: hc}), nil
}

// secretFile reads a secret when it is needed; nil without a file.
func (c *Config) secretFile(name string) func() (string, error) {
	if name == "" {
		return nil
	}
	return func() (string, error) {
		b, err := token.ReadSecret(c.Path(name))
		return strings.TrimSpace(string(b)), err
	}
}

// tlsOf is how the mail server is recognised.
func (c *Config) tlsOf(m *IMAPConfig) remote.TLS {
	t := m.TLS
	t.CAFile = cmp.Or(t.CAFile, m.CAFile)
	return t.In(c.Path("."))
}
