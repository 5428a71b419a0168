package suggest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"vigie/exporters"
	"vigie/internal/fleet"
)

// Recipe says how the export of another program becomes machines: that of a
// remote monitoring tool, or of a ticket tool.
type Recipe struct {
	// File is the export, CSV with a header, relative to the recipe.
	File string `yaml:"file"`
	// Columns are the names of its columns, by customer, machine, class, user and
	// aliases; the first two are needed.
	Columns map[string]string `yaml:"columns"`
	// Customers are the ids of customers by what the export calls them; without
	// one the id is made of the name.
	Customers map[string]string `yaml:"customers"`
	// Classes are the classes by what the export says in the column of class, with
	// * for anything; the first that fits counts.
	Classes []ClassRule `yaml:"classes"`
	// Users are the ids of people by what the export calls them. Who is not named
	// here is left out: the inventory must know its people.
	Users map[string]string `yaml:"users"`
	// Only and Skip choose lines: by column, values with * for anything.
	Only map[string][]string `yaml:"only"`
	Skip map[string][]string `yaml:"skip"`
}

// ClassRule gives the machines whose words fit a class.
type ClassRule struct {
	Fits  string `yaml:"fits"`
	Class string `yaml:"class"`
}

// fields are what a recipe may take from an export.
func fields() []string { return []string{"customer", "machine", "class", "user", "aliases"} }

// Check says what is wrong with a recipe.
func (r *Recipe) Check() (key, what, cure string) {
	for name := range r.Columns {
		if !slices.Contains(fields(), name) {
			return "columns." + name, "no such field", "known are " + strings.Join(fields(), ", ")
		}
	}
	for _, name := range fields()[:2] {
		if r.Columns[name] == "" {
			return "columns." + name, "no column", "name the export's column of it"
		}
	}
	for i, c := range r.Classes {
		if !slices.Contains(fleet.Classes(), c.Class) || c.Fits == "" {
			return fmt.Sprintf("classes.%d", i), fmt.Sprintf("%q is no class, or fits is empty", c.Class), "known are " + strings.Join(fleet.Classes(), ", ")
		}
	}
	if r.File == "" {
		return "file", "no export", "name the CSV file"
	}
	return "", "", ""
}

// Machines reads the export. Lines without a customer or a machine are refused by
// their number.
func (r *Recipe) Machines(text []byte) ([]Machine, error) {
	_, rows, err := fleet.Rows(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.File, err)
	}
	at, err := r.places(rows[0])
	if err != nil {
		return nil, err
	}
	var out []Machine
	for n, row := range rows[1:] {
		get := func(column string) string {
			if i, ok := at[column]; ok && column != "" && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		if strings.Join(row, "") == "" || !r.takes(get) {
			continue
		}
		m, err := r.machine(get)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d of the table: %w", r.File, n+2, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// places are the columns of the export by name; one that the recipe names and the
// export lacks is an error.
func (r *Recipe) places(names []string) (map[string]int, error) {
	at := map[string]int{}
	for i, n := range names {
		at[strings.TrimSpace(n)] = i
	}
	var wanted []string
	for _, c := range r.Columns {
		wanted = append(wanted, c)
	}
	for _, rule := range []map[string][]string{r.Only, r.Skip} {
		for c := range rule {
			wanted = append(wanted, c)
		}
	}
	slices.Sort(wanted)
	for _, c := range wanted {
		if _, ok := at[c]; !ok {
			return nil, fmt.Errorf("%s has no column %q: it has %s", r.File, c, strings.Join(names, ", "))
		}
	}
	return at, nil
}

func (r *Recipe) takes(get func(string) string) bool {
	for column, values := range r.Only {
		if !slices.ContainsFunc(values, func(v string) bool { return like(v, get(column)) }) {
			return false
		}
	}
	for column, values := range r.Skip {
		if slices.ContainsFunc(values, func(v string) bool { return like(v, get(column)) }) {
			return false
		}
	}
	return true
}

// like compares without regard to case; * stands for anything.
func like(pattern, text string) bool {
	if !strings.ContainsAny(pattern, "*?[") {
		return strings.EqualFold(pattern, text)
	}
	// A name may hold a slash, which path.Match takes for a border.
	plain := strings.NewReplacer("/", "\x00").Replace
	ok, _ := path.Match(strings.ToLower(plain(pattern)), strings.ToLower(plain(text)))
	return ok
}

func (r *Recipe) machine(get func(string) string) (Machine, error) {
	var m Machine
	m.Called = get(r.Columns["customer"])
	if m.Customer = r.Customers[m.Called]; m.Customer == "" {
		m.Customer = exporters.Slug(m.Called)
	}
	if m.Name = get(r.Columns["machine"]); m.Name == "" || m.Customer == "" {
		return m, errors.New("customer or machine is empty: leave the line out with `skip:` in the recipe")
	}
	m.Class = "other"
	if word := get(r.Columns["class"]); r.Columns["class"] != "" {
		i := slices.IndexFunc(r.Classes, func(c ClassRule) bool { return like(c.Fits, word) })
		switch {
		case i >= 0:
			m.Class = r.Classes[i].Class
		case slices.Contains(fleet.Classes(), strings.ToLower(word)):
			m.Class = strings.ToLower(word)
		default:
			m.note("class of %q is not told: server, nas, workstation or other?", word)
		}
	} else {
		m.note("class is not told: server, nas, workstation or other?")
	}
	if user := get(r.Columns["user"]); user != "" {
		if m.User = r.Users[user]; m.User == "" {
			m.note("user %s is not in the recipe", user)
		}
	}
	m.Aliases = fleet.Items(get(r.Columns["aliases"]))
	return m, nil
}

// Join puts what an export tells beside what the sources list: the export says
// class and user, the sources say plans. A machine without any backup is noted.
func Join(exported, listed []Machine) []Machine {
	out := slices.Clone(listed)
	at := map[[2]string]int{}
	for i := range out {
		at[[2]string{out[i].Customer, short(out[i].Name)}] = i
	}
	for _, m := range exported {
		i, ok := at[[2]string{m.Customer, short(m.Name)}]
		if !ok {
			m.note("no source lists a backup of it")
			out = append(out, m)
			continue
		}
		o := &out[i]
		if m.Class != "other" {
			o.Class = m.Class
			o.Notes = slices.DeleteFunc(slices.Clone(o.Notes), func(n string) bool { return strings.HasPrefix(n, "class") })
		}
		o.User = m.User
		for _, a := range append([]string{m.Name}, m.Aliases...) {
			if !strings.EqualFold(a, o.Name) && !slices.ContainsFunc(o.Aliases, func(x string) bool { return strings.EqualFold(x, a) }) {
				o.Aliases = append(slices.Clone(o.Aliases), a)
			}
		}
		o.Notes = append(slices.Clone(o.Notes), slices.DeleteFunc(m.Notes, func(n string) bool { return strings.HasPrefix(n, "class") })...)
	}
	return out
}
