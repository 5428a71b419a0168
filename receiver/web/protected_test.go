package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/rules/model"
)

// covers: P8, P15; a machine that nothing backs up, and one of a single copy, are named
// where its people look: in the list, on its customer and in the month's dossier.
func TestMachinesWithoutEnoughBackups(t *testing.T) {
	d := newDesk(t, "synomega", "machines:\n  - {customer: dupont, name: SRV-NU, class: server}\n")
	b := d.browser("sup")
	code, text := b.get("/machines?customer=dupont")
	must(t, code, text, "SRV-NU")
	for name, want := range map[string]string{"SRV-NU": "aucune sauvegarde prévue", "PC-LEA": "une seule copie", "SRV-AD": ""} {
		row := ""
		for r := range strings.SplitSeq(text, "<tr") {
			if strings.Contains(r, "row\">"+name+" ") {
				row = r
			}
		}
		for _, tag := range []string{"aucune sauvegarde prévue", "une seule copie"} {
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

// covers: P6; what fails on a machine and is no backup is called by its alert, not by the
// state of a backup.
func TestAnAlertThatIsNoBackup(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(model.Labels{"alertname": "HostOutOfMemory", "backup_role": "", "plan": "", "job_id": "", "engine": "", "source": "", "kind": ""}, nil)
	b := d.browser("vijay")
	b.post("/preferences", url.Values{"language": {"en"}, "back": {"/"}})
	for _, page := range []string{"/today", "/incidents/i1"} {
		code, text := b.get(page)
		must(t, code, text, "SRV-AD", "HostOutOfMemory")
		for _, never := range []string{"Primary", ">failing<"} {
			if strings.Contains(text, never) {
				t.Errorf("%s speaks of a backup: %q", page, never)
			}
		}
	}
}

// covers: P15, S1.2; copies are counted by what Prometheus recorded of their plans, whose
// machine may be called otherwise there, and are not good while nobody can say it.
func TestCopiesOfMachines(t *testing.T) {
	d := newDesk(t, "synomega", "")
	const job = `{"metric":{"source":"s","customer":"dupont","job_id":"%s","machine":"%s","backup_role":"%s","engine":"%s","plan":"%s","state":"%s"},"value":[1,"1"]}`
	night := "ok"
	d.prom = func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if night == "" {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		result := ""
		if strings.Contains(r.Form.Get("query"), `backup_job:state{customer=~"dupont"`) {
			result = fmt.Sprintf(job, "1", "SRV-AD", "primary", "acronis", "daily", "ok") + "," + fmt.Sprintf(job, "2", "srv-ad.dupont.local", "local", "veeam", "Job Nuit", night)
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, result)
	}
	b := d.browser("vijay")
	for _, c := range []struct{ night, fr, en, good string }{
		{"ok", "2 copies prévues, 2 bonnes à présent, sur 2 supports, 1 hors site, 1 immuable", "2 copies expected, 2 good now, on 2 media, 1 off-site, 1 immutable", `"good":{"copies":2,`},
		{"late", "2 copies prévues, 1 bonne à présent, sur 1 support, 1 hors site, 1 immuable", "2 copies expected, 1 good now, on 1 medium, 1 off-site, 1 immutable", `"good":{"copies":1,`},
		{"", "2 copies prévues, état non connu", "2 copies expected, not known whether good", `"good":{"copies":0,`},
	} {
		night, d.clock = c.night, d.clock.Add(2*time.Minute)
		for accept, want := range map[string]string{"fr": c.fr, "en": c.en} {
			b.post("/preferences", url.Values{"language": {accept}, "back": {"/"}})
			code, text := b.get("/machines?customer=dupont&q=SRV-AD")
			must(t, code, text, want)
		}
		code, text := d.api("token-of-vijay", "/api/v1/machines?customer=dupont&q=SRV-AD")
		must(t, code, strings.NewReplacer(" ", "", "\n", "").Replace(text), c.good)
	}
	b.post("/preferences", url.Values{"language": {"en"}, "back": {"/"}})
	night = "failed"
	for _, file := range []string{"/reports/dossier?month=2026-02&customer=dupont&format=csv&language=en", "/reports/dossier?month=2026-02&customer=dupont"} {
		_, text := b.get(file)
		if want := map[bool]string{true: ",2,1,0,1,1,1,1,1\r\n", false: `data-name="Good">1 / 2</td>`}[strings.Contains(file, "csv")]; !strings.Contains(text, want) {
			t.Errorf("%s lacks %q:\n%s", file, want, text)
		}
	}
	code, text := d.api("token-of-vijay", "/api/v1/machines?show=no_offsite&customer=dupont")
	must(t, code, text, "PC-LEA", "NAS-01")
	if strings.Contains(text, "SRV-AD") {
		t.Error("a machine with a copy off-site is listed as one without")
	}
	// The figures of a customer are those of the lists that they lead to.
	for state, single := range map[string]string{"failed": "2 with one copy alone", "ok": "1 with one copy alone"} {
		night, d.clock = state, d.clock.Add(2*time.Minute)
		code, text = b.get("/customers?q=dupont")
		must(t, code, text, single, "2 with no copy known to be off-site")
		_, text = d.api("token-of-vijay", "/api/v1/machines?show=single&customer=dupont")
		if strings.Contains(text, "SRV-AD") != (state == "failed") {
			t.Errorf("local backup %s: machines with one copy alone are %s", state, text)
		}
	}
	night, d.clock = "", d.clock.Add(2*time.Minute)
	code, text = b.get("/customers?q=dupont")
	must(t, code, text, "1 with one copy alone", "could not be read")
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
