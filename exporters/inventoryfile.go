package exporters

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxInventoryBytes bounds one file of the inventory.
const maxInventoryBytes = 64 << 20

// LoadInventory reads the inventory from YAML and CSV files. The names may
// hold patterns such as inventory/*.yml.
//
// The receiver's files serve as they are, but the reader is the exporter's
// own: a customer's site has the exporter alone, and of people, rotas and
// contacts it must know nothing. It is strict about what it uses, customers
// and machines, and passes over the other sections.
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

func inventoryFiles(patterns []string) ([]string, error) {
	var files []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("inventory %q: %w; mend the pattern", p, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("inventory %q: no such file; mend the name or take it out", p)
		}
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files, nil
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
	Timezone  string               `yaml:"timezone"`
	Customers map[string]yaml.Node `yaml:"customers"`
	Machines  []yaml.Node          `yaml:"machines"`

	People      yaml.Node `yaml:"people"`
	Platforms   yaml.Node `yaml:"platforms"`
	Rota        yaml.Node `yaml:"rota"`
	Absences    yaml.Node `yaml:"absences"`
	Maintenance yaml.Node `yaml:"maintenance"`
	Closures    yaml.Node `yaml:"closures"`
}

type inventoryCustomer struct {
	Decommissioned string `yaml:"decommissioned"`

	Name           yaml.Node `yaml:"name"`
	AccountManager yaml.Node `yaml:"account_manager"`
	ITContact      yaml.Node `yaml:"it_contact"`
	Prefers        yaml.Node `yaml:"prefers"`
	Language       yaml.Node `yaml:"language"`
}

type inventoryEntry struct {
	Customer       string      `yaml:"customer"`
	Name           string      `yaml:"name"`
	Class          Class       `yaml:"class"`
	User           yaml.Node   `yaml:"user"`
	Aliases        []string    `yaml:"aliases"`
	Plans          []planEntry `yaml:"plans"`
	Decommissioned string      `yaml:"decommissioned"`
}

type planEntry struct {
	Plan   string `yaml:"plan"`
	Role   Role   `yaml:"role"`
	Engine string `yaml:"engine"`
}

// leaving is a `decommissioned:` whose zone is not known yet.
type leaving struct {
	text, file, key string
	line            int
	machine         *InventoryMachine // nil: the whole customer
	customer        string
}

type inventoryLoader struct {
	machines  []*InventoryMachine
	leavings  []leaving
	zone      string
	zoneAt    string
	customers map[string]bool // nil until a file lists any
}

func (l *inventoryLoader) read(file string, text []byte) error {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".yml", ".yaml":
		return l.yaml(file, text)
	case ".csv":
		return l.csv(file, text)
	case ".ics":
		return nil // closed days are the receiver's
	}
	return fmt.Errorf("inventory %s: not a kind of file that can be read; name it .yml or .csv", file)
}

func (l *inventoryLoader) yaml(file string, text []byte) error {
	var node yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&node); errors.Is(err, io.EOF) {
		return nil // nothing but remarks
	} else if err != nil {
		return fmt.Errorf("%s: %w; the file has to be YAML with the key machines", file, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one document; keep the first", file)
	}
	if len(node.Content) == 0 || node.Content[0].Kind != yaml.MappingNode {
		return &ConfigError{File: file, Line: 1, What: "not a mapping", Cure: "begin with a key such as machines"}
	}
	root := node.Content[0]
	var doc inventoryDoc
	if err := DecodeStrict(file, "", root, &doc); err != nil {
		return err
	}
	if doc.Timezone != "" {
		l.zone, l.zoneAt = doc.Timezone, fmt.Sprintf("%s:%d", file, LineOf(root, "timezone"))
	}
	for id, n := range doc.Customers {
		var c inventoryCustomer
		if err := decodeEntry(file, "customers."+id, &n, &c); err != nil {
			return err
		}
		if l.customers == nil {
			l.customers = map[string]bool{}
		}
		l.customers[id] = true
		if c.Decommissioned != "" {
			l.leavings = append(l.leavings, leaving{c.Decommissioned, file, "customers." + id + ".decommissioned", LineOf(&n, "decommissioned"), nil, id})
		}
	}
	for i := range doc.Machines {
		if err := l.entry(file, fmt.Sprintf("machines[%d]", i), &doc.Machines[i]); err != nil {
			return err
		}
	}
	return nil
}

