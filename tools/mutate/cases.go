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
	"sync"
	"time"

	"vigie/tools/suite"
)

func readCases(dir string) ([]suite.Case, error) {
	rules, err := suite.ReadRules(dir)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "tests", "*.yml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s/tests holds no tests: %v", dir, err)
	}
	alone, err := filepath.Glob(filepath.Join(dir, suite.Alone, "*.yml"))
	if err != nil {
		return nil, err
	}
	files = append(files, alone...)
	var out []suite.Case
	for _, file := range files {
		cases, err := rules.Cases(file)
		if err != nil {
			return nil, err
		}
		out = append(out, cases...)
	}
	return out, nil
}

// campaign tries mutants against cases.
type campaign struct {
	promtool string
	cases    []suite.Case
	known    map[string]string // equivalents, with the reason
	jobs     int
	progress io.Writer

	mu   sync.Mutex
	dead map[*mutant]bool
}

// play tries every mutant that is not known, and gives those that no case noticed.
func (c *campaign) play(ctx context.Context, mutants []mutant) (lived []*mutant, killed int, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	c.dead = map[*mutant]bool{}
	var all []*mutant
	for i := range mutants {
		if m := &mutants[i]; c.known[m.String()] == "" {
			all = append(all, m)
		}
	}
	cases := make([]*suite.Case, len(c.cases))
	for i := range c.cases {
		cases[i] = &c.cases[i]
	}
	slices.SortStableFunc(cases, func(a, b *suite.Case) int { return cmp.Compare(a.Steps, b.Steps) })
	inParallel(c.jobs, cases, func(t *suite.Case) {
		if ctx.Err() != nil {
			return
		}
		if err := c.tryAll(ctx, t, all); err != nil {
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

// tryAll tries every mutant on one case: those that say anything else in its world
// are played.
func (c *campaign) tryAll(ctx context.Context, t *suite.Case, mutants []*mutant) error {
	var alive []*mutant
	for _, m := range mutants {
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

// fails plays one case with a mutant.
func (c *campaign) fails(ctx context.Context, t *suite.Case, m *mutant) (bool, error) {
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
