package receiver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// HeartbeatOptions configures a heartbeat.
type HeartbeatOptions struct {
	// URLFile holds the URL to GET. It is a secret, as watchers put their key in
	// it, and is read again for each heartbeat.
	URLFile string
	// CAFile is a PEM file of the authorities to trust instead of the system's.
	CAFile string
	// AllowPlaintext permits http towards another machine.
	AllowPlaintext bool
	// Every is the pace; 1 min when 0.
	Every time.Duration
}

// Heartbeat tells a watcher elsewhere that this receiver works. A machine that
// is dead cannot say so: its silence must be noticed by another.
type Heartbeat struct {
	o    HeartbeatOptions
	next atomic.Int64 // in nanoseconds
}

const (
	heartbeatEvery  = time.Minute
	heartbeatWithin = 10 * time.Second
	maxURL          = 4 << 10
)

// NewHeartbeat checks the options. It opens no file and no connection.
func NewHeartbeat(o HeartbeatOptions) (*Heartbeat, error) {
	if o.URLFile == "" {
		return nil, errors.New("url_file: missing; write the watcher's URL into a file and name it")
	}
	if o.Every < 0 {
		return nil, fmt.Errorf("every: %s is negative", o.Every)
	}
	return &Heartbeat{o: o}, nil
}

// heartbeat sends the heartbeat at its pace.
type heartbeat struct{ *core }

// Run turns until ctx ends.
func (l *heartbeat) Run(ctx context.Context) error {
	return l.turns.run(ctx, "heartbeat", l.live().Timings.Tick, nil, l.turn)
}

// turn sends the heartbeat when its time has come, unless a loop stalls or the
// store does not take anything: then its absence is the message.
func (l *heartbeat) turn(ctx context.Context) error {
	h := l.live().Heartbeat
	now := l.now()
	if h == nil || now.UnixNano() < h.next.Load() && h.next.Load()-now.UnixNano() <= int64(h.pace()) {
		return nil // a time further off than the pace means that the clock was set back
	}
	h.next.Store(now.Add(h.pace()).UnixNano())
	if err := errors.Join(l.turns.healthy(), l.ready(ctx)); err != nil {
		l.metrics.heartbeats.WithLabelValues("withheld").Inc()
		return fmt.Errorf("no heartbeat is sent: %w", err)
	}
	if err := h.send(ctx); err != nil {
		l.metrics.heartbeats.WithLabelValues("failed").Inc()
		return fmt.Errorf("heartbeat: %w", err)
	}
	l.metrics.heartbeats.WithLabelValues("accepted").Inc()
	l.metrics.heartbeatAt.Set(seconds(now))
	return nil
}

func (h *Heartbeat) pace() time.Duration { return orDefault(h.o.Every, heartbeatEvery) }

func (h *Heartbeat) send(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, heartbeatWithin)
	defer cancel()
	u, err := h.url()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("User-Agent", "vigie")
	hc, err := h.client()
	if err != nil {
		return err
	}
	defer hc.CloseIdleConnections()
	resp, err := hc.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the watcher answered %s", resp.Status)
	}
	return nil
}

func (h *Heartbeat) url() (*url.URL, error) {
	f, err := os.Open(h.o.URLFile)
	if err != nil {
		return nil, fmt.Errorf("url file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxURL))
	if err != nil {
		return nil, fmt.Errorf("url file: %w", err)
	}
	// The parser's error repeats the URL, which is a secret.
	u, err := url.Parse(strings.TrimSpace(string(text)))
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("url file %s: it must hold one URL such as https://watcher.example/key", h.o.URLFile)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && !h.o.AllowPlaintext && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("url file %s: http shows the key to everybody on the way: use https, or set allow_plaintext", h.o.URLFile)
	}
	return u, nil
}

// client returns a client for one heartbeat; a redirection is not an acceptance.
func (h *Heartbeat) client() (*http.Client, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if h.o.CAFile != "" {
		pem, err := os.ReadFile(h.o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca file: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca file %s: no certificate in it", h.o.CAFile)
		}
	}
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// withoutURL drops the URL that package http puts into its errors.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