// decodeEntry is DecodeStrict for a node that may be empty.
func decodeEntry(file, path string, n *yaml.Node, out any) error {
	if n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode && n.Kind != yaml.AliasNode {
		return &ConfigError{File: file, Line: n.Line, Key: path, What: "not a mapping", Cure: "write keys and values below it"}
	}
	return DecodeStrict(file, path, n, out)
}

func (l *inventoryLoader) entry(file, path string, n *yaml.Node) error {
	var e inventoryEntry
	if err := decodeEntry(file, path, n, &e); err != nil {
		return err
	}
	m := &InventoryMachine{Customer: e.Customer, Name: e.Name, Class: e.Class, Aliases: e.Aliases, file: file, line: n.Line}
	for _, p := range e.Plans {
		m.Plans = append(m.Plans, InventoryPlan{p.Role, p.Engine, p.Plan})
	}
	if e.Decommissioned != "" {
		l.leavings = append(l.leavings, leaving{e.Decommissioned, file, path + ".decommissioned", LineOf(n, "decommissioned"), m, ""})
	}
	return l.add(m)
}

// add checks what a machine says of itself.
func (l *inventoryLoader) add(m *InventoryMachine) error {
	where := "machines." + m.Name
	m.Name = strings.TrimSpace(m.Name)
	switch {
	case m.Name == "":
		return m.fault("machines", "a machine without name", "write the name that mails shall show")
	case CleanName(m.Name) != m.Name:
		return m.fault(where+".name", "the name does not fit into a label", fmt.Sprintf("write at most %d bytes of UTF-8", maxLabelBytes))
	case m.Customer == "":
		return m.fault(where+".customer", "missing", "write the id of the customer who owns it")
	case CleanName(m.Customer) != m.Customer:
		return m.fault(where+".customer", fmt.Sprintf("%q does not fit into a label", m.Customer), "write the id of the customer, without blanks around it")
	case m.Class != Server && m.Class != NAS && m.Class != Workstation && m.Class != Other:
		return m.fault(where+".class", fmt.Sprintf("%q is no class", m.Class), "write one of server, nas, workstation, other")
	}
	for i := range m.Plans {
		p := &m.Plans[i]
		p.Engine, p.Plan = CleanName(p.Engine), CleanName(p.Plan) // as in labels
		if p.Role != Primary && p.Role != Local {
			return m.fault(where+".plans", fmt.Sprintf("%q is no role", p.Role), "write primary or local")
		}
		if slices.Contains(m.Plans[:i], *p) {
			return m.fault(where+".plans", fmt.Sprintf("the %s plan %q stands twice", p.Role, p.Plan), "keep one")
		}
	}
	if slices.Contains(m.Aliases, "") {
		return m.fault(where+".aliases", "an empty alias", "leave it out")
	}
	l.machines = append(l.machines, m)
	return nil
}

// finish checks what stands in different files.
func (l *inventoryLoader) finish() (*Inventory, error) {
	zone, err := time.LoadLocation(l.zone)
	switch {
	case l.zone == "":
		if zone, err = time.LoadLocation("Europe/Paris"); err != nil {
			return nil, err
		}
	case err != nil || l.zone == "Local":
		return nil, fmt.Errorf("%s: timezone: unknown zone %q; write an IANA name such as Europe/Paris", l.zoneAt, l.zone)
	}
	for _, m := range l.machines {
		if l.customers != nil && !l.customers[m.Customer] {
			return nil, m.fault("machines."+m.Name+".customer", fmt.Sprintf("unknown customer %q", m.Customer), "add it under customers or mend the id")
		}
	}
	for _, d := range l.leavings {
		at, err := time.Parse(time.RFC3339, d.text)
		if err != nil {
			at, err = time.ParseInLocation(time.DateOnly, d.text, zone)
		}
		if err != nil {
			return nil, &ConfigError{File: d.file, Line: d.line, Key: d.key, What: fmt.Sprintf("%q is no date", d.text), Cure: "write for example 2026-06-01"}
		}
		for _, m := range l.machines {
			if m == d.machine || d.machine == nil && m.Customer == d.customer {
				if m.Decommissioned.IsZero() || at.Before(m.Decommissioned) {
					m.Decommissioned = at
				}
			}
		}
	}
	return newInventory(l.machines)
}

// inventoryColumns are the columns of a CSV file. The receiver's files have
// class, user and plans; machine_class, backup_role, plan and engine are for
// lists with a line for each plan.
var inventoryColumns = [...]string{"customer", "machine", "class", "machine_class", "user", "aliases", "plans", "backup_role", "plan", "engine"}

