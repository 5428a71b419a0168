//go:build !windows

package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/arcserve/arcservesim"
	"vigie/exporters/proxmoxbackup/proxmoxbackupsim"
	"vigie/exporters/push"
	"vigie/exporters/synology/synologysim"
	"vigie/exporters/veeam/veeamsim"
	"vigie/exporters/veeamem/veeamemsim"
)

// secretProduct is a product with a secret. A further one is a line in
// secretProducts.
type secretProduct struct {
	name string
	// good is the simulated product, which knows the password.
	good func(password string) http.Handler
	// settings are the source's part of the configuration; the secret is in
	// the file named "secret-" and the source's name.
	settings string
}

const (
	rightPassword = "r1ght-p4ssw0rd"
	wrongPassword = "wr0ng-p4ssw0rd"
)

func secretProducts() []secretProduct {
	return []secretProduct{
		{"acronis", func(p string) http.Handler {
			return acronissim.New(acronissim.Options{Now: time.Now, ClientSecret: p})
		}, "acronis: {url: %q, client_id: sim-client, client_secret_file: %q, requests_per_second: 1000%s}"},
		{"veeam", func(p string) http.Handler { return veeamsim.New(veeamsim.Options{Now: time.Now, Password: p}) },
			"veeam: {url: %q, username: sim-viewer, password_file: %q, customer: dupont, requests_per_second: 1000%s}"},
		{"em", func(p string) http.Handler { return veeamemsim.New(veeamemsim.Options{Now: time.Now, Password: p}) },
			"veeam_enterprise_manager: {url: %q, username: sim-viewer, password_file: %q, customer: dupont, requests_per_second: 1000%s}"},
		{"pbs", func(p string) http.Handler {
			return proxmoxbackupsim.New(proxmoxbackupsim.Options{Now: time.Now, Secret: p})
		},
			"proxmox_backup_server: {url: %q, token_id: vigie@pbs!sim, secret_file: %q, customer: dupont, requests_per_second: 1000%s}"},
		{"synology", func(p string) http.Handler {
			return synologysim.New(synologysim.Options{Now: time.Now, Password: p})
		}, "synology: {url: %q, account: sim-user, password_file: %q, customer: dupont, hyper_backup: {machine: NAS, timezone: Europe/Paris}, requests_per_second: 1000%s}"},
		{"udp", func(p string) http.Handler {
			return arcservesim.New(arcservesim.Options{Now: time.Now, Password: p})
		}, "arcserve: {customer: dupont, soap: {experimental: true, url: %q, namespace: http://sim.example/, username: sim-user, password_file: %q, requests_per_second: 1000%s}}"},
	}
}

// spy notes every credential that a product is shown.
type spy struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *spy) note(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if _, after, ok := strings.Cut(v, " "); ok { // a scheme before it
			v = after
		}
		if plain, err := base64.StdEncoding.DecodeString(v); err == nil {
			if _, password, ok := strings.Cut(string(plain), ":"); ok && len(password) >= 8 {
				s.seen[password] = true
			}
		}
		if len(v) >= 8 {
			s.seen[v] = true
		}
	}
}

func (s *spy) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for v := range s.seen {
		out = append(out, v)
	}
	return out
}

// look reads the request's credentials and gives everything it holds.
func (s *spy) look(r *http.Request) string {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	for _, h := range []string{"Authorization", "X-Restsvcsessionid", "X-Syno-Token"} {
		s.note(r.Header[h]...)
	}
	for _, c := range r.Cookies() {
		s.note(c.Value)
	}
	form, _ := url.ParseQuery(string(body))
	for _, q := range []url.Values{form, r.URL.Query()} {
		for _, key := range []string{"password", "passwd", "refresh_token", "client_secret", "_sid", "SynoToken"} {
			s.note(q[key]...)
		}
	}
	var b strings.Builder
	_ = r.Header.Write(&b)
	return r.URL.String() + "\r\n" + b.String() + "\r\n" + string(body)
}

// handsOut tells whether the request is one that hands out or checks a token.
func handsOut(r *http.Request) bool {
	path := strings.ToLower(r.URL.Path)
	return slices.ContainsFunc([]string{"token", "auth.cgi", "sessionmngr", "logonsession", "serverinfo", "query.cgi"}, func(s string) bool { return strings.Contains(path, s) }) ||
		strings.Contains(strings.ToLower(r.URL.RawQuery), "syno.api.auth") || strings.Contains(strings.ToLower(r.URL.RawQuery), "syno.api.info")
}

