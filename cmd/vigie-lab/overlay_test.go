package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

// leaves are a policy's values by their paths; an element of a list is named by
// its place.
func leaves(t *testing.T, files []strict.File) map[string]string {
	t.Helper()
	out := map[string]string{}
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i < len(n.Content); i += 2 {
				walk(path+"."+n.Content[i].Value, n.Content[i+1])
			}
		case yaml.ScalarNode:
			out[path] = n.Value
		default:
			for _, c := range n.Content {
				name := ""
				for i := 0; c.Kind == yaml.MappingNode && i < len(c.Content); i += 2 {
					if c.Content[i].Value == "name" {
						name = "." + c.Content[i+1].Value
					}
				}
				walk(path+name, c)
			}
		}
	}
	for _, f := range files {
		var doc yaml.Node
		if err := yaml.Unmarshal(f.Text, &doc); err != nil {
			t.Fatal(err)
		}
		walk(filepath.Base(f.Name), &doc)
	}
	return out
}

// What the lab's policy differs in from the example's, and nothing else.
func TestTheLabPolicyIsTheExampleButFor(t *testing.T) {
	f, _ := files(t, "lab")
	if err := f.Write(nil); err != nil {
		t.Fatal(err)
	}
	example, err := readAll(filepath.Join(f.Root, examplePolicy(), "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	lab, err := readAll(f.Policy())
	if err != nil {
		t.Fatal(err)
	}
	before, after := leaves(t, example), leaves(t, lab)
	var got []string
	for path, value := range before {
		now, there := after[path]
		switch {
		case !there:
			got = append(got, "- "+path)
		case now != value:
			got = append(got, "~ "+path+": "+now)
		}
	}
	for path, value := range after {
		if _, there := before[path]; !there {
			got = append(got, "+ "+path+": "+value)
		}
	}
	slices.Sort(got)
	want := []string{
		"+ 01-people-and-hours.yml.calendars.service_day.weekly_windows.saturday: 24:00",
		"+ 01-people-and-hours.yml.calendars.service_day.weekly_windows.sunday: 24:00",
		"- 01-people-and-hours.yml.calendars.service_day.public_holidays",
		"- 02-scenarios.yml.scenarios.local.steps.queued.leaves_between.from",
		"- 02-scenarios.yml.scenarios.local.steps.queued.leaves_between.until",
		"- 02-scenarios.yml.scenarios.server.steps.opened.leaves_between.from",
		"- 02-scenarios.yml.scenarios.server.steps.opened.leaves_between.until",
		"- 02-scenarios.yml.scenarios.server.steps.unproven.leaves_between.from",
		"- 02-scenarios.yml.scenarios.server.steps.unproven.leaves_between.until",
		"- 02-scenarios.yml.scenarios.site_offline.steps.site_note.leaves_between.from",
		"- 02-scenarios.yml.scenarios.site_offline.steps.site_note.leaves_between.until",
		"~ 01-people-and-hours.yml.calendars.service_day.description: every day, day and night",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.friday: 24:00",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.monday: 24:00",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.thursday: 24:00",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.tuesday: 24:00",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.wednesday: 24:00",
		"~ 01-people-and-hours.yml.hold: 3s",
		"~ 01-people-and-hours.yml.policy: lab",
		"~ 02-scenarios.yml.scenarios.local.steps.account_manager.when.by: 5m",
		"~ 02-scenarios.yml.scenarios.server.steps.account_manager.when.by: 5m",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the lab's policy differs in other places from the example's:\n%s", diff)
	}
}

func TestAnOverlayIsStrict(t *testing.T) {
	policy := []strict.File{
		{Name: "one.yml", Text: []byte("hold: 60s # together\nboth: 1\n")},
		{Name: "two.yml", Text: []byte("both: 2\nsteps:\n  - name: a\n    when: [{before: x, by: 1h}, {act: y}]\n  - name: a2\nshared: &s {k: 1}\nagain: *s\n")},
	}
	apply := func(text string) (string, error) {
		name := filepath.Join(t.TempDir(), "overlay.yml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := ReadOverlay(name)
		if err != nil {
			return "", err
		}
		made, err := o.Apply(policy)
		if err != nil {
			return "", err
		}
		return string(made[0].Text) + string(made[1].Text), nil
	}
	got, err := apply("edits:\n  - {path: hold, value: 3s}\n  - {path: steps.a.when.before=x.by, value: 5m}\n  - {path: steps.a2, remove: true}\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "hold: 3s\nboth: 1\nboth: 2\nsteps:\n  - name: a\n    when: [{before: x, by: 5m}, {act: y}]\nshared: &s {k: 1}\nagain: *s\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for text, want := range map[string]string{
		"edits:\n  - path: steps.b.when\n    value: 1\n": `overlay.yml:2: steps.b.when: the policy has no such place (two.yml: line 3: 0 times "b")`,
		"edits: [{path: both, value: 3}]":                "stands in several files",
		"edits: [{path: hold, value: 60s}]":              "says so already",
		"edits: [{path: hold}]":                          "either the value",
		"edits: [{path: hold, value: 1, remove: true}]":  "either the value",
		"edits: [{path: again.k, value: 3}]":             "write the value out",
		"edits: [{path: hold, vlaue: 3}]":                `did you mean "value"?`,
	} {
		if _, err := apply(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
