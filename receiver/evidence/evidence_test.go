package evidence

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/rules/model"
)

var monday = time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)

func ago(d time.Duration) float64 { return float64(monday.Add(-d).Unix()) }

// What is known of a plan, and what is not.
func TestPlan(t *testing.T) {
	failed := &job{values: map[string]float64{lastResult: 3, lastRun: ago(time.Hour), lastSuccess: ago(25 * time.Hour)}}
	good := &job{values: map[string]float64{lastResult: 1, lastRun: ago(time.Hour), lastSuccess: ago(time.Hour), lastSize: 42}}
	never := &job{values: map[string]float64{lastResult: 0}}
	for _, c := range []struct {
		name               string
		job                *job
		up                 bool
		known, lost        bool
		success, lastFails time.Duration // ago; 0 is none
	}{
		{"failed", failed, true, true, false, 25 * time.Hour, time.Hour},
		{"good", good, true, true, false, time.Hour, 0},
		{"never ran", never, true, true, false, 0, 0},
		{"gone while its source is read", nil, true, false, true, 0, 0},
		{"gone with its source", nil, false, false, false, 0, 0},
		{"good, but its source is not read", good, false, false, false, 0, 0},
	} {
		p := plan(c.job, c.up, "q")
		at := func(d time.Duration) time.Time {
			if d == 0 {
				return time.Time{}
			}
			return monday.Add(-d)
		}
		if p.Known != c.known || p.Lost != c.lost || !p.LastSuccess.Equal(at(c.success)) || !p.LastFailure.Equal(at(c.lastFails)) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}

// The states of the other backup (3.2): only what was read and is fresh counts.
func TestState(t *testing.T) {
	day := 24 * time.Hour
	daily := func(result float64, run, success time.Duration, next time.Duration) *job {
		j := &job{labels: model.Labels{"backup_role": "local"}, values: map[string]float64{lastResult: result, interval: day.Seconds(), lastRun: ago(run)}}
		if success != 0 {
			j.values[lastSuccess] = ago(success)
		}
		if next != 0 {
			j.values[nextRun] = ago(-next)
		}
		return j
	}
	for _, c := range []struct {
		name string
		job  *job
		up   bool
		want model.EvidenceState
	}{
		{"last night", daily(1, 8*time.Hour, 8*time.Hour, 0), true, model.EvidenceOK},
		{"last night with warnings", daily(2, 8*time.Hour, 8*time.Hour, 0), true, model.EvidenceDegraded},
		{"failed since", daily(3, 8*time.Hour, 32*time.Hour, 0), true, model.EvidenceKO},
		{"cancelled since", daily(4, 8*time.Hour, 32*time.Hour, 0), true, model.EvidenceKO},
		{"36 hours ago", daily(1, 36*time.Hour, 36*time.Hour, 0), true, model.EvidenceOK},
		{"overdue", daily(1, 37*time.Hour, 37*time.Hour, 0), true, model.EvidenceKO},
		{"Friday night, next run tonight", daily(1, 58*time.Hour, 58*time.Hour, 14*time.Hour), true, model.EvidenceOK},
		{"a week ago, next run tonight", daily(1, 168*time.Hour, 168*time.Hour, 14*time.Hour), true, model.EvidenceKO},
		{"Friday night, next run missed", daily(1, 58*time.Hour, 58*time.Hour, -10*time.Hour), true, model.EvidenceKO},
		{"never", daily(3, 8*time.Hour, 0, 0), true, model.EvidenceKO},
		{"result unknown", daily(0, 8*time.Hour, 8*time.Hour, 0), true, model.EvidenceUnknown},
		{"in the future", daily(1, 0, -day, 0), true, model.EvidenceUnknown},
		{"source not read", daily(1, 8*time.Hour, 8*time.Hour, 0), false, model.EvidenceUnknown},
	} {
		if got := state(c.job, c.up, monday); got.State != c.want {
			t.Errorf("%s: %s, want %s", c.name, got.State, c.want)
		}
	}
}

// Prometheus that is down, slow or talks nonsense makes everything unknown.
func TestUnknown(t *testing.T) {
	q := Question{Plans: map[string]model.Labels{"f": {"customer": "dupont", "source": "s", "job_id": "j"}},
		Other: &Other{Customer: "dupont", Names: []string{"SRV-AD"}, Role: "primary"}}
	for name, h := range map[string]http.HandlerFunc{
		"down":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) },
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"matrix": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[]}}`))
		},
	} {
		srv := httptest.NewServer(h)
		c, err := New(Options{URL: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Ask(t.Context(), q, monday)
		srv.Close()
		if err == nil || a.Plans["f"].Known || a.Other == nil || a.Other.State != model.EvidenceUnknown || a.Other.Error == "" || !a.AskedAt.Equal(monday) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	if a := Unknown(q, monday, errors.New("none")); a.Plans["f"].Known || a.Other.State != model.EvidenceUnknown {
		t.Errorf("%+v", a)
	}
}

// A querier that cannot reach a part of its stores answers 200 with what is left.
// Nothing of that is taken for the whole, by no question: the failing job may be
// in the part that is missing. The shapes are those that the Prometheus API, its
// Thanos and Mimir kin and VictoriaMetrics' cluster document.
func TestPartialAnswer(t *testing.T) {
	const vector = `"data":{"resultType":"vector","result":[
		{"metric":{"__name__":"backup_job_info","source":"veeam-1","customer":"dupont","job_id":"a","machine":"SRV-AD","backup_role":"local"},"value":[0,"1"]},
		{"metric":{"__name__":"backup_job_last_result","source":"veeam-1","customer":"dupont","job_id":"a"},"value":[0,"1"]},
		{"metric":{"__name__":"backup_job_last_success_timestamp_seconds","source":"veeam-1","customer":"dupont","job_id":"a"},"value":[0,"1773040000"]},
		{"metric":{"__name__":"backup_source_up","source":"veeam-1"},"value":[0,"1"]},
		{"metric":{"__name__":"backup_source_last_refresh_timestamp_seconds","source":"veeam-1"},"value":[0,"1773043000"]}]}`
	q := Question{Plans: map[string]model.Labels{"f": {"customer": "dupont", "source": "veeam-1", "job_id": "a"}},
		Other: &Other{Customer: "dupont", Names: []string{"SRV-AD"}, Role: "primary", Expected: true}}
	for _, c := range []struct {
		name, answer string
		whole        bool
	}{
		{"whole", `{"status":"success",` + vector + `}`, true},
		{"infos", `{"status":"success",` + vector + `,"infos":["PromQL info: metric might not be a counter"]}`, true},
		{"empty warnings", `{"status":"success",` + vector + `,"warnings":[],"isPartial":false}`, true},
		{"warnings", `{"status":"success",` + vector + `,"warnings":["receive series from store-b: rpc error: code = Unavailable"]}`, false},
		{"warnings first", `{"warnings":["remote read: connection refused","second"],"status":"success",` + vector + `}`, false},
		{"isPartial", `{"status":"success","isPartial":true,` + vector + `,"stats":{"seriesFetched":"5"}}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.answer)) }))
			defer srv.Close()
			client, err := New(Options{URL: srv.URL})
			if err != nil {
				t.Fatal(err)
			}
			a, err := client.Ask(t.Context(), q, time.Unix(1773043200, 0))
			if (err == nil) != c.whole || a.Plans["f"].Known != c.whole || a.Plans["f"].Lost || (a.Other.State == model.EvidenceOK) != c.whole ||
				!c.whole && (a.Other.State != model.EvidenceUnknown || a.Other.Error == "") {
				t.Errorf("%+v, other %+v, error %v", a.Plans["f"], a.Other, err)
			}
			if _, err := client.Sources(t.Context(), monday); (err == nil) != c.whole {
				t.Errorf("sources: %v", err)
			}
			if _, err := client.Unsorted(t.Context(), monday); (err == nil) != c.whole {
				t.Errorf("unsorted: %v", err)
			}
		})
	}
}

