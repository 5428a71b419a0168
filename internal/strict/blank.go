package strict

import (
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Blank lists the keys of a file, read into a value of the type, that nothing stands
// behind: they count as not written, which is seldom what who wrote them meant. Names of
// one's own choice may stand alone.
func Blank(f File, t reflect.Type) (out []string) {
	var doc yaml.Node
	if yaml.Unmarshal(f.Text, &doc) != nil {
		return nil // a fault, told by Decode
	}
	b := blanks{known: map[string]bool{}}
	for _, path := range Paths(t) {
		b.known[path] = true
	}
	b.walk(&doc, "", "", func(n *yaml.Node, path string) {
		out = append(out, fmt.Sprintf("%s:%d: %s: nothing stands behind it, so that it counts as not written: write a value, or take the line away", f.Name, n.Line, path))
	})
	return out
}

// blanks looks among known paths of keys.
type blanks struct{ known map[string]bool }

// walk goes through what stands at path, which is pattern among what is known.
func (b blanks) walk(n *yaml.Node, path, pattern string, found func(*yaml.Node, string)) {
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			b.walk(c, path, pattern, found)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := join(pattern, k.Value)
		if !b.known[at] {
			at = join(pattern, "*")
		} else if isNull(v) && v.Value == "" {
			found(k, join(path, k.Value))
		}
		b.walk(v, join(path, k.Value), at, found)
	}
}
