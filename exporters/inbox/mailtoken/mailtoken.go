// Package mailtoken gets the tokens by which a mailbox is read where its provider
// takes no password.
package mailtoken

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
	"vigie/internal/remote"
)

// Config is how a token for a mailbox is had where its provider takes no
// password: by the credentials of a registered application (Microsoft 365), or
// by a refresh token that the mailbox's owner once granted it (Google).
type Config struct {
	TokenURL         exporters.URL `yaml:"token_url"`
	ClientID         string        `yaml:"client_id"`
	ClientSecretFile string        `yaml:"client_secret_file"`
	RefreshTokenFile string        `yaml:"refresh_token_file"` // grant_type refresh_token; client_credentials without it
	Scopes           []string      `yaml:"scopes"`
	TLS              remote.TLS    `yaml:"tls"` // of the token's server

	secret, refresh exporters.Secret
}

// Validate checks. Dir is the folder to which relative file names refer.
func (c *Config) Validate(dir string) error {
	const at = "imap.oauth2."
	switch {
	case c.TokenURL.URL == nil:
		return wrong(at+"token_url", "missing", "write for example https://login.microsoftonline.com/TENANT/oauth2/v2.0/token")
	case c.ClientID == "":
		return wrong(at+"client_id", "missing", "write the id of the application that was registered with the provider")
	case c.ClientSecretFile == "" && c.RefreshTokenFile == "":
		return wrong(at+"client_secret_file", "missing", "name the file that holds the application's secret")
	}
	for _, f := range []struct {
		file, key string
		to        *exporters.Secret
	}{{c.ClientSecretFile, "client_secret", &c.secret}, {c.RefreshTokenFile, "refresh_token", &c.refresh}} {
		*f.to = exporters.Secret{File: f.file}
		if f.file == "" {
			continue
		}
		if err := f.to.Resolve(dir, at+f.key); err != nil {
			return err
		}
	}
	c.TLS = c.TLS.In(dir)
	if _, err := c.TLS.Build(); err != nil {
		return wrong(at+"tls", err.Error(), "name PEM files that the exporter's user can read, in ca_file that of the token's server or its authority")
	}
	return nil
}

func wrong(key, what, cure string) error {
	return &exporters.ConfigError{Key: key, What: what, Cure: cure}
}

// tokenLife is believed of a token whose answer does not say how long it lives.
const tokenLife = 30 * time.Minute

// grant asks for tokens. It is safe for concurrent use.
type grant struct {
	config *Config
	now    func() time.Time
	http   *httpclient.Client

	mu      sync.Mutex
	rotated string // the refresh token that came in place of the one in the file
	of      string // the one in the file for which it came
}

// New keeps the token of a mailbox and renews it before its end.
func New(c *Config, o exporters.SourceOptions) *httpclient.TokenCache {
	conf, _ := c.TLS.Build() // validated
	at := *c.TokenURL.URL
	at.Path = ""
	g := &grant{config: c, now: o.Now, http: httpclient.New(httpclient.Options{BaseURL: &at, UserAgent: o.UserAgent, TLS: conf, Now: o.Now, Sleep: o.Sleep,
		PostPaths: []string{c.TokenURL.URL.Path}, MaxBody: 1 << 20, Fault: tokenFault})}
	return &httpclient.TokenCache{Fetch: g.fetch, RenewBefore: 5 * time.Minute, Now: o.Now}
}

// fetch follows RFC 6749, sections 4.4 and 6; the secret goes in the body, as
// both Microsoft and Google have it.
func (g *grant) fetch(ctx context.Context) (httpclient.Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {g.config.ClientID}}
	if len(g.config.Scopes) > 0 {
		form.Set("scope", strings.Join(g.config.Scopes, " "))
	}
	fail := func(what string, err error) (httpclient.Token, error) {
		return httpclient.Token{}, &exporters.SourceError{Endpoint: "token", Reason: exporters.ReasonAuth, Err: fmt.Errorf("%s: %w", what, err)}
	}
	if g.config.ClientSecretFile != "" {
		secret, err := g.config.secret.Read()
		if err != nil {
			return fail("client secret", err)
		}
		form.Set("client_secret", secret)
	}
	stored := ""
	if g.config.RefreshTokenFile != "" {
		var err error
		if stored, err = g.config.refresh.Read(); err != nil {
			return fail("refresh token", err)
		}
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", g.refreshToken(stored))
	}
	var answer struct {
		AccessToken  string         `json:"access_token"`
		TokenType    string         `json:"token_type"`
		ExpiresIn    exporters.Text `json:"expires_in"`
		RefreshToken string         `json:"refresh_token"`
	}
	if err := g.http.PostForm(ctx, "token", g.config.TokenURL.URL.Path, form, nil, &answer); err != nil {
		return httpclient.Token{}, err
	}
	if answer.AccessToken == "" || strings.ContainsAny(answer.AccessToken, "\x00\x01\r\n ") || answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "Bearer") {
		return httpclient.Token{}, &exporters.SourceError{Endpoint: "token", Reason: exporters.ReasonMalformed, Err: errors.New("the answer holds no bearer token")}
	}
	if answer.RefreshToken != "" && stored != "" {
		g.mu.Lock()
		g.rotated, g.of = answer.RefreshToken, stored
		g.mu.Unlock()
	}
	life := tokenLife
	if n, err := strconv.ParseFloat(string(answer.ExpiresIn), 64); err == nil && n > 0 && n < 1e7 {
		life = time.Duration(n) * time.Second
	}
	return httpclient.Token{Value: answer.AccessToken, Expires: g.now().Add(life)}, nil
}

// refreshToken is the one that the server gave last, unless the file was
// changed since.
func (g *grant) refreshToken(stored string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == stored && g.rotated != "" {
		return g.rotated
	}
	return stored
}

var errorCode = regexp.MustCompile(`^[a-z_]{1,60}$`)

// tokenFault tells by the error code of RFC 6749, section 5.2, why there is no
// token. The server's description might quote what was sent.
func tokenFault(endpoint string, status int, body []byte) error {
	var answer struct {
		Error exporters.Text `json:"error"`
	}
	if status != http.StatusBadRequest && status != http.StatusUnauthorized || json.Unmarshal(body, &answer) != nil || !errorCode.MatchString(string(answer.Error)) {
		return nil
	}
	hint := "look at the application's registration"
	switch answer.Error {
	case "invalid_client", "unauthorized_client":
		hint = "client_id or the secret is wrong, or the secret has expired"
	case "invalid_grant":
		hint = "the refresh token was withdrawn or has expired: have the mailbox's owner grant it again"
	case "invalid_scope":
		hint = "mend scopes"
	}
	return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonAuth, Status: status, Err: fmt.Errorf("no token: %s; %s", answer.Error, hint)}
}
