package dashboards

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// program finds one of the real programs, or skips the test.
func program(t testing.TB, name string) string {
	t.Helper()
	path := os.Getenv(strings.ToUpper(name))
	if path == "" {
		path = filepath.Join("..", ".cache", "bin", name)
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Skipf("%s is not here: `make tools` builds it", name)
	}
	return path
}

// start runs a server on a free port of loopback until the test ends, and
// returns its address once it is ready.
func start(t testing.TB, path string, args func(addr string) []string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	logs, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, args(addr)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), logs, logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait(); _ = logs.Close() })
	for range 300 {
		if resp, err := http.Get("http://" + addr + "/-/ready"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return "http://" + addr
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	text, _ := os.ReadFile(logs.Name())
	t.Fatalf("%s is not ready:\n%s", path, text)
	return ""
}

// filled is a real Prometheus that holds the feed.
func filled(t testing.TB, f *feed, step time.Duration) string {
	t.Helper()
	path, tool := program(t, "prometheus"), program(t, "promtool")
	dir := t.TempDir()
	text, data, config := filepath.Join(dir, "feed"), filepath.Join(dir, "data"), filepath.Join(dir, "prometheus.yml")
	f.write(t, text, step)
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "tsdb", "create-blocks-from", "--quiet", "--max-block-duration=1536h", "openmetrics", text, data).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	return start(t, path, func(addr string) []string {
		return []string{"--config.file=" + config, "--storage.tsdb.path=" + data, "--storage.tsdb.retention.time=100y", "--web.listen-address=" + addr}
	})
}

// row is one line of an answer.
type row struct {
	Metric map[string]string `json:"metric"`
	Value  []any             `json:"value"`
	Values [][]any           `json:"values"`
}

// answer asks Prometheus; anything but rows ends the test.
func answer(t testing.TB, base, path string, form url.Values, into any) {
	t.Helper()
	resp, err := http.PostForm(base+path, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s\n%s", resp.Status, body, form.Get("query"))
		return
	}
	if err := json.Unmarshal(body, &struct {
		Data any `json:"data"`
	}{into}); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
}

// substitute does what Grafana does with variables, all values chosen.
func substitute(expr string) string {
	return strings.NewReplacer("$__rate_interval", "4h", "$__range", "34d", "${__from:date:seconds}", strconv.FormatInt(fed.Truncate(24*time.Hour).Unix(), 10),
		"$customer", ".+", "$machine", ".+", "$state", ".+", "$platform", ".+").Replace(expr)
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// rows runs a query as its panel does, ending at a moment.
func rows(t testing.TB, base string, p Panel, q Target, at time.Time) []row {
	t.Helper()
	var a struct{ Result []row }
	form := url.Values{"query": {substitute(q.Expr)}}
	if q.Instant {
		form.Set("time", seconds(at))
		answer(t, base, "/api/v1/query", form, &a)
		return a.Result
	}
	step, back := time.Hour, 48*time.Hour
	if p.Interval == "1d" {
		step, back = 24*time.Hour, 34*24*time.Hour
	}
	form.Set("start", seconds(at.Add(-back)))
	form.Set("end", seconds(at))
	form.Set("step", seconds(time.Unix(0, 0).Add(step)))
	answer(t, base, "/api/v1/query_range", form, &a)
	return a.Result
}

// codes are the states that an answer shows.
func codes(found []row) map[string]bool {
	seen := map[string]bool{}
	for _, r := range found {
		for _, v := range append(r.Values, r.Value) {
			if len(v) == 2 {
				seen[fmt.Sprint(v[1])] = true
			}
		}
	}
	return seen
}

// Every panel, annotation and variable finds something where every state occurs,
// and no number is made out of nothing where nothing is known.
//
// covers: T7
func TestEveryPanelIsFilled(t *testing.T) {
	base := filled(t, newFeed(16), time.Hour)
	empty := fed.Add(-span - 24*time.Hour)
	every(t, func(t *testing.T, l Language, d Dashboard) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				found := rows(t, base, p, q, fed)
				if len(found) == 0 {
					t.Errorf("%q, query %s finds nothing:\n%s", p.Title, q.RefID, substitute(q.Expr))
				}
				if seen := codes(found); p.Type == "status-history" && len(seen) != len(states()) && d.UID != l.uid("customer") {
					t.Errorf("%q shows %v only", p.Title, seen)
				}
				if from := rows(t, base, p, q, empty); len(from) != 0 {
					t.Errorf("%q, query %s knows something where nothing is known: %v", p.Title, q.RefID, from)
				}
			}
		}
		for _, a := range d.Annotations.List {
			if found := rows(t, base, Panel{}, Target{Expr: strings.NewReplacer("[2m]", "[2h]", "offset 2m", "offset 2h").Replace(a.Expr)}, fed); len(found) == 0 {
				t.Errorf("the annotation %s finds nothing", a.Name)
			}
		}
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			match, name, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(v.Query.(map[string]any)["query"].(string), "label_values("), ")"), ", ")
			resp, err := http.Get(base + "/api/v1/label/" + name + "/values?" + url.Values{"match[]": {substitute(match)}, "start": {seconds(fed.Add(-time.Hour))}, "end": {seconds(fed)}}.Encode())
			if err != nil {
				t.Fatal(err)
			}
			var a struct{ Data []string }
			err = json.NewDecoder(resp.Body).Decode(&a)
			_ = resp.Body.Close()
			if err != nil || len(a.Data) == 0 {
				t.Errorf("the variable %s finds nothing (%v)", v.Name, err)
			}
		}
	})
}

