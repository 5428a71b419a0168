package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// ProviderOptions say which OpenID Connect provider is asked, and for whom.
type ProviderOptions struct {
	Issuer, ClientID string
	// Secret reads the client's secret; nil for a public client.
	Secret func() (string, error)
	// Back is our own address to which the provider sends people back.
	Back   string
	Scopes []string
	// Claim holds a person's id or address; email when empty.
	Claim string
	// TakeUnverified takes an address that the provider does not say it has verified.
	TakeUnverified bool
	HTTP           *http.Client
	Now            func() time.Time
}

// Provider is an OpenID Connect provider. It is asked for its configuration when
// it is first needed, so that Vigie starts without it.
type Provider struct {
	o  ProviderOptions
	mu sync.Mutex
	p  *oidc.Provider
}

// DefaultClaim is the claim that names a person unless somebody says otherwise.
const DefaultClaim = "email"

// DefaultScopes are what a provider is asked for unless somebody says otherwise.
func DefaultScopes() []string { return []string{oidc.ScopeOpenID, "profile", "email"} }

// NewProvider returns a provider and asks it nothing yet.
func NewProvider(o ProviderOptions) *Provider {
	if o.Claim == "" {
		o.Claim = DefaultClaim
	}
	if len(o.Scopes) == 0 {
		o.Scopes = DefaultScopes()
	}
	return &Provider{o: o}
}

// askWithin bounds what the provider is asked.
const askWithin = 10 * time.Second

func (p *Provider) known(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.p == nil {
		found, err := oidc.NewProvider(ctx, p.o.Issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("identity provider %s: %w", p.o.Issuer, err)
		}
		p.p = found
	}
	c := &oauth2.Config{ClientID: p.o.ClientID, Endpoint: p.p.Endpoint(), RedirectURL: p.o.Back, Scopes: p.o.Scopes}
	if p.o.Secret != nil {
		var err error
		if c.ClientSecret, err = p.o.Secret(); err != nil {
			return nil, nil, fmt.Errorf("openid_connect.client_secret_file: %w", err)
		}
	}
	return p.p, c, nil
}

// LeaveURL is where somebody ends his session with the provider itself; "" when the
// provider names no such address, or was not asked yet.
func (p *Provider) LeaveURL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.p == nil {
		return ""
	}
	var told struct {
		End string `json:"end_session_endpoint"`
	}
	if err := p.p.Claims(&told); err != nil {
		return ""
	}
	if u, err := url.Parse(told.End); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return told.End
}

// ErrUnproven is an address that the provider does not say it has verified.
var ErrUnproven = errors.New("the address is not verified")

// Question is what a browser is sent to the provider with, and what must be kept
// to recognise the answer.
type Question struct{ URL, State, Nonce, Verifier string }

// Ask makes a question.
func (p *Provider) Ask(ctx context.Context) (Question, error) {
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	_, c, err := p.known(ctx)
	if err != nil {
		return Question{}, err
	}
	q := Question{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	q.URL = c.AuthCodeURL(q.State, oidc.Nonce(q.Nonce), oauth2.S256ChallengeOption(q.Verifier))
	return q, nil
}

func (p *Provider) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	if p.o.HTTP != nil {
		ctx = oidc.ClientContext(ctx, p.o.HTTP)
	}
	return ctx, cancel
}

// Told exchanges the code of an answer for who somebody is: the claim's value. An
// address that the provider does not say it has verified is refused: whoever may
// write any address into his profile could come as anybody.
func (p *Provider) Told(ctx context.Context, code, nonce, verifier string) (string, error) {
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	provider, c, err := p.known(ctx)
	if err != nil {
		return "", err
	}
	token, err := c.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", fmt.Errorf("identity provider: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return "", errors.New("identity provider: its answer has no id_token")
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: p.o.ClientID, Now: p.o.Now}).Verify(ctx, raw)
	if err != nil {
		return "", fmt.Errorf("identity provider: %w", err)
	}
	if id.Nonce != nonce {
		return "", errors.New("identity provider: its answer is to another question")
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return "", fmt.Errorf("identity provider: %w", err)
	}
	if claims[p.o.Claim] == nil { // many providers give it only here
		if claims, err = p.info(ctx, provider, token, id.Subject); err != nil {
			return "", err
		}
	}
	return p.person(claims)
}

// info asks for more claims.
func (p *Provider) info(ctx context.Context, provider *oidc.Provider, token *oauth2.Token, subject string) (claims map[string]any, err error) {
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("identity provider: %w", err)
	}
	if info.Subject != subject {
		return nil, errors.New("identity provider: it speaks of somebody else")
	}
	if err := info.Claims(&claims); err != nil {
		return nil, fmt.Errorf("identity provider: %w", err)
	}
	return claims, nil
}

// person is who somebody is by the claims. Whether an address is verified is told
// where the address is told.
func (p *Provider) person(claims map[string]any) (string, error) {
	who, _ := claims[p.o.Claim].(string)
	if who == "" {
		return "", fmt.Errorf("identity provider: its answer has no %s", p.o.Claim)
	}
	if p.o.Claim != "email" || p.o.TakeUnverified {
		return who, nil
	}
	// Some providers write the truth value as a text.
	switch claims["email_verified"] {
	case true, "true":
		return who, nil
	case nil:
		return "", fmt.Errorf("identity provider: it does not say whether it has verified the address (%w): have it tell email_verified, name another claim, or set take_unverified if nobody can write his own address there", ErrUnproven)
	}
	return "", fmt.Errorf("identity provider: it has not verified the address (%w)", ErrUnproven)
}
