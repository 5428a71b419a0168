package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"

	"vigie/internal/strict"
	"vigie/receiver/identity"
	"vigie/receiver/link"
	"vigie/receiver/notify"
	"vigie/receiver/token"
)

// Secrets are the credentials that others present to the receiver.
type Secrets struct {
	Webhook *token.Tokens
	People  *token.Tokens
	// Exporters may fetch the inventory; nil when nobody may.
	Exporters *token.Tokens
	// Passwords are those of people who log in; nil for none.
	Passwords *identity.Passwords
}

// Secrets reads what a receiver cannot start without. All faults are returned at
// once, each with its key and cure.
func (c *Config) Secrets() (*Secrets, error) {
	out := &Secrets{}
	err := c.faultsOf(c.presented(out), c.doors(), c.mailbox())
	if err != nil {
		return nil, err
	}
	return out, nil
}

// CheckSecrets reads every file that the receiver takes a secret from, now or
// later, and returns all faults at once, each with its key and cure.
func (c *Config) CheckSecrets() error {
	return c.faultsOf(c.presented(&Secrets{}), c.doors(), c.mailbox(), c.signing(), c.asked(), c.ways())
}

// secret is a file that holds one, how it is read, and how it is made.
type secret struct {
	at   strict.Position
	key  string
	read func() error
	make string // the cure for a file that is not there
}

func (c *Config) faultsOf(lists ...[]secret) error {
	var faults strict.Faults
	for _, s := range slices.Concat(lists...) {
		err := s.read()
		if err == nil {
			continue
		}
		what := err.Error()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			what += ": " + s.make
		case errors.Is(err, fs.ErrPermission):
			what += ": let the group read it that vigie runs as: chgrp vigie FILE; chmod 640 FILE"
		}
		at := s.at
		if at.Line == 0 {
			at = strict.Position{File: c.path, Line: max(c.Line, 1)}
		}
		faults = append(faults, strict.Fault{Position: at, Path: s.key, What: what})
	}
	return c.located(faults)
}

const randomKey = "make one: openssl rand -hex 32 > "

// presented are the files in which stands what others present.
func (c *Config) presented(out *Secrets) []secret {
	webhook, people := c.Path(c.WebhookToken), c.Path(c.TokensFile)
	all := []secret{
		{key: "webhook_token_file", make: randomKey + webhook,
			read: func() (err error) { out.Webhook, err = token.ReadBearers(webhook); return err }},
		{key: "tokens_file", make: "`vigie token new PERSON` makes it",
			read: func() (err error) { out.People, err = token.ReadPersons(people); return err }},
	}
	if l := c.Login; l != nil && l.Passwords != "" {
		file := c.Path(l.Passwords)
		all = append(all, secret{at: l.Position, key: "login.passwords_file", make: "make it: vigie password PERSON --file=" + file,
			read: func() (err error) { out.Passwords, err = identity.ReadPasswords(file); return err }})
	}
	if c.InventoryToken != "" {
		file := c.Path(c.InventoryToken)
		all = append(all, secret{key: "inventory_token_file", make: randomKey + file,
			read: func() (err error) { out.Exporters, err = token.ReadBearers(file); return err }})
	}
	return all
}

// doors are the files that bring TLS to listeners, with the keys that they name.
func (c *Config) doors() (all []secret) {
	door := func(at strict.Position, key, file string) {
		if file != "" {
			all = append(all, secret{at: at, key: key, make: "write it, as docs/howto/proxy-and-tls.md shows, or take the key out", read: func() error { return web.Validate(c.Path(file)) }})
		}
	}
	door(strict.Position{}, "web_config_file", c.WebConfig)
	if e := c.Emergency; e != nil {
		door(e.Position, "emergency.web_config_file", e.WebConfig)
	}
	return all
}

// mailbox is what the mailbox of answers is opened with.
func (c *Config) mailbox() []secret {
	if c.Answers == nil {
		return nil
	}
	m, prefix := &c.Answers.IMAP, "answers.imap."
	all := []secret{{at: m.Position, key: prefix + "tls", make: "write the certificates into the files, as PEM",
		read: func() error { _, err := c.tlsOf(m).Build(); return err }}}
	if o := m.OAuth2; o != nil {
		return append(all, c.alone(o.Position, prefix+"oauth2.client_secret_file", o.ClientSecretFile), c.alone(o.Position, prefix+"oauth2.refresh_token_file", o.RefreshTokenFile))
	}
	return append(all, c.alone(m.Position, prefix+"password_file", m.PasswordFile))
}

