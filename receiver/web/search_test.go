package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vigie/rules/model"
)

// An incident is found by its number as mails write it and by the names that people
// know, and what is over is still found.
func TestSearchByWhatPeopleKnow(t *testing.T) {
	d := newDesk(t, "activeprolearn", "")
	for _, platform := range []string{"lms-A", "lms-B"} {
		d.probe(model.Labels{"alertname": "MoodleTasksFailed", "signal": "functional_probe", "platform": platform})
	}
	d.probe(model.Labels{"alertname": "HostDown", "signal": "infra_probe", "platform": "lms-C", "site": "host-1"})
	d.acts("i1", "take", "op", nil)
	op, exploit := d.browser("op"), d.browser("exploit")
	finds := func(b *browser, path string, want ...string) {
		t.Helper()
		_, text := b.get(path)
		for _, id := range []string{"i1", "i2", "i3"} {
			if got := strings.Contains(text, `id="row-`+id+`"`); got != strings.Contains(strings.Join(want, " "), id) {
				t.Errorf("%s: %s found is %t", path, id, got)
			}
		}
	}
	for text, want := range map[string]string{"#2": "i2", "INC-2": "i2", "[inc-2]": "i2", "2": "i2", "#22": "", "Campus": "i2", "petit": "i1", "College C": "i3", "tasks": "i1 i2"} {
		finds(op, "/today?q="+url.QueryEscape(text), want)
	}
	d.acts("i1", "resolve", "op", model.Labels{"cause": "int.volume", "note": "more space", "data_loss": "none"})
	d.acts("i2", "resolve", "op", model.Labels{"cause": "int.volume", "note": "more space", "data_loss": "none"})
	_, text := op.get("/today?q=INC-1")
	must(t, http.StatusOK, text, `href="/today?q=INC-1&amp;show=ended"`)
	finds(op, "/today?q=INC-1&show=ended", "i1")
	finds(op, "/today?show=ended", "i1", "i2")
	finds(exploit, "/today?show=ended", "i1")
	_, text = op.get("/today?show=ended")
	for _, odd := range []string{"rien de prévu", "sans échéance", `name="take"`, "personne ne l"} {
		if strings.Contains(text, odd) {
			t.Errorf("of what is over it says %q", odd)
		}
	}
	_, text = exploit.get("/signals")
	must(t, http.StatusOK, text, `<option value="lms-A" selected>`)
	if strings.Contains(text, `href="/machines"`) || strings.Contains(text, "Vos sauvegardes") {
		t.Error("whose is a platform is shown machines and backups")
	}
}
