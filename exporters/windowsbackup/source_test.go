package windowsbackup

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/winevent"
)

// machine is a Windows machine as far as its programs write.
type machine struct {
	now              time.Time
	events           []winevent.Event
	summary          string
	versions         string
	eventsErr        error
	sumErr, versErr  error
	asked            []winevent.Query
	versionsWereRead bool
}

func (m *machine) host() host {
	return host{
		events: func(_ context.Context, q winevent.Query) ([]winevent.Event, error) {
			m.asked = append(m.asked, q)
			var out []winevent.Event
			for _, e := range m.events {
				if e.Channel == q.Channel && !e.Time.After(m.now) && !e.Time.Before(q.Since) {
					out = append(out, e)
				}
			}
			return out, m.eventsErr
		},
		summary: func(context.Context) ([]byte, error) { return []byte(m.summary), m.sumErr },
		versions: func(context.Context) ([]byte, error) {
			m.versionsWereRead = true
			return []byte(m.versions), m.versErr
		},
	}
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	events, err := winevent.Parse(read(t, "events.fr.xml"))
	sourcetest.Check(t, err)
	return &machine{now: at("2026-03-10T08:00:00Z"), events: events, summary: string(read(t, "summary.fr.json")), versions: string(read(t, "versions.fr.txt"))}
}

func poller(t *testing.T, m *machine, state string) *exporters.Poller {
	t.Helper()
	c := &Config{Owner: exporters.Owner{Customer: "dupont", CustomerName: "Dupont SA"}, Host: exporters.Host{Machine: "SRV-COMPTA"}}
	sourcetest.Check(t, c.Validate(""))
	now := func() time.Time { return m.now }
	p, err := exporters.NewPoller(exporters.PollerOptions{
		Name: "wsb-srv-compta", Engine: Engine, Source: newSource(c, m.host(), exporters.SourceOptions{Now: now}), Interval: time.Minute, Timeout: time.Minute,
		WarningIsSuccess: true, StateFile: state, Now: now, Logger: slog.New(slog.NewTextHandler(new(bytes.Buffer), nil)),
	})
	sourcetest.Check(t, err)
	return p
}

func job(t *testing.T, p *exporters.Poller) exporters.Job {
	t.Helper()
	jobs := p.View().Jobs
	if len(jobs) != 1 {
		t.Fatalf("%d jobs, want the machine", len(jobs))
	}
	return *jobs[0]
}

func TestGoldenExposition(t *testing.T) {
	p := poller(t, newMachine(t), "")
	sourcetest.Check(t, p.Refresh(t.Context()))
	sourcetest.GoldenMetrics(t, "exposition.prom", sourcetest.Metrics(p))
}

func TestFailureIsCountedOnce(t *testing.T) {
	m := newMachine(t)
	p := poller(t, m, "")
	// Read in the middle of what one failure writes, and again after it.
	for _, when := range []string{"2026-03-09T20:12:26Z", "2026-03-09T20:12:27Z", "2026-03-10T08:00:00Z"} {
		m.now = at(when)
		sourcetest.Check(t, p.Refresh(t.Context()))
		j := job(t, p)
		if j.LastResult != exporters.Failed || j.Failures != 1 || !j.LastRun.Equal(at("2026-03-09T20:12:26Z")) ||
			!j.LastSuccess.Truncate(time.Second).Equal(at("2026-03-08T20:47:10Z")) || !strings.HasPrefix(j.Error, "Un périphérique") {
			t.Errorf("%s: %s, %d failures, run %v, success %v, %q", when, j.LastResult, j.Failures, j.LastRun, j.LastSuccess, j.Error)
		}
	}
}

func TestRunningKeepsThePreviousResult(t *testing.T) {
	m := newMachine(t)
	p := poller(t, m, "")
	sourcetest.Check(t, p.Refresh(t.Context()))
	m.now = at("2026-03-10T20:30:00Z")
	m.events = append(m.events, event(1, "2026-03-10T20:00:00Z"))
	m.summary = strings.ReplaceAll(m.summary, "NoOperationInProgress", "BackupInProgress")
	sourcetest.Check(t, p.Refresh(t.Context()))
	j := job(t, p)
	if !j.Running || !j.RunningSince.Equal(at("2026-03-10T20:00:00Z")) || j.LastResult != exporters.Failed || j.Failures != 1 {
		t.Errorf("running %v since %v, %s, %d failures", j.Running, j.RunningSince, j.LastResult, j.Failures)
	}
	// The service was killed: its start stays without an end, but the summary knows.
	m.summary = strings.ReplaceAll(m.summary, "BackupInProgress", "NoOperationInProgress")
	sourcetest.Check(t, p.Refresh(t.Context()))
	if j := job(t, p); j.Running || !j.RunningSince.IsZero() || j.LastResult != exporters.Failed {
		t.Errorf("running %v since %v, %s", j.Running, j.RunningSince, j.LastResult)
	}
}

