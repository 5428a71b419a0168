// Package heartbeat tells a watcher elsewhere that this receiver works.
package heartbeat

import (
	"cmp"
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

// Options configures a heartbeat.
type Options struct {
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
	o    Options
	next atomic.Int64 // in nanoseconds
}

const (
	// Every is how often a heartbeat is sent unless somebody says otherwise.
	Every  = time.Minute
	within = 10 * time.Second
	maxURL = 4 << 10
)

// New checks the options. It opens no file and no connection.
func New(o Options) (*Heartbeat, error) {
	if o.URLFile == "" {
		return nil, errors.New("url_file: missing; write the watcher's URL into a file and name it")
	}
	if o.Every < 0 {
		return nil, fmt.Errorf("every: %s is negative", o.Every)
	}
	return &Heartbeat{o: o}, nil
}

// Due reports whether it is time for the next one, and counts it as sent.
func (h *Heartbeat) Due(now time.Time) bool {
	next := h.next.Load()
	if now.UnixNano() < next && next-now.UnixNano() <= int64(h.pace()) {
		return false // a time further off than the pace means that the clock was set back
	}
	h.next.Store(now.Add(h.pace()).UnixNano())
	return true
}

func (h *Heartbeat) pace() time.Duration { return cmp.Or(h.o.Every, Every) }

// Send sends one; nil only when the watcher accepted it.
func (h *Heartbeat) Send(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, within)
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

// CheckFiles reads the files once and reports the first that is not usable.
func (h *Heartbeat) CheckFiles() error {
	if _, err := h.url(); err != nil {
		return err
	}
	_, err := h.client()
	return err
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
