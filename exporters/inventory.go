package exporters

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/internal/fleet"
)

// Inventory says which machines there should be, under which names the
// products know them, and which backups each must have. It is immutable.
type Inventory struct {
	machines []*InventoryMachine                // sorted by customer, name
	sources  []ExpectedSource                   // sorted by name
	byName   map[inventoryKey]*InventoryMachine // by any name or alias, in lower case
	patterns fleet.Patterns[*InventoryMachine]
}

// InventoryMachine is one machine of the inventory.
type InventoryMachine struct {
	Customer string
	Name     string
	Class    Class
	// Aliases are names or ids in the products, each optionally with the
	// source or the engine in front: "veeam-dupont:srv-ad".
	Aliases []string
	Plans   []InventoryPlan
	// Schedules say when each plan starts, and how its runs are taken, by its
	// index; nil where nothing is said.
	Schedules []*PlanSchedule
	// Decommissioned is the end of the last day of the machine, or of its customer; zero
	// if there is none.
	Decommissioned time.Time

	file string
	line int
}

// InventoryPlan is a backup that a machine must have, or another job that it has.
// Empty words match any.
type InventoryPlan struct {
	Role   Role
	Engine string
	Plan   string
}

// PlanSchedule is when a plan starts, in the inventory's zone, and how its runs
// are taken.
type PlanSchedule struct {
	fleet.Schedule
	fleet.Terms
	// Kind stands in place of the role of jobs that are no backup; empty for a
	// backup.
	Kind Role
	zone *time.Location
}

// ExpectedSource is a source that some exporter must read.
type ExpectedSource struct {
	Source   string
	Exporter string // its label instance in Prometheus, empty for any
}

type inventoryKey struct{ customer, name string }

// newInventory checks what the machines say about each other.
func newInventory(machines []*InventoryMachine) (*Inventory, error) {
	v := &Inventory{byName: make(map[inventoryKey]*InventoryMachine, 2*len(machines))}
	slices.SortStableFunc(machines, func(a, b *InventoryMachine) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(a.Name, b.Name))
	})
	v.machines = machines
	for _, m := range machines {
		key := inventoryKey{m.Customer, fleet.Fold(m.Name)}
		if other := v.byName[key]; other != nil {
			return nil, m.fault("machines."+m.Name, fmt.Sprintf("already given at %s:%d", other.file, other.line), "keep one")
		}
		v.byName[key] = m
	}
	for _, m := range machines {
		for _, alias := range m.Aliases {
			if fleet.IsPattern(alias) {
				if what, cure := fleet.CheckPattern(alias); what != "" {
					return nil, m.fault("machines."+m.Name+".aliases", what, cure)
				}
				v.patterns.Add(m.Customer, alias, m)
			}
			key := inventoryKey{m.Customer, fleet.Fold(alias)}
			if other := v.byName[key]; other != nil && other != m {
				return nil, m.fault("machines."+m.Name+".aliases", fmt.Sprintf("%q already leads to %s at %s:%d", alias, other.Name, other.file, other.line),
					"put the source in front, such as veeam-dupont:"+alias+", or keep one")
			}
			v.byName[key] = m
		}
	}
	return v, nil
}

func (m *InventoryMachine) fault(key, what, cure string) error {
	return &ConfigError{File: m.file, Line: m.line, Key: key, What: what, Cure: cure}
}

// Canonical finds a customer's machine by what a product calls it; ids and
// names are tried in the given order, without regard to case, first with the
// source and the engine in front. It gives nil when nothing matches, and for
// a nil Inventory.
func (v *Inventory) Canonical(customer, source, engine string, names ...string) *InventoryMachine {
	if v == nil {
		return nil
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		name = fleet.Fold(name)
		for _, n := range [...]string{strings.ToLower(source) + ":" + name, strings.ToLower(engine) + ":" + name, name} {
			if m := v.byName[inventoryKey{customer, n}]; m != nil {
				return m
			}
		}
	}
	return nil
}

