// Package ask is how pages ask people for something: every form's fields, and what is
// wrong with them, said at the field. What was typed stays, and the first field with
// a fault has the focus.
package ask

import (
	"embed"
	"html/template"
	"strings"
)

//go:embed field.html
var files embed.FS

// Template adds the template "field" to those of a page; it is given a [Field].
func Template(t *template.Template) *template.Template {
	return template.Must(t.ParseFS(files, "field.html"))
}

// Option is one of the things that can be chosen.
type Option struct {
	Value, Text string
	Chosen      bool
}

// Field is one thing that a form asks for.
type Field struct {
	// Form tells apart the fields of several forms on one page.
	Form string
	Name string
	// Kind is that of an HTML input, or area, select or check.
	Kind string
	// Label is what it is called, Soft what follows more quietly, Also the same in
	// English on a page in both languages.
	Label, Soft, Also string
	Hint              string
	Value             string
	Required          bool
	// Options are those of a select; to other kinds they are suggestions.
	Options []Option
	// Most bounds what is typed, Latest the day of a date.
	Most   int
	Latest string
	// Rows are the lines of an area.
	Rows int
	// Complete tells the browser what it may fill in; "off" for nothing.
	Complete string
	// Wrong is what is wrong with it; Focus is set for the first such field, or for
	// the one to begin with.
	Wrong string
	Focus bool
}

// ID names its control on the page.
func (f Field) ID() string { return strings.TrimPrefix(f.Form+"-"+f.Name, "-") }

// Described names what describes its control beside the label.
func (f Field) Described() string {
	var out []string
	if f.Wrong != "" {
		out = append(out, f.ID()+"-wrong")
	}
	if f.Hint != "" {
		out = append(out, f.ID()+"-hint")
	}
	return strings.Join(out, " ")
}

// Length is the most that can be typed.
func (f Field) Length() int {
	switch {
	case f.Most > 0:
		return f.Most
	case f.Kind == "area":
		return 2000
	}
	return 500
}

// Lines are the lines that an area shows.
func (f Field) Lines() int { return max(f.Rows, 3) }

// Faults are what is wrong with the fields of a form, by their names.
type Faults map[string]string

// Missing adds a fault for each field that must be filled in and is not.
func (w Faults) Missing(fields []Field, says string) {
	for _, f := range fields {
		if f.Required && strings.TrimSpace(f.Value) == "" && w[f.Name] == "" {
			w[f.Name] = says
		}
	}
}

// Mark puts faults at their fields, gives the focus to the first of these, and reports
// whether each fault found its field.
func Mark(fields []Field, wrong Faults) (all bool) {
	found, focus := 0, false
	for i := range fields {
		f := &fields[i]
		f.Wrong = wrong[f.Name]
		if f.Wrong == "" {
			continue
		}
		found++
		f.Focus, focus = !focus, true
	}
	if focus { // another would have it otherwise
		for i := range fields {
			fields[i].Focus = fields[i].Focus && fields[i].Wrong != ""
		}
	}
	return found == len(wrong)
}
