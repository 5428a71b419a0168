package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recorded answers as Prometheus does, of machines whose states are given by
// name and date; what is missing was not recorded. The shape of an answer is
// that of Prometheus's HTTP API, api/v1/query_range.
func recorded(t testing.TB, states map[string]map[string]string) http.HandlerFunc {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		query := r.Form.Get("query")
		if !strings.HasSuffix(r.URL.Path, "/query_range") || !strings.Contains(query, "machine:backup_state:worst{") {
			vector := []string{}
			if strings.Contains(query, "group by (customer, machine)") {
				for m := range states {
					vector = append(vector, fmt.Sprintf(`{"metric":{"customer":"dupont","machine":%q},"value":[1,"1"]}`, m))
				}
			}
			fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(vector, ","))
			return
		}
		start, _ := strconv.ParseFloat(r.Form.Get("start"), 64)
		end, _ := strconv.ParseFloat(r.Form.Get("end"), 64)
		step, _ := strconv.ParseFloat(r.Form.Get("step"), 64)
		var series []string
		asked := machineAsked.FindStringSubmatch(query)
		if asked == nil {
			http.Error(w, "no machine is asked for", http.StatusBadRequest)
			return
		}
		names, err := regexp.Compile("^(?:" + strings.ReplaceAll(asked[1], `\\`, `\`) + ")$")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for machine, days := range states {
			if !names.MatchString(machine) {
				continue
			}
			by := map[string][]string{}
			for at := start; at <= end; at += step {
				day := time.Unix(int64(at)-1, 0).In(zone).Format(time.DateOnly)
				if s := days[day]; s != "" {
					by[s] = append(by[s], fmt.Sprintf(`[%.3f,"1"]`, at))
				}
			}
			for state, values := range by {
				series = append(series, fmt.Sprintf(`{"metric":{"customer":"dupont","machine":%q,"backup_role":"primary","state":%q},"values":[%s]}`, machine, state, strings.Join(values, ",")))
			}
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[%s]}}`, strings.Join(series, ","))
	}
}

var machineAsked = regexp.MustCompile(`machine=~"((?:[^"\\]|\\.)*)"`)

