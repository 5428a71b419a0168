package receiver_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
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
	"vigie/receiver/notify"
	"vigie/receiver/smtpsink"
	"vigie/receiver/store"
	"vigie/receiver/store/pg"
	"vigie/receiver/token"
	"vigie/receiver/web"
	"vigie/receiver/webhook"
	"vigie/rules/availability"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/story"
)

// theatre is a whole receiver that lives in the world of a story.
type theatre struct {
	*clock
	t   *testing.T
	dir string
	// address is that of a database on a server; a file of the theatre's own when empty.
	address    string
	reloadable receiver.Reloadable
	stage      *story.Stage
	engine     *receiver.Engine
	db         *store.Store
	sql        *sql.DB // looks at the database from outside
	site       *httptest.Server
	sink       *smtpsink.Server
	tokens     map[string]string // by person

	mu      sync.Mutex // guards what the stand-ins for Alertmanager and Prometheus say
	samples []sample
	firing  []story.Alert
	silent  []incident.Silence
	deaf    time.Time
	queued  []story.Alert // what Alertmanager could not post, the latest of each
	queue   bool
	down    time.Time
	refused map[string]smtpsink.Reply

	sealed  map[string]bool // messages that are accounted for
	lacking []*letter       // left, but not accepted by everybody
	letters []*letter       // accepted by everybody
	reports int
	lines   []string
}

// letter is one message of the outbox.
type letter struct {
	id      string
	notes   []incident.Notification
	parts   []string // the messages whose transmissions made it complete
	refused bool
	at      time.Time
}

func newTheatre(t *testing.T, setup receiver.Setup, words receiver.Render, tale *story.Story) *theatre {
	t.Helper()
	h := prepareTheatre(t, setup, words, tale)
	h.open()
	return h
}

// prepareTheatre is a theatre whose receiver does not run yet.
func prepareTheatre(t *testing.T, setup receiver.Setup, words receiver.Render, tale *story.Story) *theatre {
	t.Helper()
	stage, err := story.NewStage(setup.Book, tale)
	if err != nil {
		t.Fatal(err)
	}
	h := &theatre{clock: &clock{t: stage.Start()}, t: t, dir: t.TempDir(), stage: stage, tokens: map[string]string{},
		sealed: map[string]bool{}, refused: map[string]smtpsink.Reply{}}
	if h.sink, err = smtpsink.Start(t.Context(), smtpsink.Options{MaxMessages: 100_000, Now: h.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.sink.Close() })
	peers := httptest.NewServer(http.HandlerFunc(h.serveAlertmanager))
	t.Cleanup(peers.Close)
	source := httptest.NewServer(http.HandlerFunc(h.servePrometheus))
	t.Cleanup(source.Close)
	h.configure(setup, words, peers.URL, source.URL)
	return h
}

