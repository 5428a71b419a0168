package push

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

const (
	dupontToken = "t0k3n-of-dupont-0123456789"
	martinToken = "t0k3n-of-martin-0123456789"
)

// bench is a receiving source with a poller on it.
type bench struct {
	*sourcetest.Bench
	dir    string
	config *Config
	source *Source
}

func newBench(t *testing.T, limits Limits) *bench {
	t.Helper()
	b := &bench{Bench: sourcetest.New(t, time.Date(2026, 3, 9, 22, 0, 0, 0, time.UTC)), dir: t.TempDir()}
	b.write("dupont", dupontToken+"\n")
	b.write("martin", "an-old-token-that-goes-soon\n"+martinToken+"\n")
	b.config = &Config{Folder: "push", Customers: map[string]*Customer{"dupont": {Name: "Dupont SA", TokenFile: "dupont"}, "martin": {TokenFile: "martin"}}, Limits: limits}
	if err := b.config.Validate(b.dir); err != nil {
		t.Fatal(err)
	}
	b.Serve(Handler(func() []*Source { return []*Source{b.source} }))
	b.restart()
	return b
}

func (b *bench) write(name, text string) {
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.T.Fatal(err)
	}
}

// restart begins anew with what is on disk.
func (b *bench) restart() {
	b.T.Helper()
	if b.source != nil {
		_ = b.source.Close()
		_ = b.Poller.Save()
	}
	s, err := New(b.config, exporters.SourceOptions{Now: b.Clock.Now})
	if err != nil {
		b.T.Fatal(err)
	}
	b.source = s
	b.Poll(sourcetest.Options{Name: "push-fr", Engine: Engine, Source: s, Timeout: time.Minute})
}

