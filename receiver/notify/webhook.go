package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"vigie/internal/clip"
	"vigie/internal/strict"
	"vigie/receiver/notify/gateway"
)

// WebhookConfig configures a webhook channel.
type WebhookConfig struct {
	// Name is the channel's name; "webhook" when empty.
	Name string
	// URLFile holds the URL messages are posted to. It is a secret, as gateways
	// put their key in it, and is read again for each message.
	URLFile string
	// TokenFile, when set, holds a token sent as "Authorization: Bearer".
	TokenFile string
	// CAFile is a PEM file of the authorities to trust instead of the system's.
	CAFile string
	// AllowPlaintext permits http towards another machine.
	AllowPlaintext bool
	// Timeout bounds one request as a whole; 15 s when 0.
	Timeout time.Duration
	// TokenHeader, when set, is the header in which the token is sent as it stands.
	TokenHeader string
	// Username and PasswordFile log in by basic authentication.
	Username, PasswordFile string
	// Form is the form in which the gateway wants a message; [WebhookMessage] when nil.
	Form *gateway.Form
}

// Webhook is the kind of [Webhook] in vigie.yml.
func (kinds) Webhook() settings { return &webhookFile{Timeout: webhookTimeout} }

// webhookTimeout bounds one request unless somebody says otherwise.
const webhookTimeout = 15 * time.Second

// webhookFile is WebhookConfig as vigie.yml has it.
type webhookFile struct {
	strict.Position
	WebhookSettings `yaml:",inline"`
	Timeout         time.Duration `yaml:"timeout"`
}

// WebhookSettings are how a gateway is reached and what it wants to hear, as
// vigie.yml has it.
type WebhookSettings struct {
	URLFile        string       `yaml:"url_file"`
	TokenFile      string       `yaml:"token_file"`
	TokenHeader    string       `yaml:"token_header"`
	Username       string       `yaml:"username"`
	PasswordFile   string       `yaml:"password_file"`
	CAFile         string       `yaml:"ca_file"`
	AllowPlaintext bool         `yaml:"allow_plaintext"`
	Format         string       `yaml:"format"`
	JSON           gateway.JSON `yaml:"json"`
	Web            gateway.Web  `yaml:"form"`
}

// Channel makes the channel under a name. It resolves the paths of files and opens
// none.
func (f WebhookSettings) Channel(name string, path func(string) string, timeout time.Duration) (*Webhook, error) {
	form, err := f.form()
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	w, bad := NewWebhook(WebhookConfig{Name: name, URLFile: path(f.URLFile), TokenFile: path(f.TokenFile), TokenHeader: f.TokenHeader,
		Username: f.Username, PasswordFile: path(f.PasswordFile), CAFile: path(f.CAFile), AllowPlaintext: f.AllowPlaintext, Timeout: timeout, Form: form})
	return w, errors.Join(bad, err)
}

func (f WebhookSettings) form() (*gateway.Form, error) {
	given := 0
	for _, has := range []bool{f.Format != "", f.JSON.Form != nil, f.Web.Form != nil} {
		if has {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, errors.New("format, json and form exclude each other: keep one")
	case f.Format != "":
		form, err := gateway.Known(f.Format)
		if err != nil {
			return nil, fmt.Errorf("format: %w", err)
		}
		return form, nil
	case f.JSON.Form != nil:
		return f.JSON.Form, nil
	}
	return f.Web.Form, nil
}

func (f *webhookFile) channel(name string, path func(string) string) (Channel, error) {
	return f.Channel(name, path, f.Timeout)
}

// Webhook is the channel to gateways for chat and SMS. It posts one object for each
// transmission, in the gateway's form or as a [WebhookMessage]. Any 2xx is an
// acceptance.
type Webhook struct {
	cfg WebhookConfig
}

// WebhookMessage is what a gateway receives. ID together with Recipient is the
// same on every attempt, and so is the header Idempotency-Key made of them: a
// gateway that saw it before has the message already.
type WebhookMessage struct {
	ID         string    `json:"id"`
	InReplyTo  string    `json:"in_reply_to,omitempty"`
	IncidentID string    `json:"incident_id,omitempty"`
	Recipient  string    `json:"recipient"`
	From       string    `json:"from"`
	To         []string  `json:"to"`
	Cc         []string  `json:"cc"`
	Subject    string    `json:"subject"`
	Text       string    `json:"text"`
	HTML       string    `json:"html,omitempty"`
	Language   string    `json:"language,omitempty"`
	Date       time.Time `json:"date"`
}

// NewWebhook checks the configuration and returns the channel. It opens no file
// and no connection: see CheckFiles.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Name == "" {
		cfg.Name = "webhook"
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = webhookTimeout
	}
	w := &Webhook{cfg: cfg}
	if err := w.check(); err != nil {
		return nil, err
	}
	return w, nil
}