// failures are the ways in which a product fails. Trap is an address to which
// no credential may ever come.
func failures(s *spy, good, other http.Handler, trap string) map[string]http.Handler {
	echo := func(status int, when func(*http.Request) bool) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text := s.look(r)
			if !when(r) {
				good.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Echo", strings.Join(r.Header["Authorization"], " "))
			w.Header().Set("Www-Authenticate", "Basic realm="+fmt.Sprintf("%q", strings.Join(r.Header["Authorization"], " ")))
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		})
	}
	always := func(*http.Request) bool { return true }
	later := func(r *http.Request) bool { return !handsOut(r) }
	return map[string]http.Handler{
		"password":     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.look(r); other.ServeHTTP(w, r) }),
		"401":          echo(http.StatusUnauthorized, always),
		"500":          echo(http.StatusInternalServerError, always),
		"500-later":    echo(http.StatusInternalServerError, later),
		"401-later":    echo(http.StatusUnauthorized, later),
		"garbage":      echo(http.StatusOK, always),
		"garbage-late": echo(http.StatusOK, later),
		"redirect": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.look(r)
			if handsOut(r) {
				good.ServeHTTP(w, r)
				return
			}
			http.Redirect(w, r, trap+"/?"+url.Values{"token": r.Header["Authorization"]}.Encode(), http.StatusTemporaryRedirect)
		}),
	}
}

