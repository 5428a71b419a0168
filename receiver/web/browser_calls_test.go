package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"vigie/rules/model"
)

// follows waits until the open page has made itself anew after something happened.
func (w *window) follows(happens func()) {
	w.t.Helper()
	var title string
	w.does(chromedp.Evaluate(`(() => { const h = document.querySelector("#main h1"), was = h.textContent; h.textContent = "before"; return was; })()`, &title))
	happens()
	w.says(title)
}

// What became of an act stays on the page when the page follows what happens next, and
// what the page itself said goes with its reason.
func TestBrowserWhatBecameOfACall(t *testing.T) {
	d := newDesk(t, "synomega", "", posting(t))
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, map[string]string{"error": "agent gone"})
	d.callDue("1")
	w := d.chromium(t)
	w.comes("sup", "fr")
	w.opens("/calls?note=i1")
	w.does(chromedp.SetValue("#call-outcome", "voicemail"), chromedp.SendKeys("#call-agreed", "rappel demain"))
	w.presses("#form-call button")
	const done, waits = "C'est fait", "Sa trace écrite attend"
	w.says(done, waits)
	w.follows(func() { d.fires(nil, nil) })
	w.says(done, waits)

	w.opens("/calls")
	w.says(waits)
	d.mu.Lock()
	d.clock = d.clock.Add(2 * time.Minute) // the hold is over
	d.mu.Unlock()
	w.follows(d.runsOnce)
	w.says("Personne à appeler")
	if text := w.text(); strings.Contains(text, waits) {
		t.Errorf("the trace was accepted, and the page still says that it waits:\n%s", text)
	}
}
