package httpclient

import (
	"cmp"
	"net/http"

	"vigie/exporters"
	"vigie/internal/remote"
)

// Target is where something is read over HTTP.
type Target struct {
	URL exporters.URL `yaml:"url"`
	TLS remote.TLS    `yaml:"tls"`
	// HTTP is whatever else the way there needs, as in Prometheus: client
	// certificates, headers, OAuth2, a proxy.
	HTTP remote.HTTPConfig `yaml:"http_config"`

	dir string // to which file names of HTTP refer
}

// Validate checks. Dir is the folder to which relative file names refer,
// example an address as people would write it.
func (t *Target) Validate(dir, example string) error {
	if t.URL.URL == nil {
		return &exporters.ConfigError{Key: "url", What: "missing", Cure: "write for example " + example}
	}
	t.dir = dir
	if t.HTTP.HasTLS() && t.TLS != (remote.TLS{}) {
		return &exporters.ConfigError{Line: t.HTTP.Line, Key: "http_config.tls_config", What: "given together with tls", Cure: "move what stands under tls there"}
	}
	if err := ResolveTLS(&t.TLS, dir); err != nil {
		return err
	}
	if _, err := t.transport(); err != nil {
		return &exporters.ConfigError{Line: t.HTTP.Line, Key: "http_config", What: err.Error(), Cure: "name files that the exporter's user can read, relative to the configuration file"}
	}
	return nil
}

// ResolveTLS makes the names of files relative to dir and reads them once.
func ResolveTLS(c *remote.TLS, dir string) error {
	*c = c.In(dir)
	if _, err := c.Build(); err != nil {
		return &exporters.ConfigError{Key: "tls", What: err.Error(), Cure: "name PEM files that the exporter's user can read, relative to the configuration file"}
	}
	return nil
}

// transport carries the requests where http_config says how; nil otherwise.
func (t *Target) transport() (http.RoundTripper, error) {
	if !t.HTTP.IsSet() {
		return nil, nil
	}
	c := t.HTTP.Prometheus(t.dir)
	if !t.HTTP.HasTLS() {
		c.TLSConfig = t.TLS.Config()
	}
	if c.ProxyURL.URL == nil { // as without http_config
		c.ProxyFromEnvironment = true
	}
	return remote.NewRoundTripper(c, "source")
}

// Options gives the options of a client that reads there.
func (t *Target) Options(o exporters.SourceOptions) (Options, error) {
	tls, err := t.TLS.Build()
	if err != nil {
		return Options{}, err
	}
	transport, err := t.transport()
	if err != nil {
		return Options{}, err
	}
	return Options{Transport: transport, BaseURL: t.URL.URL, UserAgent: o.UserAgent, TLS: tls, RequestsPerSecond: DefaultRate, Now: o.Now, Sleep: o.Sleep}, nil
}

// Address is where a product is read over HTTP, and how fast. Sources that decide
// themselves how much they ask at once inline it, the others Remote.
type Address struct {
	Target `yaml:",inline"`
	// RequestsPerSecond caps the load; 10 unless set.
	RequestsPerSecond float64 `yaml:"requests_per_second"`
}

// Validate checks, as that of Target.
func (a *Address) Validate(dir, example string) error {
	if err := a.Target.Validate(dir, example); err != nil {
		return err
	}
	if a.RequestsPerSecond < 0 {
		return &exporters.ConfigError{Key: "requests_per_second", What: "less than zero", Cure: "write for example 10"}
	}
	a.RequestsPerSecond = cmp.Or(a.RequestsPerSecond, DefaultRate)
	return nil
}

// Options gives the options of a client that reads the product.
func (a *Address) Options(o exporters.SourceOptions) (Options, error) {
	c, err := a.Target.Options(o)
	c.RequestsPerSecond = a.RequestsPerSecond
	return c, err
}

// Remote is the configuration of a product that is read over HTTP. Sources
// inline it.
type Remote struct {
	Address `yaml:",inline"`
	// Concurrency caps the requests at once; 4 unless set.
	Concurrency int `yaml:"concurrency"`
}

// Validate checks, as that of Address.
func (r *Remote) Validate(dir, example string) error {
	if err := r.Address.Validate(dir, example); err != nil {
		return err
	}
	if r.Concurrency < 0 {
		return &exporters.ConfigError{Key: "concurrency", What: "less than zero", Cure: "write for example 4"}
	}
	r.Concurrency = cmp.Or(r.Concurrency, defaultConcurrency)
	return nil
}

// Options gives the options of a client that reads the product.
func (r *Remote) Options(o exporters.SourceOptions) (Options, error) {
	c, err := r.Address.Options(o)
	c.Concurrency = r.Concurrency
	return c, err
}
