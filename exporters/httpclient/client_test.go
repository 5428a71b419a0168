package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/exporters"
)

func newTestClient(t *testing.T, h http.HandlerFunc, change func(*Options)) (*Client, *[]time.Duration) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	var slept []time.Duration
	o := Options{BaseURL: u, UserAgent: "test", RequestsPerSecond: 100_000, Now: func() time.Time { return at(0) },
		Sleep: func(_ context.Context, d time.Duration) error { slept = append(slept, d); return nil }}
	if change != nil {
		change(&o)
	}
	return New(o), &slept
}

func TestRetryAfterForms(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"7":                             7 * time.Second,
		"Mon, 09 Mar 2026 22:00:20 GMT": 20 * time.Second,
		"100000":                        maxRetryAfter, // nobody is waited for that long
	} {
		tries := 0
		c, slept := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", at(0).Format(http.TimeFormat))
			if tries++; tries == 1 {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = w.Write([]byte("{}"))
		}, nil)
		var out struct{}
		if err := c.GetJSON(t.Context(), "x", "/", nil, nil, &out); err != nil || len(*slept) != 1 || (*slept)[0] != want {
			t.Errorf("%q: slept %v, %v", header, *slept, err)
		}
	}
}

func TestReasons(t *testing.T) {
	for status, want := range map[int]exporters.Reason{400: exporters.ReasonOther, 401: exporters.ReasonAuth, 403: exporters.ReasonForbidden, 404: exporters.ReasonNotFound, 429: exporters.ReasonThrottled, 500: exporters.ReasonServer, 503: exporters.ReasonServer, 302: exporters.ReasonOther} {
		tries := 0
		c, _ := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
			tries++
			w.Header().Set("Location", "http://elsewhere.example/")
			w.WriteHeader(status)
		}, nil)
		err := c.GetJSON(t.Context(), "x", "/", nil, nil, new(struct{}))
		if got := exporters.ReasonOf(err); got != want {
			t.Errorf("%d: %v", status, err)
		}
		if again := want == exporters.ReasonThrottled || want == exporters.ReasonServer; again != (tries == 3) || !again && tries != 1 {
			t.Errorf("%d: %d tries", status, tries)
		}
	}
}

func TestBodyIsBounded(t *testing.T) {
	c, _ := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat("x", 1000))) },
		func(o *Options) { o.MaxBody = 999 })
	if err := c.GetJSON(t.Context(), "x", "/", nil, nil, new(struct{})); exporters.ReasonOf(err) != exporters.ReasonMalformed {
		t.Errorf("got %v", err)
	}
}

func TestErrorsKeepAddressesToThemselves(t *testing.T) {
	c, _ := newTestClient(t, nil, func(o *Options) { o.BaseURL = &url.URL{Scheme: "http", Host: "127.0.0.1:1"} })
	err := c.GetJSON(t.Context(), "x", "/p", url.Values{"after": {"cursor-of-a-query"}}, nil, new(struct{}))
	if exporters.ReasonOf(err) != exporters.ReasonUnreachable || strings.Contains(err.Error(), "cursor-of-a-query") {
		t.Errorf("got %v", err)
	}
}

// The end of the product's certificate is known from its answer, also of one that
// answers nothing of use.
func TestCertificateEnds(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{BaseURL: base, Now: time.Now, TLS: &tls.Config{RootCAs: pool}, Retries: -1})
	if !c.CertificateEnds().IsZero() {
		t.Error("known before the first answer")
	}
	_ = c.GetJSON(t.Context(), "x", "/", nil, nil, new(struct{}))
	if got := c.CertificateEnds(); !got.Equal(server.Certificate().NotAfter) {
		t.Errorf("%v, want %v", got, server.Certificate().NotAfter)
	}
}

func TestClockSkew(t *testing.T) {
	c, _ := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", at(5).Format(http.TimeFormat))
		_, _ = w.Write([]byte("{}"))
	}, nil)
	if c.ClockSkew() != nil {
		t.Error("a skew before any answer")
	}
	if err := c.GetJSON(t.Context(), "x", "/", nil, nil, new(struct{})); err != nil || *c.ClockSkew() != 5*time.Minute {
		t.Errorf("%v %v", c.ClockSkew(), err)
	}
}

