package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// testCase is one test of a file, as a file of its own.
type testCase struct {
	name  string
	files []string // of rules, by name
	text  string   // what promtool reads; the rules lie beside it
	cost  time.Duration
}

func readCases(dir string) ([]testCase, error) {
	files, err := filepath.Glob(filepath.Join(dir, "tests", "*.yml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s/tests holds no tests: %v", dir, err)
	}
	var out []testCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var doc map[string]any
		if err := yaml.Unmarshal(text, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		var rules []string
		for _, r := range doc["rule_files"].([]any) {
			rules = append(rules, filepath.Base(r.(string)))
		}
		doc["rule_files"] = rules
		tests := doc["tests"].([]any)
		for i, t := range tests {
			doc["tests"] = []any{t}
			one, err := yaml.Marshal(doc)
			if err != nil {
				return nil, err
			}
			out = append(out, testCase{name: fmt.Sprintf("%s#%d", filepath.Base(file), i), files: rules, text: string(one)})
		}
	}
	return out, nil
}

// campaign tries mutants against cases.
type campaign struct {
	promtool, dir string
	cases         []testCase
	known         map[string]string // equivalents, with the reason

	mu     sync.Mutex
	killer map[string][]int // cases that killed mutants of a rule, the latest first
}

// try gives the case that notices the mutant, "" if none does. Cases that name
// the rule or killed others of it come first, then the short ones.
func (c *campaign) try(ctx context.Context, m mutant) (string, error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := c.lay(dir, m); err != nil {
		return "", err
	}
	for _, i := range c.order(m) {
		t := &c.cases[i]
		file := filepath.Join(dir, "case.yml")
		if err := os.WriteFile(file, []byte(t.text), 0o600); err != nil {
			return "", err
		}
		began := time.Now()
		out, err := exec.CommandContext(ctx, c.promtool, "test", "rules", file).CombinedOutput()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return "", err
		}
		c.note(m.rule, i, time.Since(began), err != nil)
		if err != nil {
			if bytes.Contains(out, []byte("FAILED")) {
				return t.name, nil
			}
			return "", fmt.Errorf("%s: promtool cannot play it: %s", m, out)
		}
	}
	return "", nil
}

// lay writes the rules, one file of them changed.
func (c *campaign) lay(dir string, m mutant) error {
	files, err := filepath.Glob(filepath.Join(c.dir, "*.yml"))
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if filepath.Base(f) == m.file {
			text = []byte(m.text)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *campaign) note(rule string, i int, took time.Duration, kills bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cases[i].cost = took
	if kills {
		if c.killer == nil {
			c.killer = map[string][]int{}
		}
		c.killer[rule] = slices.Insert(slices.DeleteFunc(c.killer[rule], func(k int) bool { return k == i }), 0, i)
	}
}

func (c *campaign) order(m mutant) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []int
	for i, t := range c.cases {
		if slices.Contains(t.files, m.file) {
			out = append(out, i)
		}
	}
	rank := func(i int) int {
		if at := slices.Index(c.killer[m.rule], i); at >= 0 {
			return at
		}
		if strings.Contains(c.cases[i].text, m.rule) {
			return 1000
		}
		return 2000
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(c.cases[a].cost, c.cases[b].cost), cmp.Compare(len(c.cases[a].text), len(c.cases[b].text)))
	})
	return out
}
