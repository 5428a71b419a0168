package exporters

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
)

// Bounds of one file of the inventory.
const (
	maxInventoryBytes  = 64 << 20
	maxInventoryValues = 16 << 20
)

// LoadInventory reads the inventory from YAML and CSV files. The names may
// hold patterns such as inventory/*.yml.
//
// The receiver's files serve as they are and are read by the same reader, but
// a customer's site has the exporter alone, and of people, rotas and contacts
// it must know nothing: those sections are passed over.
func LoadInventory(patterns []string) (*Inventory, error) {
	files, err := inventoryFiles(patterns)
	if err != nil {
		return nil, err
	}
	var l inventoryLoader
	for _, file := range files {
		text, err := readBounded(file)
		if err == nil {
			err = l.read(file, text)
		}
		if err != nil {
			return nil, err
		}
	}
	return l.finish()
}

// ParseInventory reads the inventory from files that the receiver served.
func ParseInventory(files []fleet.SharedFile) (*Inventory, error) {
	var l inventoryLoader
	for _, f := range files {
		if err := l.read(f.Name, []byte(f.Text)); err != nil {
			return nil, err
		}
	}
	return l.finish()
}

func inventoryFiles(patterns []string) ([]string, error) {
	var files []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("inventory %q: %w; mend the pattern", p, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("inventory %q: %s", p, whyNone(p))
		}
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files, nil
}

// whyNone says why a pattern finds no file: Glob itself is silent about folders
// that it may not read, such as the receiver's own on the same machine.
func whyNone(pattern string) string {
	_, err := os.Stat(pattern)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		_, err = os.ReadDir(filepath.Dir(pattern))
	}
	if errors.Is(err, fs.ErrPermission) {
		return err.Error() + "; this is run by another user than the one whose files these are: take inventory_from in the place of inventory (docs/howto/one-inventory.md)"
	}
	return "no such file; mend the name or take it out"
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxInventoryBytes+1))
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	if len(text) > maxInventoryBytes {
		return nil, fmt.Errorf("inventory %s: longer than %d bytes; spread it over several files", file, maxInventoryBytes)
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}

// inventoryDoc is what a YAML file may hold.
type inventoryDoc struct {
	fleet.Section
	People      strict.Skip `yaml:"people"`
	Platforms   strict.Skip `yaml:"platforms"`
	Rota        strict.Skip `yaml:"rota"`
	Rotations   strict.Skip `yaml:"rotations"`
	Absences    strict.Skip `yaml:"absences"`
	Maintenance strict.Skip `yaml:"maintenance"`
	Closures    strict.Skip `yaml:"closures"`
	Access      strict.Skip `yaml:"access"`
}

// inventoryLoader merges files and checks what they say of machines.
type inventoryLoader struct {
	sections []fleet.Section
	machines []*InventoryMachine
	leaving  map[*InventoryMachine]fleet.Moment
}

func (l *inventoryLoader) read(file string, text []byte) error {
	f := strict.File{Name: file, Text: text}
	var doc inventoryDoc
	var faults strict.Faults
	switch strings.ToLower(filepath.Ext(file)) {
	case ".yml", ".yaml":
		err := strict.DecodeWith(f, &doc, strict.Options{MaxBytes: maxInventoryBytes, MaxValues: maxInventoryValues})
		errors.As(err, &faults)
	case ".csv":
		doc.Machines, faults = fleet.ReadCSV(f)
	case ".ics":
		return nil // closed days and rotas are the receiver's
	default:
		return fmt.Errorf("inventory %s: not a kind of file that can be read; name it .yml or .csv", file)
	}
	faults = slices.DeleteFunc(faults, func(f strict.Fault) bool { return f.Kind == fleet.OtherUser }) // who uses a machine is the receiver's
	if len(faults) > 0 {
		return configErrors(faults)
	}
	l.sections = append(l.sections, doc.Section)
	for name := range doc.Sources {
		if CleanName(name) != name || name == "" {
			return &ConfigError{File: file, Line: doc.Sources[name].At.Line, Key: "sources." + name, What: "the name does not fit into a label", Cure: "write the source's name as in the exporter's configuration"}
		}
	}
	for i := range doc.Machines {
		if err := l.add(&doc.Machines[i]); err != nil {
			return err
		}
	}
	return nil
}

