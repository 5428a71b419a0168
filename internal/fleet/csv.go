package fleet

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"vigie/internal/sheet"
	"vigie/internal/strict"
)

// columns are those of a CSV file of machines, in any order; the first three
// must be there. Those after plans are for lists with a line for each plan;
// machine_class is another name of class.
var columns = [...]string{"customer", "machine", "class", "user", "aliases", "plans", "machine_class", "backup_role", "plan", "engine", "days", "monthly", "at", "interval", "except", "warning", "min_size", "ignore", "kind", "location", "medium", "offsite", "immutable", "restore_tested", "restore_test_every", noteColumn}

// noteColumn is for people: no program reads it.
const noteColumn = "note"

// ordinary are the columns of a list with a line for each machine.
var ordinary = columns[:6]

// OtherUser is the kind of fault that other users on the lines of one machine are;
// it is none to who does not look at users.
const OtherUser strict.Kind = "other_user"

// ReadCSV reads machines from CSV as spreadsheets write it: comma, semicolon or
// tab, in any encoding that [sheet.Decode] knows. Aliases and plans are lists separated by |,
// a plan is role:engine:name. A list may also have a line for each plan, in the
// columns backup_role, plan and engine; such lines of one machine are joined.
// All faults are returned together with what could be read.
func ReadCSV(f strict.File) ([]Machine, strict.Faults) {
	t := table{at: strict.Position{File: f.Name, Line: 1}, rows: map[[2]string]int{}}
	text, err := sheet.Decode(f.Text)
	if err != nil {
		t.fault("", err.Error(), `save it again as "CSV UTF-8"`)
		return nil, t.faults
	}
	r := reader(text)
	names, err := r.Read()
	if err != nil {
		t.fault("", "no header", "begin with the line "+strings.Join(ordinary, ","))
		return nil, t.faults
	}
	t.header(names)
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t.machines, t.faults
		}
		if err != nil {
			t.at.Line = 1
			var parse *csv.ParseError
			if errors.As(err, &parse) {
				t.at.Line, err = parse.Line, parse.Err
			}
			t.fault("", "not valid CSV: "+err.Error()+"; double every quote inside a quoted value", "")
			return t.machines, t.faults
		}
		t.at.Line, _ = r.FieldPos(0)
		if strings.TrimSpace(strings.Join(row, "")) == "" {
			continue // an empty line of a sheet is one of separators
		}
		if len(row) > t.column["customer"] && len(row) > t.column["machine"] && len(row) > t.column["class"] {
			short := len(row) < len(names)
			if short && t.whole && !t.short && t.at.Line > bytes.Count(text, []byte("\n")) {
				t.fault("", "the file ends in the middle of its last line", "export it again, or end the line if nothing is missing")
				continue
			}
			t.whole, t.short = t.whole || !short, t.short || short
			for len(row) < len(names) {
				row = append(row, "") // Excel leaves out the separators of empty cells at the end of some lines
			}
		}
		if len(row) != len(names) {
			t.fault("", fmt.Sprintf("%d values for %d columns", len(row), len(names)), "quote values that contain the separator")
			continue
		}
		t.row(row)
	}
}

// Rows reads a CSV file of any columns as it stands, the header first, as [ReadCSV]
// reads one of machines; it tells the separator, too.
func Rows(text []byte) (comma rune, rows [][]string, err error) {
	if text, err = sheet.Decode(text); err != nil {
		return 0, nil, err
	}
	r := reader(text)
	if rows, err = r.ReadAll(); err != nil {
		return 0, nil, err
	}
	if len(rows) == 0 {
		return 0, nil, errors.New("no header")
	}
	return r.Comma, rows, nil
}

