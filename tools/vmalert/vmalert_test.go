package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func shipped(t *testing.T, limitk bool) map[string][]byte {
	t.Helper()
	files, err := read("../../alerting-rules")
	if err != nil {
		t.Fatal(err)
	}
	if files, err = convert(files, limitk); err != nil {
		t.Fatal(err)
	}
	return files
}

func TestGatesAreWrittenOut(t *testing.T) {
	for name, text := range shipped(t, true) {
		if slices.Contains(watching, name) {
			continue
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		for _, rule := range rulesOf(&doc) {
			expr := get(rule, "expr").Value
			for _, gate := range gates {
				if strings.Contains(strings.ReplaceAll(expr, "last_over_time("+gate, ""), gate+" ") {
					t.Errorf("%s: %s still reads %s", name, ruleName(rule), gate)
				}
			}
		}
	}
}

func TestOfSeveralNamesOneIsChosenTheSameWay(t *testing.T) {
	text := string(shipped(t, true)["backup-jobs.yml"])
	for _, record := range []string{"last_success_timestamp_seconds:kept[3d]", "enabled:kept[3d]"} {
		if !strings.Contains(text, record) {
			t.Fatalf("no rule reads %s any more: see which of them choose by value", record)
		}
	}
	if n := strings.Count(string(shipped(t, false)["backup-jobs.yml"]), "limitk"); n != 0 {
		t.Errorf("%d times limitk in what promtool reads", n)
	}
	if !strings.Contains(text, "limitk by (source, customer, job_id) (1,") || !strings.Contains(text, "limitk by (customer, machine, backup_role) (1,") {
		t.Error("names are chosen by topk")
	}
}

func TestARecordWithARangeIsRefused(t *testing.T) {
	for _, expr := range []string{"last_over_time(backup_job:info:listed[1h])", `backup_job:info:listed{source="s"}`} {
		if got, err := (expressions{"backup_job:info:listed": "(x)"}).into(expr, "r"); err == nil {
			t.Errorf("%s became %s", expr, got)
		}
	}
	got, err := (expressions{"backup_job:info:listed": "(x)"}).into("backup_job:info:listed_not + backup_job:info:listed", "r")
	if err != nil || got != "backup_job:info:listed_not + (x)" {
		t.Errorf("%q, %v", got, err)
	}
}

// late are tests of outages and gaps, which a record of the turn before spoils.
var late = []string{"outages.yml", "contracts.yml", "two-exporters.yml"}

// turns are the cases that ask in the very turn in which an alert begins: where each
// record comes a turn later, that is some turns later.
var turns = []string{"the same two, without the outage, do fire"}

// Each rule is made a group of its own, and the last comes first: so none sees what
// the others record in the same turn, as in vmalert.
func TestOutagesWhereRulesDoNotSeeEachOther(t *testing.T) {
	promtool := os.Getenv("PROMTOOL")
	if promtool == "" {
		promtool = "../../.cache/bin/promtool"
	}
	promtool, err := filepath.Abs(promtool)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(promtool); err != nil {
		t.Skip("no promtool; make stack builds it")
	}
	dir := t.TempDir()
	order := map[string][]string{}
	for name, text := range shipped(t, false) {
		text, groups := alone(t, text)
		order[name] = groups
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range late {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("../../alerting-rules/tests", name))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "test-"+name)
			if err := os.WriteFile(file, backwards(t, text, order), 0o600); err != nil {
				t.Fatal(err)
			}
			if said, err := exec.Command(promtool, "test", "rules", file).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}

// alone gives each rule a group of its own.
func alone(t *testing.T, text []byte) ([]byte, []string) {
	t.Helper()
	var doc struct {
		Groups []map[string]any `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var groups []map[string]any
	var names []string
	for _, g := range doc.Groups {
		for i, r := range g["rules"].([]any) {
			one := map[string]any{"name": fmt.Sprintf("%s_%03d", g["name"], i), "rules": []any{r}}
			if g["interval"] != nil {
				one["interval"] = g["interval"]
			}
			groups, names = append(groups, one), append(names, one["name"].(string))
		}
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	if err := enc.Encode(map[string]any{"groups": groups}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), names
}

// backwards lets the last group come first.
func backwards(t *testing.T, text []byte, order map[string][]string) []byte {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var groups, files []string
	for _, f := range doc["rule_files"].([]any) {
		name := filepath.Base(f.(string))
		files, groups = append(files, name), append(groups, order[name]...)
	}
	slices.Reverse(groups)
	doc["tests"] = slices.DeleteFunc(doc["tests"].([]any), func(c any) bool { return slices.Contains(turns, c.(map[string]any)["name"].(string)) })
	doc["rule_files"], doc["group_eval_order"] = files, groups
	out, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
