package windowsbackup

import (
	"time"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

// Engine is the value of the label engine.
const Engine = "windows_server_backup"

// Config describes Windows Server Backup on the machine the exporter runs on,
// or on one that exports its logs into a folder.
type Config struct {
	exporters.Owner    `yaml:",inline"`
	exporters.Host     `yaml:",inline"` // a server unless set
	exporters.Planning `yaml:",inline"` // local; the interval is used where Windows has no schedule of its own
	// Lookback is how far events are read back; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// CommandTimeout bounds each program of Windows that is run; 1 minute.
	CommandTimeout exporters.Duration `yaml:"command_timeout"`
	// Collected is the folder, for a machine that is not this one.
	Collected *winevent.Collected `yaml:"collected"`
}

// Validate fills in defaults and checks.
func (c *Config) Validate(dir string) error {
	const day = exporters.Duration(24 * time.Hour)
	return exporters.FirstError(c.Collected.Validate(dir, c.Machine), c.Owner.Validate(), c.Host.Validate(exporters.Server), c.Planning.Validate(exporters.Local),
		// A run must be seen whole.
		exporters.Bounded[exporters.Duration]{Key: "lookback", Value: &c.Lookback, Unset: 31 * day, Smallest: 2 * day}.Validate(),
		exporters.Bounded[exporters.Duration]{Key: "command_timeout", Value: &c.CommandTimeout, Unset: exporters.Duration(time.Minute), Smallest: exporters.Duration(time.Second)}.Validate(),
	)
}
