package rules_test

import (
	"bytes"
	"strings"
	"testing"

	"vigie/rules/story"
)

// Who has it and looks after the customer as well answers: nobody is left to tell, which is
// not that nobody fills the role.
func TestAnswerOfWhoeverIsAllThatAreTold(t *testing.T) {
	inventory := exampleFiles(t, "synomega/inventory")
	for i, f := range inventory {
		inventory[i].Text = bytes.Replace(f.Text, []byte("account_manager: am.dupont"), []byte("account_manager: adm1"), 1)
	}
	happened := played(t, loadBook(t, exampleFiles(t, "synomega/policy"), inventory), "answered", `start: 2026-11-02T07:00:00+01:00
until: 2026-11-02T17:00:00+01:00
events:
  - {at: 2026-11-02T08:10:00+01:00, fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}}
  - {at: 2026-11-02T09:00:00+01:00, act: {verb: take, by: adm1, incident: {customer: dupont, machine: SRV-AD}}}
  - {at: 2026-11-02T16:30:00+01:00, act: {verb: answer, by: adm1, note: tomorrow, incident: {customer: dupont, machine: SRV-AD}}}
`, story.Options{Journal: true})
	said := ""
	for _, h := range happened {
		if h.What == "journal" && h.Entry == "answer_told" {
			said += h.Reason
		}
	}
	if !strings.Contains(said, "Adrien Blanc acted and needs no mail of it") || strings.Contains(said, "nobody fills") {
		t.Errorf("the journal says %q", said)
	}
}
