package arcserve

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
	"vigie/internal/remote"
)

// Engine is the value of the label engine, and the product's name in the configuration.
const Engine = "arcserve"

// DefaultHistory is where an agent keeps its history unless it was installed elsewhere.
const DefaultHistory = `C:\Program Files\CA\Arcserve Unified Data Protection\BackupHistory`

// Config describes one Arcserve UDP console or one agent. Exactly one of
// Console, Agent and SOAP says how it is read.
type Config struct {
	// Customer is the id of the customer whose machines these are. A console
	// that serves several customers names them by plan, in Customers.
	Customer     string `yaml:"customer"`
	CustomerName string `yaml:"customer_name"`
	// Customers maps the UUID of a plan to a customer's id. Plans that are
	// not in it belong to Customer, or, where that is empty, to a customer
	// named after the plan.
	Customers map[string]string `yaml:"customers"`
	// BackupRole is the role of these backups for their machines; local.
	BackupRole exporters.Role `yaml:"backup_role"`
	// MachineClass is the class of the machines; server. machine_classes
	// beside the product's settings overrides it by name.
	MachineClass exporters.Class `yaml:"machine_class"`
	// ExpectedInterval is the planned time between two runs by class: none of
	// the three ways tells schedules.
	ExpectedInterval exporters.Intervals `yaml:"expected_interval"`
	// Timezone is that of local times without an offset; UTC.
	Timezone string `yaml:"timezone"`
	// BackupJobTypes are the numbers of the job types that are backups; 0 and 3.
	BackupJobTypes []int `yaml:"backup_job_types"`
	// JobStatuses gives status numbers the product's words for them. Only
	// 1: Finished is known; what stands here is added to it.
	JobStatuses map[int]string `yaml:"job_statuses"`

	Console *Console `yaml:"console_database"`
	Agent   *Agent   `yaml:"agent_history"`
	SOAP    *SOAP    `yaml:"soap"`

	location *time.Location
}

// Console is the SQL Server database of a console.
type Console struct {
	Server string `yaml:"server"`
	// Port is the server's TCP port. Without it the port of Instance is asked
	// from the SQL Server Browser service.
	Port     int    `yaml:"port"`
	Instance string `yaml:"instance"` // ARCSERVE_APP unless Port is given
	Database string `yaml:"database"` // arcserveUDP
	// User is a login of SQL Server, not of Windows.
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// Encrypt may be switched off for a server on this machine only; true.
	Encrypt *bool      `yaml:"encrypt"`
	TLS     remote.TLS `yaml:"tls"`
	// ConnectTimeout and QueryTimeout bound a connection and one reading; 15s and 1m.
	ConnectTimeout exporters.Duration `yaml:"connect_timeout"`
	QueryTimeout   exporters.Duration `yaml:"query_timeout"`
	// MaxRows bounds one reading; one that is longer fails; 200000.
	MaxRows int `yaml:"max_rows"`
	// Overlap is how far before the newest known job the next reading begins; 24h.
	Overlap exporters.Duration `yaml:"overlap"`
	// FullListingEvery is the time between two complete listings, after
	// which alone a job may vanish; 1h.
	FullListingEvery exporters.Duration `yaml:"full_listing_every"`
	// ForgetPlansAfter is for how long a node goes on under another plan
	// before the plan of before no longer counts for it; 31 days.
	ForgetPlansAfter exporters.Duration `yaml:"forget_plans_after"`

	password exporters.Secret
}

// Agent is the history folder of an agent on the machine the exporter runs on.
type Agent struct {
	Path string `yaml:"path"` // DefaultHistory
	// Machine is the name to show.
	Machine string `yaml:"machine"`
	// Lookback is how far back files are read; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	// TypeNames are the attributes or elements that tell the type of a job.
	TypeNames []string `yaml:"type_names"`
	// SkipTypes are parts of the types that are no backups; resync and verif.
	SkipTypes []string `yaml:"skip_types"`
	// EndName is the attribute or element that tells the end of a run. Without
	// it the end is when the file was last written.
	EndName string `yaml:"end_name"`
}

// SOAP is the web service of a console. Nothing public shows one of its answers.
type SOAP struct {
	// Experimental has to be true: it says that the reader knows.
	Experimental       bool `yaml:"experimental"`
	httpclient.Address `yaml:",inline"`
	// Namespace is the targetNamespace of the service's description.
	Namespace    string `yaml:"namespace"`
	Username     string `yaml:"username"`
	Domain       string `yaml:"domain"`
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// Parameters are the names of the three parameters that both calls have;
	// arg0, arg1, arg2.
	Parameters []string `yaml:"parameters"`
	// Nodes are the ids that the history is asked for, one call each; 1.
	Nodes []int `yaml:"nodes"`
	// Lookback is for how long a machine without any job is still shown; 31 days.
	Lookback exporters.Duration `yaml:"lookback"`
	MaxRows  int                `yaml:"max_rows"` // of one answer; 200000

	password exporters.Secret
}

