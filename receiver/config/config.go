// Package config reads vigie.yml, with the policies and the inventory that it
// names, and checks all of it: strictly, each fault with file, line and cure. It
// opens no secret and no socket; [Config.Secrets] and what the engine is made of
// do so later.
package config

import (
	"time"

	"vigie/internal/remote"
	"vigie/internal/strict"
	"vigie/receiver/notify"
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
	// Login is how people come to the pages; without it nobody can log in.
	Login *LoginConfig `yaml:"login"`
	// Emergency is the entry for when the usual ones are out of reach.
	Emergency *EmergencyConfig `yaml:"emergency"`
	// Database is a file of SQLite, or the address of a database of PostgreSQL.
	Database string `yaml:"database"`
	// DatabasePassword holds the password for that address.
	DatabasePassword string `yaml:"database_password_file"`

	Policy    []string `yaml:"policy"`
	Inventory []string `yaml:"inventory"`
	// Templates is a folder of templates that take the place of built-in ones.
	Templates string `yaml:"templates"`

	// WebhookToken holds the bearer tokens of Alertmanager, TokensFile those of
	// people.
	WebhookToken string `yaml:"webhook_token_file"`
	TokensFile   string `yaml:"tokens_file"`
	// InventoryToken holds the bearer tokens of exporters that fetch the inventory.
	InventoryToken string `yaml:"inventory_token_file"`

	Alertmanagers []AlertmanagerConfig `yaml:"alertmanagers"`
	Prometheus    *PrometheusConfig    `yaml:"prometheus"`
	Exporters     []ExporterConfig     `yaml:"exporters"`
	Mail          *MailConfig          `yaml:"mail"`
	// Answers is the mailbox in which answers and bounces arrive; without it nobody
	// reads them but people.
	Answers *AnswersConfig `yaml:"answers"`
	// Channels are other ways to people than mail, by the names that the inventory
	// and steps call them.
	Channels  map[string]notify.ChannelConfig `yaml:"channels"`
	Alarm     *AlarmConfig                    `yaml:"alarm"`
	Heartbeat *HeartbeatConfig                `yaml:"heartbeat"`
	Timings   TimingsConfig                   `yaml:"timings"`

	path string
	text []byte
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
	// HTTP is whatever else the way there needs, as in Prometheus.
	HTTP remote.HTTPConfig `yaml:"http_config"`
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
	// OAuth2 takes the place of the password where the relay takes none.
	OAuth2 *OAuth2Config `yaml:"oauth2"`
}

// AlarmConfig is the second channel, for when mail does not leave: a gateway to
// chat or SMS.
type AlarmConfig struct {
	strict.Position
	notify.WebhookSettings `yaml:",inline"`
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

// TimingsConfig are the engine's own paces; zero values take the default.
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