// post gives the status and the whole body.
func (b *bench) post(token, body string) (int, string) {
	b.T.Helper()
	req, err := http.NewRequest(http.MethodPost, b.Server.URL+Path, strings.NewReader(body))
	if err != nil {
		b.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.T.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.T.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (b *bench) send(token, body string) {
	b.T.Helper()
	if code, text := b.post(token, body); code != http.StatusOK {
		b.T.Fatalf("%d %s", code, text)
	}
}

// metrics refreshes and gives what a scrape reads.
func (b *bench) metrics() string {
	b.T.Helper()
	b.Refresh()
	return b.Metrics()
}

func (b *bench) want(lines ...string) {
	b.T.Helper()
	m := b.metrics()
	for _, l := range lines {
		if !strings.Contains(m, l+"\n") {
			b.T.Errorf("no %s in\n%s", l, m)
		}
	}
}

// report writes one report of the job home; more is further JSON.
func report(id, result string, end time.Time, more string) string {
	return fmt.Sprintf(`{"run_id":%q,"job_id":"home","machine":"SRV-AD","machine_class":"server","engine":"restic","result":%q,"ended_at":%q%s}`,
		id, result, end.Format(time.RFC3339), more)
}

const labels = `{source="push-fr",customer="dupont",job_id="home"} `

func metric(name string, value any) string {
	if t, ok := value.(time.Time); ok {
		value = float64(t.Unix())
	}
	return "backup_job_" + name + labels + fmt.Sprint(value)
}

func TestModel(t *testing.T) {
	b := newBench(t, Limits{})
	first := b.Clock.Now().Add(-time.Hour)
	b.send(dupontToken, report("1", "success", first, `,"size_bytes":4096,"started_at":"2026-03-09T20:30:00Z","expected_interval":"12h","plan":"homes","next_run_at":"2026-03-10T09:00:00Z"`))
	arrived := b.Clock.Now()
	b.want(`backup_job_info{source="push-fr",customer="dupont",job_id="home",machine="SRV-AD",machine_class="server",backup_role="primary",engine="restic",plan="homes",customer_name="Dupont SA",object_type=""} 1`,
		metric("last_success_timestamp_seconds", first), metric("last_run_timestamp_seconds", first), metric("last_result", 1), metric("enabled", 1), metric("running", 0),
		metric("expected_interval_seconds", 43200), metric("last_duration_seconds", 1800), metric("last_size_bytes", 4096),
		metric("consecutive_failures", 0), metric("received_timestamp_seconds", arrived), `backup_source_up{source="push-fr"} 1`)

	b.Clock.Advance(24 * time.Hour)
	second := b.Clock.Now()
	b.send(dupontToken, report("2", "failed", second, `,"error":"the disk is full"`))
	b.Clock.Advance(24 * time.Hour)
	b.send(dupontToken, report("3", "failed", b.Clock.Now(), `,"error":"the disk is full"`))
	after := []string{metric("last_success_timestamp_seconds", first), metric("last_run_timestamp_seconds", b.Clock.Now()), metric("last_result", 3),
		metric("consecutive_failures", 2), metric("received_timestamp_seconds", b.Clock.Now())}
	b.want(after...)
	if j := b.Poller.View().Jobs[0]; j.Error != "the disk is full" {
		t.Errorf("the error is %q", j.Error)
	}

	// Silence shows by age: time alone changes nothing, nor does a restart.
	b.Clock.Advance(7 * 24 * time.Hour)
	b.want(after...)
	b.restart()
	b.want(after...)

	problems, err := promlint.New(strings.NewReader(b.metrics())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// The store alone keeps everything: the poller's own file may be lost.
func TestStoreIsEnough(t *testing.T) {
	b := newBench(t, Limits{})
	at := b.Clock.Now()
	b.send(dupontToken, "["+report("1", "success", at.Add(-3*time.Hour), "")+","+report("2", "failed", at.Add(-2*time.Hour), "")+","+report("3", "missed", at.Add(-time.Hour), "")+"]")
	b.restart()
	if err := os.Remove(b.State); err != nil {
		t.Fatal(err)
	}
	b.source = nil
	b.restart()
	b.want(metric("last_success_timestamp_seconds", at.Add(-3*time.Hour)), metric("last_result", 5), metric("consecutive_failures", 2))
}

func TestOneCustomerCannotWriteAnothers(t *testing.T) {
	b := newBench(t, Limits{})
	at := b.Clock.Now()
	code, body := b.post(martinToken, report("1", "success", at, `,"customer":"dupont"`))
	if code != http.StatusForbidden || !strings.Contains(body, `"where":"customer"`) {
		t.Errorf("%d %s", code, body)
	}
	b.send(martinToken, report("1", "success", at, ""))
	b.send(dupontToken, report("1", "failed", at, `,"customer":"dupont"`))
	b.want(metric("last_result", 3), `backup_job_last_result{source="push-fr",customer="martin",job_id="home"} 1`)
}

func TestTokens(t *testing.T) {
	b := newBench(t, Limits{})
	body := report("1", "success", b.Clock.Now(), "")
	for _, token := range []string{"", "wrong", dupontToken + "x", dupontToken[:len(dupontToken)-1]} {
		if code, text := b.post(token, body); code != http.StatusUnauthorized || strings.Contains(text, dupontToken) {
			t.Errorf("%q: %d %s", token, code, text)
		}
	}
	b.send("an-old-token-that-goes-soon", body)
	b.write("martin", martinToken+"\n")
	b.Clock.Advance(tokensFor)
	if code, _ := b.post("an-old-token-that-goes-soon", body); code != http.StatusUnauthorized {
		t.Errorf("a token outlives its line: %d", code)
	}
	b.send(martinToken, body)
	if err := os.Remove(filepath.Join(b.dir, "martin")); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(tokensFor)
	if code, _ := b.post(martinToken, body); code != http.StatusUnauthorized {
		t.Errorf("a token outlives its file: %d", code)
	}
	b.send(dupontToken, body)
	b.want(`backup_source_endpoint_up{source="push-fr",endpoint="tokens"} 0`, `backup_source_errors_total{source="push-fr",reason="auth"} 1`)
	for _, out := range []string{b.Log.String(), b.metrics()} {
		if strings.Contains(out, "t0k3n") || strings.Contains(out, "an-old-token") {
			t.Error("a token comes out")
		}
	}

	req := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(body))
	req.SetBasicAuth("push", "a password of the web server")
	req.Header.Set(TokenHeader, dupontToken)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	Handler(func() []*Source { return []*Source{b.source} }).ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		t.Errorf("beside a password: %d %s", w.Code, w.Body)
	}
}

func TestRepeatsAndContradictions(t *testing.T) {
	b := newBench(t, Limits{})
	at := b.Clock.Now()
	one := report("1", "failed", at.Add(-time.Hour), "")
	b.send(dupontToken, one)
	arrived := b.Clock.Now()
	b.Clock.Advance(time.Hour)
	for range 3 {
		if code, text := b.post(dupontToken, "["+one+","+one+"]"); code != http.StatusOK || strings.TrimSpace(text) != `{"stored":0,"duplicates":2}` {
			t.Errorf("%d %s", code, text)
		}
	}
	b.want(metric("consecutive_failures", 1), metric("received_timestamp_seconds", arrived))
	code, text := b.post(dupontToken, "["+report("2", "success", at, "")+","+report("1", "success", at.Add(-time.Hour), "")+"]")
	if code != http.StatusConflict || !strings.Contains(text, `"where":"[1].run_id"`) {
		t.Errorf("%d %s", code, text)
	}
	b.want(metric("last_result", 3)) // all or none
}

func TestClockAhead(t *testing.T) {
	b := newBench(t, Limits{})
	now := b.Clock.Now()
	if code, text := b.post(dupontToken, report("1", "success", now.Add(48*time.Hour), "")); code != http.StatusOK || !strings.Contains(text, `"clock_ahead":1`) {
		t.Errorf("%d %s", code, text)
	}
	b.want(metric("last_success_timestamp_seconds", now), `backup_source_unknown_values_total{source="push-fr",field="ended_at_in_future"} 1`)
	b.Clock.Advance(time.Hour)
	b.send(dupontToken, report("2", "failed", b.Clock.Now(), ""))
	b.want(metric("last_result", 3), metric("last_success_timestamp_seconds", now))
}

func TestLimits(t *testing.T) {
	b := newBench(t, Limits{BodyBytes: 2048, Results: 3, RequestsPerMinute: 6, Jobs: 2})
	at := b.Clock.Now()
	job := func(n int) string {
		return strings.Replace(report("1", "success", at, ""), `"home"`, fmt.Sprintf(`"job-%d"`, n), 1)
	}
	b.send(dupontToken, "["+job(1)+","+job(2)+"]")
	if code, text := b.post(dupontToken, job(3)); code != http.StatusTooManyRequests || !strings.Contains(text, "more than 2 jobs") {
		t.Errorf("%d %s", code, text)
	}
	if code, _ := b.post(dupontToken, job(1)); code != http.StatusOK {
		t.Errorf("a known job: %d", code)
	}
	code, text := b.post(dupontToken, job(1))
	if code != http.StatusTooManyRequests || !strings.Contains(text, "too many requests") {
		t.Errorf("%d %s", code, text)
	}
	b.send(martinToken, job(1)) // one customer's haste is not another's
	b.Clock.Advance(time.Minute)
	if code, _ := b.post(dupontToken, `{"plan":"`+strings.Repeat("x", 3000)+`"}`); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body: %d", code)
	}
	if code, text := b.post(dupontToken, "["+strings.Join([]string{job(1), job(1), job(1), job(1)}, ",")+"]"); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a long list: %d %s", code, text)
	}
}

