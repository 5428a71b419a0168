package veeam

import (
	"fmt"
	"regexp"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

// Engine is the value of the label engine.
const Engine = "veeam"

// Verifier is that of jobs which only try what was saved, as in report mails.
const Verifier = "veeam_surebackup"

// Config describes one Veeam Backup & Replication server.
type Config struct {
	httpclient.Remote  `yaml:",inline"`
	exporters.Login    `yaml:",inline"` // of an account with the role Backup Viewer
	exporters.Owner    `yaml:",inline"`
	exporters.Planning `yaml:",inline"` // local; the interface does not tell schedules
	// APIVersion is the revision to speak, for example 1.2-rev0, or auto,
	// which asks the server for its version first.
	APIVersion string `yaml:"api_version"`
	// Timezone is the server's, for the instants it sends without offset
	// where no neighbour tells.
	Timezone string `yaml:"timezone"`
	// Lookback is how far sessions are read back at the start; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// ForgetObjectsAfter is for how long a job goes on without one of its
	// objects before that no longer counts as protected by it; 7 days, and
	// Lookback for jobs of agents, whose machines may be switched off.
	ForgetObjectsAfter exporters.Duration `yaml:"forget_objects_after"`
	// PageSize is the number of items asked for at once; 200.
	PageSize int `yaml:"page_size"`

	location *time.Location
}

var revision = regexp.MustCompile(`^\d+\.\d+-rev\d+$`)

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	if err := exporters.FirstError(c.Remote.Validate(dir, "https://veeam.dupont.example:9419"), c.Login.Validate(dir, "Backup Viewer"), c.Owner.Validate(),
		c.Planning.Validate(exporters.Local)); err != nil {
		return err
	}
	if c.APIVersion == "" {
		c.APIVersion = "auto"
	}
	if c.APIVersion != "auto" && !revision.MatchString(c.APIVersion) {
		return &exporters.ConfigError{Key: "api_version", What: fmt.Sprintf("%q is no revision", c.APIVersion), Cure: "write auto, or for example 1.2-rev0"}
	}
	var err error
	if c.location, err = exporters.Zone(c.Timezone); err != nil {
		return err
	}
	const day = exporters.Duration(24 * time.Hour)
	return exporters.FirstError(
		exporters.Bounded[exporters.Duration]{Key: "lookback", Value: &c.Lookback, Unset: 31 * day, Smallest: day}.Validate(),
		exporters.Bounded[exporters.Duration]{Key: "forget_objects_after", Value: &c.ForgetObjectsAfter, Unset: 7 * day, Smallest: day / 24}.Validate(),
		exporters.Bounded[int]{Key: "page_size", Value: &c.PageSize, Unset: 200, Smallest: 1, Greatest: 1000}.Validate(),
	)
}
