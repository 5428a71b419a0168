package programs

import (
	"regexp"
	"slices"
	"strings"
)

// Calls tells which calls of a program are backups. A program may be called for
// many things beside: nobody should take a list or a rehearsal for one.
type Calls struct {
	// Idle is an option by which nothing is saved, whatever the command is.
	Idle *Whole `yaml:"idle"`
	// Values are the options whose value is the next argument.
	Values *Whole `yaml:"values"`
	// First is a first argument by which nothing is saved.
	First *Whole `yaml:"first"`
	// Saves, Tends and Other are the commands that save, those that look after
	// what was saved (their failure is one of the backup) and all others, of one
	// or two words. The first that is known counts.
	Saves *Whole `yaml:"saves"`
	Tends *Whole `yaml:"tends"`
	Other *Whole `yaml:"other"`
	// Command says that the program does nothing without one of these commands.
	Command bool `yaml:"command"`
	// Several says that one call may hold several: one that saves counts.
	Several bool `yaml:"several"`
	// Beside says that the program is called for much else: where a script calls it with
	// one of Saves, its calls without save nothing.
	Beside bool `yaml:"beside"`
}

// surely tells a call by which something is saved from one of which nobody can tell.
func (c *Calls) surely(arguments []string) bool {
	for i := range arguments {
		if kind, known := c.command(arguments[i:]); known && kind == callSaves {
			return true
		}
	}
	return false
}

// call is what a program was called for.
type call int

const (
	callSaves  call = iota // or nobody can tell
	callTends              // a success of it is none of a backup
	callListed             // neither its success nor its failure says anything
)

// help asks a program about itself; -h means something else to many.
var help = regexp.MustCompile(`^(--help|--version)$`)

// of finds out what a program was called for by its own arguments. It is named if
// it was called itself and not by a script.
func (c *Calls) of(name string, arguments []string, named bool) (call, string) {
	if slices.ContainsFunc(arguments, help.MatchString) {
		return callListed, "that only asks " + name + " about itself"
	}
	if c == nil {
		return callSaves, ""
	}
	words := []string{}
	if len(arguments) > 0 && c.First.whole(arguments[0]) {
		return callListed, "with " + arguments[0] + " nothing is saved"
	}
	for i := 0; i < len(arguments); i++ {
		a := arguments[i]
		switch {
		case a == "--":
			words = append(words, arguments[i+1:]...)
			i = len(arguments)
		case c.Values.whole(a):
			i++
		case c.Idle.whole(a):
			return callListed, "with " + a + " nothing is saved"
		default:
			words = append(words, a)
		}
	}
	found, said := callSaves, ""
	for i := range words {
		kind, known := c.command(words[i:])
		switch {
		case !known:
		case kind == callSaves:
			return callSaves, ""
		case said == "":
			found, said = kind, name+" "+words[i]+" saves nothing"
		}
		if known && !c.Several {
			break
		}
	}
	variable := func(word string) bool { return strings.Contains(word, "$") } // of a script: nobody knows what it holds
	if said == "" && c.Command && named && !slices.ContainsFunc(words, variable) {
		return callTends, "no word of it is known for a backup of " + name
	}
	return found, said
}

// command looks at the first of the words, and at it with the next; options may stand between.
func (c *Calls) command(words []string) (call, bool) {
	two := words[0]
	if next := slices.IndexFunc(words[1:], func(w string) bool { return !strings.HasPrefix(w, "-") }); next >= 0 {
		two += " " + words[1+next]
	}
	for kind, p := range []*Whole{callSaves: c.Saves, callTends: c.Tends, callListed: c.Other} {
		if p.whole(words[0]) || p.whole(two) {
			return call(kind), true
		}
	}
	return callSaves, false
}

// Whole is a regular expression for all of a text.
type Whole struct{ Pattern }

// UnmarshalScalar compiles it.
func (p *Whole) UnmarshalScalar(text string) error {
	return p.Pattern.UnmarshalScalar("^(?:" + text + ")$")
}

// whole tells whether the pattern fits a text; a missing one never does.
func (p *Whole) whole(text string) bool { return p != nil && p.MatchString(text) }