func TestTokenIsRenewedOnceForAll(t *testing.T) {
	var fetched atomic.Int32
	tokens := &TokenCache{RenewBefore: time.Minute, Now: func() time.Time { return at(0) }, Fetch: func(context.Context) (Token, error) {
		n := fetched.Add(1)
		time.Sleep(10 * time.Millisecond) // so that the others really wait
		return Token{Value: strings.Repeat("t", int(n)), Expires: at(59)}, nil
	}}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if v, err := tokens.Get(t.Context(), ""); v != "t" || err != nil {
				t.Errorf("%q %v", v, err)
			}
		})
	}
	wg.Wait()
	for range 5 {
		wg.Go(func() {
			if v, err := tokens.Get(t.Context(), "t"); v != "tt" || err != nil {
				t.Errorf("%q %v", v, err)
			}
		})
	}
	wg.Wait()
	if got := fetched.Load(); got != 2 {
		t.Errorf("%d tokens fetched, want 2", got)
	}
}

// A request whose token ended while another renewed it takes the new one
// instead of spending it.
func TestRefusedTokenIsThatOfTheRequest(t *testing.T) {
	n := 0
	tokens := &TokenCache{Now: func() time.Time { return at(0) }, Fetch: func(context.Context) (Token, error) {
		n++
		return Token{Value: strings.Repeat("t", n), Expires: at(59)}, nil
	}}
	authorize := tokens.Authorize()
	first, second := http.Header{}, http.Header{}
	for _, step := range []struct {
		h     http.Header
		renew bool
		want  string
	}{{first, false, "Bearer t"}, {second, false, "Bearer t"}, {first, true, "Bearer tt"}, {second, true, "Bearer tt"}} {
		if err := authorize(t.Context(), step.h, step.renew); err != nil || step.h.Get("Authorization") != step.want {
			t.Errorf("%q, want %q: %v", step.h.Get("Authorization"), step.want, err)
		}
	}
}

func TestTokenErrorIsNotKept(t *testing.T) {
	fail := true
	tokens := &TokenCache{Now: func() time.Time { return at(0) }, Fetch: func(context.Context) (Token, error) {
		if fail {
			return Token{}, errors.New("no")
		}
		return Token{Value: "t", Expires: at(59)}, nil
	}}
	if _, err := tokens.Get(t.Context(), ""); err == nil {
		t.Fatal("no error")
	}
	fail = false
	if v, err := tokens.Get(t.Context(), ""); v != "t" || err != nil {
		t.Errorf("%q %v", v, err)
	}
}

// A document is answered as it comes; what the product says of a failure in
// the body decides, and is not tried again.
func TestDocuments(t *testing.T) {
	var status atomic.Int64
	var tries atomic.Int64
	errFault := errors.New("fault")
	c, slept := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		tries.Add(1)
		if r.Method != http.MethodPost || r.Header.Get("Accept") != "text/xml" || r.Header.Get("Content-Type") != "text/xml" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write([]byte("<fault/>"))
	}, func(o *Options) {
		o.PostPaths, o.Accept = []string{"/service"}, "text/xml"
		o.Gate = func(base http.RoundTripper) http.RoundTripper { return base }
		o.Fault = func(endpoint string, status int, body []byte) error {
			if endpoint == "x" && status == http.StatusInternalServerError && string(body) == "<fault/>" {
				return errFault
			}
			return nil
		}
	})
	ask := func() ([]byte, error) {
		return c.PostDocument(t.Context(), "x", "/service", http.Header{"Content-Type": {"text/xml"}}, []byte("<question/>"))
	}
	status.Store(http.StatusOK)
	if body, err := ask(); err != nil || string(body) != "<fault/>" {
		t.Errorf("%q, %v", body, err)
	}
	status.Store(http.StatusInternalServerError)
	if _, err := ask(); !errors.Is(err, errFault) || tries.Load() != 2 || len(*slept) != 0 {
		t.Errorf("%v after %d tries", err, tries.Load())
	}
	status.Store(http.StatusServiceUnavailable)
	if _, err := ask(); exporters.ReasonOf(err) != exporters.ReasonServer || tries.Load() != 5 {
		t.Errorf("%v after %d tries", err, tries.Load())
	}
	if _, err := c.PostDocument(t.Context(), "x", "/other", nil, nil); err == nil || !strings.Contains(err.Error(), "only reads") {
		t.Errorf("%v", err)
	}
}

func at(minute int) time.Time { return time.Date(2026, 3, 9, 22, minute, 0, 0, time.UTC) }
