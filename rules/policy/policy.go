package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules/calendar"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Policy is what admins write: scenarios, calendars, roles. It is immutable;
// its content hash is its version.
type Policy struct {
	Name          string
	Hash          string
	Title         model.Text
	EffectiveFrom time.Time
	Zone          *time.Location
	// Language is what people are written to in who have none of their own, nor a
	// customer who has.
	Language string
	// Named are the roles that mails name.
	Named Named
	// Hold is how long a notification waits for others of its bundle.
	Hold time.Duration
	// MaintenanceNotice is how long before its start a maintenance must have
	// been declared.
	MaintenanceNotice time.Duration
	Calendars         map[string]*calendar.Calendar
	Roles             map[string]*Role
	// Digest is the morning's overview; nil for none.
	Digest *Digest
	// Reports are what is sent each month; nil for none.
	Reports *Reports
	// RestoreTests are how often restores are tried; nil where only the inventory says.
	RestoreTests *RestoreTests
	Scenarios    []*Scenario
	Correlations []*Correlation
	Causes       map[string]Cause
	Guarantees   []Guarantee
	// Unavailability is how long platforms may be down; nil where that is not measured.
	Unavailability *Unavailability
	// Required are the roles that must be in To or Cc of every written trace.
	Required []string
	// Retired marks a policy that is kept only for incidents that pinned it.
	Retired bool
	// Source is the text the policy was read from, kept so that incidents can
	// be explained under the policy that they pinned.
	Source []strict.File
}

// Scenario returns the scenario of that name; nil when there is none.
func (p *Policy) Scenario(name string) *Scenario {
	for _, s := range p.Scenarios {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// How long notifications wait for others of their bundle where no file says it, and at
// the most.
const (
	defaultHold = 60 * time.Second
	maxHold     = time.Hour
)

type policyDoc struct {
	strict.Position
	Schema            int                    `yaml:"schema"`
	Policy            string                 `yaml:"policy"`
	EffectiveFrom     time.Time              `yaml:"effective_from"`
	Title             model.Text             `yaml:"title"`
	Timezone          string                 `yaml:"timezone"`
	Language          string                 `yaml:"language"`
	Named             Named                  `yaml:"named_in_mails"`
	Hold              *time.Duration         `yaml:"hold"`
	MaintenanceNotice *time.Duration         `yaml:"maintenance_notice"`
	TracesInclude     []string               `yaml:"traces_include"`
	Calendars         map[string]calendarDoc `yaml:"calendars"`
	Roles             map[string]roleDoc     `yaml:"roles"`
	Digest            *digestDoc             `yaml:"digest"`
	Reports           *reportsDoc            `yaml:"reports"`
	RestoreTests      *restoreTestsDoc       `yaml:"restore_tests"`
	Causes            map[string]causeDoc    `yaml:"causes"`
	Guarantees        []guaranteeDoc         `yaml:"guarantees"`
	Unavailability    *unavailabilityDoc     `yaml:"unavailability"`
	Correlations      []correlationDoc       `yaml:"correlations"`
	Scenarios         []scenarioDoc          `yaml:"scenarios"`
}

// Keys are all keys that a policy file may hold.
func Keys() []string { return strict.Paths(reflect.TypeFor[policyDoc]()) }

// Load reads policy files. Files with the same effective_from make one
// policy together; each such policy is complete in itself. All faults of all
// files are returned at once.
func Load(files []strict.File, known Vocabulary) ([]*Policy, error) {
	groups := map[string][]document{}
	var faults strict.Faults
	for _, f := range files {
		var doc policyDoc
		if err := strict.Decode(f.Name, f.Text, &doc); err != nil {
			faults = append(faults, asFaults(f.Name, err)...)
			continue
		}
		if doc.Schema != 1 {
			faults = append(faults, strict.Fault{Position: strict.Position{File: f.Name, Line: max(doc.Line, 1)}, Path: "schema",
				What: fmt.Sprintf("schema %d is not known: write schema: 1", doc.Schema)})
			continue
		}
		k := doc.EffectiveFrom.Format(time.RFC3339)
		groups[k] = append(groups[k], document{f, doc})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	var policies []*Policy
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		p, fs := build(groups[k], known)
		faults = append(faults, fs...)
		policies = append(policies, p)
	}
	for _, f := range files {
		faults.Locate(f)
	}
	sort.SliceStable(faults, func(i, j int) bool {
		if faults[i].File != faults[j].File {
			return faults[i].File < faults[j].File
		}
		return faults[i].Line < faults[j].Line
	})
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if len(policies) == 0 {
		return nil, errors.New("no policy file was found: check the globs under policy: in vigie.yml")
	}
	return policies, nil
}

func asFaults(file string, err error) strict.Faults {
	var fs strict.Faults
	if errors.As(err, &fs) {
		return fs
	}
	return strict.Faults{{Position: strict.Position{File: file, Line: 1}, What: err.Error()}}
}

type document struct {
	file strict.File
	policyDoc
}

func build(docs []document, known Vocabulary) (*Policy, strict.Faults) {
	own, err := readDefaults()
	if err != nil {
		return nil, strict.Faults{unreadable(err)}
	}
	l := &loader{known: known, defaults: own, policy: &Policy{
		Language: own.Language, Named: own.Named, Hold: defaultHold, MaintenanceNotice: time.Hour, Zone: time.UTC,
		Calendars: map[string]*calendar.Calendar{}, Roles: map[string]*Role{}, Causes: map[string]Cause{},
	}}
	hash := sha256.New()
	for _, doc := range docs {
		fmt.Fprintf(hash, "%s\x00%d\x00", baseName(doc.file.Name), len(doc.file.Text))
		hash.Write(doc.file.Text)
		l.policy.Source = append(l.policy.Source, doc.file)
	}
	l.policy.Hash = hex.EncodeToString(hash.Sum(nil))[:16]
	// What others refer to comes first, so that the order of files is free.
	for _, load := range []func(policyDoc, *loader){policyDoc.head, policyDoc.named, policyDoc.general, policyDoc.scenarios, policyDoc.correlations} {
		for _, doc := range docs {
			load(doc.policyDoc, l)
		}
	}
	l.policy.checkWhole(l, docs[0].Position)
	for _, doc := range docs {
		if len(l.policy.Scenarios) > 0 {
			inOrder(doc.Causes, func(code string, doc causeDoc) { doc.checkSeverity(l, code) })
		}
	}
	return l.policy, l.faults
}

// inOrder visits the entries of a map in the order of their names.
func inOrder[T any](m map[string]T, visit func(name string, doc T)) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		visit(name, m[name])
	}
}

