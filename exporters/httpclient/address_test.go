package httpclient_test

import (
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

// address reads an address as the configuration of a source has it.
func address(t *testing.T, dir, text string) (*httpclient.Address, error) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	a := &httpclient.Address{}
	if err := exporters.DecodeStrict("f.yml", "sources[0].veeam", doc.Content[0], a); err != nil {
		return nil, err
	}
	return a, a.Validate(dir, "https://x")
}

// http_config of a source reaches its product: header, authority, proxy rules.
func TestSourceOverHTTPConfig(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"scope":"`+r.Header.Get("X-Scope")+`","key":"`+r.Header.Get("X-Api-Key")+`","agent":"`+r.UserAgent()+`"}`)
	}))
	defer s.Close()
	dir := t.TempDir()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for name, text := range map[string]string{"ca.pem": ca, "key": "k1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tls := range []string{"tls: {ca_file: ca.pem}\nhttp_config:\n", "http_config:\n  tls_config: {ca_file: ca.pem}\n"} {
		a, err := address(t, dir, "url: "+s.URL+"\n"+tls+"  http_headers: {X-Scope: {values: [msp]}, X-Api-Key: {files: [key]}}\n")
		if err != nil {
			t.Fatal(err)
		}
		o, err := a.Options(exporters.SourceOptions{UserAgent: "backup_exporter/1", Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		c := httpclient.New(o)
		var got map[string]string
		err = c.GetJSON(t.Context(), "jobs", "/jobs", nil, nil, &got)
		c.Close()
		if err != nil || got["scope"] != "msp" || got["key"] != "k1" || got["agent"] != "backup_exporter/1" {
			t.Errorf("%v, %v", got, err)
		}
		c = httpclient.New(o)
		if err := c.Post(t.Context(), "jobs", "/jobs", http.Header{}); err == nil {
			t.Error("it may change something")
		}
		c.Close()
	}
}

func TestSourceHTTPConfigIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"  authorization: {credentials: s}\n":                                 "f.yml:3: sources[0].veeam.http_config.authorization.credentials: a secret must not stand in this file; write it into",
		"  http_heders: {}\n":                                                 `f.yml:3: sources[0].veeam.http_config.http_heders: unknown key "http_heders"; did you mean "http_headers"?`,
		"  tls_config: {ca_file: gone.pem}\n":                                 "http_config: ",
		"  tls_config: {server_name: a}\ntls: {insecure_skip_verify: true}\n": "http_config.tls_config: given together with tls",
	} {
		_, err := address(t, t.TempDir(), "url: https://x\nhttp_config:\n"+text)
		var ce *exporters.ConfigError
		if !errors.As(err, &ce) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
