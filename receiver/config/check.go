package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules"
)

const (
	// MinRetention is the least time for which evidence must be kept.
	MinRetention = 365 * 24 * time.Hour
	maxLinkValid = 90 * 24 * time.Hour
)

// check finds what is wrong beyond single values.
func (c *Config) check() strict.Faults {
	var fs strict.Faults
	add := func(at strict.Position, path, format string, args ...any) {
		if at.Line == 0 {
			at = strict.Position{File: c.path, Line: max(c.Line, 1)}
		}
		fs = append(fs, strict.Fault{Position: at, Path: path, What: fmt.Sprintf(format, args...)})
	}
	if c.Schema != 1 {
		add(c.Position, "schema", "schema %d is not known: write schema: 1", c.Schema)
	}
	if err := c.checkDatabase(); err != nil {
		add(c.Position, "database", "%v", err)
	}
	if !isHostPort(c.Listen) {
		add(c.Position, "listen", "%q is not host:port: write it like 127.0.0.1:9095", c.Listen)
	}
	if c.ExternalURL != "" {
		if _, err := BaseURL(c.ExternalURL); err != nil {
			add(c.Position, "external_url", "%v", err)
		}
	}
	if x := c.Emergency; x != nil {
		if !isHostPort(x.Listen) || x.Listen == c.Listen {
			add(x.Position, "emergency.listen", "%q is not a host:port of its own: write it like 127.0.0.1:9443", x.Listen)
		}
	}
	c.Login.check(c.ExternalURL, add)
	c.Answers.check(c.Mail, add)
	if l := c.Links; l != nil {
		if l.KeyFile == "" {
			add(l.Position, "links.key_file", "missing: name the file with the keys that sign links; make one with `openssl rand -hex 32`")
		}
		if c.ExternalURL == "" {
			add(l.Position, "links", "external_url is missing: say where people's browsers find this receiver, or take links out")
		}
		if l.ValidFor < 0 || l.ValidFor > maxLinkValid {
			add(l.Position, "links.valid_for", "%s is not from 0 to %s", l.ValidFor, maxLinkValid)
		}
	}
	if c.WebhookToken == "" {
		add(c.Position, "webhook_token_file", "missing: name the file with Alertmanager's bearer token; nobody may report without one")
	}
	if c.TokensFile == "" {
		add(c.Position, "tokens_file", "missing: name the file that says whose token is whose")
	}
	if r := c.Timings.Retention; r != 0 && r < MinRetention {
		add(c.Position, "timings.retention", "%s is too short for evidence: keep it for %s or longer", r, MinRetention)
	}
	names := map[string]bool{}
	for i, a := range c.Alertmanagers {
		path := fmt.Sprintf("alertmanagers[%d]", i)
		fs = append(fs, a.EndpointConfig.check(path, a.Position)...)
		if _, err := regexp.Compile(a.Receiver); err != nil {
			add(a.Position, path+".receiver", "%v: name Alertmanager's receiver that posts here", err)
		}
		if names[a.Name] {
			add(a.Position, path+".name", "%q stands twice: give each Alertmanager a name of its own", a.Name)
		}
		names[a.Name] = true
	}
	if c.Prometheus != nil {
		fs = append(fs, c.Prometheus.EndpointConfig.check("prometheus", c.Prometheus.Position)...)
	}
	for i, x := range c.Exporters {
		fs = append(fs, x.EndpointConfig.check(fmt.Sprintf("exporters[%d]", i), x.Position)...)
	}
	if c.Alarm != nil {
		_, err := c.AlarmChannel()
		for _, e := range strict.Each(err) {
			add(c.Alarm.Position, "alarm", "%v", e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Channels)) {
		if c.Channels[name].Kind == "" {
			continue // that was told
		}
		_, err := c.channel(name)
		for _, e := range strict.Each(err) {
			add(c.Channels[name].Position, "channels."+name, "%v", e)
		}
	}
	if c.Heartbeat != nil {
		if _, err := c.Watcher(); err != nil {
			add(c.Heartbeat.Position, "heartbeat", "%v", err)
		}
	}
	if c.Mail == nil {
		add(c.Position, "mail", "missing: say from whom and through which relay mail leaves")
		return fs
	}
	if _, err := notify.ParseAddress(c.Mail.From); err != nil {
		add(c.Mail.Position, "mail.from", "%v: write it like Vigie <vigie@msp.example>", err)
	}
	if c.Mail.ReplyTo != "" {
		if _, err := notify.ParseAddress(c.Mail.ReplyTo); err != nil {
			add(c.Mail.Position, "mail.reply_to", "%v", err)
		}
	}
	if f := c.Mail.Fallback; f != nil && f.Host == "" {
		add(f.Position, "mail.fallback.host", "missing: name the server that takes the mails when the first does not, or take fallback out")
	}
	c.Mail.Relay.checkLogin("mail.relay", add)
	if f := c.Mail.Fallback; f != nil {
		f.checkLogin("mail.fallback", add)
	}
	if _, err := notify.NewMail(c.mailShape()); err != nil {
		keys := keysBefore.FindString(err.Error())
		add(c.Mail.Position, strings.ReplaceAll(strings.TrimSuffix(keys, ": "), ": ", "."), "%s", err.Error()[len(keys):])
	}
	return fs
}

// keysBefore are the keys that a channel names before what is wrong with the last of them.
var keysBefore = regexp.MustCompile(`^(?:[a-z_]+: )+`)

// isHostPort tells what can be listened on, or reached.
func isHostPort(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	return err == nil
}

// checkLogin refuses two ways to log in, and tokens that cannot be had.
func (r RelayConfig) checkLogin(path string, add func(at strict.Position, path, format string, args ...any)) {
	if r.PasswordFile != "" && r.OAuth2 != nil {
		add(r.Position, path+".password_file", "password_file and oauth2 exclude each other: keep the one that the relay wants")
	}
	r.OAuth2.check(path+".oauth2", add)
}

func (e EndpointConfig) check(path string, at strict.Position) strict.Faults {
	var fs strict.Faults
	if _, err := BaseURL(e.URL); err != nil {
		fs = append(fs, strict.Fault{Position: at, Path: path + ".url", What: err.Error()})
	}
	if (e.Username == "") != (e.PasswordFile == "") {
		fs = append(fs, strict.Fault{Position: at, Path: path, What: "username and password_file go together: give both or none"})
	}
	if e.TokenFile != "" && e.Username != "" {
		fs = append(fs, strict.Fault{Position: at, Path: path, What: "token_file and username exclude each other: keep one"})
	}
	if key := e.HTTP.Credentials(); key != "" && (e.TokenFile != "" || e.Username != "") {
		fs = append(fs, strict.Fault{Position: e.HTTP.Position, Path: path + ".http_config." + key, What: "credentials stand beside http_config as well: keep one of them"})
	}
	if e.CAFile != "" && e.HTTP.HasTLS() {
		fs = append(fs, strict.Fault{Position: e.HTTP.Position, Path: path + ".http_config.tls_config", What: "ca_file stands beside http_config as well: move it into tls_config"})
	}
	return fs
}

// BaseURL reads the address of a server.
func BaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Port() != "" && !isHostPort(u.Host) {
		return nil, fmt.Errorf("%q is not an address: write it like https://host:port", text)
	}
	if u.User != nil {
		return nil, errors.New("an address must hold no password: use username and password_file")
	}
	return u, nil
}

