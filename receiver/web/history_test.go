package web_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/alertmanager"
	"vigie/receiver/notify"
	"vigie/receiver/web"
)

// accepting is a way out that takes everything.
type accepting struct{}

func (accepting) Name() string                                          { return "mail" }
func (accepting) Deliver(context.Context, notify.Message, string) error { return nil }

// The history speaks the reader's language: steps by their mails, instants in the
// reader's zone, and no number that only machines use.
func TestHistoryInTheReadersWords(t *testing.T) {
	d := newDesk(t, "synomega", "", func(_ *receiver.Config, p *receiver.Reloadable, _ *web.Options) {
		p.Channel = accepting{}
		p.Alertmanagers = []*alertmanager.Client{silencingClient(t, "5f60eb6b", nil)}
		p.Timings.Tick, p.Timings.Reconcile, p.Timings.Watchdog = 5*time.Millisecond, time.Hour, 1000*time.Hour
	})
	d.fires(nil, map[string]string{"error": "disk full"})
	b := d.browser("adm1")
	code, text := b.post("/incidents/i1/silence", url.Values{"until": {tuesday.Add(time.Hour).Format("2006-01-02T15:04")}, "comment": {"a disk"}})
	must(t, code, text, "l&#39;a mis en silence", "fin : 11:20")
	code, text = b.post("/incidents/i1/escalate", url.Values{"reason": {"a disk is broken"}})
	must(t, code, text)
	page := func() string {
		_, text := b.get("/incidents/i1")
		return text
	}
	d.runs(func() bool {
		text := page()
		if strings.Contains(text, "étape message au gestionnaire du compte") {
			d.at(tuesday.Add(5 * time.Minute)) // it is held for a minute
		}
		return strings.Contains(text, "prévenu par écrit à l&#39;étape message au gestionnaire du compte")
	})
	for _, raw := range []string{"5f60eb6b", "jusqu&#39;au 2026", "à l&#39;étape still"} {
		if text := page(); strings.Contains(text, raw) {
			t.Errorf("%q is nothing for people: %s", raw, text[max(0, strings.Index(text, raw)-200):])
		}
	}
}

// What comes next is what will happen as things stand: nobody is promised the reminder
// of an incident that somebody has.
func TestNextIsWhatWillHappen(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	b := d.browser("sup")
	next := func() string {
		_, text := b.get("/today")
		_, text, _ = strings.Cut(text, `<div class="next">`)
		text, _, _ = strings.Cut(text, "</div>")
		return text
	}
	d.runs(func() bool { return strings.Contains(next(), "rappel") })
	d.acts("i1", "take", "adm1", nil)
	if got := next(); strings.Contains(got, "rappel") || !strings.Contains(got, "<b>") {
		t.Errorf("after: %s", got)
	}
}

// Who has an incident may give it back, alone; what was taken by mistake is undone where it was done.
func TestGivenBackOnThePage(t *testing.T) {
	d := newDesk(t, "synomega", "")
	d.fires(nil, nil)
	d.acts("i1", "take", "adm1", nil)
	const form = `action="/incidents/i1/release"`
	if _, text := d.browser("sup").get("/incidents/i1"); strings.Contains(text, form) {
		t.Error("another may give it back")
	}
	b := d.browser("adm1")
	code, text := b.get("/incidents/i1")
	must(t, code, text, form)
	code, text = b.post("/incidents/i1/release", nil)
	must(t, code, text, "Rendu : personne ne l&#39;a.", "ouvert, pas encore pris")
	if strings.Contains(text, form) {
		t.Error("it can be given back twice")
	}
}
