// Package programs is the table of what backup programs mean by their exit
// codes and their output. It is pure: it is given a code and lines, and tells
// a verdict.
package programs

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

//go:embed programs.yml
var shipped []byte

// Result is what a run came to.
type Result string

// The results of a row. Running and NotDue are no outcome of a backup.
const (
	Success   Result = "success"
	Warning   Result = "warning"
	Failed    Result = "failed"
	Cancelled Result = "cancelled"
	Running   Result = "running" // another run holds the lock
	NotDue    Result = "not_due" // nothing to report
	Empty     Result = "empty"   // it went well and saved nothing, told as a warning without files
)

// Table holds the programs by name.
type Table struct{ programs map[string]*Program }

// Program is what is known of one program.
type Program struct {
	Name     string   `yaml:"-"`
	Verified string   `yaml:"verified"` // version whose codes and messages were observed
	Note     string   `yaml:"note"`     // what the user has to know
	Reads    []string `yaml:"reads"`    // stdout, stderr; stderr if empty
	Size     *Pattern `yaml:"size"`     // its first group is the number of bytes
	Files    *Pattern `yaml:"files"`    // its first group is the number of files
	Calls    *Calls   `yaml:"calls"`    // which of its calls are backups
	// Fails is what it says when it fails as a whole, asked for where a script hides its
	// code. What begins with its name and an error is known without.
	Fails   *Pattern `yaml:"fails"`
	Rows    []Row    `yaml:"rows"`
	own     int      // how many rows are the user's, which count before Calls
	unnamed bool     // a command of which nothing is known
}

// Unnamed is a program of which nothing is known but that its 0 is a success.
func Unnamed(name string) *Program {
	return &Program{Name: name, Rows: []Row{{Code: Codes{{0, 0}}, Result: Success}}, unnamed: true}
}

// Row is one meaning; the first whose conditions hold counts.
type Row struct {
	Code     Codes    `yaml:"code"`
	Output   Patterns `yaml:"output"`   // each is found in some line
	Without  Patterns `yaml:"without"`  // none is found in any line
	Same     Patterns `yaml:"same"`     // the last that each takes out of a line is the same
	Argument Patterns `yaml:"argument"` // each is found in some argument of the command
	Script   *Pattern `yaml:"script"`   // is found in the script that calls the program
	Own      bool     `yaml:"own"`      // the code is the program's own, not of what stands in front of it
	First    *Pattern `yaml:"first"`    // of the standard output's first line
	Last     *Pattern `yaml:"last"`     // of its last line
	Nothing  bool     `yaml:"nothing"`  // the program was called itself and wrote nothing to its standard output
	Result   Result   `yaml:"result"`
	Strict   Result   `yaml:"strict"` // in place of Result where the user wants all or nothing
	Words    string   `yaml:"words"`
	Known    bool     `yaml:"known"` // documented, but not produced in a real run
}

// Shipped reads the table that the program carries.
func Shipped() (*Table, error) {
	t := &Table{programs: map[string]*Program{}}
	return t, t.read("programs.yml", shipped)
}

func (t *Table) read(file string, text []byte) error {
	var found map[string]*Program
	if err := strict.Decode(file, text, &found); err != nil {
		return err
	}
	for name, p := range found {
		if p == nil || len(p.Rows) == 0 {
			return fmt.Errorf("%s: %s: no rows", file, name)
		}
		p.Name = name
		if err := checkRows(p.Rows); err != nil {
			return fmt.Errorf("%s: %s: %w", file, name, err)
		}
		for _, s := range p.Reads {
			if s != "stdout" && s != "stderr" {
				return fmt.Errorf("%s: %s: reads: %q is no stream; write stdout or stderr", file, name, s)
			}
		}
		t.programs[name] = p
	}
	return nil
}

