package mailauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// TokenOptions say how a token is had: by the credentials of a registered
// application (Microsoft 365), or by a refresh token that the mailbox's owner once
// granted it (Google).
type TokenOptions struct {
	URL      string
	ClientID string
	// Secret and Refresh read the application's secret and the refresh token; nil
	// for none. They are read anew for each token.
	Secret, Refresh func() (string, error)
	Scopes          []string
	HTTP            *http.Client
	Now             func() time.Time
}

// Tokens gives tokens, and asks for another one before its end. It is safe for
// concurrent use.
type Tokens struct {
	o     TokenOptions
	mu    sync.Mutex
	token string
	until time.Time
	// rotated is the refresh token that came in place of the one in the file, of
	// the one for which it came.
	rotated, of string
}

const (
	// renewBefore is how long before its end a token is renewed, at most a quarter
	// of its life; tokenLife is believed of one that does not say.
	renewBefore = 5 * time.Minute
	tokenLife   = 30 * time.Minute
	askWithin   = 30 * time.Second
)

// NewTokens asks for nothing yet.
func NewTokens(o TokenOptions) *Tokens {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Tokens{o: o}
}

// Get gives a valid token, another one than that which was refused.
func (t *Tokens) Get(ctx context.Context, refused string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.o.Now()
	if t.token != "" && t.token != refused && now.Before(t.until) {
		return t.token, nil
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, t.o.HTTP), askWithin)
	defer cancel()
	got, err := t.fetch(ctx)
	if err != nil {
		return "", plain(err)
	}
	if got.AccessToken == "" || strings.ContainsAny(got.AccessToken, "\x00\x01\r\n ") || got.TokenType != "" && !strings.EqualFold(got.TokenType, "Bearer") {
		return "", errors.New("the answer holds no bearer token")
	}
	life := tokenLife
	if got.ExpiresIn > 0 {
		life = time.Duration(min(got.ExpiresIn, 1e7)) * time.Second
	}
	t.token, t.until = got.AccessToken, now.Add(life-min(renewBefore, life/4))
	return t.token, nil
}

// fetch follows RFC 6749, sections 4.4 and 6; the secret goes in the body, as both
// Microsoft and Google have it.
func (t *Tokens) fetch(ctx context.Context) (*oauth2.Token, error) {
	secret, err := read(t.o.Secret)
	if err != nil {
		return nil, &RefusedError{"client secret: " + err.Error()}
	}
	if t.o.Refresh == nil {
		c := clientcredentials.Config{ClientID: t.o.ClientID, ClientSecret: secret, TokenURL: t.o.URL, Scopes: t.o.Scopes, AuthStyle: oauth2.AuthStyleInParams}
		return c.Token(ctx)
	}
	stored, err := read(t.o.Refresh)
	if err != nil {
		return nil, &RefusedError{"refresh token: " + err.Error()}
	}
	use := stored
	if t.of == stored && t.rotated != "" {
		use = t.rotated
	}
	c := oauth2.Config{ClientID: t.o.ClientID, ClientSecret: secret, Scopes: t.o.Scopes, Endpoint: oauth2.Endpoint{TokenURL: t.o.URL, AuthStyle: oauth2.AuthStyleInParams}}
	got, err := c.TokenSource(ctx, &oauth2.Token{RefreshToken: use}).Token()
	if err == nil && got.RefreshToken != "" && got.RefreshToken != use {
		t.rotated, t.of = got.RefreshToken, stored
	}
	return got, err
}

func read(secret func() (string, error)) (string, error) {
	if secret == nil {
		return "", nil
	}
	return secret()
}

// Check reads the secrets, so that a file which cannot be read shows at the start.
func (t *Tokens) Check() error {
	if _, err := read(t.o.Secret); err != nil {
		return fmt.Errorf("client secret: %w", err)
	}
	if _, err := read(t.o.Refresh); err != nil {
		return fmt.Errorf("refresh token: %w", err)
	}
	return nil
}

// RefusedError says that there is no token for a reason of our settings: a secret that
// cannot be read, or what its server answers. Asking again changes nothing.
type RefusedError struct{ reason string }

func (e *RefusedError) Error() string { return "no token: " + e.reason }

var errorCode = regexp.MustCompile(`^[a-z_]{1,60}$`)

// plain tells by the error code of RFC 6749, section 5.2, why there is no token.
// The server's description, and its whole answer, might quote what was sent.
func plain(err error) error {
	var ours *RefusedError
	if errors.As(err, &ours) {
		return err
	}
	var no *oauth2.RetrieveError
	if !errors.As(err, &no) {
		return fmt.Errorf("no token: %w", err)
	}
	if !errorCode.MatchString(no.ErrorCode) {
		reason := fmt.Sprintf("the server answers %d", no.Response.StatusCode)
		if no.Response.StatusCode >= 500 || no.Response.StatusCode == http.StatusTooManyRequests {
			return errors.New("no token: " + reason)
		}
		return &RefusedError{reason}
	}
	hint := map[string]string{
		"invalid_client":      "client_id or the secret is wrong, or the secret has expired",
		"unauthorized_client": "client_id or the secret is wrong, or the secret has expired",
		"invalid_grant":       "the refresh token was withdrawn or has expired: have the mailbox's owner grant it again",
		"invalid_scope":       "mend scopes",
	}[no.ErrorCode]
	if hint == "" {
		hint = "look at the application's registration"
	}
	return &RefusedError{no.ErrorCode + "; " + hint}
}
