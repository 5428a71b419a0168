package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/identity"
	"vigie/receiver/web"
)

// What npm brings of the provider, at the versions of testdata/provider.
const providerCache = "../../.cache/oidc-provider-9.13.3"

// provider starts a certified OpenID Connect provider of the market, whose clients
// come back to an address of ours; without node, npm or its registry the test is
// skipped.
func provider(t *testing.T, back string, accounts map[string]map[string]any) (issuer string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a provider takes too long for the short tests")
	}
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed: apt-get install nodejs npm", name)
		}
	}
	if err := os.MkdirAll(providerCache, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(providerCache, os.DirFS("testdata/provider")); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(providerCache, "node_modules", "oidc-provider")); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		install.Dir = providerCache
		if out, err := install.CombinedOutput(); err != nil {
			t.Skipf("the provider cannot be had: npm ci: %v\n%.500s", err, out)
		}
	}
	told, err := json.Marshal(accounts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	run := exec.CommandContext(ctx, "node", "provider.mjs", back, "the client's secret", string(told))
	run.Dir, run.Env = providerCache, append(os.Environ(), "NODE_ENV=production")
	if _, err := run.StdinPipe(); err != nil { // it ends with it, also when the test is killed
		t.Fatal(err)
	}
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = run.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
			issuer = lines.Text()
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return issuer
		}
	}
	t.Fatal("the provider did not start")
	return ""
}

// guest is a browser in front of the provider's own pages.
type guest struct {
	*browser
	t *testing.T
}

// action is where the form of one of its pages goes.
var action = regexp.MustCompile(`action="([^"]+)"`)

// asked begins a login and stops at the provider's form; change alters what the
// browser brings to the provider.
func (g guest) asked(change func(url.Values)) (form *url.URL) {
	g.t.Helper()
	g.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := g.Get(g.d.server.URL + "/login/provider")
	if err != nil {
		g.t.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		g.t.Fatalf("a login begins with %s: %v", resp.Status, err)
	}
	if change != nil {
		q := to.Query()
		change(q)
		to.RawQuery = q.Encode()
	}
	g.CheckRedirect = nil
	if resp, err = g.Get(to.String()); err != nil {
		g.t.Fatal(err)
	}
	return g.form(resp)
}

// form is where the form of a page goes; nil when it has left the provider.
func (g guest) form(resp *http.Response) *url.URL {
	g.t.Helper()
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		g.t.Fatal(err)
	}
	found := action.FindSubmatch(text)
	if found == nil {
		g.t.Fatalf("no form at %s: %s\n%s", resp.Request.URL, resp.Status, text)
	}
	to, err := resp.Request.URL.Parse(html.UnescapeString(string(found[1])))
	if err != nil {
		g.t.Fatal(err)
	}
	return to
}

// answers logs in at the provider and agrees, up to its answer, which the browser
// does not follow.
func (g guest) answers(form *url.URL, account string) (back *url.URL) {
	g.t.Helper()
	resp, err := g.PostForm(form.String(), url.Values{"prompt": {"login"}, "login": {account}, "password": {"any"}})
	if err != nil {
		g.t.Fatal(err)
	}
	agree := g.form(resp)
	g.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/login/answer" {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	if resp, err = g.PostForm(agree.String(), url.Values{"prompt": {"consent"}}); err != nil {
		g.t.Fatal(err)
	}
	resp.Body.Close()
	g.CheckRedirect = nil
	if back == nil {
		g.t.Fatalf("the provider does not come back: %s", resp.Status)
	}
	return back
}

// follow goes where the provider sends the browser.
func (g guest) follow(back *url.URL) (int, string) {
	g.t.Helper()
	return g.get(back.RequestURI())
}

