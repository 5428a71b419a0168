package exporters

import (
	"fmt"
	"os"
	"time"
)

// Login is an account of a product. Sources inline it.
type Login struct {
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`

	password Secret
}

// Validate checks. Role says which account to name.
func (l *Login) Validate(dir, role string) error {
	if l.Username == "" {
		return &ConfigError{Key: "username", What: "missing", Cure: "name an account with the role " + role}
	}
	l.password = Secret{File: l.PasswordFile, Env: l.PasswordEnv}
	return l.password.Resolve(dir, "password")
}

// Password reads the password anew.
func (l *Login) Password() (string, error) {
	v, err := l.password.Read()
	if err != nil {
		return "", &SourceError{Endpoint: "password", Reason: ReasonAuth, Err: err}
	}
	return v, nil
}

// Owner is the one customer whose product a source reads. Sources inline it.
type Owner struct {
	Customer     string `yaml:"customer"`
	CustomerName string `yaml:"customer_name"` // as people call it; Customer unless set
}

// Validate fills in the name and checks.
func (o *Owner) Validate() error {
	if o.Customer == "" {
		return &ConfigError{Key: "customer", What: "missing", Cure: "write the customer's id as the inventory has it"}
	}
	if o.CustomerName == "" {
		o.CustomerName = o.Customer
	}
	return nil
}

// Planning is what jobs are given where their product does not tell. Sources
// inline it.
type Planning struct {
	// BackupRole is the role of these backups for their machines.
	BackupRole Role `yaml:"backup_role"`
	// ExpectedInterval is the planned time between two runs by class.
	ExpectedInterval Intervals `yaml:"expected_interval"`
}

// Validate fills in the role and checks.
func (p *Planning) Validate(role Role) error {
	if p.BackupRole == "" {
		p.BackupRole = role
	}
	if err := CheckRole(p.BackupRole); err != nil {
		return err
	}
	return p.ExpectedInterval.Check("expected_interval")
}

// Host is the machine that the exporter runs on. Sources inline it.
type Host struct {
	Machine      string `yaml:"machine"` // the name to show; the machine's own unless set
	MachineClass Class  `yaml:"machine_class"`
}

// Validate fills in name and class and checks.
func (h *Host) Validate(class Class) error {
	if h.Machine == "" {
		name, err := os.Hostname()
		if err != nil {
			return &ConfigError{Key: "machine", What: "the machine does not tell its name: " + err.Error(), Cure: "write the name"}
		}
		h.Machine = name
	}
	if h.MachineClass == "" {
		h.MachineClass = class
	}
	if (Intervals{h.MachineClass: 1}).Check("") != nil {
		return &ConfigError{Key: "machine_class", What: fmt.Sprintf("%q is no class", h.MachineClass), Cure: "known are server, nas, workstation, other"}
	}
	return nil
}

// Bounded is one setting with its default and what it may be.
type Bounded[T int | Duration] struct {
	Key                       string
	Value                     *T
	Unset, Smallest, Greatest T // Greatest 0: no limit
}

// Validate fills in the default and checks.
func (b Bounded[T]) Validate() error {
	if *b.Value == 0 {
		*b.Value = b.Unset
	}
	if *b.Value < b.Smallest || b.Greatest > 0 && *b.Value > b.Greatest {
		return &ConfigError{Key: b.Key, What: fmt.Sprintf("%v is out of range", show(*b.Value)), Cure: fmt.Sprintf("write for example %v, at least %v", show(b.Unset), show(b.Smallest))}
	}
	return nil
}

func show[T int | Duration](v T) any {
	if d, ok := any(v).(Duration); ok {
		return time.Duration(d)
	}
	return v
}

// Zone finds a time zone by its name; UTC if there is none.
func Zone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, &ConfigError{Key: "timezone", What: fmt.Sprintf("%q is not known", name), Cure: "write for example Europe/Paris"}
	}
	return loc, nil
}

// FirstError gives the first of several checks that failed.
func FirstError(checks ...error) error {
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}