// cells are a machine's days as the twin of the calendar has them, by date.
func (d *desk) cells(person, machine string) map[string]string {
	d.t.Helper()
	code, text := d.api("token-of-"+person, "/api/v1/calendar")
	var answer struct {
		Days     []struct{ Date string }
		Machines []struct {
			Customer, Machine string
			Backups           []struct {
				Role string `json:"backup_role"`
				Days []string
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); code != http.StatusOK || err != nil {
		d.t.Fatalf("%d %v\n%.500s", code, err, text)
	}
	out := map[string]string{}
	for _, m := range answer.Machines {
		for _, b := range m.Backups {
			if m.Customer == "dupont" && m.Machine == machine && b.Role == "primary" {
				for i, o := range b.Days {
					out[answer.Days[i].Date] = o
				}
			}
		}
	}
	return out
}

// Each day says what was recorded at its end, over the change of the clocks too;
// what was not recorded is unknown, and what was not owed is excused.
func TestCalendar(t *testing.T) {
	d := newDesk(t, "synomega", `
absences:
  - {customer: dupont, machine: PC-LEA, from: 2026-03-24, until: 2026-03-27}
`)
	d.clock = time.Date(2026, 4, 2, 9, 0, 0, 0, time.FixedZone("CEST", 7200))
	days := map[string]string{"2026-03-03": "ok", "2026-03-28": "ok", "2026-03-29": "failed", "2026-03-30": "ok", "2026-03-31": "warning", "2026-04-01": "late", "2026-04-02": "ok"}
	d.prom = recorded(t, map[string]map[string]string{"srv-ad": days, "PC-LEA": {"2026-03-24": "late", "2026-03-25": "failed", "2026-03-26": "ok", "2026-03-27": "late", "2026-03-28": "late"}, "UNKNOWN-7": days})
	want := map[string]string{"2026-03-02": "unknown", "2026-03-03": "success", "2026-03-28": "success", "2026-03-29": "failure", "2026-03-30": "success", "2026-03-31": "warning",
		"2026-04-01": "nothing", "2026-04-02": "success"}
	got := d.cells("sup", "SRV-AD")
	for day, outcome := range want {
		if day != "2026-03-02" && got[day] != outcome {
			t.Errorf("%s: %q, want %q", day, got[day], outcome)
		}
	}
	if len(got) != 35 {
		t.Errorf("%d days", len(got))
	}
	lea := d.cells("sup", "PC-LEA")
	for day, outcome := range map[string]string{"2026-03-24": "excused", "2026-03-25": "failure", "2026-03-26": "success", "2026-03-27": "excused", "2026-03-28": "nothing", "2026-03-30": "unknown"} {
		if lea[day] != outcome {
			t.Errorf("PC-LEA on %s: %q, want %q", day, lea[day], outcome)
		}
	}
	b := d.browser("sup")
	code, text := b.get("/calendar?show=unlisted")
	must(t, code, text, "UNKNOWN-7", "hors inventaire")
	code, text = b.get("/calendar?customer=dupont&q=srv")
	must(t, code, text, "SRV-AD", `aria-label="échec"`, "day=2026-03-29")
	if strings.Contains(text, "PC-LEA") {
		t.Error("the search finds what was not asked for")
	}
	c := d.browser("it.martin")
	code, text = c.get("/calendar")
	must(t, code, text, "SRV-FIC")
	if strings.Contains(text, "PC-LEA") || strings.Contains(text, "UNKNOWN-7") {
		t.Error("a customer's contact sees another's machines")
	}
	if code, _ := c.get("/calendar/night?customer=dupont&machine=PC-LEA&day=2026-04-01"); code != http.StatusForbidden {
		t.Errorf("a customer's contact opens another's night: %d", code)
	}
}

// Without an answer nothing is green, and the page says why.
func TestCalendarUnknown(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.prom = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }
	b := d.browser("sup")
	code, text := b.get("/calendar")
	must(t, code, text, "illisible", `class="unknown"`)
	if strings.Contains(text, `<a class="success"`) {
		t.Error("what nobody knows is green")
	}
}

// A cell opens the runs of the day, with the words of the product as far as they
// are known, and the incidents that were open.
func TestNight(t *testing.T) {
	d := newDesk(t, "synomega", "")
	run := tuesday.Add(-7 * time.Hour)
	d.fires(nil, map[string]string{"error": "disk full <b>", "last_run": strconv.FormatInt(run.Unix(), 10)})
	d.prom = func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if !strings.HasSuffix(r.URL.Path, "/query_range") {
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
			return
		}
		at := run.Add(time.Hour).Unix()
		labels := `"source":"acronis-eu2","customer":"dupont","job_id":"j1","machine":"SRV-AD","backup_role":"primary","engine":"acronis","plan":"daily"`
		series := func(name, value string) string {
			return fmt.Sprintf(`{"metric":{"__name__":%q,%s},"values":[[%d,%q]]}`, name, labels, at, value)
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[%s,%s,%s]}}`, series("backup_job:last_run_timestamp_seconds:named", strconv.FormatInt(run.Unix()-1, 10)+".714"),
			series("backup_job:last_result:named", "3"), series("backup_job:last_duration_seconds:named", "600"))
	}
	b := d.browser("sup")
	code, text := b.get("/calendar/night?customer=dupont&machine=SRV-AD&day=2026-03-10")
	must(t, code, text, "disk full &lt;b&gt;", "échec", "10 min", "#1", "03:19")
	code, text = d.browser("it.dupont").get("/calendar/night?customer=dupont&machine=SRV-AD&day=2026-03-10")
	must(t, code, text, "échec")
	if strings.Contains(text, "disk full") {
		t.Error("a customer's contact reads the product's words")
	}
	for _, day := range []string{"", "nonsense", "2026-03-11", "2020-01-01"} {
		if code, _ := b.get("/calendar/night?customer=dupont&machine=SRV-AD&day=" + url.QueryEscape(day)); code != http.StatusUnprocessableEntity {
			t.Errorf("day %q is answered %d", day, code)
		}
	}
}

// Five thousand machines: a page of the calendar stays quick and small.
func BenchmarkCalendar5000(b *testing.B) {
	var more strings.Builder
	more.WriteString("machines:\n")
	states := map[string]map[string]string{}
	for i := range 5000 {
		name := fmt.Sprintf("SRV-%04d", i)
		fmt.Fprintf(&more, "  - {customer: dupont, name: %s, class: server, plans: [{plan: daily, role: primary, engine: acronis}]}\n", name)
		states[name] = map[string]string{"2026-03-09": "ok", "2026-03-10": "failed"}
	}
	d := newDesk(b, "synomega", more.String())
	d.prom = recorded(b, states)
	who := d.browser("sup")
	var worst time.Duration
	size := 0
	for b.Loop() {
		d.mu.Lock()
		d.clock = d.clock.Add(2 * time.Minute) // nothing is remembered
		d.mu.Unlock()
		begun := time.Now()
		code, text := who.get("/calendar?page=100")
		must(b, code, text, "SRV-")
		worst, size = max(worst, time.Since(begun)), len(text)
	}
	b.ReportMetric(float64(worst.Milliseconds()), "ms-worst")
	b.ReportMetric(float64(size)/1000, "kB")
}
