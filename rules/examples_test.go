package rules_test

import (
	"slices"
	"testing"

	"vigie/rules/explain"
)

// covers: T11; the shipped examples load, name only what exists, and say what they would do.
func TestExamples(t *testing.T) {
	for name, want := range map[string][]string{
		"synomega":       {"heartbeat", "blind", "vendor_outage", "site_offline", "warning", "server", "workstation", "local", "copy", "monitoring_itself", "repository", "renewal", "everything_else"},
		"activeprolearn": {"heartbeat", "blind", "expiry", "assistance", "platform", "platform_host", "monitoring_itself", "everything_else"},
	} {
		t.Run(name, func(t *testing.T) {
			b := exampleBook(t, name)
			now := paris(t, "2026-03-09 07:10")
			p := b.InForce(now)
			if err := p.Check(nil, b.Directory); err != nil {
				t.Error(err)
			}
			var got []string
			for _, pre := range b.Preview(now) {
				got = append(got, pre.Scenario)
				s := p.Scenario(pre.Scenario)
				if s.Ignores != "" {
					continue
				}
				for _, st := range s.Steps {
					if !slices.ContainsFunc(pre.Steps, func(x explain.Explained) bool { return x.Name == st.Name }) {
						t.Errorf("the preview of %s says nothing of step %s", s.Name, st.Name)
					}
				}
				for _, x := range pre.Steps {
					if x.Status == "" || x.Reason == "" {
						t.Errorf("%s.%s is shown without status or reason: %+v", s.Name, x.Name, x)
					}
				}
				if len(pre.Targets) != len(s.Targets) {
					t.Errorf("%d of %d targets of %s are shown", len(pre.Targets), len(s.Targets), s.Name)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("previews %v, want %v", got, want)
			}
		})
	}
}

// covers: S1.6, S1.11; the preview names real people and real deadlines.
func TestPreviewOfAServer(t *testing.T) {
	b := exampleBook(t, "synomega")
	now := paris(t, "2026-03-09 07:10")
	for _, pre := range b.Preview(now) {
		if pre.Scenario != "server" {
			continue
		}
		for _, x := range pre.Steps {
			if x.Name == "opened" && !x.Due.Equal(now) {
				t.Errorf("the opening mail is due at %s, not at once", x.Due)
			}
			if x.Name == "account_manager" && x.Status == "due" {
				if !x.Due.Equal(paris(t, "2026-03-09 16:00")) || !slices.Equal(x.Cc, []string{"expert@msp.example", "vijay@msp.example"}) {
					t.Errorf("the account manager would be told at %s with copies to %v", x.Due, x.Cc)
				}
			}
		}
		for _, x := range pre.Targets {
			if x.Name == "same_day" && !x.Due.Equal(paris(t, "2026-03-09 18:00")) {
				t.Errorf("same_day would be due at %s", x.Due)
			}
		}
	}
}
