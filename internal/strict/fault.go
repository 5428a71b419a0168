package strict

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Position is where a value is written. A struct field of this type is filled
// with the position of its struct.
type Position struct {
	File string
	Line int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Fault is one thing wrong with a file.
type Fault struct {
	Position
	Path string // scenarios[2].steps[0].when
	What string // what is wrong, and how to mend it unless Cure says that
	Cure string // how to mend it; "" when What says it
	// Kind is set for faults that somebody may want to word in another way.
	// Name is then the key or the value at fault, Known what could stand there.
	Kind  Kind
	Name  string
	Known []string
}

// Kind is a kind of fault.
type Kind string

// The kinds of fault that a decoder finds.
const (
	Syntax     Kind = "syntax"      // not YAML at all
	WrongShape Kind = "wrong_shape" // keys and values were expected
	UnknownKey Kind = "unknown_key"
	BadValue   Kind = "bad_value" // what a [Scalar] refused
)

func (f Fault) Error() string {
	text := f.Position.String() + ": "
	if f.Path != "" {
		text += f.Path + ": "
	}
	text += f.What
	if f.Cure != "" {
		text += ": " + f.Cure
	}
	return text
}

// Faults are all faults found, in the order of the file.
type Faults []Fault

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns nil when there is no fault.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

var syntaxLine = regexp.MustCompile(`^line (\d+): `)

// syntaxFault takes the line out of the parser's own message, or finds it where
// the parser names none.
func syntaxFault(f File, err error) Fault {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	at, cure := -1, "check indentation (spaces, no tabs), colons and quotes near this line"
	if m := syntaxLine.FindStringSubmatch(what); m != nil {
		line, _ := strconv.Atoi(m[1])
		return Fault{Position: Position{f.Name, line}, Kind: Syntax, What: "not valid YAML: " + what[len(m[0]):] + "; " + cure}
	}
	if _, rest, ok := strings.Cut(what, "unknown anchor '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		at, cure = bytes.Index(f.Text, []byte("*"+name)), "write &"+name+" at a value above it, or put what begins with * into quotes"
	} else if i := bytes.IndexFunc(f.Text, func(r rune) bool { return r == utf8.RuneError }); i >= 0 && strings.Contains(what, "UTF-8") {
		at, cure = i, "save the file as UTF-8"
	} else if strings.Contains(what, "control characters") {
		at, cure = bytes.IndexFunc(f.Text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n\u0085", r) }), "take it out"
	}
	return Fault{Position: Position{f.Name, 1 + bytes.Count(f.Text[:max(at, 0)], []byte("\n"))}, Kind: Syntax, What: "not valid YAML: " + what + "; " + cure}
}
