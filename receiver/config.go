package receiver

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"

	"vigie/internal/strict"
	"vigie/receiver/alertmanager"
	"vigie/receiver/evidence"
	"vigie/receiver/identity"
	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/rules"
)

// Config is vigie.yml: where the receiver listens, what it asks, how it sends.
// Secrets stand in files of their own.
type Config struct {
	strict.Position
	Schema       int    `yaml:"schema"`
	Organisation string `yaml:"organisation"`
	Phone        string `yaml:"phone"`
	ExternalURL  string `yaml:"external_url"`
	// Links are the signed links of mails; without them mails name commands.
	Links  *LinksConfig `yaml:"links"`
	Listen string       `yaml:"listen"`
	// WebConfig is exporter-toolkit's file for TLS and basic authentication.
	WebConfig string `yaml:"web_config_file"`
	// Login is how people come to the pages; without it there are none.
	Login *LoginConfig `yaml:"login"`
	// Emergency is the entry for when the usual ones are out of reach.
	Emergency *EmergencyConfig `yaml:"emergency"`
	Database  string           `yaml:"database"`

	Policy    []string `yaml:"policy"`
	Inventory []string `yaml:"inventory"`
	// Templates is a folder of templates that take the place of built-in ones.
	Templates string `yaml:"templates"`

	// WebhookToken holds the bearer tokens of Alertmanager, TokensFile those of
	// people.
	WebhookToken string `yaml:"webhook_token_file"`
	TokensFile   string `yaml:"tokens_file"`

	Alertmanagers []AlertmanagerConfig `yaml:"alertmanagers"`
	Prometheus    *PrometheusConfig    `yaml:"prometheus"`
	Exporters     []ExporterConfig     `yaml:"exporters"`
	Mail          *MailConfig          `yaml:"mail"`
	// Channels are other ways to people than mail, by the names that the inventory
	// and steps call them.
	Channels  map[string]notify.ChannelConfig `yaml:"channels"`
	Alarm     *AlarmConfig                    `yaml:"alarm"`
	Heartbeat *HeartbeatConfig                `yaml:"heartbeat"`
	Timings   TimingsConfig                   `yaml:"timings"`

	path string
}

// EmergencyConfig is the emergency entry, on a listener of its own.
type EmergencyConfig struct {
	strict.Position
	Listen    string `yaml:"listen"`
	WebConfig string `yaml:"web_config_file"`
}

// LinksConfig is how links in mails are signed.
type LinksConfig struct {
	strict.Position
	// KeyFile holds the keys, one a line: the first signs, all of them verify.
	KeyFile string `yaml:"key_file"`
	// ValidFor is how long a link works; 14 days when 0.
	ValidFor time.Duration `yaml:"valid_for"`
}

// EndpointConfig is a server that is asked over HTTP.
type EndpointConfig struct {
	strict.Position
	Name         string `yaml:"name"`
	URL          string `yaml:"url"`
	TokenFile    string `yaml:"token_file"`
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	CAFile       string `yaml:"ca_file"`
}

// AlertmanagerConfig is an Alertmanager that is asked what fires.
type AlertmanagerConfig struct {
	strict.Position
	EndpointConfig
	// Receiver is a regular expression for the receivers whose alerts are ours;
	// empty stands for all.
	Receiver string `yaml:"receiver"`
}

// PrometheusConfig is the Prometheus that evidence is asked from.
type PrometheusConfig struct {
	strict.Position
	EndpointConfig
	// Fresh is how old a source's last refresh may be.
	Fresh time.Duration `yaml:"fresh"`
	// Machines and MachinesOK are the questions for the numbers of the morning's
	// overview; empty stands for those that the shipped rules answer.
	Machines   string `yaml:"machines_query"`
	MachinesOK string `yaml:"machines_ok_query"`
}

// ExporterConfig is an exporter that explains failures in words.
type ExporterConfig struct {
	strict.Position
	EndpointConfig
	Sources []string `yaml:"sources"`
}

// MailConfig is how mail leaves.
type MailConfig struct {
	strict.Position
	From         string       `yaml:"from"`
	ReplyTo      string       `yaml:"reply_to"`
	EnvelopeFrom string       `yaml:"envelope_from"`
	Hello        string       `yaml:"hello"`
	Relay        RelayConfig  `yaml:"relay"`
	Fallback     *RelayConfig `yaml:"fallback"`
}

