package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"

	"vigie/receiver"
	"vigie/receiver/identity"
	"vigie/receiver/store"
	"vigie/receiver/web"
	"vigie/rules"
	"vigie/rules/model"
)

// password is everybody's in these tests.
const password = "une phrase assez longue"

// tuesday is in the morning of a service day.
var tuesday = time.Date(2026, 3, 10, 10, 20, 0, 0, time.FixedZone("CET", 3600))

// desk is a receiver with the shipped example and its pages.
type desk struct {
	t      testing.TB
	engine *receiver.Engine
	store  *store.Store
	server *httptest.Server
	mu     sync.Mutex
	clock  time.Time
	prom   http.HandlerFunc // what Prometheus answers; nil for nothing
}

func (d *desk) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clock
}

// newDesk starts one with an example of deploy/examples and an addition to its
// inventory.
func newDesk(t testing.TB, example, more string, change ...func(*receiver.Config, *receiver.Reloadable, *web.Options)) *desk {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../../deploy/examples", example))); err != nil {
		t.Fatal(err)
	}
	if more != "" {
		if err := os.WriteFile(filepath.Join(dir, "inventory", "zz-more.yml"), []byte(more), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	setup, err := receiver.Load(filepath.Join(dir, "vigie.yml"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, clock: tuesday}
	prom := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.prom != nil {
			d.prom(w, r)
			return
		}
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	}))
	t.Cleanup(prom.Close)
	c := setup.Config
	c.Links, c.Exporters, c.Alertmanagers = nil, nil, nil
	c.Prometheus.URL = prom.URL
	reloadable, err := setup.Reloadable()
	if err != nil {
		t.Fatal(err)
	}
	passwords := d.passwords(dir, setup.Book)
	o := web.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: d.now, Stop: t.Context().Done(),
		Webhook: http.NotFoundHandler(), Metrics: http.NotFoundHandler(),
		Person: func(token string) (string, bool) { return strings.CutPrefix(token, "token-of-") },
		Reload: func(context.Context) error { return nil },
		Login:  web.LoginOptions{Passwords: func() *identity.Passwords { return passwords }}}
	for _, f := range change {
		f(c, &reloadable, &o)
	}
	db, err := store.Open(t.Context(), filepath.Join(dir, "vigie.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	d.store = db
	if d.engine, err = receiver.New(t.Context(), receiver.Options{Store: db, Registry: prometheus.NewRegistry(), Logger: o.Logger, Now: d.now}, reloadable); err != nil {
		t.Fatal(err)
	}
	o.Engine = d.engine
	d.server = httptest.NewServer(web.New(o))
	t.Cleanup(d.server.Close)
	return d
}

// passwords gives everybody of the inventory the same.
func (d *desk) passwords(dir string, book *rules.Book) *identity.Passwords {
	d.t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		d.t.Fatal(err)
	}
	var lines strings.Builder
	for id := range book.Directory.People {
		fmt.Fprintf(&lines, "%s %s\n", id, hash)
	}
	file := filepath.Join(dir, "passwords")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		d.t.Fatal(err)
	}
	p, err := identity.ReadPasswords(file)
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// fires reports a failing backup.
func (d *desk) fires(labels model.Labels, annotations map[string]string) {
	d.t.Helper()
	l := model.Labels{"alertname": "BackupFailed", "customer": "dupont", "machine": "SRV-AD", "machine_class": "server", "backup_role": "primary",
		"engine": "acronis", "plan": "daily", "kind": "failed", "severity": "warning", "source": "acronis-eu2", "job_id": "j1"}
	maps.Copy(l, labels)
	fp := l["customer"] + "/" + l["machine"] + "/" + l["plan"] + "/" + l["backup_role"] + l["platform"]
	err := d.engine.Receive(d.t.Context(), receiver.Alerts{Fired: []model.Signal{{Kind: model.BackupAlert, Fingerprint: fp, Labels: l, Annotations: annotations,
		StartsAt: d.now().Add(-3 * time.Hour)}}})
	if err != nil {
		d.t.Fatal(err)
	}
}

// browser is somebody who has logged in; nobody when the id is empty.
type browser struct {
	*http.Client
	d *desk
}

func (d *desk) browser(id string) *browser {
	d.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	b := &browser{&http.Client{Jar: jar, Timeout: time.Minute}, d}
	if id != "" {
		if code, text := b.post("/login", url.Values{"person": {id}, "password": {password}}); code != http.StatusOK {
			d.t.Fatalf("%s cannot log in: %d %s", id, code, text)
		}
	}
	return b
}

