package strict_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

type door struct {
	strict.Position
	Name   string            `yaml:"name"`
	Open   bool              `yaml:"open"`
	Width  int               `yaml:"width"`
	Weight float64           `yaml:"weight"`
	After  time.Duration     `yaml:"after"`
	Since  time.Time         `yaml:"since"`
	Keys   []string          `yaml:"keys"`
	Hours  [2]string         `yaml:"hours"`
	Labels map[string]string `yaml:"labels"`
	Inner  *door             `yaml:"inner"`
	Colour colour            `yaml:"colour"`
	Mark   mark              `yaml:"mark"`
	Any    any               `yaml:"any"`
	Shape  shape             `yaml:"shape"`
	hidden int
}

type house struct {
	Doors map[string]door `yaml:"doors"`
	List  []door          `yaml:"list"`
	One   door            `yaml:"one"`
}

// colour reads itself from one value.
type colour string

func (c *colour) UnmarshalScalar(text string) error {
	if text != "red" && text != "blue" {
		return fmt.Errorf("%q is no colour: write red or blue", text)
	}
	*c = colour(text)
	return nil
}

// mark reads itself as encoding.TextUnmarshaler.
type mark string

func (m *mark) UnmarshalText(text []byte) error {
	if len(text) > 3 {
		return fmt.Errorf("%q is too long: write 3 letters at most", text)
	}
	*m = mark(text)
	return nil
}

// shape accepts a word, or a door.
type shape struct {
	word string
	door *door
}

func (s *shape) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	if n.Kind == yaml.ScalarNode {
		s.word = n.Value
		return nil
	}
	s.door = &door{}
	d.Into(n, s.door, d.Path())
	return nil
}