// RelayConfig is one SMTP server.
type RelayConfig struct {
	strict.Position
	Host           string `yaml:"host"`
	Port           int    `yaml:"port"`
	TLS            string `yaml:"tls"`
	AllowPlaintext bool   `yaml:"allow_plaintext"`
	CAFile         string `yaml:"ca_file"`
	Username       string `yaml:"username"`
	PasswordFile   string `yaml:"password_file"`
}

// AlarmConfig is the second channel, for when mail does not leave: a gateway to
// chat or SMS that takes a JSON object by POST.
type AlarmConfig struct {
	strict.Position
	// URLFile holds the gateway's URL, which is a secret.
	URLFile        string `yaml:"url_file"`
	TokenFile      string `yaml:"token_file"`
	CAFile         string `yaml:"ca_file"`
	AllowPlaintext bool   `yaml:"allow_plaintext"`
	// To is whom the gateway shall reach, in its own words.
	To string `yaml:"to"`
	// After is how old the outbox may grow, Every how often that is repeated.
	After time.Duration `yaml:"after"`
	Every time.Duration `yaml:"every"`
}

// HeartbeatConfig is a watcher elsewhere that raises the alarm when it hears
// nothing any more.
type HeartbeatConfig struct {
	strict.Position
	// URLFile holds the URL to GET, which is a secret.
	URLFile        string        `yaml:"url_file"`
	CAFile         string        `yaml:"ca_file"`
	AllowPlaintext bool          `yaml:"allow_plaintext"`
	Every          time.Duration `yaml:"every"`
}

// TimingsConfig are the engine's own paces; see [Timings].
type TimingsConfig struct {
	Reconcile   time.Duration `yaml:"reconcile"`
	AbsentFor   time.Duration `yaml:"absent_for"`
	Settled     time.Duration `yaml:"alertmanager_settled"`
	Unreachable time.Duration `yaml:"unreachable"`
	Watchdog    time.Duration `yaml:"watchdog"`
	Ask         time.Duration `yaml:"ask"`
	RetryFirst  time.Duration `yaml:"retry_first"`
	RetryMost   time.Duration `yaml:"retry_most"`
	GiveUp      time.Duration `yaml:"give_up"`
	Retention   time.Duration `yaml:"retention"`
}

// Setup is a configuration read whole: the process's own settings and what
// decisions are made from. Reading it opens no secret and no socket.
type Setup struct {
	Config *Config
	Book   *rules.Book
	// Calendars are the inventory's iCalendar files.
	Calendars []CalendarFile
}

// maxFile bounds each file of policy and inventory.
const maxFile = 16 << 20

// Load reads vigie.yml with the policies and the inventory that it names. All
// faults of all files are returned at once, each with file, line, key and cure.
//
// So are calendar files that are broken, or that are gone although a copy of
// them was kept.
func Load(path string) (*Setup, error) { return load(path, false) }

// LoadWithCopies is Load for a receiver that must go on: the last good copy of
// a calendar file ([Setup.KeepCalendars]) takes the place of one that is gone,
// empty or broken. [Engine.NoteCalendars] says so.
func LoadWithCopies(path string) (*Setup, error) { return load(path, true) }

func load(path string, standIn bool) (*Setup, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	c := &Config{path: path}
	var faults strict.Faults
	if err := strict.Decode(path, text, c); err != nil {
		if !errors.As(err, &faults) {
			return nil, err
		}
	}
	c.defaults()
	faults = append(faults, c.check()...)
	policies, err := c.policies()
	faults = collect(faults, path, err)
	calendars := &calendarFiles{config: c, standIn: standIn}
	directory, err := calendars.load(policies)
	faults = collect(faults, path, err)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	directory.Exporters = c.exporterSources()
	book, err := rules.NewBook(directory, policies...)
	if err != nil {
		return nil, err
	}
	return &Setup{Config: c, Book: book, Calendars: calendars.taken}, nil
}

// exporterSources are the sources that each exporter reads, by its address.
func (c *Config) exporterSources() map[string][]string {
	out := map[string][]string{}
	for _, x := range c.Exporters {
		if u, err := url.Parse(x.URL); err == nil && len(x.Sources) > 0 {
			out[u.Host] = append(out[u.Host], x.Sources...)
		}
	}
	return out
}

