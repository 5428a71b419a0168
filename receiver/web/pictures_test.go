package web_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"vigie/rules/model"
)

// TestPictures makes the pictures of the documentation: make pictures.
func TestPictures(t *testing.T) {
	folder := os.Getenv("VIGIE_PICTURES")
	if folder == "" {
		t.Skip("it makes the documentation's pictures: make pictures")
	}
	d := newDesk(t, "synomega", "")
	d.fires(nil, map[string]string{"error": "Cannot write to the vault: the disk is full (0x0154)", "consecutive_failures": "2"})
	d.fires(model.Labels{"backup_role": "local", "engine": "veeam", "plan": "Job Nuit"}, map[string]string{"error": "Not enough space in the repository: 41 GB needed, 12 GB free."})
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, map[string]string{"error": "The agent was offline at the planned time."})
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC", "backup_role": "local", "engine": "windows_server_backup", "plan": "Local Daily"}, map[string]string{"error": "The backup volume was not found (0x80780119)."})
	days := map[string]string{}
	for i := range 35 {
		days[tuesday.AddDate(0, 0, -i).Format(time.DateOnly)] = []string{"ok", "ok", "warning", "ok", "ok", "failed", "ok", "ok", "ok", "disabled"}[i%10]
	}
	d.prom = recorded(t, map[string]map[string]string{"SRV-AD": days, "PC-LEA": days, "NAS-01": days})
	w := d.chromium(t)
	w.does(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}))
	keep := func(name, path string, width, height int64) {
		w.size(width, height)
		w.opens(path)
		if path == "/incidents/i3" {
			w.does(chromedp.Click("#act-answer summary"))
		}
		var png []byte
		w.does(chromedp.Evaluate(`document.querySelector("footer").remove(), 1`, nil), chromedp.CaptureScreenshot(&png))
		if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
			t.Error(err)
		}
	}
	w.comes("sup", "en")
	both := func(keep func(language string)) {
		for _, language := range []string{"en", "fr"} {
			w.speaks(language)
			keep(language)
		}
	}
	both(func(l string) {
		keep("today-"+l, "/today", 1100, 720)
		keep("act-"+l, "/incidents/i1", 1100, 900)
		keep("calendar-"+l, "/calendar?customer=dupont", 1100, 420)
		keep("chain-"+l, "/chain", 1100, 620)
		keep("policy-"+l, "/policy?labels=customer%3Ddupont%2C+machine%3DSRV-AD%2C+machine_class%3Dserver%2C+backup_role%3Dprimary%2C+kind%3Dfailed", 1100, 760)
	})
	d.at(tuesday.Add(time.Hour))
	both(func(l string) { keep("dossier-"+l, "/reports/dossier?month=2026-03&customer=dupont", 1100, 720) })
	w = d.chromium(t)
	w.size(390, 844)
	w.comes("lea", "en")
	both(func(l string) { keep("answer-"+l, "/incidents/i3", 390, 760) })
	d = newDesk(t, "synomega", "", posting(t))
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, map[string]string{"error": "The agent was offline at the planned time."})
	d.callDue("1")
	w = d.chromium(t)
	w.size(390, 844)
	w.comes("sup", "en")
	both(func(l string) { keep("calls-"+l, "/calls", 390, 820) })
	d = newDesk(t, "activeprolearn", "")
	d.probe(model.Labels{"alertname": "MoodleCronLate", "signal": "functional_probe", "platform": "lms-A", "severity": "major"})
	d.acts("i1", "take", "op", nil)
	d.acts("i1", "qualify", "op", model.Labels{"severity": "major", "cause": "int.settings", "scope": "all"})
	w = d.chromium(t)
	w.comes("op", "en")
	w.does(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}))
	both(func(l string) { keep("platform-"+l, "/incidents/i1", 1100, 820) })
	d = aMonth(t)
	w = d.chromium(t)
	w.comes("lead", "en")
	both(func(l string) { keep("statement-"+l, "/reports/statement?month=2026-03&platform=lms-A", 1100, 760) })
}