// signing are the keys of links.
func (c *Config) signing() []secret {
	if c.Links == nil {
		return nil
	}
	file := c.Path(c.Links.KeyFile)
	return []secret{{at: c.Links.Position, key: "links.key_file", make: randomKey + file, read: func() error { _, err := link.ReadKeys(file); return err }}}
}

// asked are the secrets with which others are asked.
func (c *Config) asked() []secret {
	var all []secret
	add := func(at strict.Position, path string, e EndpointConfig) {
		at.File = cmp.Or(at.File, c.path)
		all = append(all, c.alone(at, path+".token_file", e.TokenFile), c.alone(at, path+".password_file", e.PasswordFile), c.alone(at, path+".ca_file", e.CAFile))
		for _, f := range e.HTTP.Files() {
			all = append(all, c.alone(e.HTTP.Position, path+".http_config", f))
		}
	}
	for n, a := range c.Alertmanagers {
		add(a.Position, fmt.Sprintf("alertmanagers[%d]", n), a.EndpointConfig)
	}
	all = append(all, c.alone(strict.Position{}, "database_password_file", c.DatabasePassword))
	if p := c.Prometheus; p != nil {
		add(p.Position, "prometheus", p.EndpointConfig)
	}
	for n, x := range c.Exporters {
		add(x.Position, fmt.Sprintf("exporters[%d]", n), x.EndpointConfig)
	}
	if l := c.Login; l != nil && l.Provider != nil {
		all = append(all, c.alone(l.Provider.Position, "login.openid_connect.client_secret_file", l.Provider.ClientSecretFile))
	}
	return all
}

// ways are the secrets of the ways out.
func (c *Config) ways() []secret {
	var all []secret
	relay := func(path string, r RelayConfig) {
		all = append(all, secret{at: r.Position, key: path, make: "write the password of " + r.Username + " into it, alone", read: func() error {
			m, err := notify.NewMail(notify.MailConfig{Hello: c.mailShape().Hello, Relay: c.relay(r)})
			if err != nil {
				return err
			}
			return m.CheckFiles()
		}})
		if o := r.OAuth2; o != nil {
			all = append(all, c.alone(o.Position, path+".oauth2.client_secret_file", o.ClientSecretFile), c.alone(o.Position, path+".oauth2.refresh_token_file", o.RefreshTokenFile))
		}
	}
	if m := c.Mail; m != nil {
		relay("mail.relay", m.Relay)
		if m.Fallback != nil {
			relay("mail.fallback", *m.Fallback)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Channels)) {
		all = append(all, secret{key: "channels." + name, make: "write the gateway's address into it, alone", read: func() error {
			ch, err := c.channel(name)
			return checkFiles(ch, err)
		}})
	}
	if a := c.Alarm; a != nil {
		all = append(all, secret{at: a.Position, key: "alarm", make: "write the gateway's address into it, alone, or take alarm out", read: func() error {
			ch, err := c.AlarmChannel()
			return checkFiles(ch, err)
		}})
	}
	if h := c.Heartbeat; h != nil {
		all = append(all, secret{at: h.Position, key: "heartbeat", make: "write the watcher's address into it, alone, or take heartbeat out", read: func() error {
			w, err := c.Watcher()
			if err != nil {
				return err
			}
			return w.CheckFiles()
		}})
	}
	return all
}

// checkFiles reads the files of a channel that has some.
func checkFiles(ch notify.Channel, err error) error {
	if err != nil {
		return err
	}
	if x, has := ch.(interface{ CheckFiles() error }); has {
		return x.CheckFiles()
	}
	return nil
}

// alone is a file that holds one secret and nothing else; one without a name needs
// none.
func (c *Config) alone(at strict.Position, key, name string) secret {
	return secret{at: at, key: key, make: "write the secret into it, alone", read: func() error {
		if name == "" {
			return nil
		}
		text, err := token.ReadSecret(c.Path(name))
		if err == nil && strings.TrimSpace(string(text)) == "" {
			err = fmt.Errorf("%s is empty: write the secret into it, alone", filepath.Base(name))
		}
		return err
	}}
}
