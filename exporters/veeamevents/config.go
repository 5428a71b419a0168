package veeamevents

import (
	"fmt"
	"time"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

const (
	// Engine is the value of the label engine of the jobs.
	Engine = "veeam"
	// Key is the name of the product in the configuration.
	Key = "veeam_events"
)

// Config describes the event logs of Veeam on the machine the exporter runs on,
// or of one that exports its logs into a folder.
type Config struct {
	// Logs are the logs to read: backup is that of Veeam Backup & Replication,
	// agent that of Veeam Agent for Microsoft Windows.
	Logs               []string `yaml:"logs"`
	exporters.Owner    `yaml:",inline"`
	exporters.Host     `yaml:",inline"` // for jobs of the agent; its class is other unless set
	exporters.Planning `yaml:",inline"` // local; events do not tell schedules
	// Lookback is how far events are read back at the start, and for how long
	// a job without any event is still shown; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// ForgetObjectsAfter is for how long a job goes on without one of its
	// machines before that no longer counts as protected by it; 7 days.
	ForgetObjectsAfter exporters.Duration `yaml:"forget_objects_after"`
	// CommandTimeout bounds each reading of a log; 1 minute.
	CommandTimeout exporters.Duration `yaml:"command_timeout"`
	// Collected is the folder, for a machine that is not this one.
	Collected *winevent.Collected `yaml:"collected"`
}

// Validate fills in defaults and checks.
func (c *Config) Validate(dir string) error {
	if len(c.Logs) == 0 {
		return &exporters.ConfigError{Key: "logs", What: "missing", Cure: "write [backup], [agent] or [backup, agent]"}
	}
	seen := map[string]bool{}
	for _, l := range c.Logs {
		if l != "backup" && l != "agent" || seen[l] {
			return &exporters.ConfigError{Key: "logs", What: fmt.Sprintf("%q is unknown or stands twice", l), Cure: "known are backup, agent"}
		}
		seen[l] = true
	}
	const day = exporters.Duration(24 * time.Hour)
	return exporters.FirstError(c.Collected.Validate(dir, c.Machine), c.Owner.Validate(), c.Host.Validate(exporters.Other), c.Planning.Validate(exporters.Local),
		exporters.Bounded[exporters.Duration]{Key: "lookback", Value: &c.Lookback, Unset: 31 * day, Smallest: 2 * day}.Validate(),
		exporters.Bounded[exporters.Duration]{Key: "forget_objects_after", Value: &c.ForgetObjectsAfter, Unset: 7 * day, Smallest: day / 24}.Validate(),
		exporters.Bounded[exporters.Duration]{Key: "command_timeout", Value: &c.CommandTimeout, Unset: exporters.Duration(time.Minute), Smallest: exporters.Duration(time.Second)}.Validate(),
	)
}
