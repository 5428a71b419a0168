package exporters

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The client's bounds where nothing else is said.
const (
	defaultMaxBody     = 64 << 20
	defaultRetries     = 2
	DefaultRate        = 10 // requests a second
	defaultConcurrency = 4
	defaultRequestTime = 30 * time.Second
	maxRetryAfter      = 2 * time.Minute
)

// ClientOptions configures a Client.
type ClientOptions struct {
	BaseURL   *url.URL
	UserAgent string
	// PostPaths are the only paths to which a POST is let through: those
	// that hand out tokens.
	PostPaths []string
	// Allow, if set, decides about every request in place of the method and
	// PostPaths: for interfaces where a GET can change something and a POST
	// can be a question. Form holds the values of query and body.
	Allow func(r *http.Request, form url.Values) bool
	TLS   *tls.Config
	// Transport, if set, carries the requests, and TLS is its own affair.
	Transport http.RoundTripper
	// RequestsPerSecond and Concurrency cap what the product has to bear;
	// zero means 10 and 4.
	RequestsPerSecond float64
	Concurrency       int
	MaxBody           int64 // bytes of one answer after decompression, 0 means 64 MiB
	Retries           int   // of one request after 429, 5xx or a lost connection; 0 means 2, negative none
	// Authorize adds credentials; renew is true when those that are in the
	// header were refused with 401. It is called for each GET.
	Authorize func(ctx context.Context, header http.Header, renew bool) error
	// Now is the clock by which the product's is compared.
	Now func() time.Time
	// Sleep waits between tries; nil means real time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Accept is the kind of answers asked for; JSON unless set.
	Accept string
	// Jar keeps the cookies of products whose sessions live in one.
	Jar http.CookieJar
	// Gate narrows what is let through where method and path do not tell
	// reading from changing. It wraps the connection; nil adds nothing.
	Gate func(http.RoundTripper) http.RoundTripper
	// Fault reads the body of an answer whose status is not 200. An error
	// takes the place of the status's own and is not tried again; nil leaves
	// it to the status.
	Fault func(endpoint string, status int, body []byte) error
}

// Client reads JSON from a product's HTTP interface. It cannot change
// anything there: whatever is neither a GET nor the POST for a token is
// refused before it leaves.
type Client struct {
	o       ClientOptions
	http    *http.Client
	limiter *rate.Limiter
	slots   chan struct{}

	mu   sync.Mutex
	skew *time.Duration
}

// NewClient builds a Client.
func NewClient(o ClientOptions) *Client {
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = DefaultRate
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Retries == 0 {
		o.Retries = defaultRetries
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Accept == "" {
		o.Accept = "application/json"
	}
	transport := o.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSClientConfig:       o.TLS,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: defaultRequestTime,
			MaxIdleConnsPerHost:   o.Concurrency,
			IdleConnTimeout:       90 * time.Second,
			ForceAttemptHTTP2:     true,
		}
	}
	if o.Gate != nil {
		transport = o.Gate(transport)
	}
	return &Client{
		o:       o,
		limiter: rate.NewLimiter(rate.Limit(o.RequestsPerSecond), max(1, int(o.RequestsPerSecond))),
		slots:   make(chan struct{}, o.Concurrency),
		http: &http.Client{
			Jar:       o.Jar,
			Transport: &ReadOnlyTransport{Base: transport, PostPaths: o.PostPaths, Allow: o.Allow},
			// A redirect could carry the credentials elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ReadOnlyTransport lets only GET through, and POST to the given paths; or,
// if Allow is set, only what it agrees to.
type ReadOnlyTransport struct {
	Base      http.RoundTripper
	PostPaths []string
	Allow     func(r *http.Request, form url.Values) bool
}

// RoundTrip refuses whatever could change something in the product.
func (t *ReadOnlyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.lets(r) {
		return t.Base.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil, fmt.Errorf("refused to send %s %s: the exporter only reads", r.Method, r.URL.Path)
}

func (t *ReadOnlyTransport) lets(r *http.Request) bool {
	if t.Allow != nil {
		form, err := wholeForm(r)
		return err == nil && t.Allow(r, form)
	}
	if r.Method == http.MethodGet {
		return true
	}
	return r.Method == http.MethodPost && slices.Contains(t.PostPaths, r.URL.Path)
}

// wholeForm gives the values of query and body, and leaves the body unread.
func wholeForm(r *http.Request) (url.Values, error) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || r.Body == nil || r.Body == http.NoBody {
		return form, err
	}
	if r.GetBody == nil {
		return nil, errors.New("a body that can be read only once")
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(data))
	for key, v := range values {
		form[key] = append(form[key], v...)
	}
	return form, err
}

// GetJSON reads path with query into out. Endpoint names the part in errors.
// A 401 renews the credentials and repeats the same request once.
func (c *Client) GetJSON(ctx context.Context, endpoint, path string, query url.Values, header http.Header, out any) error {
	renewed := false
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	for {
		if c.o.Authorize != nil {
			if err := c.o.Authorize(ctx, h, renewed); err != nil {
				return err
			}
		}
		body, err := c.try(ctx, endpoint, http.MethodGet, path, query, h, nil)
		var se *SourceError
		if errors.As(err, &se) && se.Status == http.StatusUnauthorized && !renewed && c.o.Authorize != nil {
			renewed = true
			continue
		}
		if err != nil {
			return err
		}
		return decodeAnswer(endpoint, body, out)
	}
}

// PostForm asks for a token. Neither form nor answer ever appears in an error.
func (c *Client) PostForm(ctx context.Context, endpoint, path string, form url.Values, header http.Header, out any) error {
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	body, err := c.try(ctx, endpoint, http.MethodPost, path, nil, h, []byte(form.Encode()))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &SourceError{Endpoint: endpoint, Reason: ReasonMalformed, Err: errors.New("the answer is not the JSON of a token")}
	}
	return nil
}

// PostJSON asks a question by POST, where the values are not for the URL.
func (c *Client) PostJSON(ctx context.Context, endpoint, path string, form url.Values, out any) error {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	body, err := c.try(ctx, endpoint, http.MethodPost, path, nil, h, []byte(form.Encode()))
	if err != nil {
		return err
	}
	return decodeAnswer(endpoint, body, out)
}

// Post sends an empty POST to one of the paths that are let through.
func (c *Client) Post(ctx context.Context, endpoint, path string, header http.Header) error {
	_, err := c.try(ctx, endpoint, http.MethodPost, path, nil, header, nil)
	return err
}

// PostDocument sends a question to one of the paths that are let through and
// gives the answer as it came.
func (c *Client) PostDocument(ctx context.Context, endpoint, path string, header http.Header, document []byte) ([]byte, error) {
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	return c.try(ctx, endpoint, http.MethodPost, path, nil, h, document)
}

// ClockSkew is the product's clock minus ours by the Date header of the last
// answer, nil before the first.
func (c *Client) ClockSkew() *time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew
}

