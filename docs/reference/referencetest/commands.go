package referencetest

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// Commands is the reference of a program's command lines: each verb with its
// arguments and flags, as --help tells them. How is the command that makes it
// anew; verbs below one of the elsewhere are told by another page, which it names.
func Commands(how string, elsewhere map[string]string, app *kingpin.ApplicationModel, more ...*kingpin.ApplicationModel) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: every command\n\nMade of the program by `%s`. %s\n", app.Name, how, firstParagraph(app.Help))
	title := ""
	if len(app.Commands) > 0 {
		title = "Flags of every verb"
	}
	table(&b, title, app.Args, app.Flags)
	commands(&b, app.Name, app.CmdGroupModel, elsewhere)
	for _, x := range more {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", x.Name, firstParagraph(x.Help))
		table(&b, "", x.Args, x.Flags)
	}
	return b.String()
}

func commands(b *strings.Builder, above string, g *kingpin.CmdGroupModel, elsewhere map[string]string) {
	for _, c := range g.Commands {
		name := above + " " + c.Name
		if c.Hidden || c.Name == "help" {
			continue
		}
		what, examples, _ := strings.Cut(c.Help, "\n\nExample")
		fmt.Fprintf(b, "\n## %s\n\n%s\n", name, strings.TrimSpace(what))
		if _, list, ok := strings.Cut(examples, ":\n"); ok {
			list, _, _ = strings.Cut(list, "\n\n")
			fmt.Fprintf(b, "\n```\n%s\n```\n", strings.TrimRight(unindent(list), "\n"))
		}
		table(b, "", c.Args, c.Flags)
		if where := elsewhere[c.Name]; where != "" {
			fmt.Fprintf(b, "\n%s\n", where)
			continue
		}
		if c.CmdGroupModel != nil {
			commands(b, name, c.CmdGroupModel, elsewhere)
		}
	}
}

// table lists arguments and flags with what holds without them.
func table(b *strings.Builder, title string, args []*kingpin.ArgModel, flags []*kingpin.FlagModel) {
	var rows []string
	for _, a := range args {
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", strings.ToUpper(a.Name), without(a.Required, a.Default, ""), cell(a.Help)))
	}
	for _, f := range flags {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			continue
		}
		name := "--" + f.Name
		if !f.IsBoolFlag() {
			name += "=…"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", name, without(f.Required, f.Default, f.Envar), cell(f.Help)))
	}
	if len(rows) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(b, "\n%s:\n", title)
	}
	fmt.Fprintf(b, "\n| | without it | |\n|---|---|---|\n%s\n", strings.Join(rows, "\n"))
}

func without(required bool, usual []string, envar string) string {
	var out []string
	if envar != "" {
		out = append(out, "`$"+envar+"`")
	}
	switch {
	case len(usual) > 0 && strings.Join(usual, "") != "":
		out = append(out, "`"+cell(strings.Join(usual, " "))+"`")
	case required:
		out = append(out, "**required**")
	}
	return strings.Join(out, ", else ")
}

func firstParagraph(text string) string {
	first, _, _ := strings.Cut(text, "\n\n")
	return first
}

func unindent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimPrefix(line, "  "))
	}
	return b.String()
}