// configure makes what the engine takes of the shipped configuration, with the
// servers of this theatre, and takes the pauses out of it that a story does not
// tell of: it notices at the next full minute what ended under a silence, and
// mail leaves the moment its server is back.
func (h *theatre) configure(setup receiver.Setup, words receiver.Render, peer, source string) {
	h.t.Helper()
	c := setup.Config
	from, err := notify.ParseAddress(c.Mail.From)
	if err != nil {
		h.t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(h.sink.Addr())
	relay := notify.MailRelay{Host: host, TLS: "none"}
	relay.Port, _ = strconv.Atoi(port)
	mail, err := notify.NewMail(notify.MailConfig{Hello: c.Mail.Hello, Relay: relay})
	if err != nil {
		h.t.Fatal(err)
	}
	asked, err := evidence.New(evidence.Options{URL: source})
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := url.Parse(peer)
	if err != nil {
		h.t.Fatal(err)
	}
	_, domain, _ := strings.Cut(from.Addr, "@")
	h.reloadable = receiver.Reloadable{Book: setup.Book, Render: words, Channel: mail, Sender: receiver.Sender{From: from}, Domain: domain, Evidence: asked,
		Alertmanagers: []*alertmanager.Client{alertmanager.New(alertmanager.Options{Name: "main", URL: u, HTTP: http.DefaultClient, Receiver: c.Alertmanagers[0].Receiver})},
		Timings:       receiver.Timings{AbsentFor: -1, RetryFirst: time.Second, RetryMost: time.Second}}
}

// database is the receiver's file.
func (h *theatre) database() string { return filepath.Join(h.dir, "vigie.db") }

func (h *theatre) open() {
	h.t.Helper()
	t, dir, path := h.t, h.dir, h.database()
	var err error
	if h.db, err = store.Open(t.Context(), cmp.Or(h.address, path)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.db.Close() })
	driver, source := "sqlite3", "file:"+path+"?_busy_timeout=5000"
	if h.address != "" {
		driver, source = "pgx", h.address
	}
	if h.sql, err = sql.Open(driver, source); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.sql.Close() })
	registry := prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	if h.engine, err = receiver.New(t.Context(), receiver.Options{Store: h.db, Registry: registry, Logger: log, Now: h.now}, h.reloadable); err != nil {
		t.Fatal(err)
	}
	if h.address != "" {
		t.Cleanup(leads(t, h.engine))
	}
	hooks, people := h.secrets(dir)
	hook := webhook.New(webhook.Options{Receive: h.engine.Receive, Hurry: h.engine.Hurry, Registry: registry, Logger: log, Now: h.now,
		Authorized: func(token string) bool { _, ok := hooks.Owner(token); return ok }})
	h.site = httptest.NewServer(web.New(web.Options{Engine: h.engine, Webhook: hook, Person: people.Owner, Logger: log, Now: h.now,
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		Reload:  func(ctx context.Context) error { return h.engine.Reload(ctx, h.reloadable) }}))
	t.Cleanup(h.site.Close)
}

// secrets gives everybody of the inventory a token.
func (h *theatre) secrets(dir string) (hooks, people *receiver.Tokens) {
	h.t.Helper()
	var text strings.Builder
	for id := range h.stage.Book().Directory.People {
		token := fmt.Sprintf("token-of-%s-%x", id, sha256.Sum256([]byte(dir+id)))
		sum := sha256.Sum256([]byte(token))
		h.tokens[id] = token
		fmt.Fprintln(&text, id, hex.EncodeToString(sum[:]))
	}
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
		return file
	}
	var err error
	if hooks, err = token.ReadBearers(write("webhook.token", hookToken+"\n")); err != nil {
		h.t.Fatal(err)
	}
	if people, err = token.ReadPersons(write("tokens", text.String())); err != nil {
		h.t.Fatal(err)
	}
	return hooks, people
}

// play goes from instant to instant at which anything is due and returns what
// came of it.
func (h *theatre) play() []string {
	h.t.Helper()
	h.playUntil(h.stage.Until())
	h.mails()
	h.journal()
	return h.lines
}

func (h *theatre) playUntil(end time.Time) {
	h.t.Helper()
	for {
		at := h.next()
		if at.IsZero() || at.After(end) {
			break
		}
		h.settle(at)
		h.set(at)
		h.instant()
	}
}

