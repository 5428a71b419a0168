package rules

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"

	"vigie/rules/sheet"
	"vigie/rules/strict"
)

// machineColumns are the columns of a CSV file of machines, in any order; only
// customer, machine and class must be there.
var machineColumns = [...]string{"customer", "machine", "class", "user", "aliases", "plans"}

// readMachines reads machines from CSV as spreadsheets write it: comma,
// semicolon or tab, in any encoding that [sheet.Decode] knows. Aliases and plans are lists
// separated by |, a plan is role:engine:name.
func (l *loader) readMachines(f SourceFile) []machineEntry {
	text, err := sheet.Decode(f.Text)
	if err != nil {
		l.fault(Position{File: f.Name, Line: 1}, "", "%v", err)
		return nil
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	r.TrimLeadingSpace = true
	header, _, _ := bytes.Cut(text, []byte("\n"))
	for _, other := range ";\t" { // what spreadsheets write where the comma is in numbers
		if bytes.Count(header, []byte(string(other))) > bytes.Count(header, []byte(string(r.Comma))) {
			r.Comma = other
		}
	}
	names, err := r.Read()
	if err != nil {
		l.fault(Position{File: f.Name, Line: 1}, "", "no header: begin with the line %s", strings.Join(machineColumns[:], ","))
		return nil
	}
	column := l.columns(Position{File: f.Name, Line: 1}, names)
	var entries []machineEntry
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			var parse *csv.ParseError
			at := Position{File: f.Name, Line: 1}
			if errors.As(err, &parse) {
				at.Line, err = parse.Line, parse.Err
			}
			l.fault(at, "", "not valid CSV: %s; double every quote inside a quoted value", err)
			return entries
		}
		line, _ := r.FieldPos(0)
		at := Position{File: f.Name, Line: line}
		if len(row) != len(names) {
			l.fault(at, "", "%d values for %d columns: quote values that contain the separator", len(row), len(names))
			continue
		}
		get := func(name string) string {
			if i, ok := column[name]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		entries = append(entries, machineEntry{
			At: at, Customer: get("customer"), Name: get("machine"), Class: get("class"), User: get("user"),
			Aliases: list(get("aliases")), Plans: l.csvPlans(at, get("machine"), get("plans")),
		})
	}
}

func (l *loader) columns(at Position, names []string) map[string]int {
	column := map[string]int{}
	for i, n := range names {
		n = strings.ToLower(strings.TrimSpace(n))
		if !slices.Contains(machineColumns[:], n) {
			hint := ": known are " + strings.Join(machineColumns[:], ", ")
			if best := strict.Nearest(n, machineColumns[:]); best != "" {
				hint = ": did you mean \"" + best + "\"?"
			}
			l.fault(at, "", "unknown column %q%s", n, hint)
			continue
		}
		if _, twice := column[n]; twice {
			l.fault(at, "", "column %q stands twice: keep one", n)
			continue
		}
		column[n] = i
	}
	for _, n := range machineColumns[:3] {
		if _, ok := column[n]; !ok {
			l.fault(at, "", "column %q is missing", n)
		}
	}
	return column
}

func (l *loader) csvPlans(at Position, machine, text string) []planEntry {
	var plans []planEntry
	for _, item := range list(text) {
		part := strings.SplitN(item, ":", 3)
		if len(part) != 3 {
			l.fault(at, "machines."+machine+".plans", "%q is not a plan: write role:engine:name, such as primary:acronis:daily, several separated by |", item)
			continue
		}
		plans = append(plans, planEntry{Role: strings.TrimSpace(part[0]), Engine: strings.TrimSpace(part[1]), Plan: strings.TrimSpace(part[2])})
	}
	return plans
}

func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, "|") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
