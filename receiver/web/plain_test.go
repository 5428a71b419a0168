package web_test

import (
	"strings"
	"testing"

	"vigie/rules"
)

// What people read names people, incidents and steps as people do, and a customer hears nothing of our deadlines and of who has what.
func TestPagesInPlainWords(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, map[string]string{"error": "the disk is full"})
	d.fires(rules.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	d.fires(rules.Labels{"backup_role": "local", "engine": "veeam", "plan": "Job Nuit"}, nil)
	b := d.browser("adm1")
	code, text := b.post("/incidents/i1/take", nil)
	if code != 303 && code != 200 {
		t.Fatalf("%d\n%s", code, text)
	}
	code, text = b.get("/incidents/i1")
	must(t, code, text, "pris par "+d.engine.Book().Directory.Person("adm1").Name)
	history := text[strings.Index(text, `class="history"`):]
	for _, raw := range []string{"__name__", "pris par adm1", "no backup works", "incident i3"} {
		if strings.Contains(history, raw) {
			t.Errorf("the history says %q", raw)
		}
	}
	_, text = b.get("/today")
	if n := strings.Count(text, `class="other unknown"`); n != 0 {
		t.Errorf("%d rows say that the other backup is not known where nobody asks for it", n)
	}
	_, text = d.browser("it.dupont").get("/today")
	for _, ours := range []string{"personne ne l", "rien de prévu", "sans échéance"} {
		if strings.Contains(text, ours) {
			t.Errorf("a customer reads %q", ours)
		}
	}
}
