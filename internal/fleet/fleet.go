// Package fleet is the shape of customers and their machines in an inventory,
// and how they are read from YAML and from CSV. The receiver and the exporter
// both read them here, so that a key is taught once; what each of them refuses
// beyond the shape, and in which words, is its own affair.
//
// It knows nothing of incidents, people, or results of backups.
package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"vigie/internal/strict"
)

// Fold gives what two spellings of one name have in common: the case of letters, and an
// accent written apart from its letter, as a Mac does, do not count.
func Fold(name string) string { return strings.ToLower(norm.NFC.String(name)) }

// Classes are the classes of a machine.
func Classes() []string { return []string{"server", "nas", "workstation", "other"} }

// Roles are the roles of a backup plan; the first is meant where a list with a
// line for each plan gives none.
func Roles() []string { return []string{"primary", "local"} }

// Kind is what a job is that is no backup of its machine: a copy of one, and so
// on. Its runs prove nothing of the machine's backups, and it stands in place of
// a role wherever results are told: the label backup_role.
type Kind string

// Kinds are the kinds of jobs that are no backup of their machine.
func Kinds() []string { return []string{"copy", "replica", "archive", "config"} }

// IsBackup tells a role of a backup from a kind that stands in its place.
func IsBackup(role string) bool { return !slices.Contains(Kinds(), role) }

// UnmarshalScalar reads one of the kinds.
func (k *Kind) UnmarshalScalar(text string) error {
	if text = strings.ToLower(text); !slices.Contains(Kinds(), text) {
		return fmt.Errorf("%q is no kind of job: write %s, or nothing for a backup", text, strings.Join(Kinds(), ", "))
	}
	*k = Kind(text)
	return nil
}

// Section is what a YAML file of an inventory says of customers and machines,
// to be embedded beside other sections.
type Section struct {
	Timezone  Zone                `yaml:"timezone"`
	Customers map[string]Customer `yaml:"customers"`
	Machines  []Machine           `yaml:"machines"`
	Sources   map[string]Source   `yaml:"sources"`
}

// Source is one entry of sources, by its name in the exporter: a product that
// some exporter must read.
type Source struct {
	At       strict.Position
	Exporter string `yaml:"exporter"` // its label instance in Prometheus; "" for any
}

// Customer is one entry of customers, by id.
type Customer struct {
	At             strict.Position
	Name           string `yaml:"name"`
	AccountManager string `yaml:"account_manager"`
	ITContact      string `yaml:"it_contact"`
	Prefers        string `yaml:"prefers"`
	Language       string `yaml:"language"`
	Calendar       string `yaml:"calendar"`
	Commissioned   Moment `yaml:"commissioned"`   // the first day on which anything is owed
	Decommissioned Moment `yaml:"decommissioned"` // the last one
}

// Machine is one entry of machines.
type Machine struct {
	At             strict.Position
	Customer       string   `yaml:"customer"`
	Name           string   `yaml:"name"`
	Class          string   `yaml:"class"`
	User           string   `yaml:"user"`
	Aliases        []string `yaml:"aliases"`
	Plans          []Plan   `yaml:"plans"`
	Commissioned   Moment   `yaml:"commissioned"` // as of a customer
	Decommissioned Moment   `yaml:"decommissioned"`
	// RestoreTested is when a restore of it was last tried, RestoreEvery within
	// what time it must be tried again; 0 asks for none.
	RestoreTested Moment        `yaml:"restore_tested"`
	RestoreEvery  time.Duration `yaml:"restore_test_every"`
}

// RestoreDue is when the next test of a restore is due in the inventory's zone:
// zero where none is asked for, 1970 where none was ever made.
func (m *Machine) RestoreDue(zone *time.Location) time.Time {
	switch {
	case m.RestoreEvery == 0:
		return time.Time{}
	case m.RestoreTested.IsZero():
		return time.Unix(0, 0)
	}
	return m.RestoreTested.End(zone).Add(m.RestoreEvery)
}

// Plan is a backup that a machine must have.
type Plan struct {
	At     strict.Position
	Plan   string `yaml:"plan"`
	Role   string `yaml:"role"`
	Engine string `yaml:"engine"`
	// Kind is empty for a backup. With one, Role only says which of the jobs of
	// that name it is, and may be empty.
	Kind Kind `yaml:"kind"`
	// Schedule is when it starts, for products that do not tell.
	Schedule
	// Terms are how its runs are taken.
	Terms
	// Place is where its copy lies.
	Place
	// Column is where its role stands in a CSV file with a line for each plan;
	// "" for plans that are written as a list.
	Column string
}

// PlanItem is a plan as it stands in the column plans of a CSV file.
func PlanItem(p Plan) string { return p.Told() + ":" + p.Engine + ":" + p.Plan }

// ParsePlanItem reads role:engine:name; ok is false for what is no plan.
func ParsePlanItem(item string) (p Plan, ok bool) {
	part := strings.SplitN(item, ":", 3)
	if len(part) != 3 {
		return Plan{}, false
	}
	return Plan{Role: strings.TrimSpace(part[0]), Engine: strings.TrimSpace(part[1]), Plan: strings.TrimSpace(part[2])}, true
}

// Items reads the values of a cell of a CSV file, which stand between |.
func Items(cell string) []string {
	var items []string
	for item := range strings.SplitSeq(cell, "|") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// Told is what stands in the label backup_role of the plan's jobs.
func (p Plan) Told() string {
	if p.Kind != "" {
		return string(p.Kind)
	}
	return p.Role
}
