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

	"vigie/tools/suite"
)

// testCase is one test, and how long it took.
type testCase struct {
	suite.Case
	cost time.Duration
}

func readCases(dir string) ([]testCase, error) {
	rules, err := suite.ReadRules(dir)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "tests", "*.yml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s/tests holds no tests: %v", dir, err)
	}
	var out []testCase
	for _, file := range files {
		cases, err := rules.Cases(file)
		if err != nil {
			return nil, err
		}
		for _, c := range cases {
			out = append(out, testCase{Case: c})
		}
	}
	return out, nil
}

// campaign tries mutants against cases.
type campaign struct {
	promtool string
	cases    []testCase
	known    map[string]string // equivalents, with the reason

	mu     sync.Mutex
	killer map[string][]int // cases that killed mutants of a rule, the latest first
}

// try gives the case that notices the mutant, "" if none does. Only cases whose
// outcome depends on the rule are played: those that name it or killed others of
// it come first, then the short ones.
func (c *campaign) try(ctx context.Context, m mutant) (string, error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for _, i := range c.order(m) {
		t := &c.cases[i]
		file, err := t.Lay(dir, map[string]string{m.file: m.text})
		if err != nil {
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
				return t.Name, nil
			}
			return "", fmt.Errorf("%s: promtool cannot play it: %s", m, out)
		}
	}
	return "", nil
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
		if t.Depends(m.rule) {
			out = append(out, i)
		}
	}
	rank := func(i int) int {
		if at := slices.Index(c.killer[m.rule], i); at >= 0 {
			return at
		}
		if strings.Contains(c.cases[i].Text, m.rule) {
			return 1000
		}
		return 2000
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(c.cases[a].cost, c.cases[b].cost), cmp.Compare(c.cases[a].Steps, c.cases[b].Steps))
	})
	return out
}
