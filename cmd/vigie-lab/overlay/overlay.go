// Package overlay makes a policy of another one and of what differs from it.
package overlay

import (
	"bytes"
	"cmp"
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
	Takes []Borrowed `yaml:"takes"`
	Edits []Edit     `yaml:"edits"`
}

// Borrowed adds parts of another policy, as a file of its own.
type Borrowed struct {
	strict.Position
	From string `yaml:"from"` // the folder of deploy/examples
	As   string `yaml:"as"`   // the file's name
	// Parts name keys from the top, as an edit's path does; their order stays that of
	// the other policy.
	Parts []string `yaml:"parts"`
	// Adds name lists that both policies have: their elements come after this one's.
	Adds []string `yaml:"adds"`
	// Roles are those that have another name here.
	Roles map[string]string `yaml:"roles"`
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
	t.Node = plain(n)
	return nil
}

// plain is a copy in which nothing refers to another place: what is moved to another
// file leaves its anchors behind.
func plain(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	out := *n
	out.Anchor, out.Content = "", nil
	for _, c := range n.Content {
		out.Content = append(out.Content, plain(c))
	}
	return &out
}

// Read reads an overlay. The error names file, line and cure.
func Read(name string) (*Overlay, error) {
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

// documents reads the files of a policy as trees.
func documents(files []strict.File) ([]*document, error) {
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
	return docs, nil
}

// of makes the one file of what is taken from another policy, to stand in the policy
// that begins with these heads.
func (t Borrowed) of(files []strict.File, heads []*yaml.Node) (*document, error) {
	docs, err := documents(files)
	if err != nil {
		return nil, err
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Content: heads}
	found := map[string]bool{}
	for _, d := range docs {
		for i, top := 0, d.root.Content[0].Content; i < len(top); i += 2 {
			key, kept := top[i], t.part(top[i].Value, top[i+1], found)
			have := slices.ContainsFunc(out.Content, func(n *yaml.Node) bool { return n.Value == key.Value })
			if kept != nil && !have {
				out.Content = append(out.Content, plain(key), kept)
			}
		}
	}
	for _, p := range t.Parts {
		if !found[p] {
			return nil, strict.Fault{Position: t.Position, Path: "takes." + t.From, What: fmt.Sprintf("that policy has no %s: name where it went, or take it out", p)}
		}
	}
	t.rename(out)
	return &document{name: t.As, root: yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{out}}}, nil
}

// add puts the elements of the other policy's lists after those of the same lists here.
func (t Borrowed) add(files []strict.File, docs []*document) error {
	others, err := documents(files)
	if err != nil {
		return err
	}
	for _, d := range others {
		t.rename(&d.root)
	}
	for _, path := range t.Adds {
		from, err := only(others, path)
		if err != nil {
			return strict.Fault{Position: t.Position, Path: "takes." + t.From + "." + path, What: err.Error()}
		}
		to, err := only(docs, path)
		if err != nil {
			return strict.Fault{Position: t.Position, Path: "takes." + t.From + "." + path, What: err.Error()}
		}
		to.value().Content = append(to.value().Content, plain(from.value()).Content...)
	}
	return nil
}

// part is what is taken of a value: all of it, some of its elements, or nil.
func (t Borrowed) part(key string, n *yaml.Node, found map[string]bool) *yaml.Node {
	if slices.Contains(t.Parts, key) {
		found[key] = true
		return plain(n)
	}
	kept := *n
	kept.Content = nil
	for _, p := range t.Parts {
		top, name, _ := strings.Cut(p, ".")
		if top != key {
			continue
		}
		if at, _, err := lookUp(&yaml.Node{Content: []*yaml.Node{n}}, []string{name}); err == nil {
			found[p] = true
			if n.Kind == yaml.MappingNode {
				kept.Content = append(kept.Content, plain(at.parent.Content[at.index-1]))
			}
			kept.Content = append(kept.Content, plain(at.value()))
		}
	}
	if kept.Content == nil {
		return nil
	}
	return &kept
}

// rename gives roles their other names, where they are made and where a step names
// whom it writes to.
func (t Borrowed) rename(n *yaml.Node) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			switch n.Content[i-1].Value {
			case "roles":
				for j := 0; j < len(c.Content); j += 2 {
					c.Content[j].Value = cmp.Or(t.Roles[c.Content[j].Value], c.Content[j].Value)
				}
			case "to", "cc":
				for _, role := range c.Content {
					role.Value = cmp.Or(t.Roles[role.Value], role.Value)
				}
			}
		}
		t.rename(c)
	}
}

// Apply makes the files of one policy from those of another, by their names, and
// from what is taken of others, which read finds. An edit must find its place in
// exactly one of them, and change it.
func (o *Overlay) Apply(files []strict.File, read func(policy string) ([]strict.File, error)) ([]strict.File, error) {
	docs, err := documents(files)
	if err != nil {
		return nil, err
	}
	for _, t := range o.Takes {
		other, err := read(t.From)
		if err != nil {
			return nil, err
		}
		var heads []*yaml.Node
		for i, top := 0, docs[0].root.Content[0].Content; i < len(top); i += 2 {
			if top[i].Value == "schema" || top[i].Value == "effective_from" {
				heads = append(heads, plain(top[i]), plain(top[i+1]))
			}
		}
		d, err := t.of(other, heads)
		if err != nil {
			return nil, err
		}
		if err := t.add(other, docs); err != nil {
			return nil, err
		}
		docs = append(docs, d)
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

// only finds the one place that a path names.
func only(docs []*document, path string) (at place, err error) {
	var nearest error
	found, deepest := 0, -1
	for _, d := range docs {
		p, depth, err := lookUp(&d.root, strings.Split(path, "."))
		switch {
		case err == nil:
			at, found = p, found+1
		case depth > deepest:
			nearest, deepest = fmt.Errorf("%s: %w", d.name, err), depth
		}
	}
	switch {
	case found == 0:
		return at, fmt.Errorf("the policy has no such place (%w): name where it went, or take this out", nearest)
	case found > 1:
		return at, errors.New("stands in several files of the policy: keep it in one")
	}
	return at, nil
}

func (e Edit) apply(docs []*document) error {
	at, err := only(docs, e.Path)
	if err != nil {
		return err
	}
	if e.Remove {
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
