package suite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const someRules = `groups:
  - name: records
    rules:
      - {record: "a:seen", expr: "a or last_over_time(a:seen[1h])"}
      - {record: "b:late", expr: "a:seen > 1"}
      - {record: "c:told", expr: c}
      - {record: "d:alone", expr: d}
  - name: alerts
    rules:
      - alert: Late
        expr: b:late
        labels: {severity: &s high}
        annotations: {since: '{{ with query (printf "c:told{x=%q}" $labels.x) }}{{ . }}{{ end }}'}
      - {alert: Alone, expr: "d:alone > 0", labels: {severity: *s}}
      - {alert: Both, expr: 'count(ALERTS{alertname="Alone"}) > 0'}
      - {alert: Other, expr: e}
`

const someTests = `rule_files: [../r.yml]
evaluation_interval: 5m
tests:
  - alert_rule_test: [{alertname: Late, eval_time: 1h}]
  - promql_expr_test: [{expr: 'ALERTS{alertname=~"Al.*",alertstate="firing"}', eval_time: 30m}]
  - alert_rule_test: [{alertname: Both, eval_time: 5m}]
  - promql_expr_test: [{expr: 'count({__name__=~".:(late|told)"})', eval_time: 10m}]
  - promql_expr_test: [{expr: 'count(ALERTS)', eval_time: 10m}]
`

// A case keeps what its outcome depends on: through records, memories, queries
// in templates and alerts about alerts, and nothing else.
func TestCasesKeepWhatTheyDependOn(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tests", "t.yml")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "r.yml"), someRules)
	write(t, file, someTests)
	rules, err := ReadRules(dir)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := rules.Cases(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		steps int
		rules string
	}{
		{13, "Late a:seen b:late c:told"}, {7, "Alone d:alone"}, {2, "Alone Both d:alone"}, {3, "a:seen b:late c:told"},
		{3, "Alone Both Late Other a:seen b:late c:told d:alone"},
	} {
		var got []string
		for name := range rules.kinds {
			if cases[i].Depends(name) {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want.rules || cases[i].Steps != want.steps {
			t.Errorf("%s: %d steps, %q; want %d, %q", cases[i].Name, cases[i].Steps, got, want.steps, want.rules)
		}
	}
}

// What is laid bears the rules that are kept, without the anchors of those that
// are not, and the text that was given instead.
func TestLay(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "r.yml"), someRules)
	write(t, filepath.Join(dir, "t.yml"), someTests)
	rules, err := ReadRules(dir)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := rules.Cases(filepath.Join(dir, "t.yml"))
	if err == nil {
		_, err = cases[1].Lay(out, map[string]string{"r.yml": strings.Replace(someRules, "> 0", "> 7", 1)})
	}
	if err != nil {
		t.Fatal(err)
	}
	laid, err := ReadRules(out)
	if err != nil || len(laid.kinds) != 2 || !strings.Contains(laid.texts["r.yml"], "d:alone > 7") || !strings.Contains(laid.texts["r.yml"], "severity: high") {
		t.Errorf("%v: %s", err, laid.texts["r.yml"])
	}
}

func TestUnknownFileOfRules(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "r.yml"), someRules)
	write(t, filepath.Join(dir, "t.yml"), strings.Replace(someTests, "../r.yml", "../s.yml", 1))
	rules, err := ReadRules(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Cases(filepath.Join(dir, "t.yml")); err == nil || !strings.Contains(err.Error(), "../s.yml") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// In the folder of rules alone, what they read is not recorded, not even by the
// shortest case.
func TestCasesOfRulesAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, Alone, "t.yml")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "r.yml"), someRules)
	write(t, file, "rule_files: [../r.yml]\nevaluation_interval: 5m\ntests:\n  - promql_expr_test: [{expr: 'last_over_time(b:late[1m])', eval_time: 10m}]\n")
	rules, err := ReadRules(dir)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := rules.Cases(file)
	if err != nil {
		t.Fatal(err)
	}
	cases[0].Whole()
	if !cases[0].Depends("b:late") || cases[0].Depends("a:seen") || cases[0].Depends("Late") {
		t.Errorf("it plays with %v, want b:late alone", cases[0].needs)
	}
}