// No series is "none" only when the inventory expects none.
func TestNone(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[]}}`))
	}))
	defer srv.Close()
	c, err := New(Options{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	for expected, want := range map[bool]model.EvidenceState{true: model.EvidenceUnknown, false: model.EvidenceNone} {
		a, err := c.Ask(t.Context(), Question{Other: &Other{Customer: "d", Names: []string{"m"}, Role: "primary", Expected: expected}}, monday)
		if err != nil || a.Other.State != want {
			t.Errorf("expected %v: %+v, %v", expected, a.Other, err)
		}
	}
}

func TestResults(t *testing.T) {
	var asked url.Values
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query()
		_ = json.NewEncoder(w).Encode(map[string]any{"results": []any{map[string]any{"source": "s", "job_id": "j", "error": "the disk is full", "next_run": monday}}})
	}))
	defer srv.Close()
	u, _ := url.Parse(srv.URL)
	e := Exporter{Sources: []string{"s"}, URL: u, HTTP: srv.Client()}
	rs, err := e.Results(t.Context(), "s", "dupont & co")
	if err != nil || len(rs) != 1 || rs[0].Error != "the disk is full" || !rs[0].NextRun.Equal(monday) {
		t.Errorf("%+v, %v", rs, err)
	}
	if asked.Get("customer") != "dupont & co" || asked.Get("source") != "s" {
		t.Errorf("asked %v", asked)
	}
	if e.Reads("other") || !e.Reads("s") || !(Exporter{}).Reads("any") {
		t.Error("which sources it reads")
	}
}

// A copy is no other backup, however well it goes.
func TestCopyIsNoOtherBackup(t *testing.T) {
	for role, want := range map[string]model.EvidenceState{"copy": model.EvidenceNone, "config": model.EvidenceNone, "local": model.EvidenceUnknown} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			result := "[]"
			if strings.Contains(r.FormValue("query"), "backup_job_info") {
				result = `[{"metric":{"__name__":"backup_job_info","source":"v","customer":"d","job_id":"1","machine":"m","backup_role":"` + role + `"},"value":[1773093600,"1"]}]`
			}
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":` + result + `}}`))
		}))
		defer srv.Close()
		c, err := New(Options{URL: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Ask(t.Context(), Question{Other: &Other{Customer: "d", Names: []string{"m"}, Role: "primary"}}, monday)
		if err != nil || a.Other.State != want {
			t.Errorf("%s: %+v, %v", role, a.Other, err)
		}
	}
}
