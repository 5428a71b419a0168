package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Case is one test of a file of rule tests, to be played by itself.
type Case struct {
	Name  string // the file's, and the place in it
	File  string
	Text  string   // what promtool reads
	Steps int      // how often the rules are evaluated
	files []string // names of the rule files
	alone bool     // the series that its rules read are inputs, not recorded by other rules
	needs names
	rules *Rules
}

// expectations are what a test asks for, and when.
type expectations struct {
	Alerts []struct {
		Alert string         `yaml:"alertname"`
		At    model.Duration `yaml:"eval_time"`
	} `yaml:"alert_rule_test"`
	Exprs []struct {
		Expr string         `yaml:"expr"`
		At   model.Duration `yaml:"eval_time"`
	} `yaml:"promql_expr_test"`
}

// Depends says whether the outcome of the case can depend on a rule.
func (c *Case) Depends(rule string) bool { return c.needs[rule] }

// Lay writes the case and the rules that it needs into a folder, and returns the
// case's file. Rule files named in instead are written with that text.
func (c *Case) Lay(dir string, instead map[string]string) (string, error) {
	for _, name := range c.files {
		text, ok := instead[name]
		if !ok {
			text = c.rules.texts[name]
		}
		text, err := only(text, c.needs)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	file := filepath.Join(dir, c.Name+".yml")
	return file, os.WriteFile(file, []byte(c.Text), 0o600)
}

// Whole makes the case need every rule of its files, so that one which fails with
// these inputs is seen though the test does not ask for it. It leaves a case of [Alone].
func (c *Case) Whole() {
	if c.alone {
		return
	}
	all := names{}
	for _, f := range c.files {
		for name := range c.rules.files[f] {
			all[name] = true
		}
	}
	c.needs = all
}

// Alone is the folder of tests whose rules run without the recording rules they read.
const Alone = "records"

// Cases reads a file of tests.
func (r *Rules) Cases(file string) ([]Case, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	var typed struct {
		Files []string       `yaml:"rule_files"`
		Every model.Duration `yaml:"evaluation_interval"`
		Tests []expectations `yaml:"tests"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := yaml.Unmarshal(text, &typed); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, f := range typed.Files {
		typed.Files[i] = filepath.Base(f)
		if r.files[typed.Files[i]] == nil {
			return nil, fmt.Errorf("%s: no file of rules is called %s", file, f)
		}
	}
	doc["rule_files"] = typed.Files
	tests := doc["tests"].([]any)
	var out []Case
	for i, t := range tests {
		doc["tests"] = []any{t}
		one, err := yaml.Marshal(doc)
		if err != nil {
			return nil, err
		}
		c := Case{Name: fmt.Sprintf("%s#%d", filepath.Base(file), i), File: file, Text: string(one), files: slices.Clone(typed.Files), alone: filepath.Base(filepath.Dir(file)) == Alone, rules: r}
		if err := c.expect(typed.Tests[i], max(typed.Every, model.Duration(1e9))); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// expect notes which rules the case depends on, and how long it runs.
func (c *Case) expect(a expectations, every model.Duration) error {
	wanted, end := names{}, model.Duration(0)
	for _, t := range a.Alerts {
		wanted[t.Alert], end = true, max(end, t.At)
	}
	for _, t := range a.Exprs {
		if err := c.rules.addSelected(wanted, t.Expr); err != nil {
			return err
		}
		end = max(end, t.At)
	}
	c.needs, c.Steps = wanted, int(end/every)+1
	if !c.alone {
		c.needs = c.rules.needed(c.files, wanted)
	}
	return nil
}
