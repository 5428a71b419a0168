package windowsbackup

import (
	"fmt"
	"os"
	"time"

	"vigie/exporters"
)

// Engine is the value of the label engine.
const Engine = "windows_server_backup"

// Config describes Windows Server Backup on the machine the exporter runs on.
type Config struct {
	// Customer is the id of the customer whose machine this is.
	Customer     string `yaml:"customer"`
	CustomerName string `yaml:"customer_name"`
	// Machine is the name to show; the machine's own unless set.
	Machine      string          `yaml:"machine"`
	MachineClass exporters.Class `yaml:"machine_class"` // server unless set
	// BackupRole is the role of these backups for the machine; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is the planned time between two runs by class, where
	// Windows has no schedule of its own.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// Lookback is how far events are read back; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// CommandTimeout bounds each program of Windows that is run; 1 minute.
	CommandTimeout exporters.Duration `yaml:"command_timeout"`
}

// Validate fills in defaults and checks.
func (c *Config) Validate(string) error {
	if c.Customer == "" {
		return &exporters.ConfigError{Key: "customer", What: "missing", Cure: "write the customer's id as the inventory has it"}
	}
	if c.CustomerName == "" {
		c.CustomerName = c.Customer
	}
	if c.Machine == "" {
		name, err := os.Hostname()
		if err != nil {
			return &exporters.ConfigError{Key: "machine", What: "the machine does not tell its name: " + err.Error(), Cure: "write the name"}
		}
		c.Machine = name
	}
	if c.MachineClass == "" {
		c.MachineClass = exporters.Server
	}
	if err := (exporters.Intervals{c.MachineClass: exporters.Duration(time.Hour)}).Check("machine_class"); err != nil {
		return &exporters.ConfigError{Key: "machine_class", What: fmt.Sprintf("%q is no class", c.MachineClass), Cure: "known are server, nas, workstation, other"}
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
		return &exporters.ConfigError{Key: "lookback", What: "shorter than two days", Cure: "write for example 31d: a run must be seen whole"}
	}
	if c.CommandTimeout == 0 {
		c.CommandTimeout = exporters.Duration(time.Minute)
	}
	if c.CommandTimeout < exporters.Duration(time.Second) {
		return &exporters.ConfigError{Key: "command_timeout", What: "shorter than a second", Cure: "write for example 1m"}
	}
	return nil
}