// next is the earliest instant at which something happens outside or is due
// inside. Questions to Prometheus whose answer has not changed change nothing,
// so that no instant is visited for them.
func (h *theatre) next() time.Time {
	h.t.Helper()
	var first time.Time
	consider := func(at time.Time) {
		if up := at.Truncate(time.Second); !up.Equal(at) {
			at = up.Add(time.Second)
		}
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	consider(h.stage.Next())
	consider(h.stage.Minute())
	if h.queue {
		consider(h.deaf)
	}
	for _, q := range []string{
		`SELECT MIN(wake_at) FROM incident`, `SELECT MIN(again_at) FROM ignored`, `SELECT MIN(hold_until) FROM notification WHERE message = ''`,
	} {
		consider(h.instantOf(q))
	}
	if at := h.instantOf(`SELECT MIN(next_at) FROM transmission`); !at.IsZero() {
		if at.Before(h.down) {
			at = h.down
		}
		consider(at)
	}
	if first.Before(h.now()) && !first.IsZero() {
		h.t.Fatalf("%s: something was due at %s and is not done", stamp(h.now()), stamp(first))
	}
	return first
}

// text is a question as the database takes it.
func (h *theatre) text(query string) string {
	if h.address == "" {
		return query
	}
	return new(pg.Bindings).Text(query)
}

func (h *theatre) instantOf(query string, args ...any) time.Time {
	h.t.Helper()
	var n sql.NullInt64
	if err := h.sql.QueryRow(h.text(query), args...).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}

// due reports whether the receiver has something to do at this instant.
func (h *theatre) due(query string) bool {
	at := h.instantOf(query)
	return !at.IsZero() && !at.After(h.now())
}

// instant lets the story's events happen in their order, then reconciliation if
// it is its minute, then what is due.
func (h *theatre) instant() {
	h.t.Helper()
	h.mailServer()
	for h.stage.Next().Equal(h.now()) {
		n, err := h.stage.Happen()
		if err != nil {
			h.t.Fatal(err)
		}
		h.show()
		h.happen(n)
		h.ask()
	}
	h.show()
	if h.queue && !h.now().Before(h.deaf) {
		h.catchUp()
	}
	if h.stage.Minute().Equal(h.now()) {
		h.reconcile()
	}
	const most = 200
	for turn := 0; ; turn++ {
		if turn == most {
			h.t.Fatalf("%s: the receiver does not come to rest", stamp(h.now()))
		}
		h.run(h.engine.Correlate)
		h.run(h.engine.Deliver)
		h.run(h.engine.Tick)
		h.ask()
		if !h.due(`SELECT MIN(wake_at) FROM incident`) && !h.due(`SELECT MIN(hold_until) FROM notification WHERE message = ''`) {
			break
		}
	}
	h.run(h.engine.Correlate)
	h.account()
}

func (h *theatre) run(step func(context.Context) error) {
	h.t.Helper()
	if err := step(h.t.Context()); err != nil {
		h.t.Fatalf("%s: %v", stamp(h.now()), err)
	}
}

// ask has the receiver ask what it needs to know now.
func (h *theatre) ask() {
	h.t.Helper()
	const most = 10
	for turn := 0; h.due(`SELECT MIN(ask_at) FROM incident`); turn++ {
		if turn == most {
			h.t.Fatalf("%s: the receiver keeps asking", stamp(h.now()))
		}
		h.run(h.engine.AskDue)
	}
}

// settle has the receiver repeat, at the full minute before the next instant,
// the questions whose time came since the last one: nothing has changed outside,
// and nothing may come of them. One that falls on the instant itself waits for
// its full minute, as the story has it.
func (h *theatre) settle(next time.Time) {
	h.t.Helper()
	if before := next.Add(-1).Truncate(time.Minute); before.After(h.now()) {
		h.set(before)
		h.show()
		h.ask()
	}
	h.exec(`UPDATE incident SET ask_at = ? WHERE ask_at <= ?`, next.Add(time.Second).UnixNano(), next.UnixNano())
}

func (h *theatre) exec(query string, args ...any) {
	h.t.Helper()
	if _, err := h.sql.Exec(h.text(query), args...); err != nil {
		h.t.Fatal(err)
	}
}

// show renews what the stand-ins for Prometheus and Alertmanager answer.
func (h *theatre) show() {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.samples = samples(h.jobs(h.stage.Plans()), h.stage.Start().Add(-24*time.Hour), now)
	h.firing, h.silent = h.stage.Firing(now), h.stage.Silences(now)
	for i := range h.firing {
		h.job(h.firing[i].Labels)
	}
}

func (h *theatre) jobs(plans []story.Plan) []story.Plan {
	for i := range plans {
		plans[i].Labels = plans[i].Labels.Clone()
		h.job(plans[i].Labels)
	}
	return plans
}

// job gives a plan that a story names alike on several machines an id of its
// own on each, as a product does.
func (h *theatre) job(l model.Labels) {
	machine, id := l[model.LabelMachine], l[model.LabelJobID]
	if machine == "" || id == "" || id != l[model.LabelPlan] {
		return
	}
	if known := h.stage.Book().Directory.Canonical(l[model.LabelCustomer], l[model.LabelSource], machine, id); known != nil {
		machine = known.Name
	}
	l[model.LabelJobID] = machine + "/" + id
}

func (h *theatre) happen(n story.News) {
	h.t.Helper()
	switch {
	case len(n.Alerts) > 0:
		for _, a := range n.Alerts {
			h.job(a.Labels)
		}
		h.alerts(n.Alerts)
	case n.Act != nil:
		h.act(n)
	case n.Report != nil:
		h.report(n.Report)
	case n.Inventory:
		h.reloadable.Book = h.stage.Book()
		if err := h.engine.Reload(h.t.Context(), h.reloadable); err != nil {
			h.t.Fatal(err)
		}
		h.run(h.engine.Tick)
	case n.Refuses != "":
		h.refused[strings.ToLower(n.Refuses)] = smtpsink.Reply{Code: 550, Text: "no such mailbox"}
		h.mailServer()
	case !n.MailDownUntil.IsZero():
		h.down = n.MailDownUntil
		h.mailServer()
	case !n.DeafUntil.IsZero():
		h.mu.Lock()
		h.deaf, h.queue = n.DeafUntil, true
		h.mu.Unlock()
	}
}

// mailServer brings the mail server into the state that the story wants.
func (h *theatre) mailServer() {
	h.t.Helper()
	if err := h.sink.SetFaults(smtpsink.Faults{Down: h.now().Before(h.down), Recipients: h.refused}); err != nil {
		h.t.Fatal(err)
	}
}

// alerts is Alertmanager's way with news: posted at once, kept while the
// receiver cannot be reached, not told at all under a silence.
func (h *theatre) alerts(news []story.Alert) {
	h.t.Helper()
	var post []story.Alert
	for _, a := range news {
		switch {
		case h.now().Before(h.deaf):
			h.queued = slices.DeleteFunc(h.queued, func(q story.Alert) bool { return q.Labels.String() == a.Labels.String() })
			h.queued = append(h.queued, a)
		case len(a.SilencedBy) > 0:
			h.stage.NoticeAt(h.now())
		default:
			post = append(post, a)
		}
	}
	h.webhook(post)
}

func (h *theatre) catchUp() {
	h.t.Helper()
	queued := h.queued
	h.queue, h.queued = false, nil
	for i := range queued {
		for _, f := range h.firing {
			if f.Labels.String() == queued[i].Labels.String() {
				queued[i] = f // with the silences of now
			}
		}
	}
	h.alerts(queued)
	h.ask()
}

// webhook posts one delivery, after the watchdog's.
func (h *theatre) webhook(news []story.Alert) {
	h.t.Helper()
	if len(news) == 0 {
		return
	}
	now := h.now()
	one := func(a story.Alert) map[string]any {
		status, ends := "firing", time.Time{}
		if !a.Firing {
			status, ends = "resolved", now
		}
		annotations := a.Annotations
		if annotations == nil {
			annotations = map[string]string{}
		}
		return map[string]any{"status": status, "labels": a.Labels, "annotations": annotations, "startsAt": a.StartsAt, "endsAt": ends,
			"generatorURL": "", "fingerprint": alertmanager.Fingerprint(a.Labels)}
	}
	var all []any
	for _, a := range news {
		all = append(all, one(a))
	}
	h.post([]any{one(h.watchdog())}) // it goes in a group of its own
	h.engine.ProveAlive(now)
	h.post(all)
}

func (h *theatre) post(alerts []any) {
	h.t.Helper()
	code, text := h.request(http.MethodPost, "/api/v1/alertmanager", hookToken, map[string]any{
		"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "vigie",
		"groupLabels": map[string]string{}, "commonLabels": map[string]string{}, "commonAnnotations": map[string]string{},
		"externalURL": "http://127.0.0.1:9093", "alerts": alerts})
	if code != http.StatusOK {
		h.t.Fatalf("%s: webhook answered %d: %s", stamp(h.now()), code, text)
	}
}

func (h *theatre) watchdog() story.Alert {
	return story.Alert{Labels: model.Labels{model.LabelAlertname: "Watchdog"}, StartsAt: h.stage.Start().Add(-24 * time.Hour), Firing: true}
}

// reconcile is the look of a full minute at Alertmanager, and at Prometheus for
// machines of which it answers differently now. When within the minute a poll
// falls is arbitrary; a story has it fall on the full minute.
func (h *theatre) reconcile() {
	h.t.Helper()
	machines := h.stage.Reconciled(h.now())
	if !h.now().Before(h.deaf) {
		h.run(h.engine.Reconcile)
		h.ask()
	}
	for _, m := range machines {
		h.exec(`UPDATE incident SET ask_at = ? WHERE ask_at > ? AND open = 1 AND customer = ? AND machine = ?`,
			h.now().UnixNano(), h.now().UnixNano(), m.Customer, m.Name)
	}
	h.ask()
	h.run(h.engine.Measure)
}

func (h *theatre) act(n story.News) {
	h.t.Helper()
	id := h.find(n)
	a := n.Act
	if a.External {
		// The customer's own answer comes by a link or by mail, not with a token.
		if _, err := h.engine.Act(h.t.Context(), id, a.Act); err != nil {
			h.lines = append(h.lines, refusedLine(h.now(), receiver.Status(err)))
		}
		return
	}
	h.refusal(h.request(http.MethodPost, "/api/v1/incidents/"+id+"/acts", h.tokens[a.By],
		map[string]any{"verb": a.Verb, "fields": a.Fields, "force": a.Force}))
}

// find looks up the incident that an act is about, as a person would.
func (h *theatre) find(n story.News) string {
	h.t.Helper()
	look := func(query string) (found []receiver.Summary) {
		code, text := h.request(http.MethodGet, "/api/v1/incidents?limit=10000"+query, h.tokens[n.Act.By], nil)
		var all []receiver.Summary
		if err := json.Unmarshal([]byte(text), &all); err != nil || code != http.StatusOK {
			h.t.Fatalf("incidents: %d %s: %v", code, text, err)
		}
		for _, s := range all {
			if n.Act.Selects(&s.Incident) {
				found = append(found, s)
			}
		}
		return found
	}
	found := look("")
	if len(found) == 0 && n.Act.Verb == "reopen" {
		if found = look("&ended=true"); len(found) > 1 {
			found = found[:1] // the newest
		}
	}
	if len(found) != 1 {
		h.t.Fatalf("line %d at %s: the act is about %d incidents of the receiver", n.Line.Line, stamp(h.now()), len(found))
	}
	return found[0].ID
}

func (h *theatre) report(r *story.Report) {
	h.t.Helper()
	h.reports++
	body := map[string]any{"kind": r.Kind, "platform": r.Platform, "by": r.By, "severity": r.Severity, "text": r.Text, "means": r.Means,
		"id": fmt.Sprintf("r%d", h.reports)}
	if !r.ReceivedAt.IsZero() {
		body["received_at"] = r.ReceivedAt
	}
	var typist string // whoever writes it down
	if known := h.stage.Book().Directory.Person(r.By); known != nil {
		typist = known.ID
	}
	if h.tokens[typist] == "" {
		typist = h.stage.Book().Staff()[0]
	}
	h.refusal(h.request(http.MethodPost, "/api/v1/signals", h.tokens[typist], body))
}

// refusal notes what a person is told who asked for something impossible.
func (h *theatre) refusal(code int, text string) {
	h.t.Helper()
	if code == http.StatusOK {
		return
	}
	var problem struct{ Error string }
	if err := json.Unmarshal([]byte(text), &problem); err != nil || problem.Error == "" {
		h.t.Fatalf("refused with %d without a reason: %s: %v", code, text, err)
	}
	h.t.Logf("%s: refused with %d: %s", stamp(h.now()), code, problem.Error)
	h.lines = append(h.lines, refusedLine(h.now(), code))
}

func (h *theatre) request(method, path, token string, body any) (int, string) {
	h.t.Helper()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, h.site.URL+path, content)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := h.site.Client().Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// serveAlertmanager answers as Alertmanager's API v2 does.
func (h *theatre) serveAlertmanager(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if now.Before(h.deaf) {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	var v any
	switch r.URL.Path {
	case "/api/v2/status":
		v = map[string]any{"uptime": h.stage.Start().Add(-24 * time.Hour), "config": map[string]string{"original": ""}, "cluster": map[string]any{"status": "ready", "peers": []any{}},
			"versionInfo": map[string]string{"version": "0.31.1", "branch": "", "buildDate": "", "buildUser": "", "goVersion": "", "revision": ""}}
	case "/api/v2/alerts":
		list := []any{}
		for _, a := range append([]story.Alert{h.watchdog()}, h.firing...) {
			annotations, state := a.Annotations, "active"
			if annotations == nil {
				annotations = map[string]string{}
			}
			if len(a.SilencedBy) > 0 {
				state = "suppressed"
			}
			list = append(list, map[string]any{"labels": a.Labels, "annotations": annotations, "fingerprint": alertmanager.Fingerprint(a.Labels),
				"receivers": []any{map[string]string{"name": "vigie"}}, "startsAt": a.StartsAt, "endsAt": now.Add(5 * time.Minute), "updatedAt": now,
				"status": map[string]any{"state": state, "silencedBy": append([]string{}, a.SilencedBy...), "inhibitedBy": []string{}, "mutedBy": []string{}}})
		}
		v = list
	case "/api/v2/silences":
		if r.Method == http.MethodPost {
			h.takeSilence(w, r)
			return
		}
		list := []any{}
		for _, s := range h.silent {
			ms, err := model.ParseMatchers(s.Matchers)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			list = append(list, map[string]any{"id": s.ID, "createdBy": s.By, "comment": s.Comment, "startsAt": s.StartsAt, "endsAt": s.EndsAt,
				"updatedAt": s.StartsAt, "status": map[string]string{"state": "active"}, "matchers": matchersOf(ms)})
		}
		v = list
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the engine says so when it cannot read it
}

// takeSilence keeps a silence that is posted, as Alertmanager does.
func (h *theatre) takeSilence(w http.ResponseWriter, r *http.Request) {
	var posted struct {
		Matchers []struct {
			Name, Value      string
			IsRegex, IsEqual bool
		}
		StartsAt, EndsAt   time.Time
		CreatedBy, Comment string
	}
	if err := json.NewDecoder(r.Body).Decode(&posted); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := incident.Silence{By: posted.CreatedBy, Comment: posted.Comment, StartsAt: posted.StartsAt, EndsAt: posted.EndsAt}
	for _, m := range posted.Matchers {
		if m.IsRegex || !m.IsEqual {
			http.Error(w, "a story's silence names things exactly", http.StatusBadRequest)
			return
		}
		s.Matchers = append(s.Matchers, fmt.Sprintf("%s=%q", m.Name, m.Value))
	}
	id, err := h.stage.AddSilence(s, h.now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.silent = h.stage.Silences(h.now())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"silenceID": id}) // the engine says so when it cannot read it
}

// sample is one series of Prometheus and its value now.
type sample struct {
	name   string
	labels model.Labels
	value  float64
}

// servePrometheus answers instant queries that are a name or a {…} selector, and
// nothing else.
func (h *theatre) servePrometheus(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name, rest, _ := strings.Cut(r.FormValue("query"), "{")
	if strings.HasSuffix(rest, "]") {
		h.serveProbes(w, rest, r.FormValue("time"))
		return
	}
	ms, err := labels.ParseMatchers("{" + rest)
	if err != nil || r.URL.Path != "/api/v1/query" {
		http.Error(w, fmt.Sprintf(`{"status":"error","errorType":"bad_data","error":%q}`, err), http.StatusBadRequest)
		return
	}
	result := []any{}
	for _, s := range h.samples {
		fits := name == "" || name == s.name
		for _, m := range ms {
			value := s.labels[m.Name]
			if m.Name == "__name__" {
				value = s.name
			}
			fits = fits && m.Matches(value)
		}
		if fits {
			metric := s.labels.Clone()
			metric["__name__"] = s.name
			result = append(result, map[string]any{"metric": metric, "value": []any{h.now().Unix(), strconv.FormatFloat(s.value, 'f', -1, 64)}})
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": result}}) // the engine says so
}

// serveProbes answers a question for the samples of a platform's probes: one each
// ten seconds, as the story has it, and one when nobody looks any more.
func (h *theatre) serveProbes(w http.ResponseWriter, rest, asked string) {
	selector, span, _ := strings.Cut(strings.TrimSuffix(rest, "]"), "[")
	of, err := labels.ParseMatchers("{" + selector)
	length, lengthErr := time.ParseDuration(span)
	if err != nil || lengthErr != nil {
		http.Error(w, fmt.Sprintf(`{"status":"error","errorType":"bad_data","error":"%v %v"}`, err, lengthErr), http.StatusBadRequest)
		return
	}
	unix, _ := strconv.ParseFloat(asked, 64)
	until := time.Unix(int64(unix), 0)
	values := []any{}
	known := h.stage.Probed(of[0].Value, h.now())
	for at := until.Add(-length).Truncate(10 * time.Second).Add(10 * time.Second); !at.After(until); at = at.Add(10 * time.Second) {
		for i, s := range known {
			within := !at.Before(s.From) && at.Before(s.Until)
			last := at.Equal(s.Until) && i+1 < len(known) && known[i+1].State == availability.Unknown
			if (within || last) && s.State != availability.Unknown {
				values = append(values, []any{at.Unix(), map[availability.State]string{availability.Up: "1", availability.Down: "0"}[s.State]})
			}
		}
	}
	result := []any{}
	if len(values) > 0 {
		result = append(result, map[string]any{"metric": model.Labels{"platform": of[0].Value, "probe": "login"}, "values": values})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": result}}) // the engine says so
}

// account notes the messages that everybody has accepted by now. One that was
// withdrawn lacks everybody.
func (h *theatre) account() {
	h.t.Helper()
	rows, err := h.sql.Query(`SELECT m.id, COUNT(t.next_at), COUNT(CASE WHEN t.status IN ('refused', 'withdrawn') THEN 1 END) FROM message m
		JOIN transmission t ON t.message = m.id GROUP BY m.id, m.position ORDER BY m.position`)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var pending, refused int
		if err := rows.Scan(&id, &pending, &refused); err != nil {
			h.t.Fatal(err)
		}
		if pending > 0 || h.sealed[id] {
			continue
		}
		h.sealed[id] = true
		l := &letter{id: id, parts: []string{id}, refused: refused > 0}
		if err := h.db.View(h.t.Context(), func(tx *store.Tx) (err error) {
			l.notes, err = tx.Notifications(id)
			return err
		}); err != nil {
			h.t.Fatal(err)
		}
		h.left(l)
	}
	h.complete()
}

// left notes a message of which no transmission is under way any more.
func (h *theatre) left(l *letter) {
	if l.notes[0].Solo {
		for _, o := range h.lacking {
			for _, n := range o.notes {
				if n.IncidentID == l.notes[0].IncidentID && strings.HasPrefix(l.notes[0].ID, n.ID+"/") {
					if !l.refused {
						o.parts = append(o.parts, l.id)
					}
					return
				}
			}
		}
	}
	if l.refused {
		h.lacking = append(h.lacking, l)
		return
	}
	l.at = h.now()
	h.letters = append(h.letters, l)
}

// complete finds messages that lacked somebody and do no more: a mended address
// has accepted, or a person has waived it.
func (h *theatre) complete() {
	h.lacking = slices.DeleteFunc(h.lacking, func(l *letter) bool {
		for _, n := range l.notes {
			inc, err := h.engine.Incident(h.t.Context(), n.IncidentID)
			if err != nil {
				h.t.Fatal(err)
			}
			done := false
			for _, s := range inc.Steps {
				done = done || s.NotificationID == n.ID && s.Status == incident.StepAccepted
			}
			if !done {
				return false
			}
		}
		l.at = h.now()
		h.letters = append(h.letters, l)
		return true
	})
}

// mails writes a line for every complete message, from what the mail server got.
func (h *theatre) mails() {
	h.t.Helper()
	got := map[string][]smtpsink.Message{}
	for _, m := range h.sink.Messages() {
		got[strings.Trim(m.MessageID, "<>")] = append(got[strings.Trim(m.MessageID, "<>")], m)
	}
	for _, l := range h.letters {
		var to, cc, about []string
		var step, template string
		for _, id := range l.parts {
			for _, m := range got[strings.Trim(id, "<>")] {
				step, template = m.Header("X-Vigie-Step"), m.Header("X-Vigie-Template")
				to = append(to, among(m.To, m.Recipients)...)
				cc = append(cc, among(m.Cc, m.Recipients)...)
			}
		}
		number := func(n incident.Notification) int {
			inc, err := h.engine.Incident(h.t.Context(), n.IncidentID)
			if err != nil {
				h.t.Fatal(err)
			}
			return inc.Number
		}
		numbers := map[string]int{}
		for _, n := range l.notes {
			numbers[n.IncidentID] = number(n)
		}
		slices.SortStableFunc(l.notes, func(a, b incident.Notification) int { return numbers[a.IncidentID] - numbers[b.IncidentID] })
		first := l.notes[0]
		decided := first.DecidedAt
		for _, n := range l.notes {
			if n.DecidedAt.Before(decided) {
				decided = n.DecidedAt
			}
			if !slices.Contains(about, n.IncidentID) {
				about = append(about, n.IncidentID)
			}
		}
		if len(about) == 1 {
			about = nil
		}
		slices.Sort(to)
		slices.Sort(cc)
		h.lines = append(h.lines, messageLine(l.at, first.IncidentID, first.Key, first.Episode, step, template, decided, slices.Compact(to), slices.Compact(cc), about))
	}
}

// among are the addresses of a header that the envelope has too.
func among(header []smtpsink.Address, envelope []string) []string {
	var out []string
	for _, a := range header {
		if slices.ContainsFunc(envelope, func(e string) bool { return strings.EqualFold(e, a.Address) }) {
			out = append(out, a.Address)
		}
	}
	return out
}

// clerk is the token of somebody who may read everything.
func (h *theatre) clerk() string {
	h.t.Helper()
	d := h.stage.Book().Directory
	if len(d.Confidential) > 0 {
		return h.tokens[d.Confidential[0]]
	}
	return h.tokens[h.stage.Book().Staff()[0]]
}

// journal reads what was recorded, over HTTP as a person would.
func (h *theatre) journal() {
	h.t.Helper()
	who := h.clerk()
	code, text := h.request(http.MethodGet, "/api/v1/incidents?limit=10000&ended=true", who, nil)
	var all []receiver.Summary
	if err := json.Unmarshal([]byte(text), &all); err != nil || code != http.StatusOK {
		h.t.Fatalf("incidents: %d %s: %v", code, text, err)
	}
	for _, inc := range all {
		code, text := h.request(http.MethodGet, "/api/v1/incidents/"+inc.ID+"/journal", who, nil)
		var lines []store.Line
		if err := json.Unmarshal([]byte(text), &lines); err != nil || code != http.StatusOK {
			h.t.Fatalf("journal: %d %s: %v", code, text, err)
		}
		for _, l := range lines {
			if slices.Contains(told, l.Kind) {
				h.lines = append(h.lines, journalLine(l.At, inc.ID, l.Kind, l.What, l.Actor, l.Reason))
			}
		}
	}
}

func matchersOf(ms model.Matchers) []any {
	out := []any{}
	for _, m := range ms {
		out = append(out, map[string]any{"name": m.Name, "value": m.Value,
			"isRegex": m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp,
			"isEqual": m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp})
	}
	return out
}
