package web_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"vigie/rules"
)

// chromium starts a real browser, or skips the test where there is none.
func chromium(t testing.TB) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no chromium here: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(2*time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 8*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// look is how a browser looks at the pages.
type look struct {
	Person, Language string
	Width, Height    int64
	Dark, Phone      bool
}

// tab opens a tab and logs somebody in.
func (d *desk) tab(browser context.Context, l look) context.Context {
	d.t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext()) // cookies of his own
	d.t.Cleanup(cancel)
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	if l.Language == "" {
		l.Language = "en"
	}
	d.run(ctx,
		network.Enable(),
		emulation.SetDeviceMetricsOverride(l.Width, l.Height, 1, l.Phone),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.ActionFunc(func(ctx context.Context) error {
			return network.SetCookie("vigie_language", l.Language).WithURL(d.server.URL).Do(ctx)
		}),
		chromedp.Navigate(d.server.URL+"/login"),
		chromedp.SetValue("#person", l.Person), chromedp.SetValue("#password", password),
		chromedp.Submit("#password"), chromedp.WaitVisible("details.person .initials"),
	)
	return ctx
}

func (d *desk) run(ctx context.Context, actions ...chromedp.Action) {
	d.t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		d.t.Fatal(err)
	}
}

// shot keeps a picture of a page where VIGIE_SHOTS names a folder.
func (d *desk) shot(ctx context.Context, name, path string) {
	d.t.Helper()
	var png []byte
	d.run(ctx, chromedp.Navigate(d.server.URL+path), chromedp.WaitReady("main"), chromedp.FullScreenshot(&png, 100))
	d.keepShot(name, png)
}

func (d *desk) keepShot(name string, png []byte) {
	d.t.Helper()
	dir := os.Getenv("VIGIE_SHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// fill gives a desk a lively morning.
func (d *desk) fill() {
	d.t.Helper()
	d.fires(nil, map[string]string{"error": "Backup failed: the disk '\\\\?\\Volume{4f1c}' cannot be read (0x01060015). Not enough free space on the destination.", "consecutive_failures": "3"})
	d.fires(rules.Labels{"backup_role": "local", "engine": "veeam", "plan": "Job Nuit", "source": "veeam-dupont", "job_id": "v1"}, map[string]string{"error": "Error: Failed to connect to guest agent. Errors: 'Cannot connect to the host's administrative share.'"})
	d.fires(rules.Labels{"machine": "PC-LEA", "machine_class": "workstation", "kind": "offline", "job_id": "j3"}, map[string]string{"error": "The machine is offline."})
	d.fires(rules.Labels{"customer": "martin", "machine": "SRV-FIC", "backup_role": "local", "engine": "windows_server_backup", "plan": "Local Daily", "job_id": "w1", "source": "wsb"}, map[string]string{"error": "The backup storage location is running low on space (0x80780119)."})
	d.fires(rules.Labels{"customer": "martin", "machine": "PC-PAUL", "machine_class": "workstation", "job_id": "j5"}, nil)
	d.fires(rules.Labels{"customer": "leroy", "machine": "SRV-TERMINAL-SERVER-WITH-A-VERY-LONG-NAME-2019-PRODUCTION", "job_id": "j6"}, map[string]string{"error": "Quota exceeded."})
	for _, a := range []struct {
		id  string
		act rules.Act
	}{
		{"1", rules.Act{Verb: "take", By: "adm1"}},
		{"1", rules.Act{Verb: "attempt", By: "adm1", Fields: rules.Labels{"note": "Made room on the destination, the backup runs again"}}},
	} {
		if _, err := d.engine.Act(d.t.Context(), a.id, a.act); err != nil {
			d.t.Fatal(err)
		}
	}
}

// TestLook takes pictures of the pages for people to look at: VIGIE_SHOTS=folder.
func TestLook(t *testing.T) {
	if os.Getenv("VIGIE_SHOTS") == "" {
		t.Skip("VIGIE_SHOTS names no folder for pictures")
	}
	d := newDesk(t, "synomega", "")
	d.fill()
	browser := chromium(t)
	for name, l := range map[string]look{
		"desk-fr":   {Person: "sup", Language: "fr", Width: 1440, Height: 900},
		"dark-en":   {Person: "sup", Width: 1280, Height: 900, Dark: true},
		"phone-fr":  {Person: "adm1", Language: "fr", Width: 390, Height: 844, Phone: true},
		"narrow-en": {Person: "adm1", Width: 320, Height: 700, Dark: true, Phone: true},
	} {
		ctx := d.tab(browser, l)
		for page, path := range lookAt() {
			d.shot(ctx, page+"-"+name, path)
		}
	}
}

func lookAt() map[string]string {
	return map[string]string{"today": "/today", "incident": "/incidents/i1", "queue": "/queue"}
}
