// Package strict reads YAML into Go structs and refuses what it does not
// know: an unknown or repeated key, a wrong type, a missing value. Every error
// names file, line and key path, and says how to mend it. All faults of a file
// are reported together, since admins mend files, not lines.
package strict

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// File is a text with the name under which faults are told.
type File struct {
	Name string
	Text []byte
}

// Scalar is implemented by types that read themselves from one YAML value.
type Scalar interface {
	UnmarshalScalar(text string) error
}

// Node is implemented by types that accept several shapes of YAML; they may
// call d.Into to read a part of it in the ordinary strict way.
type Node interface {
	UnmarshalStrict(n *yaml.Node, d *Decoder) error
}

// Skip is a value that is passed over, whatever its shape.
type Skip struct{}

// UnmarshalStrict takes anything.
func (*Skip) UnmarshalStrict(*yaml.Node, *Decoder) error { return nil }

// Limits on what is read; a configuration beyond them is a mistake or an attack.
const (
	maxBytes   = 16 << 20
	maxAliases = 10_000
	maxDepth   = 40
	// Aliases may make few bytes mean many values, and many faults help nobody.
	maxValues = 1 << 20
	maxFaults = 200
	maxText   = 64 << 10 // of one value
	// An elapsed time: sums of several must not overflow.
	maxElapsed = 100 * 365 * 24 * time.Hour
)

// Options are for files that are larger, or read more closely, than a
// configuration.
type Options struct {
	MaxBytes  int // 0 stands for 16 MiB
	MaxValues int // with aliases written out; 0 stands for 1,048,576
}

// Decoder reads one file.
type Decoder struct {
	file    string
	faults  Faults
	aliases int
	values  int
	most    int // values
	depth   int // of the nodes that types read themselves
	path    string
}

// Decode reads the whole text of a file into dst, a pointer. The error is of
// type [Faults].
func Decode(file string, text []byte, dst any) error {
	return DecodeWith(File{file, text}, dst, Options{})
}

// DecodeWith is [Decode] with other limits.
func DecodeWith(f File, dst any, o Options) error {
	if most := cmp.Or(o.MaxBytes, maxBytes); len(f.Text) > most {
		return Faults{{Position: Position{f.Name, 1}, What: fmt.Sprintf("the file has %d bytes; at most %d are read: split it", len(f.Text), most)}}
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(f.Text))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return Faults{syntaxFault(f, err)}
	}
	if further, err := furtherDocument(dec); err != nil {
		return Faults{syntaxFault(f, err)}
	} else if further != nil {
		return Faults{{Position: Position{f.Name, further.Line}, What: "more than one document", Cure: "take out the line --- above it, or move what follows to a file of its own"}}
	}
	d := &Decoder{file: f.Name, most: cmp.Or(o.MaxValues, maxValues)}
	if len(doc.Content) == 0 {
		return nil
	}
	d.value(doc.Content[0], reflect.ValueOf(dst).Elem(), "", 0)
	return d.faults.Err()
}

// DecodeNode reads a part of a file, which stands there below path, into dst, a
// pointer; what dst holds already stays where nothing is written. The error is
// of type [Faults].
func DecodeNode(file, path string, n *yaml.Node, dst any) error {
	d := &Decoder{file: file, most: maxValues}
	d.value(n, reflect.ValueOf(dst).Elem(), path, 0)
	return d.faults.Err()
}

// furtherDocument is the next document that holds something. Nobody would read it.
func furtherDocument(dec *yaml.Decoder) (*yaml.Node, error) {
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if len(doc.Content) > 0 && !isNull(doc.Content[0]) {
			return doc.Content[0], nil
		}
	}
}

// Into reads a node into dst, a pointer, below the given path.
func (d *Decoder) Into(n *yaml.Node, dst any, path string) {
	d.depth++
	defer func() { d.depth-- }()
	d.value(n, reflect.ValueOf(dst).Elem(), path, d.depth)
}

// Fault records something wrong at a node.
func (d *Decoder) Fault(n *yaml.Node, path, format string, args ...any) {
	d.add(Fault{Position: d.Position(n), Path: path, What: fmt.Sprintf(format, args...)})
}

func (d *Decoder) add(f Fault) {
	switch {
	case len(d.faults) > maxFaults:
		return
	case len(d.faults) == maxFaults:
		f = Fault{Position: f.Position, What: fmt.Sprintf("more than %d faults: mend these first", maxFaults)}
	}
	d.faults = append(d.faults, f)
}

// Path is where the value stands that a [Node] is asked to read; it is what
// such a type gives to Into and Fault.
func (d *Decoder) Path() string { return d.path }

// Position returns where a node is written.
func (d *Decoder) Position(n *yaml.Node) Position { return Position{d.file, n.Line} }

var (
	positionType = reflect.TypeFor[Position]()
	durationType = reflect.TypeFor[time.Duration]()
	timeType     = reflect.TypeFor[time.Time]()
)

func (d *Decoder) value(n *yaml.Node, v reflect.Value, path string, depth int) {
	if depth > maxDepth {
		d.Fault(n, path, "nested more than %d levels deep: flatten it", maxDepth)
		return
	}
	if d.values++; d.values > d.most {
		if d.values == d.most+1 {
			d.Fault(n, path, "more than %d values, aliases written out: split the file", d.most)
		}
		return
	}
	for n.Kind == yaml.AliasNode {
		if d.aliases++; d.aliases > maxAliases {
			d.Fault(n, path, "more than %d aliases: write the values out", maxAliases)
			return
		}
		n = n.Alias
	}
	if !d.sound(n, path) {
		return
	}
	if v.Kind() == reflect.Pointer {
		if isNull(n) {
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem(), path, depth+1)
		return
	}
	if v.CanAddr() && d.custom(n, v, path) {
		return
	}
	switch {
	case v.Type() == durationType:
		d.duration(n, v, path)
	case v.Type() == timeType:
		d.time(n, v, path)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, path, depth)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, path, depth)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, path, depth)
	case v.Kind() == reflect.Array:
		d.array(n, v, path, depth)
	default:
		d.scalar(n, v, path)
	}
}

