// Package acronissim is a simulated Acronis data centre: an HTTP handler with
// the services' wire shapes, and a Go interface to steer what happens in it.
// It was written from the services' documentation and published records, not
// from the client that reads it.
package acronissim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/exporters/misbehave"
)

// Class says what kind of machine to simulate.
type Class string

// The classes of simulated machines.
const (
	Server      Class = "server"
	NAS         Class = "nas"
	Workstation Class = "workstation"
	VM          Class = "vm"
	Mailbox     Class = "mailbox"
	// Drive is a cloud drive whose backups are known by their tasks only.
	Drive Class = "drive"
)

// Options configure a simulator.
type Options struct {
	Now          func() time.Time // required
	ClientID     string           // default "sim-client"
	ClientSecret string           // default "sim-secret"
	// PageSize caps the items of a page, whatever limit is asked for; 3.
	PageSize int
	// TokenLife is 2 h unless set.
	TokenLife time.Duration
	// LongSpelling writes last_run_time instead of last_run, as the
	// specification says and the documentation's pages do not.
	LongSpelling bool
	// RefuseFilters answers 400 to queries for what changed, as a data centre
	// of another version might.
	RefuseFilters bool
	// StillStamps leaves a resource's updated_at alone when its backups run:
	// what moves it is not documented.
	StillStamps bool
}

// Sim is one data centre. It is safe for concurrent use.
//
// Its endpoints, for orders and counts: token, client, tenants, usages,
// pricing, resource_statuses, policies, applications, tasks, alerts, agents;
// refused is whatever would change something.
type Sim struct {
	misbehave.Controls
	o Options

	mu       sync.Mutex
	tokens   map[string]time.Time
	serial   int
	root     *tenant
	tenants  []*tenant
	plans    []*plan
	machines []*machine
	tasks    []*task // by completion
	alerts   []*alert
	byID     map[string]any // *tenant, *plan and *machine
}

type tenant struct {
	uuid, name, kind string
	number           int
	parent           *tenant
	enabled          bool
	hidden           bool // a self-service customer
	updated, deleted time.Time
	trialEnd         time.Time
	usages           []Usage
}

// Usage is how much of one item a tenant uses.
type Usage struct {
	Name, Edition, Infra string
	Unit                 string // bytes, quantity or n/a
	Value                float64
	Quota                *float64 // nil: unlimited
	Off                  bool     // not offered to the tenant
}

func (t *tenant) locator() string {
	if t.parent == nil {
		return fmt.Sprintf("/%d/", t.number)
	}
	return fmt.Sprintf("%s%d/", t.parent.locator(), t.number)
}

type plan struct {
	unscheduled        bool // nothing starts by itself
	id, backupID, name string
	tenant             *tenant
	weekdays           []string
	hour, minute       int
	enabled            bool
}

type machine struct {
	id, agentID, name string
	class             Class
	tenant            *tenant
	online            bool
	registered        time.Time
	updated           time.Time
	protections       []*protection
	alerts            []*alert // not dismissed
	host              *machine // whose agent saves it; nil: its own
}

// protection is one plan on one machine.
type protection struct {
	plan                 *plan
	applied              time.Time
	lastRun, lastSuccess time.Time
	runningSince         time.Time
	status               string
	off                  bool
}

type task struct {
	uuid      string
	number    int64
	machine   *machine
	plan      *plan
	started   time.Time
	completed time.Time
	code      string
	errorText string
	applyOnly bool
}

type alert struct {
	id, kind           string
	machine            *machine
	plan               *plan
	text               string
	started, finished  time.Time
	created, dismissed time.Time
}

// New builds an empty data centre: a partner tenant without customers.
func New(o Options) *Sim {
	if o.ClientID == "" {
		o.ClientID = "sim-client"
	}
	if o.ClientSecret == "" {
		o.ClientSecret = "sim-secret"
	}
	if o.PageSize == 0 {
		o.PageSize = 3
	}
	if o.TokenLife == 0 {
		o.TokenLife = 2 * time.Hour
	}
	s := &Sim{o: o, tokens: map[string]time.Time{}, byID: map[string]any{}}
	s.root = s.newTenant("MSP", "partner", nil)
	return s
}

func (s *Sim) next() int { s.serial++; return s.serial }

// uuid is made of the serial number: runs of a test give the same ids.
func (s *Sim) uuid(kind byte) string {
	return misbehave.UUID(kind, s.next())
}

func (s *Sim) newTenant(name, kind string, parent *tenant) *tenant {
	t := &tenant{uuid: s.uuid(0x1e), name: name, kind: kind, number: 100 + s.next(), parent: parent, enabled: true, updated: s.o.Now()}
	s.tenants = append(s.tenants, t)
	s.byID[t.uuid] = t
	return t
}

// AddCustomer adds a customer tenant and gives its UUID.
func (s *Sim) AddCustomer(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newTenant(name, "customer", s.root).uuid
}

// AddUnit adds a unit below a customer and gives its UUID.
func (s *Sim) AddUnit(parent, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newTenant(name, "unit", s.findTenant(parent)).uuid
}

