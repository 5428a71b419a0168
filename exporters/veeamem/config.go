package veeamem

import (
	"fmt"
	"time"

	"vigie/exporters"
)

const (
	// Engine is the value of the label engine of the jobs.
	Engine = "veeam"
	// Key is the name of the product in the configuration.
	Key = "veeam_enterprise_manager"
)

// Config describes one Veeam Backup Enterprise Manager.
type Config struct {
	// URL is the REST interface, for example https://veeam.dupont.example:9398.
	URL          exporters.URL `yaml:"url"`
	Username     string        `yaml:"username"`
	PasswordFile string        `yaml:"password_file"`
	PasswordEnv  string        `yaml:"password_env"`
	// Customer is the id of the customer whose backup servers these are.
	Customer     string `yaml:"customer"`
	CustomerName string `yaml:"customer_name"`
	// BackupRole is the role of these backups for their machines; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is the planned time between two runs by class;
	// sessions do not tell schedules.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// Lookback is how far sessions are read back at the start, and for how
	// long a job without any session is still shown; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// ForgetObjectsAfter is for how long a job goes on without one of its
	// objects before that no longer counts as protected by it; 7 days.
	ForgetObjectsAfter exporters.Duration `yaml:"forget_objects_after"`
	// PageSize is the number of items asked for at once; 100.
	PageSize          int                 `yaml:"page_size"`
	RequestsPerSecond float64             `yaml:"requests_per_second"`
	TLS               exporters.TLSConfig `yaml:"tls"`

	password exporters.Secret
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	bad := func(key, what, cure string) error { return &exporters.ConfigError{Key: key, What: what, Cure: cure} }
	if c.URL.URL == nil {
		return bad("url", "missing", "name the server, for example https://veeam.dupont.example:9398")
	}
	if c.Username == "" {
		return bad("username", "missing", "name an account with the role Portal User")
	}
	c.password = exporters.Secret{File: c.PasswordFile, Env: c.PasswordEnv}
	if err := c.password.Resolve(dir, "password"); err != nil {
		return err
	}
	if c.Customer == "" {
		return bad("customer", "missing", "write the customer's id as the inventory has it")
	}
	if c.CustomerName == "" {
		c.CustomerName = c.Customer
	}
	if c.BackupRole == "" {
		c.BackupRole = exporters.Local
	}
	if err := exporters.CheckRole(c.BackupRole); err != nil {
		return err
	}
	if err := c.ExpectedInterval.Check("expected_interval"); err != nil {
		return err
	}
	if c.Lookback == 0 {
		c.Lookback = exporters.Duration(31 * 24 * time.Hour)
	}
	if c.Lookback < exporters.Duration(48*time.Hour) {
		return bad("lookback", "shorter than two days", "write for example 31d")
	}
	if c.ForgetObjectsAfter == 0 {
		c.ForgetObjectsAfter = exporters.Duration(7 * 24 * time.Hour)
	}
	if c.PageSize == 0 {
		c.PageSize = 100
	}
	if c.PageSize < 1 || c.PageSize > 1000 {
		return bad("page_size", fmt.Sprintf("%d is out of range", c.PageSize), "write a number from 1 to 1000")
	}
	if c.RequestsPerSecond < 0 {
		return bad("requests_per_second", "less than zero", "write for example 10")
	}
	return nil
}