func collect(faults strict.Faults, path string, err error) strict.Faults {
	var more strict.Faults
	switch {
	case err == nil:
		return faults
	case errors.As(err, &more):
		return append(faults, more...)
	}
	return append(faults, strict.Fault{Position: strict.Position{File: path, Line: 1}, What: err.Error()})
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read: split it", path, info.Size(), maxFile)
	}
	return os.ReadFile(path)
}

func (c *Config) policies() ([]*rules.Policy, error) {
	files, empty, err := c.readFiles("policy", c.Policy, func(name string) (rules.SourceFile, error) {
		text, err := readFile(name)
		return rules.SourceFile{Name: name, Text: text}, err
	})
	if err != nil {
		return nil, err
	}
	if len(empty) > 0 {
		return nil, c.namesNoFile("policy", empty[0])
	}
	return rules.LoadPolicies(files)
}

// readFiles reads the files that patterns name, relative to vigie.yml, and
// returns the patterns that name none.
func (c *Config) readFiles(key string, globs []string, read func(string) (rules.SourceFile, error)) (files []rules.SourceFile, empty []string, err error) {
	if len(globs) == 0 {
		return nil, nil, c.fault(key, "missing: name the files, such as [%s/*.yml]", key)
	}
	for _, g := range globs {
		names, err := filepath.Glob(c.Path(g))
		if err != nil {
			return nil, nil, c.fault(key, "%q is not a pattern for file names: %v", g, err)
		}
		if len(names) == 0 {
			empty = append(empty, g)
		}
		slices.Sort(names)
		for _, name := range names {
			f, err := read(name)
			if err != nil {
				return nil, nil, c.fault(key, "%v", err)
			}
			files = append(files, f)
		}
	}
	return files, empty, nil
}

func (c *Config) namesNoFile(key, glob string) error {
	return c.fault(key, "%q names no file: patterns are relative to the folder of %s", glob, filepath.Base(c.path))
}

// Path resolves a file name of the configuration: relative ones are relative to
// the folder of vigie.yml.
func (c *Config) Path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(c.path), name)
}

func (c *Config) fault(key, format string, args ...any) strict.Faults {
	return strict.Faults{{Position: strict.Position{File: c.path, Line: max(c.Line, 1)}, Path: key, What: fmt.Sprintf(format, args...)}}
}

func (c *Config) defaults() {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:9095"
	}
	if c.Database == "" {
		c.Database = "vigie.db"
	}
	for i := range c.Alertmanagers {
		if c.Alertmanagers[i].Name == "" {
			if u, err := url.Parse(c.Alertmanagers[i].URL); err == nil {
				c.Alertmanagers[i].Name = u.Host
			}
		}
	}
}

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
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		add(c.Position, "listen", "%q is not host:port: write it like 127.0.0.1:9095", c.Listen)
	}
	if c.ExternalURL != "" {
		if _, err := baseURL(c.ExternalURL); err != nil {
			add(c.Position, "external_url", "%v", err)
		}
	}
	if x := c.Emergency; x != nil {
		if _, _, err := net.SplitHostPort(x.Listen); err != nil || x.Listen == c.Listen {
			add(x.Position, "emergency.listen", "%q is not a host:port of its own: write it like 127.0.0.1:9443", x.Listen)
		}
	}
	c.Login.check(c.ExternalURL, add)
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
		if _, err := c.alarm(); err != nil {
			add(c.Alarm.Position, "alarm", "%v", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Channels)) {
		if c.Channels[name].Kind == "" {
			continue // that was told
		}
		if _, err := c.channel(name); err != nil {
			add(c.Channels[name].Position, "channels."+name, "%v", err)
		}
	}
	if c.Heartbeat != nil {
		if _, err := c.heartbeat(); err != nil {
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
	if _, err := notify.NewMail(c.mail()); err != nil {
		add(c.Mail.Position, "mail", "%v", err)
	}
	return fs
}

func (e EndpointConfig) check(path string, at strict.Position) strict.Faults {
	var fs strict.Faults
	if _, err := baseURL(e.URL); err != nil {
		fs = append(fs, strict.Fault{Position: at, Path: path + ".url", What: err.Error()})
	}
	if (e.Username == "") != (e.PasswordFile == "") {
		fs = append(fs, strict.Fault{Position: at, Path: path, What: "username and password_file go together: give both or none"})
	}
	if e.TokenFile != "" && e.Username != "" {
		fs = append(fs, strict.Fault{Position: at, Path: path, What: "token_file and username exclude each other: keep one"})
	}
	return fs
}

func baseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an address: write it like https://host:port", text)
	}
	if u.User != nil {
		return nil, errors.New("an address must hold no password: use username and password_file")
	}
	return u, nil
}

