package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/inventory"
)

// mutant is one value of a policy file, with the changes that can be made to it.
type mutant struct {
	file    int
	line    int
	path    string
	changes []mutation
}

// mutation is one change and its undoing.
type mutation struct {
	what     string
	do, undo func()
}

var (
	elapsed  = regexp.MustCompile(`^(\d+)(s|m|h)$`)
	business = regexp.MustCompile(`^(\d+) (business_hours|business_days)$`)
	ofDay    = regexp.MustCompile(`^([0-2]\d):([0-5]\d)$`)
	counts   = []string{"days", "service_days", "tries", "follow_up_days", "retry_after_service_days", "machines", "customers", "percent"}
)

// others are other values of the same kind, later and earlier; none for what
// is only words.
func others(path, value, otherRole string) []string {
	key := path[strings.LastIndexByte(path, '.')+1:]
	plus := func(text string, n int) string {
		i, _ := strconv.Atoi(text)
		return fmt.Sprint(i + n)
	}
	switch {
	case strings.HasPrefix(key, "to[") || strings.HasPrefix(key, "cc["):
		return []string{otherRole}
	case elapsed.MatchString(value):
		m := elapsed.FindStringSubmatch(value)
		return []string{plus(m[1], 1) + m[2], plus(m[1], 25) + m[2], map[string]string{"s": "1s", "m": "30s", "h": "30m"}[m[2]]}
	case business.MatchString(value):
		m := business.FindStringSubmatch(value)
		return []string{plus(m[1], 1) + " " + m[2], "0.5 " + m[2]}
	case value == "close_of_business_day 0":
		return []string{"close_of_business_day 1"}
	case ofDay.MatchString(value):
		return []string{value[:3] + "31", plus(value[:2], -1) + ":59"}
	case slices.Contains(counts, key):
		return []string{plus(value, 1), plus(value, -1)}
	case key == "share":
		return []string{"99 %"}
	case key == "name" && strings.Contains(path, ".steps["), key == "template":
		return []string{value + "x"}
	}
	return nil
}

// mutants lists every delay, hour, count, role, name and template of a policy.
func mutants(file int, n *yaml.Node, path, otherRole string, found *[]mutant) {
	switch n.Kind {
	case yaml.DocumentNode:
		mutants(file, n.Content[0], path, otherRole, found)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			mutants(file, n.Content[i+1], path+"."+n.Content[i].Value, otherRole, found)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			if c.Kind == yaml.MappingNode && len(c.Content) > 1 && c.Content[0].Value == "name" {
				at = fmt.Sprintf("%s[%s]", path, c.Content[1].Value)
			}
			mutants(file, c, at, otherRole, found)
		}
	case yaml.ScalarNode:
		was := n.Value
		m := mutant{file: file, line: n.Line, path: path}
		for _, to := range others(path, was, otherRole) {
			if to != was {
				m.changes = append(m.changes, mutation{fmt.Sprintf("%q became %q", was, to), func() { n.Value = to }, func() { n.Value = was }})
			}
		}
		if len(m.changes) > 0 {
			*found = append(*found, m)
		}
	}
}

