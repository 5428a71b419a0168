package config

import (
	"net/url"
	"time"

	"vigie/receiver/evidence"
	"vigie/receiver/heartbeat"
	"vigie/receiver/identity"
	"vigie/receiver/link"
	"vigie/receiver/notify"
)

// What holds of the alarm where vigie.yml does not say otherwise.
const (
	AlarmAfter = 15 * time.Minute // how old the outbox may grow
	AlarmEvery = time.Hour        // how often that is repeated
)

// DefaultTimings are the engine's paces where vigie.yml does not say otherwise.
func DefaultTimings() TimingsConfig {
	return TimingsConfig{
		Reconcile: time.Minute, AbsentFor: 150 * time.Second, Settled: 5 * time.Minute, Unreachable: 3 * time.Minute,
		Watchdog: 15 * time.Minute, Ask: 30 * time.Second,
		RetryFirst: time.Minute, RetryMost: 15 * time.Minute, GiveUp: 72 * time.Hour, Retention: 730 * 24 * time.Hour,
	}
}

// defaults writes down what holds where the file says nothing.
func (c *Config) defaults() {
	orElse(&c.Listen, "127.0.0.1:9095")
	orElse(&c.Database, "vigie.db")
	for i := range c.Alertmanagers {
		if u, err := url.Parse(c.Alertmanagers[i].URL); err == nil {
			orElse(&c.Alertmanagers[i].Name, u.Host)
		}
	}
	if c.Links != nil {
		orElse(&c.Links.ValidFor, link.ValidFor)
	}
	if c.Login != nil {
		orElse(&c.Login.Session, defaultSession)
		c.Login.Provider.defaults()
	}
	if c.Prometheus != nil {
		orElse(&c.Prometheus.Fresh, evidence.Fresh)
	}
	if c.Mail != nil {
		c.Mail.Relay.defaults()
		c.Mail.Fallback.defaults()
	}
	if c.Alarm != nil {
		orElse(&c.Alarm.After, AlarmAfter)
		orElse(&c.Alarm.Every, AlarmEvery)
	}
	if c.Heartbeat != nil {
		orElse(&c.Heartbeat.Every, heartbeat.Every)
	}
	c.Timings.defaults()
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (p *ProviderConfig) defaults() {
	if p == nil {
		return
	}
	orElse(&p.Claim, identity.DefaultClaim)
	if len(p.Scopes) == 0 {
		p.Scopes = identity.DefaultScopes()
	}
}

func (r *RelayConfig) defaults() {
	if r == nil {
		return
	}
	orElse(&r.TLS, string(notify.TLSStartTLS))
	orElse(&r.Port, notify.TLSMode(r.TLS).Port())
}

func (t *TimingsConfig) defaults() {
	d := DefaultTimings()
	for _, x := range []struct{ field, value *time.Duration }{
		{&t.Reconcile, &d.Reconcile}, {&t.AbsentFor, &d.AbsentFor}, {&t.Settled, &d.Settled}, {&t.Unreachable, &d.Unreachable},
		{&t.Watchdog, &d.Watchdog}, {&t.Ask, &d.Ask}, {&t.RetryFirst, &d.RetryFirst}, {&t.RetryMost, &d.RetryMost},
		{&t.GiveUp, &d.GiveUp}, {&t.Retention, &d.Retention},
	} {
		orElse(x.field, *x.value)
	}
}