// Unstable finds a customer's machine by a name that a pattern gives to it, such
// as that of a container, which is another one at each run. It is for names that
// Canonical does not find.
func (v *Inventory) Unstable(customer, source, engine, name string) *InventoryMachine {
	if v == nil || name == "" {
		return nil
	}
	m, _ := v.patterns.Find(customer, source+":"+name, engine+":"+name, name)
	return m
}

// Machines are all of them, by customer and name; they must not be changed.
func (v *Inventory) Machines() []*InventoryMachine {
	if v == nil {
		return nil
	}
	return v.machines
}

// Len counts the machines.
func (v *Inventory) Len() int {
	if v == nil {
		return 0
	}
	return len(v.machines)
}

// Assessment is the inventory beside what the sources list. It is immutable
// once published.
type Assessment struct {
	Expected  []ExpectedMachine // sorted by customer, name; without those that left
	Unmatched []UnmatchedSource // by source, in the order of the configuration
	Sources   []ExpectedSource  // sorted by name

	// Rendered is what the exposition made of it; nil if it did not yet.
	Rendered any
}

// ExpectedMachine is a machine of the inventory beside what is listed of it.
type ExpectedMachine struct {
	*InventoryMachine
	Jobs   int
	Listed []bool // by index of the machine's plans
}

// UnmatchedSource lists the machines of a source that the inventory lacks.
type UnmatchedSource struct {
	Source   string
	Machines []UnmatchedMachine
}

// UnmatchedMachine is a machine of a source that the inventory does not have.
type UnmatchedMachine struct {
	Source   string `json:"source"`
	Customer string `json:"customer"`
	Machine  string `json:"machine"`
	// JobID is of one of its jobs; its part before the slash may serve as an alias.
	JobID string `json:"job_id"`
	Jobs  int    `json:"jobs"`
}

// Assess compares the inventory with what the sources list. A source that
// cannot be read keeps its jobs and so changes nothing here.
func (v *Inventory) Assess(views []*View, now time.Time) *Assessment {
	out := &Assessment{Sources: v.sources}
	jobs := map[*InventoryMachine][]*Job{}
	for _, view := range views {
		u := UnmatchedSource{Source: view.Source}
		at := map[inventoryKey]int{}
		for _, j := range view.Jobs {
			if m := v.byName[inventoryKey{j.Customer, fleet.Fold(j.Machine)}]; m != nil {
				jobs[m] = append(jobs[m], j)
				continue
			}
			key := inventoryKey{j.Customer, j.Machine}
			if n, seen := at[key]; seen {
				u.Machines[n].Jobs++
				continue
			}
			at[key] = len(u.Machines)
			u.Machines = append(u.Machines, UnmatchedMachine{view.Source, j.Customer, CleanName(j.Machine), j.ID, 1})
		}
		out.Unmatched = append(out.Unmatched, u)
	}
	for _, m := range v.machines {
		if !m.Decommissioned.IsZero() && !now.Before(m.Decommissioned) {
			continue
		}
		out.Expected = append(out.Expected, ExpectedMachine{m, m.backups(jobs[m]), m.listed(jobs[m])})
	}
	return out
}

// backups counts the jobs that save the machine: a copy does not, unless nothing
// else is expected of the machine.
func (m *InventoryMachine) backups(jobs []*Job) int {
	only := len(m.Plans) > 0
	for i := range m.Plans {
		only = only && m.kind(i) != ""
	}
	n := 0
	for _, j := range jobs {
		if only || fleet.IsBackup(string(j.Role)) {
			n++
		}
	}
	return n
}

