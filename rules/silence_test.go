package rules_test

import (
	"bytes"
	"slices"
	"testing"

	"vigie/rules/story"
)

// A mail that another moment decided, too, is not taken back as the end of a silence is.
func TestASilenceTakesBackNothingElse(t *testing.T) {
	policy := exampleFiles(t, "synomega/policy")
	for i, f := range policy {
		policy[i].Text = bytes.ReplaceAll(f.Text, []byte("        when: {at: silence_ended}\n"), []byte("        when: [{at: silence_ended}, {at: opening}]\n"))
	}
	happened := played(t, loadBook(t, policy, exampleFiles(t, "synomega/inventory")), "silenced", `start: 2026-11-03T08:00:00+01:00
until: 2026-11-03T09:00:00+01:00
events:
  - {at: 2026-11-03T08:10:30+01:00, fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}}
  - {at: 2026-11-03T08:10:40+01:00, silence: {matchers: ['machine="SRV-AD"'], by: adm1, comment: disk, until: 2026-11-03T12:00:00+01:00}}
`, story.Options{})
	if !slices.ContainsFunc(happened, func(h story.Happening) bool { return h.What == "notification" && h.Step == "silence_over" }) {
		t.Errorf("what the opening decided was taken back: %+v", happened)
	}
}
