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
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"vigie/internal/phrase"
)

// File is a text with the name under which faults are told.
type File struct {
	Name string
	Text []byte
}

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
			d.add(Fault{Position: d.Position(n), Path: path, Kind: BadValue, Name: n.Value, What: err.Error()})
		}
	}
	return true
}

func (d *Decoder) structure(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode && !isNull(n) {
		d.add(Fault{Position: d.Position(n), Path: path, Kind: WrongShape, Known: keysOf(v.Type()),
			What: fmt.Sprintf("expected keys and values (%s), found %s", strings.Join(keysOf(v.Type()), ", "), kindName(n))})
		return
	}
	d.merges(n, v, path, depth)
	for i := range v.NumField() {
		if v.Type().Field(i).Type == positionType {
			v.Field(i).Set(reflect.ValueOf(Position{d.file, n.Line}))
		}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, val := n.Content[i], n.Content[i+1]
		if isMerge(k) {
			continue
		}
		if seen[k.Value] {
			d.Fault(k, path, "key %q stands twice: keep one", k.Value)
			continue
		}
		seen[k.Value] = true
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
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, val := n.Content[i], n.Content[i+1]
		if isMerge(k) {
			continue
		}
		if seen[k.Value] {
			d.Fault(k, path, "%q stands twice: keep one", k.Value)
			continue
		}
		seen[k.Value] = true
		key := reflect.New(v.Type().Key()).Elem()
		d.value(k, key, path, depth+1)
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(val, elem, join(path, k.Value), depth+1)
		v.SetMapIndex(key, elem)
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

func (d *Decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.Fault(n, path, "expected one value, found %s", kindName(n))
		return
	}
	if isNull(n) {
		return
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		var b bool
		if err = n.Decode(&b); err != nil {
			d.Fault(n, path, "%q is not true or false", n.Value)
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64, reflect.Int32:
		i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if err != nil {
			d.Fault(n, path, "%q is not a whole number", n.Value)
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || f != f {
			d.Fault(n, path, "%q is not a number", n.Value)
			return
		}
		v.SetFloat(f)
	case reflect.Interface:
		var x any
		if err = n.Decode(&x); err == nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.Fault(n, path, "cannot be read here (%s)", v.Type())
	}
}

func (d *Decoder) duration(n *yaml.Node, v reflect.Value, path string) {
	t, err := ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		d.Fault(n, path, "%s", orKind(err, n))
		return
	}
	v.SetInt(int64(t))
}

// ParseDuration reads an elapsed time such as 90s, 10m or 24h.
func ParseDuration(text string) (time.Duration, error) {
	t, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not an elapsed time: write it in h, m and s, like 90s, 10m or 24h (a day is 24h; working time has its own units)", text)
	}
	if t < 0 {
		return 0, fmt.Errorf("%q is negative: write an elapsed time of zero or more", text)
	}
	if t > maxElapsed {
		return 0, fmt.Errorf("%q is longer than a hundred years: write a shorter time", text)
	}
	return t, nil
}

func (d *Decoder) time(n *yaml.Node, v reflect.Value, path string) {
	t, err := ParseTime(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		d.Fault(n, path, "%s", orKind(err, n))
		return
	}
	v.Set(reflect.ValueOf(t))
}

// ParseTime reads an instant with its offset, or a date (its midnight in UTC).
func ParseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is not an instant: write it as 2026-03-09T07:10:00+01:00, or a date as 2026-03-09", text)
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

// keyOf returns a field's YAML key, or "" when it has none.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" || f.Type == positionType {
		return ""
	}
	return name
}

func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != positionType {
			if inner, ok := fieldByKey(v.Field(i), key); ok {
				return inner, true
			}
		}
		if keyOf(f) == key && key != "" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != positionType {
			keys = append(keys, keysOf(f.Type)...)
		} else if k := keyOf(f); k != "" {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}

// hint names the nearest known key, or all of them.
func hint(wrong string, known []string) string {
	if best := Nearest(wrong, known); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": known here are " + strings.Join(known, ", ")
}

// Nearest returns the known word that a misspelt one most likely means, or "".
func Nearest(wrong string, known []string) string {
	best, bestAt := "", 3
	for _, k := range known {
		if at := distance(strings.ToLower(wrong), strings.ToLower(k)); at < bestAt && at < len(k) {
			best, bestAt = k, at
		}
	}
	return best
}

// Unknown words the error for a name that refers to nothing.
func Unknown(kind, name string, known []string) string {
	return UnknownName(kind, name, known).String()
}

// UnknownName is Unknown with its parts named.
func UnknownName(kind, name string, known []string) phrase.Phrase {
	all := strings.Join(known, ", ")
	switch {
	case len(known) == 0:
		return phrase.Of("unknown {noun} {quoted}: none is defined here", "noun", kind, "quoted", name)
	case name == "":
		return phrase.Of("a {noun} is missing: name one of {known}", "noun", kind, "known", all)
	}
	if near := Nearest(name, known); near != "" {
		return phrase.Of("unknown {noun} {quoted}: did you mean {near}?", "noun", kind, "quoted", name, "near", strconv.Quote(near))
	}
	return phrase.Of("unknown {noun} {quoted}: known are {known}", "noun", kind, "quoted", name, "known", all)
}

// distance is the number of letters to change, add or drop.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
