package receiver_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vigie/receiver"
	"vigie/receiver/alertmanager"
	"vigie/receiver/evidence"
	"vigie/receiver/smtpsink"
	"vigie/receiver/store"
	"vigie/receiver/token"
	"vigie/receiver/web"
	"vigie/receiver/webhook"
	"vigie/rules/model"
)

const (
	hookToken = "token-of-alertmanager-0001"
	adm1Token = "token-of-adm1-0000000000001"
	adm2Token = "token-of-adm2-0000000000002"
)

// asShipped is the filter of the shipped examples: alerts and the watchdog go to
// two receivers.
const asShipped = "^vigie(-watchdog)?$"

// monday is a service day; the test policy is open at all hours.
var monday = time.Date(2026, 3, 9, 7, 10, 0, 0, time.FixedZone("CET", 3600))

// clock is the only clock of a rig.
type clock struct {
	mu   sync.Mutex
	t    time.Time
	real bool // it is the machine's
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real {
		return time.Now()
	}
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// rig is a whole receiver: real store, real HTTP, real SMTP, its own clock.
type rig struct {
	*clock
	t      testing.TB
	dir    string
	db     *store.Store
	engine *receiver.Engine
	site   *httptest.Server
	sink   *smtpsink.Server
	prom   *prom
	peers  []*peer
	ams    []string // real Alertmanagers' addresses
	fails  bool     // what the log says is expected to be bad
	relay  string   // the mail relay's address, when it is not the sink
	// stalled is when the engine counts as ill; its default when 0.
	stalled time.Duration
	// edits replace words of the policy, tune changes what the engine takes of it before that is used.
	edits []string
	tune  func(*receiver.Reloadable)
	// configure changes the configuration before the engine reads it.
	configure  func(*receiver.Config)
	reloadable receiver.Reloadable
	// database is where everything is kept; a file of the rig's own when empty.
	database string
}

func newRig(t testing.TB, peers int, options ...func(*rig)) *rig {
	t.Helper()
	r := &rig{clock: &clock{t: monday}, t: t, dir: t.TempDir(), prom: newProm(t)}
	for _, o := range options {
		o(r)
	}
	sink, err := smtpsink.Start(t.Context(), smtpsink.Options{Now: r.now, MaxMessages: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	r.sink = sink
	t.Cleanup(func() { sink.Close() })
	for range peers {
		r.peers = append(r.peers, newPeer(t, r.clock))
	}
	r.start()
	t.Cleanup(r.stop)
	return r
}

// start brings the receiver up on the rig's folder, as after a restart.
func (r *rig) start() {
	r.t.Helper()
	setup, err := receiver.Load(r.config())
	if err != nil {
		r.t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(cmp.Or(r.relay, r.sink.Addr()))
	setup.Config.Mail.Relay.Host = host
	setup.Config.Mail.Relay.Port, _ = strconv.Atoi(port)
	if r.configure != nil {
		r.configure(setup.Config)
	}
	reloadable, err := setup.Reloadable()
	if err != nil {
		r.t.Fatal(err)
	}
	if reloadable.Evidence, err = evidence.New(evidence.Options{URL: r.prom.URL}); err != nil {
		r.t.Fatal(err)
	}
	for i, p := range r.peers {
		u, _ := url.Parse(p.URL)
		reloadable.Alertmanagers = append(reloadable.Alertmanagers, alertmanager.New(alertmanager.Options{Name: fmt.Sprintf("am%d", i), URL: u, HTTP: http.DefaultClient, Receiver: asShipped}))
	}
	for i, am := range r.ams {
		u, _ := url.Parse(am)
		reloadable.Alertmanagers = append(reloadable.Alertmanagers, alertmanager.New(alertmanager.Options{Name: fmt.Sprintf("real%d", i), URL: u, HTTP: http.DefaultClient, Receiver: asShipped}))
	}
	if r.tune != nil {
		r.tune(&reloadable)
	}
	r.reloadable = reloadable
	if r.db, err = (store.Options{Ballast: 1 << 20}).Open(r.t.Context(), cmp.Or(r.database, filepath.Join(r.dir, "vigie.db"))); err != nil {
		r.t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	r.engine, err = receiver.New(r.t.Context(), receiver.Options{Store: r.db, Registry: registry, Logger: log, Now: r.now, Stalled: r.stalled}, reloadable)
	if err != nil {
		r.t.Fatal(err)
	}
	hooks, people := r.tokens()
	hook := webhook.New(webhook.Options{Receive: r.engine.Receive, Hurry: r.engine.Hurry, Registry: registry, Logger: log, Now: r.now,
		Authorized: func(token string) bool { _, ok := hooks.Owner(token); return ok }})
	r.site = httptest.NewServer(web.New(web.Options{Engine: r.engine, Webhook: hook, Person: people.Owner, Logger: log, Now: r.now,
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		Reload:  func(ctx context.Context) error { return r.engine.Reload(ctx, reloadable) }}))
}

// config is the test configuration, with the rig's edits of its policy.
func (r *rig) config() string {
	r.t.Helper()
	if len(r.edits) == 0 {
		return "testdata/vigie.yml"
	}
	dir := filepath.Join(r.dir, "config")
	if _, err := os.Stat(dir); err == nil {
		return filepath.Join(dir, "vigie.yml")
	}
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		r.t.Fatal(err)
	}
	policy := filepath.Join(dir, "policy/policy.yml")
	text, err := os.ReadFile(policy)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(policy, []byte(strings.NewReplacer(r.edits...).Replace(string(text))), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return filepath.Join(dir, "vigie.yml")
}

func (r *rig) tokens() (hooks, people *receiver.Tokens) {
	r.t.Helper()
	file := filepath.Join(r.dir, "tokens")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	write(hookToken + "\n")
	hooks, err := token.ReadBearers(file)
	if err != nil {
		r.t.Fatal(err)
	}
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	write("# who\nadm1 " + sum(adm1Token) + "\nadm2 " + sum(adm2Token) + " # both\n")
	if people, err = token.ReadPersons(file); err != nil {
		r.t.Fatal(err)
	}
	return hooks, people
}

func (r *rig) stop() {
	r.site.Close()
	if err := r.db.Close(); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) restart() { r.stop(); r.start() }

// pass lets time run, second by second as the loops would see it.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	end := r.now().Add(d)
	for {
		r.turn()
		next := r.now().Add(time.Second)
		if next.After(end) {
			return
		}
		r.set(next)
	}
}

// turn is one turn of every loop.
func (r *rig) turn() {
	r.t.Helper()
	ctx := r.t.Context()
	steps := []func(context.Context) error{r.engine.Watch, r.engine.Correlate, r.engine.Tick, r.engine.AskDue, r.engine.Deliver, r.engine.CallOut, r.engine.Beat}
	if r.now().Second() == 0 {
		steps = append([]func(context.Context) error{r.engine.Reconcile}, steps...)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil && !r.fails {
			r.t.Fatal(err)
		}
	}
}

// alert is one alert of a delivery.
type alert map[string]string

func backup(customer, machine, role string) alert {
	engine := map[string]string{"primary": "acronis", "local": "veeam"}[role]
	return alert{"alertname": "BackupFailed", "customer": customer, "machine": machine, "machine_class": "server",
		"backup_role": role, "engine": engine, "plan": "daily", "source": engine + "-1", "job_id": customer + "/" + machine + "/" + role, "kind": "failed"}
}

func delivery(status string, starts, ends time.Time, alerts ...alert) []byte {
	type one struct {
		Status      string            `json:"status"`
		Labels      alert             `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		StartsAt    time.Time         `json:"startsAt"`
		EndsAt      time.Time         `json:"endsAt"`
		Fingerprint string            `json:"fingerprint"`
	}
	var all []one
	for _, a := range alerts {
		all = append(all, one{status, a, map[string]string{"summary": "the backup failed"}, starts, ends, ""})
	}
	b, err := json.Marshal(map[string]any{"version": "4", "status": status, "groupKey": "{}", "alerts": all, "truncatedAlerts": 0, "somethingNew": []int{1}})
	if err != nil {
		panic(err)
	}
	return b
}

// fires posts alerts that fire since now.
func (r *rig) fires(alerts ...alert) {
	r.t.Helper()
	r.post(http.StatusOK, delivery("firing", r.now(), time.Time{}, alerts...))
}

func (r *rig) clears(alerts ...alert) {
	r.t.Helper()
	r.post(http.StatusOK, delivery("resolved", r.now().Add(-time.Hour), r.now(), alerts...))
}

func (r *rig) post(want int, body []byte) string {
	r.t.Helper()
	code, text := r.request(http.MethodPost, "/api/v1/alertmanager", hookToken, body)
	if code != want {
		r.t.Fatalf("webhook answered %d, want %d: %s", code, want, text)
	}
	return text
}

func (r *rig) request(method, path, token string, body []byte) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.site.URL+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := hc.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (r *rig) get(path string, v any) {
	r.t.Helper()
	code, text := r.request(http.MethodGet, path, adm1Token, nil)
	if code != http.StatusOK {
		r.t.Fatalf("GET %s: %d %s", path, code, text)
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) act(want int, token, id, verb string, fields map[string]string) string {
	r.t.Helper()
	b, err := json.Marshal(map[string]any{"verb": verb, "fields": fields})
	if err != nil {
		r.t.Fatal(err)
	}
	code, text := r.request(http.MethodPost, "/api/v1/incidents/"+id+"/acts", token, b)
	if code != want {
		r.t.Fatalf("%s %s: %d, want %d: %s", verb, id, code, want, text)
	}
	return text
}

func (r *rig) incidents(query string) []receiver.Summary {
	r.t.Helper()
	var list []receiver.Summary
	r.get("/api/v1/incidents?"+query, &list)
	return list
}

// the returns the only incident that a query finds.
func (r *rig) the(query string) receiver.Summary {
	r.t.Helper()
	list := r.incidents(query)
	if len(list) != 1 {
		r.t.Fatalf("%d incidents for %q, want 1: %+v", len(list), query, list)
	}
	return list[0]
}

func (r *rig) state(id string, want model.State) {
	r.t.Helper()
	var i receiver.Summary
	r.get("/api/v1/incidents/"+id, &i)
	if i.State != want {
		r.t.Fatalf("incident %s is %s, want %s", id, i.State, want)
	}
}

// metric returns a metric's value; a missing one is -1.
func (r *rig) metric(name string) float64 {
	r.t.Helper()
	_, text := r.request(http.MethodGet, "/metrics", "", nil)
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				r.t.Fatal(err)
			}
			return v
		}
	}
	return -1
}

// mails returns the transmissions whose X-Vigie-Step is one of these.
func (r *rig) mails(steps ...string) []smtpsink.Message {
	var out []smtpsink.Message
	for _, m := range r.sink.Messages() {
		for _, s := range steps {
			if m.Header("X-Vigie-Step") == s {
				out = append(out, m)
			}
		}
	}
	return out
}

// prom answers instant queries from a set of series, as Prometheus would: a
// name or a {…} selector, and of the past nothing.
type prom struct {
	*httptest.Server
	mu     sync.Mutex
	series map[string]float64
	broken bool
	asked  int
}

func newProm(t testing.TB) *prom {
	p := &prom{series: map[string]float64{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *prom) set(name string, l map[string]string, v float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := model.Labels(l).Clone()
	all["__name__"] = name
	b, _ := json.Marshal(all)
	p.series[string(b)] = v
}

func (p *prom) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.broken {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/query_range") { // it keeps no past
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": []any{}}})
		return
	}
	query := r.FormValue("query")
	name, rest, _ := strings.Cut(query, "{")
	ms, err := labels.ParseMatchers("{" + rest)
	if err != nil {
		http.Error(w, fmt.Sprintf(`{"status":"error","errorType":"bad_data","error":%q}`, err), http.StatusBadRequest)
		return
	}
	result := []any{}
	for text, v := range p.series {
		var l map[string]string
		_ = json.Unmarshal([]byte(text), &l)
		ok := name == "" || l["__name__"] == name
		for _, m := range ms {
			ok = ok && m.Matches(l[m.Name])
		}
		if ok {
			result = append(result, map[string]any{"metric": l, "value": []any{0, strconv.FormatFloat(v, 'f', -1, 64)}})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": result}})
}

// job puts a backup's series into Prometheus.
func (p *prom) job(a alert, result float64, lastRun, lastSuccess time.Time, now time.Time) {
	ids := map[string]string{"source": a["source"], "customer": a["customer"], "job_id": a["job_id"]}
	info := map[string]string{}
	for _, k := range []string{"source", "customer", "job_id", "machine", "machine_class", "backup_role", "engine", "plan"} {
		info[k] = a[k]
	}
	p.set("backup_job_info", info, 1)
	p.set("backup_job_last_result", ids, result)
	p.set("backup_job_last_run_timestamp_seconds", ids, float64(lastRun.Unix()))
	if !lastSuccess.IsZero() {
		p.set("backup_job_last_success_timestamp_seconds", ids, float64(lastSuccess.Unix()))
	}
	p.set("backup_job_expected_interval_seconds", ids, 86400)
	p.source(a["source"], 1, now)
}

func (p *prom) source(name string, up float64, refreshed time.Time) {
	p.set("backup_source_up", map[string]string{"source": name}, up)
	p.set("backup_source_last_refresh_timestamp_seconds", map[string]string{"source": name}, float64(refreshed.Unix()))
}

// peer answers as one Alertmanager's API v2 does.
type peer struct {
	*httptest.Server
	clock    *clock
	mu       sync.Mutex
	started  time.Time
	alerts   []alert
	silences []map[string]any
	silenced map[string][]string
	// inhibited and muted are the fingerprints of alerts that it keeps back.
	inhibited map[string][]string
	muted     map[string][]string
	// name is its own in the cluster of these members; empty when it runs alone.
	name    string
	members []string
	broken  bool
	refuses bool // to take a silence
	made    int
}

func newPeer(t testing.TB, c *clock) *peer {
	p := &peer{clock: c, started: monday.Add(-24 * time.Hour), silenced: map[string][]string{}}
	p.alerts = []alert{{"alertname": "Watchdog"}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *peer) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	var v any
	switch r.URL.Path {
	case "/api/v2/status":
		v = map[string]any{"uptime": p.started, "config": map[string]string{"original": ""}, "cluster": p.cluster(),
			"versionInfo": map[string]string{"version": "0.31.1", "branch": "", "buildDate": "", "buildUser": "", "goVersion": "", "revision": ""}}
	case "/api/v2/alerts", "/api/v2/alerts/groups":
		ours, err := regexp.Compile("^(?:" + r.URL.Query().Get("receiver") + ")$")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if !r.URL.Query().Has("receiver") {
			ours = regexp.MustCompile("")
		}
		v = p.list(ours, strings.HasSuffix(r.URL.Path, "groups"))
	case "/api/v2/silences":
		if r.Method == http.MethodPost {
			if v = p.take(w, r); v == nil {
				return
			}
			break
		}
		v = append([]map[string]any{}, p.silences...)
	default:
		id, one := strings.CutPrefix(r.URL.Path, "/api/v2/silence/")
		if !one || r.Method != http.MethodDelete {
			http.NotFound(w, r)
			return
		}
		p.silences = slices.DeleteFunc(p.silences, func(s map[string]any) bool { return s["id"] == id })
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// list is what goes to the receivers that are asked for, as strictly as the real
// one: one by one, where nothing tells of muting, or in groups.
func (p *peer) list(ours *regexp.Regexp, groups bool) []any {
	list := []any{}
	for _, a := range p.alerts {
		to := "vigie"
		if a["alertname"] == "Watchdog" {
			to = "vigie-watchdog"
		}
		if !ours.MatchString(to) {
			continue
		}
		fp := alertmanager.Fingerprint(a)
		status := map[string]any{"state": "active", "silencedBy": append([]string{}, p.silenced[fp]...), "inhibitedBy": append([]string{}, p.inhibited[fp]...), "mutedBy": []string{}}
		if len(p.silenced[fp])+len(p.inhibited[fp]) > 0 {
			status["state"] = "suppressed"
		}
		one := map[string]any{"labels": a, "annotations": map[string]string{}, "fingerprint": fp, "receivers": []any{map[string]string{"name": to}},
			"startsAt": monday, "endsAt": p.clock.now().Add(5 * time.Minute), "updatedAt": p.clock.now(), "status": status}
		if groups {
			status["mutedBy"] = append([]string{}, p.muted[fp]...)
			list = append(list, map[string]any{"labels": map[string]string{}, "receiver": map[string]string{"name": to}, "alerts": []any{one}})
			continue
		}
		list = append(list, one)
	}
	return list
}

func (p *peer) cluster() map[string]any {
	if p.name == "" {
		return map[string]any{"status": "disabled", "peers": []any{}}
	}
	members := []any{}
	for _, m := range p.members {
		members = append(members, map[string]string{"name": m, "address": "127.0.0.1:9094"})
	}
	return map[string]any{"status": "ready", "name": p.name, "peers": members}
}

// take keeps a silence that is posted, or one that is changed.
func (p *peer) take(w http.ResponseWriter, r *http.Request) any {
	var s map[string]any
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil || p.refuses {
		http.Error(w, `"no room for it"`, http.StatusInternalServerError)
		return nil
	}
	if id, _ := s["id"].(string); id != "" {
		p.silences = slices.DeleteFunc(p.silences, func(old map[string]any) bool { return old["id"] == id })
	} else {
		p.made++
		s["id"] = fmt.Sprintf("00000000-0000-4000-8000-%012d", p.made)
	}
	s["updatedAt"], s["status"] = p.clock.now(), map[string]string{"state": "active"}
	p.silences = append(p.silences, s)
	return map[string]any{"silenceID": s["id"]}
}

func silence(id, by, machine string, starts, ends time.Time) map[string]any {
	return map[string]any{"id": id, "createdBy": by, "comment": "disk being replaced", "startsAt": starts, "endsAt": ends, "updatedAt": starts,
		"status":   map[string]string{"state": "active"},
		"matchers": []any{map[string]any{"name": "machine", "value": machine, "isRegex": false, "isEqual": true}}}
}
