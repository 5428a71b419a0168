// Package gateway writes what gateways to chat and SMS want of a message, each in
// its own form: JSON or a web form whose texts are templates. What a template puts
// in is put in as a text and encoded afterwards, so that nothing in a message can
// change the form.
package gateway

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"vigie/internal/clip"
	"vigie/internal/strict"
)

const (
	maxDepth = 20
	// maxText bounds one text, in bytes.
	maxText = 256 << 10
)

//go:embed formats/*.yml
var formats embed.FS

// Form is a form of messages; nil writes none. It reads itself from a configuration.
type Form struct {
	root node
	web  bool // as a web form instead of JSON
}

// node is one value of a form: a template, a list, named values, or what it says.
type node struct {
	text   *string // the template's source: it is compiled for each message, as forms are compared
	list   []node
	fields map[string]node
	value  any
}

// Formats are the names of the forms that are known, in order.
func Formats() []string {
	files, err := fs.Glob(formats, "formats/*.yml")
	if err != nil {
		return nil // only a malformed pattern is an error
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, "formats/"), ".yml")
	}
	return files
}

// Known returns the form of a known gateway.
func Known(name string) (*Form, error) {
	if !slices.Contains(Formats(), name) {
		return nil, errors.New(strict.Unknown("format", name, Formats()))
	}
	text, err := formats.ReadFile("formats/" + name + ".yml")
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	return read(doc.Content[0])
}

// JSON is a form that is written as JSON.
type JSON struct{ *Form }

// UnmarshalStrict implements [strict.Node].
func (j *JSON) UnmarshalStrict(n *yaml.Node, _ *strict.Decoder) (err error) {
	j.Form, err = read(n)
	return err
}

// Web is a form that is written as browsers send what is typed: one text a field.
type Web struct{ *Form }

// UnmarshalStrict implements [strict.Node].
func (w *Web) UnmarshalStrict(n *yaml.Node, _ *strict.Decoder) (err error) {
	if w.Form, err = read(n); err != nil {
		return err
	}
	for name, below := range w.root.fields {
		if below.list != nil || below.fields != nil {
			return fmt.Errorf("%s: a web form has one text a field; take json for more", name)
		}
	}
	w.web = true
	return nil
}

func read(n *yaml.Node) (*Form, error) {
	root, err := readNode(n, 0)
	if err != nil {
		return nil, err
	}
	if root.fields == nil {
		return nil, fmt.Errorf("line %d: names and values are wanted", n.Line)
	}
	return &Form{root: root}, nil
}

func readNode(n *yaml.Node, depth int) (out node, err error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if depth > maxDepth {
		return out, fmt.Errorf("line %d: nested more than %d levels deep", n.Line, maxDepth)
	}
	switch n.Kind {
	case yaml.MappingNode:
		out.fields = map[string]node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if _, twice := out.fields[k.Value]; twice {
				return out, fmt.Errorf("line %d: %q stands twice", k.Line, k.Value)
			}
			if out.fields[k.Value], err = readNode(n.Content[i+1], depth+1); err != nil {
				return out, err
			}
		}
	case yaml.SequenceNode:
		out.list = make([]node, len(n.Content))
		for i, below := range n.Content {
			if out.list[i], err = readNode(below, depth+1); err != nil {
				return out, err
			}
		}
	default:
		if n.ShortTag() == "!!str" || n.ShortTag() == "!!timestamp" {
			out.text = &n.Value
			_, err = compile(n.Value)
		} else {
			err = n.Decode(&out.value)
		}
		if err != nil {
			return out, fmt.Errorf("line %d: %w", n.Line, err)
		}
	}
	return out, nil
}

// Write writes a message, whose fields the templates name, and says of what type
// the result is.
func (f *Form) Write(m any) (body []byte, contentType string, err error) {
	v, err := f.root.fill(m)
	if err != nil {
		return nil, "", err
	}
	if !f.web {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // for pages; here each < would take the room of six letters
		err = e.Encode(v)
		return bytes.TrimSuffix(b.Bytes(), []byte("\n")), "application/json; charset=utf-8", err
	}
	values := url.Values{}
	for name, text := range v.(map[string]any) {
		if text != nil {
			values.Set(name, fmt.Sprint(text))
		}
	}
	return []byte(values.Encode()), "application/x-www-form-urlencoded", nil
}

