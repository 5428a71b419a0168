package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v3"

	"vigie/tools/suite"
)

// world is what a case tells, as promtool reads it.
type world struct {
	Every model.Duration `yaml:"evaluation_interval"`
	Order []string       `yaml:"group_eval_order"`
	Tests []struct {
		Interval model.Duration `yaml:"interval"`
		Start    time.Time      `yaml:"start_timestamp"`
		Input    []struct {
			Series string `yaml:"series"`
			Values string `yaml:"values"`
		} `yaml:"input_series"`
	} `yaml:"tests"`
}

func (w world) series() string {
	var b strings.Builder
	fmt.Fprintf(&b, "load %s\n", w.Tests[0].Interval)
	for _, s := range w.Tests[0].Input {
		fmt.Fprintf(&b, "  %s %s\n", s.Series, s.Values)
	}
	return b.String()
}

// differ plays a case once, with the rules as they are, and asks every mutated
// expression at each step beside its own: it gives the mutants that say anything
// else, and those of another kind whose rule gives anything. What says the same at every step has changed nothing in this world, so no
// test of it can fail.
func (c *campaign) differ(ctx context.Context, t *suite.Case, mutants []*mutant) ([]*mutant, error) {
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := t.Lay(dir, nil); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == t.Name+".yml" })

	var w world
	if err := yaml.Unmarshal([]byte(t.Text), &w); err != nil {
		return nil, err
	}
	every := time.Duration(w.Every)
	if every == 0 {
		return nil, fmt.Errorf("%s says no evaluation_interval", t.File)
	}
	if w.Tests[0].Interval == 0 {
		w.Tests[0].Interval = w.Every
	}
	loader, err := promqltest.NewLazyLoader(w.series(), promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true, StartTime: w.Tests[0].Start})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	defer loader.Close()
	loader.SubqueryInterval = every

	asked := map[string][]*mutant{}
	for _, m := range mutants {
		asked[m.from] = append(asked[m.from], m)
	}
	query := rules.EngineQueryFunc(loader.QueryEngine(), loader.Storage())
	var out []*mutant
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: func(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
			want, err := query(ctx, expr, at)
			asked[expr] = slices.DeleteFunc(asked[expr], func(m *mutant) bool {
				if c.isDead(m) {
					return true
				}
				if m.to == m.from { // how long it waits and what it is called matter where it is
					if len(want) == 0 {
						return false
					}
				} else if got, e := query(ctx, m.to, at); e == nil && same(got, want, m.valueRead) {
					return false
				}
				out = append(out, m)
				return true
			})
			return want, err
		},
		Appendable: loader.Storage(), Context: ctx, NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Logger: promslog.NewNopLogger(), Parser: parser.NewParser(parser.Options{}),
	})
	byName, errs := manager.LoadGroups(time.Duration(w.Tests[0].Interval), labels.EmptyLabels(), "", nil, false, files...)
	if errs != nil {
		return nil, fmt.Errorf("%s: %v", t.Name, errs)
	}
	var groups []*rules.Group
	for _, g := range byName {
		groups = append(groups, g)
		for _, r := range g.Rules() {
			if a, ok := r.(*rules.AlertingRule); ok {
				a.SetRestored(true) // or there would be no ALERTS
			}
		}
	}
	slices.SortFunc(groups, func(a, b *rules.Group) int { return slices.Index(w.Order, a.Name()) - slices.Index(w.Order, b.Name()) })

	at := w.Tests[0].Start
	if at.IsZero() {
		at = time.Unix(0, 0).UTC()
	}
	for range t.Steps {
		loader.WithSamplesTill(at, func(e error) {
			if err = e; err != nil {
				return
			}
			for _, g := range groups {
				g.Eval(ctx, at)
			}
		})
		if err != nil || ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		at = at.Add(every)
	}
	return out, nil
}

// same says whether two answers are one to the rule that asked, which gives what it
// makes of them a name of its own.
func same(got, want promql.Vector, valueRead bool) bool {
	if len(got) != len(want) {
		return false
	}
	values := make(map[uint64]float64, len(want))
	for _, s := range want {
		values[s.Metric.DropMetricName().Hash()] = s.F
	}
	for _, s := range got {
		key := s.Metric.DropMetricName().Hash()
		v, ok := values[key]
		if !ok || valueRead && math.Float64bits(v) != math.Float64bits(s.F) {
			return false
		}
		delete(values, key)
	}
	return true
}
