package receiver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/rules/model"
)

// covers: T8; a mail about several machines has one link to a page on which
// several are ticked and acted on at once, each as its own link would.
func TestSeveralRowsByOneLink(t *testing.T) {
	r := newRig(t, 1, withLinks)
	var all []alert
	for _, m := range []string{"SRV-AD", "SRV-SQL", "SRV-FIC"} {
		all = append(all, backup("dupont", m, "primary"))
	}
	r.peers[0].change(func() { r.peers[0].alerts = append(r.peers[0].alerts, all...) })
	r.fires(all...)
	r.pass(70 * time.Second)
	if n := len(r.mails("opened")); n != 1 {
		t.Fatalf("%d mails, want one about all", n)
	}
	links := r.links("opened")
	var several string
	for purpose, path := range links {
		if strings.HasPrefix(purpose, "several:") {
			several = path
		}
	}
	if several == "" {
		t.Fatalf("no link for several rows: %v", links)
	}
	text, _ := r.open(http.StatusOK, several, nil)
	for _, want := range []string{"SRV-AD", "SRV-SQL", "SRV-FIC", `name="row" value="i1"`, `name="do" value="take"`, `name="do" value="escalate"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	owners := func() (out []string) {
		for _, i := range r.incidents("") {
			out = append(out, i.Assignee)
		}
		return out
	}
	// Without a row, without an act, and with an act that the mail does not offer.
	r.open(http.StatusUnprocessableEntity, several, url.Values{"do": {"take"}})
	r.open(http.StatusUnprocessableEntity, several, url.Values{"row": {"i1"}})
	r.open(http.StatusUnprocessableEntity, several, url.Values{"row": {"i1"}, "do": {"close"}, "reason": {"duplicate"}, "confirmed": {"yes"}})
	r.open(http.StatusUnprocessableEntity, several, url.Values{"row": {"i77"}, "do": {"take"}}) // another mail's
	r.open(http.StatusUnprocessableEntity, several, url.Values{"row": {"i1"}, "do": {"take"}, "who": {"adm2"}})
	if got := strings.Join(owners(), ""); got != "" {
		t.Fatalf("something was taken: %s", got)
	}

	text, _ = r.open(http.StatusOK, several, url.Values{"row": {"i1", "i2"}, "do": {"take"}})
	if r.the("machine=SRV-AD").Assignee != "sup" || r.the("machine=SRV-SQL").Assignee != "sup" || r.the("machine=SRV-FIC").Assignee != "" {
		t.Errorf("taken by %v:\n%s", owners(), text)
	}
	// What was done is said, and what was not with its reason, row by row.
	text, _ = r.open(http.StatusOK, several, url.Values{"all": {"yes"}, "do": {"take"}})
	if !strings.Contains(text, "Done for 1 row.") || !strings.Contains(text, "2 rows were not changed.") {
		t.Errorf("two of three were taken already:\n%s", text)
	}

	// An act that needs words asks for them once, and keeps what was ticked.
	text, _ = r.open(http.StatusOK, several, url.Values{"row": {"i2", "i3"}, "do": {"escalate"}})
	if !strings.Contains(text, `name="reason"`) || strings.Contains(text, `value="i1"`) || strings.Count(text, `type="hidden" name="row"`) != 2 {
		t.Fatalf("the reason is not asked for:\n%s", text)
	}
	chosen := url.Values{"row": {"i2", "i3"}, "do": {"escalate"}, "confirmed": {"yes"}}
	text, _ = r.open(http.StatusUnprocessableEntity, several, chosen)
	if strings.Count(text, `type="hidden" name="row"`) != 2 {
		t.Errorf("what was ticked is lost:\n%s", text)
	}
	chosen.Set("reason", "the store is full")
	r.open(http.StatusOK, several, chosen)
	r.pass(70 * time.Second)
	for machine, want := range map[string]bool{"SRV-AD": false, "SRV-SQL": true, "SRV-FIC": true} {
		if told := r.the("machine=" + machine).Flags[model.FlagAccountManagerTold]; told != want {
			t.Errorf("%s escalated: %t", machine, told)
		}
	}
	// The row's own link and the page's are one: each thing is done once.
	r.open(http.StatusGone, links["take"], url.Values{})
	r.set(r.now().Add(15 * 24 * time.Hour))
	r.open(http.StatusGone, several, nil)
	r.open(http.StatusGone, several, url.Values{"all": {"yes"}, "do": {"silence"}})
	r.open(http.StatusForbidden, several[:len(several)-2]+"AA", nil)
}

// A row whose incident is over is shown with the reason and cannot be ticked; all rows are
// the others, and without any of them nothing is asked.
func TestRowsThatAreOver(t *testing.T) {
	r := newRig(t, 1, withLinks)
	all := []alert{backup("dupont", "SRV-AD", "primary"), backup("dupont", "SRV-SQL", "primary")}
	r.peers[0].change(func() { r.peers[0].alerts = append(r.peers[0].alerts, all...) })
	r.fires(all...)
	r.pass(70 * time.Second)
	var several string
	for purpose, path := range r.links("opened") {
		if strings.HasPrefix(purpose, "several:") {
			several = path
		}
	}
	r.act(http.StatusOK, adm1Token, "1", "close", map[string]string{"reason": "duplicate"})
	text, _ := r.open(http.StatusOK, several, nil)
	if strings.Contains(text, `value="i1"`) || !strings.Contains(text, `value="i2"`) || !strings.Contains(text, "This incident is closed since") {
		t.Errorf("a row that is over is offered, or nothing says why not:\n%s", text)
	}
	text, _ = r.open(http.StatusOK, several, url.Values{"all": {"yes"}, "do": {"take"}})
	if !strings.Contains(text, "Done for 1 row.") || strings.Contains(text, "not changed") {
		t.Errorf("all rows are those that are open:\n%s", text)
	}
	text, _ = r.open(http.StatusConflict, several, url.Values{"row": {"i1"}, "do": {"take"}}) // ticked before it ended
	if !strings.Contains(text, "reopen it first") {
		t.Errorf("a row that ended meanwhile:\n%s", text)
	}
	r.act(http.StatusOK, adm1Token, "2", "close", map[string]string{"reason": "duplicate"})
	for _, form := range []url.Values{nil, {"all": {"yes"}, "do": {"take"}}} {
		text, _ = r.open(http.StatusConflict, several, form)
		if strings.Contains(text, "<form") || !strings.Contains(text, "Nothing can be done here any more") || !strings.Contains(text, "SRV-SQL") {
			t.Errorf("all rows are over:\n%s", text)
		}
	}
}
