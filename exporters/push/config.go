package push

import (
	"fmt"
	"strings"

	"vigie/exporters"
)

// Engine is the label engine of the source itself; each job has its own.
const Engine = "push"

// minToken is the shortest token accepted, in bytes; openssl rand -hex 32 gives 64.
const minToken = 20

// Config says who may report what.
type Config struct {
	// Folder keeps what was received, relative to the configuration file.
	Folder string `yaml:"folder"`
	// Customers are those who may report, by the id the inventory uses.
	Customers map[string]*Customer `yaml:"customers"`
	// BackupRole is that of results that do not tell; primary.
	BackupRole exporters.Role `yaml:"backup_role"`
	// ExpectedInterval is used, by class, where a result does not tell.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	Limits           Limits              `yaml:"limits"`
}

// Customer is one who may report.
type Customer struct {
	// Name is shown to people; default the id.
	Name string `yaml:"name"`
	// TokenFile holds one token a line, so that a new one can be brought in
	// before the old one goes. It is read anew.
	TokenFile string `yaml:"token_file"`

	secret exporters.Secret
}

// Limits bound what one customer can do.
type Limits struct {
	BodyBytes         int64 `yaml:"body_bytes"`          // of one request; 1 MiB
	Results           int   `yaml:"results"`             // in one request; 500
	RequestsPerMinute int   `yaml:"requests_per_minute"` // 120
	Jobs              int   `yaml:"jobs"`                // 2000
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	if c.Folder == "" {
		return &exporters.ConfigError{Key: "folder", What: "missing", Cure: "name a folder that the exporter may write to, for example /var/lib/backup_exporter/push"}
	}
	c.Folder = exporters.InDir(dir, c.Folder)
	if len(c.Customers) == 0 {
		return &exporters.ConfigError{Key: "customers", What: "nobody may report", Cure: "list at least one customer with a token_file"}
	}
	if c.BackupRole == "" {
		c.BackupRole = exporters.Primary
	}
	if err := exporters.CheckRole(c.BackupRole); err != nil {
		return err
	}
	if err := c.ExpectedInterval.Check("expected_interval"); err != nil {
		return err
	}
	if err := c.Limits.validate(); err != nil {
		return err
	}
	return c.checkTokens(dir)
}

func (c *Config) checkTokens(dir string) error {
	owner := map[string]string{}
	for id, cu := range c.Customers {
		key := "customers." + id
		if cu == nil || id == "" || id != exporters.CleanName(id) {
			return &exporters.ConfigError{Key: key, What: "not a customer", Cure: "write the id the inventory uses, and token_file below it"}
		}
		if cu.Name == "" {
			cu.Name = id
		}
		cu.secret = exporters.Secret{File: cu.TokenFile}
		if cu.TokenFile == "" {
			return &exporters.ConfigError{Key: key + ".token_file", What: "missing", Cure: "make one with: openssl rand -hex 32"}
		}
		if err := cu.secret.Resolve(dir, key+".token"); err != nil {
			return err
		}
		tokens, err := ReadTokens(cu.secret)
		if err != nil {
			return &exporters.ConfigError{Key: key + ".token_file", What: err.Error(), Cure: "make one with: openssl rand -hex 32"}
		}
		for _, t := range tokens {
			if other, ok := owner[t]; ok && other != id {
				return &exporters.ConfigError{Key: key + ".token_file", What: "the same token as that of " + other, Cure: "give each customer one of its own"}
			}
			owner[t] = id
		}
	}
	return nil
}

// ReadTokens reads a file with one token a line.
func ReadTokens(s exporters.Secret) ([]string, error) {
	text, err := s.Read()
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case len(line) < minToken:
			return nil, fmt.Errorf("a token shorter than %d characters", minToken)
		default:
			out = append(out, line)
		}
	}
	if len(out) == 0 || len(out) > 8 {
		return nil, fmt.Errorf("%d tokens, from 1 to 8 are possible", len(out))
	}
	return out, nil
}

func (l *Limits) validate() error {
	for _, f := range []struct {
		key             string
		value           *int
		otherwise, most int
	}{
		{"results", &l.Results, 500, 10000},
		{"requests_per_minute", &l.RequestsPerMinute, 120, 60000},
		{"jobs", &l.Jobs, 2000, 100000},
	} {
		if *f.value == 0 {
			*f.value = f.otherwise
		}
		if *f.value < 1 || *f.value > f.most {
			return &exporters.ConfigError{Key: "limits." + f.key, What: fmt.Sprintf("%d is out of range", *f.value), Cure: fmt.Sprintf("write a number from 1 to %d", f.most)}
		}
	}
	if l.BodyBytes == 0 {
		l.BodyBytes = 1 << 20
	}
	if l.BodyBytes < 1<<10 || l.BodyBytes > 64<<20 {
		return &exporters.ConfigError{Key: "limits.body_bytes", What: fmt.Sprintf("%d is out of range", l.BodyBytes), Cure: "write a number from 1024 to 67108864"}
	}
	return nil
}
