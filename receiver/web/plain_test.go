package web_test

import (
	"net/http"
	"strings"
	"testing"

	"vigie/rules/model"
)

// What people read names people, incidents and steps as people do, and a customer hears nothing of our deadlines and of who has what.
func TestPagesInPlainWords(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, map[string]string{"error": "the disk is full"})
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	d.fires(model.Labels{"backup_role": "local", "engine": "veeam", "plan": "Job Nuit"}, nil)
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
	for _, path := range []string{"/incidents/i2", "/policy"} {
		_, text = b.get(path)
		must(t, http.StatusOK, text, "après l&#39;étape message au client")
		for _, raw := range []string{"client told", "contact told", "first failure"} {
			if strings.Contains(text, raw) {
				t.Errorf("%s says %q", path, raw)
			}
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

// covers: S2.13; of a platform pages and mails say by its name what is wrong with which
// part of it, and when what is warned of ends; a report with its words.
func TestPlatformsInPlainWords(t *testing.T) {
	d := newDesk(t, "activeprolearn", "")
	page := model.Labels{"alertname": "MoodlePageDown", "signal": "functional_probe", "kind": "page_down", "platform": "lms-A"}
	for _, probe := range []string{"login", "course"} {
		page["probe"] = probe
		d.probe(page.Clone())
	}
	d.probe(model.Labels{"alertname": "HostDown", "signal": "infra_probe", "kind": "host_down", "platform": "lms-C", "site": "host-1"})
	d.probe(model.Labels{"alertname": "PlatformExpiry", "signal": "infra_probe", "kind": "expiry", "platform": "lms-B", "item": "TLS certificate", "warn_days": "7"})
	if code := d.bear("token-of-op", http.MethodPost, "/api/v1/signals", map[string]any{"kind": "l2_voluntary", "platform": "lms-B", "by": "exploit@lms-b.example", "text": "quizzes are slow"}); code != http.StatusOK {
		t.Fatal(code)
	}
	b := d.browser("op")
	_, text := b.get("/today")
	must(t, http.StatusOK, text, "page en panne (cours, connexion)", "Moodle College C", "serveur injoignable", "échéance proche (certificat TLS)", "quizzes are slow")
	for _, path := range []string{"/today", "/incidents/i1", "/incidents/i2", "/incidents/i3"} {
		_, text := b.get(path)
		_, text, _ = strings.Cut(text, "<main")
		for _, raw := range []string{"page down", "HostDown", "host-1", "lms-", "PlatformExpiry", "Échecs"} {
			if strings.Contains(text, raw) {
				at := strings.Index(text, raw)
				t.Errorf("%s says %q: …%s…", path, raw, text[max(0, at-80):min(len(text), at+80)])
			}
		}
	}
	// Whom to reach about each, and nothing that only backups need.
	_, text = b.get("/customers?q=campus")
	must(t, http.StatusOK, text, "Moodle Campus B", "Ousmane Traoré", "Lucie Garnier", "33 3 88 00 40 02", `href="/today?q=Moodle%20Campus%20B"`, "https://runbooks.apl.example/lms-b")
	for _, odd := range []string{"absent de l", "0 machine", "0 poste", "Académie A"} {
		if strings.Contains(text, odd) {
			t.Errorf("of a customer with platforms alone it says %q", odd)
		}
	}
	_, text = d.browser("exploit.lms-b").get("/today")
	must(t, http.StatusOK, text, "échéance proche (certificat TLS)")
}
