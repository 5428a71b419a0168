package strict

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Locate gives each fault of a file the line of the key that its path names, or
// of the nearest one above it that is written there. What is checked after
// reading knows the key, and of lines only the first of what stands around it.
// A path may name an item of a list by its name, as scenarios.server.calendar:
// then the key is looked for below what begins on the fault's line.
func (fs Faults) Locate(f File) {
	if !slices.ContainsFunc(fs, func(fault Fault) bool { return fault.File == f.Name }) {
		return
	}
	var doc yaml.Node
	if yaml.Unmarshal(f.Text, &doc) != nil || len(doc.Content) == 0 {
		return
	}
	begin := map[int][]*yaml.Node{}
	eachMapping(doc.Content[0], func(n *yaml.Node) { begin[n.Line] = append(begin[n.Line], n) })
	for i, fault := range fs {
		if fault.File != f.Name {
			continue
		}
		line, whole := lineOf(doc.Content[0], fault.Path)
		for _, n := range begin[fault.Line] {
			for path := fault.Path; !whole && path != ""; _, path, _ = strings.Cut(path, ".") {
				if below, all := lineOf(n, path); all {
					line, whole = below, true
				}
			}
		}
		fs[i].Line = max(fault.Line, line)
	}
}

// eachMapping visits keys and values, the outer ones first; what an alias names
// is visited where it is written.
func eachMapping(n *yaml.Node, visit func(*yaml.Node)) {
	if n.Kind == yaml.MappingNode {
		visit(n)
	}
	for _, c := range n.Content {
		eachMapping(c, visit)
	}
}

// lineOf follows a path such as alertmanagers[1].url as far as it is written, and
// says whether that is the whole of it; 0 when not even its first key is.
func lineOf(n *yaml.Node, path string) (line int, whole bool) {
	if path == "" {
		return 0, true
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if index, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]"); ok && path[0] == '[' {
		i, err := strconv.Atoi(index)
		if err != nil || n.Kind != yaml.SequenceNode || i < 0 || i >= len(n.Content) {
			return 0, false
		}
		below, whole := lineOf(n.Content[i], strings.TrimPrefix(rest, "."))
		return max(n.Content[i].Line, below), whole
	}
	if n.Kind != yaml.MappingNode {
		return 0, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if rest, ok := strings.CutPrefix(path, key.Value); ok && (rest == "" || strings.ContainsRune(".[", rune(rest[0]))) {
			below, whole := lineOf(n.Content[i+1], strings.TrimPrefix(rest, "."))
			return max(key.Line, below), whole
		}
	}
	return 0, false
}