func bad(key, what, cure string) error {
	return &exporters.ConfigError{Key: key, What: what, Cure: cure}
}

// below says of an error's key what it stands under.
func below(at string, err error) error {
	var ce *exporters.ConfigError
	if !errors.As(err, &ce) {
		return err
	}
	out := *ce
	out.Key = at + ce.Key
	return &out
}

// orDefault fills in a duration and checks that it is not shorter than least.
func orDefault(d *exporters.Duration, key string, value, least time.Duration) error {
	if *d == 0 {
		*d = exporters.Duration(value)
	}
	if *d < exporters.Duration(least) {
		return bad(key, fmt.Sprintf("shorter than %s", least), fmt.Sprintf("write for example %s", value))
	}
	return nil
}

// first gives the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Validate fills in defaults and checks. Dir is the folder to which relative
// file names refer.
func (c *Config) Validate(dir string) error {
	if err := first(c.checkCustomers(), c.checkJobs()); err != nil {
		return err
	}
	switch {
	case c.Console != nil && c.Agent == nil && c.SOAP == nil:
		return c.Console.validate(dir)
	case c.Agent != nil && c.Console == nil && c.SOAP == nil:
		return c.Agent.validate(dir)
	case c.SOAP != nil && c.Console == nil && c.Agent == nil:
		return c.SOAP.validate(dir)
	}
	return bad("console_database", "there has to be one way to read, and only one", "write one of console_database, agent_history, soap; a second way is a source of its own")
}

func (c *Config) checkCustomers() error {
	if c.Customer == "" && (c.Console == nil || len(c.Customers) == 0) {
		return bad("customer", "missing", "write the customer's id as the inventory has it")
	}
	if c.Console == nil && len(c.Customers) > 0 {
		return bad("customers", "plans are told apart in the console's database only", "write customer")
	}
	if c.CustomerName == "" {
		c.CustomerName = c.Customer
	}
	plans := make(map[string]string, len(c.Customers))
	for plan, customer := range c.Customers {
		if customer == "" {
			return bad("customers."+plan, "missing", "write the customer's id as the inventory has it")
		}
		plans[strings.ToLower(plan)] = customer
	}
	c.Customers = plans
	return nil
}

func (c *Config) checkJobs() error {
	if c.BackupRole == "" {
		c.BackupRole = exporters.Local
	}
	if c.MachineClass == "" {
		c.MachineClass = exporters.Server
	}
	if (exporters.Intervals{c.MachineClass: 1}).Check("machine_class") != nil {
		return bad("machine_class", fmt.Sprintf("%q is no class", c.MachineClass), "known are server, nas, workstation, other")
	}
	if len(c.BackupJobTypes) == 0 {
		c.BackupJobTypes = []int{typeBackup, typeVMBackup}
	}
	statuses := map[int]string{1: "Finished"}
	maps.Copy(statuses, c.JobStatuses)
	for _, n := range slices.Sorted(maps.Keys(statuses)) {
		if _, known := statusOf(statuses[n]); !known {
			return bad(fmt.Sprintf("job_statuses.%d", n), fmt.Sprintf("%q is no status", statuses[n]), "known are "+strings.Join(statusWords(), ", "))
		}
	}
	c.JobStatuses = statuses
	if c.Timezone == "" {
		c.Timezone = "UTC"
	}
	loc, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return bad("timezone", err.Error(), "write a name like Europe/Paris")
	}
	c.location = loc
	return first(exporters.CheckRole(c.BackupRole), c.ExpectedInterval.Check("expected_interval"))
}

