package httpclient

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Token is a bearer token with its end.
type Token struct {
	Value   string
	Expires time.Time
}

// TokenCache holds a token and renews it before its end. Concurrent callers
// wait for one renewal.
type TokenCache struct {
	// Fetch asks for a new token.
	Fetch func(ctx context.Context) (Token, error)
	// RenewBefore is how long before its end a token is renewed, at most a
	// quarter of its life.
	RenewBefore time.Duration
	Now         func() time.Time

	once    sync.Once
	gate    chan struct{}
	token   Token
	renewAt time.Time
}

// Get gives a valid token. A refused token is never given out again.
func (t *TokenCache) Get(ctx context.Context, refused string) (string, error) {
	t.once.Do(func() { t.gate = make(chan struct{}, 1) })
	select {
	case t.gate <- struct{}{}:
		defer func() { <-t.gate }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	now := t.Now()
	if t.token.Value != "" && t.token.Value != refused && now.Before(t.renewAt) {
		return t.token.Value, nil
	}
	fresh, err := t.Fetch(ctx)
	if err != nil {
		return "", err
	}
	t.token = fresh
	t.renewAt = fresh.Expires.Add(-min(t.RenewBefore, fresh.Expires.Sub(now)/4))
	return fresh.Value, nil
}

// Current gives the token that was fetched last, or nothing.
func (t *TokenCache) Current() string {
	t.once.Do(func() { t.gate = make(chan struct{}, 1) })
	t.gate <- struct{}{}
	defer func() { <-t.gate }()
	return t.token.Value
}

// Authorize returns the function that Options.Authorize wants.
func (t *TokenCache) Authorize() func(context.Context, http.Header, bool) error {
	return func(ctx context.Context, h http.Header, renew bool) error {
		refused := ""
		if renew {
			// The token of this very request: another request may have
			// renewed it meanwhile.
			refused = strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
		}
		v, err := t.Get(ctx, refused)
		if err != nil {
			return err
		}
		h.Set("Authorization", "Bearer "+v)
		return nil
	}
}
