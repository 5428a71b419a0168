// Package act is the one table of what people can do to an incident. The command
// line, the reader of stories, the pages behind links, the commands in mails, the
// API and docs/acts.md are made of it; package rules says what each act does.
package act

import (
	"fmt"
	"slices"
	"strings"

	"vigie/internal/phrase"
)

// Role is a kind of person who acts.
type Role string

// The roles. A viewer reads and does nothing.
const (
	Viewer   Role = "viewer"
	Customer Role = "customer" // one of the customer's own people
	Operator Role = "operator"
	Manager  Role = "manager"
)

// Kind says what a field holds, and so how it is asked for.
type Kind string

// The kinds of field.
const (
	Text     Kind = "text"     // a few sentences
	Line     Kind = "line"     // a few words
	YesNo    Kind = "yes/no"   // yes or no
	Date     Kind = "date"     // 2026-03-20, or an instant
	Instant  Kind = "instant"  // 2026-03-20T17:30, or 17:30 today
	Person   Kind = "person"   // an id of the inventory
	Choice   Kind = "choice"   // one of Choices
	Outcome  Kind = "outcome"  // of a phone call, from the scenario
	Cause    Kind = "cause"    // a code of the policy
	Severity Kind = "severity" // from the scenario
)

// Field is one thing that an act is told beside who acts.
type Field struct {
	Name string
	Kind Kind
	// Required fields are never left out. Missing is what a refusal says then;
	// where it is empty the act itself refuses, in words of its own.
	Required bool
	Missing  string
	// Choices are usual values; a Choice takes others too unless the act says no.
	Choices []string
	// Help says in English what it is.
	Help string
	// Internal is filled in by Vigie itself.
	Internal bool
}

// Form is one way to be asked for an act: a button of a mail, with its page.
type Form struct {
	// Purpose names the button; its words are title.PURPOSE and button.PURPOSE.
	Purpose string
	// Settled are fields that the button settles, as name and value.
	Settled []string
	// Asks are the fields that its page asks for, Must those that it insists on.
	Asks, Must []string
	// Writes are the fields that the command in a mail shows.
	Writes []string
}

// Act is one row of the table.
type Act struct {
	Verb string
	// Does says in English what comes of it.
	Does   string
	Fields []Field
	// Ended acts can be done to an incident that is over, too, except in the
	// states of Not.
	Ended bool
	Not   []string
	// Platform acts belong to scenarios of platforms.
	Platform bool
	// Who may do it.
	Who   []Role
	Forms []Form
}

// Field returns a field by its name.
func (a Act) Field(name string) (Field, bool) {
	i := slices.IndexFunc(a.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return a.Fields[i], true
}

// Names are the fields that people may give, in the table's order.
func (a Act) Names() []string {
	var out []string
	for _, f := range a.Fields {
		if !f.Internal {
			out = append(out, f.Name)
		}
	}
	return out
}

// Unknown says what is wrong with a field that the act does not have.
func (a Act) Unknown(field string) phrase.Phrase {
	return phrase.Of("{act} has no field {quoted}: it knows {known}", "act", a.Verb, "quoted", field, "known", strings.Join(a.Names(), ", "))
}

// May reports whether people of a role may do it.
func (a Act) May(r Role) bool { return slices.Contains(a.Who, r) }

// Of returns the row of a verb.
func Of(verb string) (Act, bool) {
	for _, a := range table {
		if a.Verb == verb {
			return a, true
		}
	}
	return Act{}, false
}

// Verbs are all acts, in the order of the handbook.
func Verbs() []string {
	var out []string
	for _, a := range table {
		out = append(out, a.Verb)
	}
	return out
}

// FieldNames are the fields of all acts, sorted, each once.
func FieldNames() []string {
	var out []string
	for _, a := range table {
		out = append(out, a.Names()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// For returns the act and the form of a button's purpose.
func For(purpose string) (Act, Form, bool) {
	for _, a := range table {
		for _, f := range a.Forms {
			if f.Purpose == purpose {
				return a, f, true
			}
		}
	}
	return Act{}, Form{}, false
}

// Command is the command line that does what a button does, with … for what has
// to be filled in; "" for a purpose that is no act's.
func Command(purpose, incident string) string {
	a, form, ok := For(purpose)
	if !ok {
		return ""
	}
	line := "vigie act " + a.Verb + " " + incident
	for i := 0; i+1 < len(form.Settled); i += 2 {
		line += " " + form.Settled[i] + "=" + form.Settled[i+1]
	}
	for _, name := range form.Writes {
		f, _ := a.Field(name)
		line += " " + name + "=" + f.blank()
	}
	return line
}

// blank stands for a value in a command: in quotes where it may have spaces.
func (f Field) blank() string {
	spaces := slices.ContainsFunc(f.Choices, func(c string) bool { return strings.Contains(c, " ") })
	if f.Kind == Text || f.Kind == Line || spaces {
		return `"…"`
	}
	return "…"
}

// describe says in English what a field takes.
func (f Field) describe() string {
	text := f.Help
	if len(f.Choices) > 0 {
		text += ": " + strings.Join(f.Choices, ", ")
	}
	if f.Required {
		text += " (required)"
	}
	return text
}

// Help is the description of the act on the command line.
func (a Act) Help() string {
	var b strings.Builder
	b.WriteString(a.Does + ".\n\nFields:\n")
	for _, f := range a.Fields {
		if !f.Internal {
			fmt.Fprintf(&b, "  %s=%s  %s\n", f.Name, f.blank(), f.describe())
		}
	}
	b.WriteString("\nExample:")
	for _, f := range a.Forms {
		b.WriteString("\n  " + Command(f.Purpose, "12"))
	}
	return b.String()
}

// Reference is the table for people, in Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString("| act | what comes of it | fields | who | when |\n|---|---|---|---|---|\n")
	for _, a := range table {
		var fields, who []string
		for _, f := range a.Fields {
			if !f.Internal {
				fields = append(fields, "`"+f.Name+"` "+strings.ReplaceAll(f.describe(), "|", "/"))
			}
		}
		for _, r := range a.Who {
			who = append(who, string(r))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", a.Verb, a.Does, strings.Join(fields, "<br>"), strings.Join(who, ", "), a.when())
	}
	return b.String()
}

func (a Act) when() string {
	text := "while it is open"
	if a.Ended {
		text = "always"
	}
	if len(a.Not) > 0 {
		text = "not when it is " + strings.Join(a.Not, " or ")
	}
	if a.Platform {
		text += ", platforms only"
	}
	return text
}
