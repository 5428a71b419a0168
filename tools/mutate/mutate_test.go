package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestMutateExpr(t *testing.T) {
	_, got, err := mutateExpr(`max by (a, b) (m{x="1",y!="2"}) > 3 unless on (a) last_over_time(n[1h])`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	seen := map[string]bool{}
	for _, m := range got {
		names = append(names, m.what)
		if seen[m.text] {
			t.Errorf("twice: %s", m.text)
		}
		seen[m.text] = true
	}
	for _, want := range []string{"> -> >= before 3", "> -> < before 3", "max -> min (m{x=\"1\",y!=\"2\"})", "max by without b", `m without x="1"`,
		"[1h0m0s] -> half", "unless -> and before last_over_time(n[1h])", "without unless last_over_time(n[1h])", "last_over_time -> min_over_time (n[1h])", "unless matching without a"} {
		if !slices.Contains(names, want) {
			t.Errorf("no mutant %q among %q", want, names)
		}
	}
}

// A rule file becomes whole files with one thing changed, its anchors alive.
func TestReadRules(t *testing.T) {
	dir := t.TempDir()
	const rules = "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: x > 1\n        for: 2m\n        labels: {kind: k, severity: &s high}\n" +
		"      - {alert: B, expr: y, for: 0s, labels: {severity: *s}}\n"
	if err := os.WriteFile(filepath.Join(dir, "r.yml"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readRules(dir, regexp.MustCompile("^A$"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range got {
		names = append(names, m.String())
	}
	for _, want := range []string{"A: > -> >= before 1", "A: for 2m -> 0s", "A: for 2m -> 20m", "A: label kind -> mutated"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %q among %q", want, names)
		}
	}
	if got, err = readRules(dir, regexp.MustCompile("^B$")); err != nil || len(got) != 2 || got[0].what != "for 0s -> 3m" {
		t.Errorf("%v, %+v", err, got)
	}
}

// Of the mutants only those are played that say something else in a case's world:
// also where a rule reads what it wrote the step before. A wait is asked for where
// its alert is.
func TestDiffer(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tests"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"r.yml": "groups:\n  - name: g\n    rules:\n      - {record: 'a:m:last', expr: 'm or on (i) a:m:last'}\n      - {alert: A, expr: 'a:m:last > 1', for: 0s}\n",
		"tests/t.yml": "rule_files: [../r.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series: [{series: 'm{i=\"1\",j=\"2\"}', values: '5 stale'}]\n" +
			"    alert_rule_test: [{alertname: A, eval_time: 2m}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mutants, err := readRules(dir, regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := readCases(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []*mutant
	for i := range mutants {
		all = append(all, &mutants[i])
	}
	different, err := new(campaign).differ(t.Context(), &cases[0], all)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range different {
		got = append(got, m.String())
	}
	slices.Sort(got)
	want := []string{"A: > -> < before 1", "A: for 0s -> 3m", "a:m:last: without m or", "a:m:last: without or a:m:last"}
	if !slices.Equal(got, want) {
		t.Errorf("%q differ of %d, want %q", got, len(all), want)
	}
}
