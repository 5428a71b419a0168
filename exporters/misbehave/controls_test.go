package misbehave

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestControl(t *testing.T) {
	var d Controls
	server := httptest.NewServer(d.Control())
	defer server.Close()
	ask := func(method, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, server.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	if status, _ := ask("POST", `{"endpoint":"jobs","fault":"too_many_requests","skip":1,"times":2,"retry_after":"3s"}`); status != 200 {
		t.Fatalf("status %d", status)
	}
	if o, _ := d.Take("tasks"); o.Fault != None {
		t.Error("an order for another endpoint was taken")
	}
	if o, _ := d.Take("jobs"); o.Fault != None {
		t.Error("the first request goes well")
	}
	for range 2 {
		if o, _ := d.Take("jobs"); o.Fault != TooManyRequests || o.RetryAfter != 3*time.Second {
			t.Errorf("%+v", o)
		}
	}
	if o, _ := d.Take("jobs"); o.Fault != None {
		t.Error("the order is used up")
	}
	if _, body := ask("POST", `{"down":true}`); !strings.Contains(body, `"down":true`) || !strings.Contains(body, `"jobs":4`) {
		t.Error(body)
	}
	if _, down := d.Take("jobs"); !down {
		t.Error("not switched off")
	}
	for _, bad := range []string{``, `{}`, `{"fault":"sulk"}`, `{"fault":"html","deley":"1s"}`, `{"fault":"slow_body","delay":"soon"}`} {
		if status, _ := ask("POST", bad); status != 400 {
			t.Errorf("%q: status %d", bad, status)
		}
	}
	if _, body := ask("DELETE", ""); !strings.Contains(body, `"orders":[]`) || !strings.Contains(body, `"down":false`) {
		t.Error(body)
	}
	if status, _ := ask("PUT", ""); status != 405 {
		t.Errorf("status %d", status)
	}
}

func TestEveryFaultHasAWord(t *testing.T) {
	for f := None; f <= SkewClock; f++ {
		if got, err := ParseFault(f.String()); err != nil || got != f {
			t.Errorf("%d: %q, %v", f, f, err)
		}
	}
	if len(words()) != int(SkewClock)+1 {
		t.Errorf("%d words for %d faults", len(words()), SkewClock+1)
	}
}

func TestWordsAndClock(t *testing.T) {
	answer := func(o Order) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		w.Header().Set("Date", "Tue, 10 Mar 2026 08:00:00 GMT")
		Write(w, httptest.NewRequest("GET", "/", nil), o, 200, []byte(`{"items":[{"status":"idle","name":"idle","result":{"code":"Ok"},"id":944455285181775872}]}`))
		return w
	}
	if got := answer(Order{Fault: WrongCase}).Body.String(); got != `{"items":[{"id":944455285181775872,"name":"idle","result":{"code":"oK"},"status":"IDLE"}]}` {
		t.Error(got)
	}
	if got := answer(Order{Fault: SkewClock, Delay: -time.Hour}).Header().Get("Date"); got != "Tue, 10 Mar 2026 07:00:00 GMT" {
		t.Error(got)
	}
}