// reader splits the text at the separator that its header shows. Of the lines above that
// the line breaks are left, so that places in the file stay what they are.
func reader(text []byte) *csv.Reader {
	header, rest, _ := bytes.Cut(text, []byte("\n"))
	above := 0
	for ; len(rest) > 0 && aboveHeader(header, rest); above++ {
		text = rest
		header, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	r := csv.NewReader(io.MultiReader(strings.NewReader(strings.Repeat("\n", above)), bytes.NewReader(text)))
	r.FieldsPerRecord = -1
	for _, other := range ";\t" { // what spreadsheets write where the comma is in numbers
		if bytes.Count(header, []byte(string(other))) > bytes.Count(header, []byte(string(r.Comma))) {
			r.Comma = other
		}
	}
	r.TrimLeadingSpace = r.Comma != '\t' // it would take empty cells for space
	return r
}

// aboveHeader reports what programs write above the header: `sep=;` for Excel, `#TYPE` by
// Export-Csv of Windows PowerShell, a table's title by Numbers, which is a single cell
// above several.
func aboveHeader(line, rest []byte) bool {
	const separators = ",;\t"
	next, _, _ := bytes.Cut(rest, []byte("\n"))
	cells := func(line []byte) int {
		return len(bytes.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(separators, r) }))
	}
	return bytes.HasPrefix(bytes.ToLower(line), []byte("sep=")) || bytes.HasPrefix(line, []byte("#TYPE ")) || cells(line) <= 1 && cells(next) > 2
}

