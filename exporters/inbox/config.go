package inbox

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/push"
	"vigie/internal/clip"
	"vigie/internal/remote"
)

// Engine is the label engine of the source itself; each job has its own.
const Engine = "inbox"

// Config says where mails come from and what is read in them.
type Config struct {
	// Folder keeps results and unsorted mails, relative to the configuration
	// file; one exporter for one folder.
	Folder string `yaml:"folder"`
	// Rules are files, tried in this order.
	Rules []string `yaml:"rules"`
	// Customers tell by its addresses whose mail it is.
	Customers map[string]*Customer `yaml:"customers"`
	// BackupRole is that of results whose rule does not tell; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is used, by class, where a rule does not tell.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// ForgetAfter is for how long a job is shown of which no mail comes any
	// more; for ever unless set, since silence is a failure.
	ForgetAfter exporters.Duration `yaml:"forget_after"`
	// DismissTokenFile holds tokens by which unsorted mails may be dismissed.
	DismissTokenFile string `yaml:"dismiss_token_file"`
	Limits           Limits `yaml:"limits"`

	// One of the two doors.
	IMAP *IMAPConfig `yaml:"imap"`
	SMTP *SMTPConfig `yaml:"smtp"`

	rules   *Rules
	dismiss exporters.Secret
}

// Customer is recognised by the recipient, then by the sender, of a mail: an
// address, or @ and a domain.
type Customer struct {
	Name   string   `yaml:"name"` // shown to people; default the id
	To     []string `yaml:"to"`
	From   []string `yaml:"from"`
	Called []string `yaml:"called"` // names by which mails call it
}

// Limits bound what mails can take.
type Limits struct {
	MessageBytes  int64 `yaml:"message_bytes"`  // longer mails are not read; 10 MiB
	Unsorted      int   `yaml:"unsorted"`       // mails kept for people; 1000
	UnsortedBytes int64 `yaml:"unsorted_bytes"` // 64 MiB
	Jobs          int   `yaml:"jobs"`           // of one customer; 2000
}

// IMAPConfig is a mailbox.
type IMAPConfig struct {
	Address      string `yaml:"address"` // host:port; 993 unless it names one
	Security     string `yaml:"security"`
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	// OAuth2 takes the place of the password where the provider takes none.
	OAuth2  *OAuth2Config `yaml:"oauth2"`
	Mailbox string        `yaml:"mailbox"` // INBOX
	// After is what becomes of mails that were read: keep, seen, or move:FOLDER.
	After string `yaml:"after"`
	// Lookback is how far back a mailbox is read for the first time; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	TLS      remote.TLS         `yaml:"tls"`

	password exporters.Secret
	moveTo   string
}

// SMTPConfig is a server for mails.
type SMTPConfig struct {
	Listen     string   `yaml:"listen"` // 127.0.0.1:2525
	Hostname   string   `yaml:"hostname"`
	Recipients []string `yaml:"recipients"` // addresses, or @ and a domain
	Networks   []string `yaml:"networks"`   // from which it may be spoken to
	// Username and PasswordFile have every client authenticate.
	Username     string             `yaml:"username"`
	PasswordFile string             `yaml:"password_file"`
	TLS          SMTPTLS            `yaml:"tls"`
	Connections  int                `yaml:"connections"` // at once; 20
	MaxRcpt      int                `yaml:"recipients_per_mail"`
	Timeout      exporters.Duration `yaml:"timeout"` // of one conversation; 5 minutes

	password exporters.Secret
	networks []netip.Prefix
}

// SMTPTLS is the server's certificate; with it STARTTLS is offered.
type SMTPTLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	Required bool   `yaml:"required"` // no mail before STARTTLS
}