func TestRefusals(t *testing.T) {
	good := report("1", "success", time.Date(2026, 3, 9, 21, 0, 0, 0, time.UTC), "")
	for _, c := range []struct{ body, where, what string }{
		{``, "", "empty"},
		{`[]`, "", "empty"},
		{`nonsense`, "", "not an object"},
		{`{"run_id":`, "", "unexpected EOF"},
		{good + good, "", "more text"},
		{`[` + good + `,3]`, "[1]", "not an object"},
		{strings.Replace(good, `"run_id"`, `"runid"`, 1), "", `unknown key \"runid\"`},
		{strings.Replace(good, `"run_id":"1"`, `"run_id":1`, 1), "run_id", "a number"},
		{strings.Replace(good, `"run_id":"1"`, `"run_id":" "`, 1), "run_id", "missing"},
		{strings.Replace(good, `"home"`, `""`, 1), "job_id", "missing"},
		{strings.Replace(good, `"home"`, `"a\nb"`, 1), "job_id", "control character"},
		{strings.Replace(good, `"home"`, `"`+strings.Repeat("x", 200)+`"`, 1), "job_id", "200 bytes"},
		{strings.Replace(good, `"success"`, `"done"`, 1), "result", "no result"},
		{strings.Replace(good, `"success"`, `"Succès"`, 1), "result", "no result"},
		{strings.Replace(good, `"server"`, `"mainframe"`, 1), "machine_class", "not a class"},
		{strings.Replace(good, `"restic"`, `"Restic 0.18"`, 1), "engine", "not a word"},
		{strings.Replace(good, `21:00:00Z`, `21:00:00`, 1), "ended_at", "without a zone"},
		{strings.Replace(good, `2026-03-09T21:00:00Z`, `yesterday`, 1), "ended_at", "not an instant"},
		{strings.Replace(good, `2026-03-09T21:00:00Z`, `0001-01-01T00:00:00Z`, 1), "ended_at", "missing"},
		{strings.Replace(good, `2026-03-09T21`, `1998-03-09T21`, 1), "ended_at", "not a year"},
		{strings.Replace(good, `}`, `,"started_at":"2026-03-09T21:00:01Z"}`, 1), "started_at", "later"},
		{strings.Replace(good, `}`, `,"expected_interval":"daily"}`, 1), "expected_interval", "not a duration"},
		{strings.Replace(good, `}`, `,"size_bytes":-1}`, 1), "size_bytes", "less than zero"},
		{strings.Replace(good, `}`, `,"enabled":"no"}`, 1), "enabled", "a string"},
		{"\xff\xfe{\x00}\x00", "", "not UTF-8"},
	} {
		b := newBench(t, Limits{})
		code, text := b.post(dupontToken, c.body)
		var a struct{ Error Problem }
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatal(err)
		}
		if code != http.StatusBadRequest || a.Error.Where != c.where || !strings.Contains(text, c.what) || a.Error.Cure == "" {
			t.Errorf("%.80q: %d %s", c.body, code, text)
		}
		if m := b.metrics(); strings.Contains(m, "backup_job_info") {
			t.Errorf("%q left something", c.body)
		}
	}
}