// columnName is a column's name as it is compared.
func columnName(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// table is a CSV file while it is read.
type table struct {
	at       strict.Position // of the line
	column   map[string]int
	machines []Machine
	whole    bool              // there was a line with all values
	short    bool              // and one without those at its end
	unnamed  []int             // columns without a name; nothing may stand in them
	rows     map[[2]string]int // customer and name in small letters: its machine
	faults   strict.Faults
}

func (t *table) fault(path, what, cure string) {
	t.faults = append(t.faults, strict.Fault{Position: t.at, Path: path, What: what, Cure: cure})
}

func (t *table) header(names []string) {
	t.column = map[string]int{}
	for i, n := range names {
		n = columnName(n)
		if n == "" {
			t.unnamed = append(t.unnamed, i) // what spreadsheets leave behind the last column
			continue
		}
		if !slices.Contains(columns[:], n) {
			cure := "known are " + strings.Join(columns[:], ", ")
			if best := strict.Nearest(n, columns[:]); best != "" {
				cure = fmt.Sprintf("did you mean %q?", best)
			}
			t.faults = append(t.faults, strict.Fault{Position: t.at, What: fmt.Sprintf("unknown column %q", n), Cure: cure})
			continue
		}
		if n == "machine_class" {
			n = "class"
		}
		if _, twice := t.column[n]; twice {
			t.faults = append(t.faults, strict.Fault{Position: t.at, What: fmt.Sprintf("column %q stands twice: keep one", n)})
			continue
		}
		t.column[n] = i
	}
	for _, n := range columns[:3] {
		if _, ok := t.column[n]; !ok {
			t.faults = append(t.faults, strict.Fault{Position: t.at, What: fmt.Sprintf("column %q is missing", n), Cure: "add it to the header and to each line"})
		}
	}
}

// row takes a machine, or one more plan of a machine of an earlier line.
func (t *table) row(row []string) {
	cell := func(name, newline string) string {
		if i, ok := t.column[name]; ok {
			return strings.TrimSpace(strings.NewReplacer("\r\n", newline, "\n", newline).Replace(row[i]))
		}
		return ""
	}
	get := func(name string) string { return cell(name, " ") }
	for _, i := range t.unnamed {
		if strings.TrimSpace(row[i]) != "" {
			t.fault("", fmt.Sprintf("%q stands in a column without a name", row[i]), "name the column, or empty it")
		}
	}
	m := Machine{At: t.at, Customer: get("customer"), Name: get("machine"), Class: get("class"), User: get("user"), Aliases: Items(cell("aliases", "|"))}
	m.Plans = t.plans(m.Name, cell("plans", "|"))
	t.restore(&m, get)
	p := Plan{At: t.at, Plan: get("plan"), Role: get("backup_role"), Engine: get("engine")}
	t.schedule(m.Name, &p, get)
	ofPlan := p.Plan != "" || p.Role != "" || p.Engine != "" || !p.Schedule.IsZero() || !p.Terms.Unsaid() || p.Kind != "" || p.Place != Place{}
	if ofPlan {
		if p.Column = "backup_role"; p.Kind == "" {
			p.Role = cmp.Or(p.Role, Roles()[0])
		}
		m.Plans = append(m.Plans, p)
	}
	key := [2]string{m.Customer, Fold(m.Name)}
	n, again := t.rows[key]
	if !again || !ofPlan {
		t.rows[key] = len(t.machines)
		t.machines = append(t.machines, m)
		return
	}
	t.join(&t.machines[n], m)
}

// restore reads the columns that say when a restore was and must be tried.
func (t *table) restore(m *Machine, get func(string) string) {
	err := m.RestoreTested.UnmarshalScalar(get("restore_tested"))
	if err != nil {
		t.fault("machines."+m.Name+".restore_tested", err.Error(), "write a date, such as 2026-10-01")
	}
	if text := get("restore_test_every"); text != "" {
		if m.RestoreEvery, err = strict.ParseDuration(text); err != nil {
			t.fault("machines."+m.Name+".restore_test_every", err.Error(), "write for example 2160h")
		}
	}
}

// schedule reads the columns that say when a plan starts, how its runs are taken and
// where its copy lies.
func (t *table) schedule(machine string, p *Plan, get func(string) string) {
	read := func(column string, err error) {
		if err != nil {
			what, cure, _ := strings.Cut(err.Error(), ": ")
			t.fault("machines."+machine+"."+column, what, cure)
		}
	}
	read("days", p.Days.UnmarshalScalar(get("days")))
	read("monthly", p.Monthly.UnmarshalScalar(get("monthly")))
	read("except", p.Except.UnmarshalScalar(get("except")))
	if text := get("at"); text != "" {
		read("at", p.Starts.UnmarshalScalar(text))
	}
	for column, to := range map[string]interface{ UnmarshalScalar(string) error }{"warning": &p.Warning, "min_size": &p.MinSize, "ignore": &p.Ignore, "kind": &p.Kind, "medium": &p.Medium, "offsite": &p.Offsite, "immutable": &p.Immutable} {
		if text := get(column); text != "" {
			read(column, to.UnmarshalScalar(text))
		}
	}
	p.Location = get("location")
	if text := get("interval"); text != "" {
		var err error
		p.Interval, err = strict.ParseDuration(text)
		read("interval", err)
	}
}

// join adds to a machine what a further line says of it.
func (t *table) join(first *Machine, m Machine) {
	differs := func(column, had, has string) {
		t.fault("machines."+m.Name+"."+column, fmt.Sprintf("%q here, %q at line %d", has, had, first.At.Line), "write the same on each line of a machine")
	}
	if m.Class != first.Class {
		differs("class", first.Class, m.Class)
	}
	switch {
	case first.User == "":
		first.User = m.User
	case m.User != "" && m.User != first.User:
		differs("user", first.User, m.User)
		t.faults[len(t.faults)-1].Kind = OtherUser
	}
	if first.RestoreEvery == 0 {
		first.RestoreTested, first.RestoreEvery = m.RestoreTested, m.RestoreEvery
	}
	first.Plans = append(first.Plans, m.Plans...)
	for _, a := range m.Aliases {
		if !slices.Contains(first.Aliases, a) {
			first.Aliases = append(first.Aliases, a)
		}
	}
}

func (t *table) plans(machine, text string) []Plan {
	var plans []Plan
	for _, item := range Items(text) {
		p, ok := ParsePlanItem(item)
		if !ok {
			t.fault("machines."+machine+".plans", fmt.Sprintf("%q is not a plan", item), "write role:engine:name, such as primary:acronis:daily, several separated by |")
			continue
		}
		p.At = t.at
		plans = append(plans, p)
	}
	return plans
}
