package alertingrules

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/receiver/evidence"
)

// source says what a test tells it.
type source func() exporters.Snapshot

func (s source) Fetch(context.Context) (exporters.Snapshot, error) { return s(), nil }

// The exporter's words about a failure reach the receiver that quotes them,
// through both sides' own code, also when the customer's list is too long.
func TestReceiverReadsTheExportersResults(t *testing.T) {
	now := time.Date(2026, 3, 9, 22, 0, 0, 0, time.UTC)
	const jobs = 4000
	long := strings.Repeat("the backup location \"D:\\\" is full <&>\n", 100)
	p, err := exporters.NewPoller(exporters.PollerOptions{Name: "acronis-eu2", Engine: "acronis", Timeout: time.Minute, WarningIsSuccess: true,
		Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler), Source: source(func() exporters.Snapshot {
			var s exporters.Snapshot
			for i := range jobs {
				j := exporters.Job{ID: fmt.Sprintf("r%04d", i), Customer: "dupont", Machine: "SRV-" + fmt.Sprint(i), Role: exporters.Primary, Plan: "daily", Enabled: true, NextRun: now.Add(23 * time.Hour),
					Runs: []exporters.Run{{ID: "1", End: now.Add(-time.Hour), Result: exporters.Success}}}
				if i%100 == 99 {
					j.Runs = []exporters.Run{{ID: "1", End: now.Add(-time.Hour), Result: exporters.Failed, Error: fmt.Sprint(i, ": ", long)}}
				}
				s.Jobs = append(s.Jobs, j)
			}
			s.Jobs = append(s.Jobs, exporters.Job{ID: "other", Customer: "martin", Machine: "SRV-AD"})
			s.Agents = []exporters.Agent{{Customer: "dupont", Machine: "srv-99", LastSeen: now.Add(-2 * time.Hour)}}
			return s
		})})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(exporters.ResultsHandler(func() []*exporters.View { return []*exporters.View{p.View()} }))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err := evidence.Exporter{URL: u, HTTP: http.DefaultClient}.Results(t.Context(), "acronis-eu2", "dupont")
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]evidence.Result{}
	for _, r := range got {
		byID[r.JobID] = r
	}
	for i := 99; i < jobs; i += 100 {
		r, ok := byID[fmt.Sprintf("r%04d", i)]
		if want := fmt.Sprint(i, ": the backup location \"D:\\\" is full <&>"); !ok || !strings.HasPrefix(r.Error, want) || r.ConsecutiveFailures != 1 {
			t.Fatalf("of %d results, %d has %q, %d failures", len(got), i, r.Error, r.ConsecutiveFailures)
		}
	}
	if r := byID["r0099"]; !r.AgentLastSeen.Equal(now.Add(-2*time.Hour)) || !r.NextRun.Equal(now.Add(23*time.Hour)) || r.Machine != "SRV-99" {
		t.Errorf("%+v", r)
	}
	if _, ok := byID["other"]; ok || len(got) == 0 || len(got) >= jobs {
		t.Errorf("%d results, another customer's among them: %v", len(got), ok)
	}
}
