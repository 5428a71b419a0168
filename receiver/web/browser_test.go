package web_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"vigie/receiver"
	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/receiver/web"
	"vigie/rules/model"
)

// The rules of axe, pinned by the hash of what the registry gives out.
const (
	axeURL  = "https://registry.npmjs.org/axe-core/-/axe-core-4.10.3.tgz"
	axeHash = "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292"
	axeFile = "../../.cache/axe-core-4.10.3.min.js"
)

// window is a real browser in front of the desk's pages.
type window struct {
	ctx context.Context
	d   *desk
	t   *testing.T
}

// chromium starts a browser; without one the test is skipped.
func (d *desk) chromium(t *testing.T) *window {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes too long for the short tests")
	}
	path := ""
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && name != "" {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium is installed: apt-get install chromium, or name one as CHROMIUM=...")
	}
	o := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), o...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	w := &window{ctx, d, t}
	w.size(1280, 900)
	return w
}

// does lets the browser act; each time within bounds.
func (w *window) does(actions ...chromedp.Action) {
	w.t.Helper()
	done := make(chan error, 1)
	go func() { done <- chromedp.Run(w.ctx, actions...) }()
	select {
	case err := <-done:
		if err != nil {
			w.t.Fatalf("in the browser: %v\n%.3000s", err, w.text())
		}
	case <-time.After(time.Minute):
		w.t.Fatalf("the browser did not come to an end:\n%.3000s", w.text())
	}
}

// text is what the page says.
func (w *window) text() string {
	var text string
	ctx, stop := context.WithTimeout(w.ctx, 10*time.Second)
	defer stop()
	if err := chromedp.Run(ctx, chromedp.Evaluate(`document.body.innerText`, &text)); err != nil {
		return err.Error()
	}
	return text
}

// says waits until the page says something.
func (w *window) says(want ...string) {
	w.t.Helper()
	for _, x := range want {
		end := time.Now().Add(20 * time.Second)
		for !strings.Contains(strings.ReplaceAll(w.text(), "\u00a0", " "), x) {
			if time.Now().After(end) {
				w.t.Fatalf("the page does not say %q:\n%s", x, w.text())
			}
			time.Sleep(50 * time.Millisecond) // the browser has a clock of its own
		}
	}
}

func (w *window) size(width, height int64) {
	w.does(emulation.SetDeviceMetricsOverride(width, height, 1, width < 600))
}

func (w *window) opens(path string) {
	w.t.Helper()
	w.does(chromedp.Navigate(w.d.server.URL+path), chromedp.WaitReady("#main"))
}

// comes logs somebody in.
func (w *window) comes(person, language string) {
	w.t.Helper()
	w.opens("/login")
	w.does(chromedp.SendKeys("#person", person), chromedp.SendKeys("#password", password), chromedp.Submit("#password"), chromedp.WaitVisible("header .initials"))
	w.speaks(language)
}

// speaks sets the language of the pages.
func (w *window) speaks(language string) {
	w.t.Helper()
	w.does(chromedp.Evaluate(fmt.Sprintf(`fetch("/preferences", {method: "POST", headers: {"Content-Type": "application/x-www-form-urlencoded"}, body: "language=%s&back=/"}).then(() => 1)`, language), nil, awaited))
	w.opens("/")
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// shot keeps a picture where VIGIE_SCREENSHOTS names a folder.
func (w *window) shot(name string) {
	folder := os.Getenv("VIGIE_SCREENSHOTS")
	if folder == "" {
		return
	}
	var png []byte
	w.does(chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600); err != nil {
		w.t.Error(err)
	}
}

// axe is the source of the rules; where it cannot be had the test is skipped.
func axe(t *testing.T) string {
	t.Helper()
	if text, err := os.ReadFile(axeFile); err == nil {
		return string(text)
	}
	text, err := fetchAxe(t.Context())
	if err != nil {
		t.Skipf("axe-core cannot be had: %v", err)
	}
	if err := os.WriteFile(axeFile, text, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	return string(text)
}

func fetchAxe(ctx context.Context) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, axeURL, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	packed, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != axeHash {
		return nil, fmt.Errorf("%s answered %s, with another hash than is pinned", axeURL, resp.Status)
	}
	z, err := gzip.NewReader(strings.NewReader(string(packed)))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, err
		}
		if h.Name == "package/axe.min.js" {
			return io.ReadAll(r)
		}
	}
}

// finding is what axe says of a page.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML string }
}

