package dashboards

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// told are the metrics that the exporter and the receiver tell, by the names in
// their code.
func told(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for pattern, name := range map[string]*regexp.Regexp{
		"../exporters/exposition/families.go": regexp.MustCompile(`"(backup_[a-z_]+)", "[A-Z]`),
		"../exporters/*/*.go":                 regexp.MustCompile(`(?:NewDesc\(|Name: +)"(backup_[a-z_]+)"`),
		"../cmd/backup_exporter/*.go":         regexp.MustCompile(`(?:NewDesc\(|Name: +)"(backup_[a-z_]+)"`),
		"../receiver/*.go":                    regexp.MustCompile(`(?:NewDesc\(|Name: +)"(vigie_[a-z_]+)"`),
		"../receiver/*/*.go":                  regexp.MustCompile(`(?:NewDesc\(|Name: +)"(vigie_[a-z_]+)"`),
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range name.FindAllStringSubmatch(string(text), -1) {
				found[m[1]] = true
			}
		}
	}
	if len(found) < 60 {
		t.Fatalf("only %d metrics were found", len(found))
	}
	return found
}

// recorded are the names that the rules record, and all that their expressions
// say.
func recorded(t *testing.T) (names map[string]bool, exprs string) {
	t.Helper()
	files, err := filepath.Glob("../alerting-rules/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	names = map[string]bool{}
	var all strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Groups []struct {
				Rules []struct{ Record, Expr string } `yaml:"rules"`
			} `yaml:"groups"`
		}
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, g := range doc.Groups {
			for _, r := range g.Rules {
				names[r.Record] = true
				all.WriteString(r.Expr + "\n")
			}
		}
	}
	return names, all.String()
}

// others are metrics that Prometheus and Alertmanager tell of themselves; a test
// asks both whether they still do.
func others() []string {
	return []string{"ALERTS", "ALERTS_FOR_STATE", "up",
		"prometheus_config_last_reload_successful", "prometheus_rule_group_last_duration_seconds", "prometheus_rule_group_interval_seconds",
		"prometheus_rule_evaluation_failures_total", "prometheus_rule_group_iterations_missed_total", "prometheus_notifications_dropped_total",
		"alertmanager_config_last_reload_successful", "alertmanager_notifications_failed_total", "alertmanager_notifications_total",
		"alertmanager_silences", "alertmanager_alerts"}
}

var name = regexp.MustCompile(`\b(?:[a-z_]+:[a-z_]+(?::[a-z0-9_]+)?|(?:backup|vigie|prometheus|alertmanager|platform|probe|node)_[a-z_]+|ALERTS(?:_FOR_STATE)?|up)\b`)

// asked are all queries of a board, annotations and variables among them.
func asked(d Dashboard) []string {
	var all []string
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			all = append(all, q.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, a.Expr)
	}
	for _, v := range d.Templating.List {
		if q, ok := v.Query.(map[string]any); ok {
			all = append(all, strings.TrimPrefix(q["query"].(string), "label_values"))
		}
	}
	return all
}

var (
	texts  = regexp.MustCompile(`"[^"]*"`)
	match  = regexp.MustCompile(`\{[^{}]*\}`)
	groups = regexp.MustCompile(`\b(by|on|ignoring|group_left|group_right) ?\([^)]*\)`)
)

func metricsOf(expr string) []string {
	return name.FindAllString(groups.ReplaceAllString(match.ReplaceAllString(texts.ReplaceAllString(expr, `""`), ""), ""), -1)
}

func TestBoardsReadKnownMetricsOnly(t *testing.T) {
	known := told(t)
	names, _ := recorded(t)
	every(t, func(t *testing.T, _ Language, d Dashboard) {
		for _, expr := range asked(d) {
			found := metricsOf(expr)
			if len(found) == 0 {
				t.Errorf("reads nothing: %s", expr)
			}
			for _, m := range found {
				if !known[m] && !names[m] && !slices.Contains(others(), m) {
					t.Errorf("%s is told by nobody and recorded by no rule:\n%s", m, expr)
				}
			}
		}
	})
}

// unread are metrics that nobody has to look at, with the reason.
func unread() map[string]string {
	return map[string]string{
		"vigie_webhook_alerts_total":     "how much there is to do; whether it is done the requests by status say",
		"vigie_webhook_duration_seconds": "for whoever measures a server under load",
	}
}

// What is told is read by a rule or shown by a board, or nobody has to.
func TestEveryMetricIsReadOrShown(t *testing.T) {
	_, rules := recorded(t)
	read := map[string]bool{}
	for _, m := range metricsOf(rules) {
		read[m] = true
	}
	for _, d := range All(Defaults(English)) {
		for _, expr := range asked(d) {
			for _, m := range metricsOf(expr) {
				read[m] = true
			}
		}
	}
	all := told(t)
	for m := range all {
		if !read[m] && unread()[m] == "" {
			t.Errorf("%s is read by no rule and shown by no board", m)
		}
	}
	for m := range unread() {
		if read[m] || !all[m] {
			t.Errorf("%s is read, or told by nobody: take it off the list", m)
		}
	}
}

// A value that a board looks for in a metric of the receiver is one that the
// receiver writes.
func TestMatchersNameRealValues(t *testing.T) {
	var code strings.Builder
	files, err := filepath.Glob("../receiver/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no receiver: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	checked := 0
	for _, d := range All(Defaults(English)) {
		for _, expr := range asked(d) {
			for _, m := range regexp.MustCompile(`vigie_[a-z_]+\{[a-z_]+=("[^"$]*")`).FindAllStringSubmatch(expr, -1) {
				checked++
				if !strings.Contains(code.String(), m[1]) {
					t.Errorf("the receiver never writes %s:\n%s", m[1], expr)
				}
			}
		}
	}
	if checked == 0 {
		t.Error("nothing was checked")
	}
}

// A kind that a board looks for is one that an alert has.
func TestKindsAreThoseOfTheRules(t *testing.T) {
	files, err := filepath.Glob("../alerting-rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rules.Write(text)
	}
	checked := 0
	for _, d := range All(Defaults(English)) {
		for _, expr := range asked(d) {
			for _, m := range regexp.MustCompile(`kind=~"([^"$]*)"`).FindAllStringSubmatch(expr, -1) {
				for kind := range strings.SplitSeq(m[1], "|") {
					checked++
					if !strings.Contains(rules.String(), "kind: "+kind+"\n") {
						t.Errorf("no alert is of the kind %s", kind)
					}
				}
			}
		}
	}
	if checked == 0 {
		t.Error("nothing was checked")
	}
}