// check refuses settings that do not fit together, and a form that no message fits.
func (w *Webhook) check() error {
	c := w.cfg
	var errs []error
	refuse := func(such bool, format string, args ...any) {
		if such {
			errs = append(errs, fmt.Errorf("%s: "+format, append([]any{c.Name}, args...)...))
		}
	}
	refuse(c.URLFile == "", "url file: none is set; write the gateway's URL into a file and name it")
	refuse(c.Timeout < 0, "timeout: %s is negative", c.Timeout)
	refuse((c.Username == "") != (c.PasswordFile == ""), "username and password_file belong together: give both")
	refuse(c.Username != "" && c.TokenFile != "" && c.TokenHeader == "",
		"token_file and username exclude each other: keep one, or send the token in a token_header")
	refuse(c.TokenHeader != "" && c.TokenFile == "", "token_header: no token_file holds the token")
	refuse(c.TokenHeader != "" && !headerName.MatchString(c.TokenHeader), "token_header: %q is not a header's name; write for example X-Api-Key", c.TokenHeader)
	_, _, err := w.body(WebhookMessage{Recipient: "+33600000000", Subject: "Subject", Text: "Text"})
	refuse(err != nil, "%w; known are .Recipient, .Subject, .Text, .HTML, .ID, .InReplyTo, .IncidentID, .From, .To, .Cc, .Language and .Date", err)
	return errors.Join(errs...)
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

// body is what is posted for a message, and of what type it is.
func (w *Webhook) body(m WebhookMessage) ([]byte, string, error) {
	if w.cfg.Form != nil {
		return w.cfg.Form.Write(m)
	}
	body, err := json.Marshal(m)
	return body, "application/json; charset=utf-8", err
}

// Name returns the configured name, "webhook" by default.
func (w *Webhook) Name() string { return w.cfg.Name }

// CheckFiles reads the files once and reports the first that is not usable.
func (w *Webhook) CheckFiles() error {
	if _, err := w.settings(); err != nil {
		return fmt.Errorf("%s: %w", w.cfg.Name, err)
	}
	return nil
}

// Deliver posts msg for one recipient, in whatever form the gateway knows it (a
// telephone number, a channel, an address).
func (w *Webhook) Deliver(ctx context.Context, msg Message, recipient string) error {
	s, err := w.settings()
	if err != nil {
		return w.fail(KindConfig, "", err)
	}
	body, contentType, err := w.body(webhookMessage(msg, recipient))
	if err != nil {
		return w.fail(KindMessage, s.url.Host, err)
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { sent.Store(info.Err == nil) },
	})
	req, err := s.request(ctx, body, msg.ID, recipient)
	if err != nil {
		return w.fail(KindConfig, s.url.Host, err)
	}
	req.Header.Set("Content-Type", contentType)
	w.logIn(req, s)
	client := s.client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		err = withoutURL(err)
		return w.fail(requestKind(err, sent.Load()), s.url.Host, err)
	}
	defer resp.Body.Close()
	return w.answer(s.url.Host, resp)
}

func webhookMessage(m Message, recipient string) WebhookMessage {
	clean := func(list []string) []string {
		out := make([]string, 0, len(list))
		for _, s := range list {
			out = append(out, readable(s))
		}
		return out
	}
	return WebhookMessage{
		ID:         m.ID,
		InReplyTo:  m.InReplyTo,
		IncidentID: m.IncidentID,
		Recipient:  recipient,
		From:       m.From.Addr,
		To:         clean(m.To),
		Cc:         clean(m.Cc),
		Subject:    CleanSubject(m.Subject),
		Text:       m.Text,
		HTML:       m.HTML,
		Language:   m.Language,
		Date:       m.Date,
	}
}

