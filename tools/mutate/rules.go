package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// mutant is a file of rules with one small thing changed.
type mutant struct {
	file string // its name in the folder
	rule string
	what string // what was changed into what
	text string // of the whole file

	from, to  string // the expression, and the changed one: the same where another thing was changed
	valueRead bool   // the value of the expression matters, not only that it is there
}

func (m mutant) String() string { return m.rule + ": " + m.what }

// ruleFile is a file of rules, kept as YAML nodes so that anchors live on.
type ruleFile struct {
	name string
	doc  yaml.Node
}

func readRules(dir string, only *regexp.Regexp) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s holds no rules: %v", dir, err)
	}
	var all []mutant
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		f := ruleFile{name: filepath.Base(file)}
		if err := yaml.Unmarshal(text, &f.doc); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, group := range get(f.doc.Content[0], "groups").Content {
			for _, rule := range get(group, "rules").Content {
				if !only.MatchString(ruleName(rule)) {
					continue
				}
				more, err := f.mutate(rule)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", file, ruleName(rule), err)
				}
				all = append(all, more...)
			}
		}
	}
	return all, nil
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

// mutate gives every mutant of a rule.
func (f *ruleFile) mutate(rule *yaml.Node) ([]mutant, error) {
	expr := get(rule, "expr")
	from, exprs, err := mutateExpr(expr.Value)
	if err != nil {
		return nil, err
	}
	var out []mutant
	var failed error
	name := ruleName(rule)
	seen := map[string]int{}
	change := func(n *yaml.Node, value, what string) *mutant {
		before := *n
		n.Value, n.Style, n.Tag, n.Kind, n.Alias = value, yaml.DoubleQuotedStyle, "!!str", yaml.ScalarNode, nil
		text, err := yaml.Marshal(&f.doc)
		*n = before
		if err != nil {
			failed = err
			return &mutant{}
		}
		if seen[what]++; seen[what] > 1 {
			what = fmt.Sprintf("%s (%d)", what, seen[what])
		}
		out = append(out, mutant{file: f.name, rule: name, what: what, text: string(text), from: from, to: from})
		return &out[len(out)-1]
	}
	valueRead, err := readsValue(rule)
	if err != nil {
		return nil, err
	}
	for _, e := range exprs {
		m := change(expr, e.text, e.what)
		m.to, m.valueRead = e.text, valueRead
	}
	for _, key := range []string{"for", "keep_firing_for"} {
		if n := get(rule, key); n != nil {
			for _, to := range slices.Sorted(maps.Keys(otherWaits(n.Value))) {
				change(n, to, key+" "+n.Value+" -> "+to)
			}
		}
	}
	if labels := get(rule, "labels"); labels != nil {
		for i := 0; i+1 < len(labels.Content); i += 2 {
			n := labels.Content[i+1]
			if n.Anchor == "" { // others refer to it
				change(n, "mutated", "label "+labels.Content[i].Value+" -> mutated")
			}
		}
	}
	return out, failed
}

// readsValue says whether more than its being there is asked of a rule's expression.
func readsValue(rule *yaml.Node) (bool, error) {
	text, err := yaml.Marshal(rule)
	return get(rule, "record") != nil || strings.Contains(string(text), "$value"), err
}

// otherWaits are a shorter and a longer wait.
func otherWaits(text string) map[string]bool {
	if text == "0s" {
		return map[string]bool{"3m": true}
	}
	return map[string]bool{"0s": true, strings.TrimRight(text, "smhd") + "0" + strings.TrimLeft(text, "0123456789"): true}
}

// changed is an expression with one thing changed.
type changed struct{ text, what string }

func mutateExpr(text string) (from string, out []changed, err error) {
	root, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return "", nil, err
	}
	from = root.String()
	w := walker{emit: func(what string) {
		s := root.String()
		if _, err := parser.NewParser(parser.Options{}).ParseExpr(s); err == nil {
			out = append(out, changed{s, what})
		}
	}}
	w.walk(&root)
	return from, out, nil
}