// CheckNames finds templates, languages and channels that are named by policy or
// inventory and are not there.
func (s *Setup) CheckNames(words *message.Renderer) error {
	book, channels := s.Book, slices.Sorted(maps.Keys(s.Config.Channels))
	var faults strict.Faults
	for _, err := range []error{templatesKnown(book, words.Known()), channelsKnown(book, channels),
		book.Directory.CheckLanguages(words.Languages().Codes()), book.Directory.CheckChannels(channels)} {
		faults = collect(faults, "", err)
	}
	for _, p := range book.Policies() {
		faults = collect(faults, "", p.CheckLanguage(words.Languages().Codes()))
	}
	return faults.Err()
}

// channelsKnown finds steps whose channel is not configured.
func channelsKnown(book *rules.Book, known []string) error {
	var faults strict.Faults
	for _, p := range book.Policies() {
		for _, sc := range p.Scenarios {
			for _, st := range sc.Steps {
				if st.Channel != "" && !slices.Contains(known, st.Channel) {
					faults = append(faults, strict.Fault{Position: st.At, Path: "channel",
						What: fmt.Sprintf("there is no channel %q: name it under channels in vigie.yml; known are %s", st.Channel, strings.Join(append([]string{"mail"}, known...), ", "))})
				}
			}
		}
	}
	return faults.Err()
}

// templatesKnown finds steps whose template is not there.
func templatesKnown(book *rules.Book, known []string) error {
	var faults strict.Faults
	missing := func(at strict.Position, name string) {
		if name == "" || slices.Contains(known, name) {
			return
		}
		cure := "known are " + strings.Join(known, ", ")
		if near := strict.Nearest(name, known); near != "" {
			cure = fmt.Sprintf("did you mean %q?", near)
		}
		faults = append(faults, strict.Fault{Position: at, Path: "template", What: fmt.Sprintf("there is no template %q: %s", name, cure)})
	}
	for _, p := range book.Policies() {
		for _, sc := range p.Scenarios {
			for _, st := range sc.Steps {
				missing(st.At, st.Template)
				if st.Missing != nil {
					missing(st.At, st.Missing.Template)
				}
			}
		}
	}
	return faults.Err()
}

func (c *Config) checkDatabase() error {
	if !c.onServer() {
		if c.DatabasePassword != "" {
			return errors.New("a file has no password: take database_password_file out, or write postgres://USER@HOST/DATABASE")
		}
		return nil
	}
	return store.CheckAddress(c.Database)
}
