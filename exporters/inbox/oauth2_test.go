package inbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/inbox/inboxsim"
)

const (
	clientSecret = "cl1ent-s3cret-of-vigie"
	refreshToken = "r3fresh-t0ken-of-expert"
)

// tokenServer hands out tokens as RFC 6749 has it, and says whether a token is
// good (RFC 7662).
type tokenServer struct {
	mu      sync.Mutex
	given   int
	valid   string
	refresh string
	fault   string // error code to answer with
	rotate  bool
	form    []string
}

func (s *tokenServer) token() string { s.mu.Lock(); defer s.mu.Unlock(); return s.valid }

func (s *tokenServer) withdraw() { s.mu.Lock(); defer s.mu.Unlock(); s.valid = "" }

func (s *tokenServer) count() int { s.mu.Lock(); defer s.mu.Unlock(); return s.given }

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = r.ParseForm()
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/introspect") {
		good := s.valid != "" && r.PostForm.Get("token") == s.valid
		_ = json.NewEncoder(w).Encode(map[string]any{"active": good, "username": "expert"})
		return
	}
	code := s.fault
	switch r.PostForm.Get("grant_type") {
	case "client_credentials":
	case "refresh_token":
		if r.PostForm.Get("refresh_token") != s.refresh {
			code = "invalid_grant"
		}
	default:
		code = "unsupported_grant_type"
	}
	if code == "" && (r.PostForm.Get("client_id") != "vigie" || r.PostForm.Get("client_secret") != clientSecret) {
		code = "invalid_client"
	}
	s.form = append(s.form, r.PostForm.Get("scope"))
	if code != "" {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "you sent " + r.PostForm.Get("client_secret")})
		return
	}
	s.given++
	s.valid = fmt.Sprintf("eyJ0eXAiOiJKV1Qi.%d.%s", s.given, strings.Repeat("x", 1500)) // as long as real ones
	answer := map[string]any{"access_token": s.valid, "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599}
	if s.rotate {
		s.refresh = fmt.Sprintf("%s-%d", refreshToken, s.given)
		answer["refresh_token"] = s.refresh
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// newTokenServer listens on loopback.
func newTokenServer(t *testing.T) (*tokenServer, string) {
	s := &tokenServer{refresh: refreshToken}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// oauth2 has the bench log in with a token.
func (b *bench) oauth2(t *testing.T, url string, refresh bool) {
	t.Helper()
	b.write("client-secret", clientSecret+"\n")
	b.write("refresh-token", refreshToken+"\n")
	b.config.IMAP.PasswordFile = ""
	o := &OAuth2Config{ClientID: "vigie", ClientSecretFile: "client-secret", Scopes: []string{"https://mail.example/.default"}}
	if refresh {
		o.RefreshTokenFile = "refresh-token"
	}
	check(t, o.TokenURL.UnmarshalScalar(url+"/tenant/oauth2/v2.0/token"))
	b.config.IMAP.OAuth2 = o
}

func tokenURL(t *testing.T) (u exporters.URL) {
	t.Helper()
	check(t, u.UnmarshalScalar("https://login.msp.example/token"))
	return u
}

func TestOAuth2(t *testing.T) {
	for _, mechanism := range []string{"OAUTHBEARER", "XOAUTH2"} {
		for _, refresh := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, refresh token %v", mechanism, refresh), func(t *testing.T) {
				tokens, url := newTokenServer(t)
				tokens.rotate = true
				b := mailboxBenchOn(t, inboxsim.Options{Password: simPassword, Token: tokens.token, Mechanisms: []string{mechanism}}, func(b *bench) { b.oauth2(t, url, refresh) })
				b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
				b.refresh()
				b.refresh()
				if n := tokens.count(); n != 1 || b.job("SRV-AD").LastResult != exporters.Success || tokens.form[0] != "https://mail.example/.default" {
					t.Errorf("%d tokens, %s, scopes %q", n, b.job("SRV-AD").LastResult, tokens.form)
				}
				b.clock.Add(58 * time.Minute) // its end is near
				b.refresh()
				if n := tokens.count(); n != 2 {
					t.Errorf("%d tokens", n)
				}
				tokens.withdraw() // before its end
				b.deliver(report("SRV-AD", "bad", b.clock.Now(), ""))
				b.refresh()
				if n := tokens.count(); n != 3 || b.job("SRV-AD").LastResult != exporters.Failed {
					t.Errorf("%d tokens, %s", n, b.job("SRV-AD").LastResult)
				}
			})
		}
	}
}

func TestOAuth2ThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bench, *tokenServer)
		o      inboxsim.Options
		want   string
	}{
		"secret":        {func(b *bench, _ *tokenServer) { b.write("client-secret", "another") }, inboxsim.Options{}, "no token: invalid_client; client_id or the secret is wrong"},
		"grant":         {func(_ *bench, s *tokenServer) { s.fault = "invalid_grant" }, inboxsim.Options{}, "the refresh token was withdrawn"},
		"odd code":      {func(_ *bench, s *tokenServer) { s.fault = "<b>" + clientSecret }, inboxsim.Options{}, "token"},
		"no right":      {func(*bench, *tokenServer) {}, inboxsim.Options{Token: func() string { return "another" }}, "the application needs the right to IMAP"},
		"no mechanism":  {func(*bench, *tokenServer) {}, inboxsim.Options{Mechanisms: []string{}}, "neither OAUTHBEARER nor XOAUTH2"},
		"passwords yet": {func(*bench, *tokenServer) {}, inboxsim.Options{Token: nil, Mechanisms: nil, Prefix: "-"}, "neither OAUTHBEARER nor XOAUTH2"},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, url := newTokenServer(t)
			o := c.o
			o.Password = simPassword
			if o.Token == nil && name != "passwords yet" {
				o.Token = tokens.token
			}
			b := mailboxBenchOn(t, o, func(b *bench) { b.oauth2(t, url, false) })
			c.change(b, tokens)
			err := b.poller.Refresh(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || name != "odd code" && exporters.ReasonOf(err) != exporters.ReasonAuth {
				t.Errorf("got %v (%s), want %q", err, exporters.ReasonOf(err), c.want)
			}
			all := b.log.String() + b.metrics() + fmt.Sprint(err)
			for _, secret := range []string{clientSecret, refreshToken, "eyJ0eXAi", "another"} {
				if strings.Contains(all, secret) {
					t.Errorf("%s comes out", secret)
				}
			}
		})
	}
}
