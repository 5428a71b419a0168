package probes_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"vigie/receiver/evidence"
	"vigie/receiver/probes"
	"vigie/rules/availability"
	"vigie/rules/calendar"
)

// program finds a program of Prometheus.
func program(t *testing.T, env, name string) string {
	t.Helper()
	for _, path := range []string{os.Getenv(env), "../../.cache/bin/" + name} {
		if found, err := exec.LookPath(path); path != "" && err == nil {
			return found
		}
	}
	t.Skipf("no %s: run make tools", name)
	return ""
}

// prometheus runs the real one over these samples, in OpenMetrics' text form.
func prometheus(t *testing.T, samples string) *evidence.Client {
	t.Helper()
	server, tool := program(t, "PROMETHEUS", "prometheus"), program(t, "PROMTOOL", "promtool")
	dir := t.TempDir()
	text, data := filepath.Join(dir, "samples.txt"), filepath.Join(dir, "data")
	for path, content := range map[string]string{text: samples + "# EOF\n", filepath.Join(dir, "prometheus.yml"): "{}\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), tool, "tsdb", "create-blocks-from", "openmetrics", text, data).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	var log strings.Builder
	cmd := exec.Command(server, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+data, "--storage.tsdb.retention.time=100y", "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has nothing to keep
		_ = cmd.Wait()
	})
	for end := time.Now().Add(30 * time.Second); ; {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatalf("Prometheus does not come up:\n%s", log.String())
		}
		time.Sleep(100 * time.Millisecond) // a real process has no clock of ours
	}
	c, err := evidence.New(evidence.Options{URL: "http://" + address, HTTP: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// covers: S2.29; with the real Prometheus: a sample each half minute, an outage of ten
// minutes and a half, a prober that is away for 20 minutes, which Prometheus would
// bridge by five, a second probe that must be there, and another platform's.
func TestWhatTheRealPrometheusKnows(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := func(clock string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04:05", "2025-03-10 "+clock, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	within := func(x time.Time, a, b string) bool { return !x.Before(at(a)) && x.Before(at(b)) }
	var text strings.Builder
	text.WriteString("# TYPE platform:probe_success:max gauge\n")
	for _, series := range []string{"lms-A host", "lms-A login", "lms-B login"} {
		platform, probe, _ := strings.Cut(series, " ")
		for x := at("08:30:00"); x.Before(at("13:00:00")); x = x.Add(30 * time.Second) {
			up := 1
			switch {
			case platform == "lms-B":
				up = 0
			case probe == "login" && within(x, "11:00:00", "11:20:00"):
				continue
			case probe == "login" && within(x, "10:00:00", "10:10:30"):
				up = 0
			}
			fmt.Fprintf(&text, "platform:probe_success:max{platform=%q,probe=%q,target=%q} %d %d\n", platform, probe, probe+".example", up, x.Unix())
		}
	}
	client := prometheus(t, text.String())
	k := probes.Keeper{Prometheus: func() *evidence.Client { return client }}
	asked := probes.Platform{ID: "lms-A", Probes: []string{"host", "login"}, Series: "platform:probe_success:max", Lasts: time.Minute, Since: at("00:00:00")}
	for _, now := range []string{"09:30:00", "10:05:10", "12:00:00"} { // what is known is added to
		if err := k.Look(t.Context(), asked, at(now)); err != nil {
			t.Fatal(err)
		}
	}
	hours, err := calendar.New(calendar.Definition{Timezone: "Europe/Paris", WeeklyWindows: map[string][][2]string{"monday": {{"09:00", "19:00"}}}})
	if err != nil {
		t.Fatal(err)
	}
	terms := availability.Terms{Calendar: hours, Tolerance: 10 * time.Minute, Per: availability.PerMonth}
	f := terms.Measure(k.Known("lms-A"), nil, at("00:00:00"), at("12:00:00"))
	// The last sample before the gap is of 10:59:30 and speaks for a minute.
	if f.Down != 630*time.Second || f.Unknown != 19*time.Minute+30*time.Second || f.Up != 3*time.Hour-f.Down-f.Unknown {
		t.Errorf("up %s, down %s, unknown %s", f.Up, f.Down, f.Unknown)
	}
	if len(f.Spent) != 1 || !f.Spent[0].Equal(at("10:10:00")) {
		t.Errorf("spent at %v", f.Spent)
	}

	// A restart goes on from what was written down, and does not ask for it again.
	written, err := k.Text("lms-A")
	if err != nil {
		t.Fatal(err)
	}
	again := probes.Keeper{Prometheus: func() *evidence.Client { return client }}
	if err := again.Recall("lms-A", written); err != nil {
		t.Fatal(err)
	}
	if g := terms.Measure(again.Known("lms-A"), nil, at("00:00:00"), at("12:00:00")); g.Down != f.Down || g.Unknown != f.Unknown {
		t.Errorf("after a restart: %+v", g)
	}

	// A probe that must be there and is nowhere makes nothing up; a Prometheus that is
	// away makes nothing known, and takes nothing back.
	asked.Probes, asked.Since = []string{"host", "login", "course"}, at("12:00:00")
	other := probes.Keeper{Prometheus: func() *evidence.Client { return client }}
	if err := other.Look(t.Context(), asked, at("13:00:00")); err != nil {
		t.Fatal(err)
	}
	if g := terms.Measure(other.Known("lms-A"), nil, at("12:00:00"), at("13:00:00")); g.Unknown != time.Hour {
		t.Errorf("without a probe that must be there: %+v", g)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := again.Look(gone, asked, at("13:00:00")); err == nil {
		t.Error("nobody answered, and nothing is said of it")
	}
	if g := terms.Measure(again.Known("lms-A"), nil, at("00:00:00"), at("13:00:00")); g.Down != f.Down || g.Unknown != f.Unknown+time.Hour {
		t.Errorf("while nobody answers: %+v", g)
	}
}
