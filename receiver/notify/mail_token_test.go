package notify

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"vigie/internal/mailauth"
	"vigie/receiver/smtpsink"
)

// tokenRelay is a relay that takes the token "second" alone, and a server that gives
// the tokens in their order; the last again and again.
func tokenRelay(t *testing.T, mechanisms []string, answer func(n int64, w http.ResponseWriter)) (*smtpsink.Server, MailRelay, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_secret") != "hush" || r.FormValue("scope") != "send" {
			t.Errorf("the token is asked for with %v", r.Form)
		}
		w.Header().Set("Content-Type", "application/json")
		answer(asked.Add(1), w)
	}))
	t.Cleanup(tokens.Close)
	s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS},
		Auth: smtpsink.AuthOptions{Username: "vigie@msp.example", Password: "second", Mechanisms: mechanisms, Required: true}})
	r := relayTo(t, s, TLSStartTLS)
	r.Username = "vigie@msp.example"
	r.Tokens = mailauth.NewTokens(mailauth.TokenOptions{URL: tokens.URL, ClientID: "vigie", Secret: func() (string, error) { return "hush", nil }, Scopes: []string{"send"}, HTTP: tokens.Client()})
	return s, r, &asked
}

func gives(tokens ...string) func(int64, http.ResponseWriter) {
	return func(n int64, w http.ResponseWriter) {
		_, _ = w.Write([]byte(`{"access_token":"` + tokens[min(int(n), len(tokens))-1] + `","token_type":"Bearer","expires_in":3600}`))
	}
}

// covers: T8; a relay that takes tokens only, over STARTTLS: one token for many
// mails, and another one when it is refused.
func TestMailByToken(t *testing.T) {
	for name, c := range map[string]struct {
		tokens []string
		asked  int64
	}{"good at once": {[]string{"second"}, 1}, "withdrawn": {[]string{"first", "second"}, 2}} {
		t.Run(name, func(t *testing.T) {
			s, r, asked := tokenRelay(t, []string{"LOGIN", "XOAUTH2"}, gives(c.tokens...))
			m := newMail(t, MailConfig{Relay: r})
			for range 3 {
				if err := deliver(t, m, "am@msp.example"); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(s.Messages()); n != 3 || asked.Load() != c.asked || s.Messages()[0].User != "vigie@msp.example" || !s.Messages()[0].TLS {
				t.Errorf("%d mails with %d tokens: %+v", n, asked.Load(), s.Messages())
			}
			auths := 0
			for _, v := range verbs(s) {
				if v == "AUTH" {
					auths++
				}
			}
			if auths != len(c.tokens) {
				t.Errorf("%d logins with %d tokens", auths, len(c.tokens))
			}
		})
	}
}

// covers: T8; what keeps the mail in is said in its own words, waits for the settings
// or for the other server, and is never about an address.
func TestMailByTokenRefused(t *testing.T) {
	for name, c := range map[string]struct {
		mechanisms  []string
		answer      func(int64, http.ResponseWriter)
		kind        Kind
		phase, says string
		code        int
	}{
		"by the relay": {[]string{"XOAUTH2"}, gives("first", "third"), KindAuth, "auth", "535", 535},
		"by the server of tokens": {[]string{"XOAUTH2"}, func(_ int64, w http.ResponseWriter) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"AADSTS7000215: hush is wrong"}`))
		}, KindAuth, "token", "no token: invalid_client; client_id or the secret is wrong, or the secret has expired", 0},
		"not now":      {[]string{"XOAUTH2"}, func(_ int64, w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, KindConnect, "token", "the server answers 503", 0},
		"no mechanism": {[]string{"LOGIN", "PLAIN"}, gives("second"), KindAuth, "auth", "neither XOAUTH2 nor OAUTHBEARER", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, _ := tokenRelay(t, c.mechanisms, c.answer)
			err := deliver(t, newMail(t, MailConfig{Relay: r}), "am@msp.example")
			wantKind(t, err, c.kind, c.phase, c.code)
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hush") || SubjectOf(err) == AboutAddress || IsConfiguration(err) != (c.kind == KindAuth) {
				t.Errorf("it says %v", err)
			}
			if len(s.Messages()) != 0 {
				t.Error("a mail arrived")
			}
		})
	}
}

// covers: T8; a secret that cannot be read is a fault of ours, at the start and later.
func TestMailTokenWithoutSecret(t *testing.T) {
	_, r, _ := tokenRelay(t, []string{"XOAUTH2"}, gives("second"))
	r.Tokens = mailauth.NewTokens(mailauth.TokenOptions{URL: "http://127.0.0.1:1", ClientID: "vigie", Secret: func() (string, error) { return "", errors.New("smtp.client is empty") }})
	m := newMail(t, MailConfig{Relay: r})
	if err := m.CheckFiles(); err == nil || !strings.Contains(err.Error(), "client secret: smtp.client is empty") {
		t.Errorf("at the start: %v", err)
	}
	err := deliver(t, m, "am@msp.example")
	wantKind(t, err, KindAuth, "token", 0)
	if !strings.Contains(err.Error(), "client secret: smtp.client is empty") {
		t.Errorf("%v", err)
	}
}

// covers: T10; settings that cannot be meant.
func TestMailTokenSettings(t *testing.T) {
	tokens := mailauth.NewTokens(mailauth.TokenOptions{})
	for want, r := range map[string]MailRelay{
		"oauth2 is set but no user name":          {Host: "smtp.msp.example", Tokens: tokens},
		"keep the one that the relay wants":       {Host: "smtp.msp.example", Username: "x", PasswordFile: "y", Tokens: tokens},
		"a user name is set but no password file": {Host: "smtp.msp.example", Username: "x"},
	} {
		if _, err := NewMail(MailConfig{Hello: "vigie.msp.example", Relay: r}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