// The whole way with a provider of the market: who comes in, and who does not.
func TestLoginWithARealProvider(t *testing.T) {
	var pages atomic.Pointer[http.Handler]
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*pages.Load()).ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	issuer := provider(t, front.URL+"/login/answer", map[string]map[string]any{
		"sophie": {"email": "sup@msp.example", "email_verified": true}, "forged": {"email": "sup@msp.example", "email_verified": false},
		"silent": {"email": "sup@msp.example"}, "stranger": {"email": "x@elsewhere.example", "email_verified": true},
		"queue": {"email": "expert@msp.example", "email_verified": true}, "nameless": {"name": "No address"},
	})
	var ahead atomic.Int64
	d := newDesk(t, "synomega", "", func(_ *receiver.Config, _ *receiver.Reloadable, o *web.Options) {
		o.Login.Provider = identity.NewProvider(identity.ProviderOptions{Issuer: issuer, ClientID: "vigie", Back: front.URL + "/login/answer",
			Secret: func() (string, error) { return "the client's secret", nil }, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	})
	pages.Store(&d.server.Config.Handler)
	d.server = front
	come := func() guest { return guest{d.browser(""), t} }
	refused := func(t *testing.T, g guest, code, want int, text, says string) {
		t.Helper()
		if code != want || !strings.Contains(html.UnescapeString(text), says) {
			t.Errorf("answered %d, want %d with %q:\n%.1500s", code, want, says, text)
		}
		if _, page := g.get("/queue"); !strings.Contains(page, `name="password"`) {
			t.Error("and yet somebody is in")
		}
	}

	g := come()
	g.get("/queue") // the page to come back to
	code, text := g.follow(g.answers(g.asked(nil), "sophie"))
	must(t, code, text, "Sophie Aubert", "Ce que personne n&#39;a pris")
	_, text = g.post("/logout", nil)
	if !strings.Contains(text, `href="`+issuer+`/session/end"`) {
		t.Errorf("whoever leaves is not told that the provider's session goes on:\n%s", text)
	}
	if _, page := g.get("/queue"); !strings.Contains(page, `name="password"`) {
		t.Error("a logout ends nothing")
	}

	for account, x := range map[string]struct {
		code int
		says string
	}{
		"forged": {http.StatusForbidden, "does not say that it has verified"}, "silent": {http.StatusForbidden, "does not say that it has verified"},
		"stranger": {http.StatusForbidden, "but not to Vigie"}, "queue": {http.StatusForbidden, "but not to Vigie"}, "nameless": {http.StatusBadGateway, "was not completed"},
	} {
		t.Run(account, func(t *testing.T) {
			g := come()
			g.t = t
			code, text := g.follow(g.answers(g.asked(nil), account))
			refused(t, g, code, x.code, text, x.says)
		})
	}
	t.Run("another state", func(t *testing.T) {
		g := come()
		back := g.answers(g.asked(nil), "sophie")
		q := back.Query()
		q.Set("state", "another")
		back.RawQuery = q.Encode()
		code, text := g.follow(back)
		refused(t, g, code, http.StatusBadRequest, text, "was not completed")
	})
	t.Run("another nonce", func(t *testing.T) {
		g := come()
		code, text := g.follow(g.answers(g.asked(func(q url.Values) { q.Set("nonce", "another") }), "sophie"))
		refused(t, g, code, http.StatusBadGateway, text, "was not completed")
	})
	t.Run("somebody else's code", func(t *testing.T) {
		victim, thief := come(), come()
		stolen := thief.answers(thief.asked(nil), "sophie").Query().Get("code")
		back := victim.answers(victim.asked(nil), "stranger")
		q := back.Query()
		q.Set("code", stolen)
		back.RawQuery = q.Encode()
		code, text := victim.follow(back)
		refused(t, victim, code, http.StatusBadGateway, text, "was not completed")
	})
	t.Run("an answer twice", func(t *testing.T) {
		g := come()
		back := g.answers(g.asked(nil), "sophie")
		g.follow(back)
		g.post("/logout", nil)
		code, text := g.follow(back)
		refused(t, g, code, http.StatusBadRequest, text, "was not completed")
	})
	t.Run("broken off", func(t *testing.T) {
		g := come()
		form := g.asked(nil)
		code, text := func() (int, string) {
			resp, err := g.Get(form.String() + "/abort")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(text)
		}()
		refused(t, g, code, http.StatusUnauthorized, text, "broke off the login")
	})
	t.Run("an answer that has expired", func(t *testing.T) {
		ahead.Store(int64(2 * time.Hour))
		defer ahead.Store(0)
		g := come()
		code, text := g.follow(g.answers(g.asked(nil), "sophie"))
		refused(t, g, code, http.StatusBadGateway, text, "was not completed")
	})
}

// A provider that does not answer leaves the other ways in open, and is asked again.
func TestProviderAway(t *testing.T) {
	d := newDesk(t, "synomega", "", func(_ *receiver.Config, _ *receiver.Reloadable, o *web.Options) {
		o.Login.Provider = identity.NewProvider(identity.ProviderOptions{Issuer: "http://127.0.0.1:1", ClientID: "vigie"})
	})
	code, text := d.browser("").get("/login/provider")
	if code != http.StatusServiceUnavailable || !strings.Contains(text, "cannot be reached") || !strings.Contains(text, `name="password"`) {
		t.Errorf("answered %d:\n%s", code, text)
	}
}