// Add takes the rows of a user's file, which stand before the shipped ones:
//
//	codes:
//	  rsync: [{code: 23, result: warning}]
//	  my-script: [{code: 2, output: 'nothing to do', result: not_due}]
//
// A program that is not known has no other rows; its 0 is a success.
func (t *Table) Add(file string, text []byte) error {
	var doc struct {
		Codes map[string][]Row `yaml:"codes"`
	}
	if err := strict.Decode(file, text, &doc); err != nil {
		return fmt.Errorf("%w; write for example codes: {rsync: [{code: 23, result: warning}]}", err)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Codes)) {
		rows := doc.Codes[name]
		if err := checkRows(rows); err != nil {
			return fmt.Errorf("%s: codes.%s: %w", file, name, err)
		}
		p := t.programs[name]
		if p == nil {
			p = &Program{Name: name, Reads: []string{"stdout", "stderr"}, Rows: []Row{{Code: Codes{{0, 0}}, Result: Success}}}
		}
		own := *p
		own.Rows = append(slices.Clone(rows), p.Rows...)
		own.own += len(rows)
		for _, r := range rows {
			if len(r.Output) > 0 || len(r.Without) > 0 || len(r.Same) > 0 || r.First != nil || r.Last != nil {
				own.Reads = []string{"stdout", "stderr"}
			}
		}
		t.programs[name] = &own
	}
	return nil
}

func checkRows(rows []Row) error {
	for i, r := range rows {
		if len(r.Code) == 0 {
			return fmt.Errorf("row %d: code: missing; write a number, a range such as 4-7, a list of them, or any", i+1)
		}
		if len(r.Same) == 1 || slices.ContainsFunc(r.Same, func(p Pattern) bool { return p.NumSubexp() != 1 }) {
			return fmt.Errorf("row %d: same: nothing to compare; write two patterns with one group (...) each", i+1)
		}
		for _, res := range []Result{r.Result, r.Strict} {
			switch res {
			case Success, Warning, Failed, Cancelled, Running, NotDue, Empty:
			case "":
				if r.Result == "" {
					return fmt.Errorf("row %d: result: missing; write success, warning, failed, cancelled, running, not_due or empty", i+1)
				}
			default:
				return fmt.Errorf("row %d: result: %q is none; write success, warning, failed, cancelled, running, not_due or empty", i+1, res)
			}
		}
	}
	return nil
}

// Get finds a program.
func (t *Table) Get(name string) (*Program, bool) {
	p, ok := t.programs[name]
	return p, ok
}

// Names lists the programs.
func (t *Table) Names() []string { return slices.Sorted(maps.Keys(t.programs)) }

// Codes are ranges of exit codes.
type Codes [][2]int

// The bounds of exit codes on every system; a row for any has both.
const lowest, highest = -1 << 31, 1<<31 - 1

// UnmarshalStrict reads 3, "4-7", any, or a list of them.
func (c *Codes) UnmarshalStrict(n *yaml.Node, _ *strict.Decoder) error {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		r, err := parseRange(item.Value)
		if err != nil {
			return fmt.Errorf("%q is no exit code; write a number, a range such as 4-7, a list of them, or any", item.Value)
		}
		*c = append(*c, r)
	}
	return nil
}

func parseRange(s string) ([2]int, error) {
	if s == "any" {
		return [2]int{lowest, highest}, nil
	}
	from, to, isRange := strings.Cut(s, "-")
	if !isRange || from == "" {
		from, to = s, s
	}
	a, err := strconv.Atoi(from)
	b, err2 := strconv.Atoi(to)
	if err := errors.Join(err, err2); err != nil || a > b {
		return [2]int{}, errors.New("no range")
	}
	return [2]int{a, b}, nil
}

func (c Codes) has(code int) bool {
	return slices.ContainsFunc(c, func(r [2]int) bool { return code >= r[0] && code <= r[1] })
}

// String writes them as the table's page shows them.
func (c Codes) String() string {
	var out []string
	for _, r := range c {
		switch {
		case r[0] == lowest:
			out = append(out, "any")
		case r[0] == r[1]:
			out = append(out, strconv.Itoa(r[0]))
		default:
			out = append(out, fmt.Sprintf("%d-%d", r[0], r[1]))
		}
	}
	return strings.Join(out, ", ")
}

// Pattern is a regular expression.
type Pattern struct{ *regexp.Regexp }

// UnmarshalScalar compiles it.
func (p *Pattern) UnmarshalScalar(text string) error {
	re, err := regexp.Compile(text)
	if err != nil {
		return fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	p.Regexp = re
	return nil
}

// Patterns are one or several.
type Patterns []Pattern

// UnmarshalStrict reads one or a list.
func (p *Patterns) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	if n.Kind == yaml.SequenceNode {
		d.Into(n, (*[]Pattern)(p), d.Path())
		return nil
	}
	*p = make(Patterns, 1)
	d.Into(n, &(*p)[0], d.Path())
	return nil
}