func TestNotJSONAndNoSource(t *testing.T) {
	b := newBench(t, Limits{})
	req := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(report("1", "success", b.Clock.Now(), "")))
	req.Header.Set("Authorization", "Bearer "+dupontToken)
	w := httptest.NewRecorder()
	Handler(func() []*Source { return []*Source{b.source} }).ServeHTTP(w, req)
	if w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("%d", w.Code)
	}
	w = httptest.NewRecorder()
	Handler(func() []*Source { return nil }).ServeHTTP(w, req)
	if w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
	_ = b.source.Close()
	if code, text := b.post(dupontToken, report("1", "success", b.Clock.Now(), "")); code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", code, text)
	}
}

// A disk that refuses is never answered with 2xx, and the result can be sent
// again when it is mended.
func TestDiskRefuses(t *testing.T) {
	b := newBench(t, Limits{})
	b.send(dupontToken, report("1", "success", b.Clock.Now().Add(-time.Hour), ""))
	b.source.journal.close()
	path := b.source.journal.path()
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	two := report("2", "failed", b.Clock.Now(), "")
	if code, text := b.post(dupontToken, two); code != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", code, text)
	}
	b.want(metric("last_result", 1))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	b.send(dupontToken, two)
	b.restart()
	b.want(metric("last_result", 3), metric("consecutive_failures", 1))
}