func TestLogWasCleared(t *testing.T) {
	m := newMachine(t)
	m.events = nil
	state := filepath.Join(t.TempDir(), "state.json")
	p := poller(t, m, state)
	sourcetest.Check(t, p.Refresh(t.Context()))
	j := job(t, p)
	if j.LastResult != exporters.Failed || !j.LastRun.Equal(at("2026-03-09T20:00:03Z")) || !j.LastSuccess.Equal(at("2026-03-08T20:00:03Z")) {
		t.Errorf("%s, run %v, success %v", j.LastResult, j.LastRun, j.LastSuccess)
	}
	sourcetest.Check(t, p.Save())
	p = poller(t, m, state)
	m.eventsErr = errors.New("no log")
	if err := p.Refresh(t.Context()); err == nil {
		t.Fatal("a log that cannot be read is no failure")
	}
	if j := job(t, p); p.View().Up || !j.LastSuccess.Equal(at("2026-03-08T20:00:03Z")) {
		t.Errorf("up %v, success %v", p.View().Up, j.LastSuccess)
	}
}

// What the summary calls the last backup may be the one that runs.
func TestSummaryOfARunningBackupIsNoResult(t *testing.T) {
	m := newMachine(t)
	m.events = nil
	for _, status := range []string{"BackupInProgress", "Meditating"} {
		m.summary = strings.NewReplacer("2155348165", "0", "-2147024463", "0", "NoOperationInProgress", status).Replace(string(read(t, "summary.fr.json")))
		p := poller(t, m, "")
		sourcetest.Check(t, p.Refresh(t.Context()))
		if j := job(t, p); j.LastResult != exporters.Unknown || !j.LastRun.IsZero() {
			t.Errorf("%s: %s, run %v", status, j.LastResult, j.LastRun)
		}
	}
}

// The script travels on a command line, which Windows bounds.
func TestScript(t *testing.T) {
	for _, r := range script {
		if r > 126 {
			t.Errorf("%q is not ASCII", r)
		}
	}
	if n := len(encoded(script)); n > 16_000 {
		t.Errorf("%d characters", n)
	}
	if got := encoded("é"); got != "6QA=" {
		t.Errorf("got %s", got)
	}
}

func TestVersionsWhereThereIsNoSummary(t *testing.T) {
	m := newMachine(t)
	m.events, m.sumErr = nil, &exporters.SourceError{Endpoint: "summary", Reason: exporters.ReasonOther, Err: errors.New("exit 20")}
	p := poller(t, m, "")
	sourcetest.Check(t, p.Refresh(t.Context()))
	if j := job(t, p); !m.versionsWereRead || j.LastResult != exporters.Unknown || !j.LastSuccess.Equal(at("2026-03-08T20:00:00Z")) {
		t.Errorf("read %v, %s, success %v", m.versionsWereRead, j.LastResult, j.LastSuccess)
	}
	if !strings.Contains(sourcetest.Metrics(p), `backup_source_endpoint_up{source="wsb-srv-compta",endpoint="summary"} 0`) {
		t.Error("the missing summary is not told")
	}
	m.versErr = m.sumErr
	sourcetest.Check(t, p.Refresh(t.Context()))
	if j := job(t, p); !j.LastSuccess.Equal(at("2026-03-08T20:00:00Z")) {
		t.Errorf("success %v", j.LastSuccess)
	}
}

func TestUnknownStatusIsCounted(t *testing.T) {
	m := newMachine(t)
	m.summary = strings.ReplaceAll(m.summary, "NoOperationInProgress", "Meditating")
	p := poller(t, m, "")
	for range 2 {
		sourcetest.Check(t, p.Refresh(t.Context()))
	}
	if job(t, p).Running || !strings.Contains(sourcetest.Metrics(p), `backup_source_unknown_values_total{source="wsb-srv-compta",field="operation_status"} 1`) {
		t.Error("running, or not counted once")
	}
}

func TestConfigIsStrict(t *testing.T) {
	sourcetest.CheckSettings[Config](t, Engine, map[string]string{
		"customer: dupont\nlookbak: 31d":          "f.yml:2: windows_server_backup.lookbak: unknown key",
		"machine: SRV":                            "customer",
		"customer: d\nmachine_class: toaster":     "machine_class",
		"customer: d\nbackup_role: third":         "backup_role",
		"customer: d\nlookback: 1h":               "lookback",
		"customer: d\ncommand_timeout: 10ms":      "command_timeout",
		"customer: d\nexpected_interval: {a: 1d}": "expected_interval.a",
	})
	var c Config
	c.Customer = "dupont"
	sourcetest.Check(t, c.Validate(""))
	if runtime.GOOS != "windows" {
		if _, err := New(&c, exporters.SourceOptions{Now: time.Now}); err == nil || !strings.Contains(err.Error(), "on the Windows machine itself") {
			t.Errorf("away from Windows: %v", err)
		}
	}
}
