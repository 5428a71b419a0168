package web_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/store"
	"vigie/rules/availability"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/report"
)

// at sets the clock.
func (d *desk) at(t time.Time) {
	d.mu.Lock()
	d.clock = t
	d.mu.Unlock()
}

// acts is an act of a person.
func (d *desk) acts(id, verb string, by string, fields model.Labels) {
	d.t.Helper()
	if _, err := d.engine.Act(d.t.Context(), id, incident.Act{Verb: verb, By: by, Fields: fields}); err != nil {
		d.t.Fatal(err)
	}
}

// aMonth is a March on a platform with something met, something missed, a restore and
// an answer about the data, seen in April.
func aMonth(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, "activeprolearn", "access:\n  viewers: [l3]\n  managers: [lead]\n")
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	d.at(time.Date(2026, 3, 10, 10, 0, 0, 0, paris))
	labels := model.Labels{"alertname": "MoodleGradesWrong", "signal": "functional_probe", "platform": "lms-A", "severity": "major"}
	d.probe(labels)
	d.acts("i1", "take", "op", nil)
	d.acts("i1", "qualify", "op", model.Labels{"severity": "major"})
	d.at(time.Date(2026, 3, 10, 13, 0, 0, 0, paris))
	d.acts("i1", "workaround", "op", model.Labels{"text": "use the other form"})
	d.acts("i1", "restore", "op", nil)
	d.at(time.Date(2026, 3, 10, 15, 0, 0, 0, paris))
	d.acts("i1", "restore_verified", "op", nil)
	d.acts("i1", "resolve", "op", model.Labels{"cause": "int.data_input", "note": "=1+1", "data_loss": "=two grades, of \"course\" 7"})
	d.at(time.Date(2026, 4, 2, 9, 30, 0, 0, paris))
	down := report.Unavailability{Month: "2026-03", Customer: "lms-a", Platform: "lms-A", Up: 790_000, Down: 1500, Outages: 1, Longest: 1500, Tolerance: 600, Per: availability.PerMonth, Exceeded: 1}
	err = d.store.Update(t.Context(), func(tx *store.Tx) error {
		return tx.AppendSystem(incident.Entry{At: d.now(), Kind: "note", What: report.UnavailabilityLine, Reason: down.Line()})
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// probe reports a failing platform.
func (d *desk) probe(l model.Labels) {
	d.t.Helper()
	err := d.engine.Receive(d.t.Context(), receiver.Alerts{Fired: []model.Signal{{Kind: model.FunctionalProbe, Fingerprint: l["platform"] + l["alertname"] + l["probe"], Labels: l, StartsAt: d.now()}}})
	if err != nil {
		d.t.Fatal(err)
	}
}

// Of a month in which nobody watched yet, no figure says that all was well.
func TestMonthBeforeTheFirst(t *testing.T) {
	d := aMonth(t)
	for person, path := range map[string]string{"lead": "/reports/statement?month=2026-02", "exploit": "/reports/dossier?customer=lms-a&month=2026-02", "l3": "/reports?month=2026-03"} {
		code, text := d.browser(person).get(path)
		must(t, code, text, "Vigie surveille depuis le mardi 10 mars")
	}
	d.at(time.Date(2026, 5, 2, 9, 30, 0, 0, time.UTC))
	if code, text := d.browser("lead").get("/reports/statement?month=2026-04"); code != http.StatusOK || strings.Contains(text, "surveille depuis") {
		t.Errorf("a month that was watched whole: %d\n%s", code, text)
	}
}

// covers: S2.30, S2.31, S2.35
func TestStatementPage(t *testing.T) {
	d := aMonth(t)
	b := d.browser("lead")
	code, text := b.get("/reports")
	must(t, code, text, "mars 2026", "Moodle Académie A", "Rapports", `href="/reports/statement?month=2026-03&amp;platform=lms-A"`)
	code, text = b.get("/reports/statement?month=2026-03&platform=lms-A")
	must(t, code, text, "Relevé de service – mars 2026", "contournement", "majeure", "perte de données", "=two grades, of &#34;course&#34; 7", "G1", "remise à disposition garantie", "tenu", "Indisponibilité dans les heures garanties", "25 min")
	if strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "report.") {
		t.Errorf("a word or an address is missing:\n%s", text)
	}
	// Made again, at whatever instant, it is the same to the byte.
	_, twin := d.api("token-of-lead", "/api/v1/reports/statement?month=2026-03&platform=lms-A")
	_, file := d.api("token-of-lead", "/api/v1/reports/statement?month=2026-03&platform=lms-A&format=csv&language=fr")
	d.at(d.now().AddDate(0, 2, 7))
	for path, before := range map[string]string{"": twin, "&format=csv&language=fr": file} {
		if _, again := d.api("token-of-lead", "/api/v1/reports/statement?month=2026-03&platform=lms-A"+path); again != before {
			t.Errorf("made again it differs:\n%s\n%s", before, again)
		}
	}
	if _, again := b.get("/reports/statement?month=2026-03&platform=lms-A"); again != text {
		t.Error("the page made again differs")
	}
	var s struct {
		Missed, Met int
		Breaches    []struct {
			Target string
			Used   float64 `json:"used_seconds"`
		}
		Restorations []struct{ Outcome string }
		Integrity    struct{ Lost []struct{ What string } }
	}
	if err := json.Unmarshal([]byte(strings.NewReplacer(`"targets_missed"`, `"missed"`, `"targets_met"`, `"met"`).Replace(twin)), &s); err != nil {
		t.Fatal(err)
	}
	if s.Missed != 1 || len(s.Breaches) != 1 || s.Breaches[0].Target != "workaround" || s.Breaches[0].Used != 3*3600 || len(s.Restorations) != 1 || s.Restorations[0].Outcome != "met" ||
		len(s.Integrity.Lost) != 1 {
		t.Errorf("the statement says:\n%s", twin)
	}
}

// The file opens in a spreadsheet as it is, and nothing in it is a formula.
func TestStatementFile(t *testing.T) {
	raw := regexp.MustCompile(`^(lms-[A-C]|(int|ext)\.[a-z_]+|.*business_.*|\d+m\d+s)$`)
	d := aMonth(t)
	b := d.browser("lead")
	for language, comma := range map[string]rune{"fr": ';', "en": ','} {
		resp, err := b.Get(d.server.URL + "/reports/statement?month=2026-03&platform=lms-A&format=csv&language=" + language)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if h := resp.Header.Get("Content-Disposition"); h != `attachment; filename="vigie-statement-2026-03-lms-A.csv"` || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/csv") {
			t.Errorf("%s: %s", h, resp.Header.Get("Content-Type"))
		}
		_, text := b.get("/reports/statement?month=2026-03&platform=lms-A&format=csv&language=" + language)
		if !strings.HasPrefix(text, "\ufeff") || !strings.Contains(text, "\r\n") {
			t.Errorf("%q is not as a spreadsheet wants it", text[:20])
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		r.Comma = comma
		rows, err := r.ReadAll()
		if err != nil || len(rows) < 5 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		found := false
		for _, row := range rows {
			for _, cell := range row {
				found = found || cell == `'=two grades, of "course" 7`
				if strings.HasPrefix(cell, "=") {
					t.Errorf("a formula: %q", cell)
				}
				if raw.MatchString(cell) {
					t.Errorf("%q is how it is kept, not how people say it", cell)
				}
			}
		}
		if !found {
			t.Errorf("the loss is missing:\n%s", text)
		}
	}
}

// A customer's own people read the reports of what is theirs, and of nothing else.
func TestReportsOfOthers(t *testing.T) {
	d := aMonth(t)
	for path, want := range map[string]int{
		"?month=2026-03&platform=lms-A": 200, "?month=2026-03&customer=lms-a": 200, "?month=2026-03&customer=lms-a&platform=lms-A": 200, "?month=2026-03": 403,
		"?month=2026-03&platform=lms-B": 403, "?month=2026-03&customer=lms-b": 403, "?month=2026-03&customer=lms-a&platform=lms-B": 403, "?month=2026-03&customer=nobody": 403,
		"?month=2026-13&platform=lms-A": 422, "?month=2027-01&platform=lms-A": 422, "?format=pdf&platform=lms-A": 422, "?x=1&platform=lms-A": 422,
	} {
		if code, text := d.api("token-of-exploit", "/api/v1/reports/statement"+path); code != want {
			t.Errorf("%s: %d, want %d: %.200s", path, code, want, text)
		}
	}
	if code, text := d.api("token-of-lead", "/api/v1/reports/statement?platform=lms-Z"); code != http.StatusUnprocessableEntity || refusedField(t, text) != "platform" {
		t.Errorf("an unknown platform: %d %s", code, text)
	}
	_, text := d.api("token-of-exploit", "/api/v1/reports?month=2026-03")
	if !strings.Contains(text, "lms-A") || strings.Contains(text, "lms-B") || strings.Contains(text, "lms-c") {
		t.Errorf("the list of a customer: %s", text)
	}
}

// covers: P13; a dossier tells what is not known apart from what is good, and a restore
// test that is recorded stands in it.
func TestDossierPage(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	d.acts("i1", "take", "adm1", nil)
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation", "job_id": "j2"}, nil)
	d.acts("i2", "call", "sup", model.Labels{"outcome": "reached", "person": "Léa", "agreed": "she looks"})
	b := d.browser("sup")
	form := url.Values{"machine": {"dupont/SRV-AD"}, "day": {"2026-03-09"}, "result": {"ok"}, "took": {"35"}, "scope": {"<b>a folder</b>"}, "note": {"fine"}}
	if _, text := b.get("/restore-tests"); !regexp.MustCompile(`<select[^>]*name="result"[^>]*>\s*<option value="">`).MatchString(text) {
		t.Errorf("a restore is good before anybody says so:\n%.3000s", text)
	}
	code, text := b.post("/restore-tests", form)
	must(t, code, text, "Le test est inscrit.", "SRV-AD", "&lt;b&gt;a folder")
	for _, wrong := range []url.Values{{"machine": {"dupont/NOBODY"}, "day": {"2026-03-09"}, "result": {"ok"}}, {"machine": {"dupont/SRV-AD"}, "day": {"2026-13-09"}, "result": {"ok"}},
		{"machine": {"dupont/SRV-AD"}, "day": {"2027-03-09"}, "result": {"ok"}}, {"machine": {"dupont/SRV-AD"}, "day": {"2026-03-09"}, "result": {"fine"}},
		{"machine": {"dupont/SRV-AD"}, "day": {"2026-03-09"}, "result": {"ok"}, "took": {"long"}}} {
		if code, _ := b.post("/restore-tests", wrong); code != http.StatusUnprocessableEntity {
			t.Errorf("%v is answered %d", wrong, code)
		}
	}
	d.at(time.Date(2026, 4, 2, 9, 30, 0, 0, time.UTC))
	d.prom = recorded(t, map[string]map[string]string{"SRV-AD": {"2026-03-08": "ok", "2026-03-09": "failed", "2026-03-10": "ok"}})
	code, text = b.get("/reports/dossier?month=2026-03&customer=dupont")
	must(t, code, text, "Dossier client – mars 2026", "SRV-AD", "restauré", "&lt;b&gt;a folder", "Adrien Blanc")
	if strings.Contains(text, "report.") || strings.Contains(text, "ZgotmplZ") {
		t.Errorf("a word or an address is missing:\n%s", text)
	}
	_, twin := d.api("token-of-sup", "/api/v1/reports/dossier?month=2026-03&customer=dupont")
	var got struct {
		Backups struct {
			All  struct{ Success, Failure, Unknown int }
			Rate float64 `json:"success_rate"`
		}
		Incidents []struct{ Calls []struct{ By string } }
	}
	if err := json.Unmarshal([]byte(twin), &got); err != nil || strings.Contains(twin, "0001-01-01") || strings.Contains(twin, ": null") {
		t.Fatalf("%v\n%s", err, twin)
	}
	if a := got.Backups.All; a.Success != 2 || a.Failure != 1 || a.Unknown < 28 || got.Backups.Rate < 0.66 || got.Backups.Rate > 0.67 || len(got.Incidents) != 2 || len(got.Incidents[1].Calls) != 1 {
		t.Errorf("the dossier says:\n%s", twin)
	}
	if _, again := d.api("token-of-sup", "/api/v1/reports/dossier?month=2026-03&customer=dupont"); again != twin {
		t.Error("made again it differs")
	}
	_, outside := d.api("token-of-it.dupont", "/api/v1/reports/dossier?month=2026-03&customer=dupont")
	if strings.Contains(outside, "adm1") || strings.Contains(outside, `"by":"sup"`) || strings.Contains(outside, "fine") || !strings.Contains(outside, "a folder") {
		t.Errorf("a customer reads:\n%s", outside)
	}
	code, text = b.get("/reports/noise?month=2026-03")
	must(t, code, text, "E-mails et appels par personne", "Sophie Aubert", "1 appel")
	_, noise := d.api("token-of-sup", "/api/v1/reports/noise?month=2026-03")
	if !strings.Contains(noise, `{"day":"2026-03-10","mails":0,"calls_made":1}`) {
		t.Errorf("the noise: %s", noise)
	}
}

// Of a month that still runs nothing is counted before it has come about.
func TestDossierOfARunningMonth(t *testing.T) {
	d := newDesk(t, "synomega", "access:\n  managers: [vijay]\n")
	d.fires(nil, nil)
	d.fires(model.Labels{"backup_role": "local", "engine": "veeam", "plan": "Job Nuit"}, nil)
	d.runs(func() bool {
		inc, err := d.engine.Incident(t.Context(), "1")
		return err != nil || inc.Flags[model.FlagDoubleFailure]
	})
	d.at(tuesday.Add(30 * time.Minute))
	var x struct {
		To        time.Time
		Running   bool `json:"month_running"`
		Incidents []struct {
			Double float64 `json:"no_backup_seconds"`
		}
	}
	_, text := d.api("token-of-vijay", "/api/v1/reports/dossier?month=2026-03&customer=dupont")
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		t.Fatal(err)
	}
	if !x.Running || !x.To.Equal(d.now()) || len(x.Incidents) != 2 || x.Incidents[0].Double != 1800 {
		t.Errorf("%s", text)
	}
	code, text := d.browser("vijay").get("/reports/dossier?month=2026-03&customer=dupont")
	must(t, code, text, "This month is not over", "30 min")
}
