package config

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	promconfig "github.com/prometheus/common/config"

	"vigie/internal/mailauth"
	"vigie/internal/remote"
	"vigie/receiver/heartbeat"
	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/rules/incident"
	"vigie/rules/inventory"
)

// HTTPClient makes an HTTP client with an endpoint's credentials; files are read
// when they are needed.
func (c *Config) HTTPClient(e EndpointConfig, name string) (*http.Client, error) {
	cfg := e.HTTP.Prometheus(filepath.Dir(c.path))
	if e.TokenFile != "" {
		cfg.Authorization = &promconfig.Authorization{Type: "Bearer", CredentialsFile: c.Path(e.TokenFile)}
	}
	if e.Username != "" {
		cfg.BasicAuth = &promconfig.BasicAuth{Username: e.Username, PasswordFile: c.Path(e.PasswordFile)}
	}
	if e.CAFile != "" {
		cfg.TLSConfig.CAFile = c.Path(e.CAFile)
	}
	return remote.NewClient(cfg, name)
}

// mailShape are the settings of the mail channel, for which no file is read.
func (c *Config) mailShape() notify.MailConfig {
	m := c.Mail
	hello := m.Hello
	if hello == "" {
		if a, err := notify.ParseAddress(m.From); err == nil {
			hello = Domain(a.Addr)
		}
	}
	out := notify.MailConfig{Hello: hello, EnvelopeFrom: m.EnvelopeFrom, Relay: c.relay(m.Relay)}
	if m.Fallback != nil {
		out.Fallback = c.relay(*m.Fallback)
	}
	return out
}

// relay is a relay's settings, with tokens that are none yet.
func (c *Config) relay(r RelayConfig) notify.MailRelay {
	out := notify.MailRelay{Host: r.Host, Port: r.Port, TLS: notify.TLSMode(r.TLS), AllowPlaintext: r.AllowPlaintext,
		CAFile: c.Path(r.CAFile), Username: r.Username, PasswordFile: c.Path(r.PasswordFile)}
	if r.OAuth2 != nil {
		out.Tokens, out.PasswordFile = mailauth.NewTokens(mailauth.TokenOptions{}), ""
	}
	return out
}

// MailSettings are the settings of the mail channel. The authorities of a token's
// server are read for them.
func (c *Config) MailSettings() (out notify.MailConfig, err error) {
	out = c.mailShape()
	if o := c.Mail.Relay.OAuth2; o != nil {
		if out.Relay.Tokens, err = c.mailTokens(o); err != nil {
			return out, fmt.Errorf("relay.oauth2: %w", err)
		}
	}
	if f := c.Mail.Fallback; f != nil && f.OAuth2 != nil {
		if out.Fallback.Tokens, err = c.mailTokens(f.OAuth2); err != nil {
			return out, fmt.Errorf("fallback.oauth2: %w", err)
		}
	}
	return out, nil
}

// OtherChannels makes the channels beside mail.
func (c *Config) OtherChannels() (map[string]notify.Channel, error) {
	out := map[string]notify.Channel{}
	for _, name := range slices.Sorted(maps.Keys(c.Channels)) {
		ch, err := c.channel(name)
		if err != nil {
			return nil, err
		}
		out[name] = ch
	}
	return out, nil
}

func (c *Config) channel(name string) (notify.Channel, error) {
	if !inventory.ChannelName(name) {
		return nil, fmt.Errorf("%q cannot be a channel's name: take another of letters, digits, - and _; mail is configured under mail", name)
	}
	return c.Channels[name].Channel(name, c.Path)
}

// AlarmChannel makes the channel of the alarm.
func (c *Config) AlarmChannel() (notify.Channel, error) {
	return c.Alarm.Channel("alarm", c.Path, 0)
}

// Watcher makes the heartbeat to the watcher elsewhere.
func (c *Config) Watcher() (*heartbeat.Heartbeat, error) {
	h := c.Heartbeat
	return heartbeat.New(heartbeat.Options{URLFile: c.Path(h.URLFile), CAFile: c.Path(h.CAFile), AllowPlaintext: h.AllowPlaintext, Every: h.Every})
}

// Domain is the domain of an e-mail address.
func Domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// Renderer makes the writer of mails, without links: it opens no secret.
func (c *Config) Renderer() (*message.Renderer, error) { return c.RendererWithLinks(nil) }

// RendererWithLinks makes the writer of mails whose links are made by token; nil
// for none.
func (c *Config) RendererWithLinks(token func(incident.Notification, incident.Party, string) string) (*message.Renderer, error) {
	o := message.Options{Organisation: c.Organisation, Phone: c.Phone, Links: message.Links{Base: c.ExternalURL, Token: token},
		NoReplies: c.Answers == nil && (c.Mail == nil || c.Mail.ReplyTo == ""),
		Outside:   func(p incident.Party) bool { return p.Outside }}
	if c.Templates != "" {
		o.Overrides = os.DirFS(c.Path(c.Templates))
	}
	return message.NewRenderer(o)
}

// ReplyTo is where people's answers go; empty for back to the sender.
func (c *Config) ReplyTo() string {
	if c.Answers != nil {
		return c.Answers.Replies
	}
	return c.Mail.ReplyTo
}