func (n node) fill(m any) (any, error) {
	var err error
	switch {
	case n.text != nil:
		return says(*n.text, m)
	case n.fields != nil:
		out := make(map[string]any, len(n.fields))
		for name, below := range n.fields {
			if out[name], err = below.fill(m); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		return out, nil
	case n.list != nil:
		out := make([]any, len(n.list))
		for i, below := range n.list {
			if out[i], err = below.fill(m); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return n.value, nil
}

func compile(text string) (*template.Template, error) {
	return template.New("").Option("missingkey=error").Funcs(functions).Parse(text)
}

// says is what a template says of a message.
func says(text string, m any) (string, error) {
	t, err := compile(text)
	if err != nil {
		return "", err
	}
	var b bounded
	if err := t.Execute(&b, m); err != nil {
		return "", fmt.Errorf("a text of the form: %w", err)
	}
	return b.String(), nil
}

// bounded is a buffer that refuses more than [maxText].
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxText {
		return 0, fmt.Errorf("more than %d bytes: cut the text", maxText)
	}
	return b.Buffer.Write(p)
}

// functions are what templates may use beside the message's fields.
var functions = template.FuncMap{
	// cut shortens a text to so many characters, the sign of it included.
	"cut": func(most int, text string) string {
		if most <= 0 {
			return text
		}
		return clip.Runes(text, most)
	},
	// fit keeps as many whole lines, from the first, as take so many bytes in JSON: what
	// limits messages counts bytes, and half a link leads nowhere.
	"fit": fit,
	// slack and markdown take from a text what would be a link, a mention or
	// emphasis there. An address that has a line to itself, as the links of a message
	// have, stays one in markdown, shown as it is: an escaped one leads nowhere.
	"slack": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
	"markdown": func(text string) string {
		var out strings.Builder
		for line := range strings.Lines(text) {
			if m := address.FindStringSubmatch(line); m != nil {
				fmt.Fprintf(&out, "%s[%s](%s)%s", m[1], markdown.Replace(m[2]), m[2], m[3])
				continue
			}
			out.WriteString(markdown.Replace(line))
		}
		return out.String()
	},
	// paragraphs makes each line of a text one of its own, where single ends of
	// lines do not count, and puts together what was broken at the width of a mail.
	"paragraphs": paragraphs,
}

func paragraphs(text string) string {
	const width = 76
	var out []string
	before := ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word == "" {
			before = ""
			continue
		} else if before != "" && utf8.RuneCountInString(before)+1+utf8.RuneCountInString(word) > width && !begins.MatchString(line) {
			out[len(out)-1] += " " + strings.TrimSpace(line)
		} else {
			out = append(out, line)
		}
		before = line
	}
	return strings.Join(out, "\n\n")
}

// begins finds lines that go on with no other: links, points of a list, quotes and facts.
var begins = regexp.MustCompile(`^\s*(https?://|\[|[-*>]|\d+\.\s|[^:]{1,30}:\s)`)

func fit(most int, text string) string {
	if inJSON(text) <= most {
		return text
	}
	var out strings.Builder
	room := most - len(clip.Mark)
	for line := range strings.Lines(text) {
		n := inJSON(line)
		if n > room && out.Len() == 0 {
			for _, r := range line {
				if room -= inJSON(string(r)); room < 0 {
					break
				}
				out.WriteRune(r)
			}
		}
		if n > room {
			break
		}
		out.WriteString(line)
		room -= n
	}
	return out.String() + clip.Mark
}

// inJSON counts the bytes of a text within JSON.
func inJSON(text string) (n int) {
	for _, r := range text {
		switch {
		case strings.ContainsRune("\"\\\b\f\n\r\t", r):
			n += 2
		case r < 0x20 || r == '\u2028' || r == '\u2029':
			n += 6
		default:
			n += utf8.RuneLen(r)
		}
	}
	return n
}

var address = regexp.MustCompile(`^(\s*)(https?://[A-Za-z0-9._~:/?&=%+-]+)(\s*)$`)

var markdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "~", `\~`, "[", `\[`, "]", `\]`, "<", `\<`, "#", `\#`, "@", "@\u200b", "|", `\|`)