// The first panel counts whom it should: not those with one good backup, but
// those of the inventory that no product lists.
//
// covers: S1.1
func TestMachinesWithoutAGoodBackup(t *testing.T) {
	const machines = 16
	base := filled(t, newFeed(machines), time.Hour)
	var want []string
	all := states()
	good := func(i int) bool { return all[i%len(all)].name == "ok" || all[i%len(all)].name == "warning" }
	for i := range machines {
		if !good(i) && !good(i+3) {
			want = append(want, fmt.Sprintf("SRV-%04d", i))
		}
	}
	want = append(want, "NOWHERE")
	slices.Sort(want)
	fleet := All(Defaults(English))[0]
	first := rows(t, base, fleet.Panels[0], fleet.Panels[0].Targets[0], fed)
	if len(first) != 1 || fmt.Sprint(first[0].Value[1]) != strconv.Itoa(len(want)) {
		t.Errorf("counts %v, want %d", first, len(want))
	}
	var listed []string
	for _, r := range rows(t, base, fleet.Panels[2], fleet.Panels[2].Targets[0], fed) {
		listed = append(listed, r.Metric["machine"])
		if r.Metric["machine"] == "NOWHERE" && fmt.Sprint(r.Value[1]) != strconv.Itoa(never) {
			t.Errorf("a machine that no product lists is shown as %v", r.Value)
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, want) {
		t.Errorf("lists %v, want %v", listed, want)
	}
}

// The first incident of a scenario counts, although its counter never was 0.
func TestTheFirstOfAKindIsCounted(t *testing.T) {
	base := filled(t, newFeed(8), time.Hour)
	for span, want := range map[string]string{"34d": "1", "7d": "1", "1d": "0"} {
		var a struct{ Result []row }
		answer(t, base, "/api/v1/query", url.Values{"query": {counted(`vigie_incidents_opened_total{scenario="nas"}`, span, "")}, "time": {seconds(fed)}}, &a)
		if len(a.Result) != 1 || fmt.Sprint(a.Result[0].Value[1]) != want {
			t.Errorf("within %s: %v, want %s", span, a.Result, want)
		}
	}
}

// Prometheus and Alertmanager still tell what the boards ask of them.
func TestTheStackTellsItsMetrics(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(config, []byte("route: {receiver: none}\nreceivers: [{name: none}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rule, prom := filepath.Join(dir, "rules.yml"), filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(rule, []byte("groups: [{name: g, rules: [{record: a, expr: vector(1)}]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	alertmanager := start(t, program(t, "alertmanager"), func(addr string) []string {
		return []string{"--config.file=" + config, "--storage.path=" + dir, "--web.listen-address=" + addr, "--cluster.listen-address="}
	})
	text := fmt.Sprintf("rule_files: [%q]\nalerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\n", rule, strings.TrimPrefix(alertmanager, "http://"))
	if err := os.WriteFile(prom, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	prometheus := start(t, program(t, "prometheus"), func(addr string) []string {
		return []string{"--config.file=" + prom, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr}
	})
	var missing []string
	for range 50 {
		missing = nil
		said := page(t, prometheus+"/metrics") + page(t, alertmanager+"/metrics")
		for _, m := range others() {
			if strings.Contains(m, "_") && m != "ALERTS_FOR_STATE" && !strings.Contains(said, "\n"+m) {
				missing = append(missing, m)
			}
		}
		if missing == nil {
			return
		}
		time.Sleep(100 * time.Millisecond) // until the first evaluation has been counted
	}
	t.Errorf("nobody tells %v", missing)
}

func page(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// How long a whole board of ten thousand backups takes, its queries one after
// the other.
func BenchmarkBoards(b *testing.B) {
	base := filled(b, newFeed(5000), 24*time.Hour)
	for _, d := range All(Defaults(English)) {
		one := strings.NewReplacer("$machine", ".+")
		if slices.ContainsFunc(d.Templating.List, func(v Variable) bool { return v.Name == "machine" && !v.Multi }) {
			one = strings.NewReplacer("$machine", "SRV-0007")
		}
		b.Run(d.UID, func(b *testing.B) {
			var slowest time.Duration
			for b.Loop() {
				for _, p := range d.Panels {
					began := time.Now()
					for _, q := range p.Targets {
						q.Expr = one.Replace(q.Expr)
						rows(b, base, p, q, fed)
					}
					slowest = max(slowest, time.Since(began))
				}
			}
			b.ReportMetric(slowest.Seconds(), "s/slowest_panel")
		})
	}
}
