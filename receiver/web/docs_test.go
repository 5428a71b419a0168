package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// The documentation is shown to everybody, and nothing outside of it.
func TestDocs(t *testing.T) {
	d := newDesk(t, "synomega", "")
	b := d.browser("")
	if code, text := b.get("/docs/"); code != http.StatusOK || !strings.Contains(text, `href="/docs/install"`) {
		t.Errorf("the list: %d %s", code, text)
	}
	if code, text := b.get("/docs/reference/vigie"); code != http.StatusOK || !strings.Contains(text, "<table>") || !strings.Contains(text, "mail.relay.port") {
		t.Errorf("a page of the reference: %d", code)
	}
	if _, text := b.get("/docs/days/fr/supervisor"); !strings.Contains(text, `lang="fr"`) {
		t.Error("a French page is not called French")
	}
	if code, text := b.get("/docs/pictures/incident.png"); code != http.StatusOK || !strings.HasPrefix(text, "\x89PNG") {
		t.Errorf("a picture: %d", code)
	}
	if _, text := b.get("/docs/days/supervisor"); !strings.Contains(text, `<img src="/docs/pictures/today-en.png"`) {
		t.Error("the supervisor's page shows no picture")
	}
	for _, path := range []string{"/docs/pictures/nothing.png", "/docs/nothing", "/docs/howto", "/docs/reference/vigie.yml"} {
		if code, _ := b.get(path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
}
