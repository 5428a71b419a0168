package veeamevents

import (
	"fmt"
	"os"
	"time"

	"vigie/exporters"
)

const (
	// Engine is the value of the label engine of the jobs.
	Engine = "veeam"
	// Key is the name of the product in the configuration.
	Key = "veeam_events"
)

// Config describes the event logs of Veeam on the machine the exporter runs on.
type Config struct {
	// Logs are the logs to read: backup is that of Veeam Backup & Replication,
	// agent that of Veeam Agent for Microsoft Windows.
	Logs []string `yaml:"logs"`
	// Customer is the id of the customer whose machine this is.
	Customer     string `yaml:"customer"`
	CustomerName string `yaml:"customer_name"`
	// Machine is the name to show for jobs of the agent; the machine's own
	// unless set.
	Machine string `yaml:"machine"`
	// MachineClass is that of the machine of the agent; other unless set.
	MachineClass exporters.Class `yaml:"machine_class"`
	// BackupRole is the role of these backups for their machines; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is the planned time between two runs by class: events
	// do not tell schedules.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// Lookback is how far events are read back at the start, and for how long
	// a job without any event is still shown; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// ForgetObjectsAfter is for how long a job goes on without one of its
	// machines before that no longer counts as protected by it; 7 days.
	ForgetObjectsAfter exporters.Duration `yaml:"forget_objects_after"`
	// CommandTimeout bounds each reading of a log; 1 minute.
	CommandTimeout exporters.Duration `yaml:"command_timeout"`
}

// Validate fills in defaults and checks.
func (c *Config) Validate(string) error {
	bad := func(key, what, cure string) error { return &exporters.ConfigError{Key: key, What: what, Cure: cure} }
	if len(c.Logs) == 0 {
		return bad("logs", "missing", "write [backup], [agent] or [backup, agent]")
	}
	seen := map[string]bool{}
	for _, l := range c.Logs {
		if l != "backup" && l != "agent" || seen[l] {
			return bad("logs", fmt.Sprintf("%q is unknown or stands twice", l), "known are backup, agent")
		}
		seen[l] = true
	}
	if c.Customer == "" {
		return bad("customer", "missing", "write the customer's id as the inventory has it")
	}
	if c.CustomerName == "" {
		c.CustomerName = c.Customer
	}
	if c.Machine == "" {
		name, err := os.Hostname()
		if err != nil {
			return bad("machine", "the machine does not tell its name: "+err.Error(), "write the name")
		}
		c.Machine = name
	}
	if c.MachineClass == "" {
		c.MachineClass = exporters.Other
	}
	if err := (exporters.Intervals{c.MachineClass: exporters.Duration(time.Hour)}).Check("machine_class"); err != nil {
		return bad("machine_class", fmt.Sprintf("%q is no class", c.MachineClass), "known are server, nas, workstation, other")
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
	for _, d := range []struct {
		key      string
		value    *exporters.Duration
		unset    time.Duration
		shortest time.Duration
	}{
		{"lookback", &c.Lookback, 31 * 24 * time.Hour, 48 * time.Hour},
		{"forget_objects_after", &c.ForgetObjectsAfter, 7 * 24 * time.Hour, time.Hour},
		{"command_timeout", &c.CommandTimeout, time.Minute, time.Second},
	} {
		if *d.value == 0 {
			*d.value = exporters.Duration(d.unset)
		}
		if *d.value < exporters.Duration(d.shortest) {
			return bad(d.key, "shorter than "+d.shortest.String(), "write for example "+d.unset.String())
		}
	}
	return nil
}
