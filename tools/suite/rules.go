// Package suite reads the alerting rules and their promtool tests: each test as
// a file of its own, with only the rules on which its outcome depends.
package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// Rules are the rules of a folder. What bears one name is one rule here.
type Rules struct {
	texts map[string]string          // of each file, by its name
	files map[string]map[string]bool // names of the rules of a file
	reads map[string]names           // what a rule reads, by its name
	kinds map[string]kind
}

type kind int

const (
	record kind = 1 + iota
	alert
)

type names map[string]bool

type rule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// ReadRules reads *.yml of a folder.
func ReadRules(dir string) (*Rules, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s holds no rules: %v", dir, err)
	}
	r := &Rules{texts: map[string]string{}, files: map[string]map[string]bool{}, reads: map[string]names{}, kinds: map[string]kind{}}
	all := map[string][]rule{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var doc struct {
			Groups []struct {
				Rules []rule `yaml:"rules"`
			} `yaml:"groups"`
		}
		if err := yaml.Unmarshal(text, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		base := filepath.Base(file)
		r.texts[base], r.files[base] = string(text), map[string]bool{}
		for _, g := range doc.Groups {
			for _, one := range g.Rules {
				name, kind := one.Record, record
				if one.Alert != "" {
					name, kind = one.Alert, alert
				}
				r.files[base][name], r.kinds[name] = true, kind
				all[name] = append(all[name], one)
			}
		}
	}
	for name, rules := range all {
		r.reads[name] = names{}
		for _, one := range rules {
			if err := r.addReads(r.reads[name], one); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return r, nil
}

var word = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// addReads adds what a rule reads, in its expression and in its templates' queries.
func (r *Rules) addReads(to names, one rule) error {
	for _, texts := range []map[string]string{one.Labels, one.Annotations} {
		for _, text := range texts {
			for _, w := range word.FindAllString(text, -1) {
				if r.kinds[w] == record {
					to[w] = true
				}
			}
		}
	}
	return r.addSelected(to, one.Expr)
}

// addSelected adds the rules that an expression can see: records by their
// names, alerts by the alertname of ALERTS.
func (r *Rules) addSelected(to names, expr string) error {
	root, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return err
	}
	parser.Inspect(root, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			for name, kind := range r.kinds {
				if kind == record && matches(s.LabelMatchers, labels.MetricName, name) ||
					kind == alert && (matches(s.LabelMatchers, labels.MetricName, "ALERTS") || matches(s.LabelMatchers, labels.MetricName, "ALERTS_FOR_STATE")) &&
						matches(s.LabelMatchers, labels.AlertName, name) {
					to[name] = true
				}
			}
		}
		return nil
	})
	return nil
}

// matches says whether no matcher of a label speaks against a value of it.
func matches(all []*labels.Matcher, label, value string) bool {
	return !slices.ContainsFunc(all, func(m *labels.Matcher) bool { return m.Name == label && !m.Matches(value) })
}

// needed are the rules of some files on which others of them depend, and these
// themselves.
func (r *Rules) needed(files []string, wanted names) names {
	out := names{}
	here := func(name string) bool {
		return slices.ContainsFunc(files, func(f string) bool { return r.files[f][name] })
	}
	var add func(names)
	add = func(more names) {
		for name := range more {
			if here(name) && !out[name] {
				out[name] = true
				add(r.reads[name])
			}
		}
	}
	add(wanted)
	return out
}

// only is a file of rules without those that are not named.
func only(text string, keep names) (string, error) {
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return "", err
	}
	var groups []any
	for _, g := range doc["groups"].([]any) {
		group := g.(map[string]any)
		var rules []any
		for _, one := range group["rules"].([]any) {
			fields := one.(map[string]any)
			name, isAlert := fields["alert"].(string)
			if !isAlert {
				name = fields["record"].(string)
			}
			if keep[name] {
				rules = append(rules, one)
			}
		}
		if group["rules"] = rules; len(rules) > 0 {
			groups = append(groups, group)
		}
	}
	doc["groups"] = groups
	out, err := yaml.Marshal(doc)
	return string(out), err
}