// accessible fails where axe has a finding of weight.
func (w *window) accessible(rules, where string) {
	w.t.Helper()
	var text string
	w.does(chromedp.Evaluate(rules+`;0`, nil), chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => ({html: n.html}))}))))`, &text, awaited))
	var all []finding
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		w.t.Fatal(err)
	}
	for _, f := range all {
		if f.Impact != "minor" {
			w.t.Errorf("%s: %s (%s): %s\n%v", where, f.ID, f.Impact, f.Help, f.Nodes)
		}
	}
}

// fits fails where a page is wider than its window, or what a row is about is squeezed.
func (w *window) fits(where string) {
	w.t.Helper()
	var over struct {
		Over float64
		What []string
		Rows []string
	}
	w.does(chromedp.Evaluate(`({rows: [...document.querySelectorAll(".row .what")].filter(e => e.clientWidth < 0.3 * e.parentElement.clientWidth).map(e => e.innerText.slice(0, 60)), over: document.documentElement.scrollWidth - innerWidth, what: [...document.querySelectorAll("main *, header *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".calendar, .timeline, .top nav")).slice(0, 4).map(e => e.outerHTML.slice(0, 120))})`, &over))
	if len(over.Rows) > 0 {
		w.t.Errorf("%s squeezes what rows are about: %q", where, over.Rows)
	}
	if over.Over > 0 {
		w.t.Errorf("%s is %g px wider than its window: %q", where, over.Over, over.What)
	}
}

// everyPage are the pages of a supervisor.
func everyPage() []string {
	return []string{"/today", "/incidents/i1", "/incidents/i3", "/queue", "/calls", "/machines", "/calendar", "/calendar/night?customer=dupont&machine=SRV-AD&day=2026-03-10", "/customers", "/signals", "/policy?labels=customer%3Ddupont", "/chain", "/mails"}
}

// furnished is a desk with something on every page.
func furnished(t *testing.T) *desk {
	long := strings.Repeat("Établissements-Très-Longs-", 4)
	d := newDesk(t, "synomega", fmt.Sprintf("customers:\n  longs: {name: %q, account_manager: am.dupont}\nmachines:\n  - {customer: longs, name: %q, class: server, plans: [{plan: %q, role: primary, engine: acronis}]}\n", long, "SRV-"+long, "plan-"+long))
	d.fires(nil, map[string]string{"error": "Cannot write to the vault: the disk is full (0x0154)\n" + strings.Repeat("x", 300), "consecutive_failures": "2"})
	d.fires(model.Labels{"customer": "longs", "machine": "SRV-" + long, "plan": "plan-" + long}, map[string]string{"error": strings.Repeat("/very/long/path", 30)})
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC", "backup_role": "local", "engine": "windows_server_backup", "plan": "Local Daily"}, nil)
	d.engine.NoteReload(errors.New("policy/02-scenarios.yml:14: steps[2].when: missing: write when it is due"))
	days := map[string]string{}
	for i := range 35 {
		days[tuesday.AddDate(0, 0, -i).Format(time.DateOnly)] = []string{"ok", "ok", "warning", "failed", "ok", "late", "ok", "disabled"}[i%8]
	}
	d.came(store.Mail{ID: "m1", From: "it@dupont.example", Subject: "Re: SRV-AD " + long, Text: "SRV-AD " + strings.Repeat("/very/long/path", 30), Reason: stray},
		store.Mail{ID: "m2", From: strings.Repeat("a", 60) + "@" + strings.Repeat("long-", 20) + ".example", Reason: "it has no sender"})
	d.prom = recorded(t, map[string]map[string]string{"SRV-AD": days, "PC-LEA": days, "NAS-01": days})
	return d
}

// The pages hold from 320 to 1920 pixels, with long names and with nothing, in
// both languages, light and dark, and axe has no serious finding.
func TestBrowserLayoutAndAccess(t *testing.T) {
	d := furnished(t)
	w := d.chromium(t)
	source := axe(t)
	w.comes("sup", "fr")
	for _, language := range []string{"fr", "en"} {
		w.speaks(language)
		for _, path := range everyPage() {
			w.opens(path)
			name := language + strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-", "%", "-").Replace(path)
			scheme := map[string]string{"fr": "light", "en": "dark"}[language]
			w.does(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"}, // colours on their way from light to dark are no finding
			}))
			for _, width := range []int64{320, 390, 768, 1280, 1920} {
				w.size(width, 900)
				w.fits(fmt.Sprintf("%s at %d", name, width))
				if width == 390 || width == 1280 {
					w.shot(fmt.Sprintf("%s-%d", name, width))
				}
			}
			w.size(1280, 900)
			w.accessible(source, name)
		}
	}
	// A customer's own person has fewer columns, and what ended has.
	d.acts("i2", "close", "sup", model.Labels{"reason": "no longer needed"})
	for _, person := range []string{"sup", "it.dupont"} {
		w = d.chromium(t)
		w.comes(person, "fr")
		for _, path := range []string{"/today", "/today?show=ended", "/incidents/i1", "/signals"} {
			w.opens(path)
			for _, width := range []int64{320, 768, 1000, 1280, 1920} {
				w.size(width, 900)
				w.fits(fmt.Sprintf("%s of %s at %d", path, person, width))
			}
			w.accessible(source, path+" of "+person)
		}
	}
	w = newDesk(t, "synomega", "").chromium(t)
	w.comes("sup", "fr")
	for _, path := range []string{"/today", "/queue", "/calls", "/chain", "/mails"} {
		w.opens(path)
		w.size(320, 700)
		w.fits("empty " + path)
		w.accessible(source, "empty "+path)
	}
}

// presses clicks what a selector finds and waits for the next page.
func (w *window) presses(selector string) {
	w.t.Helper()
	w.does(chromedp.Evaluate(`window.old = 1`, nil), chromedp.Click(selector, chromedp.ByQuery))
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var gone bool
		ctx, stop := context.WithTimeout(w.ctx, 5*time.Second)
		err := chromedp.Run(ctx, chromedp.Evaluate(`window.old !== 1 && document.readyState === "complete"`, &gone))
		if stop(); err == nil && gone {
			return
		}
	}
	w.t.Fatalf("nothing came of pressing %s:\n%s", selector, w.text())
}