// covers: every fault of a configuration file names file, line, key and cure.
func TestFaults(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key, near", "one:\n  nmae: a", `f.yml:2: one: unknown key "nmae": did you mean "name"?`},
		{"unknown key, far", "garage: 1", `f.yml:1: unknown key "garage": known here are doors, list, one`},
		{"unknown key deep in a list", "list:\n  - name: a\n  - nam: b", `f.yml:3: list[1]: unknown key "nam": did you mean "name"?`},
		{"unknown key in a map", "doors:\n  front: {opn: true}", `f.yml:2: doors.front: unknown key "opn": did you mean "open"?`},
		{"unknown key below a type that reads itself", "one:\n  shape:\n    nam: x", `f.yml:3: one.shape: unknown key "nam": did you mean "name"?`},
		{"a field without a key", "one: {hidden: 1}", `f.yml:1: one: unknown key "hidden": known here are after, any, colour, hours, inner, keys, labels, mark, name, open, shape, since, weight, width`},
		{"key twice", "one:\n  name: a\n  name: b", `f.yml:3: one: key "name" stands twice: keep one`},
		{"name twice", "doors:\n  a: {name: x}\n  a: {name: y}", `f.yml:3: doors: "a" stands twice: keep one`},
		{"list for keys", "one: [a]", `f.yml:1: one: expected keys and values (after, any, colour, hours, inner, keys, labels, mark, name, open, shape, since, weight, width), found a list`},
		{"value for keys", "one: a", `f.yml:1: one: expected keys and values (after, any, colour, hours, inner, keys, labels, mark, name, open, shape, since, weight, width), found "a"`},
		{"value for names", "doors: a", `f.yml:1: doors: expected names with values below them, found "a"`},
		{"value for list", "list: a", `f.yml:1: list: expected a list (- item), found "a"`},
		{"keys for list", "list: {a: b}", `f.yml:1: list: expected a list (- item), found keys and values`},
		{"list for a word", "one: {name: [a]}", `f.yml:1: one.name: expected one value, found a list`},
		{"keys for a number", "one: {width: {a: b}}", `f.yml:1: one.width: expected one value, found keys and values`},
		{"not a truth value", "one: {open: maybe}", `f.yml:1: one.open: "maybe" is not true or false`},
		{"not a whole number", "one: {width: 1.5}", `f.yml:1: one.width: "1.5" is not a whole number`},
		{"not a number", "one: {weight: heavy}", `f.yml:1: one.weight: "heavy" is not a number`},
		{"NaN", "one: {weight: nan}", `f.yml:1: one.weight: "nan" is not a number`},
		{"not an elapsed time", "one: {after: 1d}", `f.yml:1: one.after: "1d" is not an elapsed time: write it in h, m and s, like 90s, 10m or 24h (a day is 24h; working time has its own units)`},
		{"negative time", "one: {after: -5m}", `f.yml:1: one.after: "-5m" is negative: write an elapsed time of zero or more`},
		{"list for a time", "one: {after: [5m]}", `f.yml:1: one.after: expected one value, found a list`},
		{"not an instant", "one: {since: tomorrow}", `f.yml:1: one.since: "tomorrow" is not an instant: write it as 2026-03-09T07:10:00+01:00, or a date as 2026-03-09`},
		{"an instant without offset", "one: {since: 2026-03-09T07:10:00}", `f.yml:1: one.since: "2026-03-09T07:10:00" is not an instant: write it as 2026-03-09T07:10:00+01:00, or a date as 2026-03-09`},
		{"three hours for two", `one: {hours: ["09:00", "12:00", "13:00"]}`, `f.yml:1: one.hours: expected a list of exactly 2 values`},
		{"a value for two hours", `one: {hours: "09:00"}`, `f.yml:1: one.hours: expected a list of exactly 2 values`},
		{"a type's own refusal", "one: {colour: green}", `f.yml:1: one.colour: "green" is no colour: write red or blue`},
		{"list for a type of its own", "one: {colour: [red]}", `f.yml:1: one.colour: expected one value, found a list`},
		{"a text type's own refusal", "one: {mark: abcd}", `f.yml:1: one.mark: "abcd" is too long: write 3 letters at most`},
		{"list for a text type", "one: {mark: [a]}", `f.yml:1: one.mark: expected one value, found a list`},
		{"bad indentation", "one:\n  name: a\n open: true", `f.yml:3: not valid YAML: did not find expected key; check indentation (spaces, no tabs), colons and quotes near this line`},
		{"a tab", "one:\n\tname: a", `f.yml:2: not valid YAML: found character that cannot start any token; check indentation (spaces, no tabs), colons and quotes near this line`},
		{"a tab further down", "one:\n  name: a\n  inner:\n    name: b\n\tname: c\n", `f.yml:5: not valid YAML: found a tab character that violates indentation; check indentation (spaces, no tabs), colons and quotes near this line`},
		{"a blank too few", "one:\n  inner:\n    name: b\n   open: true\n  name: c\n", `f.yml:4: not valid YAML: did not find expected key; check indentation (spaces, no tabs), colons and quotes near this line`},
		{"a quote left open, and one further down", "one:\n  name: \"a\n  open: true\n  # more\n  mark: \"ab\"\n", `f.yml:2: not valid YAML: did not find expected key; check indentation (spaces, no tabs), colons and quotes near this line`},
		{"a fault after a value of several lines", "one:\n  inner: {\n    name: b,\n\n    open: true}\n  name: b: c\n", `f.yml:6: not valid YAML: mapping values are not allowed in this context; check indentation (spaces, no tabs), colons and quotes near this line`},
		{"unknown anchor", "one:\n  name: *x", `f.yml:2: not valid YAML: unknown anchor 'x' referenced; write &x at a value above it, or put what begins with * into quotes`},
		{"saved in an older encoding", "one:\n  name: caf\xe9\n", `f.yml:2: not valid YAML: incomplete UTF-8 octet sequence; save the file as UTF-8`},
		{"a control character", "one:\n  name: a\x01\n", `f.yml:2: not valid YAML: control characters are not allowed; take it out`},
		{"two documents", "one: {name: a}\n---\none: {name: b}\n", `f.yml:3: more than one document: take out the line --- above it, or move what follows to a file of its own`},
		{"a broken second document", "one: {name: a}\n---\none: [\n", `f.yml:3: not valid YAML: did not find expected node content; check indentation (spaces, no tabs), colons and quotes near this line`},
		{"a tag that asks for a file", "one:\n  name: !include name.txt", `f.yml:2: one.name: the tag !include is not known: write the value itself`},
		{"a tag that asks for keys", "one: !include one.yml", `f.yml:1: one: the tag !include is not known: write the value itself`},
		{"a time beyond every sum", "one: {after: 2562047h}", `f.yml:1: one.after: "2562047h" is longer than a hundred years: write a shorter time`},
		{"a name without end", "one: {name: " + strings.Repeat("a", 70_000) + "}", `f.yml:1: one.name: a value of 70000 bytes; at most 65536 are read: shorten it`},
		{"merging a value", "one:\n  <<: a", `f.yml:2: one: expected keys and values (after, any, colour, hours, inner, keys, labels, mark, name, open, shape, since, weight, width), found "a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h house
			err := strict.Decode("f.yml", []byte(tt.text), &h)
			if err == nil {
				t.Fatal("accepted")
			}
			if err.Error() != tt.want {
				t.Errorf("says\n%s\nwant\n%s", err, tt.want)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	var h house
	err := strict.Decode("f.yml", []byte("one:\n  nmae: a\n  width: x\nlist: a\n"), &h)
	want := `f.yml:2: one: unknown key "nmae": did you mean "name"?
f.yml:3: one.width: "x" is not a whole number
f.yml:4: list: expected a list (- item), found "a"`
	if err == nil || err.Error() != want {
		t.Errorf("says\n%v\nwant\n%s", err, want)
	}
}

func TestValues(t *testing.T) {
	var h house
	text := `
base: &base
list:
  - &a {name: a, width: 1, after: 90s, since: 2026-03-09T07:10:00+01:00, keys: [x, y], labels: {k: "1"}, colour: red, mark: abc}
  - *a
  - {<<: *a, name: c}
  - {name: d, <<: *a}
one:
  inner: {weight: 2.5, open: yes, hours: ["09:00", "10:00"], any: 1, shape: round}
  since: 2026-03-09
  name: ~
  shape: {name: nested}
`
	text = strings.Replace(text, "base: &base\n", "", 1)
	if err := strict.Decode("f.yml", []byte(text), &h); err != nil {
		t.Fatal(err)
	}
	first := h.List[0]
	if first.Name != "a" || first.Width != 1 || first.After != 90*time.Second || len(first.Keys) != 2 || first.Labels["k"] != "1" ||
		first.Colour != "red" || first.Mark != "abc" || !first.Since.Equal(time.Date(2026, 3, 9, 6, 10, 0, 0, time.UTC)) || first.hidden != 0 {
		t.Errorf("read %+v", first)
	}
	for i, name := range []string{"a", "a", "c", "d"} {
		if d := h.List[i]; d.Name != name || d.Width != 1 {
			t.Errorf("list[%d] is %+v, want name %s: a node's own keys prevail over merged ones wherever they stand", i, d, name)
		}
	}
	if at := h.List[3].Position.String(); at != "f.yml:6" {
		t.Errorf("a merged entry stands at %s, not at its own line 6", at)
	}
	in := h.One.Inner
	if in == nil || !in.Open || in.Weight != 2.5 || in.Hours != [2]string{"09:00", "10:00"} || in.Shape.word != "round" || in.Any == nil {
		t.Errorf("inner is %+v", in)
	}
	if h.One.Name != "" || h.One.Shape.door == nil || h.One.Shape.door.Name != "nested" || !h.One.Since.Equal(time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("one is %+v", h.One)
	}
}

func TestMergedMap(t *testing.T) {
	for _, text := range []string{
		"doors:\n  a: {labels: &l {x: '1', y: '2'}}\n  b: {labels: {<<: *l, y: '3'}}\n",
		"doors:\n  a: {labels: &l {x: '1', y: '2'}}\n  b: {labels: {y: '3', <<: *l}}\n",
		"doors:\n  a: {labels: &l {x: '1', y: '2'}}\n  c: {labels: &m {x: '9'}}\n  b: {labels: {y: '3', <<: [*l, *m]}}\n",
	} {
		var h house
		if err := strict.Decode("f.yml", []byte(text), &h); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if l := h.Doors["b"].Labels; l["x"] != "1" || l["y"] != "3" {
			t.Errorf("%s gives %v, want x from the merged set and y its own", text, l)
		}
	}
}

func TestLimits(t *testing.T) {
	deep := "one:" + strings.Repeat(" {inner:", 50) + " {}" + strings.Repeat("}", 50)
	manyFaults := "list:\n" + strings.Repeat("  - {x: 1}\n", 500)
	aliases := "list:\n  - &a {name: x}\n" + strings.Repeat("  - *a\n", 10_001)
	bomb := "one:\n  keys: &a [" + strings.Repeat("x,", 2000) + "]\nlist:\n" + strings.Repeat("  - {keys: *a}\n", 2000)
	self := "one: &a\n  inner: *a\n"
	selfRead := "one: &a\n  shape: *a\n"
	tests := []struct{ name, text, want string }{
		{"too deep", deep, "f.yml:1: one" + strings.Repeat(".inner", 20) + ": nested more than 40 levels deep: flatten it"},
		{"too many aliases", aliases, `f.yml:10003: list[10001]: more than 10000 aliases: write the values out`},
		{"a set that contains itself", self, "f.yml:1: one" + strings.Repeat(".inner", 20) + ": nested more than 40 levels deep: flatten it"},
		{"a set that contains itself, read by its type", selfRead, "levels deep: flatten it"},
		{"aliases that mean too much", bomb, "more than 1048576 values, aliases written out: split the file"},
		{"too many faults", manyFaults, "\nf.yml:202: more than 200 faults: mend these first"},
		{"too large", strings.Repeat(" ", 16<<20+1), "f.yml:1: the file has 16777217 bytes; at most 16777216 are read: split it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h house
			err := strict.Decode("f.yml", []byte(tt.text), &h)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				text := fmt.Sprint(err)
				t.Errorf("says %.600s\nwant %s", text, tt.want)
			}
		})
	}
}

func TestEmptyFile(t *testing.T) {
	for _, text := range []string{"", "\n", "# only a remark\n", "---\n", "---\n---\n# nothing\n"} {
		var h house
		if err := strict.Decode("f.yml", []byte(text), &h); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"one: {name: a}", "list: [&a {name: x, inner: *a}]", "doors: {a: {<<: {b: c}}}", "one: {since: 2026-03-09, after: 1h}",
		"one: &a {shape: *a}", "a: &a [*a, *a]", "? [a]\n: b", "one: !!binary x", "<<: [1]", "one: {any: &a {x: *a}}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var h house
		err := strict.Decode("f.yml", text, &h)
		if err == nil {
			return
		}
		for _, fault := range err.(strict.Faults) {
			if fault.File != "f.yml" || fault.Line < 1 || fault.What == "" {
				t.Errorf("a fault without place or cure: %#v", fault)
			}
		}
	})
}
