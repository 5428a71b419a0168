package receiver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/evidence"
	"vigie/rules/model"
)

// explains is an exporter that tells why jobs failed, in the form of its
// /api/v1/results (docs/exporter.md). It notes how often it was asked.
func explains(t *testing.T, why map[string]string) (evidence.Exporter, *atomic.Int64) {
	asked := new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		type result struct {
			Source  string    `json:"source"`
			JobID   string    `json:"job_id"`
			Machine string    `json:"machine"`
			Error   string    `json:"error"`
			LastRun time.Time `json:"last_run"`
		}
		var all []result
		for job, text := range why {
			all = append(all, result{r.URL.Query().Get("source"), job, "", text, monday})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"results": all})
	}))
	t.Cleanup(s.Close)
	u, _ := url.Parse(s.URL)
	return evidence.Exporter{URL: u, HTTP: http.DefaultClient}, asked
}

// covers: S1.16; what alerts do not say, the exporter does: failures of one source
// whose errors read alike are one common failure, and unrelated ones are none.
func TestCommonCauseFromTheExporter(t *testing.T) {
	alike := func(n int) string {
		return fmt.Sprintf("cannot reach the storage node dc%d.example:443 for SRV-%d: connection refused", n, n)
	}
	unlike := func(n int) string {
		return []string{"disk full", "wrong password for the archive", "VSS writer timed out", "licence expired"}[n]
	}
	for name, c := range map[string]struct {
		says   func(int) string
		common int
	}{"one cause": {alike, 1}, "four causes": {unlike, 0}, "nothing is said": {func(int) string { return "" }, 0}} {
		t.Run(name, func(t *testing.T) {
			var alerts []alert
			why := map[string]string{}
			for n := range 4 {
				a := backup([]string{"dupont", "martin"}[n%2], fmt.Sprintf("SRV-%d", n), "primary")
				alerts, why[a["job_id"]] = append(alerts, a), c.says(n)
			}
			x, asked := explains(t, why)
			r := newRig(t, 0, func(r *rig) { r.tune = func(p *receiver.Reloadable) { p.Exporters = []evidence.Exporter{x} } })
			r.fires(alerts...)
			r.pass(20 * time.Second)
			if got := len(r.incidents("scenario=common")); got != c.common {
				t.Errorf("%d common failures, want %d", got, c.common)
			}
			if n := asked.Load(); n == 0 || n > 4 && c.common == 1 {
				t.Errorf("the exporter was asked %d times for four jobs", n)
			}
		})
	}
}

// covers: S1.3; an exporter that is away keeps no evidence from coming.
func TestWordsOfAnExporterThatIsAway(t *testing.T) {
	u, _ := url.Parse("http://127.0.0.1:1")
	r := newRig(t, 0, func(r *rig) {
		r.tune = func(p *receiver.Reloadable) { p.Exporters = []evidence.Exporter{{URL: u, HTTP: http.DefaultClient}} }
	})
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(10 * time.Second)
	if i := r.the("machine=SRV-AD"); i.ID == "" {
		t.Error("the incident is not there")
	}
	if n := r.metric(`vigie_evidence_questions_total{result="answered"}`); n == 0 {
		t.Error("the evidence was not asked for")
	}
}

// covers: S1.3; what the exporter says of a failed run stands with the incident,
// for the pages, until another run fails for a reason that is not known yet.
func TestIncidentSaysWhatTheExporterSays(t *testing.T) {
	a := backup("dupont", "SRV-AD", "primary")
	x, _ := explains(t, map[string]string{a["job_id"]: "disk full"})
	r := newRig(t, 0, func(r *rig) { r.tune = func(p *receiver.Reloadable) { p.Exporters = []evidence.Exporter{x} } })
	// The run ended within the second that the alert tells rounded up.
	told := map[string]string{"last_run": strconv.FormatInt(monday.Unix()+1, 10)}
	err := r.engine.Receive(t.Context(), receiver.Alerts{Fired: []model.Signal{{Kind: model.BackupAlert, Fingerprint: "f1", Labels: model.Labels(a), Annotations: told, StartsAt: r.now()}}})
	if err != nil {
		t.Fatal(err)
	}
	r.pass(10 * time.Second)
	if i := r.the("machine=SRV-AD"); i.LastErr != "disk full" {
		t.Errorf("the incident says %q", i.LastErr)
	}
}

// covers: S1.16; while thousands of incidents open at once, looking them over for
// common failures takes turns with everything else, and what it left out it finds at the next.
func TestCommonCauseInAStorm(t *testing.T) {
	why := map[string]string{}
	var alerts []alert
	for n := range 4 {
		a := backup([]string{"dupont", "martin"}[n%2], fmt.Sprintf("NAS-%d", n), "primary")
		alerts, why[a["job_id"]] = append(alerts, a), "cannot reach the storage node: connection refused"
	}
	x, _ := explains(t, why)
	r := newRig(t, 0, func(r *rig) { r.tune = func(p *receiver.Reloadable) { p.Exporters = []evidence.Exporter{x} } })
	b := &speed{T: t, summary: &summary{}}
	b.seed(r, newLoad(1, false), 2000)
	b.ok(r.engine.Correlate(t.Context()))
	r.fires(alerts...)
	b.ok(r.engine.AskDue(t.Context()))
	for _, c := range []struct {
		after  time.Duration
		common int
	}{{time.Second, 0}, {time.Second, 1}} {
		r.set(r.now().Add(c.after))
		b.ok(r.engine.Correlate(t.Context()))
		if got := len(r.incidents("scenario=common")); got != c.common {
			t.Errorf("%d common failures at %s, want %d", got, r.now().Format(time.TimeOnly), c.common)
		}
	}
}
