// Package referencetest reads the references of configurations and commands for the
// tests that hold them against the programs, and makes their pages.
package referencetest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Standing says what a line of the reference is.
type Standing string

// What a line of the reference is.
const (
	Required Standing = "required"
	Default  Standing = "default" // what holds without the key
	Example  Standing = "example"
)

// Key is one key of a configuration.
type Key struct {
	Path  string // as of strict.Paths, with the names of the example
	Line  int
	Value string // empty for a key with others below it
	Standing
	Text string
}

// Keys are the keys of one configuration in the order in which they stand.
func Keys(text []byte) ([]Key, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 {
		return nil, fmt.Errorf("no configuration")
	}
	r := reader{lines: strings.Split(string(text), "\n")}
	r.read(doc.Content[0], "")
	return r.keys, nil
}

type reader struct {
	lines []string
	keys  []Key
}

func (r *reader) read(n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			r.read(item, path)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			at := strings.ReplaceAll(k.Value, ".", "_") // a name of one's own choice may hold dots
			if path != "" {
				at = path + "." + at
			}
			r.add(k, at, n.Style&yaml.FlowStyle != 0)
			r.read(v, at)
		}
	}
}

// add takes a key. Keys in braces share a line, whose comment is not theirs.
func (r *reader) add(k *yaml.Node, path string, inBraces bool) {
	key := Key{Path: path, Line: k.Line, Standing: Example}
	if !inBraces {
		line := r.lines[k.Line-1]
		_, value, _ := strings.Cut(line, ":")
		for _, s := range []Standing{Required, Default} {
			if cut, ok := strings.CutSuffix(value, "  # "+string(s)); ok {
				value, key.Standing = cut, s
			}
		}
		key.Value, key.Text = strings.TrimSpace(value), r.above(k.Line)
	}
	r.keys = append(r.keys, key)
}

// above is the comment that ends right above a line.
func (r *reader) above(line int) string {
	var words []string
	for i := line - 2; i >= 0; i-- {
		text, ok := strings.CutPrefix(strings.TrimSpace(r.lines[i]), "# ")
		if !ok {
			break
		}
		words = append([]string{text}, words...)
	}
	return strings.Join(words, " ")
}

// Without is the text without the key of one line; in its place stands a merge of
// nothing, so that every other line, and what begins there, stays where it was.
func Without(text []byte, line int) []byte {
	lines := strings.Split(string(text), "\n")
	old := lines[line-1]
	lines[line-1] = old[:len(old)-len(strings.TrimLeft(old, " -"))] + "<<: {}"
	return []byte(strings.Join(lines, "\n"))
}
