package remote

import (
	"crypto/tls"
	"path/filepath"

	promconfig "github.com/prometheus/common/config"
)

// TLS is how a server is recognised, and how it recognises us: what is most used of
// tls_config, for what is not read over HTTP as well.
type TLS struct {
	CAFile             string `yaml:"ca_file"`
	CertFile           string `yaml:"cert_file"`
	KeyFile            string `yaml:"key_file"`
	ServerName         string `yaml:"server_name"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// In is the same with file names relative to dir.
func (c TLS) In(dir string) TLS {
	for _, name := range []*string{&c.CAFile, &c.CertFile, &c.KeyFile} {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(dir, *name)
		}
	}
	return c
}

// Config is it as tls_config has it.
func (c TLS) Config() promconfig.TLSConfig {
	return promconfig.TLSConfig{CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile, ServerName: c.ServerName, InsecureSkipVerify: c.InsecureSkipVerify}
}

// Build reads the files; those of the client's certificate are read again for each
// connection.
func (c TLS) Build() (*tls.Config, error) {
	conf := c.Config()
	return promconfig.NewTLSConfig(&conf)
}
