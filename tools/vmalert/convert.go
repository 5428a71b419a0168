package main

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// gates are the records that tell a memory whether what it remembers is still
// told. One turn late they lose it, so each reader gets their expression; each may
// read those before it.
var gates = []string{
	"backup_job:info:listed",
	"backup_job:info:unlisted",
	"source:backup_source_up:whole",
	"backup_job:info:held",
	"source:backup_source_up:heard",
}

// watching are files that ask whether a record exists, and must not make it up.
var watching = []string{"chain.yml"}

// chosen are the records that choose one of several names, whose samples are all 1.
var chosen = []string{"backup_job:info:listed", "backup_job:info:restored", "machine:backup_state:worst"}

// convert makes rules for vmalert of the files of rules, by their names. Gates are
// written out where they are read. Among equal samples topk of MetricsQL chooses
// differently from turn to turn, and limitk does not; promtool knows topk only.
func convert(files map[string][]byte, limitk bool) (map[string][]byte, error) {
	docs := map[string]*yaml.Node{}
	for name, text := range files {
		doc := &yaml.Node{}
		if err := yaml.Unmarshal(text, doc); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		docs[name] = doc
		for _, rule := range rulesOf(doc) {
			if expr := get(rule, "expr"); limitk && slices.Contains(chosen, ruleName(rule)) {
				expr.Value = strings.ReplaceAll(expr.Value, "topk by (", "limitk by (")
			}
		}
	}
	written, err := writeOut(docs)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for name, doc := range docs {
		for _, rule := range rulesOf(doc) {
			expr := get(rule, "expr")
			if !slices.Contains(watching, name) {
				if expr.Value, err = written.into(expr.Value, ruleName(rule)); err != nil {
					return nil, fmt.Errorf("%s: %s: %w", name, ruleName(rule), err)
				}
			}
		}
		var b bytes.Buffer
		enc := yaml.NewEncoder(&b)
		enc.SetIndent(2)
		if err := enc.Encode(doc); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := enc.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = b.Bytes()
	}
	return out, nil
}

// expressions are those of the gates, each with the ones before it written out.
type expressions map[string]string

func writeOut(docs map[string]*yaml.Node) (expressions, error) {
	found := expressions{}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		for _, rule := range rulesOf(docs[name]) {
			if slices.Contains(gates, ruleName(rule)) {
				found[ruleName(rule)] = get(rule, "expr").Value
			}
		}
	}
	out := expressions{}
	for _, gate := range gates {
		expr, ok := found[gate]
		if !ok {
			return nil, fmt.Errorf("no rule records %s: is the folder that of the shipped rules?", gate)
		}
		text, err := out.into(expr, gate)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", gate, err)
		}
		out[gate] = "(" + strings.TrimSpace(text) + ")"
	}
	return out, nil
}

// into writes the gates out in an expression.
func (e expressions) into(expr, rule string) (string, error) {
	for _, gate := range slices.Sorted(maps.Keys(e)) {
		use := regexp.MustCompile(`(^|[^:\w])` + gate + `([^:\w]|$)`)
		for _, m := range use.FindAllStringSubmatch(expr, -1) {
			if m[2] == "[" || m[2] == "{" {
				return "", fmt.Errorf("reads %s%s: a record that is written out can have neither range nor matchers", gate, m[2])
			}
		}
		if gate == rule {
			continue
		}
		for use.MatchString(expr) { // neighbours share the character between them
			expr = use.ReplaceAllString(expr, "${1}"+e[gate]+"${2}")
		}
	}
	return expr, nil
}

func rulesOf(doc *yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	for _, group := range get(doc.Content[0], "groups").Content {
		all = append(all, get(group, "rules").Content...)
	}
	return all
}

// get is a value of a mapping; nil if it has none.
func get(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func ruleName(rule *yaml.Node) string {
	for _, key := range []string{"alert", "record"} {
		if n := get(rule, key); n != nil {
			return n.Value
		}
	}
	return ""
}