// listed tells which of the machine's plans are among its jobs. Names are not
// always spelt as in the product: a plan that no job is called after is taken
// for covered by a job of the same role and engine that no other plan claims.
func (m *InventoryMachine) listed(jobs []*Job) []bool {
	out := make([]bool, len(m.Plans))
	taken := make([]bool, len(jobs))
	for _, exact := range []bool{true, false} {
		for i, p := range m.Plans {
			for n, j := range jobs {
				if !out[i] && !taken[n] && p.said(m.kind(i)).Covers(string(j.Role), j.Engine, j.Plan, exact) {
					out[i], taken[n] = true, true
				}
			}
		}
	}
	return out
}

// apply gives a job what is said of the plan that it is called after, or of the
// only plan of its role and engine.
func (m *InventoryMachine) apply(j *Job) {
	at := m.planOf(j)
	if at < 0 {
		return
	}
	if m.Schedules != nil {
		j.schedule = m.Schedules[at].of(m.Plans[at], j)
	}
	j.Role = cmp.Or(m.kind(at), j.Role)
}

// kind is that of a plan's jobs, empty for backups.
func (m *InventoryMachine) kind(plan int) Role {
	if m.Schedules == nil {
		return ""
	}
	return m.Schedules[plan].kind()
}

func (s *PlanSchedule) kind() Role {
	if s == nil {
		return ""
	}
	return s.Kind
}

// Told is what stands in the label backup_role of a plan's jobs.
func (m *InventoryMachine) Told(plan int) Role { return cmp.Or(m.kind(plan), m.Plans[plan].Role) }

// planOf finds the plan of a job: -1 if none, or several, may be meant.
func (m *InventoryMachine) planOf(j *Job) int {
	plans := make([]fleet.Plan, len(m.Plans))
	for i, p := range m.Plans {
		plans[i] = p.said(m.kind(i))
	}
	at, _ := fleet.PlanOf(plans, string(j.Role), j.Engine, j.Plan)
	return at
}

// of is what is said of a plan, of a job that may be its. Who is ignored must be meant: the
// job that is called as the plan is, in its role, unless nobody told the job's.
func (s *PlanSchedule) of(p InventoryPlan, j *Job) *PlanSchedule {
	said, named := p.said(s.kind()), p.Plan != ""
	if s == nil || !bool(s.Ignore) || said.Covers(string(j.Role), j.Engine, j.Plan, named) || j.RoleAssumed && said.Covers(said.Told(), j.Engine, j.Plan, named) {
		return s
	}
	heard := *s
	heard.Ignore = false
	return &heard
}

// said is the plan as the inventory has it.
func (p InventoryPlan) said(kind Role) fleet.Plan {
	return fleet.Plan{Role: string(p.Role), Engine: p.Engine, Plan: p.Plan, Kind: fleet.Kind(kind)}
}

// apply says when the job runs next, where its product does not.
func (s *PlanSchedule) apply(j *Job) {
	if s == nil {
		return
	}
	if s.Ignore {
		j.Enabled = false
	}
	if !j.NextRun.IsZero() {
		return
	}
	if gap := cmp.Or(s.Interval, s.Gap()); gap > 0 {
		j.ExpectedInterval = gap
	}
	if !j.Enabled || j.LastSuccess.IsZero() {
		return
	}
	start := time.Time{}
	if j.LastSuccess.Equal(j.LastRun) && j.LastDuration > 0 {
		start = j.LastRun.Add(-j.LastDuration)
	}
	j.NextRun = s.Next(start, j.LastSuccess, s.zone)
}

// weigh takes a run as the inventory says, which goes before what the source says.
// What is weak proves nothing.
func (s *PlanSchedule) weigh(run Run) (out Run, weak bool) {
	if s == nil {
		return run, false
	}
	if run.Result == Warning && s.Warning == fleet.MeansFailed {
		run.Result = Failed
	}
	size, told := run.Size.Get()
	if s.MinSize == 0 || !told || size >= int64(s.MinSize) || run.Result != Success && run.Result != Warning {
		return run, false
	}
	if run.Error == "" {
		run.Error = "only " + fleet.Size(size).String() + " were saved; the inventory asks for " + s.MinSize.String()
	}
	return run, true
}