func (d *Console) validate(dir string) error {
	const at = "console_database."
	if d.Server == "" {
		return bad(at+"server", "missing", "name the machine with the console's SQL Server")
	}
	if err := below(at, httpclient.ResolveTLS(&d.TLS, dir)); err != nil {
		return err
	}
	if strings.ContainsAny(d.Server, `\/:;,`) && net.ParseIP(d.Server) == nil {
		return bad(at+"server", "not the name or address of a machine alone", "write the instance and the port under keys of their own")
	}
	if d.Port < 0 || d.Port > 65535 {
		return bad(at+"port", fmt.Sprintf("%d is no port", d.Port), "write a number from 1 to 65535, or nothing")
	}
	if d.Port != 0 && d.Instance != "" {
		return bad(at+"instance", "given together with port", "keep one of them: the port already leads to the instance")
	}
	if d.Port == 0 && d.Instance == "" {
		d.Instance = "ARCSERVE_APP"
	}
	if d.Database == "" {
		d.Database = "arcserveUDP"
	}
	if d.User == "" {
		return bad(at+"user", "missing", "name a SQL Server login that may read the tables")
	}
	d.password = exporters.Secret{File: d.PasswordFile, Env: d.PasswordEnv}
	if err := d.password.Resolve(dir, at+"password"); err != nil {
		return err
	}
	if d.Encrypt == nil {
		d.Encrypt = new(bool)
		*d.Encrypt = true
	}
	if ip := net.ParseIP(d.Server); !*d.Encrypt && d.Server != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return bad(at+"encrypt", "without encryption the password would be readable on the network", "leave it true; false is for 127.0.0.1 and localhost")
	}
	if d.MaxRows == 0 {
		d.MaxRows = defaultMaxRows
	}
	if d.MaxRows < 0 {
		return bad(at+"max_rows", "less than zero", "write for example 200000")
	}
	return first(
		orDefault(&d.ConnectTimeout, at+"connect_timeout", 15*time.Second, time.Second),
		orDefault(&d.QueryTimeout, at+"query_timeout", time.Minute, time.Second),
		orDefault(&d.Overlap, at+"overlap", 24*time.Hour, time.Minute),
		orDefault(&d.FullListingEvery, at+"full_listing_every", time.Hour, time.Second),
		orDefault(&d.ForgetPlansAfter, at+"forget_plans_after", 31*24*time.Hour, 24*time.Hour))
}

func (a *Agent) validate(dir string) error {
	const at = "agent_history."
	if a.Path = exporters.InDir(dir, a.Path); a.Path == "" {
		a.Path = DefaultHistory
	}
	if a.Machine == "" {
		return bad(at+"machine", "missing", "write the machine's name as the inventory has it")
	}
	if len(a.TypeNames) == 0 {
		a.TypeNames = []string{"JobType", "BackupType", "BackupMethod", "JobMethod", "Type"}
	}
	if len(a.SkipTypes) == 0 {
		a.SkipTypes = []string{"resync", "verif"}
	}
	if slices.Contains(a.SkipTypes, "") || slices.Contains(a.TypeNames, "") {
		return bad(at+"skip_types", "an empty word", "remove it: it would be in every type")
	}
	return orDefault(&a.Lookback, at+"lookback", 31*24*time.Hour, 48*time.Hour)
}

func (s *SOAP) validate(dir string) error {
	const at = "soap."
	if !s.Experimental {
		return bad(at+"experimental", "the web service of Arcserve UDP is read by guesses that no published answer confirms",
			"write experimental: true to read it all the same, or better read the console's database by console_database")
	}
	if err := below(at, s.Address.Validate(dir, "https://udp.dupont.example:8015")); err != nil {
		return err
	}
	if s.Namespace == "" || strings.ContainsAny(s.Namespace, "\"<>& ") {
		return bad(at+"namespace", "missing, or no namespace", "copy the targetNamespace from "+s.URL.JoinPath(servicePath).String()+"?wsdl")
	}
	if s.Username == "" {
		return bad(at+"username", "missing", "name an account of the console with a read-only role")
	}
	s.password = exporters.Secret{File: s.PasswordFile, Env: s.PasswordEnv}
	if err := s.password.Resolve(dir, at+"password"); err != nil {
		return err
	}
	if len(s.Parameters) == 0 {
		s.Parameters = []string{"arg0", "arg1", "arg2"}
	}
	if len(s.Parameters) != 3 || slices.ContainsFunc(s.Parameters, func(p string) bool { return !plainName(p) }) {
		return bad(at+"parameters", "not the names of three parameters", "copy them from the service's description")
	}
	if len(s.Nodes) == 0 {
		s.Nodes = []int{1}
	}
	if s.MaxRows == 0 {
		s.MaxRows = defaultMaxRows
	}
	if s.MaxRows < 0 {
		return bad(at+"max_rows", "less than zero", "write for example 200000")
	}
	return orDefault(&s.Lookback, at+"lookback", 31*24*time.Hour, 48*time.Hour)
}

// plainName tells whether a text may be the name of an element.
func plainName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