// sound refuses what no value may be, whatever is expected: a tag that asks for
// something to be done, such as !include, and a text without end.
func (d *Decoder) sound(n *yaml.Node, path string) bool {
	if n.Style&yaml.TaggedStyle != 0 && !strings.HasPrefix(n.Tag, "!!") {
		d.Fault(n, path, "the tag %s is not known: write the value itself", n.Tag)
		return false
	}
	if len(n.Value) > maxText {
		d.Fault(n, path, "a value of %d bytes; at most %d are read: shorten it", len(n.Value), maxText)
		return false
	}
	return true
}

// custom lets a type read itself; it reports whether it did.
func (d *Decoder) custom(n *yaml.Node, v reflect.Value, path string) bool {
	var err error
	switch u := v.Addr().Interface().(type) {
	case *yaml.Node: // what is read later
		*u = *n
	case Node:
		outer := d.path
		d.path = path
		err = u.UnmarshalStrict(n, d)
		d.path = outer
	case Scalar:
		if n.Kind != yaml.ScalarNode {
			d.Fault(n, path, "expected one value, found %s", kindName(n))
			return true
		}
		err = u.UnmarshalScalar(n.Value)
	case encoding.TextUnmarshaler:
		if v.Type() == timeType {
			return false
		}
		if n.Kind != yaml.ScalarNode {
			d.Fault(n, path, "expected one value, found %s", kindName(n))
			return true
		}
		err = u.UnmarshalText([]byte(n.Value))
	default:
		return false
	}
	if err != nil {
		var fs Faults
		if errors.As(err, &fs) {
			d.faults = append(d.faults, fs...)
		} else {
			d.add(Fault{Position: d.Position(n), Path: path, What: err.Error()})
		}
	}
	return true
}

func (d *Decoder) structure(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode && !isNull(n) {
		d.Fault(n, path, "expected keys and values (%s), found %s", strings.Join(keysOf(v.Type()), ", "), kindName(n))
		return
	}
	d.merges(n, v, path, depth)
	for i := range v.NumField() {
		if v.Type().Field(i).Type == positionType {
			v.Field(i).Set(reflect.ValueOf(Position{d.file, n.Line}))
		}
	}
	for k, val := range d.pairs(n, path, "key %q") {
		f, ok := fieldByKey(v, k.Value)
		if !ok {
			known := keysOf(v.Type())
			d.add(Fault{Position: d.Position(k), Path: path, Kind: UnknownKey, Name: k.Value, Known: known,
				What: fmt.Sprintf("unknown key %q%s", k.Value, hint(k.Value, known))})
			continue
		}
		d.value(val, f, join(path, k.Value), depth+1)
	}
}

func (d *Decoder) mapping(n *yaml.Node, v reflect.Value, path string, depth int) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.Fault(n, path, "expected names with values below them, found %s", kindName(n))
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	d.merges(n, v, path, depth)
	for k, val := range d.pairs(n, path, "%q") {
		key := reflect.New(v.Type().Key()).Elem()
		d.value(k, key, path, depth+1)
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(val, elem, join(path, k.Value), depth+1)
		v.SetMapIndex(key, elem)
	}
}

// pairs are a mapping's own keys with their values; one that stands twice is a fault,
// and called as the format says.
func (d *Decoder) pairs(n *yaml.Node, path, called string) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, val *yaml.Node) bool) {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			switch {
			case isMerge(k):
			case seen[k.Value]:
				d.add(Fault{Position: d.Position(k), Path: path, Kind: RepeatedKey, What: fmt.Sprintf(called+" stands twice: keep one", k.Value)})
			default:
				seen[k.Value] = true
				if !yield(k, n.Content[i+1]) {
					return
				}
			}
		}
	}
}

// merges reads what `<<` brings in, before a node's own keys, which prevail
// wherever they stand. Of several the first prevails.
func (d *Decoder) merges(n *yaml.Node, v reflect.Value, path string, depth int) {
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		if !isMerge(n.Content[i]) {
			continue
		}
		from := []*yaml.Node{n.Content[i+1]}
		if from[0].Kind == yaml.SequenceNode {
			from = from[0].Content
		}
		for j := len(from) - 1; j >= 0; j-- {
			d.value(from[j], v, path, depth+1)
		}
	}
}

func isMerge(k *yaml.Node) bool { return k.Value == "<<" && k.Tag == "!!merge" }

func (d *Decoder) sequence(n *yaml.Node, v reflect.Value, path string, depth int) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.Fault(n, path, "expected a list (- item), found %s", kindName(n))
		return
	}
	s := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, s.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
	v.Set(s)
}

func (d *Decoder) array(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != v.Len() {
		d.Fault(n, path, "expected a list of exactly %d values", v.Len())
		return
	}
	for i, c := range n.Content {
		d.value(c, v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
}

func orKind(err error, n *yaml.Node) string {
	if err != nil && n.Kind == yaml.ScalarNode {
		return err.Error()
	}
	return "expected one value, found " + kindName(n)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if isNull(n) {
			return "nothing"
		}
		return strconv.Quote(n.Value)
	}
	return "something else"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