func (l *inventoryLoader) csv(file string, text []byte) error {
	bad := func(line int, what, cure string) error {
		return &ConfigError{File: file, Line: line, What: what, Cure: cure}
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return bad(1, "the text is not UTF-8, so that names with accents would match nothing", "save it again as \"CSV UTF-8\"")
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	r.TrimLeadingSpace = true
	header, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.Count(header, []byte(";")) > bytes.Count(header, []byte(",")) {
		r.Comma = ';'
	}
	names, err := r.Read()
	if err != nil {
		return bad(1, "no header", "begin with the line customer,machine,class,aliases,plans")
	}
	column := map[string]int{}
	for i, n := range names {
		n = strings.ToLower(strings.TrimSpace(n))
		if !slices.Contains(inventoryColumns[:], n) {
			return bad(1, fmt.Sprintf("unknown column %q", n), "known are "+strings.Join(inventoryColumns[:], ", "))
		}
		if n == "machine_class" {
			n = "class"
		}
		if _, twice := column[n]; twice {
			return bad(1, fmt.Sprintf("the column %q stands twice", n), "keep one")
		}
		column[n] = i
	}
	for _, n := range []string{"customer", "machine", "class"} {
		if _, ok := column[n]; !ok {
			return bad(1, fmt.Sprintf("the column %q is missing", n), "add it to the header and to each line")
		}
	}
	rows := map[inventoryKey]*InventoryMachine{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var pe *csv.ParseError
		if errors.As(err, &pe) {
			return bad(pe.Line, "not valid CSV: "+pe.Err.Error(), "double every quote inside a quoted value")
		}
		if err != nil {
			return bad(1, err.Error(), "save it again as CSV")
		}
		line, _ := r.FieldPos(0)
		if len(row) != len(names) {
			return bad(line, fmt.Sprintf("%d values for %d columns", len(row), len(names)), "quote values that contain the separator")
		}
		get := func(name string) string {
			if i, ok := column[name]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		if err := l.row(file, line, get, rows); err != nil {
			return err
		}
	}
}

// row adds a machine, or one more plan to the machine of an earlier line.
func (l *inventoryLoader) row(file string, line int, get func(string) string, rows map[inventoryKey]*InventoryMachine) error {
	m := &InventoryMachine{Customer: get("customer"), Name: get("machine"), Class: Class(get("class")), Aliases: splitList(get("aliases")), file: file, line: line}
	for _, item := range splitList(get("plans")) {
		part := strings.SplitN(item, ":", 3)
		if len(part) != 3 {
			return m.fault("machines."+m.Name+".plans", fmt.Sprintf("%q is not a plan", item), "write role:engine:name, such as primary:acronis:daily, several separated by |")
		}
		m.Plans = append(m.Plans, InventoryPlan{Role(strings.TrimSpace(part[0])), strings.TrimSpace(part[1]), strings.TrimSpace(part[2])})
	}
	role, engine, plan := Role(get("backup_role")), get("engine"), get("plan")
	if role != "" || engine != "" || plan != "" {
		m.Plans = append(m.Plans, InventoryPlan{cmp.Or(role, Primary), engine, plan})
	}
	key := inventoryKey{m.Customer, strings.ToLower(m.Name)}
	first := rows[key]
	if first == nil || role == "" && engine == "" && plan == "" {
		rows[key] = m
		return l.add(m)
	}
	if first.Class != m.Class {
		return m.fault("machines."+m.Name+".class", fmt.Sprintf("%q here, %q at line %d", m.Class, first.Class, first.line), "write the same on each line of a machine")
	}
	for _, p := range m.Plans {
		p.Engine, p.Plan = CleanName(p.Engine), CleanName(p.Plan)
		if slices.Contains(first.Plans, p) {
			return m.fault("machines."+m.Name+".plans", fmt.Sprintf("the %s plan %q stands twice", p.Role, p.Plan), "keep one")
		}
		if p.Role != Primary && p.Role != Local {
			return m.fault("machines."+m.Name+".backup_role", fmt.Sprintf("%q is no role", p.Role), "write primary or local")
		}
		first.Plans = append(first.Plans, p)
	}
	for _, a := range m.Aliases {
		if !slices.Contains(first.Aliases, a) {
			first.Aliases = append(first.Aliases, a)
		}
	}
	return nil
}

func splitList(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, "|") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
