package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
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
	jobs     int
	progress io.Writer

	mu     sync.Mutex
	dead   map[*mutant]bool
	killer map[string][]int // cases that killed mutants of a rule, the latest first
}

// play tries every mutant that is not known, and gives those that no case noticed.
func (c *campaign) play(ctx context.Context, mutants []mutant) (lived []*mutant, killed int, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	c.dead = map[*mutant]bool{}
	var exprs, others, all []*mutant
	for i := range mutants {
		m := &mutants[i]
		if c.known[m.String()] != "" {
			continue
		}
		all = append(all, m)
		if m.from == "" {
			others = append(others, m)
		} else {
			exprs = append(exprs, m)
		}
	}
	inParallel(c.jobs, others, func(m *mutant) {
		if err := c.try(ctx, m); err != nil {
			stop(err)
		}
	})
	cases := make([]*testCase, len(c.cases))
	for i := range c.cases {
		cases[i] = &c.cases[i]
	}
	slices.SortStableFunc(cases, func(a, b *testCase) int { return cmp.Compare(a.Steps, b.Steps) })
	inParallel(c.jobs, cases, func(t *testCase) {
		if ctx.Err() != nil {
			return
		}
		if err := c.tryAll(ctx, t, exprs); err != nil {
			stop(err)
		}
	})
	for _, m := range all {
		if !c.dead[m] {
			lived = append(lived, m)
		}
	}
	return lived, len(all) - len(lived), context.Cause(ctx)
}

func inParallel[T any](jobs int, all []T, do func(T)) {
	work := make(chan T)
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for one := range work {
				do(one)
			}
		})
	}
	for _, one := range all {
		work <- one
	}
	close(work)
	wg.Wait()
}

// tryAll tries every mutated expression on one case: those that say anything else in
// its world are played.
func (c *campaign) tryAll(ctx context.Context, t *testCase, exprs []*mutant) error {
	var alive []*mutant
	for _, m := range exprs {
		if t.Depends(m.rule) && !c.isDead(m) {
			alive = append(alive, m)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	began := time.Now()
	different, err := c.differ(ctx, t, alive)
	if err != nil {
		return err
	}
	killed := 0
	for _, m := range different {
		if c.isDead(m) {
			continue
		}
		fails, err := c.fails(ctx, t, m)
		if err != nil {
			return err
		}
		if fails {
			c.kill(m)
			killed++
		}
	}
	fmt.Fprintf(c.progress, "%s: %d mutants, %d differ, %d killed in %s\n", t.Name, len(alive), len(different), killed, time.Since(began).Round(time.Second))
	return nil
}

func (c *campaign) isDead(m *mutant) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead[m]
}

func (c *campaign) kill(m *mutant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead[m] = true
}

// try plays the cases whose outcome depends on the mutant's rule, until one notices:
// those that killed others of it and those that name it first, then the short ones.
func (c *campaign) try(ctx context.Context, m *mutant) error {
	for _, i := range c.order(m) {
		began := time.Now()
		fails, err := c.fails(ctx, &c.cases[i], m)
		if err != nil {
			return err
		}
		c.note(m.rule, i, time.Since(began), fails)
		if fails {
			c.kill(m)
			return nil
		}
	}
	return nil
}

// fails plays one case with a mutant.
func (c *campaign) fails(ctx context.Context, t *testCase, m *mutant) (bool, error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	file, err := t.Lay(dir, map[string]string{m.file: m.text})
	if err != nil {
		return false, err
	}
	out, err := exec.CommandContext(ctx, c.promtool, "test", "rules", file).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err == nil:
		return false, nil
	case errors.As(err, &exit) && bytes.Contains(out, []byte("FAILED")):
		return true, nil
	}
	return false, fmt.Errorf("%s: promtool cannot play %s: %w: %s", m, t.Name, err, out)
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

func (c *campaign) order(m *mutant) []int {
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
