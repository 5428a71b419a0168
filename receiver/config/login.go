package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/receiver/identity"
	"vigie/receiver/token"
)

// LoginConfig is how people come to the pages. Any of the ways may stand beside
// the others.
type LoginConfig struct {
	strict.Position
	// Passwords is a file with a line "person bcrypt-hash" each, see `vigie password`.
	Passwords string `yaml:"passwords_file"`
	// Session is how long a login lasts; 12 hours when 0.
	Session time.Duration `yaml:"session"`
	// Provider is an OpenID Connect provider.
	Provider *ProviderConfig `yaml:"openid_connect"`
	// Proxy is a proxy that has asked people already who they are.
	Proxy *ProxyConfig `yaml:"trusted_proxy"`
}

// ProviderConfig is an OpenID Connect provider.
type ProviderConfig struct {
	strict.Position
	Issuer           string `yaml:"issuer"`
	ClientID         string `yaml:"client_id"`
	ClientSecretFile string `yaml:"client_secret_file"`
	// Claim names the claim that holds a person's id or address; email when empty.
	Claim string `yaml:"claim"`
	// TakeUnverified takes addresses that the provider does not say it has verified.
	TakeUnverified bool     `yaml:"take_unverified"`
	Scopes         []string `yaml:"scopes"`
	CAFile         string   `yaml:"ca_file"`
}

// ProxyConfig is a proxy whose word is taken for who somebody is.
type ProxyConfig struct {
	strict.Position
	// Header holds a person's id or address.
	Header string `yaml:"header"`
	// From are the proxy's own addresses, as networks such as 127.0.0.1/32.
	From []string `yaml:"from"`
}

const (
	defaultSession = 12 * time.Hour
	maxSession     = 31 * 24 * time.Hour
)

// SessionTime is how long a login lasts.
func (l *LoginConfig) SessionTime() time.Duration {
	if l == nil || l.Session == 0 {
		return defaultSession
	}
	return l.Session
}

// Networks are the addresses whose word is taken; nil without a proxy.
func (p *ProxyConfig) Networks() ([]netip.Prefix, error) {
	if p == nil {
		return nil, nil
	}
	var out []netip.Prefix
	for _, text := range p.From {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network: write it like 127.0.0.1/32", text)
		}
		out = append(out, n)
	}
	return out, nil
}

// check finds what is wrong beyond single values.
func (l *LoginConfig) check(externalURL string, add func(at strict.Position, path, format string, args ...any)) {
	if l == nil {
		return
	}
	if l.Passwords == "" && l.Provider == nil && l.Proxy == nil {
		add(l.Position, "login", "there is no way in: name passwords_file, openid_connect or trusted_proxy, or take login out")
	}
	if l.Session < 0 || l.Session > maxSession {
		add(l.Position, "login.session", "%s is not from 0 to %s", l.Session, maxSession)
	}
	if p := l.Provider; p != nil {
		if _, err := BaseURL(p.Issuer); err != nil {
			add(p.Position, "login.openid_connect.issuer", "%v", err)
		}
		if p.ClientID == "" {
			add(p.Position, "login.openid_connect.client_id", "missing: write the id that the provider gave to Vigie")
		}
		if externalURL == "" {
			add(p.Position, "login.openid_connect", "external_url is missing: the provider sends people back to it")
		}
	}
	if p := l.Proxy; p != nil {
		if p.Header == "" {
			add(p.Position, "login.trusted_proxy.header", "missing: name the header in which the proxy says who it is, such as X-Forwarded-User")
		}
		if len(p.From) == 0 {
			add(p.Position, "login.trusted_proxy.from", "missing: name the proxy's own addresses, such as [127.0.0.1/32]; anybody else could write the header too")
		}
		if _, err := p.Networks(); err != nil {
			add(p.Position, "login.trusted_proxy.from", "%v", err)
		}
	}
}

// Provider is the OpenID Connect provider that is asked; nil for none. Nothing is
// asked, and no secret read, before somebody logs in.
func (c *Config) Provider(now func() time.Time) (*identity.Provider, error) {
	if c.Login == nil || c.Login.Provider == nil {
		return nil, nil
	}
	p := c.Login.Provider
	hc, err := c.HTTPClient(EndpointConfig{CAFile: p.CAFile}, "openid_connect")
	if err != nil {
		return nil, fmt.Errorf("login.openid_connect: %w", err)
	}
	o := identity.ProviderOptions{Issuer: p.Issuer, ClientID: p.ClientID, Back: strings.TrimSuffix(c.ExternalURL, "/") + "/login/answer",
		Scopes: p.Scopes, Claim: p.Claim, TakeUnverified: p.TakeUnverified, HTTP: hc, Now: now}
	if p.ClientSecretFile != "" {
		o.Secret = func() (string, error) {
			b, err := token.ReadSecret(c.Path(p.ClientSecretFile))
			return strings.TrimSpace(string(b)), err
		}
	}
	return identity.NewProvider(o), nil
}
