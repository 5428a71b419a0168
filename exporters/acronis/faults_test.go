package acronis

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/acronis/acronissim"
	"vigie/exporters/httpclient"
	"vigie/exporters/sourcetest"
)

// order tells the simulator over its control endpoint how to misbehave.
func (b *bench) order(control *httptest.Server, method, text string) {
	b.T.Helper()
	req, err := http.NewRequest(method, control.URL, strings.NewReader(text))
	sourcetest.Check(b.T, err)
	resp, err := http.DefaultClient.Do(req)
	sourcetest.Check(b.T, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.T.Fatalf("%s: status %d", text, resp.StatusCode)
	}
}

// Whatever goes wrong with the list of machines, the snapshot stays the last
// good one, whether everything is listed or only what changed.
func TestEveryFaultKeepsTheLastGoodSnapshot(t *testing.T) {
	for _, fault := range []string{"expire_tokens", "too_many_requests", "unavailable", "server_error", "forbidden", "html", "truncated_json", "cut_connection",
		"slow_body", "half_page", "repeat_cursor", "down"} {
		for mode, wait := range map[string]time.Duration{"changes": 20 * time.Minute, "everything": 2 * time.Hour} {
			t.Run(fault+" in "+mode, func(t *testing.T) {
				b := newBench(t, acronissim.Options{})
				b.timeout = 2 * time.Second
				b.restart()
				control := httptest.NewServer(b.sim.Control())
				defer control.Close()
				b.Refresh()
				before := b.Poller.View()
				b.Clock.Advance(wait)
				for _, m := range b.sim.Machines() {
					b.sim.FailBackup(m, "night of horrors")
				}
				b.sim.DeleteMachine(b.gar)
				if fault == "down" {
					b.order(control, "POST", `{"down":true}`)
				} else {
					b.order(control, "POST", `{"endpoint":"resource_statuses","fault":"`+fault+`","delay":"1h","retry_after":"1s"}`)
				}
				for range map[bool]int{false: exporters.DefaultGrace + 2, true: 1}[fault == "slow_body"] {
					if err := b.Poller.Refresh(t.Context()); err == nil {
						t.Fatal("the refresh did not fail")
					}
				}
				after := b.Poller.View()
				if after.Up || !after.LastRefresh.Equal(before.LastRefresh) || len(after.Jobs) != len(before.Jobs) || after.Jobs[0].LastResult != exporters.Success {
					t.Errorf("up %v, refreshed %v, %d jobs, %s", after.Up, after.LastRefresh, len(after.Jobs), after.Jobs[0].LastResult)
				}
				if m := b.Metrics(); !strings.Contains(m, `backup_source_up{source="acronis-eu2"} 0`) || !strings.Contains(m, fmt.Sprintf("backup_source_last_refresh_timestamp_seconds{source=\"acronis-eu2\"} %v", float64(before.LastRefresh.Unix()))) {
					t.Error("the metrics do not say so")
				}
				b.order(control, "DELETE", "")
				b.Refresh()
				if v := b.Poller.View(); !v.Up || b.job("SRV-AD").Failures != 1 || !b.Has(`SRV\"1"`) {
					t.Errorf("after the repair: up %v, %d failures", v.Up, b.job("SRV-AD").Failures)
				}
			})
		}
	}
}

// A whole life of the source sends nothing but GET and the token's POST.
func TestOnlyReadsLeaveTheSource(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.sim.SetTrial(b.garage, b.Clock.Now().Add(time.Hour))
	for range 5 {
		b.Refresh()
		b.Clock.Advance(40 * time.Minute)
		b.sim.FailBackup(b.ad, "x")
		b.sim.DismissAlerts()
	}
	if calls := b.sim.Calls(); calls["refused"] != 0 || calls[""] != 0 || calls["token"] == 0 {
		t.Errorf("%v", calls)
	}
	if err := b.source.client.http.Post(t.Context(), "alerts", "/api/alert_manager/v1/alerts", http.Header{}); err == nil || !strings.Contains(err.Error(), "only reads") {
		t.Errorf("a POST was sent: %v", err)
	}
	if calls := b.sim.Calls(); calls["refused"] != 0 {
		t.Errorf("%v", calls)
	}
}