// client makes an HTTP client with an endpoint's credentials; files are read
// when they are needed.
func (c *Config) client(e EndpointConfig, name string) (*http.Client, error) {
	cfg := promconfig.DefaultHTTPClientConfig
	cfg.FollowRedirects = false
	if e.TokenFile != "" {
		cfg.Authorization = &promconfig.Authorization{Type: "Bearer", CredentialsFile: c.Path(e.TokenFile)}
	}
	if e.Username != "" {
		cfg.BasicAuth = &promconfig.BasicAuth{Username: e.Username, PasswordFile: c.Path(e.PasswordFile)}
	}
	cfg.TLSConfig.CAFile = c.Path(e.CAFile)
	return promconfig.NewClientFromConfig(cfg, name)
}

func (c *Config) mail() notify.MailConfig {
	m := c.Mail
	hello := m.Hello
	if hello == "" {
		if a, err := notify.ParseAddress(m.From); err == nil {
			hello = domain(a.Addr)
		}
	}
	out := notify.MailConfig{Hello: hello, EnvelopeFrom: m.EnvelopeFrom, Relay: c.relay(m.Relay)}
	if m.Fallback != nil {
		out.Fallback = c.relay(*m.Fallback)
	}
	return out
}

func (c *Config) relay(r RelayConfig) notify.MailRelay {
	return notify.MailRelay{Host: r.Host, Port: r.Port, TLS: notify.TLSMode(r.TLS), AllowPlaintext: r.AllowPlaintext,
		CAFile: c.Path(r.CAFile), Username: r.Username, PasswordFile: c.Path(r.PasswordFile)}
}

// channels makes the channels beside mail.
func (c *Config) channels() (map[string]notify.Channel, error) {
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
	if !rules.ChannelName(name) {
		return nil, fmt.Errorf("%q cannot be a channel's name: take another of letters, digits, - and _; mail is configured under mail", name)
	}
	return c.Channels[name].Channel(name, c.Path)
}

func (c *Config) alarm() (*Alarm, error) {
	a := c.Alarm
	channel, err := notify.NewWebhook(notify.WebhookConfig{Name: "alarm", URLFile: c.Path(a.URLFile), TokenFile: c.Path(a.TokenFile),
		CAFile: c.Path(a.CAFile), AllowPlaintext: a.AllowPlaintext})
	if err != nil {
		return nil, err
	}
	if a.After < 0 || a.Every < 0 {
		return nil, errors.New("after and every must not be negative")
	}
	return &Alarm{Channel: channel, To: a.To, After: a.After, Every: a.Every}, nil
}

func (c *Config) heartbeat() (*Heartbeat, error) {
	h := c.Heartbeat
	return NewHeartbeat(HeartbeatOptions{URLFile: c.Path(h.URLFile), CAFile: c.Path(h.CAFile), AllowPlaintext: h.AllowPlaintext, Every: h.Every})
}

func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// Renderer makes the writer of mails, without links: it opens no secret.
func (c *Config) Renderer() (*message.Renderer, error) { return c.renderer(nil) }

func (c *Config) renderer(links *Links) (*message.Renderer, error) {
	o := message.Options{Organisation: c.Organisation, Phone: c.Phone, Links: message.Links{Base: c.ExternalURL},
		Outside: func(p rules.Party) bool { return p.Outside }}
	if links != nil {
		o.Links.Token = links.token
	}
	if c.Templates != "" {
		o.Overrides = os.DirFS(c.Path(c.Templates))
	}
	return message.NewRenderer(o)
}

