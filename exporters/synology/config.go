package synology

import (
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

// Engine is the value of the label engine and the product's name in the
// configuration.
const Engine = "synology"

// Config describes one NAS.
type Config struct {
	httpclient.Address `yaml:",inline"` // of DSM
	exporters.Owner    `yaml:",inline"`
	// Account signs in without a second factor.
	Account      string `yaml:"account"`
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// HyperBackup and ActiveBackup name the packages to read; one that is
	// named and does not answer fails the refresh.
	HyperBackup  *HyperBackup  `yaml:"hyper_backup"`
	ActiveBackup *ActiveBackup `yaml:"active_backup"`
	// ExpectedInterval is the planned time between two runs by class.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`

	password exporters.Secret
}

// HyperBackup says how the NAS's own backups are read.
type HyperBackup struct {
	// Machine is the name of the NAS.
	Machine string `yaml:"machine"`
	// Timezone is that of the NAS, which writes its wall clock without one.
	Timezone string `yaml:"timezone"`
	// BackupRole is the role of these backups for the NAS; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// Targets also asks whether each destination can be reached, which makes
	// the NAS try.
	Targets bool `yaml:"targets"`

	zone *time.Location
}

// ActiveBackup says how the backups of other machines onto the NAS are read.
type ActiveBackup struct {
	// BackupRole is the role of these backups for their machines; local.
	BackupRole exporters.Role `yaml:"backup_role"`
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	bad := func(key, what, cure string) error { return &exporters.ConfigError{Key: key, What: what, Cure: cure} }
	if err := c.Address.Validate(dir, "https://nas.dupont.example:5001"); err != nil {
		return err
	}
	if c.Account == "" {
		return bad("account", "missing", "name an account of the NAS")
	}
	c.password = exporters.Secret{File: c.PasswordFile, Env: c.PasswordEnv}
	if err := exporters.FirstError(c.password.Resolve(dir, "password"), c.Owner.Validate()); err != nil {
		return err
	}
	if c.HyperBackup == nil && c.ActiveBackup == nil {
		return bad("hyper_backup", "missing, as is active_backup", "add the ones that the NAS has, for example active_backup: {}")
	}
	if h := c.HyperBackup; h != nil {
		if h.Machine == "" {
			return bad("hyper_backup.machine", "missing", "write the name of the NAS as the inventory has it")
		}
		zone, err := time.LoadLocation(h.Timezone)
		if err != nil || h.Timezone == "" {
			return bad("hyper_backup.timezone", "missing or unknown", "write the zone set on the NAS, for example Europe/Paris")
		}
		h.zone = zone
		if err := role(&h.BackupRole, "hyper_backup."); err != nil {
			return err
		}
	}
	if a := c.ActiveBackup; a != nil {
		if err := role(&a.BackupRole, "active_backup."); err != nil {
			return err
		}
	}
	return c.ExpectedInterval.Check("expected_interval")
}

func role(r *exporters.Role, below string) error {
	if *r == "" {
		*r = exporters.Local
	}
	if exporters.CheckRole(*r) != nil {
		return &exporters.ConfigError{Key: below + "backup_role", What: "no role", Cure: "known are primary, local"}
	}
	return nil
}