// RenameTenant changes a tenant's name.
func (s *Sim) RenameTenant(uuid, name string) { s.change(uuid, func(t *tenant) { t.name = name }) }

// SetTenantEnabled switches a tenant on or off.
func (s *Sim) SetTenantEnabled(uuid string, on bool) {
	s.change(uuid, func(t *tenant) { t.enabled = on })
}

// HideTenant makes a tenant one that serves itself: what is below it is
// refused to the tenant above.
func (s *Sim) HideTenant(uuid string) { s.change(uuid, func(t *tenant) { t.hidden = true }) }

// DeleteTenant deletes a tenant with its machines.
func (s *Sim) DeleteTenant(uuid string) {
	s.change(uuid, func(t *tenant) {
		t.deleted = s.o.Now()
		for _, m := range slices.Clone(s.machines) {
			if m.tenant == t {
				s.remove(m)
			}
		}
	})
}

// SetTrial puts a tenant on trial until end; the zero time ends the trial.
func (s *Sim) SetTrial(uuid string, end time.Time) {
	s.change(uuid, func(t *tenant) { t.trialEnd = end })
}

// SetUsages replaces what a tenant uses.
func (s *Sim) SetUsages(uuid string, usages ...Usage) {
	s.change(uuid, func(t *tenant) { t.usages = usages })
}

func (s *Sim) change(uuid string, what func(*tenant)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.findTenant(uuid)
	what(t)
	t.updated = s.o.Now()
}

// Plan describes a protection plan.
type Plan struct {
	Tenant   string   // UUID of the customer that owns it
	Name     string   // as people call it
	Weekdays []string // mon ... sun; none means every day
	Hour     int      // of the start, UTC unless the machine tells another zone
	Minute   int
}

// AddPlan adds a plan and gives its id.
func (s *Sim) AddPlan(p Plan) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p.Weekdays) == 0 {
		p.Weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	}
	pl := &plan{id: s.uuid(0x91), backupID: s.uuid(0xba), name: p.Name, tenant: s.findTenant(p.Tenant),
		weekdays: p.Weekdays, hour: p.Hour, minute: p.Minute, enabled: true}
	s.plans = append(s.plans, pl)
	s.byID[pl.id] = pl
	return pl.id
}

// SetScheduleEnabled switches a plan's schedule on or off; the plan stays on.
func (s *Sim) SetScheduleEnabled(id string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	find[*plan](s, id).unscheduled = !on
}

// SetPlanEnabled switches a plan on or off, everywhere or on some machines alone.
func (s *Sim) SetPlanEnabled(id string, on bool, machines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pl := find[*plan](s, id)
	if len(machines) == 0 {
		pl.enabled = on
	}
	for _, m := range machines {
		for _, p := range find[*machine](s, m).protections {
			if p.plan == pl {
				p.off = !on
			}
		}
	}
}

// Machine describes a protected machine.
type Machine struct {
	Tenant string // UUID of a customer or a unit
	Name   string
	Class  Class
	Plans  []string // ids of the plans applied to it
	Host   string   // id of the machine whose agent saves it; none: its own
}

// AddMachine adds a machine with its agent, online, and gives its id. It has
// never been backed up.
func (s *Sim) AddMachine(m Machine) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	mc := &machine{id: s.uuid(0x3b), agentID: s.uuid(0xa6), name: m.Name, class: m.Class, tenant: s.findTenant(m.Tenant),
		online: true, registered: now, updated: now}
	if m.Host != "" {
		mc.host = s.findMachine(m.Host)
		mc.agentID = mc.host.agentID
	}
	s.machines = append(s.machines, mc)
	s.byID[mc.id] = mc
	for _, id := range m.Plans {
		s.apply(mc, find[*plan](s, id))
	}
	return mc.id
}

// ApplyPlan applies a further plan to a machine.
func (s *Sim) ApplyPlan(machineID, planID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(s.findMachine(machineID), find[*plan](s, planID))
}

func (s *Sim) apply(m *machine, p *plan) {
	now := s.o.Now()
	m.updated = now
	m.protections = append(m.protections, &protection{plan: p, applied: now, status: "scheduled"})
	s.addTask(&task{machine: m, plan: p, started: now, completed: now, code: "ok", applyOnly: true})
}

func (s *Sim) addTask(t *task) {
	t.uuid = s.uuid(0x7a)
	t.number = 1634702033410387968 + int64(s.next())
	s.tasks = append(s.tasks, t)
}

// Machines gives the ids of all machines, in the order they were added.
func (s *Sim) Machines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, len(s.machines))
	for i, m := range s.machines {
		out[i] = m.id
	}
	return out
}

// StartBackup lets the backups of a machine run until one of the other
// methods ends them. Plans narrow it to some of the machine's plans.
func (s *Sim) StartBackup(machineID string, plans ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.affected(machineID, plans) {
		p.runningSince = s.o.Now()
	}
	s.ran(s.findMachine(machineID))
}