// try sends one request, again after 429, 5xx and lost connections.
func (c *Client) try(ctx context.Context, endpoint, method, path string, query url.Values, h http.Header, form []byte) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		body, retryAfter, err := c.once(ctx, endpoint, method, path, query, h, form)
		if err == nil {
			return body, nil
		}
		if attempt >= c.o.Retries || !retryable(err) || ctx.Err() != nil {
			return nil, err
		}
		pause := time.Duration((1 + rand.Float64()) * float64(time.Second) * float64(int(1)<<attempt))
		if retryAfter > 0 {
			pause = min(retryAfter, maxRetryAfter)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return nil, err // waiting would only turn a clear reason into a timeout
		}
		if c.o.Sleep(ctx, pause) != nil {
			return nil, err
		}
	}
}

func retryable(err error) bool {
	reason := ReasonOf(err)
	return reason == ReasonThrottled || reason == ReasonServer || reason == ReasonUnreachable
}

func (c *Client) once(ctx context.Context, endpoint, method, path string, query url.Values, h http.Header, form []byte) ([]byte, time.Duration, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, 0, transportError(endpoint, ctx.Err())
	}
	if err := c.limiter.Wait(ctx); err != nil {
		return nil, 0, &SourceError{Endpoint: endpoint, Reason: ReasonTimeout, Err: errors.New("no time left under the request rate")}
	}
	u := c.o.BaseURL.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(form))
	if err != nil {
		return nil, 0, &SourceError{Endpoint: endpoint, Reason: ReasonOther, Err: errors.New("cannot build the request")}
	}
	req.Header = h.Clone()
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept", c.o.Accept)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, 0, transportError(endpoint, err)
	}
	defer resp.Body.Close()
	c.noteClock(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxBody+1))
	if err != nil {
		return nil, 0, transportError(endpoint, err)
	}
	if int64(len(body)) > c.o.MaxBody {
		return nil, 0, &SourceError{Endpoint: endpoint, Reason: ReasonMalformed, Err: fmt.Errorf("the answer is longer than %d bytes", c.o.MaxBody)}
	}
	if resp.StatusCode == http.StatusOK || method == http.MethodPost && resp.StatusCode == http.StatusNoContent {
		return body, 0, nil
	}
	if c.o.Fault != nil {
		if err := c.o.Fault(endpoint, resp.StatusCode, body); err != nil {
			return nil, 0, err
		}
	}
	return nil, c.retryAfter(resp), statusError(endpoint, resp.StatusCode)
}