// add checks what a machine says of itself.
func (l *inventoryLoader) add(said *fleet.Machine) error {
	m := &InventoryMachine{Customer: said.Customer, Name: strings.TrimSpace(said.Name), Class: Class(said.Class), Aliases: said.Aliases,
		file: said.At.File, line: said.At.Line}
	where := "machines." + said.Name
	switch {
	case m.Name == "":
		return m.fault("machines", "a machine without name", "write the name that mails shall show")
	case CleanName(m.Name) != m.Name:
		return m.fault(where+".name", "the name does not fit into a label", fmt.Sprintf("write at most %d bytes of UTF-8", maxLabelBytes))
	case m.Customer == "":
		return m.fault(where+".customer", "missing", "write the id of the customer who owns it")
	case CleanName(m.Customer) != m.Customer:
		return m.fault(where+".customer", fmt.Sprintf("%q does not fit into a label", m.Customer), "write the id of the customer, without blanks around it")
	case !slices.Contains(fleet.Classes(), said.Class):
		return m.fault(where+".class", fmt.Sprintf("%q is no class", m.Class), "write one of "+strings.Join(fleet.Classes(), ", "))
	case slices.Contains(m.Aliases, ""):
		return m.fault(where+".aliases", "an empty alias", "leave it out")
	}
	for _, p := range said.Plans {
		if err := m.addPlan(where, p); err != nil {
			return err
		}
	}
	if at, what, cure := fleet.PlaceFault(said.Plans); what != "" {
		return &ConfigError{File: m.file, Line: cmp.Or(at.Line, m.line), Key: where + ".plans", What: what, Cure: cure}
	}
	l.machines = append(l.machines, m)
	if !said.Decommissioned.IsZero() {
		if l.leaving == nil {
			l.leaving = map[*InventoryMachine]fleet.Moment{}
		}
		l.leaving[m] = said.Decommissioned
	}
	return nil
}

func (m *InventoryMachine) addPlan(where string, said fleet.Plan) error {
	p := InventoryPlan{Role(said.Role), CleanName(said.Engine), CleanName(said.Plan)} // as in labels
	at := *m
	if said.At.Line > 0 {
		at.line = said.At.Line
	}
	if said.Kind != "" && p.Plan == "" {
		return at.fault(where+".plans", fmt.Sprintf("a %s without a name", said.Kind), "write plan: as the backup product calls the job")
	}
	if !slices.Contains(fleet.Roles(), said.Role) && (said.Kind == "" || said.Role != "") {
		return at.fault(where+"."+cmp.Or(said.Column, "plans"), fmt.Sprintf("%q is no role", p.Role), "write "+strings.Join(fleet.Roles(), " or "))
	}
	if slices.Contains(m.Plans, p) {
		return at.fault(where+".plans", fmt.Sprintf("the %s plan %q stands twice", said.Told(), p.Plan), "keep one")
	}
	if what, cure := said.Check(); what != "" {
		return at.fault(where+".plans", what, cure)
	}
	m.Plans = append(m.Plans, p)
	unsaid := said.Schedule.IsZero() && said.Terms.Unsaid() && said.Kind == ""
	if unsaid && m.Schedules == nil {
		return nil
	}
	m.Schedules = append(m.Schedules, make([]*PlanSchedule, len(m.Plans)-len(m.Schedules))...)
	if !unsaid {
		m.Schedules[len(m.Plans)-1] = &PlanSchedule{Schedule: said.Schedule, Terms: said.Terms, Kind: Role(said.Kind)}
	}
	return nil
}

// finish checks what stands in different files.
func (l *inventoryLoader) finish() (*Inventory, error) {
	zone, faults := fleet.Location(l.sections)
	if len(faults) > 0 {
		return nil, configErrors(faults)
	}
	left := map[string]time.Time{} // every customer that is listed, and when it left
	for _, s := range l.sections {
		for id, c := range s.Customers {
			left[id] = sooner(left[id], c.Decommissioned.End(zone))
		}
	}
	for _, m := range l.machines {
		at, known := left[m.Customer]
		if len(left) > 0 && !known {
			return nil, m.fault("machines."+m.Name+".customer", fmt.Sprintf("unknown customer %q", m.Customer), "add it under customers or mend the id")
		}
		m.Decommissioned = sooner(at, l.leaving[m].End(zone))
		for _, s := range m.Schedules {
			if s != nil {
				s.zone = zone
			}
		}
	}
	v, err := newInventory(l.machines)
	if err == nil {
		v.sources = l.expected()
	}
	return v, err
}

// expected are the sources of all files.
func (l *inventoryLoader) expected() []ExpectedSource {
	all := map[string]ExpectedSource{}
	for _, s := range l.sections {
		for name, said := range s.Sources {
			all[name] = ExpectedSource{name, CleanName(said.Exporter)}
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b ExpectedSource) int { return strings.Compare(a.Source, b.Source) })
}

// sooner is the earlier of two instants, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