// Nothing that the process lets out holds a secret, in whatever way products
// fail: not its output, its metrics, its pages, its interfaces, its files.
func TestNoSecretComesOutOfAnyFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &spy{seen: map[string]bool{}}
	trap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed: %s", r.URL)
	}))
	defer trap.Close()
	quiet := log.New(io.Discard, "", 0)

	var config strings.Builder
	config.WriteString("sources:\n")
	var names []string
	add := func(name, password, settings string) {
		names = append(names, name)
		write(t, dir, "secret-"+name, password+"\n")
		fmt.Fprintf(&config, "  - name: %s\n    poll_interval: 1s\n    timeout: 20s\n    %s\n", name, settings)
	}
	for _, p := range secretProducts() {
		for failure, handler := range failures(s, p.good(rightPassword), p.good("another"), trap.URL) {
			server := httptest.NewServer(handler)
			defer server.Close()
			name := p.name + "-" + failure
			password := rightPassword
			if failure == "password" {
				password = wrongPassword
			}
			add(name, password, fmt.Sprintf(p.settings, server.URL, "secret-"+name, ""))
		}
		secure := httptest.NewUnstartedServer(p.good(rightPassword))
		secure.Config.ErrorLog = quiet
		secure.StartTLS()
		defer secure.Close()
		add(p.name+"-tls", rightPassword, fmt.Sprintf(p.settings, secure.URL, "secret-"+p.name+"-tls", ""))
	}
	const mailed = "From: nas@dupont.example\nDate: Mon, 9 Mar 2026 22:00:00 +0100\nSubject: SRV-AD saved\n\nfine\n"
	write(t, dir, "example.eml", mailed)
	write(t, dir, "rules.yml", "schema: 1\nrules:\n- name: saved\n  subject: '^(?P<machine>\\S+) saved'\n  set: {engine: robocopy, result: success}\n  examples: [{mail: example.eml, results: [{machine: SRV-AD, result: success}]}]\n")
	mail := echoLines(t, s)
	add("imap", rightPassword, fmt.Sprintf("inbox: {folder: inbox, rules: [rules.yml], customers: {dupont: {from: [\"@dupont.example\"]}}, imap: {address: %q, security: none, username: vigie, password_file: secret-imap}}", mail))
	add("sql", rightPassword, fmt.Sprintf("arcserve: {customer: dupont, console_database: {server: 127.0.0.1, port: %s, database: arcserveUDP, user: vigie, password_file: secret-sql, connect_timeout: 2s}}", portOf(mail)))
	const token = "dupont-t0ken-0123456789abcdef"
	add("push", token, "push: {folder: push, customers: {dupont: {token_file: secret-push}}}")

	p := newProgram(t, dir, config.String(), webPassword)
	p.start("--log.level=debug", "--web.enable-lifecycle")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var everything strings.Builder
	ask := func(method, path, bearer, body string) string {
		req, err := http.NewRequest(method, "http://"+p.address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("prometheus", webPassword)
		if bearer != "" {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set(push.TokenHeader, bearer)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(resp.Body)
		_ = resp.Header.Write(&everything)
		everything.Write(answer)
		return string(answer)
	}
	// Every source but push fails at least twice.
	failed := func() []string {
		m := ask(http.MethodGet, "/metrics", "", "")
		var left []string
		for _, name := range names {
			n := 0
			for line := range strings.Lines(m) {
				if strings.HasPrefix(line, fmt.Sprintf("backup_source_errors_total{source=%q,", name)) && !strings.HasSuffix(line, " 0\n") {
					n++
				}
			}
			if n == 0 && name != "push" {
				left = append(left, name)
			}
		}
		return left
	}
	var left []string
	for range 400 {
		if left = failed(); len(left) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Fatalf("these do not fail: %v\n%s", left, p.out.String())
	}
	for _, path := range []string{"/", "/metrics", "/metrics?shard=0/2", "/metrics?shard=x", "/api/v1/results", "/api/v1/results?nonsense=1", "/api/v1/inventory", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/vars", "/nowhere"} {
		ask(http.MethodGet, path, "", "")
	}
	ask(http.MethodPost, "/-/reload", "", "")
	ask(http.MethodPost, push.Path, token, `{"run_id":"1","job_id":"j","machine":"M","result":"success","ended_at":"2026-03-09T22:00:00Z"}`)
	ask(http.MethodPost, push.Path, token, `{"run_id":`)
	ask(http.MethodPost, push.Path, "wr0ng-t0ken-0123456789abcdef", `{}`)
	// A broken configuration, and one whose secret is gone.
	write(t, dir, "backup_exporter.yml", strings.Replace(config.String(), "secret-imap", "secret-nowhere", 1))
	ask(http.MethodPost, "/-/reload", "", "")
	// The sending side, in front of a receiver that repeats what it is told.
	echo := httptest.NewServer(failures(s, http.NotFoundHandler(), nil, trap.URL)["500"])
	defer echo.Close()
	sender := p.command("push", "--url="+echo.URL, "--token-file="+filepath.Join(dir, "secret-push"), "--spool="+filepath.Join(dir, "data", "spool"), "--patience=1s",
		"--job=j", "--machine=M", "--result=success")
	if err := sender.Run(); err == nil {
		t.Error("the sender was content with a receiver that fails")
	}
	check := p.command("--config.file="+write(t, dir, "check.yml", config.String()), "--check.sources")
	if err := check.Run(); err == nil {
		t.Error("--check.sources was content with sources that fail")
	}
	p.stop()
	everything.WriteString(p.out.String())
	everything.WriteString(files(t, filepath.Join(dir, "data")))
	everything.WriteString(files(t, filepath.Join(dir, "push")))

	secrets := append(s.all(), rightPassword, wrongPassword, webPassword, token, "wr0ng-t0ken-0123456789abcdef")
	tokens := 0
	text := everything.String()
	for _, secret := range secrets {
		if strings.Contains(secret, "token") || strings.Contains(secret, "sim-") {
			tokens++
		}
		for form, v := range map[string]string{"itself": secret, "in base64": base64.StdEncoding.EncodeToString([]byte(secret)), "in an address": url.QueryEscape(secret)} {
			if at := strings.Index(text, v); at >= 0 {
				t.Errorf("%q comes out %s: …%s…", secret, form, text[max(0, at-200):min(len(text), at+len(v)+50)])
			}
		}
	}
	if !slices.Contains(secrets, rightPassword) || tokens < 5 || len(text) < 100_000 {
		t.Errorf("%d secrets, %d tokens in %d bytes: too few to be a test", len(secrets), tokens, len(text))
	}
}

// echoLines is a mail or database server that repeats each line it is told.
func echoLines(t *testing.T, s *spy) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				_, _ = io.WriteString(c, "* OK ready\r\n")
				for lines := bufio.NewScanner(c); lines.Scan(); {
					tag, rest, _ := strings.Cut(lines.Text(), " ")
					if strings.HasPrefix(rest, "LOGIN") {
						s.note(strings.Trim(rest[strings.LastIndexByte(rest, ' ')+1:], `"`))
					}
					if rest == "CAPABILITY" {
						_, _ = fmt.Fprintf(c, "* CAPABILITY IMAP4rev1\r\n%s OK done\r\n", tag)
						continue
					}
					_, _ = fmt.Fprintf(c, "%s NO refused: %s\r\n", tag, rest)
				}
			}()
		}
	}()
	return l.Addr().String()
}

func portOf(address string) string { _, port, _ := net.SplitHostPort(address); return port }
