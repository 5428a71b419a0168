//go:build !windows

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/exporters/acronis/acronissim"
)

// Killed at any moment, also while it writes, the exporter knows after its
// start every last success that it had shown, although its product says nothing.
func TestKilledAtAnyMomentLosesNoLastSuccess(t *testing.T) {
	t.Parallel()
	const machines = 30
	sim := acronissim.New(acronissim.Options{Now: time.Now, ClientSecret: clientSecret, PageSize: 100})
	tenant := sim.AddCustomer("Dupont")
	plan := sim.AddPlan(acronissim.Plan{Tenant: tenant, Name: "daily", Hour: 21})
	for i := range machines {
		sim.AddMachine(acronissim.Machine{Tenant: tenant, Name: fmt.Sprint("SRV-", i), Class: acronissim.Server, Plans: []string{plan}})
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	dir := t.TempDir()
	write(t, dir, "secret", clientSecret+"\n")
	p := newProgram(t, dir, fmt.Sprintf("sources:\n  - name: acronis-lab\n    poll_interval: 1s\n    acronis: {url: %q, client_id: sim-client, client_secret_file: secret, customers: {%s: dupont}, requests_per_second: 1000}\n", server.URL, tenant), "")

	// shown gives the last successes that the exporter shows, by job.
	shown := func() (map[string]float64, bool) {
		resp, err := http.Get("http://" + p.address + "/metrics")
		if err != nil {
			return nil, false
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, false
		}
		out := map[string]float64{}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "backup_job_last_success_timestamp_seconds{"); ok {
				labels, value, _ := strings.Cut(strings.TrimSpace(rest), "} ")
				out[labels], _ = strconv.ParseFloat(value, 64)
			}
		}
		return out, strings.Contains(string(text), `backup_source_up{source="acronis-lab"} 1`)
	}
	rnd := rand.New(rand.NewPCG(1, 9))
	compared := 0
	for life := range 12 {
		sim.SetDown(true)
		p.start()
		kept, _ := shown()
		sim.SetDown(false)
		known := map[string]float64{}
		end := time.Now().Add(1500*time.Millisecond + time.Duration(rnd.IntN(1200))*time.Millisecond)
		for time.Now().Before(end) {
			sim.SucceedBackup(sim.Machines()[rnd.IntN(machines)])
			if s, up := shown(); up {
				known = s
			}
		}
		p.kill()
		sim.SetDown(true)
		p.start()
		after, up := shown()
		if up {
			t.Fatalf("life %d: the product answers although it is switched off", life)
		}
		for _, before := range []map[string]float64{kept, known} {
			for job, success := range before {
				compared++
				if after[job] < success {
					t.Errorf("life %d: %s: last success %f was shown, %f is known after the kill", life, job, success, after[job])
				}
			}
		}
		p.kill()
	}
	if compared < machines {
		t.Errorf("%d successes compared: too few to be a test", compared)
	}
	left, err := filepath.Glob(filepath.Join(dir, "data", "*"))
	if err != nil || len(left) > 2 {
		t.Errorf("%v %v: parts of files that were being written pile up", left, err)
	}
}
