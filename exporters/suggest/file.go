package suggest

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"

	"vigie/internal/fleet"
)

// header is that of a new file.
func header() []string {
	return []string{"customer", "machine", "class", "user", "aliases", "plans", "note"}
}

// Merge writes suggested machines into a CSV file of machines, or makes one where
// text is empty. What people wrote stays, column by column and line by line: only
// machines, plans and aliases that are missing are added, and a class and a user
// where none is given. It counts the machines that are new and those to which
// something was added.
func Merge(text []byte, suggested []Machine) (merged []byte, added, completed int, err error) {
	f := file{comma: ',', rows: [][]string{header()}}
	if len(bytes.TrimSpace(text)) > 0 {
		if f.comma, f.rows, err = fleet.Rows(text); err != nil {
			return nil, 0, 0, err
		}
		f.mark = bytes.HasPrefix(text, []byte("\ufeff"))
		f.crlf = bytes.Contains(text, []byte("\r\n"))
	}
	for _, m := range suggested {
		switch first := f.find(m); {
		case first < 0:
			f.add(m)
			added++
		case f.complete(first, m):
			completed++
		}
	}
	merged, err = f.text()
	return merged, added, completed, err
}

// file is a CSV file of machines while it is merged; its first row is the header.
type file struct {
	comma      rune
	rows       [][]string
	mark, crlf bool
}

// column is where a column stands; it is appended where wanted and missing, and
// -1 where missing.
func (f *file) column(name string, wanted bool) int {
	at := slices.IndexFunc(f.rows[0], func(n string) bool {
		n = strings.ToLower(strings.TrimSpace(n))
		return n == name || name == "class" && n == "machine_class"
	})
	if at < 0 && wanted {
		at = len(f.rows[0])
		for i := range f.rows {
			f.rows[i] = append(f.rows[i], "")
		}
		f.rows[0][at] = name
	}
	return at
}

func (f *file) get(row int, name string) string {
	if at := f.column(name, false); at >= 0 && at < len(f.rows[row]) {
		return strings.TrimSpace(f.rows[row][at])
	}
	return ""
}

func (f *file) set(row int, name, value string) {
	if value == "" || f.get(row, name) == value {
		return
	}
	at := f.column(name, true)
	for len(f.rows[row]) <= at {
		f.rows[row] = append(f.rows[row], "")
	}
	f.rows[row][at] = value
}

// find is the first row of a machine; -1 without one.
func (f *file) find(m Machine) int {
	for i := 1; i < len(f.rows); i++ {
		if f.get(i, "customer") == m.Customer && strings.EqualFold(f.get(i, "machine"), m.Name) {
			return i
		}
	}
	return -1
}

// add appends a machine.
func (f *file) add(m Machine) {
	for n, p := range f.lines(m.Plans) {
		row := f.line(len(f.rows), m)
		f.plan(row, p)
		if n == 0 {
			f.set(row, "user", m.User)
			f.set(row, "aliases", strings.Join(m.Aliases, "|"))
			f.set(row, "note", strings.Join(m.Notes, "; "))
		}
	}
}

// lines are the plans of one machine by line: all in one, or one on each.
func (f *file) lines(plans []fleet.Plan) [][]fleet.Plan {
	if !f.lineForEachPlan() || len(plans) == 0 {
		return [][]fleet.Plan{plans}
	}
	var out [][]fleet.Plan
	for _, p := range plans {
		out = append(out, []fleet.Plan{p})
	}
	return out
}

// lineForEachPlan tells a list with a line for each plan.
func (f *file) lineForEachPlan() bool {
	return f.column("plans", false) < 0 && f.column("plan", false) >= 0
}

// line puts a new row of a machine at a place.
func (f *file) line(at int, m Machine) int {
	f.rows = slices.Insert(f.rows, at, make([]string, len(f.rows[0])))
	f.set(at, "customer", m.Customer)
	f.set(at, "machine", m.Name)
	f.set(at, "class", m.Class)
	return at
}

func (f *file) plan(row int, plans []fleet.Plan) {
	if f.lineForEachPlan() {
		for _, p := range plans { // one
			f.set(row, "backup_role", p.Role)
			f.set(row, "engine", p.Engine)
			f.set(row, "plan", p.Plan)
		}
		return
	}
	items := fleet.Items(f.get(row, "plans"))
	for _, p := range plans {
		items = append(items, fleet.PlanItem(p))
	}
	f.set(row, "plans", strings.Join(items, "|"))
}

// complete adds to a machine what its rows lack; it reports whether it did.
func (f *file) complete(first int, m Machine) bool {
	before := len(f.rows)
	has, aliases, last := f.stands(first)
	var lack []fleet.Plan
	for _, p := range m.Plans {
		if !slices.ContainsFunc(has, func(o fleet.Plan) bool { return fits(o, p) }) {
			lack = append(lack, p)
		}
	}
	changed := len(lack) > 0
	if f.lineForEachPlan() {
		for _, p := range lack {
			last++
			f.plan(f.line(last, Machine{Machine: fleet.Machine{Customer: m.Customer, Name: f.get(first, "machine"), Class: f.get(first, "class")}}), []fleet.Plan{p})
		}
	} else {
		f.plan(first, lack)
	}
	for _, a := range m.Aliases {
		if !slices.ContainsFunc(aliases, func(o string) bool {
			_, bare, _ := strings.Cut(o, ":")
			return strings.EqualFold(o, a) || strings.EqualFold(bare, a) || fleet.IsPattern(o)
		}) {
			aliases, changed = append(aliases, a), true
			f.set(first, "aliases", strings.Join(aliases, "|"))
		}
	}
	for name, value := range map[string]string{"class": m.Class, "user": m.User} {
		if f.get(first, name) == "" && value != "" {
			f.set(first, name, value)
			changed = true
		}
	}
	return changed || len(f.rows) != before
}

// stands is what a machine's rows have, and the last of them.
func (f *file) stands(first int) (plans []fleet.Plan, aliases []string, last int) {
	for i := first; i < len(f.rows); i++ {
		if f.get(i, "customer") != f.get(first, "customer") || !strings.EqualFold(f.get(i, "machine"), f.get(first, "machine")) {
			continue
		}
		last = i
		if i == first {
			aliases = fleet.Items(f.get(i, "aliases"))
		}
		for _, item := range fleet.Items(f.get(i, "plans")) {
			if p, ok := fleet.ParsePlanItem(item); ok {
				plans = append(plans, p)
			}
		}
		if p := (fleet.Plan{Role: f.get(i, "backup_role"), Engine: f.get(i, "engine"), Plan: f.get(i, "plan")}); p != (fleet.Plan{}) {
			plans = append(plans, p)
		}
	}
	return plans, aliases, last
}

func (f *file) text() ([]byte, error) {
	var b bytes.Buffer
	if f.mark {
		b.WriteString("\ufeff")
	}
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = f.comma, f.crlf
	err := w.WriteAll(f.rows)
	return b.Bytes(), err
}
