package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vigie/rules/model"
)

// Where the inventory has machines and no platform, a machine is what a user's
// request is about; what is missing or wrong is said at its field, and what was
// typed stays.
func TestReportAboutAMachine(t *testing.T) {
	d := newDesk(t, "synomega", "")
	b := d.browser("sup")
	code, text := b.get("/signals")
	must(t, code, text, `id="machine"`, `value="dupont/SRV-AD"`, `<input type="hidden" name="kind" value="user_assistance/">`)
	if strings.Contains(text, `id="platform"`) || strings.Contains(text, "par téléphone") || strings.Contains(text, `id="kind"`) {
		t.Error("it asks for a platform where there is none, or how it came where there is one way")
	}
	sent := url.Values{"kind": {"user_assistance/"}, "machine": {"dupont/SRV-NONE"}, "by": {"lea"}, "text": {"a folder is <gone>"}, "received": {"yesterday"}, "report": {"r1"}}
	code, text = b.post("/signals", sent)
	for _, want := range []string{`value="dupont/SRV-NONE"`, "L&#39;inventaire ne connaît pas cette machine", ">a folder is &lt;gone&gt;</textarea>", `value="yesterday"`, "pas une date"} {
		if code != http.StatusUnprocessableEntity || !strings.Contains(text, want) {
			t.Errorf("answered %d, without %q:\n%s", code, want, text)
		}
	}
	sent.Set("machine", "dupont/srv-ad")
	sent.Del("received")
	code, text = b.post("/signals", sent)
	must(t, code, text, "SRV-AD", "a folder is &lt;gone&gt;", "Enregistré sous le numéro 1")
	inc, err := d.engine.Incident(t.Context(), "1")
	if err != nil || inc.Identity[model.LabelMachine] != "SRV-AD" || inc.Identity[model.LabelCustomer] != "dupont" {
		t.Errorf("%v, %v", inc.Identity, err)
	}
	// A customer's user reports her own machine, and no other.
	lea := d.browser("lea")
	code, text = lea.get("/signals")
	must(t, code, text, `value="dupont/PC-LEA"`)
	if strings.Contains(text, "SRV-AD") {
		t.Errorf("she is offered what is not hers:\n%s", text)
	}
	sent = url.Values{"kind": {"user_assistance/"}, "machine": {"dupont/SRV-AD"}, "text": {"x"}, "report": {"r2"}}
	if code, text := lea.post("/signals", sent); code != http.StatusUnprocessableEntity || !strings.Contains(text, "L&#39;inventaire ne connaît pas cette machine") {
		t.Errorf("what is not hers is answered %d", code)
	}
	sent.Set("machine", "dupont/PC-LEA")
	code, text = lea.post("/signals", sent)
	must(t, code, text, "PC-LEA")
}

// A machine whose last day is named can be reported until that day.
func TestReportUntilTheLastDay(t *testing.T) {
	d := newDesk(t, "synomega", "machines:\n  - {customer: dupont, name: SRV-OLD, class: server, decommissioned: 2026-03-09}\n  - {customer: dupont, name: SRV-LEAVING, class: server, decommissioned: 2026-03-31}\n")
	code, text := d.browser("sup").get("/signals")
	must(t, code, text, `value="dupont/SRV-LEAVING"`)
	if strings.Contains(text, "SRV-OLD") {
		t.Error("a machine that has left is offered")
	}
}