// statusError decides on the status alone: bodies of errors differ from
// service to service, and some are HTML.
func statusError(endpoint string, status int) *SourceError {
	e := &SourceError{Endpoint: endpoint, Status: status, Reason: ReasonOther}
	switch {
	case status == http.StatusUnauthorized:
		e.Reason = ReasonAuth
	case status == http.StatusForbidden:
		e.Reason = ReasonForbidden
	case status == http.StatusNotFound:
		e.Reason = ReasonNotFound
	case status == http.StatusTooManyRequests:
		e.Reason = ReasonThrottled
	case status >= 500:
		e.Reason = ReasonServer
	}
	return e
}

// transportError keeps the cause but not the address, whose query may hold
// cursors and names.
func transportError(endpoint string, err error) *SourceError {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	reason := ReasonUnreachable
	var ne net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout() {
		reason = ReasonTimeout
	}
	return &SourceError{Endpoint: endpoint, Reason: reason, Err: err}
}

func (c *Client) retryAfter(resp *http.Response) time.Duration {
	v := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if s, err := strconv.Atoi(v); err == nil && s >= 0 {
		return time.Duration(s) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now := c.o.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date // the product's own clock wrote both
	}
	return max(0, at.Sub(now))
}

func (c *Client) noteClock(resp *http.Response) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	skew := date.Sub(c.o.Now()).Truncate(time.Second)
	if skew.Abs() < 2*time.Second {
		skew = 0 // the header has whole seconds
	}
	c.mu.Lock()
	c.skew = &skew
	c.mu.Unlock()
}

func decodeAnswer(endpoint string, body []byte, out any) error {
	if err := json.Unmarshal(body, out); err != nil {
		what := "the answer is not the expected JSON"
		if t := bytes.TrimSpace(body); len(t) > 0 && t[0] == '<' {
			what = "the answer is HTML instead of JSON"
		}
		return &SourceError{Endpoint: endpoint, Reason: ReasonMalformed, Err: fmt.Errorf("%s: %w", what, err)}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Token is a bearer token with its end.
type Token struct {
	Value   string
	Expires time.Time
}

// TokenCache holds a token and renews it before its end. Concurrent callers
// wait for one renewal.
type TokenCache struct {
	// Fetch asks for a new token.
	Fetch func(ctx context.Context) (Token, error)
	// RenewBefore is how long before its end a token is renewed, at most a
	// quarter of its life.
	RenewBefore time.Duration
	Now         func() time.Time

	once    sync.Once
	gate    chan struct{}
	token   Token
	renewAt time.Time
}

// Get gives a valid token. A refused token is never given out again.
func (t *TokenCache) Get(ctx context.Context, refused string) (string, error) {
	t.once.Do(func() { t.gate = make(chan struct{}, 1) })
	select {
	case t.gate <- struct{}{}:
		defer func() { <-t.gate }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	now := t.Now()
	if t.token.Value != "" && t.token.Value != refused && now.Before(t.renewAt) {
		return t.token.Value, nil
	}
	fresh, err := t.Fetch(ctx)
	if err != nil {
		return "", err
	}
	t.token = fresh
	t.renewAt = fresh.Expires.Add(-min(t.RenewBefore, fresh.Expires.Sub(now)/4))
	return fresh.Value, nil
}

// Current gives the token that was fetched last, or nothing.
func (t *TokenCache) Current() string {
	t.once.Do(func() { t.gate = make(chan struct{}, 1) })
	t.gate <- struct{}{}
	defer func() { <-t.gate }()
	return t.token.Value
}

// Authorize returns the function that ClientOptions.Authorize wants.
func (t *TokenCache) Authorize() func(context.Context, http.Header, bool) error {
	return func(ctx context.Context, h http.Header, renew bool) error {
		refused := ""
		if renew {
			// The token of this very request: another request may have
			// renewed it meanwhile.
			refused = strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
		}
		v, err := t.Get(ctx, refused)
		if err != nil {
			return err
		}
		h.Set("Authorization", "Bearer "+v)
		return nil
	}
}

// TLSConfig is how a product's certificate is verified.
type TLSConfig struct {
	CAFile             string `yaml:"ca_file"`
	ServerName         string `yaml:"server_name"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// Resolve makes the file's name relative to dir and reads it once.
func (c *TLSConfig) Resolve(dir string) error {
	c.CAFile = InDir(dir, c.CAFile)
	if _, err := c.Build(); err != nil {
		return &ConfigError{Key: "tls.ca_file", What: err.Error(), Cure: "name a PEM file that the exporter's user can read, relative to the configuration file"}
	}
	return nil
}

// Build reads the files.
func (c TLSConfig) Build() (*tls.Config, error) {
	out := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.InsecureSkipVerify, MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return out, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", c.CAFile)
	}
	return out, nil
}
