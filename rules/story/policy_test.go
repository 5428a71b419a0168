package story

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The worked cases of the calendar package, told as stories under the shipped
// platform policy, give the same due instants.
// covers: S2.25, S2.27, S2.33, S2.34, S2.35, S2.36, S2.37, S2.38, T10
func TestWholePolicyCases(t *testing.T) {
	text, err := os.ReadFile("../calendar/testdata/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases struct {
		Incidents []struct {
			ID, Severity, Start string
			Events              []struct{ At, Event, To string }
			Due                 map[string]*time.Time
		}
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases.Incidents) == 0 {
		t.Fatalf("%d cases: %v", len(cases.Incidents), err)
	}
	book := exampleBook(t, "activeprolearn")
	acts := map[string]string{
		"acknowledged": "verb: take, by: op", "paused": "verb: pause, by: op", "resumed": "verb: resume, by: op", "severity": "verb: qualify, by: op",
		"resolved": "verb: resolve, by: op, cause: int.settings, note: x", "reopened": "verb: reopen, by: exploit, reason: x",
	}
	targets := map[string]string{"acknowledge": "take", "workaround": "workaround", "resolve": "resolve"}
	for _, c := range cases.Incidents {
		t.Run(c.ID, func(t *testing.T) {
			var b strings.Builder
			last := c.Start
			if c.Severity == "request" {
				fmt.Fprintf(&b, "  - {at: %q, report: {kind: user_assistance, platform: lms-A, by: user@lms-a.example, text: x}}\n", c.Start)
			} else {
				fmt.Fprintf(&b, "  - {at: %q, report: {kind: l2_voluntary, platform: lms-A, by: exploit, severity: %s, text: x}}\n", c.Start, c.Severity)
			}
			for _, e := range c.Events {
				act := acts[e.Event]
				if act == "" {
					t.Fatalf("unknown event %q", e.Event)
				}
				if e.To != "" {
					act += ", severity: " + e.To
				}
				fmt.Fprintf(&b, "  - {at: %q, act: {incident: {platform: lms-A}, %s}}\n", e.At, act)
				last = e.At
			}
			s, err := Parse("case.yml", fmt.Appendf(nil, "start: %s\nuntil: %s\nevents:\n%s", c.Start, last, b.String()))
			if err != nil {
				t.Fatal(err)
			}
			p := newPlayer(book, s, Options{})
			if err := p.play(s); err != nil {
				t.Fatal(err)
			}
			inc := p.store.All()[0].Incident
			for name, want := range c.Due {
				clock := inc.Targets[targets[name]]
				switch {
				case clock == nil:
					t.Errorf("%s: there is no clock", name)
				case want == nil && !clock.Due.IsZero():
					t.Errorf("%s: due %s, want none while paused", name, clock.Due)
				case want != nil && !clock.Due.Equal(*want):
					t.Errorf("%s: due %s, want %s", name, clock.Due.Format(time.RFC3339), want.Format(time.RFC3339))
				}
			}
		})
	}
}
