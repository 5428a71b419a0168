// Package httpclient is how sources read a product over HTTP: the address in a
// source's settings, certificates, tokens, bounds, retries, and a client that
// can change nothing there.
package httpclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"vigie/exporters"
)

// The client's bounds where nothing else is said.
const (
	defaultMaxBody = 64 << 20
	defaultRetries = 2
	// DefaultRate is in requests a second.
	DefaultRate        = 10
	defaultConcurrency = 4
	defaultRequestTime = 30 * time.Second
	maxRetryAfter      = 2 * time.Minute
)

// Options configures a Client.
type Options struct {
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
	o       Options
	http    *http.Client
	limiter *rate.Limiter
	slots   chan struct{}

	mu   sync.Mutex
	skew *time.Duration
	ends time.Time // of the product's certificate
}

// New builds a Client.
func New(o Options) *Client {
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
		o.Sleep = exporters.Sleep
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

// GetJSON reads path with query into out. Endpoint is what errors name.
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
		var se *exporters.SourceError
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
		return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonMalformed, Err: errors.New("the answer is not the JSON of a token")}
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
	reason := exporters.ReasonOf(err)
	return reason == exporters.ReasonThrottled || reason == exporters.ReasonServer || reason == exporters.ReasonUnreachable
}

func (c *Client) once(ctx context.Context, endpoint, method, path string, query url.Values, h http.Header, form []byte) ([]byte, time.Duration, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, 0, transportError(endpoint, ctx.Err())
	}
	if err := c.limiter.Wait(ctx); err != nil {
		return nil, 0, &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonTimeout, Err: errors.New("no time left under the request rate")}
	}
	u := c.o.BaseURL.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(form))
	if err != nil {
		return nil, 0, &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonOther, Err: errors.New("cannot build the request")}
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
	c.noteCertificate(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxBody+1))
	if err != nil {
		return nil, 0, transportError(endpoint, err)
	}
	if int64(len(body)) > c.o.MaxBody {
		return nil, 0, &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonMalformed, Err: fmt.Errorf("the answer is longer than %d bytes", c.o.MaxBody)}
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
func statusError(endpoint string, status int) *exporters.SourceError {
	e := &exporters.SourceError{Endpoint: endpoint, Status: status, Reason: exporters.ReasonOther}
	switch {
	case status == http.StatusUnauthorized:
		e.Reason = exporters.ReasonAuth
	case status == http.StatusForbidden:
		e.Reason = exporters.ReasonForbidden
	case status == http.StatusNotFound:
		e.Reason = exporters.ReasonNotFound
	case status == http.StatusTooManyRequests:
		e.Reason = exporters.ReasonThrottled
	case status >= 500:
		e.Reason = exporters.ReasonServer
	}
	return e
}

// transportError keeps the cause but not the address, whose query may hold
// cursors and names.
func transportError(endpoint string, err error) *exporters.SourceError {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	reason := exporters.ReasonUnreachable
	var ne net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout() {
		reason = exporters.ReasonTimeout
	}
	return &exporters.SourceError{Endpoint: endpoint, Reason: reason, Err: err}
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

// CertificateEnds is when the certificate of the last answer ends; zero without TLS
// and before the first answer.
func (c *Client) CertificateEnds() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ends
}

func (c *Client) noteCertificate(resp *http.Response) {
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return
	}
	c.mu.Lock()
	c.ends = resp.TLS.PeerCertificates[0].NotAfter
	c.mu.Unlock()
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

// decodeAnswer takes what it can: a value of another type than its place takes is
// as if it had not been told. An answer that as a whole is something else is none.
func decodeAnswer(endpoint string, body []byte, out any) error {
	odd, err := exporters.Lenient(body, out)
	if slices.Contains(odd, "") {
		err = errors.New("it is of another type as a whole")
	}
	if err != nil {
		what := "the answer is not the expected JSON"
		if t := bytes.TrimSpace(body); len(t) > 0 && t[0] == '<' {
			what = "the answer is HTML instead of JSON"
		}
		return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonMalformed, Err: fmt.Errorf("%s: %w", what, err)}
	}
	return nil
}
