package veeamem

import (
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

const (
	// Engine is the value of the label engine of the jobs.
	Engine = "veeam"
	// Key is the name of the product in the configuration.
	Key = "veeam_enterprise_manager"
)

// Config describes one Veeam Backup Enterprise Manager.
type Config struct {
	httpclient.Remote  `yaml:",inline"`
	exporters.Login    `yaml:",inline"` // of an account with the role Portal User
	exporters.Owner    `yaml:",inline"` // of all its backup servers
	exporters.Planning `yaml:",inline"` // local; sessions do not tell schedules
	// Lookback is how far sessions are read back at the start, and for how
	// long a job without any session is still shown; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// ForgetObjectsAfter is for how long a job goes on without one of its
	// objects before that no longer counts as protected by it; 7 days.
	ForgetObjectsAfter exporters.Duration `yaml:"forget_objects_after"`
	// PageSize is the number of items asked for at once; 100.
	PageSize int `yaml:"page_size"`
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	const day = exporters.Duration(24 * time.Hour)
	return exporters.FirstError(
		c.Remote.Validate(dir, "https://veeam.dupont.example:9398"), c.Login.Validate(dir, "Portal User"), c.Owner.Validate(), c.Planning.Validate(exporters.Local),
		exporters.Bounded[exporters.Duration]{Key: "lookback", Value: &c.Lookback, Unset: 31 * day, Smallest: 2 * day}.Validate(),
		exporters.Bounded[exporters.Duration]{Key: "forget_objects_after", Value: &c.ForgetObjectsAfter, Unset: 7 * day, Smallest: day / 24}.Validate(),
		exporters.Bounded[int]{Key: "page_size", Value: &c.PageSize, Unset: 100, Smallest: 1, Greatest: 1000}.Validate(),
	)
}
