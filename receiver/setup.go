package receiver

import (
	"context"
	"fmt"

	"vigie/receiver/alertmanager"
	"vigie/receiver/config"
	"vigie/receiver/evidence"
	"vigie/receiver/heartbeat"
	"vigie/receiver/leavers"
	"vigie/receiver/link"
	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/receiver/token"
	"vigie/rules/incident"
)

// What stands in rooms of its own, under the names by which a receiver's users
// call it.
type (
	Config           = config.Config
	LinksConfig      = config.LinksConfig
	Secrets          = config.Secrets
	Tokens           = token.Tokens
	Heartbeat        = heartbeat.Heartbeat
	HeartbeatOptions = heartbeat.Options
	Links            = link.Links
)

// MinRetention is [config.MinRetention].
const MinRetention = config.MinRetention

// Setup is a configuration read whole, of which [Setup.Reloadable] makes what is replaced in
// an engine.
type Setup struct{ *config.Setup }

// Load is [config.Load].
func Load(path string) (*Setup, error) { return setup(config.Load(path)) }

// LoadWithCopies is [config.LoadWithCopies].
func LoadWithCopies(path string) (*Setup, error) { return setup(config.LoadWithCopies(path)) }

func setup(s *config.Setup, err error) (*Setup, error) {
	if err != nil {
		return nil, err
	}
	return &Setup{s}, nil
}

// Abandoned tells of open incidents of those who are in no inventory, see [leavers.Of].
func (s *Setup) Abandoned(ctx context.Context) []string {
	name, o, err := s.Database()
	if err != nil {
		return []string{"whether somebody who has left still has incidents is not known: " + err.Error()}
	}
	return leavers.Of(ctx, name, o, s.Book.Directory)
}

// Database is the database that the configuration names, and how it is opened.
func (s *Setup) Database() (name string, o store.Options, err error) {
	o.Password, err = s.Config.ReadDatabasePassword()
	return s.Config.DatabaseName(), o, err
}

// Reloadable turns the configuration into what an engine works with.
func (s *Setup) Reloadable() (Reloadable, error) {
	c := s.Config
	o := Reloadable{Book: s.Book, Timings: Timings{
		Reconcile: c.Timings.Reconcile, AbsentFor: c.Timings.AbsentFor, Settled: c.Timings.Settled, Unreachable: c.Timings.Unreachable, Watchdog: c.Timings.Watchdog,
		Ask: c.Timings.Ask, RetryFirst: c.Timings.RetryFirst, RetryMost: c.Timings.RetryMost, GiveUp: c.Timings.GiveUp, Retention: c.Timings.Retention,
	}}
	if err := c.OneAuthentication(); err != nil {
		return o, err
	}
	from, err := notify.ParseAddress(c.Mail.From)
	if err != nil {
		return o, fmt.Errorf("mail.from: %w", err)
	}
	o.Pages = c.ExternalURL
	o.Sender, o.Domain = Sender{From: from, ReplyTo: c.ReplyTo()}, config.Domain(from.Addr)
	if o.Mailbox, err = c.Mailbox(); err != nil {
		return o, err
	}
	settings, err := c.MailSettings()
	if err != nil {
		return o, fmt.Errorf("mail.%w", err)
	}
	mail, err := notify.NewMail(settings)
	if err != nil {
		return o, fmt.Errorf("mail: %w", err)
	}
	o.Channel = mail
	if o.Channels, err = c.OtherChannels(); err != nil {
		return o, err
	}
	if c.Alarm != nil {
		channel, err := c.AlarmChannel()
		if err != nil {
			return o, fmt.Errorf("alarm: %w", err)
		}
		o.Alarm = &Alarm{Channel: channel, To: c.Alarm.To, After: c.Alarm.After, Every: c.Alarm.Every}
	}
	if c.Heartbeat != nil {
		if o.Heartbeat, err = c.Watcher(); err != nil {
			return o, fmt.Errorf("heartbeat: %w", err)
		}
	}
	var token func(incident.Notification, incident.Party, string) string
	if l := c.Links; l != nil {
		o.Links = link.New(c.Path(l.KeyFile), l.ValidFor)
		token = o.Links.Token
	}
	words, err := c.RendererWithLinks(token)
	if err != nil {
		return o, err
	}
	o.Render, o.RenderDigest, o.Languages, o.TemplateName = words.Render, words.RenderDigest, words.Languages(), words.TemplateName
	if err := s.CheckNames(words); err != nil {
		return o, err
	}
	for _, a := range c.Alertmanagers {
		u, err := config.BaseURL(a.URL)
		if err != nil {
			return o, err
		}
		hc, err := c.HTTPClient(a.EndpointConfig, "alertmanager")
		if err != nil {
			return o, fmt.Errorf("alertmanager %s: %w", a.Name, err)
		}
		o.Alertmanagers = append(o.Alertmanagers, alertmanager.New(alertmanager.Options{Name: a.Name, URL: u, HTTP: hc, Receiver: a.Receiver}))
	}
	if p := c.Prometheus; p != nil {
		o.Counts = Counts{Machines: p.Machines, Good: p.MachinesOK}
		hc, err := c.HTTPClient(p.EndpointConfig, "prometheus")
		if err != nil {
			return o, fmt.Errorf("prometheus: %w", err)
		}
		if o.Evidence, err = evidence.New(evidence.Options{URL: p.URL, HTTP: hc, Fresh: p.Fresh}); err != nil {
			return o, err
		}
	}
	for _, x := range c.Exporters {
		u, err := config.BaseURL(x.URL)
		if err != nil {
			return o, err
		}
		hc, err := c.HTTPClient(x.EndpointConfig, "exporter")
		if err != nil {
			return o, fmt.Errorf("exporter %s: %w", x.URL, err)
		}
		o.Exporters = append(o.Exporters, evidence.Exporter{Sources: x.Sources, URL: u, HTTP: hc})
	}
	return o, nil
}