// A switched-off job is shown as such, and forgotten a month later; a job of
// a customer that the configuration no longer names goes as well.
func TestDisabledAndRemoved(t *testing.T) {
	b := newBench(t, Limits{})
	b.send(dupontToken, report("1", "success", b.Clock.Now(), `,"enabled":false`))
	b.send(martinToken, report("1", "success", b.Clock.Now(), ""))
	b.want(metric("enabled", 0))
	b.Clock.Advance(forgetDisabled)
	delete(b.config.Customers, "martin")
	b.restart()
	for range exporters.DefaultGrace + 1 {
		_ = b.metrics()
	}
	if m := b.metrics(); strings.Contains(m, "backup_job_info{") {
		t.Error(m)
	}
}

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("a", dupontToken)
	put("b", dupontToken)
	put("short", "abc")
	for _, c := range []struct {
		config Config
		key    string
	}{
		{Config{Customers: map[string]*Customer{"a": {TokenFile: "a"}}}, "folder"},
		{Config{Folder: "x"}, "customers"},
		{Config{Folder: "x", Customers: map[string]*Customer{"a": nil}}, "customers.a"},
		{Config{Folder: "x", Customers: map[string]*Customer{"a": {}}}, "customers.a.token_file"},
		{Config{Folder: "x", Customers: map[string]*Customer{"a": {TokenFile: "nowhere"}}}, "customers.a.token_file"},
		{Config{Folder: "x", Customers: map[string]*Customer{"a": {TokenFile: "short"}}}, "customers.a.token_file"},
		{Config{Folder: "x", Customers: map[string]*Customer{"a": {TokenFile: "a"}}, BackupRole: "third"}, "backup_role"},
		{Config{Folder: "x", Customers: map[string]*Customer{"a": {TokenFile: "a"}}, Limits: Limits{Results: -1}}, "limits.results"},
	} {
		err := c.config.Validate(dir)
		if ce, ok := err.(*exporters.ConfigError); !ok || ce.Key != c.key || ce.Cure == "" {
			t.Errorf("%s: %v", c.key, err)
		}
	}
	twice := Config{Folder: "x", Customers: map[string]*Customer{"a": {TokenFile: "a"}, "b": {TokenFile: "b"}}}
	if err := twice.Validate(dir); err == nil || strings.Contains(err.Error(), dupontToken) {
		t.Errorf("one token for two: %v", err)
	}
}

// A folder that cannot be written is told by the source, before anybody reports and
// after; a check writes nothing.
func TestAFolderThatCannotBeWrittenIsTold(t *testing.T) {
	b := newBench(t, Limits{})
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.config.Folder = filepath.Join(inTheWay, "push")
	s, err := New(b.config, exporters.SourceOptions{Now: b.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "no result can be kept") || !strings.Contains(err.Error(), "/var/lib/backup_exporter/push") {
		t.Errorf("nothing can be kept: %v", err)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	s.OnlyRead()
	if _, err := s.Fetch(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(inTheWay); !os.IsNotExist(err) {
		t.Errorf("a check made the folder: %v", err)
	}
	s.onlyRead = false
	if _, err := s.Fetch(t.Context()); err != nil {
		t.Errorf("it can be written now: %v", err)
	}
	if left, err := os.ReadDir(b.config.Folder); err != nil || len(left) != 0 {
		t.Errorf("left in the folder: %v %v", left, err)
	}
}
