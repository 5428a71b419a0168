package config

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// load reads the test configuration with more in vigie.yml.
func loadWith(t *testing.T, dir, more string) (*Setup, error) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS("../testdata")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "vigie.yml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(name)
}

// http_config reaches the server that is asked, beside the short keys.
func TestEndpointOverHTTPConfig(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Authorization")+" "+r.Header.Get("X-Scope-OrgID"))
	}))
	defer s.Close()
	dir := filepath.Join(t.TempDir(), "config")
	setup, err := loadWith(t, dir, "prometheus:\n  url: "+s.URL+"\n  token_file: prom.token\n  http_config: {http_headers: {X-Scope-OrgID: {files: [tenant]}}}\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"prom.token": "t0ken\n", "tenant": "msp\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hc, err := setup.Config.HTTPClient(setup.Config.Prometheus.EndpointConfig, "prometheus")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := hc.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, _ := io.ReadAll(resp.Body); string(got) != "Bearer t0ken msp" {
		t.Errorf("sent %q", got)
	}
}

func TestEndpointHTTPConfigIsStrict(t *testing.T) {
	for more, want := range map[string]string{
		"prometheus: {url: 'http://p', token_file: a, http_config: {basic_auth: {username: a, password_file: b}}}":      "vigie.yml:11: prometheus.http_config.basic_auth: credentials stand beside http_config as well",
		"alertmanagers:\n  - url: http://a\n    ca_file: x\n    http_config:\n      tls_config: {ca_file: y}":           "vigie.yml:15: alertmanagers[0].http_config.tls_config: ca_file stands beside http_config as well",
		"exporters:\n  - url: http://a\n    http_config:\n      authorization: {credentials: x}":                        "vigie.yml:14: exporters[0].http_config.authorization.credentials: a secret must not stand in this file: write it into a file",
		"exporters:\n  - url: http://a\n    http_config: {oauth2: {client_id: a, client_secret_file: b, token_url: c}}": "",
	} {
		_, err := loadWith(t, filepath.Join(t.TempDir(), "config"), more+"\n")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v\nwant %s", more, err, want)
		}
	}
}
