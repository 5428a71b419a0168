package receiver_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"vigie/docs/runbooks"
)

// Each alert's runbook opens for whoever is on duty, without a token, in the
// reader's language.
func TestRunbooksAreServed(t *testing.T) {
	r := newRig(t, 0)
	get := func(path, language string) (int, http.Header, string) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.site.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Accept-Language", language)
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, a.Header, string(text)
	}
	for _, name := range runbooks.Alerts() {
		for _, l := range runbooks.Languages() {
			code, h, text := get("/runbooks/"+name+"?lang="+l, "de")
			if code != http.StatusOK || h.Get("Content-Language") != l || !strings.Contains(text, "<h1>"+name) || h.Get("Content-Security-Policy") == "" {
				t.Errorf("%s in %s: %d %s", name, l, code, text)
			}
		}
	}
	for _, c := range []struct {
		path, language string
		code           int
		want           string
	}{
		{"/runbooks/BackupFailed", "en-GB,en;q=0.9,fr;q=0.8", 200, "A backup failed"},
		{"/runbooks/BackupFailed", "de, fr-CA", 200, "Une sauvegarde a échoué"},
		{"/runbooks/BackupFailed", "", 200, "amtool silence add --duration=2h"},
		{"/runbooks/BackupFailed?lang=en", "fr", 200, "Veeam Backup &amp; Replication"},
		{"/runbooks/", "en", 200, `<a href="VigieDown?lang=en">VigieDown</a>`},
		{"/runbooks/Nothing", "en", 404, "No runbook has this name."},
		{"/runbooks/%3Cscript%3E", "en", 404, "No runbook has this name."},
		{"/runbooks/products", "en", 404, "No runbook has this name."},
	} {
		if code, _, text := get(c.path, c.language); code != c.code || !strings.Contains(text, c.want) || strings.Contains(text, "<script>") {
			t.Errorf("%s in %s: %d\n%s", c.path, c.language, code, text)
		}
	}
}
