package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var today = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

// desk is the part of a provider that answers programs; who is in front of it is
// settled. It says what a test wants it to.
type desk struct {
	*httptest.Server
	key    *rsa.PrivateKey
	claims map[string]any // of the id_token
	info   map[string]any // of userinfo
	asked  url.Values     // of the token's endpoint
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{key: key}
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{"issuer": d.URL, "authorization_endpoint": d.URL + "/auth", "token_endpoint": d.URL + "/token", "jwks_uri": d.URL + "/keys",
			"userinfo_endpoint": d.URL + "/me", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		say(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		d.asked = r.PostForm
		say(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": d.sign(t)})
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, _ *http.Request) { say(w, d.info) })
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d
}

func (d *desk) sign(t *testing.T) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: d.key, KeyID: "1"}}, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	b, _ := json.Marshal(d.claims)
	signed, err := s.Sign(b)
	if err != nil {
		t.Error(err)
		return ""
	}
	out, _ := signed.CompactSerialize()
	return out
}

// Who somebody is is taken from a genuine answer to our own question alone, and an
// address only where the provider says that it has verified it.
func TestToldIsStrict(t *testing.T) {
	d := newDesk(t)
	for name, x := range map[string]struct {
		change func(claims map[string]any)
		info   map[string]any
		o      ProviderOptions
		want   string // part of the error; empty for adm1's address
	}{
		"all as it should be":    {change: func(map[string]any) {}},
		"verified as a text":     {change: func(c map[string]any) { c["email_verified"] = "true" }},
		"not verified":           {change: func(c map[string]any) { c["email_verified"] = false }, want: "has not verified"},
		"not verified as a text": {change: func(c map[string]any) { c["email_verified"] = "false" }, want: "has not verified"},
		"verified unsaid":        {change: func(c map[string]any) { delete(c, "email_verified") }, want: "does not say"},
		"unsaid, by choice":      {change: func(c map[string]any) { delete(c, "email_verified") }, o: ProviderOptions{TakeUnverified: true}},
		"no address":             {change: func(c map[string]any) { delete(c, "email") }, info: map[string]any{"sub": "7"}, want: "no email"},
		"told by userinfo": {change: func(c map[string]any) { delete(c, "email"); delete(c, "email_verified") },
			info: map[string]any{"sub": "7", "email": "adm1@msp.example", "email_verified": true}},
		"verified elsewhere": {change: func(c map[string]any) { delete(c, "email") },
			info: map[string]any{"sub": "7", "email": "adm1@msp.example"}, want: "does not say"},
		"userinfo of another": {change: func(c map[string]any) { delete(c, "email") },
			info: map[string]any{"sub": "8", "email": "adm1@msp.example", "email_verified": true}, want: "somebody else"},
		"another claim":           {change: func(c map[string]any) { c["upn"] = "adm1@msp.example"; delete(c, "email_verified") }, o: ProviderOptions{Claim: "upn"}},
		"to another question":     {change: func(c map[string]any) { c["nonce"] = "other" }, want: "another question"},
		"without a question":      {change: func(c map[string]any) { delete(c, "nonce") }, want: "another question"},
		"for another application": {change: func(c map[string]any) { c["aud"] = "other" }, want: "audience"},
		"of another issuer":       {change: func(c map[string]any) { c["iss"] = "https://elsewhere.example" }, want: "different provider"},
		"too old":                 {change: func(c map[string]any) { c["exp"] = today.Add(-time.Minute).Unix() }, want: "expired"},
	} {
		d.claims = map[string]any{"iss": d.URL, "aud": "vigie", "sub": "7", "nonce": "n1", "iat": today.Unix(), "exp": today.Add(time.Hour).Unix(),
			"email": "adm1@msp.example", "email_verified": true}
		d.info = x.info
		x.change(d.claims)
		o := x.o
		o.Issuer, o.ClientID, o.Back, o.Now = d.URL, "vigie", "https://vigie.msp.example/login/answer", func() time.Time { return today }
		o.Secret = func() (string, error) { return "s3cret", nil }
		who, err := NewProvider(o).Told(t.Context(), "code", "n1", "verifier")
		if x.want == "" && (err != nil || who != "adm1@msp.example") || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("%s: %q, %v", name, who, err)
		}
	}
	if d.asked.Get("code_verifier") != "verifier" || d.asked.Get("grant_type") != "authorization_code" {
		t.Errorf("asked with %v", d.asked)
	}
}

// A token that another key signed is nobody's.
func TestForgedToken(t *testing.T) {
	d, forger := newDesk(t), newDesk(t)
	claims := map[string]any{"iss": d.URL, "aud": "vigie", "sub": "7", "nonce": "n1", "exp": today.Add(time.Hour).Unix(), "email": "adm1@msp.example", "email_verified": true}
	d.claims, forger.claims = claims, claims
	d.key = forger.key // signs, while the true key is published
	p := NewProvider(ProviderOptions{Issuer: d.URL, ClientID: "vigie", Now: func() time.Time { return today }})
	if who, err := p.Told(t.Context(), "code", "n1", "v"); err == nil {
		t.Errorf("taken for %s", who)
	}
}

// Each question is another one, and asks for a proof that its asker is who takes
// the answer.
func TestAsk(t *testing.T) {
	d := newDesk(t)
	p := NewProvider(ProviderOptions{Issuer: d.URL, ClientID: "vigie", Back: "https://vigie.msp.example/login/answer"})
	a, err := p.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, _ := p.Ask(t.Context())
	q, _ := url.Parse(a.URL)
	if v := q.Query(); v.Get("code_challenge_method") != "S256" || v.Get("nonce") != a.Nonce || v.Get("state") != a.State || v.Get("response_type") != "code" {
		t.Errorf("asks %s", a.URL)
	}
	if a.State == b.State || a.Nonce == b.Nonce || a.Verifier == b.Verifier {
		t.Error("asks the same twice")
	}
	gone := NewProvider(ProviderOptions{Issuer: "http://127.0.0.1:1", ClientID: "vigie"})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := gone.Ask(ctx); err == nil {
		t.Error("a provider that is not there does not show")
	}
}