// The supervisor's morning: what is due first, taken with one click, not put
// right today, with the reason that is asked for at its field.
func TestBrowserSupervisorsMorning(t *testing.T) {
	for _, language := range []string{"fr", "en"} {
		t.Run(language, func(t *testing.T) {
			d := furnished(t)
			w := d.chromium(t)
			words := map[string][]string{"fr": {"À traiter aujourd'hui", "Fait pour 1 incident.", "Merci de remplir ce champ.", "C'est fait"}, "en": {"Due today", "Done for 1 incident.", "Please fill this in.", "Done. It is kept"}}[language]
			w.comes("sup", language)
			w.says("SRV-AD", words[0])
			w.presses("#row-i1 .do button")
			w.says(words[1])
			w.presses("#row-i1 h3 a")
			w.does(chromedp.Click("#act-forecast_no summary"), chromedp.SendKeys("#forecast_no-reason", "a disk is ordered"))
			w.presses("#form-forecast_no button")
			w.says(words[2])
			w.does(chromedp.WaitVisible("#forecast_no-expected_date"), chromedp.SetValue("#forecast_no-expected_date", "2026-03-12"))
			w.presses("#form-forecast_no button")
			w.says(words[3], "a disk is ordered")
			w.shot("morning-" + language)
			inc, err := d.engine.Incident(t.Context(), "1")
			if err != nil || inc.Assignee != "sup" || inc.Progress.ExpectedDate != "2026-03-12" {
				t.Errorf("%s, %q, %v", inc.Assignee, inc.Progress.ExpectedDate, err)
			}
		})
	}
}

// Two admins at once: the second's page follows by itself what the first does,
// keeps what he has typed, and a page that missed it changes nothing.
func TestBrowserTwoAdmins(t *testing.T) {
	d := furnished(t)
	one := d.chromium(t)
	two := d.chromium(t)
	one.comes("adm1", "fr")
	two.comes("adm2", "fr")
	one.opens("/incidents/i1")
	two.opens("/incidents/i1")
	two.does(chromedp.Click("#act-attempt summary"), chromedp.SendKeys("#attempt-note", "restarted the agent"))
	one.presses("#form-take button")
	one.says("Il est à vous")
	two.says("Adrien Blanc")
	var typed string
	two.does(chromedp.Value("#attempt-note", &typed))
	if typed != "restarted the agent" {
		t.Errorf("what was typed has become %q", typed)
	}
	two.presses("#form-attempt button")
	two.says("a changé depuis")
	inc, err := d.engine.Incident(t.Context(), "1")
	if err != nil || len(inc.Acts) != 1 || inc.Assignee != "adm1" {
		t.Errorf("%d acts, %q, %v", len(inc.Acts), inc.Assignee, err)
	}
}