func (b *browser) get(path string) (int, string) {
	b.d.t.Helper()
	resp, err := b.Get(b.d.server.URL + path)
	if err != nil {
		b.d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.d.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (b *browser) post(path string, form url.Values) (int, string) {
	b.d.t.Helper()
	return b.send(path, "application/x-www-form-urlencoded", form.Encode())
}

func (b *browser) send(path, kind, body string) (int, string) {
	b.d.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.d.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := b.Do(req)
	if err != nil {
		b.d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.d.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// spaced is a text with plain spaces, wherever a page lets no line end.
func spaced(text string) string { return strings.ReplaceAll(text, "\u00a0", " ") }

// must fails unless a page was answered well and says what is wanted.
func must(t testing.TB, code int, text string, want ...string) {
	t.Helper()
	if code != http.StatusOK {
		t.Fatalf("answered %d:\n%.2000s", code, text)
	}
	text = spaced(text)
	for _, w := range want {
		if !strings.Contains(text, spaced(w)) {
			t.Errorf("the page does not say %q:\n%.6000s", w, text)
		}
	}
}

// The supervisor logs in, finds what is due first, and takes it.
func TestToday(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, map[string]string{"error": "disk full <script>alert(1)</script>", "consecutive_failures": "2"})
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC", "backup_role": "local", "engine": "windows_server_backup", "plan": "Local Daily"}, nil)
	b := d.browser("sup")
	code, text := b.get("/")
	must(t, code, text, "Dupont – SRV-AD", "disk full &lt;script&gt;", "2 échecs de suite", "à prendre", "À traiter aujourd&#39;hui", "Sophie Aubert")
	code, text = b.post("/today/acts", url.Values{"take": {"i1"}, "back": {"/today"}})
	must(t, code, text, "Fait pour 1 incident.", "Sophie Aubert</span>")
	code, text = b.get("/today?show=mine")
	must(t, code, text, "#1</span>")
	if strings.Contains(text, "SRV-FIC") {
		t.Error("what is not mine is shown as mine")
	}
	code, text = b.get("/queue")
	must(t, code, text, "SRV-FIC", "Sauvegardes locales")
	code, text = b.get("/incidents/i1")
	must(t, code, text, "<svg", "heures ouvrées", "Sophie Aubert", "disk full &lt;script&gt;")
}

// Whoever saw the incident before somebody else acted changes nothing, keeps what
// he typed and is told what happened.
func TestStalePage(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	one, two := d.browser("adm1"), d.browser("adm2")
	seen := func() string {
		inc, err := d.engine.Incident(t.Context(), "1")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(inc.Lines)
	}
	before := seen()
	code, text := one.post("/incidents/i1/take", url.Values{"seen": {before}})
	must(t, code, text, "Adrien Blanc")
	code, text = two.post("/incidents/i1/attempt", url.Values{"seen": {before}, "note": {"restarted the agent"}})
	if code != http.StatusConflict || !strings.Contains(text, "restarted the agent") || !strings.Contains(text, "Adrien Blanc") ||
		!strings.Contains(text, "a changé depuis") {
		t.Fatalf("the second is answered %d:\n%s", code, text)
	}
	inc, err := d.engine.Incident(t.Context(), "1")
	if err != nil || len(inc.Acts) != 1 {
		t.Fatalf("%d acts, %v", len(inc.Acts), err)
	}
	code, text = two.post("/incidents/i1/attempt", url.Values{"seen": {seen()}, "note": {"restarted the agent"}})
	must(t, code, text, "restarted the agent")
}

// A form that lacks something says so at the field and keeps the rest.
func TestFormLacksSomething(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	b := d.browser("sup")
	code, text := b.post("/incidents/i1/forecast_no", url.Values{"reason": {"a part is ordered"}})
	if code != http.StatusUnprocessableEntity || !strings.Contains(text, `value="a part is ordered"`) && !strings.Contains(text, ">a part is ordered<") ||
		!strings.Contains(text, `id="forecast_no-expected_date-wrong"`) {
		t.Fatalf("answered %d:\n%s", code, text)
	}
}

// What became of an act is said on the page that follows, even when the page
// before it asks once more in the background.
func TestWordsAboutAnActAreNotLost(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	b := d.browser("sup")
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if code, _ := b.post("/today/acts", url.Values{"take": {"i1"}, "back": {"/today"}}); code != http.StatusSeeOther {
		t.Fatalf("answered %d", code)
	}
	req, err := http.NewRequest(http.MethodGet, d.server.URL+"/today", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vigie-Refresh", "1")
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	code, text := b.get("/today")
	must(t, code, text, "Fait pour 1 incident.")
}