// SucceedBackup ends a run of the machine's backups well.
func (s *Sim) SucceedBackup(machineID string, plans ...string) { s.finish(machineID, "ok", "", plans) }

// WarnBackup ends a run with remarks.
func (s *Sim) WarnBackup(machineID, text string, plans ...string) {
	s.finish(machineID, "warning", text, plans)
}

// FailBackup ends a run with an error.
func (s *Sim) FailBackup(machineID, errorText string, plans ...string) {
	s.finish(machineID, "error", errorText, plans)
}

// CancelBackup ends a run as a person does.
func (s *Sim) CancelBackup(machineID string, plans ...string) {
	s.finish(machineID, "cancelled", "", plans)
}

// FinishBackupWith ends a run with any result code, also one that no
// documentation names.
func (s *Sim) FinishBackupWith(machineID, code string, plans ...string) {
	s.finish(machineID, code, "", plans)
}

// SetPolicyStatus makes the status listing say a word of its own.
func (s *Sim) SetPolicyStatus(machineID, word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.affected(machineID, nil) {
		p.status = word
	}
	s.findMachine(machineID).updated = s.o.Now()
}

// ran notes that a machine's backups changed their state.
func (s *Sim) ran(m *machine) {
	if !s.o.StillStamps {
		m.updated = s.o.Now()
	}
}

func (s *Sim) finish(machineID, code, text string, plans []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	m := s.findMachine(machineID)
	s.ran(m)
	for _, p := range s.affected(machineID, plans) {
		started := p.runningSince
		if started.IsZero() {
			started = now.Add(-90 * time.Second)
		}
		p.runningSince, p.lastRun, p.status = time.Time{}, now, "idle"
		s.dismiss(m, p.plan, now)
		switch code {
		case "ok", "warning":
			p.lastSuccess = now
		case "error":
			s.raise(&alert{kind: "BackupFailed", machine: m, plan: p.plan, text: text, started: started, finished: now, created: now})
		case "cancelled":
			s.raise(&alert{kind: "BackupCanceled", machine: m, plan: p.plan, started: started, finished: now, created: now})
		}
		s.addTask(&task{machine: m, plan: p.plan, started: started, completed: now, code: code, errorText: text})
	}
}

// MissBackup lets the planned time pass with the agent offline.
func (s *Sim) MissBackup(machineID string, plans ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.findMachine(machineID)
	m.online = false
	s.ran(m)
	for _, p := range s.affected(machineID, plans) {
		s.dismiss(m, p.plan, s.o.Now())
		s.raise(&alert{kind: "BackupStatusUnknown", machine: m, plan: p.plan, created: s.o.Now()})
	}
}

func (s *Sim) raise(a *alert) {
	a.id = strings.ToUpper(s.uuid(0xa1))
	s.alerts = append(s.alerts, a)
	a.machine.alerts = append(a.machine.alerts, a)
}

func (s *Sim) dismiss(m *machine, p *plan, now time.Time) {
	m.alerts = slices.DeleteFunc(m.alerts, func(a *alert) bool {
		if p == nil || a.plan == p {
			a.dismissed = now
			return true
		}
		return false
	})
}

// DismissAlerts does what a technician does who closes every alert.
func (s *Sim) DismissAlerts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines {
		s.dismiss(m, nil, s.o.Now())
	}
}

// SetOnline connects or disconnects a machine's agent.
func (s *Sim) SetOnline(machineID string, online bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.findMachine(machineID)
	m.online, m.updated = online, s.o.Now()
}

// RenameMachine changes a machine's name.
func (s *Sim) RenameMachine(machineID, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.findMachine(machineID)
	m.name, m.updated = name, s.o.Now()
}

// DeleteMachine removes a machine, its agent and its alerts.
func (s *Sim) DeleteMachine(machineID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(s.findMachine(machineID))
}

func (s *Sim) remove(m *machine) {
	s.machines = slices.DeleteFunc(s.machines, func(other *machine) bool { return other == m })
	delete(s.byID, m.id)
	s.dismiss(m, nil, s.o.Now())
}

// ExpireTokens ends every token that was given out.
func (s *Sim) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Tokens gives the tokens that are valid now, for tests that look for leaks.
func (s *Sim) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for t := range s.tokens {
		out = append(out, t)
	}
	return out
}

func (s *Sim) affected(machineID string, plans []string) []*protection {
	m := s.findMachine(machineID)
	if len(plans) == 0 {
		return m.protections
	}
	var out []*protection
	for _, p := range m.protections {
		for _, id := range plans {
			if p.plan.id == id {
				out = append(out, p)
			}
		}
	}
	return out
}

func (s *Sim) findTenant(uuid string) *tenant { return find[*tenant](s, uuid) }

func (s *Sim) findMachine(id string) *machine { return find[*machine](s, id) }

func find[T any](s *Sim, id string) T {
	found, ok := s.byID[id].(T)
	if !ok {
		panic(fmt.Sprintf("acronissim: no %T %s", found, id))
	}
	return found
}