// Parts turns the configuration into what an engine works with.
func (s *Setup) Parts() (Parts, error) {
	c := s.Config
	o := Parts{Book: s.Book, Timings: Timings{
		Reconcile: c.Timings.Reconcile, AbsentFor: c.Timings.AbsentFor, Settled: c.Timings.Settled, Unreachable: c.Timings.Unreachable, Watchdog: c.Timings.Watchdog,
		Ask: c.Timings.Ask, RetryFirst: c.Timings.RetryFirst, RetryMost: c.Timings.RetryMost, GiveUp: c.Timings.GiveUp, Retention: c.Timings.Retention,
	}}
	from, err := notify.ParseAddress(c.Mail.From)
	if err != nil {
		return o, fmt.Errorf("mail.from: %w", err)
	}
	o.Sender, o.Domain = Sender{From: from, ReplyTo: c.Mail.ReplyTo}, domain(from.Addr)
	mail, err := notify.NewMail(c.mail())
	if err != nil {
		return o, fmt.Errorf("mail: %w", err)
	}
	o.Channel = mail
	if o.Channels, err = c.channels(); err != nil {
		return o, err
	}
	if c.Alarm != nil {
		if o.Alarm, err = c.alarm(); err != nil {
			return o, fmt.Errorf("alarm: %w", err)
		}
	}
	if c.Heartbeat != nil {
		if o.Heartbeat, err = c.heartbeat(); err != nil {
			return o, fmt.Errorf("heartbeat: %w", err)
		}
	}
	o.Links = c.links()
	words, err := c.renderer(o.Links)
	if err != nil {
		return o, err
	}
	o.Render, o.RenderDigest, o.Languages, o.TemplateName = words.Render, words.RenderDigest, words.Languages(), words.TemplateName
	if err := namesKnown(s.Book, words, slices.Sorted(maps.Keys(c.Channels))); err != nil {
		return o, err
	}
	for _, a := range c.Alertmanagers {
		u, err := baseURL(a.URL)
		if err != nil {
			return o, err
		}
		hc, err := c.client(a.EndpointConfig, "alertmanager")
		if err != nil {
			return o, fmt.Errorf("alertmanager %s: %w", a.Name, err)
		}
		o.Alertmanagers = append(o.Alertmanagers, alertmanager.New(alertmanager.Options{Name: a.Name, URL: u, HTTP: hc, Receiver: a.Receiver}))
	}
	if p := c.Prometheus; p != nil {
		o.Counts = Counts{Machines: p.Machines, Good: p.MachinesOK}
		hc, err := c.client(p.EndpointConfig, "prometheus")
		if err != nil {
			return o, fmt.Errorf("prometheus: %w", err)
		}
		if o.Evidence, err = evidence.New(evidence.Options{URL: p.URL, HTTP: hc, Fresh: p.Fresh}); err != nil {
			return o, err
		}
	}
	for _, x := range c.Exporters {
		u, err := baseURL(x.URL)
		if err != nil {
			return o, err
		}
		hc, err := c.client(x.EndpointConfig, "exporter")
		if err != nil {
			return o, fmt.Errorf("exporter %s: %w", x.URL, err)
		}
		o.Exporters = append(o.Exporters, evidence.Exporter{Sources: x.Sources, URL: u, HTTP: hc})
	}
	return o, nil
}

// namesKnown finds templates, languages and channels that are named by policy or
// inventory and are not there.
func namesKnown(book *rules.Book, words *message.Renderer, channels []string) error {
	var faults strict.Faults
	for _, err := range []error{templatesKnown(book, words.Known()), channelsKnown(book, channels),
		book.Directory.CheckLanguages(words.Languages().Codes()), book.Directory.CheckChannels(channels)} {
		faults = collect(faults, "", err)
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

// Secrets are the credentials that others present to the receiver.
type Secrets struct {
	Webhook *Tokens
	People  *Tokens
	// Passwords are those of people who log in; nil for none.
	Passwords *identity.Passwords
}

// Secrets reads the token files.
func (c *Config) Secrets() (*Secrets, error) {
	webhook, err := ReadBearers(c.Path(c.WebhookToken))
	if err != nil {
		return nil, fmt.Errorf("webhook_token_file: %w", err)
	}
	people, err := ReadPersons(c.Path(c.TokensFile))
	if err != nil {
		return nil, fmt.Errorf("tokens_file: %w", err)
	}
	passwords, err := c.passwords()
	if err != nil {
		return nil, err
	}
	return &Secrets{webhook, people, passwords}, nil
}