func bad(key, what, cure string) error {
	return &exporters.ConfigError{Key: key, What: what, Cure: cure}
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer. The rules are loaded and tried on their examples.
func (c *Config) Validate(dir string) error {
	if c.Folder == "" {
		return bad("folder", "missing", "name a folder that the exporter may write to, for example /var/lib/backup_exporter/inbox")
	}
	c.Folder = exporters.InDir(dir, c.Folder)
	c.BackupRole = cmp.Or(c.BackupRole, exporters.Local)
	for _, check := range []func() error{
		func() error { return exporters.CheckRole(c.BackupRole) },
		func() error { return c.ExpectedInterval.Check("expected_interval") },
		c.Limits.validate, c.checkCustomers, func() error { return c.checkDoors(dir) }, func() error { return c.checkDismiss(dir) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	if len(c.Rules) == 0 {
		return bad("rules", "missing", "name at least one file of rules; examples are beside the example configuration")
	}
	files := make([]string, len(c.Rules))
	for i, f := range c.Rules {
		files[i] = exporters.InDir(dir, f)
	}
	var err error
	c.rules, err = LoadRules(files)
	return err
}

func (l *Limits) validate() error {
	for _, f := range []struct {
		key              string
		value            *int64
		unset, low, high int64
	}{
		{"message_bytes", &l.MessageBytes, 10 << 20, 64 << 10, 100 << 20},
		{"unsorted_bytes", &l.UnsortedBytes, 64 << 20, 1 << 20, 16 << 30},
	} {
		*f.value = cmp.Or(*f.value, f.unset)
		if *f.value < f.low || *f.value > f.high {
			return bad("limits."+f.key, fmt.Sprintf("%d is out of range", *f.value), fmt.Sprintf("write a number from %d to %d", f.low, f.high))
		}
	}
	for _, f := range []struct {
		key         string
		value       *int
		unset, high int
	}{{"unsorted", &l.Unsorted, 1000, 100000}, {"jobs", &l.Jobs, 2000, 100000}} {
		*f.value = cmp.Or(*f.value, f.unset)
		if *f.value < 1 || *f.value > f.high {
			return bad("limits."+f.key, fmt.Sprintf("%d is out of range", *f.value), fmt.Sprintf("write a number from 1 to %d", f.high))
		}
	}
	return nil
}

func (c *Config) checkCustomers() error {
	called := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(c.Customers)) {
		cu := c.Customers[id]
		key := "customers." + id
		if cu == nil || id == "" || id != exporters.CleanName(id) || len(id) > 128 {
			return bad(key, "not a customer", "write the id the inventory uses, and to, from or called below it")
		}
		cu.Name = cmp.Or(cu.Name, id)
		for _, list := range []struct {
			key       string
			addresses []string
		}{{"to", cu.To}, {"from", cu.From}} {
			for _, a := range list.addresses {
				if !isAddress(a) {
					return bad(key+"."+list.key, fmt.Sprintf("%q is no address", a), "write an address, or @ and a domain, such as @dupont.example")
				}
			}
		}
		for _, name := range append([]string{id}, cu.Called...) {
			if other, twice := called[wordKey(name)]; twice && other != id || wordKey(name) == "" {
				return bad(key+".called", fmt.Sprintf("%q is empty or calls %s as well", name, other), "give each name to one customer")
			}
			called[wordKey(name)] = id
		}
	}
	return nil
}

// isAddress accepts an address, or @ and a domain.
func isAddress(s string) bool {
	if strings.HasPrefix(s, "@") {
		s = "x" + s
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

// matches holds an address against a list of addresses and domains.
func matches(list []string, address string) bool {
	at := strings.LastIndexByte(address, '@')
	return slices.ContainsFunc(list, func(s string) bool {
		return strings.EqualFold(s, address) || at >= 0 && strings.HasPrefix(s, "@") && strings.EqualFold(s, address[at:])
	})
}

// customer says whose mail it is: what the rule tells, or else the
// recipient, or else the sender.
func (c *Config) customer(told string, m *Mail) (id, problem string) {
	if told != "" {
		for id, cu := range c.Customers {
			if slices.ContainsFunc(append([]string{id}, cu.Called...), func(s string) bool { return wordKey(s) == wordKey(told) }) {
				return id, ""
			}
		}
		return "", fmt.Sprintf("no customer is called %q", clip.Bytes(told, 100))
	}
	for _, by := range []struct {
		addresses []string
		list      func(*Customer) []string
	}{
		{m.To, func(cu *Customer) []string { return cu.To }},
		{m.From, func(cu *Customer) []string { return cu.From }},
	} {
		var found []string
		for id, cu := range c.Customers {
			if slices.ContainsFunc(by.addresses, func(a string) bool { return matches(by.list(cu), a) }) {
				found = append(found, id)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], ""
		default:
			slices.Sort(found)
			return "", "it may be that of " + strings.Join(found, " or ")
		}
	}
	return "", "neither its recipient nor its sender tells the customer"
}

func (c *Config) checkDismiss(dir string) error {
	if c.DismissTokenFile == "" {
		return nil
	}
	c.dismiss = exporters.Secret{File: c.DismissTokenFile}
	if err := c.dismiss.Resolve(dir, "dismiss_token"); err != nil {
		return err
	}
	if _, err := push.ReadTokens(c.dismiss); err != nil {
		return bad("dismiss_token_file", err.Error(), "make one with: openssl rand -hex 32")
	}
	return nil
}

func (c *Config) checkDoors(dir string) error {
	switch {
	case c.IMAP == nil && c.SMTP == nil:
		return bad("imap", "missing, and smtp as well", "write one of them: where the mails come from")
	case c.IMAP != nil && c.SMTP != nil:
		return bad("smtp", "given together with imap", "make it a source of its own: each fails on its own")
	case c.IMAP != nil:
		return c.IMAP.validate(dir)
	default:
		return c.SMTP.validate(dir)
	}
}

func (c *IMAPConfig) validate(dir string) error {
	if c.Address == "" {
		return bad("imap.address", "missing", "write for example mail.msp.example:993")
	}
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		host = c.Address
		port := "993"
		if c.Security == "starttls" {
			port = "143"
		}
		c.Address = net.JoinHostPort(host, port)
	}
	c.Security = cmp.Or(c.Security, "tls")
	switch c.Security {
	case "tls", "starttls":
	case "none":
		if !loopback(host) {
			return bad("imap.security", "none would show the password to the network", "write tls or starttls; none is for 127.0.0.1 and localhost")
		}
	default:
		return bad("imap.security", fmt.Sprintf("%q is unknown", c.Security), "known are tls, starttls, none")
	}
	if c.Username == "" {
		return bad("imap.username", "missing", "write the name of the mailbox's account")
	}
	if err := c.validateLogin(dir); err != nil {
		return err
	}
	c.Mailbox = cmp.Or(c.Mailbox, "INBOX")
	if c.Lookback == 0 {
		c.Lookback = exporters.Duration(31 * 24 * time.Hour)
	}
	if c.Lookback < exporters.Duration(24*time.Hour) {
		return bad("imap.lookback", "shorter than a day", "write for example 31d")
	}
	c.After = cmp.Or(c.After, "keep")
	if to, move := strings.CutPrefix(c.After, "move:"); move && to != "" && to != c.Mailbox {
		c.moveTo = to
	} else if c.After != "keep" && c.After != "seen" {
		return bad("imap.after", fmt.Sprintf("%q is unknown", c.After), "write keep, seen, or move: and another folder, such as move:Read")
	}
	c.TLS = c.TLS.In(dir)
	if _, err := c.TLS.Build(); err != nil {
		return bad("imap.tls", err.Error(), "name PEM files that the exporter's user can read, in ca_file that of the server or its authority")
	}
	return nil
}

func (c *IMAPConfig) validateLogin(dir string) error {
	if c.OAuth2 == nil {
		c.password = exporters.Secret{File: c.PasswordFile}
		return c.password.Resolve(dir, "imap.password")
	}
	if c.PasswordFile != "" {
		return bad("imap.password_file", "given together with oauth2", "keep one of them")
	}
	return c.OAuth2.Validate(dir)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (c *SMTPConfig) validate(dir string) error {
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:2525")
	c.Hostname = cmp.Or(c.Hostname, "localhost")
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return bad("smtp.listen", "not an address and a port", "write for example 127.0.0.1:2525")
	}
	if len(c.Recipients) == 0 {
		return bad("smtp.recipients", "missing: nobody would be written to", "list addresses, or @ and a domain")
	}
	for _, a := range c.Recipients {
		if !isAddress(a) {
			return bad("smtp.recipients", fmt.Sprintf("%q is no address", a), "write an address, or @ and a domain, such as @backup.msp.example")
		}
	}
	for _, n := range c.Networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			ip, ipErr := netip.ParseAddr(n)
			if ipErr != nil {
				return bad("smtp.networks", fmt.Sprintf("%q is no network", n), "write for example 10.1.0.0/16, or one address")
			}
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		if p.Bits() == 0 && c.Username == "" {
			return bad("smtp.networks", n+" is everybody", "list the networks of the machines that send, or write username and password_file")
		}
		c.networks = append(c.networks, p.Masked())
	}
	if err := c.validateAuth(dir, host); err != nil {
		return err
	}
	c.Connections, c.MaxRcpt, c.Timeout = cmp.Or(c.Connections, 20), cmp.Or(c.MaxRcpt, 10), cmp.Or(c.Timeout, exporters.Duration(5*time.Minute))
	if c.Connections < 1 || c.Connections > 1000 || c.MaxRcpt < 1 || c.MaxRcpt > 100 || c.Timeout < exporters.Duration(time.Second) || c.Timeout > exporters.Duration(time.Hour) {
		return bad("smtp", "connections, recipients_per_mail or timeout out of range", "write from 1 to 1000, from 1 to 100, from 1s to 1h")
	}
	return nil
}

func (c *SMTPConfig) validateAuth(dir, host string) error {
	c.TLS.CertFile, c.TLS.KeyFile = exporters.InDir(dir, c.TLS.CertFile), exporters.InDir(dir, c.TLS.KeyFile)
	hasTLS := c.TLS.CertFile != ""
	switch {
	case (c.TLS.CertFile == "") != (c.TLS.KeyFile == ""):
		return bad("smtp.tls", "a certificate without its key, or the other way round", "write cert_file and key_file")
	case c.TLS.Required && !hasTLS:
		return bad("smtp.tls.required", "there is no certificate", "write cert_file and key_file")
	case (c.Username == "") != (c.PasswordFile == ""):
		return bad("smtp.username", "a name without a password, or the other way round", "write username and password_file")
	case !loopback(host) && c.Username == "" && len(c.networks) == 0:
		return bad("smtp.networks", "anybody who reaches "+c.Listen+" could send results", "list the networks that may, or write username and password_file, or listen on 127.0.0.1")
	case !loopback(host) && c.Username != "" && !hasTLS:
		return bad("smtp.tls", "the password would be shown to the network", "write cert_file and key_file")
	}
	if hasTLS {
		if _, err := c.TLS.load(); err != nil {
			return bad("smtp.tls.cert_file", err.Error(), "write a PEM certificate and its key")
		}
	}
	if c.Username == "" {
		return nil
	}
	c.password = exporters.Secret{File: c.PasswordFile}
	return c.password.Resolve(dir, "smtp.password")
}
