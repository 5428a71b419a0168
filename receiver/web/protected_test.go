package web_test

import (
	"strings"
	"testing"

	"vigie/rules/model"
)

// covers: P8, P15; a machine that nothing backs up, and one of a single copy, are named
// where its people look: in the list, on its customer and in the month's dossier.
func TestMachinesWithoutEnoughBackups(t *testing.T) {
	d := newDesk(t, "synomega", "machines:\n  - {customer: dupont, name: SRV-NU, class: server}\n")
	b := d.browser("sup")
	code, text := b.get("/machines?customer=dupont")
	must(t, code, text, "SRV-NU")
	for name, want := range map[string]string{"SRV-NU": "aucune sauvegarde prévue", "PC-LEA": "une seule sorte de sauvegarde", "SRV-AD": ""} {
		row := ""
		for r := range strings.SplitSeq(text, "<tr") {
			if strings.Contains(r, "row\">"+name+" ") {
				row = r
			}
		}
		for _, tag := range []string{"aucune sauvegarde prévue", "une seule sorte de sauvegarde"} {
			if strings.Contains(row, tag) != (tag == want) {
				t.Errorf("%s is said to have %q", name, row)
			}
		}
	}
	code, text = b.get("/customers?q=dupont")
	must(t, code, text, "1 sans sauvegarde")
	code, text = b.get("/reports/dossier?month=2026-03&customer=dupont")
	must(t, code, text, "Machines sans sauvegarde", "<li>SRV-NU</li>")
}

// covers: S1.0; the policy in force tells its name, version and first day, and an incident
// the version that it opened under.
func TestPolicyInForce(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	in := d.engine.Book().InForce(d.now())
	code, text := d.api("token-of-vijay", "/api/v1/policy")
	must(t, code, text, `"synomega-backup"`, in.Hash, "2023-05-03")
	inc, err := d.engine.Incident(t.Context(), "i1")
	if err != nil || inc.Policy != in.Hash || inc.State != model.Open {
		t.Errorf("opened under %q, %v, in force is %s", inc.Policy, err, in.Hash)
	}
}