// invisible are values that no story of an example shows, each with its reason.
var invisible = map[string]string{
	"synomega.scenarios[server].other_backup.ask_every":                   "the story's Prometheus is asked whenever its answer has changed",
	"synomega.scenarios[local].other_backup.ask_every":                    "the story's Prometheus is asked whenever its answer has changed",
	"synomega.scenarios[server].targets.double_failure.late_below":        "only remarked in the mail",
	"synomega.scenarios[local].targets.double_failure.late_below":         "only remarked in the mail",
	"activeprolearn.scenarios[blind].steps[seeing_again].cc[0]":           "nobody is in copy of the first mail",
	"synomega.scenarios[server].steps[day_missed].answer_by.service_days": "only said in the mail",
	"synomega.scenarios[server].steps[day_missed].answer_by.clock":        "only said in the mail",
	"synomega.scenarios[local].steps[day_missed].answer_by.service_days":  "only said in the mail",
	"synomega.scenarios[local].steps[day_missed].answer_by.clock":         "only said in the mail",
	"synomega.digest.to[0]":                "a story is about incidents; the overview is looked at in TestBriefing",
	"activeprolearn.digest.to[0]":          "a story is about incidents; the overview is looked at in TestBriefing",
	"synomega.reports.send[0].to[0]":       "a story is about incidents; months are looked at in TestMonthlyOfTheExamples",
	"synomega.reports.send[1].to[0]":       "a story is about incidents; months are looked at in TestMonthlyOfTheExamples",
	"activeprolearn.reports.send[0].to[0]": "a story is about incidents; months are looked at in TestMonthlyOfTheExamples",
	"activeprolearn.reports.send[1].to[0]": "a story is about incidents; months are looked at in TestMonthlyOfTheExamples",
}

// TestNothingIsCompiledIn changes every delay, hour, count, role, name and
// template of the shipped policies, one at a time: some story must then come
// out differently, or the policy be refused.
// covers: T11
func TestNothingIsCompiledIn(t *testing.T) {
	if testing.Short() {
		t.Skip("plays all stories once for every value of the policies")
	}
	for example, otherRole := range map[string]string{"synomega": "admins", "activeprolearn": "service_lead"} {
		t.Run(example, func(t *testing.T) {
			book := exampleBook(t, example)
			told := goldenStories(t, example)
			source := book.Policies()[0].Source
			docs := make([]*yaml.Node, len(source))
			var all []mutant
			for i, f := range source {
				docs[i] = &yaml.Node{}
				if err := yaml.Unmarshal(f.Text, docs[i]); err != nil {
					t.Fatal(err)
				}
				mutants(i, docs[i], "", otherRole, &all)
			}
			survivors := 0
			for _, m := range all {
				if invisible[example+m.path] != "" {
					continue
				}
				shown := false
				for _, c := range m.changes {
					c.do()
					shown = shown || noticed(t, book.Directory, source, docs, told)
					c.undo()
				}
				if !shown {
					survivors++
					t.Errorf("%s:%d: %s: %s, and no story shows it", filepath.Base(source[m.file].Name), m.line, m.path, m.changes[len(m.changes)-1].what)
				}
			}
			t.Logf("%d of %d changes were noticed", len(all)-survivors, len(all))
		})
	}
}

// goldenStory is a story and what it comes to.
type goldenStory struct {
	story *Story
	want  []byte
}

func goldenStories(t *testing.T, example string) []*goldenStory {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(examples, example, "stories", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*goldenStory
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(p, text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(p, ".yml") + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &goldenStory{s, want})
	}
	return out
}

// noticed reports whether a changed policy is refused or makes a story come
// out differently. Stories that noticed lately are tried first.
func noticed(t *testing.T, dir *inventory.Directory, source []strict.File, docs []*yaml.Node, told []*goldenStory) bool {
	files := make([]strict.File, len(source))
	for i, d := range docs {
		text, err := yaml.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = strict.File{Name: source[i].Name, Text: text}
	}
	policies, err := rules.LoadPolicies(files)
	if err != nil {
		return true
	}
	book, err := rules.NewBook(dir, policies...)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range told {
		happened, err := Play(book, g.story, Options{})
		if err != nil || !same(happened, g.want) {
			copy(told[1:i+1], told[:i])
			told[0] = g
			return true
		}
	}
	return false
}

func same(happened []Happening, want []byte) bool {
	lines := bytes.Split(bytes.TrimSuffix(want, []byte("\n")), []byte("\n"))
	if len(happened) != len(lines) {
		return len(happened) == 0 && len(want) == 0
	}
	for i, h := range happened {
		line, err := json.Marshal(h)
		if err != nil || !bytes.Equal(line, lines[i]) {
			return false
		}
	}
	return true
}
