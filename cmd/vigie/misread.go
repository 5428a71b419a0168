package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"vigie/internal/strict"
)

// misread says what is wrong with a command line, and what was probably meant.
func misread(app *kingpin.Application, args []string, err error) string {
	name, flags, verbs := "vigie", app.Model().FlagGroupModel, app.Model().CmdGroupModel
	// The verb that was read before the fault says whose flags and verbs are known.
	if read, _ := app.ParseContext(args); read != nil && read.SelectedCommand != nil {
		m := read.SelectedCommand.Model()
		name, verbs = "vigie "+m.FullCommand, m.CmdGroupModel
		flags = &kingpin.FlagGroupModel{Flags: append(append([]*kingpin.FlagModel{}, m.Flags...), flags.Flags...)}
	}
	text := err.Error()
	if _, flag, ok := strings.Cut(text, "unknown long flag '"); ok {
		text = strict.Unknown("flag", strings.TrimSuffix(flag, "'"), flagNames(flags))
	} else if _, word, ok := strings.Cut(text, "expected command but got "); ok && len(verbs.Commands) > 0 {
		text = strict.Unknown("verb", strings.Trim(word, `"`), verbNames(verbs))
	}
	if strings.Contains(text, "'--token-file'") {
		text = "who are you? Name the file with your token with --token-file or in VIGIE_TOKEN_FILE; " + tokenMade
	}
	return fmt.Sprintf("%s: %s; try %s --help", name, text, name)
}

func flagNames(g *kingpin.FlagGroupModel) (out []string) {
	for _, f := range g.Flags {
		if !f.Hidden {
			out = append(out, "--"+f.Name)
		}
	}
	return out
}

func verbNames(g *kingpin.CmdGroupModel) (out []string) {
	for _, v := range g.Commands {
		out = append(out, v.Name)
	}
	return out
}
