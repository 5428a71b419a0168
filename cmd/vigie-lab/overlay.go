package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

// Overlay is what a policy differs in from another.
type Overlay struct {
	Edits []Edit `yaml:"edits"`
}

// Edit replaces or removes one value.
type Edit struct {
	strict.Position
	// Path names keys from the top, with dots between them. An element of a list
	// is named by its `name`, or as key=value by what stands in it.
	Path   string `yaml:"path"`
	Value  tree   `yaml:"value"`
	Remove bool   `yaml:"remove"`
}

// tree is a value as it is written.
type tree struct{ *yaml.Node }

// UnmarshalStrict takes anything.
func (t *tree) UnmarshalStrict(n *yaml.Node, _ *strict.Decoder) error {
	t.Node = n
	return nil
}

// ReadOverlay reads an overlay. The error names file, line and cure.
func ReadOverlay(name string) (*Overlay, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	o := &Overlay{}
	if err := strict.Decode(name, text, o); err != nil {
		return nil, err
	}
	var faults strict.Faults
	for _, e := range o.Edits {
		if e.Path == "" || e.Remove == (e.Value.Node != nil) {
			faults = append(faults, strict.Fault{Position: e.Position, Path: e.Path, What: "write a path, and either the value to stand there or remove: true"})
		}
	}
	return o, faults.Err()
}

// document is one file of a policy.
type document struct {
	name string
	root yaml.Node
}

// Apply makes the files of one policy from those of another, by their names. An
// edit must find its place in exactly one of them, and change it.
func (o *Overlay) Apply(files []strict.File) ([]strict.File, error) {
	docs := make([]*document, len(files))
	for i, f := range files {
		docs[i] = &document{name: f.Name}
		dec := yaml.NewDecoder(bytes.NewReader(f.Text))
		if err := dec.Decode(&docs[i].root); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: more than one document: split it into files", f.Name)
		}
	}
	var faults strict.Faults
	for _, e := range o.Edits {
		if err := e.apply(docs); err != nil {
			faults = append(faults, strict.Fault{Position: e.Position, Path: e.Path, What: err.Error()})
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	out := make([]strict.File, len(docs))
	for i, d := range docs {
		var b bytes.Buffer
		enc := yaml.NewEncoder(&b)
		enc.SetIndent(2)
		if err := errors.Join(enc.Encode(&d.root), enc.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
		out[i] = strict.File{Name: d.name, Text: b.Bytes()}
	}
	return out, nil
}

func (e Edit) apply(docs []*document) error {
	var at place
	var nearest error
	found, deepest := 0, -1
	for _, d := range docs {
		p, depth, err := lookUp(&d.root, strings.Split(e.Path, "."))
		switch {
		case err == nil:
			at, found = p, found+1
		case depth > deepest:
			nearest, deepest = fmt.Errorf("%s: %w", d.name, err), depth
		}
	}
	switch {
	case found == 0:
		return fmt.Errorf("the policy has no such place (%w): name where it went, or take the edit out", nearest)
	case found > 1:
		return errors.New("stands in several files of the policy: keep it in one")
	case e.Remove:
		at.remove()
		return nil
	}
	same, err := equal(at.value(), e.Value.Node)
	if err != nil {
		return err
	}
	if same {
		return errors.New("the policy says so already: take the edit out")
	}
	at.replace(e.Value.Node)
	return nil
}

// place is where a value stands: the index of its node below its parent, which
// for a key's value is that of the key plus one.
type place struct {
	parent *yaml.Node
	index  int
}

func (p place) value() *yaml.Node { return p.parent.Content[p.index] }

func (p place) replace(n *yaml.Node) { p.parent.Content[p.index] = n }

func (p place) remove() {
	from := p.index
	if p.parent.Kind == yaml.MappingNode {
		from-- // with its key
	}
	p.parent.Content = slices.Delete(p.parent.Content, from, p.index+1)
}

// lookUp follows a path and returns how many of its words were found.
func lookUp(n *yaml.Node, path []string) (p place, depth int, err error) {
	p = place{parent: n}
	if len(n.Content) == 0 {
		return p, 0, errors.New("is empty")
	}
	for i, word := range path {
		at := p.value()
		if at.Kind == yaml.AliasNode {
			return p, i, fmt.Errorf("line %d: an alias stands here: write the value out", at.Line)
		}
		var found []int
		for j, c := range at.Content {
			switch {
			case at.Kind == yaml.MappingNode && j%2 == 0 && c.Value == word:
				found = append(found, j+1)
			case at.Kind == yaml.SequenceNode && named(c, word):
				found = append(found, j)
			}
		}
		if len(found) != 1 {
			return p, i, fmt.Errorf("line %d: %d times %q", at.Line, len(found), word)
		}
		p = place{at, found[0]}
	}
	return p, len(path), nil
}

// named reports whether an element of a list is the one that a word of a path
// names.
func named(element *yaml.Node, word string) bool {
	key, value, ok := strings.Cut(word, "=")
	if !ok {
		key, value = "name", word
	}
	for i := 0; element.Kind == yaml.MappingNode && i < len(element.Content); i += 2 {
		if element.Content[i].Value == key && element.Content[i+1].Value == value {
			return true
		}
	}
	return false
}

// equal reports whether two nodes mean the same.
func equal(a, b *yaml.Node) (bool, error) {
	var x, y any
	if err := errors.Join(a.Decode(&x), b.Decode(&y)); err != nil {
		return false, err
	}
	return reflect.DeepEqual(x, y), nil
}
