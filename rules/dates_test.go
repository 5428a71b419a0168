package rules_test

import (
	"strings"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/act"
)

// covers: S1.15; what is no date is refused in every date field of every act, with
// the field's name and the cure, and changes nothing.
func TestWhatIsNoDate(t *testing.T) {
	fields := map[string][]string{ // what else the act asks for
		"forecast": {"today", "no", "reason", "part ordered"},
		"answer":   {"result", "away"},
		"call":     {"outcome", "reached"},
		"pause":    nil,
	}
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	for _, row := range act.Table() {
		for _, f := range row.Fields {
			if f.Kind != act.Date {
				continue
			}
			others, known := fields[row.Verb]
			if !known {
				t.Errorf("%s takes a date: say here what else it takes", row.Verb)
			}
			for _, text := range []string{"next week", "2026-02-30", "12/03/2026", "2026-3-1", "2026-03-12T10:00", "null", " "} {
				b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
				b.answer(now, rules.PlanEvidence{}, rules.EvidenceOK)
				a := rules.Act{Verb: row.Verb, By: "adm1", Fields: rules.Labels{f.Name: text}}
				for i := 0; i+1 < len(others); i += 2 {
					a.Fields[others[i]] = others[i+1]
				}
				d := b.do(rules.Acted{Act: a}, now.Add(time.Minute))
				if d.Refusal == nil || d.Refusal.Status != 422 || !strings.Contains(d.Refusal.Reason, f.Name) || !strings.Contains(d.Refusal.Reason, "write 2026-03-20") {
					t.Errorf("%s %s=%q: %+v", row.Verb, f.Name, text, d.Refusal)
				}
				if b.inc.Progress.ExpectedDate != "" || len(b.inc.Acts) > 0 {
					t.Errorf("%s %s=%q is kept", row.Verb, f.Name, text)
				}
			}
		}
	}
}
