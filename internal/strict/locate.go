package strict

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Locate gives each fault of a file the line of the key that its path names, or
// of the nearest one above it that is written there. What is checked after
// reading knows the key, and of lines only the first of what stands around it.
func (fs Faults) Locate(f File) {
	var doc yaml.Node
	if yaml.Unmarshal(f.Text, &doc) != nil || len(doc.Content) == 0 {
		return
	}
	for i, fault := range fs {
		if fault.File == f.Name {
			fs[i].Line = max(fault.Line, lineOf(doc.Content[0], fault.Path))
		}
	}
}

// lineOf follows a path such as alertmanagers[1].url as far as it is written; 0
// when not even its first key is.
func lineOf(n *yaml.Node, path string) int {
	if path == "" {
		return 0
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if index, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]"); ok && path[0] == '[' {
		i, err := strconv.Atoi(index)
		if err != nil || n.Kind != yaml.SequenceNode || i < 0 || i >= len(n.Content) {
			return 0
		}
		return max(n.Content[i].Line, lineOf(n.Content[i], strings.TrimPrefix(rest, ".")))
	}
	if n.Kind != yaml.MappingNode {
		return 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if rest, ok := strings.CutPrefix(path, key.Value); ok && (rest == "" || strings.ContainsRune(".[", rune(rest[0]))) {
			return max(key.Line, lineOf(n.Content[i+1], strings.TrimPrefix(rest, ".")))
		}
	}
	return 0
}
