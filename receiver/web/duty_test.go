package web_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// The pages say who is on duty, who comes next, and where nobody can be counted on.
func TestDutyOnPages(t *testing.T) {
	d := newDesk(t, "synomega", `rotations:
  - {role: night, people: [sup, adm1], at: "09:00", start: 2026-03-09}
rota:
  - {role: supervisor, person: nobody, from: 2026-03-20, until: 2026-03-20}
absences:
  - {person: sup, from: 2026-03-12, until: 2026-03-12}
`)
	b := d.browser("sup")
	code, text := b.get("/chain")
	must(t, code, text, "De service", "Sophie Aubert", "absent", "personne", "prévenu à la place")
	if strings.Count(text, "<b>") == 0 || strings.Contains(text, ">night<") {
		t.Error("a rota that no role of the policy names is shown")
	}
	code, text = b.get("/calls")
	must(t, code, text, "Sophie Aubert", "jusqu")
	var page struct {
		Duty []struct {
			Role string `json:"role"`
			Now  struct {
				Person string `json:"person"`
			} `json:"now"`
			Gaps []struct {
				Gap, From, Until string
			} `json:"gaps"`
		} `json:"duty"`
	}
	code, text = d.api("token-of-sup", "/api/v1/chain")
	if err := json.Unmarshal([]byte(text), &page); err != nil {
		t.Fatalf("%d %v: %.200s", code, err, text)
	}
	if len(page.Duty) != 1 || page.Duty[0].Now.Person != "sup" || len(page.Duty[0].Gaps) != 2 || page.Duty[0].Gaps[0].Gap != "away" || page.Duty[0].Gaps[1].Gap != "nobody" {
		t.Errorf("%+v", page)
	}
}
