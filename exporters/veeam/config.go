package veeam

import (
	"fmt"
	"regexp"
	"time"

	"vigie/exporters"
)

// Engine is the value of the label engine.
const Engine = "veeam"

// Config describes one Veeam Backup & Replication server.
type Config struct {
	// URL is the REST interface, for example https://veeam.dupont.example:9419.
	URL exporters.URL `yaml:"url"`
	// Username and the password belong to an account with the role Backup Viewer.
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// Customer is the id of the customer whose server this is.
	Customer     string `yaml:"customer"`
	CustomerName string `yaml:"customer_name"`
	// APIVersion is the revision to speak, for example 1.2-rev0, or auto,
	// which asks the server for its version first.
	APIVersion string `yaml:"api_version"`
	// BackupRole is the role of these backups for their machines; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is the planned time between two runs by class; the
	// interface does not tell schedules.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// Timezone is the server's, for the instants it sends without offset
	// where no neighbour tells.
	Timezone string `yaml:"timezone"`
	// Lookback is how far sessions are read back at the start; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// ForgetObjectsAfter is for how long a job goes on without one of its
	// objects before that no longer counts as protected by it; 7 days.
	ForgetObjectsAfter exporters.Duration `yaml:"forget_objects_after"`
	// PageSize is the number of items asked for at once; 200.
	PageSize          int                 `yaml:"page_size"`
	RequestsPerSecond float64             `yaml:"requests_per_second"`
	Concurrency       int                 `yaml:"concurrency"`
	TLS               exporters.TLSConfig `yaml:"tls"`

	password exporters.Secret
	location *time.Location
}

var revision = regexp.MustCompile(`^\d+\.\d+-rev\d+$`)

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	if c.URL.URL == nil {
		return &exporters.ConfigError{Key: "url", What: "missing", Cure: "name the server, for example https://veeam.dupont.example:9419"}
	}
	if c.Username == "" {
		return &exporters.ConfigError{Key: "username", What: "missing", Cure: "name an account with the role Backup Viewer"}
	}
	c.password = exporters.Secret{File: c.PasswordFile, Env: c.PasswordEnv}
	if err := c.password.Resolve(dir, "password"); err != nil {
		return err
	}
	if c.Customer == "" {
		return &exporters.ConfigError{Key: "customer", What: "missing", Cure: "write the customer's id as the inventory has it"}
	}
	if c.CustomerName == "" {
		c.CustomerName = c.Customer
	}
	if c.APIVersion == "" {
		c.APIVersion = "auto"
	}
	if c.APIVersion != "auto" && !revision.MatchString(c.APIVersion) {
		return &exporters.ConfigError{Key: "api_version", What: fmt.Sprintf("%q is no revision", c.APIVersion), Cure: "write auto, or for example 1.2-rev0"}
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
	if c.Timezone == "" {
		c.Timezone = "UTC"
	}
	loc, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return &exporters.ConfigError{Key: "timezone", What: fmt.Sprintf("%q is not known", c.Timezone), Cure: "write for example Europe/Paris"}
	}
	c.location = loc
	if c.Lookback == 0 {
		c.Lookback = exporters.Duration(31 * 24 * time.Hour)
	}
	if c.ForgetObjectsAfter == 0 {
		c.ForgetObjectsAfter = exporters.Duration(7 * 24 * time.Hour)
	}
	if c.PageSize == 0 {
		c.PageSize = 200
	}
	if c.PageSize < 1 || c.PageSize > 1000 {
		return &exporters.ConfigError{Key: "page_size", What: fmt.Sprintf("%d is out of range", c.PageSize), Cure: "write a number from 1 to 1000"}
	}
	return nil
}
