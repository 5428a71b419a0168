package receiver_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/receiver/web"
	"vigie/rules/model"
)

// covers: S2.17; the emergency entry takes whoever calls, at level 3, and a flood
// of calls tells nobody more often than every five minutes.
func TestEmergencyEntry(t *testing.T) {
	r := newRig(t, 0)
	person := func(token string) (string, bool) { return "adm1", token == adm1Token }
	entry := httptest.NewServer(web.NewEmergency(web.Options{Engine: r.engine, Now: r.now, Person: person, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}))
	defer entry.Close()
	call := func(want int, form url.Values) string {
		t.Helper()
		resp, err := entry.Client().PostForm(entry.URL+"/secours", form)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want {
			t.Fatalf("answered %d, want %d:\n%s", resp.StatusCode, want, text)
		}
		return string(text)
	}
	for _, path := range []string{"/secours", "/secours"} {
		if resp, err := entry.Client().Get(entry.URL + path); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", resp, err)
		}
	}
	for _, path := range []string{"/", "/metrics", "/api/v1/incidents", "/a/x"} {
		if resp, err := entry.Client().Get(entry.URL + path); err != nil || resp.StatusCode != http.StatusNotFound {
			t.Fatalf("%s on the emergency entry: %v %v", path, resp, err)
		}
	}
	if n := len(r.incidents("")); n != 0 {
		t.Fatalf("%d incidents of looking", n)
	}
	call(http.StatusUnprocessableEntity, url.Values{"platform": {"lms-A"}, "text": {" "}})
	call(http.StatusBadRequest, url.Values{"text": {strings.Repeat("x", 20<<10)}})

	text := call(http.StatusOK, url.Values{"platform": {"lms-A"}, "text": {"nothing answers"}, "who": {"Ada, 06 00 00 00 00"}, "code": {"wrong"}})
	inc := r.the("platform=lms-A")
	if !strings.Contains(text, fmt.Sprintf("#%d", inc.Number)) || inc.Level != 3 || !inc.Flags[model.FlagUnknownReporter] || inc.Reporter != "unknown" ||
		!strings.Contains(inc.Wording, "Ada") {
		t.Fatalf("%s\n%+v", text, inc)
	}
	for n := range 100 {
		call(http.StatusOK, url.Values{"platform": {"LMS-a"}, "text": {fmt.Sprint("still nothing ", n)}})
	}
	r.pass(70 * time.Second)
	mails := len(r.mails())
	if got := r.the("platform=lms-A"); len(got.Reports) != 1 || mails > 2 {
		t.Errorf("%d reports and %d mails of 101 calls", len(got.Reports), mails)
	}
	call(http.StatusOK, url.Values{"platform": {"nonsense"}, "text": {"x"}})
	call(http.StatusOK, url.Values{"platform": {"more nonsense"}, "text": {"y"}})
	if n := len(r.incidents("platform=unknown")); n != 1 {
		t.Errorf("%d incidents of platforms that nobody knows", n)
	}
	call(http.StatusOK, url.Values{"platform": {"lms-A"}, "text": {"it is me"}, "code": {adm1Token}})
	if got := r.the("platform=lms-A"); got.Reports[len(got.Reports)-1].By != "adm1" {
		t.Errorf("the code is not recognised: %+v", got.Reports)
	}
	r.set(r.now().Add(6 * time.Minute))
	call(http.StatusOK, url.Values{"platform": {"lms-A"}, "text": {"nothing yet"}})
	if got := r.the("platform=lms-A"); len(got.Reports) != 3 {
		t.Errorf("%d reports", len(got.Reports))
	}
	refused := 0
	for range 400 {
		resp, err := entry.Client().PostForm(entry.URL+"/secours", url.Values{"platform": {"lms-A"}, "text": {"flood"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable {
			refused++
		}
	}
	if refused < 50 {
		t.Errorf("%d of 400 calls in a minute were put off", refused)
	}
}
