package httpclient

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"vigie/exporters"
)

// TLSConfig is how a product's certificate is verified.
type TLSConfig struct {
	CAFile             string `yaml:"ca_file"`
	ServerName         string `yaml:"server_name"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// Resolve makes the file's name relative to dir and reads it once.
func (c *TLSConfig) Resolve(dir string) error {
	c.CAFile = exporters.InDir(dir, c.CAFile)
	if _, err := c.Build(); err != nil {
		return &exporters.ConfigError{Key: "tls.ca_file", What: err.Error(), Cure: "name a PEM file that the exporter's user can read, relative to the configuration file"}
	}
	return nil
}

// Build reads the files.
func (c TLSConfig) Build() (*tls.Config, error) {
	out := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.InsecureSkipVerify, MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return out, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", c.CAFile)
	}
	return out, nil
}
