package web_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A manager's month: the list of reports leads to a statement and a dossier that hold
// at every width, print without the pages' own furniture, and come as files.
func TestBrowserManagersMonth(t *testing.T) {
	d := aMonth(t)
	w := d.chromium(t)
	source := axe(t)
	w.comes("lead", "fr")
	for language, month := range map[string]string{"fr": "mars 2026", "en": "March 2026"} {
		w.speaks(language)
		w.opens("/reports?month=2026-03")
		w.says(month)
		for name, path := range map[string]string{"reports": "/reports?month=2026-03", "statement": "/reports/statement?month=2026-03&platform=lms-A",
			"dossier": "/reports/dossier?month=2026-03&customer=lms-a", "noise": "/reports/noise?month=2026-03", "restore-tests": "/restore-tests"} {
			w.opens(path)
			for _, width := range []int64{320, 768, 1920, 1280} {
				w.size(width, 900)
				w.fits(fmt.Sprintf("%s %s at %d", language, name, width))
				if width == 320 || width == 1280 {
					w.shot(fmt.Sprintf("month-%s-%s-%d", language, name, width))
				}
			}
			w.accessible(source, language+" "+name)
			if name == "statement" || name == "dossier" {
				w.prints(language + "-" + name)
				w.filed(name)
			}
		}
	}
}

// prints fails where a printed page shows what is for the screen alone; the print is
// kept where VIGIE_SCREENSHOTS names a folder.
func (w *window) prints(name string) {
	w.t.Helper()
	var shown []string
	w.does(emulation.SetEmulatedMedia().WithMedia("print"),
		chromedp.Evaluate(`["header.top nav", "[data-print]", "form.filters", ".skip"].filter(s => [...document.querySelectorAll(s)].some(e => e.checkVisibility()))`, &shown))
	if len(shown) > 0 {
		w.t.Errorf("%s prints %v", name, shown)
	}
	var pdf []byte
	w.does(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = page.PrintToPDF().WithPreferCSSPageSize(true).Do(ctx)
		return err
	}), emulation.SetEmulatedMedia().WithMedia("screen"))
	if !strings.HasPrefix(string(pdf), "%PDF-") || len(pdf) < 5000 {
		w.t.Errorf("%s prints %d bytes", name, len(pdf))
	}
	if folder := os.Getenv("VIGIE_SCREENSHOTS"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name+".pdf"), pdf, 0o600); err != nil {
			w.t.Error(err)
		}
	}
}

// filed follows the page's own link to its file for spreadsheets.
func (w *window) filed(name string) {
	w.t.Helper()
	var got string
	w.does(chromedp.Evaluate(`(async () => { const a = document.querySelector('main a[href*="format=csv"]'); const r = await fetch(a.href); return r.status + " " + r.headers.get("Content-Type") + " " + r.headers.get("Content-Disposition") + " " + (await r.text()).length })()`, &got, awaited))
	if !strings.HasPrefix(got, "200 text/csv") || !strings.Contains(got, "vigie-"+name+"-2026-03") {
		w.t.Errorf("the file of %s is answered %s", name, got)
	}
}

// Everything that the morning needs works by the keyboard alone: search, take, answer
// for several rows at once; and what is typed stays while the page follows others.
func TestBrowserByKeyboard(t *testing.T) {
	d := furnished(t)
	w := d.chromium(t)
	w.comes("sup", "en")
	focus := func(selector string) {
		t.Helper()
		for range 120 {
			var there bool
			w.does(chromedp.Evaluate(fmt.Sprintf(`document.activeElement.matches(%q)`, selector), &there))
			if there {
				return
			}
			w.does(chromedp.KeyEvent(kb.Tab))
		}
		t.Fatalf("the key Tab never comes to %s", selector)
	}
	typed := func(keys string) { w.does(chromedp.KeyEvent(keys)) }
	focus("#q")
	typed("SRV-AD" + kb.Enter)
	w.says("SRV-AD")
	w.does(chromedp.WaitNotPresent("#row-i4"))
	w.opens("/today")
	focus("#pick-i1")
	typed(" ")
	focus("#pick-i3")
	typed(" ")
	w.says("2 picked")
	focus("#many-purpose")
	typed("Add")
	focus("#many-text")
	typed("looked at")
	d.acts("i4", "take", "adm1", nil) // the page follows meanwhile
	w.says("Adrien Blanc")
	var kept string
	w.does(chromedp.Value("#many-text", &kept))
	if kept != "looked at" {
		t.Errorf("what was typed has become %q", kept)
	}
	typed(kb.Enter)
	w.says("Done for 2 incidents.")
	focus("#row-i1 .do button")
	typed(kb.Enter)
	w.says("Done for 1 incident.")
	inc, err := d.engine.Incident(t.Context(), "1")
	if err != nil || inc.Assignee != "sup" || len(inc.Acts) != 2 {
		t.Errorf("%q, %d acts, %v", inc.Assignee, len(inc.Acts), err)
	}
}
