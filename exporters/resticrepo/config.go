package resticrepo

import (
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

const (
	// Engine is the value of the label engine of the jobs.
	Engine = "restic"
	// Key is the name of the product in the configuration.
	Key = "restic_repository"
)

// Config describes one repository.
type Config struct {
	// Binary is the program; restic, looked for in PATH.
	Binary string `yaml:"binary"`
	// Repository is where it lies. One whose address holds a password goes
	// into the file that RepositoryFile names.
	Repository     string `yaml:"repository"`
	RepositoryFile string `yaml:"repository_file"`
	PasswordFile   string `yaml:"password_file"`
	// EnvironmentFiles hold lines KEY=VALUE for the storage, such as
	// AWS_SECRET_ACCESS_KEY.
	EnvironmentFiles []string `yaml:"environment_files"`
	// CacheDir is a folder for restic's cache; none unless set.
	CacheDir string `yaml:"cache_dir"`
	// GroupBy says which snapshots belong to one job: host, and perhaps tags
	// and paths. Of the host alone further sets of paths that are saved by turns
	// have a job each.
	GroupBy []string `yaml:"group_by"`
	// SnapshotIsSuccess takes each snapshot for a complete backup, which
	// restic does not say.
	SnapshotIsSuccess bool `yaml:"snapshot_is_success"`
	// SuccessTag is what a wrapper puts on a snapshot after restic ended with 0.
	SuccessTag string `yaml:"success_tag"`
	// TagWithin is how long the wrapper may take for that; 1 hour.
	TagWithin exporters.Duration `yaml:"tag_within"`
	// Ignore leaves out the jobs whose job_id matches one of these patterns,
	// as in path.Match.
	Ignore []string `yaml:"ignore"`
	// Customer is the id of the customer whose machines these are.
	Customer     string `yaml:"customer"`
	CustomerName string `yaml:"customer_name"`
	// MachineClass is that of the machines; server unless set.
	MachineClass exporters.Class `yaml:"machine_class"`
	// BackupRole is the role of these backups for their machines; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is the planned time between two runs by class.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// ForgetAfter is for how long a job is still shown after its last known
	// run when all its snapshots are gone; 31 days.
	ForgetAfter exporters.Duration `yaml:"forget_after"`
	// CommandTimeout bounds each call of restic; 1 minute.
	CommandTimeout exporters.Duration `yaml:"command_timeout"`

	program string
	byTurns bool // GroupBy was the host alone
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	bad := func(key, what, cure string) error { return &exporters.ConfigError{Key: key, What: what, Cure: cure} }
	if c.Binary == "" {
		c.Binary = "restic"
	}
	if strings.ContainsAny(c.Binary, `/\`) {
		c.Binary = exporters.InDir(dir, c.Binary)
	}
	program, err := exec.LookPath(c.Binary)
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return bad("binary", err.Error(), "write the full path of restic")
	}
	c.program = program
	if err := c.checkRepository(dir); err != nil {
		return err
	}
	password := exporters.Secret{File: c.PasswordFile}
	if err := password.Resolve(dir, "password"); err != nil {
		return err
	}
	c.PasswordFile = password.File
	for i, f := range c.EnvironmentFiles {
		c.EnvironmentFiles[i] = exporters.InDir(dir, f)
	}
	if _, err := readEnvironment(c.EnvironmentFiles); err != nil {
		return bad("environment_files", err.Error(), "write lines such as AWS_ACCESS_KEY_ID=...")
	}
	c.CacheDir = exporters.InDir(dir, c.CacheDir)
	if len(c.GroupBy) == 0 {
		c.GroupBy = []string{"host"}
	}
	for i, g := range c.GroupBy {
		if g != "host" && g != "tags" && g != "paths" || slices.Contains(c.GroupBy[:i], g) {
			return bad("group_by", fmt.Sprintf("%q is unknown or stands twice", g), "known are host, tags, paths")
		}
	}
	if !slices.Contains(c.GroupBy, "host") {
		return bad("group_by", "without host", "a job belongs to a machine: write [host], or [host, tags]")
	}
	if len(c.GroupBy) == 1 {
		c.GroupBy, c.byTurns = []string{"host", "paths"}, true
	}
	if c.SnapshotIsSuccess && c.SuccessTag != "" {
		return bad("success_tag", "given together with snapshot_is_success", "keep one of them")
	}
	if strings.ContainsAny(c.SuccessTag, ", ") {
		return bad("success_tag", "not one tag", "write a word without comma or blank")
	}
	for _, p := range c.Ignore {
		if _, err := path.Match(p, ""); err != nil {
			return bad("ignore", p+" is no pattern", "write for example old-*")
		}
	}
	return c.checkJobs()
}

// backend is how an address begins that is none of a local folder; one letter is a
// drive of Windows.
var backend = regexp.MustCompile(`^[a-z0-9]{2,}$`)

func (c *Config) checkRepository(dir string) error {
	bad := func(key, what, cure string) error { return &exporters.ConfigError{Key: key, What: what, Cure: cure} }
	switch {
	case c.Repository == "" && c.RepositoryFile == "":
		return bad("repository", "missing", "write where the repository lies, or name a file that holds it in repository_file")
	case c.Repository != "" && c.RepositoryFile != "":
		return bad("repository", "given together with repository_file", "keep one of them")
	case c.RepositoryFile != "":
		s := exporters.Secret{File: c.RepositoryFile}
		if err := s.Resolve(dir, "repository"); err != nil {
			return err
		}
		c.RepositoryFile = s.File
		return nil
	}
	// rest:https://user:password@host/ and the like
	kind, address, named := strings.Cut(c.Repository, ":")
	switch {
	case kind == "local":
		c.Repository = "local:" + exporters.InDir(dir, address)
	case !named || !backend.MatchString(kind):
		c.Repository = exporters.InDir(dir, c.Repository)
	}
	for _, text := range []string{c.Repository, address} {
		if u, err := url.Parse(text); err == nil && u.User != nil {
			if _, has := u.User.Password(); has {
				return bad("repository", "the address holds a password", "put the address into a file and name it in repository_file")
			}
		}
	}
	return nil
}

func (c *Config) checkJobs() error {
	bad := func(key, what, cure string) error { return &exporters.ConfigError{Key: key, What: what, Cure: cure} }
	if c.Customer == "" {
		return bad("customer", "missing", "write the customer's id as the inventory has it")
	}
	if c.CustomerName == "" {
		c.CustomerName = c.Customer
	}
	if c.MachineClass == "" {
		c.MachineClass = exporters.Server
	}
	if (exporters.Intervals{c.MachineClass: exporters.Duration(time.Hour)}).Check("machine_class") != nil {
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
		key             string
		value           *exporters.Duration
		unset, shortest time.Duration
	}{{"tag_within", &c.TagWithin, time.Hour, time.Second}, {"forget_after", &c.ForgetAfter, 31 * 24 * time.Hour, 24 * time.Hour}, {"command_timeout", &c.CommandTimeout, time.Minute, time.Second}} {
		if *d.value == 0 {
			*d.value = exporters.Duration(d.unset)
		}
		if *d.value < exporters.Duration(d.shortest) {
			return bad(d.key, "shorter than "+d.shortest.String(), "write for example "+d.unset.String())
		}
	}
	return nil
}

func (c *Config) ignored(id string) bool {
	for _, p := range c.Ignore {
		if ok, err := path.Match(p, id); err == nil && ok {
			return true
		}
	}
	return false
}

var errReserved = errors.New("the repository and its password have keys of their own")