// readable gives an address as people read it: a gateway decodes no encoded
// words. What is no mail address stays as it is.
func readable(s string) string {
	a, err := ParseAddress(s)
	if err != nil {
		return CleanLine(s)
	}
	if a.Name == "" {
		return a.Addr
	}
	return `"` + strings.ReplaceAll(a.Name, `"`, "'") + `" <` + a.Addr + ">"
}

// webhookSettings is what the files held at the time of one message.
type webhookSettings struct {
	url             *url.URL
	token, password string
	tls             *tls.Config
}

func (w *Webhook) settings() (webhookSettings, error) {
	var s webhookSettings
	text, err := readSecret(w.cfg.URLFile)
	if err != nil {
		return s, fmt.Errorf("url file: %w", err)
	}
	// The parser's error repeats the URL, which is a secret.
	s.url, err = url.Parse(strings.TrimSpace(text))
	if err != nil || s.url.Hostname() == "" || s.url.Scheme != "https" && s.url.Scheme != "http" {
		return s, fmt.Errorf("url file %s: it must hold one URL such as https://gateway.example/send", w.cfg.URLFile)
	}
	if s.url.Scheme == "http" && !w.cfg.AllowPlaintext && !loopbackHost(s.url.Hostname()) {
		return s, fmt.Errorf("url file %s: http sends everything in clear text: use https, or allow plain text explicitly", w.cfg.URLFile)
	}
	if w.cfg.TokenFile != "" {
		if s.token, err = readSecret(w.cfg.TokenFile); err != nil {
			return s, fmt.Errorf("token file: %w", err)
		}
	}
	if w.cfg.PasswordFile != "" {
		if s.password, err = readSecret(w.cfg.PasswordFile); err != nil {
			return s, fmt.Errorf("password file: %w", err)
		}
	}
	s.tls, err = clientTLS(s.url.Hostname(), w.cfg.CAFile)
	return s, err
}

func (s webhookSettings) request(ctx context.Context, body []byte, id, recipient string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	key := sha256.Sum256([]byte(id + "\x00" + recipient))
	req.Header.Set("User-Agent", "vigie")
	req.Header.Set("Idempotency-Key", hex.EncodeToString(key[:16]))
	return req, nil
}

// logIn says to the gateway who we are.
func (w *Webhook) logIn(req *http.Request, s webhookSettings) {
	if w.cfg.Username != "" {
		req.SetBasicAuth(w.cfg.Username, s.password)
	}
	switch {
	case s.token != "" && w.cfg.TokenHeader != "":
		req.Header.Set(w.cfg.TokenHeader, s.token)
	case s.token != "":
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
}

// client returns a client for one request. A redirection is an answer, not an
// instruction: following it would carry the message and the token elsewhere.
func (s webhookSettings) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        s.tls,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer classifies a gateway's response.
func (w *Webhook) answer(host string, resp *http.Response) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // only for people to read
	e := w.fail(statusKind(resp.StatusCode), host, errors.New(resp.Status))
	e.Code = resp.StatusCode
	e.Reply = clip.Runes(CleanLine(string(text)), maxReply)
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		const most = 24 * 60 * 60
		e.RetryAfter = time.Duration(min(s, most)) * time.Second
	}
	return e
}

// statusKind gives an HTTP status that is not 2xx its kind.
func statusKind(status int) Kind {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusConflict, http.StatusLocked:
		return KindTemporary
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return KindAuth
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return KindMessage
	}
	if status >= 500 {
		return KindTemporary
	}
	return KindConfig // redirections, 404, 405 and the like: the URL is not the gateway's
}

// requestKind gives an error without a response its kind.
func requestKind(err error, sent bool) Kind {
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &cert), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return KindTLS
	case sent:
		return KindUnknown
	case errors.As(err, &op) && op.Op == "dial":
		return KindConnect
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"):
		return KindTLS
	}
	return KindTemporary
}

// withoutURL drops the URL that package http puts into its errors.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (w *Webhook) fail(kind Kind, host string, err error) *Error {
	return &Error{Kind: kind, Channel: w.cfg.Name, Via: host, Phase: "request", Err: err}
}
