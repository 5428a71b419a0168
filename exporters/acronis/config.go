package acronis

import (
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

// Engine is the value of the label engine.
const Engine = "acronis"

// Config describes one Acronis Cyber Protect Cloud data centre as one API
// client sees it.
type Config struct {
	// URL is the data centre, for example https://eu2-cloud.acronis.com.
	httpclient.Remote  `yaml:",inline"`
	exporters.Planning `yaml:",inline"`
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
	// Timezone is that of schedules, used where a machine does not tell.
	Timezone string `yaml:"timezone"`
	// Lookback is how far tasks are read back at the start; 7 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// PageSize is the number of items asked for at once; 200.
	PageSize int `yaml:"page_size"`
	// IgnoreTotal accepts listings that end with fewer items than they
	// announced. Such a listing is otherwise taken for cut off.
	IgnoreTotal bool `yaml:"ignore_total"`
	// FullListingInterval is how often everything is listed, so that what was
	// deleted is noticed; in between only what changed is asked for. 1 h;
	// anything shorter than the poll interval lists everything at each refresh.
	FullListingInterval exporters.Duration `yaml:"full_listing_interval"`
	// AgentsInterval is how often the agents are listed, which tell no
	// changes; 15 min.
	AgentsInterval exporters.Duration `yaml:"agents_interval"`

	secret   exporters.Secret
	location *time.Location
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	if err := c.Remote.Validate(dir, "https://eu2-cloud.acronis.com"); err != nil {
		return err
	}
	if c.ClientID == "" {
		return &exporters.ConfigError{Key: "client_id", What: "missing", Cure: "create an API client in the console and write its id here"}
	}
	c.secret = exporters.Secret{File: c.ClientSecretFile, Env: c.ClientSecretEnv}
	if err := c.secret.Resolve(dir, "client_secret"); err != nil {
		return err
	}
	if err := c.Planning.Validate(exporters.Primary); err != nil {
		return err
	}
	for key, id := range c.Customers {
		if id == "" {
			return &exporters.ConfigError{Key: "customers." + key, What: "no customer id", Cure: "write the id the inventory uses"}
		}
	}
	var err error
	if c.location, err = exporters.Zone(c.Timezone); err != nil {
		return err
	}
	const hour = exporters.Duration(time.Hour)
	return exporters.FirstError(
		exporters.Bounded[exporters.Duration]{Key: "lookback", Value: &c.Lookback, Unset: 7 * 24 * hour, Smallest: hour}.Validate(),
		exporters.Bounded[exporters.Duration]{Key: "full_listing_interval", Value: &c.FullListingInterval, Unset: hour, Smallest: 1}.Validate(),
		exporters.Bounded[exporters.Duration]{Key: "agents_interval", Value: &c.AgentsInterval, Unset: hour / 4, Smallest: 1}.Validate(),
		exporters.Bounded[int]{Key: "page_size", Value: &c.PageSize, Unset: 200, Smallest: 1, Greatest: 5000}.Validate(),
	)
}
