package proxmoxbackup

import (
	"path"
	"strings"
	"time"

	"vigie/exporters"
)

// Engine is the value of the label engine and the product's name in the
// configuration.
const Engine = "proxmox_backup_server"

// Config describes one Proxmox Backup Server.
type Config struct {
	// URL is the server, for example https://pbs.dupont.example:8007.
	URL exporters.URL `yaml:"url"`
	// TokenID names an API token, for example vigie@pbs!exporter.
	TokenID    string `yaml:"token_id"`
	SecretFile string `yaml:"secret_file"`
	SecretEnv  string `yaml:"secret_env"`
	// Customer is the id of the customer whose backups these are, as far as
	// Customers does not tell another.
	Customer     string `yaml:"customer"`
	CustomerName string `yaml:"customer_name"`
	// Customers names them by datastore, or datastore/namespace, which holds
	// for the namespaces below too; the longest wins.
	Customers map[string]Customer `yaml:"customers"`
	// Datastores are those to read; all that the token sees unless set. One
	// that is set and not seen fails the refresh.
	Datastores []string `yaml:"datastores"`
	// Ignore leaves out the groups whose job_id matches one of these patterns,
	// as in path.Match.
	Ignore []string `yaml:"ignore"`
	// MachineFrom is comment, which Proxmox VE fills with the guest's name, or
	// id; comment unless set.
	MachineFrom string `yaml:"machine_from"`
	// BackupRole is the role of these backups for their machines; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is the planned time between two runs by class: the
	// schedules lie with Proxmox VE.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// ForgetGroupsAfter is for how long a group is still shown after its last
	// known run when all its snapshots are gone; 31 days.
	ForgetGroupsAfter exporters.Duration `yaml:"forget_groups_after"`
	// Tasks also reads the server's tasks, which alone tell failures; true.
	Tasks *bool `yaml:"tasks"`
	// TaskLookback is how far tasks are read back at each refresh; 3 days.
	TaskLookback      exporters.Duration  `yaml:"task_lookback"`
	RequestsPerSecond float64             `yaml:"requests_per_second"`
	TLS               exporters.TLSConfig `yaml:"tls"`

	secret exporters.Secret
}

// Customer is whose backups a datastore or namespace holds.
type Customer struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	bad := func(key, what, cure string) error { return &exporters.ConfigError{Key: key, What: what, Cure: cure} }
	if c.URL.URL == nil {
		return bad("url", "missing", "name the server, for example https://pbs.dupont.example:8007")
	}
	user, token, _ := strings.Cut(c.TokenID, "!")
	if !strings.Contains(user, "@") || token == "" || strings.ContainsAny(c.TokenID, ": \r\n") {
		return bad("token_id", "not an API token", "write user, realm and token, for example vigie@pbs!exporter")
	}
	c.secret = exporters.Secret{File: c.SecretFile, Env: c.SecretEnv}
	if err := c.secret.Resolve(dir, "secret"); err != nil {
		return err
	}
	if c.Customer == "" {
		return bad("customer", "missing", "write the customer's id as the inventory has it")
	}
	if c.CustomerName == "" {
		c.CustomerName = c.Customer
	}
	for key, customer := range c.Customers {
		if customer.ID == "" || key == "" || strings.Trim(key, "/") != key {
			return bad("customers."+key, "no customer", "write for example main/dupont: {id: dupont, name: Dupont SA}")
		}
	}
	for _, p := range c.Ignore {
		if _, err := path.Match(p, ""); err != nil {
			return bad("ignore", p+" is no pattern", "write for example main/vm/9*")
		}
	}
	switch c.MachineFrom {
	case "":
		c.MachineFrom = "comment"
	case "comment", "id":
	default:
		return bad("machine_from", "unknown", "known are comment, id")
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
	if c.Tasks == nil {
		yes := true
		c.Tasks = &yes
	}
	for _, d := range []struct {
		key             string
		value           *exporters.Duration
		unset, shortest time.Duration
	}{{"forget_groups_after", &c.ForgetGroupsAfter, 31 * 24 * time.Hour, 24 * time.Hour}, {"task_lookback", &c.TaskLookback, 3 * 24 * time.Hour, time.Hour}} {
		if *d.value == 0 {
			*d.value = exporters.Duration(d.unset)
		}
		if *d.value < exporters.Duration(d.shortest) {
			return bad(d.key, "shorter than "+d.shortest.String(), "write for example "+d.unset.String())
		}
	}
	if c.RequestsPerSecond < 0 {
		return bad("requests_per_second", "less than zero", "write for example 10")
	}
	return nil
}

// customer finds whose group it is.
func (c *Config) customer(store, ns string) (id, name string) {
	at := store
	if ns != "" {
		at += "/" + ns
	}
	for {
		if found, ok := c.Customers[at]; ok {
			if found.Name == "" {
				return found.ID, found.ID
			}
			return found.ID, found.Name
		}
		cut := strings.LastIndexByte(at, '/')
		if cut < 0 {
			return c.Customer, c.CustomerName
		}
		at = at[:cut]
	}
}

func (c *Config) ignored(id string) bool {
	for _, p := range c.Ignore {
		if ok, err := path.Match(p, id); err == nil && ok {
			return true
		}
	}
	return false
}
