package proxmoxbackup

import (
	"path"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

// Engine is the value of the label engine and the product's name in the
// configuration.
const Engine = "proxmox_backup_server"

// Config describes one Proxmox Backup Server.
type Config struct {
	httpclient.Address `yaml:",inline"`
	// Owner is the customer whose backups these are, as far as Customers does
	// not tell another.
	exporters.Owner    `yaml:",inline"`
	exporters.Planning `yaml:",inline"` // local; the schedules lie with Proxmox VE
	// TokenID names an API token, for example vigie@pbs!exporter.
	TokenID    string `yaml:"token_id"`
	SecretFile string `yaml:"secret_file"`
	SecretEnv  string `yaml:"secret_env"`
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
	// ForgetGroupsAfter is for how long a group is still shown after its last
	// known run when all its snapshots are gone; 31 days.
	ForgetGroupsAfter exporters.Duration `yaml:"forget_groups_after"`
	// Tasks also reads the server's tasks, which alone tell failures; true.
	Tasks *bool `yaml:"tasks"`
	// Jobs also reads the server's own jobs: verify, sync, prune, garbage collection;
	// true.
	Jobs *bool `yaml:"jobs"`
	// Machine is the server's name, whose jobs those are; the host of URL unless set.
	Machine string `yaml:"machine"`
	// TaskLookback is how far tasks are read back at each refresh; 3 days.
	TaskLookback exporters.Duration `yaml:"task_lookback"`

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
	if err := c.Address.Validate(dir, "https://pbs.dupont.example:8007"); err != nil {
		return err
	}
	user, token, _ := strings.Cut(c.TokenID, "!")
	if !strings.Contains(user, "@") || token == "" || strings.ContainsAny(c.TokenID, ": \r\n") {
		return bad("token_id", "not an API token", "write user, realm and token, for example vigie@pbs!exporter")
	}
	c.secret = exporters.Secret{File: c.SecretFile, Env: c.SecretEnv}
	if err := exporters.FirstError(c.secret.Resolve(dir, "secret"), c.Owner.Validate()); err != nil {
		return err
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
	yes := true
	if c.Tasks == nil {
		c.Tasks = &yes
	}
	if c.Jobs == nil {
		c.Jobs = &yes
	}
	if c.Machine == "" {
		c.Machine = c.URL.Hostname()
	}
	const day = exporters.Duration(24 * time.Hour)
	return exporters.FirstError(
		c.Planning.Validate(exporters.Local),
		exporters.Bounded[exporters.Duration]{Key: "forget_groups_after", Value: &c.ForgetGroupsAfter, Unset: 31 * day, Smallest: day}.Validate(),
		exporters.Bounded[exporters.Duration]{Key: "task_lookback", Value: &c.TaskLookback, Unset: 3 * day, Smallest: day / 24}.Validate(),
	)
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