func TestTokenLives(t *testing.T) {
	now := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
	for answer, want := range map[string]time.Time{
		fmt.Sprintf(`{"access_token":"t","expires_on":%d}`, now.Add(2*time.Hour).Unix()):                 now.Add(2 * time.Hour),
		`{"access_token":"t","expires_in":600}`:                                                          now.Add(10 * time.Minute),
		fmt.Sprintf(`{"access_token":"t","expires_on":%d,"expires_in":60}`, now.Add(2*time.Hour).Unix()): now.Add(2 * time.Hour),
		`{"access_token":"t","token_type":"bearer"}`:                                                     now.Add(unspoken),
		`{"token_type":"bearer"}`:                                                                        {}, `<html>`: {},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		u, err := url.Parse(server.URL)
		sourcetest.Check(t, err)
		file := filepath.Join(t.TempDir(), "secret")
		sourcetest.Check(t, os.WriteFile(file, []byte("s"), 0o600))
		c := &Config{ClientID: "c", ClientSecretFile: file}
		c.URL.URL = u
		sourcetest.Check(t, c.Validate(""))
		idp := httpclient.New(httpclient.Options{BaseURL: u, PostPaths: []string{tokenPath}, Now: func() time.Time { return now }})
		token, err := fetchToken(t.Context(), idp, c, func() time.Time { return now })
		if (err != nil) != want.IsZero() || !token.Expires.Equal(want) {
			t.Errorf("%s: %v, %v", answer, token.Expires, err)
		}
		server.Close()
	}
}

// Machines that a host's agent saves are offline when the host is.
func TestAgentsOfHosts(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	host := b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: "HV-01", Class: acronissim.Server})
	b.sim.AddMachine(acronissim.Machine{Tenant: b.dupont, Name: "VM-01", Class: acronissim.VM, Plans: []string{b.daily}, Host: host})
	b.Refresh()
	for machine, online := range map[string]bool{"HV-01": true, "VM-01": true} {
		if !strings.Contains(b.Metrics(), fmt.Sprintf("backup_agent_online{source=\"acronis-eu2\",customer=\"dupont\",machine=%q} %d", machine, map[bool]int{true: 1}[online])) {
			t.Errorf("%s is not online", machine)
		}
	}
	seen := b.Clock.Now()
	b.Clock.Advance(20 * time.Minute)
	b.sim.SetOnline(host, false)
	b.Refresh()
	m := b.Metrics()
	for _, machine := range []string{"HV-01", "VM-01"} {
		if !strings.Contains(m, `backup_agent_online{source="acronis-eu2",customer="dupont",machine="`+machine+`"} 0`) ||
			!strings.Contains(m, fmt.Sprintf("backup_agent_last_seen_timestamp_seconds{source=\"acronis-eu2\",customer=\"dupont\",machine=%q} %v", machine, float64(seen.Unix()))) {
			t.Errorf("%s is not offline since %v", machine, seen)
		}
	}
	var answer exporters.ResultsAnswer
	sourcetest.Check(t, json.Unmarshal([]byte(b.Results()), &answer))
	for _, r := range answer.Results {
		if r.Machine == "VM-01" && (r.AgentOnline == nil || *r.AgentOnline) {
			t.Error("the results do not tell that the agent is away")
		}
	}
}

// Agents are listed seldom: between two listings nobody was seen.
func TestLastSeenIsWhenAgentsWereListed(t *testing.T) {
	b := newBench(t, acronissim.Options{})
	b.Refresh()
	seen := b.Clock.Now()
	b.Clock.Advance(10 * time.Minute)
	b.Refresh()
	for _, a := range b.Poller.View().Agents {
		if !a.LastSeen.Equal(seen) {
			t.Errorf("%s was last seen at %v, agents were listed at %v", a.Machine, a.LastSeen, seen)
		}
	}
	b.Clock.Advance(5 * time.Minute)
	b.Refresh()
	if a := b.Poller.View().Agents[0]; !a.LastSeen.Equal(b.Clock.Now()) {
		t.Errorf("last seen %v after a new listing", a.LastSeen)
	}
}
