package fleet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"vigie/internal/sheet"
	"vigie/internal/strict"
)

// Shared is what an exporter needs of an inventory, as the receiver serves it:
// customers, machines and sources, and nothing of people.
type Shared struct {
	// Version is that of the content; equal ones are the same.
	Version string       `json:"version"`
	Files   []SharedFile `json:"files"`
}

// SharedFile is one file of it, to be read like the inventory's own.
type SharedFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Share leaves of an inventory's file what an exporter needs; false when that is
// nothing. The file must have been read without fault.
func Share(f strict.File) (SharedFile, bool, error) {
	out := SharedFile{Name: filepath.Base(f.Name)}
	var text []byte
	var err error
	switch strings.ToLower(filepath.Ext(f.Name)) {
	case ".yml", ".yaml":
		text, err = shareYAML(f.Text)
	case ".csv":
		text, err = shareCSV(f.Text)
	}
	if err != nil {
		return out, false, fmt.Errorf("%s: %w", f.Name, err)
	}
	out.Text = string(text)
	return out, len(text) > 0, nil
}

func shareYAML(text []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil || len(doc.Content) == 0 {
		return nil, err
	}
	root := written(doc.Content[0])
	keep(root, func(key string) bool {
		return slices.Contains([]string{"timezone", "customers", "machines", "sources"}, key)
	})
	if len(root.Content) == 0 {
		return nil, nil
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		var entries []*yaml.Node
		of := func(string) bool { return true }
		switch section := root.Content[i+1]; root.Content[i].Value {
		case "customers":
			for j := 1; j < len(section.Content); j += 2 {
				entries = append(entries, section.Content[j])
			}
			of = func(key string) bool { return key == "name" || key == "decommissioned" }
		case "machines":
			entries = section.Content
			of = func(key string) bool { return key != "user" && key != "commissioned" }
		}
		for _, n := range entries {
			keep(n, of)
			for _, p := range valueOf(n, "plans").Content {
				keep(p, func(key string) bool { return !slices.Contains(placeKeys[:], key) })
			}
		}
	}
	return yaml.Marshal(root)
}

// written is a copy of a node in which aliases, merges and remarks are gone: what
// they refer to may not be shared.
func written(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return written(n.Alias)
	}
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style}
	if n.Tag == "!!null" {
		out.Value = "null"
	}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			out.Content = append(out.Content, written(c))
		}
		return out
	}
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Tag != "!!merge" {
			own[k.Value] = true
			out.Content = append(out.Content, written(k), written(n.Content[i+1]))
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" {
			merge(out, n.Content[i+1], own)
		}
	}
	return out
}

// merge adds the keys of what << names, unless they stand there already.
func merge(into, from *yaml.Node, own map[string]bool) {
	from = written(from)
	all := []*yaml.Node{from}
	if from.Kind == yaml.SequenceNode {
		all = from.Content
	}
	for _, m := range all {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if key := m.Content[i].Value; !own[key] {
				own[key] = true
				into.Content = append(into.Content, m.Content[i], m.Content[i+1])
			}
		}
	}
}

// valueOf is what stands at a key of a mapping; nothing where it does not.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return &yaml.Node{}
}

func keep(n *yaml.Node, wanted func(key string) bool) {
	if n.Kind != yaml.MappingNode {
		return
	}
	var left []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if wanted(n.Content[i].Value) {
			left = append(left, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = left
}

// shareCSV leaves out the columns about people, and those that exporters do not need.
func shareCSV(text []byte) ([]byte, error) {
	text, err := sheet.Decode(text)
	if err != nil {
		return nil, err
	}
	r := reader(text)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	var names []string
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if names == nil {
			if strings.HasPrefix(strings.ToLower(row[0]), "sep=") {
				continue // tells Excel the separator
			}
			names = slices.Clone(row)
		}
		var left []string
		for i, v := range row {
			if name := columnName(names[min(i, len(names)-1)]); name != "user" && name != noteColumn && name != "" && !slices.Contains(placeKeys[:], name) {
				left = append(left, v)
			}
		}
		if err := w.Write(left); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}