// The admin takes it, silences while he works, and the proven success ends it: the
// open page says so by itself.
func TestBrowserTakeSilenceMend(t *testing.T) {
	var silenced atomic.Bool
	d := newDesk(t, "synomega", "", func(_ *receiver.Config, p *receiver.Reloadable, _ *web.Options) {
		p.Alertmanagers = []*alertmanager.Client{silencingClient(t, "s9", func() { silenced.Store(true) })}
		p.Timings.Tick, p.Timings.Reconcile, p.Timings.Watchdog = 5*time.Millisecond, time.Hour, 1000*time.Hour
	})
	d.fires(nil, map[string]string{"error": "agent stopped"})
	w := d.chromium(t)
	w.comes("adm1", "en")
	w.opens("/incidents/i1")
	w.presses("#form-take button")
	w.does(chromedp.Click("#act-silence summary"), chromedp.SendKeys("#silence-comment", "restarting the agent"))
	w.presses("#form-silence button")
	w.says("Silenced.")
	if !silenced.Load() {
		t.Error("nothing was silenced")
	}
	w.does(chromedp.Click("#act-attempt summary"), chromedp.SendKeys("#attempt-note", "agent restarted, run begun"))
	var sends int
	w.does(chromedp.Evaluate(`(() => { let n = 0; const count = (e) => { if (!e.defaultPrevented) n++; e.preventDefault(); }; addEventListener("submit", count);
		const form = document.querySelector("#form-attempt"); form.requestSubmit(); form.requestSubmit(); removeEventListener("submit", count); delete form.dataset.sent; return n; })()`, &sends))
	if sends != 1 {
		t.Errorf("a double click sends the form %d times", sends)
	}
	w.presses("#form-attempt button")
	w.says("agent restarted, run begun")
	d.mends()
	w.says("resolved")
	w.shot("mended")
}

// mends lets the alert end with a proven success.
func (d *desk) mends() {
	d.t.Helper()
	d.mu.Lock()
	d.clock = d.clock.Add(2 * time.Hour)
	d.mu.Unlock()
	labels := `"source":"acronis-eu2","customer":"dupont","job_id":"j1"`
	d.prom = func(w http.ResponseWriter, r *http.Request) {
		at := d.now().Add(-10 * time.Minute).Unix()
		one := func(name string, value any) string {
			return fmt.Sprintf(`{"metric":{"__name__":%q,%s},"value":[%d,"%v"]}`, name, labels, at, value)
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s,%s,%s,%s,%s]}}`, one("backup_source_up", 1), one("backup_source_last_refresh_timestamp_seconds", at),
			one("backup_job_last_result", 1), one("backup_job_last_run_timestamp_seconds", at), one("backup_job_last_success_timestamp_seconds", at))
	}
	inc, err := d.engine.Incident(d.t.Context(), "1")
	if err != nil {
		d.t.Fatal(err)
	}
	var over []receiver.Cleared
	for fp, a := range inc.Alerts {
		over = append(over, receiver.Cleared{Signal: model.Signal{Fingerprint: fp, Labels: a.Labels, StartsAt: a.StartsAt}, EndsAt: d.now()})
	}
	if err := d.engine.Receive(d.t.Context(), receiver.Alerts{Cleared: over, Confirmed: true}); err != nil {
		d.t.Fatal(err)
	}
	d.runs(func() bool {
		inc, err := d.engine.Incident(d.t.Context(), "1")
		return err != nil || inc.State.Ended()
	})
}

// A customer's user answers on her phone, and sees nothing of anybody else.
func TestBrowserAnswerOnAPhone(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, map[string]string{"error": "our words"})
	d.fires(nil, nil)
	w := d.chromium(t)
	w.size(360, 740)
	w.comes("lea", "fr")
	w.says("PC-LEA")
	if text := w.text(); strings.Contains(text, "SRV-AD") || strings.Contains(text, "our words") {
		t.Errorf("she sees more than her own:\n%s", text)
	}
	w.presses("#row-i1 h3 a")
	w.does(chromedp.Click("#act-answer summary"), chromedp.SetValue("#answer-result", "away"), chromedp.SetValue("#answer-until", "2026-03-20"))
	w.fits("the form on a phone")
	w.shot("answer-phone")
	w.accessible(axe(t), "the form on a phone")
	w.presses("#form-answer button")
	w.says("Merci")
	inc, err := d.engine.Incident(t.Context(), "1")
	if err != nil || inc.State != model.Waiting || inc.Until.Format(time.DateOnly) != "2026-03-20" {
		t.Errorf("%s until %s, %v", inc.State, inc.Until, err)
	}
}
