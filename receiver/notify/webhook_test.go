package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
)

func webhook(t *testing.T, url string, change func(*WebhookConfig)) *Webhook {
	t.Helper()
	cfg := WebhookConfig{Name: "sms", URLFile: secretFile(t, url+"\n"), Timeout: time.Minute}
	if change != nil {
		change(&cfg)
	}
	w, err := NewWebhook(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWebhookDelivers(t *testing.T) {
	var keys []string
	var got WebhookMessage
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if r.Method != http.MethodPost || r.URL.Path != "/send" || r.URL.Query().Get("key") != "k1" || r.Header.Get("Authorization") != "Bearer t0ken" {
			t.Errorf("%s %s, Authorization %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer gateway.Close()
	w := webhook(t, gateway.URL+"/send?key=k1", func(c *WebhookConfig) { c.TokenFile = secretFile(t, "t0ken\n") })
	if err := w.CheckFiles(); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"+33100000000", "+33100000000", "+33100000001"} {
		if err := w.Deliver(t.Context(), message(), to); err != nil {
			t.Fatal(err)
		}
	}
	m := message()
	if got.ID != m.ID || got.Recipient != "+33100000001" || got.Subject != m.Subject || got.Text != m.Text || !got.Date.Equal(m.Date) || got.IncidentID != "123" || len(got.Cc) != 2 {
		t.Errorf("message = %+v", got)
	}
	if keys[0] != keys[1] || keys[0] == keys[2] || keys[0] == "" {
		t.Errorf("idempotency keys = %q", keys)
	}
}

// An SMS gateway that wants a web form and a password, and one with a header of its
// own for the token.
func TestWebhookInTheGatewaysForm(t *testing.T) {
	var seen []string
	gate := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, strings.Join([]string{user, password, r.Header.Get("X-Api-Key"), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)}, " "))
	}))
	defer gate.Close()
	var s struct {
		Channels map[string]ChannelConfig `yaml:"channels"`
	}
	text := fmt.Sprintf("channels:\n  sms: {webhook: {url_file: %q, username: AC1, password_file: %q, form: {To: '{{.Recipient}}', Body: '{{cut 5 .Subject}}'}}}\n"+
		"  key: {webhook: {url_file: %q, token_file: %q, token_header: X-Api-Key, json: {text: '{{.Subject}}'}}}\n",
		secretFile(t, gate.URL+"\n"), secretFile(t, "pw\n"), secretFile(t, gate.URL+"\n"), secretFile(t, "k3y\n"))
	if err := strict.Decode("vigie.yml", []byte(text), &s); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sms", "key"} {
		ch, err := s.Channels[name].Channel(name, func(p string) string { return p })
		if err == nil {
			m := message()
			m.Subject = "& <Serveur> en panne"
			err = ch.Deliver(t.Context(), m, "+33600000000")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"AC1 pw  Basic QUMxOnB3 application/x-www-form-urlencoded Body=%26+%3CS%E2%80%A6&To=%2B33600000000", "  k3y  application/json; charset=utf-8 {\"text\":\"& <Serveur> en panne\"}"}
	if !slices.Equal(seen, want) {
		t.Errorf("%q\nwant\n%q", seen, want)
	}
}

func TestWebhookStatuses(t *testing.T) {
	status := 200
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "90")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "because\r\nof "+strings.Repeat("this ", 1000))
	}))
	defer gateway.Close()
	w := webhook(t, gateway.URL+"/send?key=hidden", nil)
	for code, kind := range map[int]Kind{
		302: KindConfig, 307: KindConfig, 400: KindMessage, 401: KindAuth, 403: KindAuth, 404: KindConfig, 405: KindConfig, 408: KindTemporary,
		409: KindTemporary, 410: KindConfig, 413: KindMessage, 422: KindMessage, 425: KindTemporary, 429: KindTemporary, 500: KindTemporary, 502: KindTemporary, 503: KindTemporary,
	} {
		status = code
		err := w.Deliver(t.Context(), message(), "+33100000000")
		wantKind(t, err, kind, "request", code)
		if text := err.Error(); strings.Contains(text, "hidden") || len(text) > 500 || strings.ContainsAny(text, "\r\n") {
			t.Errorf("%d: error = %q", code, text)
		}
		var e *Error
		if errors.As(err, &e) && e.RetryAfter != 90*time.Second {
			t.Errorf("%d: RetryAfter = %s", code, e.RetryAfter)
		}
	}
	for _, code := range []int{200, 201, 202, 204} {
		status = code
		if err := w.Deliver(t.Context(), message(), "+33100000000"); err != nil {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestWebhookFailures(t *testing.T) {
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	defer silent.Close()
	defer close(release)
	cut := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	defer cut.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	_ = l.Close()
	for name, tt := range map[string]struct {
		url  string
		kind Kind
	}{
		"no answer":             {silent.URL, KindUnknown},
		"cut after the request": {cut.URL, KindUnknown},
		"untrusted certificate": {secure.URL, KindTLS},
		"not tls":               {strings.Replace(cut.URL, "http:", "https:", 1), KindTLS},
		"nobody there":          {closed, KindConnect},
	} {
		t.Run(name, func(t *testing.T) {
			err := webhook(t, tt.url+"/send?key=hidden", func(c *WebhookConfig) {
				if tt.url == silent.URL {
					c.Timeout = 500 * time.Millisecond
				}
			}).Deliver(t.Context(), message(), "+33100000000")
			wantKind(t, err, tt.kind, "request", 0)
			if errors.Is(err, ErrUnknown) != (tt.kind == KindUnknown) {
				t.Errorf("errors.Is(%v, ErrUnknown) is wrong", err)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(e.Error(), "hidden") {
					t.Errorf("the error shows the URL: %v", e)
				}
			}
		})
	}
}

func TestWebhookConfiguration(t *testing.T) {
	for content, want := range map[string]string{
		"":                                     "empty",
		"not a url hidden":                     "must hold one URL",
		"ftp://gateway.example/hidden":         "must hold one URL",
		"http://gateway.example/hidden":        "clear text",
		"https://x.example\nhttps://y.example": "one line",
		"https://x.example/%zz?hidden":         "must hold one URL",
	} {
		w := webhook(t, content, func(c *WebhookConfig) { c.URLFile = secretFile(t, content) })
		err := w.Deliver(t.Context(), message(), "x")
		wantKind(t, err, KindConfig, "request", 0)
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: error = %v, want one about %q", content, err, want)
		}
	}
	if _, err := NewWebhook(WebhookConfig{}); err == nil {
		t.Error("a webhook without URL file was accepted")
	}
	for settings, want := range map[string]string{
		"{url_file: u, format: teems}":                                `did you mean "teams"`,
		"{url_file: u, format: teams, form: {a: b}}":                  "exclude each other",
		"{url_file: u, username: a}":                                  "belong together",
		"{url_file: u, token_header: X-Api-Key}":                      "no token_file",
		"{url_file: u, token_file: t, token_header: 'X: y'}":          "not a header's name",
		"{url_file: u, token_file: t, username: a, password_file: p}": "keep one",
		"{url_file: u, json: {text: '{{.Sujet}}'}}":                   "known are .Recipient",
	} {
		var c ChannelConfig
		err := strict.Decode("vigie.yml", []byte("webhook: "+settings), &c)
		if err == nil {
			_, err = c.Channel("chat", func(p string) string { return p })
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
	w := webhook(t, "https://x.example", func(c *WebhookConfig) { c.TokenFile = "/nonexistent/token" })
	if err := w.CheckFiles(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("CheckFiles = %v", err)
	}
}
