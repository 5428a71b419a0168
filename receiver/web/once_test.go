package web_test

import (
	"strings"
	"testing"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules/model"
)

// covers: S1.2; a product is named as people know it, and once.
func TestAProductIsNamedOnce(t *testing.T) {
	d := newDesk(t, "synomega", "machines:\n  - customer: martin\n    name: SRV-V\n    class: server\n    plans: [{plan: VEEAM Backup Job 1, role: primary, engine: veeam}, {plan: Veeamly, role: local, engine: veeam}]\n")
	b := d.browser("sup")
	code, text := b.get("/machines?q=SRV-V")
	must(t, code, text, `<span class="plan">VEEAM Backup Job 1 `, `<span class="plan">VEEAM Veeamly `)
	l := locale.Locale{Language: d.engine.Languages().Find("fr"), Zone: d.clock.Location()}
	for reason, want := range map[string]string{
		`veeam Veeam Backup Job 1, last success never; asked "up"`: "Veeam Backup Job 1, aucune réussite ; question : les autres sauvegardes de cette machine",
		`veeam VEEAM, last success never`:                          "VEEAM, aucune réussite",
		`acronis daily, last success never`:                        "Acronis daily, aucune réussite",
	} {
		if got := l.Reason(reason); got != want {
			t.Errorf("%s is said %q, want %q", reason, got, want)
		}
	}
}

// covers: P16; a common failure is named after the product as people know it.
func TestACommonFailureNamesTheProduct(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(map[string]string{"alertname": "CommonBackupFailure", "engine": "windows_server_backup", "kind": "failed", "customer": "", "machine": "", "machine_class": "", "backup_role": "", "plan": "", "source": "", "job_id": ""}, nil)
	code, text := d.browser("sup").get("/today")
	must(t, code, text, "</span> Sauvegarde Windows Server</a>")
}

// covers: P13; a file says since when somebody watched, and that its month is not over.
func TestAFileSaysWhatItsFiguresAreOf(t *testing.T) {
	d := newDesk(t, "synomega", "")
	b := d.browser("vijay")
	for _, file := range []string{"statement?customer=dupont&", "dossier?customer=dupont&", "noise?"} {
		code, text := b.get("/reports/" + file + "month=2026-03&format=csv&language=en")
		lines := strings.Split(text, "\n")
		if code != 200 || len(lines) < 3 || !strings.Contains(lines[1], "Vigie has watched since") || !strings.Contains(lines[2], "This month is not over") {
			t.Errorf("%s: %d\n%s", file, code, text)
			continue
		}
		if strings.Count(lines[0], ",") > strings.Count(lines[1], ",") {
			t.Errorf("%s: rows of fewer cells than the header:\n%s", file, text)
		}
	}
}

// covers: S1.12; who is phoned about two computers stands in the list of calls once, with both.
func TestOnePersonIsPhonedOnce(t *testing.T) {
	d := newDesk(t, "synomega", "machines:\n  - {customer: dupont, name: PC-LEA2, class: workstation, user: lea, plans: [{plan: daily, role: primary, engine: acronis}]}\n", posting(t))
	for n, m := range []model.Labels{{"machine": "PC-LEA"}, {"customer": "martin", "machine": "PC-PAUL"}, {"machine": "PC-LEA2"}} {
		m["machine_class"], m["job_id"] = "workstation", string(rune('a'+n))
		d.fires(m, nil)
	}
	due := func() int {
		_, text := d.api("token-of-sup", "/api/v1/calls")
		return strings.Count(text, `"missed_calls"`)
	}
	for n := 0; n < 40 && due() < 3; n++ {
		d.mu.Lock()
		d.clock = d.clock.Add(12 * time.Hour)
		d.mu.Unlock()
		d.runsOnce()
	}
	code, text := d.browser("sup").get("/calls")
	must(t, code, text, "PC-LEA2", "PC-PAUL", "Au même appel : Léa Dupont")
	if n := strings.Count(text, `<p class="big">Léa Dupont</p>`); n != 1 {
		t.Errorf("her number stands there %d times:\n%.4000s", n, text)
	}
	if a, b := strings.Index(text, "PC-LEA2"), strings.Index(text, "PC-PAUL"); a > b {
		t.Error("her computers are not one after the other")
	}
}
