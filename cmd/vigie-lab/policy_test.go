package main

import (
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
				if key := n.Content[i].Value; key == "<<" {
					walk(path, n.Content[i+1])
				} else {
					walk(path+"."+key, n.Content[i+1])
				}
			}
		case yaml.AliasNode:
			walk(path, n.Alias)
		case yaml.ScalarNode:
			out[path] = n.Value
		default:
			for _, c := range n.Content {
				if c.Kind == yaml.AliasNode {
					c = c.Alias
				}
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
	example, err := f.examplePolicy(backups)
	if err != nil {
		t.Fatal(err)
	}
	lab, err := readAll(f.Policy())
	if err != nil {
		t.Fatal(err)
	}
	hosted, err := f.examplePolicy(platforms)
	if err != nil {
		t.Fatal(err)
	}
	before, after := leaves(t, example), leaves(t, lab)
	// Of the other example's what stands for platforms, under one file's name and with a
	// role of another name.
	of := map[string]string{"00-platforms.yml.effective_from": "2023-05-03"}
	for path, value := range leaves(t, hosted) {
		_, path, _ = strings.Cut(path, ".yml.")
		if strings.HasSuffix(path, ".to") && value == "owner" {
			value = "platform_owner"
		}
		if path != "effective_from" {
			of["00-platforms.yml."+strings.Replace(path, "roles.owner.", "roles.platform_owner.", 1)] = value
		}
	}
	for path, now := range after {
		value, ok := of[path]
		if ok {
			before[path] = value
		}
		if strings.HasPrefix(path, "00-platforms.yml.calendars.") && now == "24:00" {
			delete(after, path) // all hours of all days
			delete(before, path)
		}
	}
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
		"+ 02-scenarios.yml.scenarios.workstation.steps.call_to_make.when.plus: 10m",
		"+ 02-scenarios.yml.scenarios.workstation.steps.client_told.when.at: opening",
		"+ 02-scenarios.yml.scenarios.workstation.steps.client_told.when.plus: 5m",
		"- 01-people-and-hours.yml.calendars.service_day.public_holidays",
		"- 02-scenarios.yml.scenarios.copy.steps.unproven.leaves_between.from",
		"- 02-scenarios.yml.scenarios.copy.steps.unproven.leaves_between.until",
		"- 02-scenarios.yml.scenarios.local.steps.queued.leaves_between.from",
		"- 02-scenarios.yml.scenarios.local.steps.queued.leaves_between.until",
		"- 02-scenarios.yml.scenarios.local.steps.unproven.leaves_between.from",
		"- 02-scenarios.yml.scenarios.local.steps.unproven.leaves_between.until",
		"- 02-scenarios.yml.scenarios.server.steps.opened.leaves_between.from",
		"- 02-scenarios.yml.scenarios.server.steps.opened.leaves_between.until",
		"- 02-scenarios.yml.scenarios.server.steps.unproven.leaves_between.from",
		"- 02-scenarios.yml.scenarios.server.steps.unproven.leaves_between.until",
		"- 02-scenarios.yml.scenarios.site_offline.steps.site_note.leaves_between.from",
		"- 02-scenarios.yml.scenarios.site_offline.steps.site_note.leaves_between.until",
		"- 02-scenarios.yml.scenarios.workstation.steps.call_to_make.leaves_between.from",
		"- 02-scenarios.yml.scenarios.workstation.steps.call_to_make.leaves_between.until",
		"- 02-scenarios.yml.scenarios.workstation.steps.client_told.leaves_between.from",
		"- 02-scenarios.yml.scenarios.workstation.steps.client_told.leaves_between.until",
		"- 02-scenarios.yml.scenarios.workstation.steps.client_told.when.at_the_latest",
		"- 02-scenarios.yml.scenarios.workstation.steps.client_told.when.clock",
		"- 02-scenarios.yml.scenarios.workstation.steps.client_told.when.days_after",
		"- 02-scenarios.yml.scenarios.workstation.steps.client_told.when.hold_while",
		"- 02-scenarios.yml.scenarios.workstation.steps.client_told.when.service_days",
		"- 02-scenarios.yml.scenarios.workstation.steps.unproven.leaves_between.from",
		"- 02-scenarios.yml.scenarios.workstation.steps.unproven.leaves_between.until",
		"~ 01-people-and-hours.yml.calendars.service_day.description: every day, day and night",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.friday: 24:00",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.monday: 24:00",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.thursday: 24:00",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.tuesday: 24:00",
		"~ 01-people-and-hours.yml.calendars.service_day.weekly_windows.wednesday: 24:00",
		"~ 01-people-and-hours.yml.hold: 3s",
		"~ 01-people-and-hours.yml.policy: lab",
		"~ 01-people-and-hours.yml.reports.send.per: platform",
		"~ 01-people-and-hours.yml.reports.send.report: statement",
		"~ 01-people-and-hours.yml.reports.send.to: managers",
		"~ 02-scenarios.yml.scenarios.local.steps.account_manager.when.by: 5m",
		"~ 02-scenarios.yml.scenarios.server.steps.account_manager.when.by: 5m",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the lab's policy differs in other places from the example's:\n%s", diff)
	}
}

// With either policy all who read the month get it: those of the backups and those of
// the platforms.
func TestBothPoliciesSendTheMonth(t *testing.T) {
	for _, name := range []string{"lab", "example"} {
		f, _ := files(t, name)
		if err := f.Write(nil); err != nil {
			t.Fatal(err)
		}
		policy, err := readAll(f.Policy())
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, x := range policy {
			text += string(x.Text)
		}
		for _, want := range []string{"per: all, to: [backup_lead]", "per: customer, to: [account_manager]", "per: platform, to: [service_lead]", "per: platform, to: [managers]"} {
			if strings.Count(text, want) != 1 {
				t.Errorf("%s: %q stands there %d times", name, want, strings.Count(text, want))
			}
		}
	}
}