func (d policyDoc) named(l *loader) {
	inOrder(d.Calendars, func(name string, doc calendarDoc) { doc.load(l, name) })
	inOrder(d.Roles, func(name string, doc roleDoc) { doc.load(l, name) })
}

func (d policyDoc) general(l *loader) {
	inOrder(d.Causes, func(code string, doc causeDoc) { doc.load(l, code) })
	d.namedInMails(l)
	for _, doc := range d.Guarantees {
		doc.load(l)
	}
	if d.Unavailability != nil {
		d.Unavailability.load(l)
	}
	if d.Digest != nil {
		d.Digest.load(l)
	}
	if d.Reports != nil {
		d.Reports.load(l)
	}
	if d.RestoreTests != nil {
		d.RestoreTests.load(l)
	}
}

func (d policyDoc) scenarios(l *loader) {
	for _, doc := range d.Scenarios {
		doc.load(l)
	}
}

func (d policyDoc) correlations(l *loader) {
	for _, doc := range d.Correlations {
		doc.load(l)
	}
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func (d policyDoc) head(l *loader) {
	if d.Policy != "" {
		l.policy.Name = d.Policy
	}
	if d.Title != nil {
		l.policy.Title = d.Title
	}
	l.policy.EffectiveFrom = d.EffectiveFrom
	if d.Timezone != "" {
		zone, err := time.LoadLocation(d.Timezone)
		if err != nil || d.Timezone == "Local" {
			l.fault(d.Position, "timezone", "%q is not a time zone: write an IANA name such as Europe/Paris", d.Timezone)
		} else {
			l.policy.Zone = zone
		}
	}
	if d.Language != "" {
		l.policy.Language = d.Language
	}
	if d.Hold != nil {
		if l.policy.Hold = *d.Hold; l.policy.Hold > maxHold {
			l.fault(d.Position, "hold", "%s is too long: write at most %s; messages wait for each other, they are not put off", l.policy.Hold, maxHold)
		}
	}
	if d.MaintenanceNotice != nil {
		l.policy.MaintenanceNotice = *d.MaintenanceNotice
	}
	l.policy.Required = append(l.policy.Required, d.TracesInclude...)
}

// checkWhole looks at what can only be said of all documents together.
func (p *Policy) checkWhole(l *loader, at strict.Position) {
	if len(p.Scenarios) == 0 {
		l.fault(at, "scenarios", "there is no scenario: add at least one that matches everything")
		return
	}
	last := p.Scenarios[len(p.Scenarios)-1]
	if len(last.Match) > 0 || last.Ignores != "" {
		l.fault(last.At, "scenarios."+last.Name+".match", "the last scenario must match everything, so that no alert is lost: add one with match: []")
	}
	p.checkOtherwise(l, at)
	p.checkSteps(l, at)
}

// Check compares the policy with what only the shell knows: the templates
// (nil: not known) and the persons that exist.
func (p *Policy) Check(templates []string, dir *inventory.Directory) error {
	var faults strict.Faults
	for _, s := range p.Scenarios {
		for _, st := range s.Steps {
			faults = append(faults, st.check(p, "scenarios."+s.Name+".steps."+st.Name, templates, dir)...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Roles)) {
		faults = append(faults, p.Roles[name].check(p.position(), dir)...)
	}
	return faults.Err()
}

func (p *Policy) position() strict.Position {
	if len(p.Source) == 0 {
		return strict.Position{File: "policy", Line: 1}
	}
	return strict.Position{File: p.Source[0].Name, Line: 1}
}
