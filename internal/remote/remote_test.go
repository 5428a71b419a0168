package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

// secured is a real server that wants a client certificate, and the folder with
// what a client of it needs.
func secured(t *testing.T, handle http.HandlerFunc) (url, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mine := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vigie"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, mine, mine, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	known := x509.NewCertPool()
	known.AddCert(cert)
	s := httptest.NewUnstartedServer(handle)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known}
	s.StartTLS()
	t.Cleanup(s.Close)
	dir = t.TempDir()
	for name, block := range map[string]*pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, "me.pem": {Type: "CERTIFICATE", Bytes: der}, "me.key": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		write(t, dir, name, string(pem.EncodeToMemory(block)))
	}
	return s.URL, dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// get asks a server as http_config says, and returns what it answered.
func get(t *testing.T, url, dir, text string) (string, error) {
	t.Helper()
	var c HTTPConfig
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	hc, err := NewClient(c.Prometheus(dir), "test")
	if err != nil {
		return "", err
	}
	defer hc.CloseIdleConnections()
	resp, err := hc.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.Status + " " + string(b), err
}

// tlsConfig is what the secured server asks for, with names relative to its folder.
const tlsConfig = "tls_config: {ca_file: ca.pem, cert_file: me.pem, key_file: me.key}\n"

// What is not asked over HTTP is secured in the same way.
func TestTLSAlone(t *testing.T) {
	url, dir := secured(t, func(http.ResponseWriter, *http.Request) {})
	dial := func(c TLS) error {
		conf, err := c.In(dir).Build()
		if err != nil {
			return err
		}
		conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), conf)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
		if err == nil { // whether a client's certificate pleases shows with the answer
			_, err = io.ReadAll(conn)
		}
		return err
	}
	whole := TLS{CAFile: "ca.pem", CertFile: "me.pem", KeyFile: "me.key"}
	if err := dial(whole); err != nil {
		t.Error(err)
	}
	named := whole
	named.ServerName = "another.example"
	for name, c := range map[string]TLS{"no certificate": {CAFile: "ca.pem"}, "an unknown authority": {CertFile: "me.pem", KeyFile: "me.key"},
		"another name": named, "a key of nothing": {CAFile: "ca.pem", KeyFile: "me.key"}, "no such file": {CAFile: "none.pem"}, "no certificate in it": {CAFile: "me.key"}} {
		if dial(c) == nil {
			t.Errorf("%s: the server is reached", name)
		}
	}
}

func TestClientCertificateAndHeaders(t *testing.T) {
	url, dir := secured(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName+" "+r.Header.Get("X-Scope-OrgID")+" "+r.Header.Get("X-Api-Key")+" "+r.Header.Get("Authorization"))
	})
	write(t, dir, "api", "k1\n")
	write(t, dir, "token", "t0ken\n")
	const more = "http_headers: {X-Scope-OrgID: {values: [msp]}, X-Api-Key: {files: [api]}}\nauthorization: {credentials_file: token}\n"
	if got, err := get(t, url, dir, tlsConfig+more); err != nil || got != "200 OK vigie msp k1 Bearer t0ken" {
		t.Errorf("%s, %v", got, err)
	}
	write(t, dir, "api", "k2\n") // a new secret needs no restart
	if got, err := get(t, url, dir, tlsConfig+more); err != nil || !strings.Contains(got, " k2 ") {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := get(t, url, dir, "tls_config: {ca_file: ca.pem}\n"); err == nil {
		t.Error("a server that wants a client certificate answers without one")
	}
	if _, err := get(t, url, dir, "{}\n"); err == nil {
		t.Error("a certificate that nobody vouches for is believed")
	}
}

func TestOAuth2(t *testing.T) {
	asked := 0
	url, dir := secured(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			_, _ = io.WriteString(w, r.Header.Get("Authorization"))
			return
		}
		asked++
		id, secret, _ := r.BasicAuth()
		if r.Method != http.MethodPost || id != "vigie" || secret != "s3cret" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "read" || r.FormValue("audience") != "metrics" {
			t.Errorf("token asked for by %s with %q %q and %v", r.Method, id, secret, r.Form)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"abc","token_type":"Bearer","expires_in":3600}`)
	})
	write(t, dir, "client", "s3cret\n")
	text := tlsConfig + "oauth2:\n  client_id: vigie\n  client_secret_file: client\n  token_url: " + url + "/token\n  scopes: [read]\n  endpoint_params: {audience: metrics}\n  " + tlsConfig
	if got, err := get(t, url, dir, text); err != nil || got != "200 OK Bearer abc" || asked != 1 {
		t.Errorf("%s, %v, token asked for %d times", got, err, asked)
	}
}

func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "by the proxy to "+r.URL.String())
	}))
	defer proxy.Close()
	if got, err := get(t, "http://prometheus.invalid/x", t.TempDir(), "proxy_url: "+proxy.URL+"\n"); err != nil || got != "200 OK by the proxy to http://prometheus.invalid/x" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("http://elsewhere.invalid/", http.StatusFound))
	defer s.Close()
	if got, err := get(t, s.URL, t.TempDir(), "enable_http2: true\n"); err != nil || !strings.HasPrefix(got, "302") {
		t.Errorf("%s, %v", got, err)
	}
}

// Secrets, and what is not known, are refused with line and cure.
func TestWhatIsRefused(t *testing.T) {
	type file struct {
		HTTP HTTPConfig `yaml:"http_config"`
	}
	for text, want := range map[string]string{
		"basic_auth: {username: a, password: b}":                               "f.yml:2: http_config.basic_auth.password: a secret must not stand in this file: write it into a file of its own and name that under password_file",
		"authorization: {credentials: b}":                                      "under credentials_file",
		"bearer_token: b":                                                      "under bearer_token_file",
		"oauth2: {client_id: a, token_url: b, client_secret: c}":               "under client_secret_file",
		"tls_config: {key: c}":                                                 "http_config.tls_config.key: a secret must not stand",
		"http_headers: {X-A: {secrets: [c]}}":                                  "under files",
		"http_headers: {X-Api-Key: {values: [c]}}":                             "looks like a secret",
		"http_headers: {key: {files: [c]}}":                                    "",
		"http_headers: {X-A: {valeus: [c]}}":                                   `unknown key "valeus": did you mean "values"?`,
		"http_headers: {Authorization: {files: [c]}}":                          "f.yml:2: http_config: ",
		"oauth2: {client_id: a, token_url: b, tls_config: {key: c}}":           "oauth2.tls_config.key: a secret",
		"oauth2: {client_id: a, token_url: b, endpoint_params: {password: c}}": "looks like a secret",
		"tls_config: {key_ref: c}":                                             "there is no secret manager here",
		"follow_redirects: true":                                               "redirects are never followed",
		"proxy_url: http://a:b@proxy:3128":                                     "holds a password",
		"proxy_connect_header: {Proxy-Authorization: [x]}":                     "must not stand in this file",
		"tls_confg: {}":                                                        `http_config.tls_confg: unknown key "tls_confg": did you mean "tls_config"?`,
		"basic_auth: {username: a}\n  authorization: {credentials_file: b}":    "at most one of",
		"oauth2: {client_id: a}":                                               "token_url must be configured",
		"tls_config: 7":                                                        "f.yml:2: http_config: ",
		"tls_config: {cert_file: a}":                                           "exactly one of key or key_file",
	} {
		var f file
		err := strict.Decode("f.yml", []byte("http_config:\n  "+text+"\n"), &f)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		if err == nil && !f.HTTP.IsSet() {
			t.Errorf("%s: counts as not set", text)
		}
	}
}
