package acronis

import (
	"fmt"
	"time"

	"vigie/exporters"
)

// Engine is the value of the label engine.
const Engine = "acronis"

// Config describes one Acronis Cyber Protect Cloud data centre as one API
// client sees it.
type Config struct {
	// URL is the data centre, for example https://eu2-cloud.acronis.com.
	URL exporters.URL `yaml:"url"`
	// ClientID and the secret belong to an API client with a read-only role.
	ClientID         string `yaml:"client_id"`
	ClientSecretFile string `yaml:"client_secret_file"`
	ClientSecretEnv  string `yaml:"client_secret_env"`
	// TenantID is the tenant below which to read; without it the API
	// client's own tenant.
	TenantID string `yaml:"tenant_id"`
	// Customers maps a tenant's UUID (or its numeric id) to the customer's
	// id; units and machines below it belong to it. Other tenants get an id
	// made from their name.
	Customers map[string]string `yaml:"customers"`
	// BackupRole is the role of these backups for their machines; primary.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is used, by class, where a plan's schedule does not tell.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// Timezone is that of schedules, used where a machine does not tell.
	Timezone string `yaml:"timezone"`
	// Lookback is how far tasks are read back at the start; 7 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// PageSize is the number of items asked for at once; 200.
	PageSize int `yaml:"page_size"`
	// IgnoreTotal accepts listings that end with fewer items than they
	// announced. Such a listing is otherwise taken for cut off.
	IgnoreTotal bool `yaml:"ignore_total"`
	// RequestsPerSecond and Concurrency cap the load; 10 and 4.
	RequestsPerSecond float64             `yaml:"requests_per_second"`
	Concurrency       int                 `yaml:"concurrency"`
	TLS               exporters.TLSConfig `yaml:"tls"`

	secret   exporters.Secret
	location *time.Location
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	if c.URL.URL == nil {
		return &exporters.ConfigError{Key: "url", What: "missing", Cure: "name the data centre, for example https://eu2-cloud.acronis.com"}
	}
	if c.ClientID == "" {
		return &exporters.ConfigError{Key: "client_id", What: "missing", Cure: "create an API client in the console and write its id here"}
	}
	c.secret = exporters.Secret{File: c.ClientSecretFile, Env: c.ClientSecretEnv}
	if err := c.secret.Resolve(dir, "client_secret"); err != nil {
		return err
	}
	if c.BackupRole == "" {
		c.BackupRole = exporters.Primary
	}
	if err := exporters.CheckRole(c.BackupRole); err != nil {
		return err
	}
	if err := c.ExpectedInterval.Check("expected_interval"); err != nil {
		return err
	}
	for key, id := range c.Customers {
		if id == "" {
			return &exporters.ConfigError{Key: "customers." + key, What: "no customer id", Cure: "write the id the inventory uses"}
		}
	}
	if c.Timezone == "" {
		c.Timezone = "UTC"
	}
	loc, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return &exporters.ConfigError{Key: "timezone", What: fmt.Sprintf("%q is not known", c.Timezone), Cure: "write for example Europe/Paris"}
	}
	c.location = loc
	if c.Lookback == 0 {
		c.Lookback = exporters.Duration(7 * 24 * time.Hour)
	}
	if c.PageSize == 0 {
		c.PageSize = 200
	}
	if c.PageSize < 1 || c.PageSize > 5000 {
		return &exporters.ConfigError{Key: "page_size", What: fmt.Sprintf("%d is out of range", c.PageSize), Cure: "write a number from 1 to 5000"}
	}
	return nil
}
