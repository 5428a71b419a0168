package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
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
	// Kind is set for faults that somebody may want to tell from others, or to word in
	// another way. Of an unknown key Name is the key, Known what could stand there.
	Kind  Kind
	Name  string
	Known []string
}

// Kind is a kind of fault.
type Kind string

// The kinds of fault that are of a key: their path is that of what holds it.
const (
	UnknownKey  Kind = "unknown_key"
	RepeatedKey Kind = "repeated_key"
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

// Beside are further faults of a file without those that only follow from these:
// what is said to be missing or wrong at, or below, a value that was not understood.
func (fs Faults) Beside(more Faults) Faults {
	return slices.DeleteFunc(more, func(m Fault) bool {
		return slices.ContainsFunc(fs, func(f Fault) bool {
			if f.File != m.File && m.File != "" || f.Kind == UnknownKey || f.Kind == RepeatedKey {
				return false
			}
			rest, below := strings.CutPrefix(m.Path, f.Path)
			return below && (f.Path == "" || rest == "" || strings.ContainsRune(".[", rune(rest[0])))
		})
	})
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

// maxReread bounds what is read again to find a fault's line.
const maxReread = 4 << 20

var syntaxLine = regexp.MustCompile(`^line (\d+): `)

// syntaxFault takes the line out of the parser's own message, or finds it where
// the parser names none.
func syntaxFault(f File, err error) Fault {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	at, cure := -1, "check indentation (spaces, no tabs), colons and quotes near this line"
	if m := syntaxLine.FindStringSubmatch(what); m != nil {
		return Fault{Position: Position{f.Name, brokenLine(f.Text)}, What: "not valid YAML: " + what[len(m[0]):] + "; " + cure}
	}
	if _, rest, ok := strings.Cut(what, "unknown anchor '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		at, cure = bytes.Index(f.Text, []byte("*"+name)), "write &"+name+" at a value above it, or put what begins with * into quotes"
	} else if i := bytes.IndexFunc(f.Text, func(r rune) bool { return r == utf8.RuneError }); i >= 0 && strings.Contains(what, "UTF-8") {
		at, cure = i, "save the file as UTF-8"
	} else if strings.Contains(what, "control characters") {
		at, cure = bytes.IndexFunc(f.Text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n\u0085", r) }), "take it out"
	}
	return Fault{Position: Position{f.Name, 1 + bytes.Count(f.Text[:max(at, 0)], []byte("\n"))}, What: "not valid YAML: " + what + "; " + cure}
}

// brokenLine is the line after the longest beginning of a text that is YAML by itself.
// The parser's own line is that of what stands around the fault, or one too few.
func brokenLine(text []byte) int {
	lines := bytes.SplitAfter(text, []byte("\n"))
	read := 0
	good := func(n int) bool {
		begin := bytes.Join(lines[:n], nil)
		read += len(begin)
		dec := yaml.NewDecoder(bytes.NewReader(begin))
		for {
			var doc yaml.Node
			if err := dec.Decode(&doc); err != nil {
				return errors.Is(err, io.EOF)
			}
		}
	}
	// A value over several lines is no YAML before its end, so what looks like the
	// fault may be such a value's beginning: then some longer beginning is good.
	last := 0
	for next := 0; next < len(lines) && read < maxReread; {
		last = next + sort.Search(len(lines)-next, func(n int) bool { return !good(next + n + 1) })
		for next = last + 2; next < len(lines) && read < maxReread && !good(next); {
			next++
		}
	}
	return last + 1
}
