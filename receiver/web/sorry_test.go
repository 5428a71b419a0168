package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vigie/receiver/message/languages"
	"vigie/receiver/message/locale"
)

// covers: what cannot be said on a page any more is said in the reader's language, too.
func TestEvenPlainTextSpeaksTheReadersLanguage(t *testing.T) {
	all, err := locale.Load(languages.Folders())
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, code := range []string{"fr", "en"} {
		w := httptest.NewRecorder()
		sorry(w, all.Find(code), http.StatusServiceUnavailable)
		said[code] = strings.TrimSpace(w.Body.String())
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Language") != code || said[code] == "" {
			t.Errorf("%s: %d %v %q", code, w.Code, w.Header(), said[code])
		}
	}
	if said["fr"] == said["en"] {
		t.Errorf("both say %q", said["fr"])
	}
}
